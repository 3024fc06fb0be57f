//! SORT and SORT_RO.

mod lookup;
mod options;
mod order;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use crate::args::Args;
use crate::context::Ctx;
use crate::db::Db;
use crate::events::Event;
use crate::types::list::{End, List};
use crate::types::zset::Zset;
use crate::types::{Kind, Limits, Value, ValueRef};
use crate::words::error::{CommandError, CommandResult, WRONG_TYPE};
use lookup::{Found, Lookup};
use options::Options;
use order::{Bytes, Item, Order, weight};

const NOT_A_WEIGHT: CommandError = CommandError::new("ERR One or more scores can't be converted into double");

/// SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA] [STORE destination]
pub fn sort(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, false)
}

/// SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA]
pub fn sort_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, true)
}

fn run(ctx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> CommandResult {
    let options = Options::parse(args, read_only)?;
    let key = args.get(1);
    let outcome = sort_key(ctx, key, options);
    // As in Redis, a compact sorted set stays a full one from its first SORT on; one that lacks values has not been yet.
    if !matches!(outcome, Err(CommandError::NotResident)) && ctx.db.kind(key) == Some(Kind::Zset) {
        ctx.db.edit_zset(key, Zset::unpack)?;
    }
    outcome
}

fn sort_key(ctx: &mut Ctx<'_>, key: &[u8], mut options: Options<'_>) -> CommandResult {
    let mut items = elements(&mut ctx.db, key, &mut options)?;
    let wanted = options.limit(items.len());
    if !options.keep_order {
        weigh(&mut ctx.db, &mut items, &options)?;
        let order = order(&options);
        order.sort(&mut items, wanted.clone(), options.by.is_some());
    }
    let items = items.get(wanted).unwrap_or_default();
    match options.store {
        None => reply(ctx, items, &options),
        Some(key) => store(ctx, key, items, &options),
    }
}

fn order(options: &Options<'_>) -> Order {
    let bytes = match (options.alpha, options.by) {
        (false, _) => Bytes::Numbers,
        (true, None) => Bytes::Elements,
        (true, Some(_)) => Bytes::Weights,
    };
    Order { descending: options.descending, bytes, whole: options.store.is_some() }
}

/// The elements to sort, in their own order. Decides what becomes of a set that is not to be sorted.
fn elements(db: &mut Db<'_>, key: &[u8], options: &mut Options<'_>) -> Result<Vec<Item>, CommandError> {
    let backwards = options.keep_order && options.descending;
    Ok(match db.value(key)? {
        None => Vec::new(),
        Some(ValueRef::List(list)) => {
            let mut items: Vec<_> = list.iter().map(|element| Item::new(element.to_vec())).collect();
            if backwards {
                items.reverse();
            }
            items
        }
        Some(ValueRef::Zset(zset)) => {
            zset.entries(0..zset.len(), backwards).map(|(member, _)| Item::new(member.to_vec())).collect()
        }
        Some(ValueRef::Set(set)) => {
            if options.keep_order && options.store.is_some() {
                // A set has no order of its own: what is stored must not depend on where it is computed.
                options.sort_by_bytes();
            }
            set.iter().map(|member| Item::new(member.to_vec())).collect()
        }
        Some(_) => return Err(WRONG_TYPE),
    })
}

/// Gives every element what it is compared by.
fn weigh(db: &mut Db<'_>, items: &mut [Item], options: &Options<'_>) -> CommandResult {
    let mut lookup = Lookup::new();
    let mut valid = true;
    for item in items {
        let by = match options.by {
            None => Found::Itself,
            Some(pattern) => lookup.find(db, pattern, &item.name),
        };
        match (by, options.alpha) {
            (Found::Nothing, _) | (Found::Itself, true) => {}
            (Found::Itself, false) => valid &= item.set_score(weight(&item.name)),
            (Found::Value(value), true) => item.by = Some(value),
            (Found::Value(value), false) => valid &= item.set_score(weight(&value)),
        }
    }
    lookup.finish()?;
    if valid { Ok(()) } else { Err(NOT_A_WEIGHT) }
}

fn reply(ctx: &mut Ctx<'_>, items: &[Item], options: &Options<'_>) -> CommandResult {
    ctx.reply.array(items.len() * options.get.len().max(1));
    let mut lookup = Lookup::new();
    for item in items {
        if options.get.is_empty() {
            ctx.reply.bulk(&item.name);
        }
        for pattern in &options.get {
            match lookup.get(&mut ctx.db, pattern, &item.name) {
                Found::Nothing => ctx.reply.null(),
                Found::Itself => ctx.reply.bulk(&item.name),
                Found::Value(value) => ctx.reply.bulk(&value),
            }
        }
    }
    lookup.finish()
}

fn store(ctx: &mut Ctx<'_>, key: &[u8], items: &[Item], options: &Options<'_>) -> CommandResult {
    let limits: Limits = *ctx.db.limits();
    let mut list = List::new();
    let mut lookup = Lookup::new();
    for item in items {
        if options.get.is_empty() {
            list.push(&item.name, End::Tail, &limits);
        }
        for pattern in &options.get {
            match lookup.get(&mut ctx.db, pattern, &item.name) {
                Found::Nothing => list.push(b"", End::Tail, &limits),
                Found::Itself => list.push(&item.name, End::Tail, &limits),
                Found::Value(value) => list.push(&value, End::Tail, &limits),
            }
        }
    }
    lookup.finish()?;
    let len = list.len();
    if len > 0 {
        ctx.db.set(key, Value::List(list));
        ctx.db.changed(key, Event::LIST, "sortstore", len as u64);
    } else if ctx.db.remove(key) {
        ctx.db.changed(key, Event::GENERIC, "del", 1);
    }
    ctx.reply.len(len);
    Ok(())
}

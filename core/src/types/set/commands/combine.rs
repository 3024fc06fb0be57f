//! Unions, intersections and differences of sets.

use crate::args::Args;
use crate::context::Ctx;
use crate::db::Db;
use crate::events::Event;
use crate::types::set::{Set, SetRef};
use crate::types::{Value, ValueRef};
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use alloc::vec::Vec;

const NUMKEYS: CommandError = CommandError::new("ERR numkeys should be greater than 0");
const TOO_MANY_KEYS: CommandError =
    CommandError::new("ERR Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT: CommandError = CommandError::new("ERR LIMIT can't be negative");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// Does what a read does for every key, and makes sure that each holds a set in memory.
fn read_all<'a>(db: &mut Db<'_>, keys: impl Iterator<Item = &'a [u8]>) -> CommandResult {
    for key in keys {
        db.set_of(key)?;
    }
    Ok(())
}

/// The sets under the keys, after [`read_all`].
fn sets<'d, 'a>(db: &'d Db<'_>, keys: impl Iterator<Item = &'a [u8]>) -> Vec<Option<SetRef<'d>>> {
    keys.map(|key| match db.peek(key) {
        Some(ValueRef::Set(set)) => Some(set),
        _ => None,
    })
    .collect()
}

/// The smallest set and all the others, if none is missing.
fn smallest_first(sets: Vec<Option<SetRef<'_>>>) -> Option<Vec<SetRef<'_>>> {
    let mut sets: Vec<SetRef<'_>> = sets.into_iter().collect::<Option<_>>()?;
    sets.sort_by_key(|set| set.len());
    Some(sets)
}

fn combine(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    first: usize,
    operation: Operation,
) -> Result<Set, CommandError> {
    read_all(&mut ctx.db, args.from(first))?;
    let limits = ctx.db.data.limits;
    let sets = sets(&ctx.db, args.from(first));
    let mut out = Set::new();
    let mut add = |member: &[u8]| {
        out.insert(member, &limits);
    };
    match operation {
        Operation::Union => {
            for set in sets.into_iter().flatten() {
                set.iter().for_each(|member| member.with_bytes(&mut add));
            }
        }
        Operation::Intersection => {
            if let Some(sets) = smallest_first(sets) {
                for member in sets[0].iter() {
                    member.with_bytes(|m| {
                        if sets[1..].iter().all(|set| set.contains(m)) {
                            add(m);
                        }
                    });
                }
            }
        }
        Operation::Difference => {
            for member in sets[0].into_iter().flat_map(SetRef::iter) {
                member.with_bytes(|m| {
                    if !sets[1..].iter().flatten().any(|set| set.contains(m)) {
                        add(m);
                    }
                });
            }
        }
    }
    Ok(out)
}

fn answer(ctx: &mut Ctx<'_>, args: Args<'_>, operation: Operation) -> CommandResult {
    let out = combine(ctx, args, 1, operation)?;
    ctx.reply.set(out.len());
    for member in out.as_ref().iter() {
        ctx.reply.element(member);
    }
    Ok(())
}

fn store(ctx: &mut Ctx<'_>, args: Args<'_>, operation: Operation, event: &'static str) -> CommandResult {
    let out = combine(ctx, args, 2, operation)?;
    let (key, len) = (args.get(1), out.len());
    if len > 0 {
        ctx.db.set(key, Value::Set(out));
        ctx.db.changed(key, Event::SET, event, 1);
    } else if ctx.db.remove(key) {
        ctx.db.changed(key, Event::GENERIC, "del", 1);
    }
    ctx.reply.len(len);
    Ok(())
}

/// SUNION key [key …]
pub fn sunion(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer(ctx, args, Operation::Union)
}

/// SINTER key [key …]
pub fn sinter(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer(ctx, args, Operation::Intersection)
}

/// SDIFF key [key …]
pub fn sdiff(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer(ctx, args, Operation::Difference)
}

/// SUNIONSTORE destination key [key …]
pub fn sunionstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Union, "sunionstore")
}

/// SINTERSTORE destination key [key …]
pub fn sinterstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Intersection, "sinterstore")
}

/// SDIFFSTORE destination key [key …]
pub fn sdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Difference, "sdiffstore")
}

/// SINTERCARD numkeys key [key …] [LIMIT limit]
pub fn sintercard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let count = args.int(1).ok().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).ok_or(NUMKEYS)?;
    if count > args.len() - 2 {
        return Err(TOO_MANY_KEYS);
    }
    let mut limit = usize::MAX;
    let mut i = 2 + count;
    while i < args.len() {
        if !args.is(i, "LIMIT") || i + 1 >= args.len() {
            return Err(SYNTAX);
        }
        let n = args.int(i + 1).ok().and_then(|n| usize::try_from(n).ok()).ok_or(NEGATIVE_LIMIT)?;
        limit = if n == 0 { usize::MAX } else { n };
        i += 2;
    }
    let keys = || args.from(2).take(count);
    read_all(&mut ctx.db, keys())?;
    let members = smallest_first(sets(&ctx.db, keys())).map_or(0, |sets| {
        let in_all = |m: &[u8]| sets[1..].iter().all(|set| set.contains(m));
        sets[0].iter().filter(|member| member.with_bytes(in_all)).take(limit).count()
    });
    ctx.reply.len(members);
    Ok(())
}

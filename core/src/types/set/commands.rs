//! The set commands.

mod combine;
mod random;
#[cfg(test)]
mod tests;

pub use combine::{sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore};
pub use random::{spop, srandmember};

use crate::args::Args;
use crate::commands::scan::{Found, ScanOptions, parse_cursor};
use crate::context::Ctx;
use crate::db::Db;
use crate::events::Event;
use crate::types::set::SetRef;
use crate::types::{Kind, ValueRef};
use crate::words::error::{CommandError, CommandResult, WRONG_TYPE};

/// SADD key member [member …]
pub fn sadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let edited = ctx.db.edit_or_create_set(key, |set, limits| {
        set.prepare(args.get(2), args.len() - 2, limits);
        args.from(2).filter(|member| set.insert(member, limits)).count()
    })?;
    if edited.out > 0 {
        ctx.db.changed(key, Event::SET, "sadd", edited.out as u64);
    }
    ctx.reply.len(edited.out);
    Ok(())
}

/// SREM key member [member …]
pub fn srem(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let edited = ctx.db.edit_set(key, |set, _| args.from(2).filter(|member| set.remove(member)).count())?;
    let removed = edited.map_or(0, |e| e.out);
    if removed > 0 {
        ctx.db.changed(key, Event::SET, "srem", removed as u64);
        if edited.is_some_and(|e| e.emptied) {
            ctx.db.event(Event::GENERIC, "del", key);
        }
    }
    ctx.reply.len(removed);
    Ok(())
}

/// SCARD key
pub fn scard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let len = ctx.db.length(args.get(1), Kind::Set)?.unwrap_or(0);
    ctx.reply.len(len);
    Ok(())
}

/// SISMEMBER key member
pub fn sismember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let there = ctx.db.set_of(args.get(1))?.is_some_and(|set| set.contains(args.get(2)));
    ctx.reply.int(i64::from(there));
    Ok(())
}

/// SMISMEMBER key member [member …]
pub fn smismember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let set = ctx.db.set_of(args.get(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.from(2) {
        ctx.reply.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

/// SMEMBERS key
pub fn smembers(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let Some(set) = ctx.db.set_of(args.get(1))? else {
        ctx.reply.set(0);
        return Ok(());
    };
    ctx.reply.set(set.len());
    set.for_each(|member| ctx.reply.element(member));
    Ok(())
}

/// The set under a key that a command is going to change: neither a hit nor a miss.
fn set_to_change<'a>(db: &'a mut Db<'_>, key: &[u8]) -> Result<Option<SetRef<'a>>, CommandError> {
    if db.kind(key).is_some_and(|kind| kind != Kind::Set) {
        return Err(WRONG_TYPE);
    }
    Ok(match db.value_untouched(key)? {
        Some(ValueRef::Set(set)) => Some(set),
        _ => None,
    })
}

/// SMOVE source destination member
pub fn smove(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (from, to, member) = (args.get(1), args.get(2), args.get(3));
    let Some(there) = set_to_change(&mut ctx.db, from)?.map(|set| set.contains(member)) else {
        ctx.reply.int(0);
        return Ok(());
    };
    set_to_change(&mut ctx.db, to)?;
    if from != to && there {
        let removed = ctx.db.edit_set(from, |set, _| set.remove(member))?;
        ctx.db.changed(from, Event::SET, "srem", 1);
        if removed.is_some_and(|e| e.emptied) {
            ctx.db.event(Event::GENERIC, "del", from);
        }
        let added = ctx.db.edit_or_create_set(to, |set, limits| {
            set.prepare(member, 1, limits);
            set.insert(member, limits)
        })?;
        if added.out {
            ctx.db.changed(to, Event::SET, "sadd", 1);
        }
    }
    ctx.reply.int(i64::from(there));
    Ok(())
}

/// SSCAN key cursor [MATCH pattern] [COUNT count]
pub fn sscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let cursor = parse_cursor(args.get(2))?;
    let mut found = Found::new(ctx.reply.proto());
    // Redis reads the options only where there is something to scan.
    let next = match ctx.db.set_of(args.get(1))? {
        None => 0,
        Some(set) => {
            let options = ScanOptions::parse(args, 3)?;
            set.scan(cursor, options.count, |member| {
                if options.matches_element(member) {
                    found.element(member);
                }
            })
        }
    };
    found.send(&mut ctx.reply, next);
    Ok(())
}

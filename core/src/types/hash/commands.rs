//! The hash commands.

mod random;

pub use random::hrandfield;

use crate::args::Args;
use crate::commands::scan::{Found, ScanOptions, parse_cursor};
use crate::context::Ctx;
use crate::events::Event;
use crate::types::Kind;
use crate::types::listpack::Element;
use crate::words::error::{CommandError, CommandResult, NAN_OR_INFINITY, NOT_FLOAT, OVERFLOW};
use crate::words::number::{LongDouble, parse_long_double, with_i64, write_long_double};

const HSET_ARITY: CommandError = CommandError::new("ERR wrong number of arguments for 'hset' command");
const HMSET_ARITY: CommandError = CommandError::new("ERR wrong number of arguments for 'hmset' command");
const VALUE_NOT_INTEGER: CommandError = CommandError::new("ERR hash value is not an integer");
const VALUE_NOT_FLOAT: CommandError = CommandError::new("ERR hash value is not a float");
const INFINITE_INCREMENT: CommandError = CommandError::new("ERR value is NaN or Infinity");

/// Sets the pairs from word 2 on; how many fields are new.
fn set_pairs(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<usize, CommandError> {
    let key = args.get(1);
    let edited = ctx.db.edit_or_create_hash(key, |hash, limits| {
        let pairs = (2..args.len()).step_by(2);
        pairs.filter(|&i| hash.set(args.get(i), args.get(i + 1), limits)).count()
    })?;
    ctx.db.changed(key, Event::HASH, "hset", (args.len() as u64 - 2) / 2);
    Ok(edited.out)
}

/// HSET key field value [field value …]
pub fn hset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if !args.len().is_multiple_of(2) {
        return Err(HSET_ARITY);
    }
    let created = set_pairs(ctx, args)?;
    ctx.reply.len(created);
    Ok(())
}

/// HMSET key field value [field value …]
pub fn hmset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if !args.len().is_multiple_of(2) {
        return Err(HMSET_ARITY);
    }
    set_pairs(ctx, args)?;
    ctx.reply.ok();
    Ok(())
}

/// HSETNX key field value
pub fn hsetnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let insert =
        ctx.db.edit_or_create_hash(key, |hash, limits| hash.insert(args.get(2), args.get(3), limits))?;
    if insert.out {
        ctx.db.changed(key, Event::HASH, "hset", 1);
    }
    ctx.reply.int(i64::from(insert.out));
    Ok(())
}

/// HINCRBY key field increment
pub fn hincrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (key, field) = (args.get(1), args.get(2));
    let increment = args.int(3)?;
    let edited = ctx.db.edit_or_create_hash(key, |hash, limits| {
        let old = match hash.as_ref().get(field) {
            Some(value) => value.as_int().ok_or(VALUE_NOT_INTEGER)?,
            None => 0,
        };
        let new = old.checked_add(increment).ok_or(OVERFLOW)?;
        with_i64(new, |text| hash.set(field, text, limits));
        Ok(new)
    })?;
    let new = edited.out?;
    ctx.db.changed(key, Event::HASH, "hincrby", 1);
    ctx.reply.int(new);
    Ok(())
}

/// HINCRBYFLOAT key field increment
pub fn hincrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (key, field) = (args.get(1), args.get(2));
    let increment = parse_long_double(args.get(3)).ok_or(NOT_FLOAT)?;
    if matches!(increment, LongDouble::Infinite { .. }) {
        return Err(INFINITE_INCREMENT);
    }
    let edited = ctx.db.edit_or_create_hash(key, |hash, limits| {
        let old = match hash.as_ref().get(field) {
            Some(Element::Int(value)) => LongDouble::from_i64(value),
            Some(Element::Str(text)) => parse_long_double(text).ok_or(VALUE_NOT_FLOAT)?,
            None => LongDouble::from_i64(0),
        };
        let new = old.checked_add(increment).ok_or(NAN_OR_INFINITY)?;
        let mut text = alloc::vec::Vec::new();
        write_long_double(&mut text, new);
        hash.set(field, &text, limits);
        Ok(text)
    })?;
    let text = edited.out?;
    ctx.db.changed(key, Event::HASH, "hincrbyfloat", 1);
    // Adding again elsewhere might round differently.
    ctx.propagate_as(&[b"HSET", key, field, &text]);
    ctx.reply.bulk(&text);
    Ok(())
}

/// HDEL key field [field …]
pub fn hdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let edited = ctx.db.edit_hash(key, |hash, _| args.from(2).filter(|field| hash.remove(field)).count())?;
    let Some(edited) = edited else {
        ctx.reply.int(0);
        return Ok(());
    };
    if edited.out > 0 {
        ctx.db.changed(key, Event::HASH, "hdel", edited.out as u64);
        if edited.emptied {
            ctx.db.event(Event::GENERIC, "del", key);
        }
    }
    ctx.reply.len(edited.out);
    Ok(())
}

/// HGET key field
pub fn hget(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match ctx.db.hash(args.get(1))?.and_then(|hash| hash.get(args.get(2))) {
        Some(value) => ctx.reply.element(value),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// HMGET key field [field …]
pub fn hmget(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let hash = ctx.db.hash(args.get(1))?;
    ctx.reply.array(args.len() - 2);
    for field in args.from(2) {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => ctx.reply.element(value),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// HEXISTS key field
pub fn hexists(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let there = ctx.db.hash(args.get(1))?.is_some_and(|hash| hash.contains(args.get(2)));
    ctx.reply.int(i64::from(there));
    Ok(())
}

/// HLEN key
pub fn hlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let len = ctx.db.length(args.get(1), Kind::Hash)?.unwrap_or(0);
    ctx.reply.len(len);
    Ok(())
}

/// HSTRLEN key field
pub fn hstrlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let value = ctx.db.hash(args.get(1))?.and_then(|hash| hash.get(args.get(2)));
    ctx.reply.len(value.map_or(0, |value| value.len()));
    Ok(())
}

/// HGETALL key
pub fn hgetall(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let Some(hash) = ctx.db.hash(args.get(1))? else {
        ctx.reply.map(0);
        return Ok(());
    };
    ctx.reply.map(hash.len());
    hash.iter().for_each(|(field, value)| {
        ctx.reply.element(field);
        ctx.reply.element(value);
    });
    Ok(())
}

/// HKEYS key
pub fn hkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let Some(hash) = ctx.db.hash(args.get(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    ctx.reply.array(hash.len());
    hash.iter().for_each(|(field, _)| ctx.reply.element(field));
    Ok(())
}

/// HVALS key
pub fn hvals(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let Some(hash) = ctx.db.hash(args.get(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    ctx.reply.array(hash.len());
    hash.iter().for_each(|(_, value)| ctx.reply.element(value));
    Ok(())
}

/// HSCAN key cursor [MATCH pattern] [COUNT count]
pub fn hscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let cursor = parse_cursor(args.get(2))?;
    let mut found = Found::new(ctx.reply.proto());
    // Redis reads the options only where there is something to scan.
    let next = match ctx.db.hash(args.get(1))? {
        None => 0,
        Some(hash) => {
            let options = ScanOptions::parse(args, 3)?;
            hash.scan(cursor, options.count, |field, value| {
                if options.matches_element(field) {
                    found.element(field);
                    found.element(value);
                }
            })
        }
    };
    found.send(&mut ctx.reply, next);
    Ok(())
}

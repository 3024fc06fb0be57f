//! Counters.

use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::types::string::StrRef;
use crate::words::error::{CommandError, CommandResult, NAN_OR_INFINITY, NOT_FLOAT};
use crate::words::number::{LongDouble, parse_long_double, write_long_double};
use alloc::vec::Vec;

/// `INCR key`
pub fn incr(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args.get(1), 1)
}

/// `DECR key`
pub fn decr(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args.get(1), -1)
}

/// `INCRBY key increment`
pub fn incrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args.get(1), args.int(2)?)
}

/// `DECRBY key decrement`
pub fn decrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let by = args.int(2)?.checked_neg().ok_or(CommandError::new("ERR decrement would overflow"))?;
    add(ctx, args.get(1), by)
}

fn add(ctx: &mut Ctx<'_>, key: &[u8], by: i64) -> CommandResult {
    let after = ctx.db.add(key, by)?;
    ctx.db.changed(key, Event::STRING, "incrby", 1);
    ctx.reply.int(after);
    Ok(())
}

/// `INCRBYFLOAT key increment`
pub fn incrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let edited = ctx.db.edit_string(key, |value, _| {
        let text = add_float(Some(value.as_ref()), args.get(2))?;
        *value = StrRef::text(&text).to_owned();
        Ok(text)
    })?;
    let text = match edited {
        Some(edited) => edited.out?,
        None => {
            let text = add_float(None, args.get(2))?;
            ctx.db.set_string(key, StrRef::text(&text), true);
            text
        }
    };
    ctx.db.changed(key, Event::STRING, "incrbyfloat", 1);
    // Another machine's floating point must not decide what the journal means.
    ctx.propagate_as(&[b"SET", key, &text, b"KEEPTTL"]);
    ctx.reply.bulk(&text);
    Ok(())
}

fn add_float(value: Option<StrRef<'_>>, by: &[u8]) -> Result<Vec<u8>, CommandError> {
    let before = match value {
        None => LongDouble::from_i64(0),
        Some(StrRef::Int(value)) => LongDouble::from_i64(value),
        Some(StrRef::Embedded(text) | StrRef::Raw(text)) => parse_long_double(text).ok_or(NOT_FLOAT)?,
    };
    let by = parse_long_double(by).ok_or(NOT_FLOAT)?;
    let after = before.checked_add(by).ok_or(NAN_OR_INFINITY)?;
    let mut text = Vec::new();
    write_long_double(&mut text, after);
    Ok(text)
}

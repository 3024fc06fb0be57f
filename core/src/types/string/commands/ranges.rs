//! Strings in part: appending, and reading and writing a range.

use super::{check_len, clamp_range, max_len};
use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::types::Kind;
use crate::types::string::StrRef;
use crate::words::error::{CommandResult, OFFSET_OUT_OF_RANGE, WRONG_TYPE};

/// `APPEND key value`
pub fn append(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (key, tail) = (args.get(1), args.get(2));
    let max = max_len(ctx);
    let edited = ctx.db.edit_string(key, |value, _| {
        check_len(value.as_ref().len() as u64, tail.len(), max)?;
        let bytes = value.make_raw();
        bytes.extend_from_slice(tail);
        Ok(bytes.len())
    })?;
    let len = match edited {
        Some(edited) => edited.out?,
        None => {
            ctx.db.set_string(key, StrRef::from_bytes(tail), true);
            tail.len()
        }
    };
    ctx.db.changed(key, Event::STRING, "append", 1);
    ctx.reply.len(len);
    Ok(())
}

/// `GETRANGE key start end`, and `SUBSTR`, its old name
pub fn getrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (start, end) = (args.int(2)?, args.int(3)?);
    let Some(value) = ctx.db.string(args.get(1))? else {
        ctx.reply.bulk(b"");
        return Ok(());
    };
    // Both from the end and the wrong way round is empty even where clamping would bring them together.
    let crossed = start < 0 && end < 0 && start > end;
    let range = if crossed { None } else { clamp_range(start, end, value.len() as i64) };
    value.with_bytes(|bytes| {
        let part = range.and_then(|(start, end)| bytes.get(start as usize..=end as usize));
        ctx.reply.bulk(part.unwrap_or_default());
    });
    Ok(())
}

/// `SETRANGE key offset value`
pub fn setrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (key, patch) = (args.get(1), args.get(3));
    let offset = u64::try_from(args.int(2)?).map_err(|_| OFFSET_OUT_OF_RANGE)?;
    // Where addresses have 32 bits, what does not fit is too long in any case.
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    if patch.is_empty() {
        let len = ctx.db.edit_string(key, |value, _| value.as_ref().len())?.map_or(0, |edited| edited.out);
        ctx.reply.len(len);
        return Ok(());
    }
    if ctx.db.kind(key).is_some_and(|kind| kind != Kind::String) {
        return Err(WRONG_TYPE);
    }
    check_len(offset as u64, patch.len(), max_len(ctx))?;
    let edited = ctx.db.edit_or_create_string(key, |value, _| {
        value.grow(offset + patch.len());
        let bytes = value.make_raw();
        if let Some(place) = bytes.get_mut(offset..offset + patch.len()) {
            place.copy_from_slice(patch);
        }
        bytes.len()
    })?;
    ctx.db.changed(key, Event::STRING, "setrange", 1);
    ctx.reply.len(edited.out);
    Ok(())
}

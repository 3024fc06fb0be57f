//! LSET, LINSERT, LREM and LTRIM.

use super::super::End;
use super::range::bounds;
use super::{is_list, removed};
use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::words::error::{CommandResult, INDEX_OUT_OF_RANGE, NO_SUCH_KEY, SYNTAX};

/// LSET key index element
pub fn lset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    if !is_list(ctx, key)? {
        return Err(NO_SUCH_KEY);
    }
    let index = args.int(2)?;
    let edited = ctx.db.edit_list(key, |list, limits| list.set(index, args.get(3), limits))?;
    if !edited.is_some_and(|edited| edited.out) {
        return Err(INDEX_OUT_OF_RANGE);
    }
    ctx.reply.ok();
    ctx.db.changed(key, Event::LIST, "lset", 1);
    Ok(())
}

/// LINSERT key BEFORE | AFTER pivot element
pub fn linsert(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let after = match () {
        () if args.is(2, "AFTER") => true,
        () if args.is(2, "BEFORE") => false,
        () => return Err(SYNTAX),
    };
    let key = args.get(1);
    let edited = ctx.db.edit_list(key, |list, limits| {
        let inserted = list.insert(args.get(3), after, args.get(4), limits);
        inserted.then(|| list.len())
    })?;
    match edited.map(|edited| edited.out) {
        Some(Some(len)) => {
            ctx.db.changed(key, Event::LIST, "linsert", 1);
            ctx.reply.len(len);
        }
        Some(None) => ctx.reply.int(-1),
        None => ctx.reply.int(0),
    }
    Ok(())
}

/// LREM key count element
pub fn lrem(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let count = args.int(2)?;
    let from = if count < 0 { End::Tail } else { End::Head };
    // The smallest number has no positive twin, and Redis removes all then.
    let max = match count {
        0 | i64::MIN => usize::MAX,
        count => Args::magnitude(count),
    };
    let edited = ctx.db.edit_list(key, |list, _| list.remove_matching(args.get(3), from, max))?;
    let gone = edited.map_or(0, |edited| edited.out);
    if let Some(edited) = edited.filter(|edited| edited.out > 0) {
        removed(ctx, key, "lrem", edited.out, &edited);
    }
    ctx.reply.len(gone);
    Ok(())
}

/// LTRIM key start stop
pub fn ltrim(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let (start, stop) = (args.int(2)?, args.int(3)?);
    let edited = ctx.db.edit_list(key, |list, _| {
        let len = list.len();
        let (first, end) = bounds(start, stop, len);
        list.delete_range(end, len - end);
        list.delete_range(0, first);
        len - (end - first)
    })?;
    if let Some(edited) = edited {
        removed(ctx, key, "ltrim", edited.out, &edited);
    }
    ctx.reply.ok();
    Ok(())
}

//! The commands that wait for an element: BLPOP, BRPOP, BLMPOP, BLMOVE and BRPOPLPUSH.

use super::super::End;
use super::pop::Multi;
use super::transfer::transfer;
use super::{is_list, removed};
use crate::args::Args;
use crate::commands::timeout::parse_timeout;
use crate::context::Ctx;
use crate::session::NullKind;
use crate::words::error::{CommandError, CommandResult};

/// BLPOP key [key …] timeout
pub fn blpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    blocking_pop(ctx, args, End::Head)
}

/// BRPOP key [key …] timeout
pub fn brpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    blocking_pop(ctx, args, End::Tail)
}

fn blocking_pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> CommandResult {
    let deadline = parse_timeout(args.get(args.len() - 1), ctx.db.now)?;
    let keys = args.from(1).take(args.len() - 2);
    for key in keys.clone() {
        if ctx.considers(key) && is_list(ctx, key)? {
            return pop_with_key(ctx, key, end);
        }
    }
    if ctx.may_block() {
        ctx.block_on(keys, deadline, NullKind::Array);
    } else {
        ctx.reply.null_array();
    }
    Ok(())
}

fn pop_with_key(ctx: &mut Ctx<'_>, key: &[u8], end: End) -> CommandResult {
    let reply = &mut ctx.reply;
    let edited = ctx.db.edit_list(key, |list, _| {
        reply.array(2);
        reply.bulk(key);
        list.pop(end, |element| reply.element(element))
    })?;
    if let Some(edited) = edited {
        removed(ctx, key, end.pop_name(), 1, &edited);
        ctx.propagate_as(&[end.pop_command(), key]);
    }
    Ok(())
}

/// BLMPOP timeout numkeys key [key …] LEFT | RIGHT [COUNT count]
pub fn blmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let multi = Multi::parse(args, 2)?;
    let deadline = parse_timeout(args.get(1), ctx.db.now)?;
    if multi.pop(ctx, args)? {
        return Ok(());
    }
    if ctx.may_block() {
        ctx.block_on(args.from(multi.first).take(multi.keys), deadline, NullKind::Array);
    } else {
        ctx.reply.null_array();
    }
    Ok(())
}

/// BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout
pub fn blmove(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let from = End::parse(args, 3)?;
    let to = End::parse(args, 4)?;
    if blocking_transfer(ctx, args, from, to, 5)? {
        ctx.propagate_as(&[b"LMOVE", args.get(1), args.get(2), args.get(3), args.get(4)]);
    }
    Ok(())
}

/// BRPOPLPUSH source destination timeout
pub fn brpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if blocking_transfer(ctx, args, End::Tail, End::Head, 3)? {
        ctx.propagate_as(&[b"RPOPLPUSH", args.get(1), args.get(2)]);
    }
    Ok(())
}

/// Moves an element, or waits for one until the timeout at word `timeout`. Says whether one was moved.
fn blocking_transfer(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    from: End,
    to: End,
    timeout: usize,
) -> Result<bool, CommandError> {
    let deadline = parse_timeout(args.get(timeout), ctx.db.now)?;
    let source = args.get(1);
    if is_list(ctx, source)? {
        transfer(ctx, source, args.get(2), from, to)?;
        return Ok(true);
    }
    if ctx.may_block() {
        // A wait that ends without an element answers a null array, though an element would be a bulk string.
        ctx.block_on([source], deadline, NullKind::Array);
    } else {
        ctx.reply.null();
    }
    Ok(false)
}

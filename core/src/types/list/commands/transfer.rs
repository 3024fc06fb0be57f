//! LMOVE and RPOPLPUSH.

use super::super::End;
use super::{is_list, removed};
use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::types::ValueRef;
use crate::words::error::{CommandError, CommandResult};
use alloc::vec::Vec;

/// LMOVE source destination LEFT | RIGHT LEFT | RIGHT
pub fn lmove(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let from = End::parse(args, 3)?;
    let to = End::parse(args, 4)?;
    transfer_or_null(ctx, args, from, to)
}

/// RPOPLPUSH source destination
pub fn rpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    transfer_or_null(ctx, args, End::Tail, End::Head)
}

fn transfer_or_null(ctx: &mut Ctx<'_>, args: Args<'_>, from: End, to: End) -> CommandResult {
    if is_list(ctx, args.get(1))? {
        return transfer(ctx, args.get(1), args.get(2), from, to);
    }
    ctx.reply.null();
    Ok(())
}

/// Moves an element of a list that is there and answers it.
pub(super) fn transfer(ctx: &mut Ctx<'_>, source: &[u8], dest: &[u8], from: End, to: End) -> CommandResult {
    if source == dest {
        return rotate(ctx, source, from, to);
    }
    is_list(ctx, dest)?;
    let element = end_of(ctx, source, from)?;
    // This refuses when the destination is not in memory: the source must still be whole then.
    ctx.db.edit_or_create_list(dest, |list, limits| list.push(&element, to, limits))?;
    ctx.db.changed(dest, Event::LIST, to.push_name(), 0);
    if let Some(edited) = ctx.db.edit_list(source, |list, _| list.pop(from, |_| ()))? {
        removed(ctx, source, from.pop_name(), 1, &edited);
    }
    ctx.reply.bulk(&element);
    Ok(())
}

/// Moves an element within its list.
fn rotate(ctx: &mut Ctx<'_>, key: &[u8], from: End, to: End) -> CommandResult {
    let reply = &mut ctx.reply;
    ctx.db.edit_list(key, |list, limits| {
        if let Some(element) = list.pop(from, |element| element.to_vec()) {
            list.push(&element, to, limits);
            reply.bulk(&element);
        }
    })?;
    ctx.db.changed(key, Event::LIST, to.push_name(), 0);
    ctx.db.changed(key, Event::LIST, from.pop_name(), 1);
    Ok(())
}

/// The element at one end of a list that is there.
fn end_of(ctx: &mut Ctx<'_>, key: &[u8], end: End) -> Result<Vec<u8>, CommandError> {
    if let Some(ValueRef::List(list)) = ctx.db.peek(key) {
        return list.end(end).map(|element| element.to_vec()).ok_or(CommandError::NotResident);
    }
    // Not in memory: an edit asks for it.
    ctx.db.edit_list(key, |_, _| ())?;
    Err(CommandError::NotResident)
}

//! LPUSH, RPUSH and their forms that need a key.

use super::super::{End, List};
use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::types::Limits;
use crate::words::error::CommandResult;

/// LPUSH key element [element …]
pub fn lpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    push(ctx, args, End::Head)
}

/// RPUSH key element [element …]
pub fn rpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    push(ctx, args, End::Tail)
}

/// LPUSHX key element [element …]
pub fn lpushx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    push_existing(ctx, args, End::Head)
}

/// RPUSHX key element [element …]
pub fn rpushx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    push_existing(ctx, args, End::Tail)
}

fn push(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> CommandResult {
    let edited = ctx.db.edit_or_create_list(args.get(1), |list, limits| add(list, limits, args, end))?;
    pushed(ctx, args, end, edited.out);
    Ok(())
}

fn push_existing(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> CommandResult {
    match ctx.db.edit_list(args.get(1), |list, limits| add(list, limits, args, end))? {
        Some(edited) => pushed(ctx, args, end, edited.out),
        None => ctx.reply.int(0),
    }
    Ok(())
}

/// Pushes the elements; the list's new length.
fn add(list: &mut List, limits: &Limits, args: Args<'_>, end: End) -> usize {
    args.from(2).for_each(|element| list.push(element, end, limits));
    list.len()
}

fn pushed(ctx: &mut Ctx<'_>, args: Args<'_>, end: End, len: usize) {
    ctx.db.changed(args.get(1), Event::LIST, end.push_name(), args.len() as u64 - 2);
    ctx.reply.len(len);
}

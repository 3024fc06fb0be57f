//! LPOP, RPOP and LMPOP.

use super::super::End;
use super::{count, is_list, removed, take};
use crate::args::Args;
use crate::context::Ctx;
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::number::with_i64;

const NO_KEYS: CommandError = CommandError::new("ERR numkeys should be greater than 0");
const NO_COUNT: CommandError = CommandError::new("ERR count should be greater than 0");

/// LPOP key [count]
pub fn lpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Head)
}

/// RPOP key [count]
pub fn rpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Tail)
}

fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> CommandResult {
    match args.len() {
        2 => pop_one(ctx, args.get(1), end),
        3 => pop_many(ctx, args, end),
        _ => {
            let name = end.pop_name();
            Err(CommandError::owned(["ERR wrong number of arguments for '", name, "' command"].concat()))
        }
    }
}

fn pop_one(ctx: &mut Ctx<'_>, key: &[u8], end: End) -> CommandResult {
    let reply = &mut ctx.reply;
    match ctx.db.edit_list(key, |list, _| list.pop(end, |element| reply.element(element)))? {
        Some(edited) => removed(ctx, key, end.pop_name(), 1, &edited),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn pop_many(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> CommandResult {
    let key = args.get(1);
    let count = count(args, 2)?;
    if !is_list(ctx, key)? {
        ctx.reply.null_array();
        return Ok(());
    }
    if count == 0 {
        ctx.reply.array(0);
        return Ok(());
    }
    let reply = &mut ctx.reply;
    if let Some(edited) = ctx.db.edit_list(key, |list, _| take(list, end, count, reply))? {
        removed(ctx, key, end.pop_name(), edited.out, &edited);
    }
    Ok(())
}

/// The arguments of LMPOP and BLMPOP.
#[derive(Clone, Copy)]
pub(super) struct Multi {
    /// The first key's position.
    pub(super) first: usize,
    /// How many keys.
    pub(super) keys: usize,
    end: End,
    count: usize,
}

impl Multi {
    /// Reads them from word `at` on, which is the number of keys.
    pub(super) fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let keys = args.positive(at).ok_or(NO_KEYS)?;
        let place = keys.checked_add(at + 1).filter(|place| *place < args.len()).ok_or(SYNTAX)?;
        let end = End::parse(args, place)?;
        let mut count = None;
        let mut option = place + 1;
        while option < args.len() {
            if count.is_some() || !args.is(option, "COUNT") || option + 1 == args.len() {
                return Err(SYNTAX);
            }
            count = Some(args.positive(option + 1).ok_or(NO_COUNT)?);
            option += 2;
        }
        Ok(Self { first: at + 1, keys, end, count: count.unwrap_or(1) })
    }

    /// Pops from the first key that is there; false, with nothing answered, where none is.
    pub(super) fn pop(self, ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<bool, CommandError> {
        for key in args.from(self.first).take(self.keys) {
            if ctx.considers(key) && is_list(ctx, key)? {
                self.pop_from(ctx, key)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn pop_from(self, ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
        let reply = &mut ctx.reply;
        let edited = ctx.db.edit_list(key, |list, _| {
            reply.array(2);
            reply.bulk(key);
            take(list, self.end, self.count, reply)
        })?;
        if let Some(edited) = edited {
            removed(ctx, key, self.end.pop_name(), edited.out, &edited);
            with_i64(edited.out as i64, |count| ctx.propagate_as(&[self.end.pop_command(), key, count]));
        }
        Ok(())
    }
}

/// LMPOP numkeys key [key …] LEFT | RIGHT [COUNT count]
pub fn lmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if !Multi::parse(args, 1)?.pop(ctx, args)? {
        ctx.reply.null_array();
    }
    Ok(())
}

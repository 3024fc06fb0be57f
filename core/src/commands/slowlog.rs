//! SLOWLOG.

use super::help;
use crate::args::Args;
use crate::context::Ctx;
use crate::words::error::{CommandError, CommandResult};

const BAD_COUNT: CommandError = CommandError::new("ERR count should be greater than or equal to -1");
const DEFAULT_COUNT: usize = 10;

/// SLOWLOG HELP
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    help::reply(ctx, "SLOWLOG", help::SLOWLOG);
    Ok(())
}

/// SLOWLOG GET [count]
pub fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let count = match args.len() {
        2 => DEFAULT_COUNT,
        3 if args.int(2) == Ok(-1) => usize::MAX,
        3 => args.count(2).ok_or(BAD_COUNT)?,
        _ => return Err(super::errors::bad_subcommand(args)),
    };
    let entries = &ctx.server.slow_log.entries;
    ctx.reply.array(entries.len().min(count));
    for entry in entries.iter().take(count) {
        ctx.reply.array(6);
        ctx.reply.int(entry.id as i64);
        ctx.reply.int(entry.time);
        ctx.reply.int(entry.micros as i64);
        ctx.reply.array(entry.args.len());
        for arg in &entry.args {
            ctx.reply.bulk(arg);
        }
        ctx.reply.bulk(entry.addr.as_bytes());
        ctx.reply.bulk(&entry.name);
    }
    Ok(())
}

/// SLOWLOG LEN
pub fn len(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.int(ctx.server.slow_log.entries.len() as i64);
    Ok(())
}

/// SLOWLOG RESET
pub fn reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.server.slow_log.entries.clear();
    ctx.reply.ok();
    Ok(())
}

//! TIME, ROLE, SHUTDOWN, MONITOR and other commands about the server as a whole.

use super::connection::REDIS_VERSION;
use super::errors::int32;
use crate::args::Args;
use crate::context::{BlockRequest, Ctx};
use crate::server::Request;
use crate::session::NullKind;
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use alloc::string::String;
use alloc::vec::Vec;

const NO_SHUTDOWN: CommandError = CommandError::new("ERR No shutdown in progress.");
const NO_REPLICATION: CommandError = CommandError::new("ERR replication is not supported by this server");
const BAD_PORT: CommandError = CommandError::new("ERR Invalid master port");
const BAD_TIMEOUT: CommandError = CommandError::new("ERR timeout is not an integer or out of range");
const NEGATIVE_TIMEOUT: CommandError = CommandError::new("ERR timeout is negative");
const NO_MONITOR_IN_MULTI: CommandError =
    CommandError::new("ERR MONITOR isn't allowed for DENY BLOCKING client");

/// TIME: seconds and microseconds.
pub fn time(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let now = ctx.db.now;
    ctx.reply.array(2);
    ctx.reply.bulk_int(now.div_euclid(1000));
    ctx.reply.bulk_int(now.rem_euclid(1000) * 1000);
    Ok(())
}

/// ROLE: always a master without replicas.
pub fn role(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.array(3);
    ctx.reply.bulk(b"master");
    ctx.reply.int(0);
    ctx.reply.array(0);
    Ok(())
}

/// REPLICAOF NO ONE is what we are; anything else is refused.
pub fn replicaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if args.is(1, "NO") && args.is(2, "ONE") {
        ctx.reply.ok();
        return Ok(());
    }
    let port = args.int(2).ok().filter(|port| (0..=0xffff).contains(port));
    Err(if port.is_some() { NO_REPLICATION } else { BAD_PORT })
}

/// WAIT numreplicas timeout: there are no replicas to wait for.
pub fn wait(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    args.int(1)?;
    if args.int(2).map_err(|_| BAD_TIMEOUT)? < 0 {
        return Err(NEGATIVE_TIMEOUT);
    }
    ctx.reply.int(0);
    Ok(())
}

/// MONITOR
pub fn monitor(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    if ctx.in_exec {
        return Err(NO_MONITOR_IN_MULTI);
    }
    if !ctx.session.monitor {
        ctx.session.monitor = true;
        ctx.server.monitors.push(ctx.session.id);
    }
    ctx.reply.ok();
    Ok(())
}

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: no reply, the connection ends with the server.
pub fn shutdown(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (mut save, mut abort, mut hurried) = (None, false, false);
    for word in args.from(1) {
        match word.to_ascii_lowercase().as_slice() {
            b"save" if save != Some(false) => save = Some(true),
            b"nosave" if save != Some(true) => save = Some(false),
            b"now" | b"force" => hurried = true,
            b"abort" => abort = true,
            _ => return Err(SYNTAX),
        }
    }
    if abort {
        return Err(if save.is_some() || hurried { SYNTAX } else { NO_SHUTDOWN });
    }
    // What the client sent behind it does not run any more: the session waits for the end.
    ctx.server.requests.push(Request::Shutdown { save, by: Some(ctx.session.id) });
    ctx.block = Some(BlockRequest { keys: Vec::new(), deadline: None, null: NullKind::Bulk });
    Ok(())
}

/// LOLWUT [VERSION version …]: the bird, and the version that we speak as.
pub fn lolwut(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 2 && args.is(1, "VERSION") {
        int32(args.get(2))?;
    }
    let mut text = String::from(
        "   _\n  /o)__\n <(    `\\___\n   \\  ,__ ___>\n    `-/-/--'   a nuthatch, head down, hiding a seed\n\n",
    );
    text.push_str("Redis ver. ");
    text.push_str(REDIS_VERSION);
    text.push('\n');
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

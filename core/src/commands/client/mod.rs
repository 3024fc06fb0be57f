//! CLIENT: connections seen from inside.

mod kill;
mod list;

use super::connection::check_name;
use super::errors::{bad_subcommand, quoted_error};
use super::help;
use crate::args::Args;
use crate::context::Ctx;
use crate::server::PauseKind;
use crate::session::{Blocked, ReplyMode};
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::time::UnixMillis;

pub use kill::kill;
pub use list::{info, list};

const BAD_TIMEOUT: CommandError = CommandError::new("ERR timeout is not an integer or out of range");
const PAUSE_MODE: CommandError = CommandError::new("ERR CLIENT PAUSE mode must be WRITE or ALL");
const NEGATIVE_TIMEOUT: CommandError = CommandError::new("ERR timeout is negative");
const HUGE_TIMEOUT: CommandError = CommandError::new("ERR timeout is out of range");
const NO_TRACKING: CommandError =
    CommandError::new("ERR client-side caching is not supported by this server");
const NOT_TRACKING: CommandError = CommandError::new(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
);

/// CLIENT HELP
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    help::reply(ctx, "CLIENT", help::CLIENT);
    Ok(())
}

/// CLIENT ID
pub fn id(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.int(ctx.session.client_id as i64);
    Ok(())
}

/// CLIENT SETNAME name
pub fn setname(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    check_name(args.get(2))?;
    ctx.session.name = args.get(2).to_vec();
    ctx.reply.ok();
    Ok(())
}

/// CLIENT GETNAME
pub fn getname(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    match ctx.session.name.as_slice() {
        b"" => ctx.reply.null(),
        name => ctx.reply.bulk(name),
    }
    Ok(())
}

/// CLIENT SETINFO (LIB-NAME | LIB-VER) value
pub fn setinfo(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (option, value) = (args.get(2), args.get(3));
    let named = |name| if option.eq_ignore_ascii_case(b"lib-name") { name == 0 } else { name == 1 };
    if !option.eq_ignore_ascii_case(b"lib-name") && !option.eq_ignore_ascii_case(b"lib-ver") {
        return Err(quoted_error("ERR Unrecognized option '", option, "'"));
    }
    if !value.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        let shown: &[u8] = if named(0) { b"lib-name" } else { b"lib-ver" };
        return Err(quoted_error("ERR ", shown, " cannot contain spaces, newlines or special characters."));
    }
    let field = if named(0) { &mut ctx.session.lib_name } else { &mut ctx.session.lib_version };
    *field = value.to_vec();
    ctx.reply.ok();
    Ok(())
}

/// CLIENT REPLY (ON | OFF | SKIP)
pub fn reply(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let skipping = ctx.session.reply_mode == ReplyMode::Off;
    match args.get(2) {
        mode if mode.eq_ignore_ascii_case(b"on") => {
            ctx.session.reply_mode = ReplyMode::On;
            ctx.reply.ok();
        }
        mode if mode.eq_ignore_ascii_case(b"off") => ctx.session.reply_mode = ReplyMode::Off,
        mode if mode.eq_ignore_ascii_case(b"skip") && skipping => {}
        mode if mode.eq_ignore_ascii_case(b"skip") => ctx.session.reply_mode = ReplyMode::SkipNext,
        _ => return Err(SYNTAX),
    }
    Ok(())
}

fn on_or_off(word: &[u8]) -> Result<bool, CommandError> {
    match word {
        _ if word.eq_ignore_ascii_case(b"on") => Ok(true),
        _ if word.eq_ignore_ascii_case(b"off") => Ok(false),
        _ => Err(SYNTAX),
    }
}

/// CLIENT NO-EVICT (ON | OFF)
pub fn no_evict(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    ctx.session.no_evict = on_or_off(args.get(2))?;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT NO-TOUCH (ON | OFF)
pub fn no_touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    ctx.session.no_touch = on_or_off(args.get(2))?;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT PAUSE timeout [WRITE | ALL]
pub fn pause(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let kind = match args.len() {
        3 => PauseKind::All,
        4 if args.is(3, "WRITE") => PauseKind::Writes,
        4 if args.is(3, "ALL") => PauseKind::All,
        4 => return Err(PAUSE_MODE),
        _ => return Err(bad_subcommand(args)),
    };
    let millis = args.int(2).map_err(|_| BAD_TIMEOUT)?;
    if millis < 0 {
        return Err(NEGATIVE_TIMEOUT);
    }
    let until = ctx.db.now.checked_add(millis).ok_or(HUGE_TIMEOUT)?;
    // A running pause is only ever made longer and stricter.
    ctx.server.pause = Some(match ctx.server.pause {
        Some((old_kind, old_until)) => {
            let kind = if old_kind == PauseKind::All { old_kind } else { kind };
            (kind, until.max(old_until))
        }
        None => (kind, until),
    });
    ctx.db.data.keep_expired = true;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT UNPAUSE
pub fn unpause(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    // A pause without an end is the server's, which is about to end.
    if let Some((_, until)) = ctx.server.pause.as_mut().filter(|(_, until)| *until != UnixMillis::MAX) {
        *until = ctx.db.now;
    }
    ctx.reply.ok();
    Ok(())
}

/// CLIENT UNBLOCK id [TIMEOUT | ERROR]
pub fn unblock(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let error = match args.len() {
        3 => false,
        4 if args.is(3, "TIMEOUT") => false,
        4 if args.is(3, "ERROR") => true,
        4 => return Err(CommandError::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
        _ => return Err(bad_subcommand(args)),
    };
    let id = args.int(2)?;
    let waits = |blocked: &Option<Blocked>| matches!(blocked, Some(Blocked::Keys { .. }));
    let target =
        ctx.peers.iter().find(|peer| peer.client_id as i64 == id && waits(&peer.blocked)).map(|peer| peer.id);
    if let Some(session) = target {
        ctx.server.unblock.push((session, error));
    }
    ctx.reply.int(i64::from(target.is_some()));
    Ok(())
}

/// CLIENT TRACKING: there is none.
pub fn tracking(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if on_or_off(args.get(2))? {
        return Err(NO_TRACKING);
    }
    ctx.reply.ok();
    Ok(())
}

/// CLIENT CACHING (YES | NO)
pub fn caching(_: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    Err(NOT_TRACKING)
}

/// CLIENT GETREDIR
pub fn getredir(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.int(-1);
    Ok(())
}

/// CLIENT TRACKINGINFO
pub fn trackinginfo(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let reply = &mut ctx.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.int(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}

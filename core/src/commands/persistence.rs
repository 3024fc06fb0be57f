//! SAVE, BGSAVE, LASTSAVE, DEBUG RELOAD and DEBUG LOADAOF: requests that the engine carries out.

use crate::args::Args;
use crate::context::{BlockRequest, Ctx};
use crate::persistence::{Present, SaveRequest};
use crate::server::Request;
use crate::session::NullKind;
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use alloc::vec::Vec;

const IN_PROGRESS: CommandError = CommandError::new("ERR Background save already in progress");
const REWRITE_IN_PROGRESS: CommandError =
    CommandError::new("ERR Background append only file rewriting already in progress");
const OTHER_WORK: CommandError = CommandError::new(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
);
const NO_FILES: CommandError = CommandError::new("ERR this host has no files");
const NO_JOURNAL: CommandError = CommandError::new(
    "ERR DEBUG LOADAOF reads the journal: set appendonly yes first, and send it outside MULTI",
);
const RELOAD_IN_MULTI: CommandError = CommandError::new("ERR Command not allowed inside a transaction");
const RELOAD_OPTION: CommandError =
    CommandError::new("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");

/// Refuses where the host carries no files, or something is being saved already.
fn check(ctx: &Ctx<'_>) -> CommandResult {
    let persistence = &ctx.server.persistence;
    if !persistence.files {
        return Err(NO_FILES);
    }
    if persistence.saving_since.is_some() { Err(IN_PROGRESS) } else { Ok(()) }
}

/// Leaves a request whose end the session waits for.
fn wait_for(ctx: &mut Ctx<'_>, request: SaveRequest) {
    ctx.server.persistence.requests.push(request);
    ctx.block = Some(BlockRequest { keys: Vec::new(), deadline: None, null: NullKind::Bulk });
}

/// SAVE: answered when the snapshot is on the disk. Others are served meanwhile; what they write is not in it.
pub fn save(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    check(ctx)?;
    wait_for(ctx, SaveRequest::Foreground(ctx.session.id));
    Ok(())
}

/// SYNC on a serial line: the host sends the dataset.
pub fn sync(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.server.requests.push(Request::Export);
    Ok(())
}

/// REPLCONF, which redis-cli sends before SYNC: whatever it can do, it gets a file with a mark at its end.
pub fn replconf(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.ok();
    Ok(())
}

/// BGSAVE [SCHEDULE]
pub fn bgsave(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 1 && !(args.len() == 2 && args.is(1, "SCHEDULE")) {
        return Err(SYNTAX);
    }
    check(ctx)?;
    let rewrites = ctx.server.persistence.aof.rewriting_since.is_some();
    if rewrites && args.len() == 1 {
        return Err(OTHER_WORK);
    }
    if rewrites || ctx.in_exec {
        ctx.server.persistence.scheduled = true;
        ctx.reply.simple("Background saving scheduled");
    } else {
        ctx.server.persistence.requests.push(SaveRequest::Background);
        ctx.reply.simple("Background saving started");
    }
    Ok(())
}

/// BGREWRITEAOF
pub fn bgrewriteaof(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let persistence = &mut ctx.server.persistence;
    if !persistence.files {
        return Err(NO_FILES);
    }
    if persistence.aof.rewriting_since.is_some() {
        return Err(REWRITE_IN_PROGRESS);
    }
    if persistence.saving_since.is_some() || ctx.in_exec {
        persistence.aof.scheduled = true;
        ctx.reply.simple("Background append only file rewriting scheduled");
    } else {
        persistence.requests.push(SaveRequest::Rewrite);
        ctx.reply.simple("Background append only file rewriting started");
    }
    Ok(())
}

/// LASTSAVE
pub fn lastsave(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.int(ctx.server.persistence.last_save / 1000);
    Ok(())
}

/// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]
pub fn reload(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (mut save, mut flush, mut merge) = (true, true, false);
    for word in args.from(2) {
        match word.to_ascii_lowercase().as_slice() {
            b"merge" => merge = true,
            b"noflush" => flush = false,
            b"nosave" => save = false,
            _ => return Err(RELOAD_OPTION),
        }
    }
    if !ctx.server.persistence.files {
        return Err(NO_FILES);
    }
    if ctx.in_exec {
        return Err(RELOAD_IN_MULTI);
    }
    let present = match (flush, merge) {
        (true, _) => Present::Go,
        (false, true) => Present::GiveWay,
        (false, false) => Present::Stay,
    };
    wait_for(ctx, SaveRequest::Reload { session: ctx.session.id, save, present });
    Ok(())
}

/// DEBUG LOADAOF: the dataset becomes what the journal's files hold.
pub fn replay(ctx: &mut Ctx<'_>) -> CommandResult {
    if ctx.in_exec || !ctx.server.persistence.files || !ctx.server.config.appendonly {
        return Err(NO_JOURNAL);
    }
    wait_for(ctx, SaveRequest::Replay(ctx.session.id));
    Ok(())
}

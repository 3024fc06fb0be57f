//! MULTI, EXEC, DISCARD, WATCH and UNWATCH. What comes between MULTI and EXEC is queued by the engine.

use crate::args::Args;
use crate::call::{Outcome, call};
use crate::context::{Ctx, Propagation};
use crate::db::{self, Db};
use crate::session::{Progress, Queue, ReplyMode};
use crate::words::error::{CommandError, CommandResult};
use crate::words::reach::SERVER;

const NESTED: CommandError = CommandError::new("ERR MULTI calls can not be nested");
const EXEC_WITHOUT_MULTI: CommandError = CommandError::new("ERR EXEC without MULTI");
const DISCARD_WITHOUT_MULTI: CommandError = CommandError::new("ERR DISCARD without MULTI");
const WATCH_IN_MULTI: CommandError = CommandError::new("ERR WATCH inside MULTI is not allowed");
const ABORTED: CommandError =
    CommandError::new("EXECABORT Transaction discarded because of previous errors.");

/// MULTI
pub fn multi(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    if ctx.session.multi.is_some() {
        return Err(NESTED);
    }
    ctx.session.multi = Some(Queue::default());
    ctx.reply.ok();
    Ok(())
}

/// DISCARD
pub fn discard(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    if ctx.session.multi.take().is_none() {
        return Err(DISCARD_WITHOUT_MULTI);
    }
    db::unwatch(ctx.db.data, ctx.session);
    ctx.reply.ok();
    Ok(())
}

/// EXEC: runs what was queued, without anything in between. Where a command needs a value that is not in memory, and that
/// nobody knew of before the commands ahead of it ran, EXEC comes again when the value is there and goes on from it; the
/// engine lets nobody else run until then.
pub fn exec(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    if SERVER && ctx.session.multi.is_none() {
        return Err(EXEC_WITHOUT_MULTI);
    }
    let begun = ctx.session.multi.as_mut().and_then(|queue| queue.progress.take());
    let broken_watch = begun.is_none() && watch_is_broken(ctx);
    let Some(mut queue) = ctx.session.multi.take() else { return Err(EXEC_WITHOUT_MULTI) };
    db::unwatch(ctx.db.data, ctx.session);
    if queue.broken {
        return Err(ABORTED);
    }
    if broken_watch {
        ctx.reply.null_array();
        return Ok(());
    }
    let reply_start = ctx.reply.position();
    let mut progress = match begun {
        Some(mut progress) => {
            ctx.reply.raw(&progress.reply);
            let piece = core::mem::take(&mut progress.journal);
            if SERVER {
                ctx.server.journal.resume_transaction(progress.db, &piece);
            }
            progress
        }
        None => {
            ctx.reply.array(queue.commands.len());
            if SERVER {
                ctx.server.journal.begin_transaction(ctx.db.index);
            }
            Progress { db: ctx.db.index, ..Progress::default() }
        }
    };
    if !run_queued(ctx, &queue, &mut progress) {
        progress.reply = ctx.reply.since(reply_start).to_vec();
        if SERVER {
            progress.journal = ctx.server.journal.suspend_transaction();
        }
        queue.progress = Some(progress);
        ctx.session.multi = Some(queue);
        return Err(CommandError::NotResident);
    }
    ctx.propagation = Propagation::Nothing;
    if SERVER {
        ctx.server.journal.end_transaction(ctx.db.index);
    }
    Ok(())
}

/// Runs the commands that have not run; false where one needs a value that is not in memory.
fn run_queued(ctx: &mut Ctx<'_>, queue: &Queue, progress: &mut Progress) -> bool {
    for (id, command) in &queue.commands[progress.done..] {
        ctx.db.index = ctx.session.db;
        ctx.reply.set_proto(ctx.session.proto);
        ctx.server.dirty_before = ctx.db.data.dirty;
        ctx.propagation = Propagation::AsReceived;
        let start = ctx.reply.position();
        if let Some(failure) = progress.take_failure() {
            ctx.server.stats.count_error(&failure);
            ctx.reply.error_text(&failure);
        } else {
            ctx.in_exec = true;
            let outcome = call(ctx, *id, command.args());
            ctx.in_exec = false;
            match outcome {
                // A small chip has no command that could.
                Outcome::NotResident if SERVER || ctx.db.data.store.is_none() => return false,
                _ => {}
            }
        }
        progress.done += 1;
        if ctx.session.reply_mode == ReplyMode::Off {
            ctx.reply.truncate(start);
        }
        let propagation = core::mem::take(&mut ctx.propagation);
        ctx.server.journal_command(ctx.db.data, ctx.db.index, command.args(), propagation);
    }
    true
}

/// Whether a watched key was changed, or has expired since.
fn watch_is_broken(ctx: &mut Ctx<'_>) -> bool {
    if ctx.session.watching.is_empty() {
        return ctx.session.watch_broken;
    }
    for (index, key) in &ctx.session.watching {
        Db { data: &mut *ctx.db.data, index: *index, now: ctx.db.now }.exists(key);
    }
    let id = ctx.session.id;
    let broken = ctx.session.watch_broken || ctx.db.data.touched.contains(&id);
    // This transaction is over: what breaks its watches here must not break those that come after it.
    ctx.db.data.touched.retain(|&watcher| watcher != id);
    broken
}

/// WATCH key [key …]
pub fn watch(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if ctx.session.multi.is_some() {
        return Err(WATCH_IN_MULTI);
    }
    for key in args.from(1) {
        // A key that has expired is removed now, so that its going does not count as a change later.
        ctx.db.exists(key);
        db::watch(&mut ctx.db, ctx.session, key);
    }
    ctx.reply.ok();
    Ok(())
}

/// UNWATCH
pub fn unwatch(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    db::unwatch(ctx.db.data, ctx.session);
    ctx.reply.ok();
    Ok(())
}

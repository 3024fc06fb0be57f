//! Runs one command to its end: handler, error reply, counters. Used by the engine and by EXEC.

use crate::args::Args;
use crate::command::{Command, flags};
use crate::command_index::CommandId;
use crate::context::Ctx;
use crate::monitor;
use crate::server::Server;
use crate::words::error::CommandError;
use crate::words::reach::SERVER;

/// Commands that are not FAST are timed one by one; below this threshold of the slow log every command is.
const TIME_EACH_BELOW_MICROS: i64 = 1000;
/// A fast command with more words than these is timed as a slow one: it may take as long.
const FAST_WORDS: usize = 32;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It ran; the reply is written.
    Done,
    /// It answered an error.
    Failed,
    /// It waits for keys: `ctx.block` says which.
    Blocked,
    /// It needs values that are not in memory; nothing was changed or written.
    NotResident,
}

/// Runs the command and publishes the keyspace events that come of it. `args` has the full command; arity was checked.
pub fn call(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>) -> Outcome {
    let start = ctx.reply.position();
    let outcome = run(ctx, id, args);
    if SERVER && !ctx.db.data.events.is_empty() {
        ctx.publish_events(start);
    }
    outcome
}

#[inline]
fn run(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>) -> Outcome {
    let command = ctx.server.index.get(id);
    let mark = ctx.reply.position();
    // A journal's commands are not: nobody waits for one of them.
    let may_be_slow = !command.has(flags::FAST) || args.len() > FAST_WORDS || ctx.server.time_each;
    let timed = SERVER && may_be_slow && !ctx.server.loading;
    let start = if timed { (ctx.server.host.monotonic)() } else { 0 };
    let result = (command.handler)(ctx, args);
    if SERVER && ctx.block.is_some() {
        ctx.reply.truncate(mark);
        if ctx.ready.is_none() {
            show(ctx, command, args);
        }
        return Outcome::Blocked;
    }
    let stats = &mut ctx.server.stats;
    stats.commands += 1;
    match result {
        Ok(()) => {
            stats.count_call(id, false);
            if timed {
                finish_timed(ctx, id, command, args, start);
            } else if SERVER && ctx.server.host.times_all {
                ctx.server.stats.untimed.push(id);
            }
            show_once(ctx, command, args);
            Outcome::Done
        }
        Err(CommandError::NotResident) => {
            stats.commands -= 1;
            ctx.reply.truncate(mark);
            Outcome::NotResident
        }
        Err(CommandError::Reply(text)) => {
            stats.count_call(id, true);
            ctx.reply.truncate(mark);
            ctx.reply.error_text(&text);
            ctx.server.stats.count_error(&text);
            if timed {
                finish_timed(ctx, id, command, args, start);
            } else if SERVER && ctx.server.host.times_all {
                ctx.server.stats.untimed.push(id);
            }
            show_once(ctx, command, args);
            Outcome::Failed
        }
    }
}

/// One that waited was shown when it came.
#[inline]
fn show_once(ctx: &mut Ctx<'_>, command: &Command, args: Args<'_>) {
    if ctx.ready.is_none() {
        show(ctx, command, args);
    }
}

/// Shows the command to those who watch.
#[inline]
fn show(ctx: &mut Ctx<'_>, command: &Command, args: Args<'_>) {
    if SERVER && !ctx.server.monitors.is_empty() {
        monitor::feed(ctx, command, args);
    }
}

fn finish_timed(ctx: &mut Ctx<'_>, id: CommandId, command: &'static Command, args: Args<'_>, start: u64) {
    let micros = (ctx.server.host.monotonic)().saturating_sub(start);
    let counts = &mut ctx.server.stats.by_command[usize::from(id.0)];
    counts.micros += micros;
    if ctx.server.config.latency_tracking {
        counts.histogram.note(micros);
    }
    ctx.server.stats.timed_micros += micros;
    if !command.has(flags::SKIP_SLOWLOG) {
        ctx.server.slow_log.note(&ctx.server.config, ctx.session, args, micros, ctx.db.now);
    }
    let event = if command.has(flags::FAST) { "fast-command" } else { "command" };
    ctx.server.latency.note(&ctx.server.config, event, micros, ctx.db.now);
}

/// What the clock says before a batch of commands; [`share_time`] takes it afterwards. Nothing where the clock costs too much.
pub fn batch_begins(server: &Server) -> Option<BatchClock> {
    (SERVER && server.host.times_all)
        .then(|| BatchClock { start: (server.host.monotonic)(), timed_before: server.stats.timed_micros })
}

/// When a batch began.
#[derive(Debug, Clone, Copy)]
pub struct BatchClock {
    start: u64,
    timed_before: u64,
}

/// Divides the time since `clock` among the commands that were not timed one by one: two looks at the clock cost as much as a
/// sixth of a GET, so a pipeline shares them. A command that came alone has its own time.
pub fn share_time(server: &mut Server, clock: BatchClock) {
    let stats = &mut server.stats;
    let timed = stats.timed_micros.saturating_sub(clock.timed_before);
    let elapsed = (server.host.monotonic)().saturating_sub(clock.start).saturating_sub(timed);
    let count = stats.untimed.len() as u64;
    for (nth, id) in (0..).zip(stats.untimed.drain(..)) {
        // Whole microseconds: what is left over goes to the first ones.
        let micros = elapsed / count + u64::from(nth < elapsed % count);
        let counts = &mut stats.by_command[usize::from(id.0)];
        counts.micros += micros;
        if server.config.latency_tracking {
            counts.histogram.note(micros);
        }
    }
}

/// Whether every command has to be timed, by the slow log's and the latency monitor's thresholds.
pub fn must_time_each(slow_log_micros: i64, latency_millis: i64) -> bool {
    (0..TIME_EACH_BELOW_MICROS).contains(&slow_log_micros) || latency_millis == 1
}

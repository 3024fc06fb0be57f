//! LATENCY.

use super::errors::quoted_error;
use super::help;
use crate::args::Args;
use crate::command_index::CommandId;
use crate::context::Ctx;
use crate::latency::Series;
use crate::words::error::CommandResult;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";
const QUIET: &str = "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n";

/// LATENCY HELP
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    help::reply(ctx, "LATENCY", help::LATENCY);
    Ok(())
}

fn series<'a>(ctx: &'a Ctx<'_>, name: &[u8]) -> Option<&'a Series> {
    ctx.server.latency.events.iter().find(|(event, _)| event.as_bytes() == name).map(|(_, series)| series)
}

/// LATENCY LATEST: each event with its last time, its last latency and its worst.
pub fn latest(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let events = &ctx.server.latency.events;
    ctx.reply.array(events.len());
    for (name, series) in events {
        let (time, millis) = series.samples.back().copied().unwrap_or_default();
        ctx.reply.array(4);
        ctx.reply.bulk(name.as_bytes());
        ctx.reply.int(time);
        ctx.reply.int(millis as i64);
        ctx.reply.int(series.max as i64);
    }
    Ok(())
}

/// LATENCY HISTORY event
pub fn history(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let samples: Vec<(i64, u64)> =
        series(ctx, args.get(2)).map(|series| series.samples.iter().copied().collect()).unwrap_or_default();
    ctx.reply.array(samples.len());
    for (time, millis) in samples {
        ctx.reply.array(2);
        ctx.reply.int(time);
        ctx.reply.int(millis as i64);
    }
    Ok(())
}

/// LATENCY RESET [event …]
pub fn reset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let events = &mut ctx.server.latency.events;
    let before = events.len();
    events.retain(|name, _| args.len() > 2 && !args.from(2).any(|wanted| wanted == name.as_bytes()));
    ctx.reply.int((before - events.len()) as i64);
    Ok(())
}

/// LATENCY DOCTOR
pub fn doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let events = &ctx.server.latency.events;
    let mut text = String::new();
    if ctx.server.config.latency_monitor_threshold == 0 {
        text.push_str(DISABLED);
    } else if events.is_empty() {
        text.push_str(QUIET);
    } else {
        text.push_str("Dave, I have observed latency spikes in this Redis instance.\n\n");
        for (number, (name, series)) in events.iter().enumerate() {
            let sum: u64 = series.samples.iter().map(|(_, millis)| millis).sum();
            let count = series.samples.len() as u64;
            let average = sum / count.max(1);
            let line = format!(
                "{}. {name}: {count} latency spikes (average {average}ms). Worst all time event {}ms.\n",
                number + 1,
                series.max
            );
            text.push_str(&line);
        }
    }
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// LATENCY GRAPH event: one column a sample, the newest on the right.
pub fn graph(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    const ROWS: u64 = 4;
    let Some(series) = series(ctx, args.get(2)) else {
        return Err(quoted_error("ERR No samples available for event '", args.get(2), "'"));
    };
    let values: Vec<u64> = series.samples.iter().map(|(_, millis)| *millis).collect();
    let (low, high) = (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
    let name = String::from_utf8_lossy(args.get(2));
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", series.max);
    text.push_str(&"-".repeat(80));
    text.push('\n');
    let height = |value: u64| if high == low { ROWS } else { 1 + (value - low) * (ROWS - 1) / (high - low) };
    for row in (1..=ROWS).rev() {
        text.extend(values.iter().map(|value| if height(*value) >= row { '#' } else { ' ' }));
        text.push('\n');
    }
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// LATENCY HISTOGRAM [command …]: calls by doubling bounds in microseconds; a command stands for its subcommands.
pub fn histogram(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let named = |name: &str| {
        let fits = |word: &[u8]| {
            let prefix = name.as_bytes().get(..word.len()).unwrap_or_default();
            prefix.eq_ignore_ascii_case(word) && matches!(name.as_bytes().get(word.len()), None | Some(b'|'))
        };
        args.len() == 2 || args.from(2).any(fits)
    };
    let (index, by_command) = (&ctx.server.index, &ctx.server.stats.by_command);
    let of = |id: CommandId| &by_command[usize::from(id.0)].histogram;
    let shown: Vec<_> =
        index.iter().filter(|(id, command)| named(command.name) && of(*id).total() > 0).collect();
    ctx.reply.map(shown.len());
    for (id, command) in shown {
        let bounds: Vec<(u64, u64)> = of(id).cumulative().collect();
        ctx.reply.bulk(command.name.as_bytes());
        ctx.reply.map(2);
        ctx.reply.bulk(b"calls");
        ctx.reply.int(of(id).total() as i64);
        ctx.reply.bulk(b"histogram_usec");
        ctx.reply.map(bounds.len());
        for (bound, calls) in bounds {
            ctx.reply.int(bound as i64);
            ctx.reply.int(calls as i64);
        }
    }
    Ok(())
}

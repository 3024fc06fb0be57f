//! MEMORY.

use super::help;
use crate::args::Args;
use crate::context::Ctx;
use crate::keyspace::record::Record;
use crate::words::error::{CommandResult, SYNTAX};

/// Below this many bytes MEMORY DOCTOR has no opinion.
const DOCTOR_FROM: usize = 5 << 20;
const EMPTY: &str = "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n";
const HEALTHY: &str = "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n";
const FRAGMENTED: &str = "Sam, I detected a few issues in this Redis instance memory implants:\n\n * High total RSS: This instance has a memory fragmentation and RSS overhead greater than 1.4 (this means that the Resident Set Size of the Redis process is much larger than the sum of the logical allocations Redis performed). This problem is usually due either to a large peak memory (check if there is a peak memory entry above in the report) or may result from a workload that causes the allocator to fragment memory a lot.\n";

/// MEMORY HELP
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    help::reply(ctx, "MEMORY", help::MEMORY);
    Ok(())
}

/// MEMORY USAGE key [SAMPLES count]: the table's slot, the record and its value. Sizes are known, so none is sampled.
pub fn usage(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let mut at = 3;
    while at < args.len() {
        if !args.is(at, "SAMPLES") || at + 1 >= args.len() {
            return Err(SYNTAX);
        }
        if args.int(at + 1)? < 0 {
            return Err(SYNTAX);
        }
        at += 2;
    }
    /// A record's pointer in its segment, and the segment's byte of tag for it.
    const SLOT: usize = size_of::<usize>() + 1;
    // As in the reference a key whose time is over takes memory until somebody removes it.
    match ctx.db.record(args.get(2)).map(Record::memory) {
        Some(memory) => ctx.reply.int((memory + SLOT) as i64),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// MEMORY DOCTOR
pub fn doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let host = &ctx.server.host;
    let (used, resident) = ((host.used_memory)(), (host.resident_memory)());
    let text = match used {
        _ if used < DOCTOR_FROM => EMPTY,
        _ if resident > used / 10 * 14 => FRAGMENTED,
        _ => HEALTHY,
    };
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// MEMORY PURGE: the allocator gives back what it does not use by itself.
pub fn purge(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.ok();
    Ok(())
}

/// MEMORY MALLOC-STATS
pub fn malloc_stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.verbatim("txt", b"Stats not supported for the current allocator");
    Ok(())
}

/// MEMORY STATS
pub fn stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let host = ctx.server.host;
    let (used, peak, resident) = ((host.used_memory)(), (host.peak_memory)(), (host.resident_memory)());
    let startup = ctx.server.memory_at_start.min(used);
    let keys: usize = ctx.db.data.keyspace.iter().map(|(_, db)| db.len()).sum();
    let clients: usize = ctx.peers.iter().map(|peer| peer.output.capacity() + peer.input.capacity()).sum();
    let dataset = used - startup;
    let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let counts = [
        ("peak.allocated", peak),
        ("total.allocated", used),
        ("startup.allocated", startup),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
        ("overhead.total", startup + clients),
        ("keys.count", keys),
        ("keys.bytes-per-key", dataset / keys.max(1)),
        ("dataset.bytes", dataset),
        ("allocator.allocated", used),
        ("allocator.active", resident),
        ("allocator.resident", resident),
        ("fragmentation.bytes", resident.saturating_sub(used)),
    ];
    let ratios = [
        ("dataset.percentage", ratio(dataset, used) * 100.0),
        ("peak.percentage", ratio(used, peak) * 100.0),
        ("allocator-fragmentation.ratio", ratio(resident, used)),
        ("fragmentation", ratio(resident, used)),
    ];
    ctx.reply.map(counts.len() + ratios.len());
    for (name, count) in counts {
        ctx.reply.bulk(name.as_bytes());
        ctx.reply.int(count as i64);
    }
    for (name, ratio) in ratios {
        ctx.reply.bulk(name.as_bytes());
        ctx.reply.double(ratio);
    }
    Ok(())
}

//! MEMORY.

use super::help;
use crate::args::Args;
use crate::context::Ctx;
use crate::keyspace::record::Record;
use crate::words::error::{CommandResult, SYNTAX};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

/// A record's pointer in its segment, and the segment's byte of tag for it.
const SLOT: usize = size_of::<usize>() + 1;
/// Keys that MEMORY DOCTOR looks at in a database.
const SAMPLES: usize = 100;
/// Below this many bytes MEMORY DOCTOR has no opinion.
const DOCTOR_FROM: usize = 5 << 20;
const EMPTY: &str = "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n";
const HEALTHY: &str = "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n";
const FRAGMENTED: &str = "Sam, I detected a few issues in this Redis instance memory implants:\n\n * High total RSS: This instance has a memory fragmentation and RSS overhead greater than 1.4 (this means that the Resident Set Size of the Redis process is much larger than the sum of the logical allocations Redis performed). This problem is usually due either to a large peak memory (check if there is a peak memory entry above in the report) or may result from a workload that causes the allocator to fragment memory a lot.\n";

/// MEMORY DOCTOR tells of keys that take more than this share of vm-max-memory, in tenths.
const KEYS_FILL: usize = 5;

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
    // As in the reference a key whose time is over takes memory until somebody removes it.
    match ctx.db.record(args.get(2)).map(Record::memory) {
        Some(memory) => ctx.reply.int((memory + SLOT) as i64),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// MEMORY DOCTOR
pub fn doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let host = ctx.server.host;
    let (used, resident) = ((host.used_memory)(), (host.resident_memory)());
    let text = match (keys_fill_memory(ctx), used) {
        (Some(line), _) => Cow::Owned(line),
        (_, used) if used < DOCTOR_FROM => EMPTY.into(),
        _ if resident > used / 10 * 14 => FRAGMENTED.into(),
        _ => HEALTHY.into(),
    };
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Values leave memory for the swap file, keys do not: what there is to say where these are what fills memory.
fn keys_fill_memory(ctx: &mut Ctx<'_>) -> Option<String> {
    let limit = ctx.server.config.vm_max_memory as usize;
    let data = &mut *ctx.db.data;
    if !data.paging.enabled || limit == 0 {
        return None;
    }
    let (mut keys, mut bytes) = (0, 0);
    for (_, database) in data.keyspace.iter().filter(|(_, database)| !database.is_empty()) {
        let sampled = database.sample_spread(&mut data.rng, SAMPLES, SAMPLES * 4, 1, |_| true);
        let sum: usize = sampled.iter().map(|slot| database.get(*slot).memory_without_value() + SLOT).sum();
        keys += database.len();
        bytes += sum / sampled.len().max(1) * database.len();
    }
    (bytes > limit / 10 * KEYS_FILL).then(|| {
        format!(
            "Sam, I detected a few issues in this Nuthatch instance memory implants:\n\n * Keys fill memory: {keys} keys take about {bytes} bytes of vm-max-memory ({limit} bytes) by themselves, and only values leave for the swap file ({} of {keys} have). Raise vm-max-memory, use shorter keys, keep small values together in hashes, or set a maxmemory-policy that evicts.\n",
            data.paging.swapped
        )
    })
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
    let keys = ctx.db.data.keyspace.count_keys();
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

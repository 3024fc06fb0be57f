//! OBJECT: how a value is kept.

use crate::args::Args;
use crate::context::Ctx;
use crate::keyspace::clock::idle_millis;
use crate::types::ValueRef;
use crate::types::string::StrRef;
use crate::words::error::{CommandError, CommandResult};
use alloc::format;
use alloc::string::String;

/// What OBJECT REFCOUNT answers for the small integers that Redis shares.
const SHARED_REFCOUNT: i64 = i32::MAX as i64;
/// Redis shares the integers below this one.
const SHARED_INTEGERS: i64 = 10_000;

const NOT_LFU: CommandError = CommandError::new(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
);
const NOT_LRU: CommandError = CommandError::new(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

/// `OBJECT HELP`, and OBJECT with anything unknown.
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    const LINES: [&str; 11] = [
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
    ];
    const REST: [&str; 4] = [
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        "HELP",
        "    Prints this help.",
    ];
    ctx.reply.array(LINES.len() + REST.len());
    for line in LINES.iter().chain(&REST) {
        ctx.reply.simple(line);
    }
    Ok(())
}

/// `OBJECT ENCODING key`.
pub fn encoding(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match ctx.db.encoding(args.get(2)) {
        Some(name) => ctx.reply.bulk(name.as_bytes()),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `OBJECT WHERE key`: whether the value is in memory, in the swap file, in the snapshot from which it was loaded, or in
/// memory with a copy elsewhere. Reads no device.
pub fn whereabouts(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(2);
    let Some(info) = ctx.db.info(key) else {
        ctx.reply.null();
        return Ok(());
    };
    let place = ctx.db.place(key).map(|place| match place.snapshot_offset() {
        Some(offset) => format!("snapshot, byte {offset}, {} bytes", place.len),
        None => {
            let pages = ctx.db.data.paging.pages_of(place.len);
            format!("swap file, page {}, {pages} pages", place.first)
        }
    });
    let text = match place {
        None => String::from("memory"),
        Some(place) if info.paged => place,
        Some(place) => format!("memory, and a copy in the {place}"),
    };
    ctx.reply.bulk(text.as_bytes());
    Ok(())
}

/// `OBJECT REFCOUNT key`: 1, or for small integers what Redis answers for the ones that it shares.
pub fn refcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    // Redis shares small integers unless eviction needs a clock of each value's own.
    let config = &ctx.server.config;
    let shares = config.maxmemory == 0 || !config.maxmemory_policy.ranks_by_access();
    match ctx.db.value_untouched(args.get(2))? {
        Some(ValueRef::Str(StrRef::Int(n))) if shares && (0..SHARED_INTEGERS).contains(&n) => {
            ctx.reply.int(SHARED_REFCOUNT);
        }
        Some(_) => ctx.reply.int(1),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `OBJECT IDLETIME key`: seconds since the last access.
pub fn idletime(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let Some(info) = ctx.db.info(args.get(2)) else {
        ctx.reply.null();
        return Ok(());
    };
    if ctx.db.data.access.lfu {
        return Err(NOT_LRU);
    }
    ctx.reply.int((idle_millis(info.clock, ctx.db.now) / 1000) as i64);
    Ok(())
}

/// `OBJECT FREQ key`: the logarithmic access counter.
pub fn freq(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let Some(info) = ctx.db.info(args.get(2)) else {
        ctx.reply.null();
        return Ok(());
    };
    if !ctx.db.data.access.lfu {
        return Err(NOT_LFU);
    }
    ctx.reply.int(i64::from(ctx.db.data.access.frequency(info.clock, ctx.db.now)));
    Ok(())
}

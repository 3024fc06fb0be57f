//! DEBUG: what test suites and curious operators use.

use super::config::allowed;
use super::digest;
use super::errors::{bad_subcommand, int32};
use super::help;
use crate::args::Args;
use crate::context::Ctx;
use crate::keyspace::clock::{idle_millis, lru_clock};
use crate::server::Request;
use crate::types::string::StrRef;
use crate::types::{Kind, ValueRef};
use crate::words::config::parse_memory;
use crate::words::error::{CommandError, CommandResult, LOADING, NO_SUCH_KEY};
use crate::words::glob::glob_match;
use crate::words::number::{fixed, parse_f64};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const NOT_ALLOWED: CommandError = CommandError::new(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);
const BAD_THRESHOLD: CommandError =
    CommandError::new("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
const NOT_POSITIVE: CommandError = CommandError::new("ERR value is out of range, must be positive");
const NO_DATABASE: CommandError = CommandError::new("ERR Out of range database");
const NOT_A_TABLE: CommandError =
    CommandError::new("ERR The value stored at the specified key is not represented using an hash table");
const NOT_SDS: CommandError = CommandError::new("ERR Not an sds encoded string.");
const NOT_LISTPACK: CommandError = CommandError::new("ERR Not a listpack encoded object.");
const NOT_QUICKLIST: CommandError = CommandError::new("ERR Not a quicklist encoded object.");
const NO_RESP2: CommandError = CommandError::new("ERR RESP2 is not supported by this command");
const WRONG_TYPE_NAME: CommandError = CommandError::new(
    "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);
const VM_DISABLED: CommandError = CommandError::new("ERR Virtual Memory is disabled");
const NO_DISKSTORE: CommandError = CommandError::new("ERR Diskstore is disabled");
const NOT_IN_MEMORY: CommandError = CommandError::new("ERR This key is not in memory");
const SHARED_OBJECT: CommandError = CommandError::new("ERR Object is shared");
/// OBJECT REFCOUNT of a shared integer.
const SHARED: i64 = i32::MAX as i64;
/// Integers up to here are shared.
const SHARED_INTEGERS: i64 = 10_000;
const DEFAULT_PLAIN_THRESHOLD: usize = 1 << 30;
const MOST_PLAIN_THRESHOLD: i64 = 4 << 30;

/// DEBUG subcommand …
pub fn debug(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if !allowed(ctx.server.config.enable_debug_command, ctx) {
        return Err(NOT_ALLOWED);
    }
    match (args.get(1).to_ascii_lowercase().as_slice(), args.len()) {
        (b"help", 2) => help::reply(ctx, "DEBUG", help::DEBUG),
        (b"sleep", 3) => sleep(ctx, args),
        (b"object", 3..=4) => object(ctx, args)?,
        (b"swapout", 3) => swapout(ctx, args)?,
        (b"swapin", 3) => {
            ctx.db.value_untouched(args.get(2))?;
            ctx.reply.ok();
        }
        (b"flushcache", 2) => flush_cache(ctx)?,
        (b"reload", 2..) => super::persistence::reload(ctx, args)?,
        (b"loadaof", 2) => super::persistence::replay(ctx)?,
        (b"sdslen", 3) => sdslen(ctx, args)?,
        (b"digest", 2) => {
            ctx.db.want_all_stored()?;
            ctx.db.data.want_all_values()?;
            let text = digest::of_dataset(ctx.db.data).text();
            ctx.reply.simple(&text);
        }
        (b"digest-value", _) => digest_values(ctx, args)?,
        (b"populate", 3..=5) => populate(ctx, args)?,
        (b"protocol", 3) => protocol(ctx, args)?,
        (b"set-active-expire", 3) => {
            ctx.server.active_expire = args.get(2).first() != Some(&b'0');
            ctx.reply.ok();
        }
        (b"quicklist-packed-threshold", 3) => packed_threshold(ctx, args)?,
        (b"stringmatch-len", 4) => {
            let matches = glob_match(args.get(2), args.get(3), false);
            ctx.reply.int(i64::from(matches));
        }
        (b"error", 3) => ctx.reply.error_bytes(args.get(2)),
        (b"log", 3) => {
            let line = format!("DEBUG LOG: {}", String::from_utf8_lossy(args.get(2)));
            ctx.server.requests.push(Request::Log(line));
            ctx.reply.ok();
        }
        (b"change-repl-id", 2) => {
            ctx.server.run_id = new_id(ctx);
            ctx.reply.ok();
        }
        (b"htstats", 3..=4) => htstats(ctx, args)?,
        (b"htstats-key" | b"listpack" | b"quicklist", 3..=4) => layout(ctx, args)?,
        (b"structsize", 2) => ctx.reply.simple("bits:64 "),
        (b"pause-cron" | b"set-skip-checksum-validation" | b"aof-flush-sleep", 3) | (b"replybuffer", 4) => {
            ctx.reply.ok();
        }
        _ => return Err(bad_subcommand(args)),
    }
    Ok(())
}

/// DEBUG FLUSHCACHE: under diskstore, saves everything (which the engine has waited for) and empties memory.
fn flush_cache(ctx: &mut Ctx<'_>) -> CommandResult {
    let Some(store) = ctx.db.data.store.as_deref_mut() else { return Err(NO_DISKSTORE) };
    store.evict_all = true;
    ctx.reply.ok();
    Ok(())
}

fn new_id(ctx: &mut Ctx<'_>) -> String {
    let rng = ctx.db.rng();
    (0..40).map(|_| char::from(b"0123456789abcdef"[rng.index(16)])).collect()
}

fn sleep(ctx: &mut Ctx<'_>, args: Args<'_>) {
    const MICROS: f64 = 1e6;
    let seconds = parse_f64(args.get(2)).filter(|seconds| *seconds > 0.0).unwrap_or(0.0);
    (ctx.server.host.sleep)((seconds * MICROS) as u64);
    ctx.reply.ok();
}

/// DEBUG SWAPOUT key: the value leaves memory at once, or as soon as the device has taken it.
fn swapout(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(2);
    if !ctx.db.data.paging.enabled {
        return Err(VM_DISABLED);
    }
    let Some(info) = ctx.db.info(key) else { return Err(NO_SUCH_KEY) };
    if info.paged {
        return Err(NOT_IN_MEMORY);
    }
    if matches!(ctx.db.peek(key), Some(ValueRef::Str(StrRef::Int(0..SHARED_INTEGERS)))) {
        return Err(SHARED_OBJECT);
    }
    let index = ctx.db.index;
    ctx.db.data.paging.requested.push((index, key.into()));
    ctx.reply.ok();
    Ok(())
}

fn object(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(2);
    let (now, limits) = (ctx.db.now, *ctx.db.limits());
    let Some(info) = ctx.db.info(key) else { return Err(NO_SUCH_KEY) };
    if let Some(place) = ctx.db.place(key).filter(|_| info.paged) {
        if let Some(offset) = place.snapshot_offset() {
            let text = format!("Value in the snapshot at: byte {offset} using {} bytes", place.len);
            ctx.reply.simple(&text);
            return Ok(());
        }
        let pages = ctx.db.data.paging.pages_of(place.len);
        ctx.reply.simple(&format!("Value swapped at: page {} using {pages} pages", place.first));
        return Ok(());
    }
    let Some(value) = ctx.db.peek(key) else { return Err(NO_SUCH_KEY) };
    let mut body = Vec::new();
    ctx.server.encoder.body(value, &mut body);
    let refcount = match value {
        ValueRef::Str(StrRef::Int(0..SHARED_INTEGERS)) => SHARED,
        _ => 1,
    };
    let mut text = format!(
        "Value at:0x{:x} refcount:{refcount} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        key.as_ptr().addr(),
        value.encoding(),
        body.len(),
        if ctx.db.data.access.lfu {
            info.clock
        } else {
            lru_clock(now) - (idle_millis(info.clock, now) / 1000) as u32
        },
        idle_millis(info.clock, now) / 1000,
    );
    if let ValueRef::List(list) = value {
        let stats = list.node_stats(&limits);
        let average = list.len() as f64 / stats.nodes.max(1) as f64;
        text.push_str(&format!(
            " ql_nodes:{} ql_avg_node:{} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{}",
            stats.nodes,
            fixed(average, 2),
            stats.fill,
            u8::from(stats.compresses),
            stats.bytes,
        ));
    }
    ctx.reply.simple(&text);
    Ok(())
}

fn sdslen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(2);
    match ctx.db.peek(key) {
        None => Err(NO_SUCH_KEY),
        Some(ValueRef::Str(StrRef::Embedded(bytes) | StrRef::Raw(bytes))) => {
            let (key, len) = (key.len(), bytes.len());
            let text = format!(
                "key_sds_len:{key}, key_sds_avail:0, key_zmalloc: {key}, val_sds_len:{len}, val_sds_avail:0, val_zmalloc: {len}"
            );
            ctx.reply.simple(&text);
            Ok(())
        }
        Some(_) => Err(NOT_SDS),
    }
}

fn digest_values(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    for key in args.from(2) {
        ctx.db.value_untouched(key)?;
    }
    ctx.reply.array(args.len() - 2);
    for key in args.from(2) {
        let text = digest::of_key(&ctx.db, key).text();
        ctx.reply.simple(&text);
    }
    Ok(())
}

/// DEBUG POPULATE count [prefix] [size]: keys that are there stay as they are.
fn populate(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let positive = |at: usize| usize::try_from(args.int(at).unwrap_or(-1)).map_err(|_| NOT_POSITIVE);
    let count = positive(2)?;
    let prefix: &[u8] = if args.len() > 3 { args.get(3) } else { b"key" };
    let size = if args.len() > 4 { Some(positive(4)?) } else { None };
    // DEBUG itself may run meanwhile.
    if ctx.server.persistence.reloading {
        return Err(LOADING);
    }
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        if ctx.db.exists(&key) {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if let Some(size) = size.filter(|size| *size > 0) {
            value.resize(size, 0);
        }
        ctx.db.set_string(&key, StrRef::Raw(&value), false);
    }
    ctx.reply.ok();
    Ok(())
}

fn protocol(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let resp3 = ctx.reply.proto() == crate::resp::reply::Proto::Resp3;
    let reply = &mut ctx.reply;
    match args.get(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.double(3141.0 / 1000.0),
        b"bignum" => reply.big("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.int(number);
                reply.bool(number == 1);
            }
        }
        b"attrib" => {
            if resp3 {
                reply.raw(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.int(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !resp3 => return Err(NO_RESP2),
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        _ => return Err(WRONG_TYPE_NAME),
    }
    Ok(())
}

fn packed_threshold(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let bytes =
        parse_memory(args.get(2)).filter(|bytes| *bytes < MOST_PLAIN_THRESHOLD).ok_or(BAD_THRESHOLD)?;
    ctx.db.data.limits.list_plain_threshold = if bytes == 0 {
        DEFAULT_PLAIN_THRESHOLD
    } else {
        usize::try_from(bytes).map_err(|_| BAD_THRESHOLD)?
    };
    ctx.reply.ok();
    Ok(())
}

fn htstats(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let index = usize::try_from(int32(args.get(2))?).map_err(|_| NO_DATABASE)?;
    if index >= ctx.db.data.keyspace.count() {
        return Err(NO_DATABASE);
    }
    let database = ctx.db.data.keyspace.db(index);
    let text = format!(
        "[Dictionary HT]\nHash table 0 stats (main hash table):\n number of elements: {}\n[Expires HT]\nHash table 0 stats (main hash table):\n number of elements: {}\n",
        database.len(),
        database.volatile()
    );
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// DEBUG HTSTATS-KEY, LISTPACK and QUICKLIST: whether the key has that encoding, and how much it holds.
fn layout(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let Some(value) = ctx.db.peek(args.get(2)) else { return Err(NO_SUCH_KEY) };
    let wanted = args.get(1).to_ascii_lowercase();
    let (fits, refusal) = match wanted.as_slice() {
        b"htstats-key" => (matches!(value.encoding(), "hashtable" | "skiplist"), NOT_A_TABLE),
        b"listpack" => (value.encoding() == "listpack", NOT_LISTPACK),
        _ => (value.kind() == Kind::List, NOT_QUICKLIST),
    };
    if !fits {
        return Err(refusal);
    }
    let text = format!("{} of {} elements\n", value.encoding(), value.len());
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

//! Commands that walk over all keys: SCAN, KEYS, RANDOMKEY, DBSIZE.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::scan::{Found, ScanOptions, parse_cursor};
use crate::args::Args;
use crate::context::Ctx;
use crate::keyspace::record::Record;
use crate::words::error::CommandResult;
use crate::words::glob::glob_match;
use crate::words::time::UnixMillis;

/// Whether the record's deadline has passed.
#[inline]
fn is_expired(record: &Record, now: UnixMillis) -> bool {
    record.is_volatile() && record.deadline().is_some_and(|deadline| now > deadline)
}

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
pub fn scan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let cursor = parse_cursor(args.get(1))?;
    let options = ScanOptions::parse_with_type(args, 2)?;
    let mut found = Found::new(ctx.reply.proto());
    let mut expired: Vec<Box<[u8]>> = Vec::new();
    let now = ctx.db.now;
    let next = ctx.db.data.keyspace.db(ctx.db.index).scan(cursor, options.count, |record| {
        let key = record.key();
        let matches = options.matches(key);
        if matches && is_expired(record, now) {
            expired.push(key.into());
        } else if matches && options.takes_type(record.kind().name()) {
            found.bulk(key);
        }
    });
    for key in expired {
        // Looking for it removes it.
        ctx.db.exists(&key);
    }
    found.send(&mut ctx.reply, next);
    Ok(())
}

/// KEYS pattern
pub fn keys(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let pattern = args.get(1);
    let mark = ctx.reply.deferred_array();
    let mut count = 0;
    for record in ctx.db.data.keyspace.db(ctx.db.index).iter() {
        let key = record.key();
        if (pattern == b"*" || glob_match(pattern, key, false)) && !is_expired(record, ctx.db.now) {
            ctx.reply.bulk(key);
            count += 1;
        }
    }
    ctx.reply.finish_array(mark, count);
    Ok(())
}

/// RANDOMKEY
pub fn randomkey(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    /// Where expired keys must stay, one of them is the answer in the end.
    const TRIES: usize = 100;
    for tries in 1.. {
        let data = &mut *ctx.db.data;
        let database = data.keyspace.db(ctx.db.index);
        let Some(slot) = database.random(&mut data.rng) else { break };
        let record = database.get(slot);
        if tries == TRIES || !is_expired(record, ctx.db.now) {
            ctx.reply.bulk(record.key());
            return Ok(());
        }
        let key: Box<[u8]> = record.key().into();
        ctx.db.exists(&key);
    }
    ctx.reply.null();
    Ok(())
}

/// DBSIZE
pub fn dbsize(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let keys = ctx.db.data.keyspace.db(ctx.db.index).len();
    ctx.reply.len(keys);
    Ok(())
}

//! Commands that walk over all keys: SCAN, KEYS, RANDOMKEY, DBSIZE.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::scan::{Found, ScanOptions, parse_cursor};
use crate::args::Args;
use crate::context::Ctx;
use crate::keyspace::record::Record;
use crate::words::error::{CommandError, CommandResult};
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
    if ctx.db.data.store.is_some() {
        return scan_store(ctx, &options);
    }
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

/// SCAN over a diskstore: of the part of it that was asked for the command.
fn scan_store(ctx: &mut Ctx<'_>, options: &ScanOptions<'_>) -> CommandResult {
    let (keys, next) = ctx.db.data.take_page(ctx.db.index)?;
    let mut found = Found::new(ctx.reply.proto());
    for (key, meta) in keys.iter().filter(|(key, _)| options.matches(key)) {
        if meta.is_expired(ctx.db.now) {
            ctx.db.expire_stored(key);
        } else if options.takes_type(meta.kind.name()) {
            found.bulk(key);
        }
    }
    found.send(&mut ctx.reply, next);
    Ok(())
}

/// KEYS pattern
pub fn keys(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let pattern = args.get(1);
    if ctx.db.data.store.is_some() {
        let (keys, _) = ctx.db.data.take_page(ctx.db.index)?;
        let now = ctx.db.now;
        let fits = |key: &[u8]| pattern == b"*" || glob_match(pattern, key, false);
        let matching = || keys.iter().filter(|(key, meta)| fits(key) && !meta.is_expired(now));
        ctx.reply.array(matching().count());
        matching().for_each(|(key, _)| ctx.reply.bulk(key));
        return Ok(());
    }
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
    if ctx.db.data.store.is_some() && random_stored(ctx)? {
        return Ok(());
    }
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

/// RANDOMKEY over a diskstore; false: nothing is left of what was walked. What the same transaction set since is in memory.
fn random_stored(ctx: &mut Ctx<'_>) -> Result<bool, CommandError> {
    let (mut keys, _) = ctx.db.data.take_page(ctx.db.index)?;
    let now = ctx.db.now;
    keys.retain(|(_, meta)| !meta.is_expired(now));
    let at = ctx.db.rng().below(keys.len().max(1) as u64) as usize;
    let found = keys.get(at);
    if let Some((key, _)) = found {
        ctx.reply.bulk(key);
    }
    Ok(found.is_some())
}

/// DBSIZE
pub fn dbsize(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let keys = ctx.db.data.count_keys(ctx.db.index);
    ctx.reply.len(keys);
    Ok(())
}

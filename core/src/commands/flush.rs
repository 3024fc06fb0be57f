//! FLUSHDB, FLUSHALL, SWAPDB: whole databases at once.

use super::errors::int32;
use crate::args::Args;
use crate::context::Ctx;
use crate::db::Db;
use crate::persistence::SaveRequest;
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::reach::SERVER;
use alloc::vec::Vec;

const BAD_FIRST: CommandError = CommandError::new("ERR invalid first DB index");
const BAD_SECOND: CommandError = CommandError::new("ERR invalid second DB index");
const OUT_OF_RANGE: CommandError = CommandError::new("ERR DB index is out of range");

/// Whether the client asked that the memory be free when it is answered.
fn wants_sync(args: Args<'_>) -> Result<bool, CommandError> {
    match args.len() {
        1 => Ok(false),
        2 if args.is(1, "SYNC") => Ok(true),
        2 if args.is(1, "ASYNC") => Ok(false),
        _ => Err(SYNTAX),
    }
}

/// FLUSHDB [ASYNC | SYNC]. Without a word it is as ASYNC: the keys are gone at once, their memory follows in slices.
pub fn flushdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let sync = wants_sync(args)?;
    empty(ctx, ctx.db.index, sync);
    tell(ctx, &[ctx.db.index]);
    ctx.reply.ok();
    Ok(())
}

/// FLUSHALL [ASYNC | SYNC]
pub fn flushall(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let sync = wants_sync(args)?;
    for index in 0..ctx.db.data.keyspace.count() {
        empty(ctx, index, sync);
    }
    tell(ctx, &[0]);
    let server = &mut *ctx.server;
    if server.persistence.files && !server.config.save.is_empty() {
        server.persistence.requests.push(SaveRequest::Flushed);
    }
    // An empty dataset is flushed for the journal and the replicas as well.
    ctx.db.data.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// No key's event tells that all keys went or were exchanged. Redis leaves it at that; a host may name a channel for it.
fn tell(ctx: &mut Ctx<'_>, databases: &[usize]) {
    if let Some(channel) = ctx.server.flushes.filter(|_| SERVER && databases.contains(&0)) {
        ctx.publish(channel, b"");
    }
}

fn empty(ctx: &mut Ctx<'_>, index: usize, sync: bool) {
    let data = &mut *ctx.db.data;
    data.touch_watchers_of(index, None);
    data.dirty += data.count_keys(index) as u64;
    let old = data.empty(index);
    if !sync {
        data.garbage_databases.extend(old.filter(|old| !old.is_empty()));
    }
}

/// SWAPDB index index
pub fn swapdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let first = int32(args.get(1)).map_err(|_| BAD_FIRST)?;
    let second = int32(args.get(2)).map_err(|_| BAD_SECOND)?;
    let count = ctx.db.data.keyspace.count();
    let index = |number: i64| usize::try_from(number).ok().filter(|&index| index < count).ok_or(OUT_OF_RANGE);
    let (first, second) = (index(first)?, index(second)?);
    if first != second {
        forget_expired(ctx, first, second);
        forget_expired(ctx, second, first);
        let data = &mut *ctx.db.data;
        data.touch_watchers_of(first, Some(second));
        data.touch_watchers_of(second, Some(first));
        data.swap(first, second);
        data.waiters.signal_all(first);
        data.waiters.signal_all(second);
        tell(ctx, &[first, second]);
    }
    ctx.db.data.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// Removes keys of `other` that have expired and whose names are watched in `watched`: they would come there as changes,
/// though a key that was not there is then not there either.
fn forget_expired(ctx: &mut Ctx<'_>, watched: usize, other: usize) {
    let names: Vec<_> =
        ctx.db.data.watchers.get(&watched).into_iter().flatten().map(|(key, _)| key.clone()).collect();
    let mut db = Db { data: &mut *ctx.db.data, index: other, now: ctx.db.now };
    for key in names {
        db.exists(&key);
    }
}

//! `LCS`.

use super::{Misses, max_len};
use crate::args::Args;
use crate::context::Ctx;
use crate::db::Db;
use crate::resp::reply::Reply;
use crate::types::ValueRef;
use crate::types::string::lcs::{Match, Table};
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use alloc::borrow::Cow;

const NOT_STRINGS: CommandError = CommandError::new("ERR The specified keys must contain string values");
const AMBIGUOUS: CommandError =
    CommandError::new("ERR If you want both the length and indexes, please just use IDX.");
const TOO_LARGE: CommandError =
    CommandError::new("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
const NO_MEMORY: CommandError =
    CommandError::new("ERR Insufficient memory, failed allocating transient memory for LCS");

/// What is asked for.
#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: usize,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut at = 3;
        while at < args.len() {
            if args.is(at, "IDX") {
                options.idx = true;
            } else if args.is(at, "LEN") {
                options.len = true;
            } else if args.is(at, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.is(at, "MINMATCHLEN") && at + 1 < args.len() {
                at += 1;
                options.min_match_len = usize::try_from(args.int(at)?.max(0)).unwrap_or(usize::MAX);
            } else {
                return Err(SYNTAX);
            }
            at += 1;
        }
        if options.idx && options.len { Err(AMBIGUOUS) } else { Ok(options) }
    }
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]`
pub fn lcs(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let mut misses = Misses::default();
    for key in args.from(1).take(2) {
        if misses.note(ctx.db.value(key))?.flatten().is_some_and(|value| !matches!(value, ValueRef::Str(_))) {
            return Err(NOT_STRINGS);
        }
    }
    misses.check()?;
    let options = Options::parse(args)?;
    let (a, b) = (text(&ctx.db, args.get(1)), text(&ctx.db, args.get(2)));
    if Table::memory(&a, &b) > max_len(ctx) {
        return Err(TOO_LARGE);
    }
    let table = Table::new(&a, &b).ok_or(NO_MEMORY)?;
    if options.idx {
        reply_matches(&mut ctx.reply, &table, &options);
    } else if options.len {
        ctx.reply.len(table.len());
    } else {
        ctx.reply.bulk(&table.text());
    }
    Ok(())
}

fn text<'a>(db: &'a Db<'_>, key: &[u8]) -> Cow<'a, [u8]> {
    match db.peek(key) {
        Some(ValueRef::Str(value)) => value.to_cow(),
        _ => Cow::Borrowed(&[]),
    }
}

fn reply_matches(reply: &mut Reply<'_>, table: &Table<'_>, options: &Options) {
    reply.map(2);
    reply.bulk(b"matches");
    let matches = table.matches();
    let long_enough = matches.iter().filter(|found| found.len >= options.min_match_len);
    reply.array(long_enough.clone().count());
    for found in long_enough {
        reply_match(reply, found, options.with_match_len);
    }
    reply.bulk(b"len");
    reply.len(table.len());
}

fn reply_match(reply: &mut Reply<'_>, found: &Match, with_len: bool) {
    reply.array(if with_len { 3 } else { 2 });
    for start in [found.a, found.b] {
        reply.array(2);
        reply.len(start);
        reply.len(start + found.len - 1);
    }
    if with_len {
        reply.len(found.len);
    }
}

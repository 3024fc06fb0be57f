//! The range commands: read, store, remove.

use core::ops::Range;

use super::super::{Entries, LexRange, ScoreRange, Zset, ZsetRef};
use super::bounds::{lex_range, score_range};
use super::{entries_header, entry};
use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::types::Value;
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::reach::SERVER;

const LIMIT_BY_RANK: CommandError = CommandError::new(
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
);
const SCORES_BY_LEX: CommandError =
    CommandError::new("ERR syntax error, WITHSCORES not supported in combination with BYLEX");

/// What the ends of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rank,
    Score,
    Lex,
}

/// The ends of a range.
enum Ends<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Members(LexRange<'a>),
}

impl<'a> Ends<'a> {
    fn parse(kind: Kind, min: usize, max: usize, args: Args<'a>) -> Result<Self, CommandError> {
        Ok(match kind {
            Kind::Rank => Self::Ranks(args.int(min)?, args.int(max)?),
            Kind::Score => Self::Scores(score_range(args.get(min), args.get(max))?),
            Kind::Lex if !SERVER => return Err(SYNTAX),
            Kind::Lex => Self::Members(lex_range(args.get(min), args.get(max))?),
        })
    }

    /// The ranks inside. In reverse, ranks count from the last entry.
    fn ranks(&self, zset: ZsetRef<'_>, reverse: bool) -> Range<usize> {
        match self {
            Self::Ranks(start, end) => {
                let len = zset.len();
                let ranks = clamp(*start, *end, len);
                if reverse { len - ranks.end..len - ranks.start } else { ranks }
            }
            Self::Scores(range) => zset.score_ranks(range),
            Self::Members(_) if !SERVER => 0..0,
            Self::Members(range) => zset.lex_ranks(range, reverse),
        }
    }
}

/// Redis's indexes, both inside and negative ones from the end, as a range of `0..len`.
fn clamp(start: i64, end: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_end = |index: i64| if index < 0 { index + len } else { index };
    let start = from_end(start).max(0);
    let end = from_end(end).min(len - 1);
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

/// A range command's arguments.
struct Query<'a> {
    ends: Ends<'a>,
    reverse: bool,
    with_scores: bool,
    /// How many entries to pass over and how many then to take; negative: none, all.
    limit: Option<(i64, i64)>,
}

/// What a command's name says already; its options may say the rest.
#[derive(Clone, Copy)]
struct Preset {
    kind: Option<Kind>,
    reverse: Option<bool>,
    /// Where the key of the set is: its ends and options follow.
    key: usize,
    store: bool,
}

impl Preset {
    const fn new(kind: Option<Kind>, reverse: Option<bool>) -> Self {
        Self { kind, reverse, key: 1, store: false }
    }

    fn parse(mut self, args: Args<'_>) -> Result<Query<'_>, CommandError> {
        let (mut with_scores, mut limit) = (false, (0, -1));
        let mut at = self.key + 3;
        while at < args.len() {
            if !self.store && args.is(at, "withscores") {
                with_scores = true;
            } else if args.is(at, "limit") && args.len() - at > 2 {
                limit = (args.int(at + 1)?, args.int(at + 2)?);
                at += 2;
            } else if self.reverse.is_none() && args.is(at, "rev") {
                self.reverse = Some(true);
            } else if self.kind.is_none() && args.is(at, "bylex") {
                self.kind = Some(Kind::Lex);
            } else if self.kind.is_none() && args.is(at, "byscore") {
                self.kind = Some(Kind::Score);
            } else {
                return Err(SYNTAX);
            }
            at += 1;
        }
        self.check(args, with_scores, limit)
    }

    fn check(self, args: Args<'_>, with_scores: bool, limit: (i64, i64)) -> Result<Query<'_>, CommandError> {
        let kind = self.kind.unwrap_or(Kind::Rank);
        let reverse = self.reverse.unwrap_or(false);
        if kind == Kind::Rank && limit.1 != -1 {
            return Err(LIMIT_BY_RANK);
        }
        if kind == Kind::Lex && with_scores {
            return Err(SCORES_BY_LEX);
        }
        let (first, second) = (self.key + 1, self.key + 2);
        let (min, max) = if reverse && kind != Kind::Rank { (second, first) } else { (first, second) };
        let ends = Ends::parse(kind, min, max, args)?;
        Ok(Query { ends, reverse, with_scores, limit: (kind != Kind::Rank).then_some(limit) })
    }
}

impl Query<'_> {
    /// The entries asked for, and their number.
    fn entries<'z>(&self, zset: ZsetRef<'z>) -> (Entries<'z>, usize) {
        let mut ranks = self.ends.ranks(zset, self.reverse);
        if let Some((offset, count)) = self.limit {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(ranks.len());
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(ranks.len() - offset);
            let start = if self.reverse { ranks.end - offset - count } else { ranks.start + offset };
            ranks = start..start + count;
        }
        let n = ranks.len();
        (zset.entries(ranks, self.reverse), n)
    }
}

fn read(ctx: &mut Ctx<'_>, args: Args<'_>, preset: Preset) -> CommandResult {
    let query = preset.parse(args)?;
    let Some(zset) = ctx.db.zset(args.get(preset.key))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let (entries, n) = query.entries(zset);
    entries_header(&mut ctx.reply, n, query.with_scores);
    for (member, score) in entries {
        entry(&mut ctx.reply, member, score, query.with_scores);
    }
    Ok(())
}

/// ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
pub fn zrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Preset::new(None, None))
}

/// ZREVRANGE key start stop [WITHSCORES]
pub fn zrevrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Preset::new(Some(Kind::Rank), Some(true)))
}

/// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]
pub fn zrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Preset::new(Some(Kind::Score), Some(false)))
}

/// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]
pub fn zrevrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Preset::new(Some(Kind::Score), Some(true)))
}

/// ZRANGEBYLEX key min max [LIMIT offset count]
pub fn zrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Preset::new(Some(Kind::Lex), Some(false)))
}

/// ZREVRANGEBYLEX key max min [LIMIT offset count]
pub fn zrevrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Preset::new(Some(Kind::Lex), Some(true)))
}

/// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
pub fn zrangestore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let preset = Preset { key: 2, store: true, ..Preset::new(None, None) };
    let query = preset.parse(args)?;
    let limits = *ctx.db.limits();
    let mut stored = Zset::new();
    if let Some(zset) = ctx.db.zset(args.get(preset.key))? {
        let (entries, n) = query.entries(zset);
        // Redis knows the number beforehand only where ranks are asked for. The full encoding keeps a score of -0.
        if matches!(query.ends, Ends::Ranks(..)) && n > limits.zset_max_listpack_entries {
            stored.unpack(&limits);
        }
        for (member, score) in entries {
            member.with_bytes(|bytes| stored.insert(bytes, score, &limits));
        }
    }
    store(ctx, args.get(1), stored, "zrangestore");
    Ok(())
}

/// Puts a computed set under a key, or removes the key where there is nothing to put; answers its size.
pub(super) fn store(ctx: &mut Ctx<'_>, key: &[u8], zset: Zset, event: &'static str) {
    let len = zset.as_ref().len();
    if len > 0 {
        ctx.db.set(key, Value::Zset(zset));
        ctx.db.changed(key, Event::ZSET, event, 1);
    } else if ctx.db.remove(key) {
        ctx.db.changed(key, Event::GENERIC, "del", 1);
    }
    ctx.reply.len(len);
}

fn remove(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind, event: &'static str) -> CommandResult {
    let key = args.get(1);
    let ends = Ends::parse(kind, 2, 3, args)?;
    let edited = ctx.db.edit_zset(key, |zset, _| {
        let ranks = ends.ranks(zset.as_ref(), false);
        let n = ranks.len();
        if n > 0 {
            zset.remove_ranks(ranks);
        }
        n
    })?;
    let removed = edited.as_ref().map_or(0, |edited| edited.out);
    if removed > 0 {
        ctx.db.changed(key, Event::ZSET, event, removed as u64);
        if edited.is_some_and(|edited| edited.emptied) {
            ctx.db.event(Event::GENERIC, "del", key);
        }
    }
    ctx.reply.len(removed);
    Ok(())
}

/// ZREMRANGEBYRANK key start stop
pub fn zremrangebyrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    remove(ctx, args, Kind::Rank, "zremrangebyrank")
}

/// ZREMRANGEBYSCORE key min max
pub fn zremrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    remove(ctx, args, Kind::Score, "zremrangebyscore")
}

/// ZREMRANGEBYLEX key min max
pub fn zremrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    remove(ctx, args, Kind::Lex, "zremrangebylex")
}

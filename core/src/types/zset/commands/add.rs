//! ZADD, ZINCRBY, ZREM.

use alloc::vec::Vec;

use super::super::Zset;
use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::types::Limits;
use crate::words::error::{CommandError, CommandResult, SYNTAX};

const XX_AND_NX: CommandError =
    CommandError::new("ERR XX and NX options at the same time are not compatible");
const GT_LT_NX: CommandError =
    CommandError::new("ERR GT, LT, and/or NX options at the same time are not compatible");
const SINGLE_PAIR: CommandError =
    CommandError::new("ERR INCR option supports a single increment-element pair");
const NAN_SCORE: CommandError = CommandError::new("ERR resulting score is not a number (NaN)");

/// ZADD's options.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    /// Only new members.
    nx: bool,
    /// Only present members.
    xx: bool,
    /// Only upwards.
    gt: bool,
    /// Only downwards.
    lt: bool,
    /// Count changed members too.
    ch: bool,
    /// Add to the score.
    incr: bool,
}

impl Options {
    /// Reads the options, and says where the pairs begin.
    fn parse(args: Args<'_>, incr: bool) -> Result<(Self, usize), CommandError> {
        let mut options = Self { incr, ..Self::default() };
        let mut at = 2;
        while at < args.len() && options.set(args, at) {
            at += 1;
        }
        let words = args.len() - at;
        if words == 0 || !words.is_multiple_of(2) {
            return Err(SYNTAX);
        }
        if options.nx && options.xx {
            return Err(XX_AND_NX);
        }
        if (options.nx && (options.gt || options.lt)) || (options.gt && options.lt) {
            return Err(GT_LT_NX);
        }
        if options.incr && words > 2 {
            return Err(SINGLE_PAIR);
        }
        Ok((options, at))
    }

    /// Takes word `at` as an option, if it is one.
    fn set(&mut self, args: Args<'_>, at: usize) -> bool {
        let names: [(&str, &mut bool); 6] = [
            ("nx", &mut self.nx),
            ("xx", &mut self.xx),
            ("ch", &mut self.ch),
            ("incr", &mut self.incr),
            ("gt", &mut self.gt),
            ("lt", &mut self.lt),
        ];
        match names.into_iter().find(|(name, _)| args.is(at, name)) {
            Some((_, option)) => {
                *option = true;
                true
            }
            None => false,
        }
    }

    /// The score that a member gets for `given`, `old` being its present one. None leaves it as it is.
    fn decide(&self, old: Option<f64>, given: f64) -> Result<Option<f64>, CommandError> {
        let Some(old) = old else { return Ok((!self.xx).then_some(given)) };
        if self.nx {
            return Ok(None);
        }
        let new = if self.incr { old + given } else { given };
        if new.is_nan() {
            return Err(NAN_SCORE);
        }
        let refused = (self.lt && new >= old) || (self.gt && new <= old);
        Ok((!refused).then_some(new))
    }
}

/// What adding did.
#[derive(Debug, Clone, Copy, Default)]
struct Added {
    added: usize,
    updated: usize,
    /// The last score that was accepted, changed or not.
    score: Option<f64>,
}

/// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member …]
pub fn zadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args, false)
}

/// ZINCRBY key increment member
pub fn zincrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args, true)
}

fn add(ctx: &mut Ctx<'_>, args: Args<'_>, incr: bool) -> CommandResult {
    let key = args.get(1);
    let (options, first) = Options::parse(args, incr)?;
    let Added { added, updated, score } = match args.len() - first {
        2 => {
            let pair = (args.float(first)?, args.get(first + 1));
            apply(ctx, key, options, &[pair])?
        }
        _ => {
            let pairs = (first..args.len()).step_by(2).map(|i| Ok((args.float(i)?, args.get(i + 1))));
            apply(ctx, key, options, &pairs.collect::<Result<Vec<_>, CommandError>>()?)?
        }
    };
    if added + updated > 0 {
        let event = if options.incr { "zincr" } else { "zadd" };
        ctx.db.changed(key, Event::ZSET, event, (added + updated) as u64);
    }
    match score {
        _ if !options.incr => ctx.reply.len(if options.ch { added + updated } else { added }),
        Some(score) => ctx.reply.double(score),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// Adds the pairs to the set under the key.
fn apply(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    options: Options,
    pairs: &[(f64, &[u8])],
) -> Result<Added, CommandError> {
    let edit = |zset: &mut Zset, limits: &Limits| add_all(zset, limits, options, pairs);
    if options.xx {
        return ctx.db.edit_zset(key, edit)?.map_or(Ok(Added::default()), |edited| edited.out);
    }
    ctx.db.edit_or_create_zset(key, edit)?.out
}

fn add_all(
    zset: &mut Zset,
    limits: &Limits,
    options: Options,
    pairs: &[(f64, &[u8])],
) -> Result<Added, CommandError> {
    let mut done = Added::default();
    for (given, member) in pairs {
        let mut new = Ok(None);
        let old = zset.update(member, limits, |old| {
            new = options.decide(old, *given);
            new.as_ref().ok().copied().flatten()
        });
        let Some(score) = new? else { continue };
        done.score = Some(score);
        match old {
            None => done.added += 1,
            Some(old) => done.updated += usize::from(old != score),
        }
    }
    Ok(done)
}

/// ZREM key member [member …]
pub fn zrem(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let edited =
        ctx.db.edit_zset(key, |zset, _| args.from(2).filter(|m| zset.remove(m).is_some()).count())?;
    let removed = edited.as_ref().map_or(0, |edited| edited.out);
    if removed > 0 {
        ctx.db.changed(key, Event::ZSET, "zrem", removed as u64);
        if edited.is_some_and(|edited| edited.emptied) {
            ctx.db.event(Event::GENERIC, "del", key);
        }
    }
    ctx.reply.len(removed);
    Ok(())
}

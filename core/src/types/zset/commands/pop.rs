//! ZPOPMIN, ZPOPMAX, ZMPOP and their blocking forms.

use super::super::Zset;
use crate::args::Args;
use crate::commands::timeout::parse_timeout;
use crate::context::Ctx;
use crate::events::Event;
use crate::resp::reply::{Proto, Reply};
use crate::session::NullKind;
use crate::types::Kind;
use crate::words::error::{CommandError, CommandResult, NOT_POSITIVE, SYNTAX, WRONG_TYPE};
use crate::words::number::with_i64;

const NO_KEYS: CommandError = CommandError::new("ERR numkeys should be greater than 0");
const NO_COUNT: CommandError = CommandError::new("ERR count should be greater than 0");

/// Which end is popped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    /// The popping command's name, which is the event's too.
    const fn name(self) -> &'static str {
        match self {
            Self::Min => "zpopmin",
            Self::Max => "zpopmax",
        }
    }

    const fn command(self) -> &'static [u8] {
        match self {
            Self::Min => b"ZPOPMIN",
            Self::Max => b"ZPOPMAX",
        }
    }
}

/// How the popped entries are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Member, score, member, score, …
    Flat,
    /// Pairs of member and score.
    Pairs,
    /// The key, member and score.
    KeyFlat,
    /// The key, and pairs.
    KeyPairs,
}

impl Shape {
    fn header(self, reply: &mut Reply<'_>, key: &[u8], n: usize) {
        match self {
            Self::Flat => reply.array(n * 2),
            Self::Pairs => reply.array(n),
            Self::KeyFlat => {
                reply.array(n * 2 + 1);
                reply.bulk(key);
            }
            Self::KeyPairs => {
                reply.array(2);
                reply.bulk(key);
                reply.array(n);
            }
        }
    }

    fn is_nested(self) -> bool {
        matches!(self, Self::Pairs | Self::KeyPairs)
    }
}

/// Pops up to `count` entries and answers them. How many those were; None without a key, and then nothing is answered.
fn pop(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    end: End,
    count: usize,
    shape: Shape,
) -> Result<Option<usize>, CommandError> {
    let reply = &mut ctx.reply;
    let edited = ctx.db.edit_zset(key, |zset, _| {
        let n = count.min(zset.as_ref().len());
        shape.header(reply, key, n);
        take(zset, end, n, shape, reply);
        n
    })?;
    let Some(edited) = edited else { return Ok(None) };
    if edited.out > 0 {
        ctx.db.changed(key, Event::ZSET, end.name(), edited.out as u64);
        if edited.emptied {
            ctx.db.event(Event::GENERIC, "del", key);
        }
    }
    Ok(Some(edited.out))
}

fn take(zset: &mut Zset, end: End, n: usize, shape: Shape, reply: &mut Reply<'_>) {
    let len = zset.as_ref().len();
    let ranks = if end == End::Min { 0..n } else { len - n..len };
    for (member, score) in zset.as_ref().entries(ranks.clone(), end == End::Max) {
        if shape.is_nested() {
            reply.array(2);
        }
        reply.element(member);
        reply.double(score);
    }
    if n > 0 {
        zset.remove_ranks(ranks);
    }
}

/// ZPOPMIN key [count]
pub fn zpopmin(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    pop_one_key(ctx, args, End::Min)
}

/// ZPOPMAX key [count]
pub fn zpopmax(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    pop_one_key(ctx, args, End::Max)
}

fn pop_one_key(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> CommandResult {
    if args.len() > 3 {
        return Err(SYNTAX);
    }
    let mut count = 1;
    if args.len() == 3 {
        count = args.count(2).ok_or(NOT_POSITIVE)?;
    }
    let nested = args.len() == 3 && ctx.reply.proto() == Proto::Resp3;
    let shape = if nested { Shape::Pairs } else { Shape::Flat };
    if pop(ctx, args.get(1), end, count, shape)?.is_none() {
        ctx.reply.array(0);
    }
    Ok(())
}

/// The first of `n` keys from word `first` on that is there; it must hold a sorted set.
fn first_key<'a>(
    ctx: &mut Ctx<'_>,
    args: Args<'a>,
    first: usize,
    n: usize,
) -> Result<Option<&'a [u8]>, CommandError> {
    for key in args.from(first).take(n) {
        if !ctx.considers(key) {
            continue;
        }
        match ctx.db.kind(key) {
            None => {}
            Some(Kind::Zset) => return Ok(Some(key)),
            Some(_) => return Err(WRONG_TYPE),
        }
    }
    Ok(None)
}

/// BZPOPMIN key [key …] timeout
pub fn bzpopmin(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    blocking_pop(ctx, args, End::Min)
}

/// BZPOPMAX key [key …] timeout
pub fn bzpopmax(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    blocking_pop(ctx, args, End::Max)
}

fn blocking_pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> CommandResult {
    let deadline = parse_timeout(args.get(args.len() - 1), ctx.db.now)?;
    let keys = args.len() - 2;
    if let Some(key) = first_key(ctx, args, 1, keys)? {
        pop(ctx, key, end, 1, Shape::KeyFlat)?;
        ctx.propagate_as(&[end.command(), key]);
    } else if ctx.may_block() {
        ctx.block_on(args.from(1).take(keys), deadline, NullKind::Array);
    } else {
        ctx.reply.null_array();
    }
    Ok(())
}

/// The arguments of ZMPOP and BZMPOP.
struct Multi {
    first: usize,
    keys: usize,
    end: End,
    count: usize,
}

impl Multi {
    /// Reads them from word `at` on, which is the number of keys.
    fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let keys = args.positive(at).ok_or(NO_KEYS)?;
        let place = keys.checked_add(at + 1).filter(|place| *place < args.len()).ok_or(SYNTAX)?;
        let end = match () {
            () if args.is(place, "MIN") => End::Min,
            () if args.is(place, "MAX") => End::Max,
            () => return Err(SYNTAX),
        };
        let mut count = None;
        let mut option = place + 1;
        while option < args.len() {
            if count.is_some() || !args.is(option, "COUNT") || option + 1 == args.len() {
                return Err(SYNTAX);
            }
            count = Some(args.positive(option + 1).ok_or(NO_COUNT)?);
            option += 2;
        }
        Ok(Self { first: at + 1, keys, end, count: count.unwrap_or(1) })
    }

    /// Pops from the first key that is there; false, with nothing answered, where none is.
    fn pop(&self, ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<bool, CommandError> {
        let Some(key) = first_key(ctx, args, self.first, self.keys)? else { return Ok(false) };
        let popped = pop(ctx, key, self.end, self.count, Shape::KeyPairs)?.unwrap_or(0);
        with_i64(popped as i64, |count| ctx.propagate_as(&[self.end.command(), key, count]));
        Ok(true)
    }
}

/// ZMPOP numkeys key [key …] MIN | MAX [COUNT count]
pub fn zmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if !Multi::parse(args, 1)?.pop(ctx, args)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// BZMPOP timeout numkeys key [key …] MIN | MAX [COUNT count]
pub fn bzmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let multi = Multi::parse(args, 2)?;
    let deadline = parse_timeout(args.get(1), ctx.db.now)?;
    if multi.pop(ctx, args)? {
        return Ok(());
    }
    if ctx.may_block() {
        ctx.block_on(args.from(multi.first).take(multi.keys), deadline, NullKind::Array);
    } else {
        ctx.reply.null_array();
    }
    Ok(())
}

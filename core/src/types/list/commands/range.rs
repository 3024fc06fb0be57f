//! What reads a list: LLEN, LINDEX, LRANGE and LPOS.

use crate::args::Args;
use crate::context::Ctx;
use crate::types::Kind;
use crate::types::listpack::{Element, Needle};
use crate::words::error::{CommandError, CommandResult, SYNTAX};

const ZERO_RANK: CommandError = CommandError::new(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from \
     the end of the list",
);
const NEGATIVE_COUNT: CommandError = CommandError::new("ERR COUNT can't be negative");
const NEGATIVE_MAXLEN: CommandError = CommandError::new("ERR MAXLEN can't be negative");

/// LLEN key
pub fn llen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let len = ctx.db.length(args.get(1), Kind::List)?.unwrap_or(0);
    ctx.reply.len(len);
    Ok(())
}

/// LINDEX key index
pub fn lindex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let element = match ctx.db.list(args.get(1))? {
        Some(list) => list.get(args.int(2)?),
        None => None,
    };
    match element {
        Some(element) => ctx.reply.element(element),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// LRANGE key start stop
pub fn lrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (start, stop) = (args.int(2)?, args.int(3)?);
    let Some(list) = ctx.db.list(args.get(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let (first, end) = bounds(start, stop, list.len());
    let reply = &mut ctx.reply;
    reply.array(end - first);
    list.for_each_in(first, end - first, |element| reply.element(element));
    Ok(())
}

/// The indexes from `start` to `stop`, of which negative ones count from the end: the first and the one behind the
/// last, equal when there is none.
pub(super) fn bounds(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let signed = len as i64;
    let from_start = |index: i64| if index < 0 { index.saturating_add(signed) } else { index };
    let first = from_start(start).max(0);
    let stop = from_start(stop);
    if first > stop || first >= signed {
        return (0, 0);
    }
    (first as usize, stop.min(signed - 1) as usize + 1)
}

/// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
pub fn lpos(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::parse(args)?;
    let Some(list) = ctx.db.list(args.get(1))? else {
        match options.count {
            Some(_) => ctx.reply.array(0),
            None => ctx.reply.null(),
        }
        return Ok(());
    };
    let reply = &mut ctx.reply;
    let search = Search { needle: Needle::new(args.get(2)), options };
    let last = list.len().saturating_sub(1);
    let reverse = options.rank < 0;
    let place = |index: usize| if reverse { last - index } else { index } as i64;
    let mark = options.count.map(|_| reply.deferred_array());
    let mut found = 0;
    let mut tell = |index| {
        found += 1;
        reply.int(place(index));
    };
    if reverse {
        search.run(list.iter().rev(), &mut tell);
    } else {
        search.run(list.iter(), &mut tell);
    }
    match mark {
        Some(mark) => reply.finish_array(mark, found),
        None if found == 0 => reply.null(),
        None => {}
    }
    Ok(())
}

/// The options of LPOS.
#[derive(Clone, Copy)]
struct Options {
    rank: i64,
    /// 0 asks for all matches.
    count: Option<usize>,
    /// 0 looks at all elements.
    max_len: usize,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self { rank: 1, count: None, max_len: 0 };
        for at in (3..args.len()).step_by(2) {
            if at + 1 == args.len() {
                return Err(SYNTAX);
            }
            if args.is(at, "RANK") {
                options.rank = args.int(at + 1)?;
                if options.rank == 0 {
                    return Err(ZERO_RANK);
                }
            } else if args.is(at, "COUNT") {
                options.count = Some(args.count(at + 1).ok_or(NEGATIVE_COUNT)?);
            } else if args.is(at, "MAXLEN") {
                options.max_len = args.count(at + 1).ok_or(NEGATIVE_MAXLEN)?;
            } else {
                return Err(SYNTAX);
            }
        }
        Ok(options)
    }

    /// How many matches are passed over. The smallest rank has no positive twin, and Redis passes over none then.
    fn skipped(self) -> u64 {
        if self.rank == i64::MIN { 0 } else { self.rank.unsigned_abs() - 1 }
    }

    /// After how many matches the search ends.
    fn wanted(self) -> usize {
        match self.count {
            None => 1,
            Some(0) => usize::MAX,
            Some(_) if self.rank == i64::MIN => usize::MAX,
            Some(count) => count,
        }
    }
}

/// What LPOS looks for.
struct Search<'a> {
    needle: Needle<'a>,
    options: Options,
}

impl Search<'_> {
    /// Gives `tell` the index of every match that was asked for, counted in the order of `elements`.
    fn run<'e>(&self, elements: impl Iterator<Item = Element<'e>>, tell: &mut impl FnMut(usize)) {
        let (mut skip, mut wanted) = (self.options.skipped(), self.options.wanted());
        let max_len = if self.options.max_len == 0 { usize::MAX } else { self.options.max_len };
        for (index, element) in elements.take(max_len).enumerate() {
            if !self.needle.matches(element) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            tell(index);
            wanted -= 1;
            if wanted == 0 {
                break;
            }
        }
    }
}

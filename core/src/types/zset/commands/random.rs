//! ZRANDMEMBER.

use super::super::ZsetRef;
use super::{entries_header, entry};
use crate::args::Args;
use crate::context::Ctx;
use crate::resp::reply::Reply;
use crate::words::error::{CommandError, CommandResult, OUT_OF_RANGE, SYNTAX};
use crate::words::ordered::OrderedSet;
use crate::words::rng::Rng;

const COUNT_RANGE: CommandError = CommandError::new(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
/// Asked for more than one in so many entries, it is cheaper to walk over all of them.
const WALK_FROM: usize = 3;

/// ZRANDMEMBER key [count [WITHSCORES]]
pub fn zrandmember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 2 {
        return with_count(ctx, args);
    }
    let mut rng = Rng::new(ctx.db.rng().next_u64());
    match ctx.db.zset(args.get(1))?.and_then(|zset| zset.random(&mut rng)) {
        Some((member, _)) => ctx.reply.element(member),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn with_count(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let count = args.int(2)?;
    if count == i64::MIN {
        return Err(COUNT_RANGE);
    }
    let with_scores = args.len() == 4 && args.is(3, "withscores");
    if args.len() > 3 && !with_scores {
        return Err(SYNTAX);
    }
    if with_scores && count.abs() > i64::MAX / 2 {
        return Err(OUT_OF_RANGE);
    }
    let mut rng = Rng::new(ctx.db.rng().next_u64());
    let n = Args::magnitude(count);
    let limit = ctx.reply_limit();
    match ctx.db.zset(args.get(1))? {
        Some(zset) if n > 0 && count < 0 => {
            entries_header(&mut ctx.reply, n, with_scores);
            let mut left = n;
            while left > 0
                && ctx.reply.position() <= limit
                && let Some((member, score)) = zset.random(&mut rng)
            {
                entry(&mut ctx.reply, member, score, with_scores);
                left -= 1;
            }
        }
        Some(zset) if n > 0 => distinct(&mut ctx.reply, zset, n, with_scores, &mut rng),
        _ => ctx.reply.array(0),
    }
    Ok(())
}

/// `n` different entries, or all.
fn distinct(reply: &mut Reply<'_>, zset: ZsetRef<'_>, n: usize, with_scores: bool, rng: &mut Rng) {
    let len = zset.len();
    let n = n.min(len);
    entries_header(reply, n, with_scores);
    if n > len / WALK_FROM {
        let (mut wanted, mut left) = (n, len);
        for (member, score) in zset.entries(0..len, true) {
            if rng.index(left) < wanted {
                wanted -= 1;
                entry(reply, member, score, with_scores);
            }
            left -= 1;
        }
        return;
    }
    let mut ranks = OrderedSet::new();
    while ranks.len() < n {
        ranks.insert(rng.index(len));
    }
    for rank in ranks {
        for (member, score) in zset.entries(rank..rank + 1, false) {
            entry(reply, member, score, with_scores);
        }
    }
}

//! The sorted set commands.

mod add;
mod bounds;
mod combine;
mod pop;
mod random;
mod range;

pub use add::{zadd, zincrby, zrem};
pub use combine::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
pub use pop::{bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin};
pub use random::zrandmember;
pub use range::{
    zrange, zrangebylex, zrangebyscore, zrangestore, zremrangebylex, zremrangebyrank, zremrangebyscore,
    zrevrange, zrevrangebylex, zrevrangebyscore,
};

use super::ZsetRef;
use super::packed::score_of;
use crate::args::Args;
use crate::commands::scan::{Found, ScanOptions, parse_cursor};
use crate::context::Ctx;
use crate::resp::reply::{Proto, Reply};
use crate::types::Kind;
use crate::types::listpack::Element;
use crate::words::error::CommandResult;
use bounds::{lex_range, score_range};

/// ZCARD key
pub fn zcard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let len = ctx.db.length(args.get(1), Kind::Zset)?.unwrap_or(0);
    ctx.reply.len(len);
    Ok(())
}

/// ZSCORE key member
pub fn zscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match ctx.db.zset(args.get(1))?.and_then(|zset| zset.score(args.get(2))) {
        Some(score) => ctx.reply.double(score),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// ZMSCORE key member [member …]
pub fn zmscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let zset = ctx.db.zset(args.get(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.from(2) {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => ctx.reply.double(score),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// ZRANK key member
pub fn zrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    rank(ctx, args, false)
}

/// ZREVRANK key member
pub fn zrevrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    rank(ctx, args, true)
}

fn rank(ctx: &mut Ctx<'_>, args: Args<'_>, reverse: bool) -> CommandResult {
    let zset = ctx.db.zset(args.get(1))?;
    let found = zset.and_then(|zset| Some((zset.rank(args.get(2))?.0, zset.len())));
    match found {
        Some((rank, len)) => ctx.reply.len(if reverse { len - 1 - rank } else { rank }),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// ZCOUNT key min max
pub fn zcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let range = score_range(args.get(2), args.get(3))?;
    let zset = ctx.db.zset(args.get(1))?;
    ctx.reply.len(zset.map_or(0, |zset| zset.score_ranks(&range).len()));
    Ok(())
}

/// ZLEXCOUNT key min max
pub fn zlexcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let range = lex_range(args.get(2), args.get(3))?;
    let zset = ctx.db.zset(args.get(1))?;
    ctx.reply.len(zset.map_or(0, |zset| zset.lex_ranks(&range, false).len()));
    Ok(())
}

/// ZSCAN key cursor [MATCH pattern] [COUNT count]
pub fn zscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let cursor = parse_cursor(args.get(2))?;
    let mut found = Found::new(ctx.reply.proto());
    // Redis reads the options only where there is something to scan.
    let next = match ctx.db.zset(args.get(1))? {
        None => 0,
        Some(zset) => {
            let options = ScanOptions::parse(args, 3)?;
            match zset {
                ZsetRef::Packed(list) => {
                    let mut elements = list.iter();
                    while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
                        if options.matches_element(member) {
                            found.element(member);
                            // An integral score's own text: it may have more digits than a double prints.
                            found.push(|reply| match score {
                                Element::Int(_) => reply.element(score),
                                Element::Str(_) => reply.bulk_f64(score_of(score)),
                            });
                        }
                    }
                    0
                }
                ZsetRef::Ordered(set) => set.scan(cursor, options.count, |member, score| {
                    if options.matches(member) {
                        found.bulk(member);
                        found.push(|reply| reply.bulk_f64(score));
                    }
                }),
            }
        }
    };
    found.send(&mut ctx.reply, next);
    Ok(())
}

/// The header for `n` entries: RESP2 lists members and scores in turn, RESP3 pairs of them.
fn entries_header(reply: &mut Reply<'_>, n: usize, with_scores: bool) {
    reply.array(if with_scores && reply.proto() == Proto::Resp2 { n * 2 } else { n });
}

/// One of those entries.
fn entry(reply: &mut Reply<'_>, member: Element<'_>, score: f64, with_scores: bool) {
    if with_scores && reply.proto() == Proto::Resp3 {
        reply.array(2);
    }
    reply.element(member);
    if with_scores {
        reply.double(score);
    }
}

//! ZUNION, ZINTER, ZDIFF, what stores their results, and ZINTERCARD. Plain sets take part with all scores 1.

use alloc::format;
use alloc::vec::Vec;
use core::cmp::Ordering;

use hashbrown::HashTable;

use super::super::{Pair, Zset, ZsetRef};
use super::range::store;
use super::{entries_header, entry};
use crate::args::Args;
use crate::context::Ctx;
use crate::db::Db;
use crate::types::listpack::Element;
use crate::types::set::SetRef;
use crate::types::{Kind, ValueRef};
use crate::words::error::{CommandError, CommandResult, SYNTAX, WRONG_TYPE, as_sent};
use crate::words::hash::HashKey;
use crate::words::number::parse_f64;
use crate::words::ordered;

const NOT_A_WEIGHT: CommandError = CommandError::new("ERR weight value is not a float");
const NEGATIVE_LIMIT: CommandError = CommandError::new("ERR LIMIT can't be negative");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// Which of a family's commands it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Answers the result.
    Read,
    /// Stores it under the key in word 1.
    Store,
    /// Answers its size.
    Card,
}

/// How the scores of one member in several inputs become one.
#[derive(Debug, Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        match () {
            () if args.is(at, "sum") => Ok(Self::Sum),
            () if args.is(at, "min") => Ok(Self::Min),
            () if args.is(at, "max") => Ok(Self::Max),
            () => Err(SYNTAX),
        }
    }

    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Sum => zero_if_nan(a + b),
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// Infinity minus infinity, or nothing times infinity, count as 0.
fn zero_if_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The arguments: how many keys from which word on, and the options.
struct Plan {
    first: usize,
    keys: usize,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Count no further than this; 0 is without limit.
    limit: usize,
}

impl Plan {
    /// Reads the number of keys in word `at`. The options wait until the keys are known to be of the right type.
    fn parse_keys(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let keys = args.int(at)?;
        if keys < 1 {
            let name = args.get(0).to_ascii_lowercase();
            let name = as_sent(&name);
            return Err(CommandError::owned(format!(
                "ERR at least 1 input key is needed for '{name}' command"
            )));
        }
        let keys = usize::try_from(keys).ok().filter(|keys| *keys < args.len() - at).ok_or(SYNTAX)?;
        let (weights, aggregate) = (Vec::new(), Aggregate::Sum);
        Ok(Self { first: at + 1, keys, weights, aggregate, with_scores: false, limit: 0 })
    }

    fn parse_options(&mut self, args: Args<'_>, operation: Operation, form: Form) -> CommandResult {
        let scores = operation != Operation::Diff && form != Form::Card;
        let mut at = self.first + self.keys;
        while at < args.len() {
            let behind = args.len() - at - 1;
            if scores && behind >= self.keys && args.is(at, "weights") {
                let words = args.from(at + 1).take(self.keys);
                let weights = words.map(|word| parse_f64(word).ok_or(NOT_A_WEIGHT));
                self.weights = weights.collect::<Result<_, _>>()?;
                at += self.keys;
            } else if scores && behind >= 1 && args.is(at, "aggregate") {
                self.aggregate = Aggregate::parse(args, at + 1)?;
                at += 1;
            } else if form == Form::Read && args.is(at, "withscores") {
                self.with_scores = true;
            } else if form == Form::Card && behind >= 1 && args.is(at, "limit") {
                self.limit = args.count(at + 1).ok_or(NEGATIVE_LIMIT)?;
                at += 1;
            } else {
                return Err(SYNTAX);
            }
            at += 1;
        }
        Ok(())
    }
}

/// One input.
#[derive(Clone, Copy)]
struct Source<'a> {
    /// None without a key.
    members: Option<Members<'a>>,
    weight: f64,
}

#[derive(Clone, Copy)]
enum Members<'a> {
    Scored(ZsetRef<'a>),
    Plain(SetRef<'a>),
}

impl<'a> Source<'a> {
    fn len(&self) -> usize {
        match self.members {
            None => 0,
            Some(Members::Scored(zset)) => zset.len(),
            Some(Members::Plain(set)) => set.len(),
        }
    }

    /// Every member with its score.
    fn each(&self, mut visit: impl FnMut(Element<'a>, f64) -> bool) {
        match self.members {
            None => {}
            Some(Members::Scored(zset)) => {
                let _ = zset.iter().all(|(member, score)| visit(member, score));
            }
            Some(Members::Plain(set)) => {
                let _ = set.iter().all(|member| visit(member, 1.0));
            }
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self.members? {
            Members::Scored(zset) => zset.score(member),
            Members::Plain(set) => set.contains(member).then_some(1.0),
        }
    }
}

/// Checks every input: it is there with its value in memory, or not there; it is a set or a sorted set.
fn touch(db: &mut Db<'_>, args: Args<'_>, plan: &Plan) -> CommandResult {
    for key in args.from(plan.first).take(plan.keys) {
        match db.value(key)?.map(ValueRef::kind) {
            None | Some(Kind::Zset | Kind::Set) => {}
            Some(_) => return Err(WRONG_TYPE),
        }
    }
    Ok(())
}

/// The inputs, which `touch` has checked.
fn sources<'a>(db: &'a Db<'_>, args: Args<'_>, plan: &Plan) -> Vec<Source<'a>> {
    let keys = args.from(plan.first).take(plan.keys).enumerate();
    keys.map(|(i, key)| {
        let members = match db.peek(key) {
            Some(ValueRef::Zset(zset)) => Some(Members::Scored(zset)),
            Some(ValueRef::Set(set)) => Some(Members::Plain(set)),
            _ => None,
        };
        Source { members, weight: plan.weights.get(i).copied().unwrap_or(1.0) }
    })
    .collect()
}

/// Calls `visit` with every member of all inputs and its joined score, until it has enough.
fn intersect(sources: &[Source<'_>], aggregate: Aggregate, mut visit: impl FnMut(Element<'_>, f64) -> bool) {
    let Some((smallest, others)) = sources.split_first() else { return };
    smallest.each(|member, score| {
        let first = zero_if_nan(smallest.weight * score);
        let joined = member.with_bytes(|bytes| {
            others.iter().try_fold(first, |score, other| {
                Some(aggregate.join(score, other.score(bytes)? * other.weight))
            })
        });
        joined.is_none_or(|score| visit(member, score))
    });
}

/// Every member of any input with its joined score.
fn unite(sources: &[Source<'_>], aggregate: Aggregate, key: HashKey) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut places: HashTable<u32> = HashTable::new();
    for source in sources {
        source.each(|member, score| {
            let score = zero_if_nan(source.weight * score);
            member.with_bytes(|bytes| {
                let hash = key.hash(bytes);
                if let Some(place) = places.find(hash, |place| pairs[*place as usize].0 == bytes) {
                    let known = &mut pairs[*place as usize].1;
                    *known = aggregate.join(*known, score);
                } else {
                    places
                        .insert_unique(hash, pairs.len() as u32, |place| key.hash(&pairs[*place as usize].0));
                    pairs.push((bytes.to_vec(), score));
                }
            });
            true
        });
    }
    pairs
}

/// The members of the first input that are in no other, with their scores there.
fn subtract(sources: &[Source<'_>]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let Some((first, others)) = sources.split_first() else { return pairs };
    first.each(|member, score| {
        let elsewhere = member.with_bytes(|bytes| others.iter().any(|other| other.score(bytes).is_some()));
        if !elsewhere {
            pairs.push((member.to_vec(), score));
        }
        true
    });
    pairs
}

/// The result, in the order of a sorted set.
fn compute(db: &Db<'_>, args: Args<'_>, plan: &Plan, operation: Operation) -> Vec<Pair> {
    let mut sources = sources(db, args, plan);
    if operation != Operation::Diff {
        // From the smallest on, as Redis does: it shows in how sums are rounded.
        ordered::smallest_first(&mut sources, Source::len);
    }
    let mut pairs = match operation {
        Operation::Union => unite(&sources, plan.aggregate, db.limits().hash_key),
        Operation::Diff => subtract(&sources),
        Operation::Inter => {
            let mut pairs = Vec::new();
            intersect(&sources, plan.aggregate, |member, score| {
                pairs.push((member.to_vec(), score));
                true
            });
            pairs
        }
    };
    pairs.sort_unstable_by(|a, b| {
        a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal).then_with(|| a.0.cmp(&b.0))
    });
    pairs
}

fn run(ctx: &mut Ctx<'_>, args: Args<'_>, operation: Operation, form: Form) -> CommandResult {
    let mut plan = Plan::parse_keys(args, if form == Form::Store { 2 } else { 1 })?;
    touch(&mut ctx.db, args, &plan)?;
    plan.parse_options(args, operation, form)?;
    match form {
        Form::Read => {
            let pairs = compute(&ctx.db, args, &plan, operation);
            entries_header(&mut ctx.reply, pairs.len(), plan.with_scores);
            for (member, score) in &pairs {
                entry(&mut ctx.reply, Element::Str(member), *score, plan.with_scores);
            }
        }
        Form::Store => {
            let pairs = compute(&ctx.db, args, &plan, operation);
            let event = match operation {
                Operation::Union => "zunionstore",
                Operation::Inter => "zinterstore",
                Operation::Diff => "zdiffstore",
            };
            let zset = Zset::from_pairs(&pairs, ctx.db.limits());
            store(ctx, args.get(1), zset, event);
        }
        Form::Card => {
            let mut sources = sources(&ctx.db, args, &plan);
            ordered::smallest_first(&mut sources, Source::len);
            let mut count = 0;
            intersect(&sources, plan.aggregate, |_, _| {
                count += 1;
                count != plan.limit
            });
            ctx.reply.len(count);
        }
    }
    Ok(())
}

/// ZUNION numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
pub fn zunion(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, Operation::Union, Form::Read)
}

/// ZUNIONSTORE destination numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX]
pub fn zunionstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, Operation::Union, Form::Store)
}

/// ZINTER numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
pub fn zinter(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, Operation::Inter, Form::Read)
}

/// ZINTERSTORE destination numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX]
pub fn zinterstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, Operation::Inter, Form::Store)
}

/// ZINTERCARD numkeys key [key …] [LIMIT limit]
pub fn zintercard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, Operation::Inter, Form::Card)
}

/// ZDIFF numkeys key [key …] [WITHSCORES]
pub fn zdiff(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, Operation::Diff, Form::Read)
}

/// ZDIFFSTORE destination numkeys key [key …]
pub fn zdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    run(ctx, args, Operation::Diff, Form::Store)
}

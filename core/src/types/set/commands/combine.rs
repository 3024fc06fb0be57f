//! Unions, intersections and differences of sets.

use crate::args::Args;
use crate::context::Ctx;
use crate::db::Db;
use crate::events::Event;
use crate::types::listpack::Element;
use crate::types::segmented::{Fetch, Segmented};
use crate::types::set::{Set, SetRef};
use crate::types::{Limits, Value, ValueRef};
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::hash::HashKey;
use crate::words::ordered;
use crate::words::reach::FULL;
use alloc::vec::Vec;
use core::cmp::Reverse;

const NUMKEYS: CommandError = CommandError::new("ERR numkeys should be greater than 0");
const TOO_MANY_KEYS: CommandError =
    CommandError::new("ERR Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT: CommandError = CommandError::new("ERR LIMIT can't be negative");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// Does what a read does for every key, and makes sure that each holds a set in memory.
fn read_all<'a>(db: &mut Db<'_>, keys: impl Iterator<Item = &'a [u8]>) -> CommandResult {
    for key in keys {
        db.set_of(key)?;
    }
    Ok(())
}

/// The sets under the keys, after [`read_all`].
fn sets<'d, 'a>(db: &'d Db<'_>, keys: impl Iterator<Item = &'a [u8]>) -> Vec<Option<SetRef<'d>>> {
    keys.map(|key| match db.peek(key) {
        Some(ValueRef::Set(set)) => Some(set),
        _ => None,
    })
    .collect()
}

/// The sets by size, if none is missing: each member of the first is asked of the others.
fn smallest_first(sets: Vec<Option<SetRef<'_>>>) -> Option<Vec<SetRef<'_>>> {
    let mut sets: Vec<SetRef<'_>> = sets.into_iter().collect::<Option<_>>()?;
    ordered::smallest_first(&mut sets, |set| set.len());
    Some(sets)
}

fn intersection<'d>(sets: Vec<Option<SetRef<'d>>>, mut visit: impl FnMut(Element<'d>)) {
    // Without tables it does not matter which is asked for its members and which for each of them.
    let sets = if FULL { smallest_first(sets) } else { sets.into_iter().collect() };
    let Some(sets) = sets else { return };
    let Some((smallest, others)) = sets.split_first() else { return };
    smallest.for_each(|member| {
        if others.iter().all(|set| set.contains_element(member)) {
            visit(member);
        }
    });
}

/// The members of the first set that are in no other.
fn difference<'d>(sets: Vec<Option<SetRef<'d>>>, key: HashKey, mut visit: impl FnMut(Element<'d>)) {
    let mut sets = sets.into_iter();
    let Some(first) = sets.next().flatten() else { return };
    let mut others: Vec<SetRef<'d>> = sets.flatten().collect();
    let in_others: usize = others.iter().map(|set| set.len()).sum();
    // Many others are put together first, where asking each for every member would take longer.
    if FULL && first.len().saturating_mul(others.len()) / 2 > first.len() + in_others {
        let mut excluded = Distinct::new(key, in_others);
        others.iter().for_each(|set| set.for_each(|member| excluded.insert(member, |_| ())));
        first.for_each(|member| {
            if !excluded.contains(member) {
                visit(member);
            }
        });
        return;
    }
    // The larger ones are likelier to have it.
    if FULL {
        others.sort_unstable_by_key(|set| Reverse(set.len()));
    }
    first.for_each(|member| {
        if !others.iter().any(|set| set.contains_element(member)) {
            visit(member);
        }
    });
}

/// The members of all sets, each once.
fn union<'d>(sets: Vec<Option<SetRef<'d>>>, limits: &Limits, mut visit: impl FnMut(Element<'_>)) {
    let sets: Vec<SetRef<'d>> = sets.into_iter().flatten().collect();
    if sets.iter().all(|set| matches!(set, SetRef::Ints(_))) {
        // As Redis does: then the answer ascends.
        let mut all = Set::new();
        for member in sets.into_iter().flat_map(SetRef::iter) {
            member.with_bytes(|m| all.insert(m, limits));
        }
        all.as_ref().for_each(visit);
        return;
    }
    let largest = sets.iter().map(|set| set.len()).max().unwrap_or(0);
    let mut seen = Distinct::new(limits.hash_key, largest);
    for set in sets {
        set.for_each(|member| seen.insert(member, &mut visit));
    }
}

impl Fetch for Element<'_> {}

/// Members of several sets, each once, where they lie.
struct Distinct<'d> {
    members: Segmented<Element<'d>>,
    key: HashKey,
}

impl<'d> Distinct<'d> {
    fn new(key: HashKey, expected: usize) -> Self {
        Self { members: Segmented::with_capacity(expected), key }
    }

    fn find(&self, member: Element<'_>) -> (u64, bool) {
        member.with_bytes(|m| {
            let hash = self.key.hash(m);
            (hash, self.members.find_ref(hash, |other| other.eq(m)).is_some())
        })
    }

    fn contains(&self, member: Element<'_>) -> bool {
        self.find(member).1
    }

    /// Adds a member, and shows it where it is new.
    fn insert(&mut self, member: Element<'d>, mut new: impl FnMut(Element<'d>)) {
        let (hash, known) = self.find(member);
        if !known {
            let key = self.key;
            self.members.insert_unique(hash, member, |m| m.with_bytes(|m| key.hash(m)));
            new(member);
        }
    }
}

/// What comes of the sets under the keys, after [`read_all`].
fn combined<'a>(
    db: &Db<'_>,
    keys: impl Iterator<Item = &'a [u8]>,
    operation: Operation,
    limits: &Limits,
) -> Set {
    let sets = sets(db, keys);
    let mut out = Set::new();
    let mut add = |member: Element<'_>| {
        member.with_bytes(|m| out.insert(m, limits));
    };
    match operation {
        Operation::Union => sets.into_iter().flatten().for_each(|set| set.for_each(&mut add)),
        Operation::Intersection => intersection(sets, add),
        Operation::Difference => difference(sets, limits.hash_key, add),
    }
    out
}

fn answer(ctx: &mut Ctx<'_>, args: Args<'_>, operation: Operation) -> CommandResult {
    read_all(&mut ctx.db, args.from(1))?;
    let limits = ctx.db.data.limits;
    if !FULL {
        // One copy of each operation, not one for what is sent and one for what is stored.
        let out = combined(&ctx.db, args.from(1), operation, &limits);
        ctx.reply.set(out.len());
        out.as_ref().for_each(|member| ctx.reply.element(member));
        return Ok(());
    }
    let sets = sets(&ctx.db, args.from(1));
    let mark = ctx.reply.deferred_array();
    let mut members = 0;
    let mut send = |member: Element<'_>| {
        ctx.reply.element(member);
        members += 1;
    };
    match operation {
        Operation::Union => union(sets, &limits, &mut send),
        Operation::Intersection => intersection(sets, &mut send),
        Operation::Difference => difference(sets, limits.hash_key, &mut send),
    }
    ctx.reply.finish_set(mark, members);
    Ok(())
}

fn store(ctx: &mut Ctx<'_>, args: Args<'_>, operation: Operation, event: &'static str) -> CommandResult {
    read_all(&mut ctx.db, args.from(2))?;
    let limits = ctx.db.data.limits;
    let out = combined(&ctx.db, args.from(2), operation, &limits);
    let (key, len) = (args.get(1), out.len());
    if len > 0 {
        ctx.db.set(key, Value::Set(out));
        ctx.db.changed(key, Event::SET, event, 1);
    } else if ctx.db.remove(key) {
        ctx.db.changed(key, Event::GENERIC, "del", 1);
    }
    ctx.reply.len(len);
    Ok(())
}

/// SUNION key [key …]
pub fn sunion(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer(ctx, args, Operation::Union)
}

/// SINTER key [key …]
pub fn sinter(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer(ctx, args, Operation::Intersection)
}

/// SDIFF key [key …]
pub fn sdiff(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer(ctx, args, Operation::Difference)
}

/// SUNIONSTORE destination key [key …]
pub fn sunionstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Union, "sunionstore")
}

/// SINTERSTORE destination key [key …]
pub fn sinterstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Intersection, "sinterstore")
}

/// SDIFFSTORE destination key [key …]
pub fn sdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Difference, "sdiffstore")
}

/// SINTERCARD numkeys key [key …] [LIMIT limit]
pub fn sintercard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let count = args.positive(1).ok_or(NUMKEYS)?;
    if count > args.len() - 2 {
        return Err(TOO_MANY_KEYS);
    }
    let mut limit = usize::MAX;
    let mut i = 2 + count;
    while i < args.len() {
        if !args.is(i, "LIMIT") || i + 1 >= args.len() {
            return Err(SYNTAX);
        }
        let n = args.count(i + 1).ok_or(NEGATIVE_LIMIT)?;
        limit = if n == 0 { usize::MAX } else { n };
        i += 2;
    }
    let keys = || args.from(2).take(count);
    read_all(&mut ctx.db, keys())?;
    let members = smallest_first(sets(&ctx.db, keys())).map_or(0, |sets| {
        let in_all = |member: &Element<'_>| sets[1..].iter().all(|set| set.contains_element(*member));
        sets[0].iter().filter(in_all).take(limit).count()
    });
    ctx.reply.len(members);
    Ok(())
}

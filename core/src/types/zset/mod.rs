//! Sorted sets: distinct members ordered by score, then by their bytes.
//!
//! A small one is a listpack, a large one a [`ScoredSet`]. Both are asked in terms of ranks: an interval of scores or
//! members becomes a range of ranks first, and what reads or removes entries takes ranks.

mod arena;
mod cells;
pub mod commands;
pub(super) mod packed;
mod range;
mod scored;
#[cfg(test)]
mod tests;
mod tree;

use core::ops::Range;

use super::Limits;
use super::full::Full;
use super::listpack::{Element, Listpack, ListpackBuf};
use crate::words::reach::FULL;
use crate::words::rng::Rng;
use packed::Pairs;
pub use range::{LexBound, LexRange, Pair, ScoreRange};
pub use scored::{ScoredEntries, ScoredSet};

/// A sorted set.
#[derive(Debug)]
pub enum Zset {
    /// Few and short members, in a listpack of members and scores.
    Packed(ListpackBuf),
    /// Any number of members.
    Ordered(Full<ScoredSet>),
}

/// A sorted set, for reading.
#[derive(Debug, Clone, Copy)]
pub enum ZsetRef<'a> {
    /// See [`Zset::Packed`].
    Packed(Listpack<'a>),
    /// See [`Zset::Ordered`].
    Ordered(Full<&'a ScoredSet>),
}

impl Zset {
    /// An empty one, in the compact form.
    pub fn new() -> Self {
        Self::Packed(ListpackBuf::new())
    }

    /// Distinct members with their scores, in any order, in the form that the limits ask for. This is how Redis encodes
    /// what it computed (ZUNIONSTORE) or loaded.
    pub fn from_pairs<M: AsRef<[u8]>>(pairs: &[(M, f64)], limits: &Limits) -> Self {
        let longest = pairs.iter().map(|(member, _)| member.as_ref().len()).max().unwrap_or(0);
        let is_large =
            pairs.len() > limits.zset_max_listpack_entries || longest > limits.zset_max_listpack_value;
        let mut zset = if FULL && is_large {
            Self::Ordered(Full::new(ScoredSet::new(limits.hash_key)))
        } else {
            Self::new()
        };
        for (member, score) in pairs {
            match &mut zset {
                Self::Packed(list) => packed::insert(list, member.as_ref(), *score),
                Self::Ordered(set) => {
                    set.update(member.as_ref(), |_| Some(*score));
                }
            }
        }
        zset
    }

    /// The set for reading.
    pub fn as_ref(&self) -> ZsetRef<'_> {
        match self {
            Self::Packed(list) => ZsetRef::Packed(list.as_ref()),
            Self::Ordered(set) => ZsetRef::Ordered(set.as_ref()),
        }
    }

    /// Sets a member's score to what `decide` makes of its present one; where it makes nothing, all stays as it is.
    /// Returns the score before. A new member may make the set leave the compact form.
    pub fn update(
        &mut self,
        member: &[u8],
        limits: &Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Option<f64> {
        let list = match self {
            Self::Ordered(set) => return set.update(member, decide),
            Self::Packed(list) => list,
        };
        let old = packed::score(list.as_ref(), member);
        let Some(new) = decide(old) else { return old };
        if old.is_some() {
            if old != Some(new) {
                packed::remove(list, member);
                packed::insert(list, member, new);
            }
        } else if !FULL
            || list.len() / 2 < limits.zset_max_listpack_entries
                && member.len() <= limits.zset_max_listpack_value
                && packed::safe_to_add(list, member.len())
        {
            packed::insert(list, member, new);
        } else {
            self.unpack(limits);
            if let Self::Ordered(set) = self {
                set.update(member, |_| Some(new));
            }
        }
        old
    }

    /// Adds a member or sets its score; returns the score before.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) -> Option<f64> {
        self.update(member, limits, |_| Some(score))
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(list) => packed::remove(list, member),
            Self::Ordered(set) => set.remove(member),
        }
    }

    /// Removes the entries of those ranks.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        match self {
            Self::Packed(list) => {
                if let Some(pos) = list.as_ref().seek(ranks.start as i64 * 2) {
                    list.remove_range(pos, ranks.len() * 2);
                }
            }
            Self::Ordered(set) => set.remove_ranks(ranks),
        }
    }

    /// Leaves the compact form, where there is another.
    pub fn unpack(&mut self, limits: &Limits) {
        if let Self::Packed(list) = self
            && FULL
        {
            let mut set = ScoredSet::new(limits.hash_key);
            for (member, score) in (Pairs { elements: list.as_ref().iter() }) {
                member.with_bytes(|bytes| set.update(bytes, |_| Some(score)));
            }
            *self = Self::Ordered(Full::new(set));
        }
    }

    /// Gives up memory, about `budget` members' worth; true when all is freed. The set cannot be used afterwards.
    pub fn free_some(&mut self, budget: usize) -> bool {
        match self {
            Self::Packed(_) => true,
            Self::Ordered(set) => set.free_some(budget),
        }
    }
}

impl Default for Zset {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> ZsetRef<'a> {
    /// The number of members.
    pub fn len(self) -> usize {
        match self {
            Self::Packed(list) => list.len() / 2,
            Self::Ordered(set) => set.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Ordered(_) => "skiplist",
        }
    }

    /// Bytes of memory that the value takes, about.
    pub fn memory(self) -> usize {
        match self {
            Self::Packed(list) => list.bytes().len(),
            Self::Ordered(set) => set.memory(),
        }
    }

    /// A member's score.
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(list) => packed::score(list, member),
            Self::Ordered(set) => set.score(member),
        }
    }

    /// How many entries come before a member, and its score.
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            Self::Packed(list) => packed::rank(list, member),
            Self::Ordered(set) => set.rank(member),
        }
    }

    /// The ranks of the entries inside an interval of scores.
    pub fn score_ranks(self, range: &ScoreRange) -> Range<usize> {
        match self {
            Self::Packed(list) => packed::score_ranks(list, range),
            Self::Ordered(set) => set.score_ranks(range),
        }
    }

    /// The ranks of the entries inside an interval of members. `reverse` says from which side the command walks: that
    /// matters only where scores differ.
    pub fn lex_ranks(self, range: &LexRange<'_>, reverse: bool) -> Range<usize> {
        match self {
            Self::Packed(list) => packed::lex_ranks(list, range, reverse),
            Self::Ordered(set) => set.lex_ranks(range),
        }
    }

    /// The entries of those ranks, in order or (`reverse`) from the last to the first.
    pub fn entries(self, ranks: Range<usize>, reverse: bool) -> Entries<'a> {
        match self {
            Self::Packed(list) => {
                let len = list.len() / 2;
                let end = ranks.end.min(len);
                let start = ranks.start.min(end);
                let mut pairs = Pairs { elements: list.iter() };
                let skip = if reverse { len - end } else { start };
                for _ in 0..skip {
                    if reverse {
                        pairs.next_back()
                    } else {
                        pairs.next()
                    };
                }
                Entries(Form::Packed(pairs, end - start, reverse))
            }
            Self::Ordered(set) => Entries(Form::Ordered(Full::new(set.get().entries(ranks, reverse)))),
        }
    }

    /// All entries in order.
    pub fn iter(self) -> Entries<'a> {
        self.entries(0..usize::MAX, false)
    }

    /// A random entry, each as likely as any other.
    pub fn random(self, rng: &mut Rng) -> Option<(Element<'a>, f64)> {
        let rank = rng.index(self.len());
        self.entries(rank..rank + 1, false).next()
    }

    /// Shows members from `cursor` on to `visit`, about `count` of them (a compact set: all); returns the next cursor, 0
    /// at the end.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'_>, f64)) -> u64 {
        match self {
            Self::Packed(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            Self::Ordered(set) => set.scan(cursor, count, |member, score| visit(Element::Str(member), score)),
        }
    }
}

/// Entries in order: member and score.
pub struct Entries<'a>(Form<'a>);

enum Form<'a> {
    /// The pairs left at either end, how many of them are wanted, and whether from the end.
    Packed(Pairs<'a>, usize, bool),
    Ordered(Full<ScoredEntries<'a>>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Element<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Form::Packed(_, 0, _) => None,
            Form::Packed(pairs, left, reverse) => {
                *left -= 1;
                if *reverse { pairs.next_back() } else { pairs.next() }
            }
            Form::Ordered(entries) => entries.next().map(|(member, score)| (Element::Str(member), score)),
        }
    }
}

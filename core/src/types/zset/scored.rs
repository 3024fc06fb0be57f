//! The full form of a sorted set: cells hold members and scores, a hash table finds a member's cell, a tree keeps the
//! cells in order.

use alloc::boxed::Box;
use core::ops::Range;

use super::cells::Cells;
use super::range::{LexBound, LexRange, ScoreRange};
use super::tree::{Cursor, Seek, Tree};
use crate::types::segmented::{Fetch, Segmented, Slot};
use crate::words::hash::HashKey;

/// A sorted set of any size. Every call takes O(log n), apart from the number of entries it walks over.
pub struct ScoredSet(Box<Parts>);

struct Parts {
    table: Segmented<Entry>,
    cells: Cells,
    tree: Tree,
    key: HashKey,
}

/// What the table holds of a member. With half of the hash beside the id, the table grows without reading members.
#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    id: u32,
}

/// The hash lies beside the id: nothing has to come from elsewhere.
impl Fetch for Entry {}

impl Entry {
    /// The hash as the table sees it: the known half spread over all bits.
    fn spread(self) -> u64 {
        spread(self.hash)
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl ScoredSet {
    /// An empty set whose table is keyed by `key`.
    pub fn new(key: HashKey) -> Self {
        Self(Box::new(Parts { table: Segmented::new(), cells: Cells::new(), tree: Tree::new(), key }))
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.0.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let (_, id) = self.find(self.hash(member), member)?;
        Some(self.0.cells.score(id))
    }

    /// How many entries come before a member, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.rank_of(&Seek::entry(score, member)), score))
    }

    /// The ranks of the entries inside an interval of scores.
    pub fn score_ranks(&self, range: &ScoreRange) -> Range<usize> {
        let start = self.rank_of(&Seek::score(range.min, range.min_exclusive));
        let end = self.rank_of(&Seek::score(range.max, !range.max_exclusive));
        start..end.max(start)
    }

    /// The ranks of the entries inside an interval of members, under the assumption that all scores are the same. Where
    /// they are not, the set is at least as empty as Redis finds it when it looks at both ends.
    pub fn lex_ranks(&self, range: &LexRange<'_>) -> Range<usize> {
        let last = self.len().saturating_sub(1);
        let reaches = |rank: usize, inside: &dyn Fn(&[u8]) -> bool| {
            self.entries(rank..rank + 1, false).next().is_some_and(|(member, _)| inside(member))
        };
        if range.is_empty()
            || !reaches(last, &|member| range.reaches_min(member))
            || !reaches(0, &|member| range.reaches_max(member))
        {
            return 0..0;
        }
        let start = match range.min {
            LexBound::Min => 0,
            LexBound::Max => self.len(),
            LexBound::Inclusive(min) => self.rank_of(&Seek::lex(min, false)),
            LexBound::Exclusive(min) => self.rank_of(&Seek::lex(min, true)),
        };
        let end = match range.max {
            LexBound::Min => 0,
            LexBound::Max => self.len(),
            LexBound::Inclusive(max) => self.rank_of(&Seek::lex(max, true)),
            LexBound::Exclusive(max) => self.rank_of(&Seek::lex(max, false)),
        };
        start..end.max(start)
    }

    /// The entries of those ranks, in order or (`reverse`) from the last to the first.
    pub fn entries(&self, ranks: Range<usize>, reverse: bool) -> ScoredEntries<'_> {
        let left = ranks.end.min(self.len()).saturating_sub(ranks.start);
        let first = if reverse { ranks.start + left.saturating_sub(1) } else { ranks.start };
        let cursor = if left == 0 { None } else { self.0.tree.seek_rank(first as u32) };
        ScoredEntries { set: self, cursor, left, reverse }
    }

    /// Sets a member's score to what `decide` makes of its present one (None: the member is not there, or is to be
    /// left as it is). Returns the score before.
    pub fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Option<f64> {
        let hash = self.hash(member);
        let parts = &mut *self.0;
        if let Some((_, id)) = parts.find(hash, member) {
            let old = parts.cells.score(id);
            if let Some(new) = decide(Some(old))
                && new != old
            {
                parts.tree.rescore(old, new, id, &parts.cells);
                parts.cells.set_score(id, new);
            }
            return Some(old);
        }
        if let Some(score) = decide(None) {
            parts.insert(hash, member, score);
        }
        None
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (slot, id) = self.find(self.hash(member), member)?;
        let parts = &mut *self.0;
        let score = parts.cells.score(id);
        parts.tree.remove(score, id, &parts.cells);
        parts.table.remove(slot);
        parts.table.shrink(Entry::spread_ref);
        parts.cells.remove(id);
        parts.reclaim(id);
        Some(score)
    }

    /// Removes the entries of those ranks.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        let mut left = ranks.end.min(self.len()).saturating_sub(ranks.start);
        let parts = &mut *self.0;
        while left > 0 {
            let mut run = Run { ids: [0; Run::MOST], len: 0 };
            let limit = left.min(Run::MOST);
            left -= parts.tree.remove_run(ranks.start as u32, limit, &parts.cells, |id| run.push(id));
            // Every id leaves table and tree before a cell moves, so that the ids of the run stay true.
            for id in run.ids() {
                parts.untable(*id);
            }
            for id in run.ids() {
                parts.cells.remove(*id);
            }
            for id in run.ids() {
                parts.reclaim(*id);
            }
        }
    }

    /// Shows members to `visit` from `cursor` on, about `count` of them; returns the next cursor, 0 at the end. A member
    /// that stays in the set is shown whatever changes meanwhile.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let parts = &*self.0;
        parts.table.scan(cursor, count, |entry| {
            visit(parts.cells.member(entry.id), parts.cells.score(entry.id));
        })
    }

    /// Gives up the memory of about `budget` members, rounded up to a segment's; true when all is freed. The set cannot
    /// be used after the first call.
    pub fn free_some(&mut self, budget: usize) -> bool {
        const CHUNK: usize = 256;
        for _ in 0..budget.div_ceil(CHUNK).max(1) {
            let dropped = self.0.cells.drop_chunk() | self.0.tree.drop_chunk();
            if self.0.table.free_some(CHUNK) && !dropped {
                return true;
            }
        }
        false
    }

    /// Bytes taken from the allocator, without its own overhead.
    pub fn memory(&self) -> usize {
        let parts = &*self.0;
        size_of::<Parts>() + parts.table.allocated() + parts.cells.memory() + parts.tree.memory()
    }

    fn hash(&self, member: &[u8]) -> u32 {
        self.0.hash(member)
    }

    fn find(&self, hash: u32, member: &[u8]) -> Option<(Slot, u32)> {
        self.0.find(hash, member)
    }

    fn rank_of(&self, seek: &Seek<'_>) -> usize {
        self.0.tree.rank(seek, &self.0.cells) as usize
    }
}

impl core::fmt::Debug for ScoredSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ScoredSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Entry {
    fn spread_ref(entry: &Self) -> u64 {
        entry.spread()
    }
}

impl Parts {
    fn hash(&self, member: &[u8]) -> u32 {
        self.key.hash(member) as u32
    }

    #[inline]
    fn find(&self, hash: u32, member: &[u8]) -> Option<(Slot, u32)> {
        let slot = self.table.find(spread(hash), |e| e.hash == hash && self.cells.member(e.id) == member)?;
        Some((slot, self.table.get(slot).id))
    }

    fn insert(&mut self, hash: u32, member: &[u8], score: f64) {
        let id = self.cells.insert(member, score);
        self.table.insert_unique(spread(hash), Entry { hash, id }, Entry::spread_ref);
        self.tree.insert(score, id, &self.cells);
    }

    /// Takes a member out of the table.
    fn untable(&mut self, id: u32) {
        let hash = self.hash(self.cells.member(id));
        if let Some(slot) = self.table.find(spread(hash), |e| e.id == id) {
            self.table.remove(slot);
            self.table.shrink(Entry::spread_ref);
        }
    }

    /// Moves members where that gives memory back: two a removal, so that the free cells become fewer.
    fn reclaim(&mut self, id: u32) {
        for _ in 0..2 {
            let Some((from, to)) = self.cells.surplus(id) else { return };
            let hash = self.hash(self.cells.member(from));
            if let Some(entry) = self.table.find_mut(spread(hash), |e| e.id == from) {
                entry.id = to;
            }
            self.tree.rename(self.cells.score(from), from, to, &self.cells);
            self.cells.shift(from, to);
        }
    }
}

/// The ids that one step of a range removal took out of the tree.
struct Run {
    ids: [u32; Self::MOST],
    len: usize,
}

impl Run {
    const MOST: usize = 64;

    fn push(&mut self, id: u32) {
        self.ids[self.len] = id;
        self.len += 1;
    }

    fn ids(&self) -> &[u32] {
        &self.ids[..self.len]
    }
}

/// Entries of a [`ScoredSet`] in order: member and score.
pub struct ScoredEntries<'a> {
    set: &'a ScoredSet,
    cursor: Option<Cursor>,
    left: usize,
    reverse: bool,
}

impl<'a> Iterator for ScoredEntries<'a> {
    type Item = (&'a [u8], f64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let cursor = self.cursor?;
        let parts = &*self.set.0;
        let (score, id) = parts.tree.get(cursor);
        self.left -= 1;
        self.cursor = if self.reverse { parts.tree.prev(cursor) } else { parts.tree.next(cursor) };
        Some((parts.cells.member(id), score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

//! Nodes of the ordered tree: fixed arrays, searched by scores alone as long as those differ.

use super::Cells;

/// The most entries of a leaf.
pub(super) const LEAF: usize = 64;
/// The most children of an inner node.
pub(super) const FANOUT: usize = 64;
/// No node.
pub(super) const NIL: u32 = u32::MAX;

/// A place between the entries of the order: those that [`Seek::position`] counts lie before it.
#[derive(Clone, Copy)]
pub(in super::super) struct Seek<'a> {
    /// None orders by the member alone, as lexicographic ranges do.
    score: Option<f64>,
    /// None is before (or, inclusive, after) all entries of the score.
    member: Option<&'a [u8]>,
    inclusive: bool,
}

impl<'a> Seek<'a> {
    /// Before the entries with this score (`inclusive`: after them).
    pub(in super::super) fn score(score: f64, inclusive: bool) -> Self {
        Self { score: Some(score), member: None, inclusive }
    }

    /// Before (after) this member, where all scores are the same.
    pub(in super::super) fn lex(member: &'a [u8], inclusive: bool) -> Self {
        Self { score: None, member: Some(member), inclusive }
    }

    /// Before this entry.
    pub(in super::super) fn entry(score: f64, member: &'a [u8]) -> Self {
        Self { score: Some(score), member: Some(member), inclusive: false }
    }

    /// After this entry.
    pub(super) fn past(score: f64, member: &'a [u8]) -> Self {
        Self { score: Some(score), member: Some(member), inclusive: true }
    }

    /// How many of the entries lie before the place.
    #[inline]
    pub(super) fn position<const N: usize>(&self, keys: &Keys<N>, cells: &Cells) -> usize {
        let Some(score) = self.score else {
            return self.among(keys, 0, keys.len(), cells);
        };
        let scores = keys.scores();
        if self.member.is_none() && self.inclusive {
            return scores.iter().filter(|s| **s <= score).count();
        }
        // Counting all reads the node's lines at once and without branches: faster than a binary search.
        let below = scores.iter().filter(|s| **s < score).count();
        if self.member.is_none() || scores.get(below) != Some(&score) {
            return below;
        }
        let same = scores[below..].iter().take_while(|s| **s == score).count();
        self.among(keys, below, below + same, cells)
    }

    /// The same among `low..high`, where only the member decides.
    fn among<const N: usize>(&self, keys: &Keys<N>, low: usize, high: usize, cells: &Cells) -> usize {
        let wanted = self.member.unwrap_or_default();
        low + keys.ids()[low..high].partition_point(|id| {
            let member = cells.member(*id);
            member < wanted || (self.inclusive && member == wanted)
        })
    }
}

/// Scores and ids in order: the entries of a leaf, or the first entries of an inner node's children.
pub(super) struct Keys<const N: usize> {
    scores: [f64; N],
    ids: [u32; N],
    len: u32,
}

impl<const N: usize> Keys<N> {
    pub(super) const fn new() -> Self {
        Self { scores: [0.0; N], ids: [0; N], len: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores[..self.len()]
    }

    #[inline]
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids[..self.len()]
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> (f64, u32) {
        (self.scores[at], self.ids[at])
    }

    pub(super) fn set(&mut self, at: usize, (score, id): (f64, u32)) {
        self.scores[at] = score;
        self.ids[at] = id;
    }

    pub(super) fn insert(&mut self, at: usize, key: (f64, u32)) {
        let len = self.len();
        self.scores.copy_within(at..len, at + 1);
        self.ids.copy_within(at..len, at + 1);
        self.len += 1;
        self.set(at, key);
    }

    pub(super) fn remove(&mut self, at: usize, n: usize) {
        let len = self.len();
        self.scores.copy_within(at + n..len, at);
        self.ids.copy_within(at + n..len, at);
        self.len -= n as u32;
    }

    /// Appends `n` entries of `other`, from `at` on.
    fn extend_from(&mut self, other: &Self, at: usize, n: usize) {
        let len = self.len();
        self.scores[len..len + n].copy_from_slice(&other.scores[at..at + n]);
        self.ids[len..len + n].copy_from_slice(&other.ids[at..at + n]);
        self.len += n as u32;
    }

    /// Makes room for `n` entries at the front.
    fn open_front(&mut self, n: usize) {
        let len = self.len();
        self.scores.copy_within(..len, n);
        self.ids.copy_within(..len, n);
        self.len += n as u32;
    }
}

/// What leaves and inner nodes have in common when neighbours exchange entries.
pub(super) trait Node {
    /// The most entries.
    const MAX: usize;
    /// With fewer, the node is merged with a neighbour or takes entries from it.
    const MIN: usize = Self::MAX / 4;
    /// Two neighbours with so many entries together become one node.
    const MERGED: usize = Self::MAX * 3 / 4;

    fn len(&self) -> usize;

    /// Appends the first `n` entries of the right neighbour, and takes them from it.
    fn take_front(&mut self, right: &mut Self, n: usize);

    /// Puts the last `n` entries of `self` before those of the right neighbour.
    fn give_back(&mut self, right: &mut Self, n: usize);
}

/// Entries of the set, and the neighbouring leaves.
pub(super) struct Leaf {
    pub(super) keys: Keys<LEAF>,
    pub(super) prev: u32,
    pub(super) next: u32,
}

impl Leaf {
    pub(super) const fn new() -> Self {
        Self { keys: Keys::new(), prev: NIL, next: NIL }
    }
}

impl Node for Leaf {
    const MAX: usize = LEAF;

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn take_front(&mut self, right: &mut Self, n: usize) {
        self.keys.extend_from(&right.keys, 0, n);
        right.keys.remove(0, n);
    }

    fn give_back(&mut self, right: &mut Self, n: usize) {
        let keep = self.len() - n;
        right.keys.open_front(n);
        for at in 0..n {
            right.keys.set(at, self.keys.get(keep + at));
        }
        self.keys.remove(keep, n);
    }
}

/// Children, each with its first entry and the number of entries below it.
pub(super) struct Inner {
    pub(super) keys: Keys<FANOUT>,
    pub(super) children: [u32; FANOUT],
    pub(super) counts: [u32; FANOUT],
}

/// One child of an inner node.
#[derive(Clone, Copy)]
pub(super) struct Child {
    pub(super) first: (f64, u32),
    pub(super) node: u32,
    pub(super) count: u32,
}

impl Inner {
    pub(super) const fn new() -> Self {
        Self { keys: Keys::new(), children: [0; FANOUT], counts: [0; FANOUT] }
    }

    /// Entries below all children.
    pub(super) fn total(&self) -> u32 {
        self.counts[..self.len()].iter().sum()
    }

    fn child(&self, at: usize) -> Child {
        Child { first: self.keys.get(at), node: self.children[at], count: self.counts[at] }
    }

    fn set_child(&mut self, at: usize, child: Child) {
        self.keys.set(at, child.first);
        self.children[at] = child.node;
        self.counts[at] = child.count;
    }

    pub(super) fn insert(&mut self, at: usize, child: Child) {
        let len = self.len();
        self.children.copy_within(at..len, at + 1);
        self.counts.copy_within(at..len, at + 1);
        self.keys.insert(at, child.first);
        self.set_child(at, child);
    }

    pub(super) fn remove(&mut self, at: usize, n: usize) {
        let len = self.len();
        self.children.copy_within(at + n..len, at);
        self.counts.copy_within(at + n..len, at);
        self.keys.remove(at, n);
    }
}

impl Node for Inner {
    const MAX: usize = FANOUT;

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn take_front(&mut self, right: &mut Self, n: usize) {
        for at in 0..n {
            self.insert(self.len(), right.child(at));
        }
        right.remove(0, n);
    }

    fn give_back(&mut self, right: &mut Self, n: usize) {
        let (keep, len) = (self.len() - n, right.len());
        right.children.copy_within(..len, n);
        right.counts.copy_within(..len, n);
        right.keys.open_front(n);
        for at in 0..n {
            right.set_child(at, self.child(keep + at));
        }
        self.remove(keep, n);
    }
}

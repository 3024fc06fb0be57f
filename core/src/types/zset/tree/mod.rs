//! The order of a sorted set: a B+tree over (score, member) that counts the entries below every child.
//!
//! An entry is a score and the id of the member's cell; the tree reads a member only to decide between equal scores.
//! Inner nodes hold each child's first entry, exactly: when that entry goes or its id changes, they are mended on
//! the same path. Ranks and entries by rank take one descent each, and leaves are linked both ways.

mod insert;
mod node;
mod remove;
#[cfg(test)]
mod tests;

use super::arena::Arena;
use super::cells::Cells;
pub(super) use node::Seek;
use node::{Inner, Leaf, NIL, Node};

/// With at least a quarter of [`node::FANOUT`] children a node (the rightmost ones aside), 2³² entries need fewer levels.
const MAX_HEIGHT: usize = 12;

/// The tree. An empty one has a single empty leaf.
pub(super) struct Tree {
    leaves: Arena<Leaf>,
    inners: Arena<Inner>,
    /// Levels of inner nodes above the leaves.
    height: usize,
    /// An inner node, or at height 0 a leaf.
    root: u32,
}

/// The place of an entry, for walking along the leaves.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    leaf: u32,
    at: u32,
}

/// The way from the root to a place in a leaf.
struct Path {
    /// Inner nodes, from the root, and which child was taken.
    steps: [(u32, u8); MAX_HEIGHT],
    leaf: u32,
    /// How many of the leaf's entries lie before the place.
    at: usize,
}

impl Tree {
    pub(super) fn new() -> Self {
        let mut leaves = Arena::new();
        let root = leaves.push(Leaf::new());
        Self { leaves, inners: Arena::new(), height: 0, root }
    }

    /// The number of entries.
    pub(super) fn len(&self) -> u32 {
        if self.height == 0 { self.leaves[self.root].len() as u32 } else { self.inners[self.root].total() }
    }

    /// How many entries lie before the place.
    pub(super) fn rank(&self, seek: &Seek<'_>, cells: &Cells) -> u32 {
        let mut rank = 0;
        let mut node = self.root;
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let child = seek.position(&inner.keys, cells).saturating_sub(1);
            rank += inner.counts[..child].iter().sum::<u32>();
            node = inner.children[child];
        }
        rank + seek.position(&self.leaves[node].keys, cells) as u32
    }

    /// The place of the entry of that rank.
    pub(super) fn seek_rank(&self, rank: u32) -> Option<Cursor> {
        let (path, _) = self.path_to_rank(rank);
        let at = path.at;
        (at < self.leaves[path.leaf].len()).then_some(Cursor { leaf: path.leaf, at: at as u32 })
    }

    /// The entry at a place: score and id.
    #[inline]
    pub(super) fn get(&self, cursor: Cursor) -> (f64, u32) {
        self.leaves[cursor.leaf].keys.get(cursor.at as usize)
    }

    /// The place of the next entry.
    #[inline]
    pub(super) fn next(&self, cursor: Cursor) -> Option<Cursor> {
        let leaf = &self.leaves[cursor.leaf];
        if cursor.at as usize + 1 < leaf.len() {
            return Some(Cursor { at: cursor.at + 1, ..cursor });
        }
        (leaf.next != NIL).then_some(Cursor { leaf: leaf.next, at: 0 })
    }

    /// The place of the entry before.
    #[inline]
    pub(super) fn prev(&self, cursor: Cursor) -> Option<Cursor> {
        if cursor.at > 0 {
            return Some(Cursor { at: cursor.at - 1, ..cursor });
        }
        let prev = self.leaves[cursor.leaf].prev;
        (prev != NIL).then(|| Cursor { leaf: prev, at: self.leaves[prev].len() as u32 - 1 })
    }

    /// Gives up some nodes, if there are any; for freeing in slices. The tree cannot be used afterwards.
    pub(super) fn drop_chunk(&mut self) -> bool {
        self.leaves.drop_chunk() || self.inners.drop_chunk()
    }

    /// Bytes allocated, without the allocator's own overhead.
    pub(super) fn memory(&self) -> usize {
        self.leaves.memory() + self.inners.memory()
    }

    /// Changes the id under which an entry's member is known. Both cells must hold the member meanwhile, or the old one.
    pub(super) fn rename(&mut self, score: f64, old: u32, new: u32, cells: &Cells) {
        let path = self.path_of(score, old, cells);
        for (node, child) in &path.steps[..self.height] {
            let keys = &mut self.inners[*node].keys;
            let (score, id) = keys.get(usize::from(*child));
            if id == old {
                keys.set(usize::from(*child), (score, new));
            }
        }
        self.leaves[path.leaf].keys.set(path.at, (score, new));
    }

    /// The way to a place.
    fn path(&self, seek: &Seek<'_>, cells: &Cells) -> Path {
        let mut steps = [(NIL, 0); MAX_HEIGHT];
        let mut node = self.root;
        for step in &mut steps[..self.height] {
            let inner = &self.inners[node];
            let child = seek.position(&inner.keys, cells).saturating_sub(1);
            *step = (node, child as u8);
            node = inner.children[child];
        }
        let at = seek.position(&self.leaves[node].keys, cells);
        Path { steps, leaf: node, at }
    }

    /// The way to an entry that is there.
    fn path_of(&self, score: f64, id: u32, cells: &Cells) -> Path {
        let mut path = self.path(&Seek::past(score, cells.member(id)), cells);
        path.at -= 1;
        path
    }

    /// The way to the entry of that rank, and how many of the entries from there on the same leaf holds.
    fn path_to_rank(&self, rank: u32) -> (Path, usize) {
        let mut steps = [(NIL, 0); MAX_HEIGHT];
        let mut node = self.root;
        let mut left = rank;
        for step in &mut steps[..self.height] {
            let inner = &self.inners[node];
            let mut child = 0;
            while child + 1 < inner.len() && left >= inner.counts[child] {
                left -= inner.counts[child];
                child += 1;
            }
            *step = (node, child as u8);
            node = inner.children[child];
        }
        let len = self.leaves[node].len();
        let at = (left as usize).min(len);
        (Path { steps, leaf: node, at }, len - at)
    }

    /// Adds to the counts along a path.
    fn count(&mut self, path: &Path, change: i32) {
        for (node, child) in &path.steps[..self.height] {
            let count = &mut self.inners[*node].counts[usize::from(*child)];
            *count = count.wrapping_add_signed(change);
        }
    }

    /// The first entry of a node `level` levels below the root.
    fn first_of(&self, level: usize, node: u32) -> (f64, u32) {
        if level == self.height { self.leaves[node].keys.get(0) } else { self.inners[node].keys.get(0) }
    }

    /// Copies the first entry of the child taken at `level` up the path, as far as it is seen.
    fn refresh_first(&mut self, path: &Path, level: usize) {
        for level in (0..level).rev() {
            let (node, child) = path.steps[level];
            let child = usize::from(child);
            let first = self.first_of(level + 1, self.inners[node].children[child]);
            self.inners[node].keys.set(child, first);
            if child != 0 {
                break;
            }
        }
    }
}

//! Removing entries.

use super::node::{Inner, Leaf, NIL, Node, Seek};
use super::{Arena, Cells, MAX_HEIGHT, Path, Tree};

impl Tree {
    /// Removes an entry that is there.
    pub(in super::super) fn remove(&mut self, score: f64, id: u32, cells: &Cells) {
        let path = self.path_of(score, id, cells);
        self.take(&path, 1, cells);
    }

    /// Removes entries from that rank on, at most `limit` and those of one leaf only. `visit` sees the removed ids,
    /// and their number is returned. All members must still be in their cells.
    pub(in super::super) fn remove_run(
        &mut self,
        rank: u32,
        limit: usize,
        cells: &Cells,
        mut visit: impl FnMut(u32),
    ) -> usize {
        let (path, there) = self.path_to_rank(rank);
        let n = limit.min(there);
        self.leaves[path.leaf].keys.ids()[path.at..path.at + n].iter().for_each(|id| visit(*id));
        if n > 0 {
            self.take(&path, n, cells);
        }
        n
    }

    /// Removes `n` entries of the path's leaf, from the path's place on.
    pub(super) fn take(&mut self, path: &Path, n: usize, cells: &Cells) {
        self.count(path, -(n as i32));
        let leaf = &mut self.leaves[path.leaf];
        leaf.keys.remove(path.at, n);
        let left = leaf.len();
        if path.at == 0 && left > 0 {
            self.refresh_first(path, self.height);
        }
        if left < Leaf::MIN && self.height > 0 {
            self.rebalance(path, cells);
        }
    }

    /// Merges nodes with too few entries, from the path's leaf upwards.
    fn rebalance(&mut self, path: &Path, cells: &Cells) {
        let mut freed = Freed::new();
        for level in (1..=self.height).rev() {
            let node = if level == self.height { path.leaf } else { path.steps[level].0 };
            let min = if level == self.height { Leaf::MIN } else { Inner::MIN };
            if self.len_of(level, node) >= min {
                break;
            }
            let Some(gone) = self.mend(path, level) else { break };
            if level == self.height {
                self.unlink(gone);
                freed.leaf = gone;
            } else {
                freed.push(gone);
            }
        }
        self.lower_root(&mut freed);
        self.free(freed, cells);
    }

    /// Merges the path's node at `level` with a neighbour, or lets it take entries from it. Returns the node that is
    /// no longer part of the tree.
    fn mend(&mut self, path: &Path, level: usize) -> Option<u32> {
        let (parent, taken) = path.steps[level - 1];
        let taken = usize::from(taken);
        let siblings = self.inners[parent].len();
        if siblings == 1 {
            let only = self.inners[parent].children[0];
            if self.len_of(level, only) > 0 {
                return None;
            }
            self.inners[parent].remove(0, 1);
            return Some(only);
        }
        let at = if taken + 1 < siblings { taken } else { taken - 1 };
        let (left, right) = (self.inners[parent].children[at], self.inners[parent].children[at + 1]);
        let merged = if level == self.height {
            balance(&mut self.leaves, left, right)
        } else {
            balance(&mut self.inners, left, right)
        };
        self.refresh_child(level, parent, at);
        if merged {
            self.inners[parent].remove(at + 1, 1);
        } else {
            self.refresh_child(level, parent, at + 1);
        }
        if at == 0 {
            self.refresh_first(path, level - 1);
        }
        merged.then_some(right)
    }

    fn len_of(&self, level: usize, node: u32) -> usize {
        if level == self.height { self.leaves[node].len() } else { self.inners[node].len() }
    }

    /// Corrects the first entry and the count of a child that lies at `level`.
    fn refresh_child(&mut self, level: usize, parent: u32, at: usize) {
        let child = self.inners[parent].children[at];
        let first = self.first_of(level, child);
        let count =
            if level == self.height { self.leaves[child].len() as u32 } else { self.inners[child].total() };
        let parent = &mut self.inners[parent];
        parent.keys.set(at, first);
        parent.counts[at] = count;
    }

    fn unlink(&mut self, leaf: u32) {
        let Leaf { prev, next, .. } = self.leaves[leaf];
        if prev != NIL {
            self.leaves[prev].next = next;
        }
        if next != NIL {
            self.leaves[next].prev = prev;
        }
    }

    fn lower_root(&mut self, freed: &mut Freed) {
        while self.height > 0 && self.inners[self.root].len() == 1 {
            freed.push(self.root);
            self.root = self.inners[self.root].children[0];
            self.height -= 1;
        }
        if self.height > 0 && self.inners[self.root].len() == 0 {
            *self = Self::new();
            *freed = Freed::new();
        }
    }

    /// Gives freed nodes back; the last nodes of the arenas take their places.
    fn free(&mut self, mut freed: Freed, cells: &Cells) {
        if freed.leaf != NIL
            && let Some(moved) = self.leaves.swap_remove(freed.leaf)
        {
            self.relink_leaf(moved, freed.leaf, cells);
        }
        // From the highest index down: the node that moves is then never one that is itself to be freed.
        let inners = &mut freed.inners[..freed.len];
        inners.sort_unstable_by(|a, b| b.cmp(a));
        for hole in inners {
            if let Some(moved) = self.inners.swap_remove(*hole) {
                self.relink_inner(moved, *hole, cells);
            }
        }
    }

    fn relink_leaf(&mut self, from: u32, to: u32, cells: &Cells) {
        let Leaf { prev, next, .. } = self.leaves[to];
        if prev != NIL {
            self.leaves[prev].next = to;
        }
        if next != NIL {
            self.leaves[next].prev = to;
        }
        if self.height == 0 {
            self.root = to;
            return;
        }
        let first = self.leaves[to].keys.get(0);
        self.relink(from, to, self.height - 1, first, cells);
    }

    fn relink_inner(&mut self, from: u32, to: u32, cells: &Cells) {
        if self.root == from {
            self.root = to;
            return;
        }
        let first = self.inners[to].keys.get(0);
        for level in 0..self.height - 1 {
            if self.relink(from, to, level, first, cells) {
                return;
            }
        }
    }

    /// Where the way to `first` takes the child `from` at `level`, makes it `to`. True if so.
    fn relink(&mut self, from: u32, to: u32, level: usize, first: (f64, u32), cells: &Cells) -> bool {
        let seek = Seek::past(first.0, cells.member(first.1));
        let mut node = self.root;
        for _ in 0..level {
            let inner = &self.inners[node];
            node = inner.children[seek.position(&inner.keys, cells) - 1];
        }
        let inner = &mut self.inners[node];
        let child = seek.position(&inner.keys, cells) - 1;
        let found = inner.children[child] == from;
        if found {
            inner.children[child] = to;
        }
        found
    }
}

/// Evens out two neighbours. True if all entries went to the left one.
fn balance<N: Node>(nodes: &mut Arena<N>, left: u32, right: u32) -> bool {
    let (left, right) = nodes.pair_mut(left, right);
    let total = left.len() + right.len();
    if total <= N::MERGED {
        left.take_front(right, right.len());
        return true;
    }
    let half = total / 2;
    if left.len() < half {
        left.take_front(right, half - left.len());
    } else {
        left.give_back(right, left.len() - half);
    }
    false
}

/// Nodes that left the tree but are still in their arenas.
struct Freed {
    leaf: u32,
    inners: [u32; 2 * MAX_HEIGHT],
    len: usize,
}

impl Freed {
    fn new() -> Self {
        Self { leaf: NIL, inners: [NIL; 2 * MAX_HEIGHT], len: 0 }
    }

    fn push(&mut self, inner: u32) {
        self.inners[self.len] = inner;
        self.len += 1;
    }
}

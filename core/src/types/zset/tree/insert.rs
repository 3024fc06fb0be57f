//! Adding entries.

use super::node::{Child, FANOUT, Inner, LEAF, Leaf, NIL, Node, Seek};
use super::{Cells, Path, Tree};

impl Tree {
    /// Adds an entry whose member is not there yet.
    pub(in super::super) fn insert(&mut self, score: f64, id: u32, cells: &Cells) {
        let path = self.path(&Seek::entry(score, cells.member(id)), cells);
        self.insert_at(&path, score, id);
    }

    /// Moves an entry to another score.
    pub(in super::super) fn rescore(&mut self, old: f64, new: f64, id: u32, cells: &Cells) {
        let path = self.path_of(old, id, cells);
        let keys = &mut self.leaves[path.leaf].keys;
        let at = path.at;
        if at > 0 && at + 1 < keys.len() && keys.get(at - 1).0 < new && new < keys.get(at + 1).0 {
            keys.set(at, (new, id));
            return;
        }
        self.take(&path, 1, cells);
        self.insert(new, id, cells);
    }

    fn insert_at(&mut self, path: &Path, score: f64, id: u32) {
        self.count(path, 1);
        let at = path.at;
        let leaf = &mut self.leaves[path.leaf];
        if leaf.len() < LEAF {
            leaf.keys.insert(at, (score, id));
            if at == 0 {
                self.refresh_first(path, self.height);
            }
            return;
        }
        // At either end of the order, the new entry starts a node of its own: ascending and descending insertion
        // leave full nodes behind.
        let cut = match at {
            0 if leaf.prev == NIL => 0,
            LEAF if leaf.next == NIL => LEAF,
            _ => LEAF / 2,
        };
        let right = self.split_leaf(path.leaf, cut);
        if at < cut || at == 0 {
            self.leaves[path.leaf].keys.insert(at, (score, id));
        } else {
            self.leaves[right].keys.insert(at - cut, (score, id));
        }
        self.refresh_first(path, self.height);
        let node = &self.leaves[right];
        let child = Child { first: node.keys.get(0), node: right, count: node.len() as u32 };
        self.add_child(path, child);
    }

    /// Moves the entries of a leaf from `cut` on to a new leaf after it.
    fn split_leaf(&mut self, left: u32, cut: usize) -> u32 {
        let right = self.leaves.push(Leaf::new());
        let (low, high) = self.leaves.pair_mut(left, right);
        low.give_back(high, LEAF - cut);
        high.prev = left;
        high.next = low.next;
        low.next = right;
        let after = high.next;
        if after != NIL {
            self.leaves[after].prev = right;
        }
        right
    }

    /// Adds a node to the right of the path's last one, splitting upwards where it must.
    fn add_child(&mut self, path: &Path, mut child: Child) {
        for level in (0..self.height).rev() {
            let (node, taken) = path.steps[level];
            let at = usize::from(taken) + 1;
            let inner = &mut self.inners[node];
            inner.counts[at - 1] -= child.count;
            if inner.len() < FANOUT {
                inner.insert(at, child);
                return;
            }
            let cut = if at == FANOUT && self.is_rightmost(path, level) { FANOUT } else { FANOUT / 2 };
            child = self.split_inner(node, cut, at, child);
        }
        self.grow_root(child);
    }

    /// Splits a full inner node at `cut`, adds the child, and returns the new node to the right.
    fn split_inner(&mut self, left: u32, cut: usize, at: usize, child: Child) -> Child {
        let right = self.inners.push(Inner::new());
        let (low, high) = self.inners.pair_mut(left, right);
        low.give_back(high, FANOUT - cut);
        if at < cut {
            low.insert(at, child);
        } else {
            high.insert(at - cut, child);
        }
        Child { first: high.keys.get(0), node: right, count: high.total() }
    }

    fn is_rightmost(&self, path: &Path, level: usize) -> bool {
        path.steps[..level].iter().all(|(node, child)| usize::from(*child) + 1 == self.inners[*node].len())
    }

    fn grow_root(&mut self, right: Child) {
        let first = self.first_of(0, self.root);
        let count = self.len();
        let mut root = Inner::new();
        root.insert(0, Child { first, node: self.root, count });
        root.insert(1, right);
        self.root = self.inners.push(root);
        self.height += 1;
    }
}

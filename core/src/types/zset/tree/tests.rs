use super::node::{FANOUT, LEAF, NIL, Node};
use super::{Cells, Seek, Tree};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use proptest::prelude::*;

/// Every rule that the tree's code relies on, checked from the root.
fn check(tree: &Tree, cells: &Cells) {
    let mut leaves = Vec::new();
    let mut inners = 0;
    walk(tree, tree.height, tree.root, &mut leaves, &mut inners);
    assert_eq!(leaves.len() as u32, tree.leaves.len(), "no leaf is lost");
    assert_eq!(inners, tree.inners.len(), "no inner node is lost");
    for (at, leaf) in leaves.iter().enumerate() {
        let prev = if at == 0 { NIL } else { leaves[at - 1] };
        let next = leaves.get(at + 1).copied().unwrap_or(NIL);
        assert_eq!((tree.leaves[*leaf].prev, tree.leaves[*leaf].next), (prev, next));
        assert!(tree.leaves[*leaf].len() > 0 || leaves.len() == 1);
    }
    let entries: Vec<_> = all(tree);
    for pair in entries.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        assert!(a.0 < b.0 || (a.0 == b.0 && cells.member(a.1) < cells.member(b.1)), "in order");
    }
}

/// Checks what is below a node; returns the number of entries.
fn walk(tree: &Tree, levels: usize, node: u32, leaves: &mut Vec<u32>, inners: &mut u32) -> u32 {
    if levels == 0 {
        leaves.push(node);
        return tree.leaves[node].len() as u32;
    }
    *inners += 1;
    let inner = &tree.inners[node];
    assert!((1..=FANOUT).contains(&inner.len()));
    assert!(node != tree.root || inner.len() > 1, "a root has two children");
    for at in 0..inner.len() {
        let child = inner.children[at];
        let first = tree.first_of(tree.height - levels + 1, child);
        assert_eq!(inner.keys.get(at), first, "the first entry is exact");
        assert_eq!(inner.counts[at], walk(tree, levels - 1, child, leaves, inners));
    }
    inner.total()
}

fn all(tree: &Tree) -> Vec<(f64, u32)> {
    let mut cursor = tree.seek_rank(0);
    core::iter::from_fn(|| {
        let here = cursor?;
        cursor = tree.next(here);
        Some(tree.get(here))
    })
    .collect()
}

fn name(n: u32) -> Vec<u8> {
    std::format!("m{n}").into_bytes()
}

#[derive(Debug, Clone)]
enum Op {
    Insert(u32, i8),
    Remove(u32),
    Rescore(u32, i8),
    RemoveRun(u32, u8),
    Rename(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (any::<u32>(), any::<i8>()).prop_map(|(n, s)| Op::Insert(n, s)),
        2 => any::<u32>().prop_map(Op::Remove),
        2 => (any::<u32>(), any::<i8>()).prop_map(|(n, s)| Op::Rescore(n, s)),
        1 => (any::<u32>(), any::<u8>()).prop_map(|(n, k)| Op::RemoveRun(n, k)),
        1 => any::<u32>().prop_map(Op::Rename),
    ]
}

/// The tree beside a plain ordered set of (score, member, id).
struct Pair {
    tree: Tree,
    cells: Cells,
    model: BTreeSet<(i8, Vec<u8>, u32)>,
}

impl Pair {
    fn nth(&self, n: u32) -> Option<(i8, Vec<u8>, u32)> {
        let len = self.model.len().max(1);
        self.model.iter().nth(n as usize % len).cloned()
    }

    fn insert(&mut self, score: i8, member: Vec<u8>) {
        let id = self.cells.insert(&member, f64::from(score));
        self.tree.insert(f64::from(score), id, &self.cells);
        self.model.insert((score, member, id));
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Insert(n, score) => {
                let member = name(n);
                if !self.model.iter().any(|(_, m, _)| *m == member) {
                    self.insert(score, member);
                }
            }
            Op::Remove(n) => {
                if let Some(entry) = self.nth(n) {
                    self.tree.remove(f64::from(entry.0), entry.2, &self.cells);
                    self.cells.remove(entry.2);
                    self.model.remove(&entry);
                }
            }
            Op::Rescore(n, score) => {
                if let Some(entry) = self.nth(n) {
                    self.tree.rescore(f64::from(entry.0), f64::from(score), entry.2, &self.cells);
                    self.model.remove(&entry);
                    self.model.insert((score, entry.1, entry.2));
                }
            }
            Op::RemoveRun(n, k) => {
                let rank = n as usize % self.model.len().max(1);
                let mut gone = Vec::new();
                self.tree.remove_run(rank as u32, usize::from(k), &self.cells, |id| gone.push(id));
                assert!(gone.len() == usize::from(k) || gone.len() <= LEAF);
                let model: Vec<_> = self.model.iter().skip(rank).take(gone.len()).cloned().collect();
                assert_eq!(model.iter().map(|e| e.2).collect::<Vec<_>>(), gone);
                self.model.retain(|entry| !model.contains(entry));
                gone.iter().for_each(|id| self.cells.remove(*id));
            }
            Op::Rename(n) => {
                if let Some(entry) = self.nth(n) {
                    let id = self.cells.insert(&entry.1, f64::from(entry.0));
                    self.tree.rename(f64::from(entry.0), entry.2, id, &self.cells);
                    self.cells.remove(entry.2);
                    self.model.remove(&entry);
                    self.model.insert((entry.0, entry.1, id));
                }
            }
        }
    }

    fn compare(&self) {
        check(&self.tree, &self.cells);
        let model: Vec<_> = self.model.iter().map(|(s, _, id)| (f64::from(*s), *id)).collect();
        assert_eq!(all(&self.tree), model);
        assert_eq!(self.tree.len() as usize, model.len());
    }
}

fn pair() -> Pair {
    Pair { tree: Tree::new(), cells: Cells::new(), model: BTreeSet::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn behaves_as_an_ordered_set(
        start in 0u32..3000,
        order in 0u8..3,
        ops in proptest::collection::vec(op(), 1..400),
    ) {
        let mut pair = pair();
        for n in 0..start {
            let score = match order {
                0 => (n * 255 / start.max(1)) as i32 - 128,
                1 => 127 - (n * 255 / start.max(1)) as i32,
                _ => (n.wrapping_mul(2_654_435_761) >> 24) as i32 - 128,
            };
            pair.insert(score as i8, name(n + 1_000_000));
        }
        pair.compare();
        for op in &ops {
            pair.apply(op);
        }
        pair.compare();
        for (rank, (score, member, id)) in pair.model.iter().enumerate().step_by(7) {
            let seek = Seek::entry(f64::from(*score), member);
            prop_assert_eq!(pair.tree.rank(&seek, &pair.cells) as usize, rank);
            let cursor = pair.tree.seek_rank(rank as u32).expect("an entry");
            prop_assert_eq!(pair.tree.get(cursor).1, *id);
        }
        while pair.tree.len() > 0 {
            pair.apply(&Op::RemoveRun(start, 37));
            check(&pair.tree, &pair.cells);
        }
        pair.compare();
    }
}

#[test]
fn ascending_and_descending_insertion_fill_the_leaves() {
    for descending in [false, true] {
        let mut pair = pair();
        for n in 0..10_000u32 {
            let score = if descending { -f64::from(n) } else { f64::from(n) };
            let id = pair.cells.insert(&name(n), score);
            pair.tree.insert(score, id, &pair.cells);
        }
        check(&pair.tree, &pair.cells);
        assert_eq!(pair.tree.leaves.len(), 10_000u32.div_ceil(LEAF as u32));
    }
}

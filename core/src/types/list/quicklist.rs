//! The long list: a sequence of nodes. Where nodes fill, split and merge is Redis's quicklist to the letter.

use alloc::vec::Vec;

use super::directory::{At, Directory};
use super::node::{Node, NodeRef, Rules, clamp_fill};
use super::{End, Quicklist};
use crate::types::Limits;
use crate::types::listpack::{Element, ListpackBuf, Pos};

/// A new node begins with no more room than this, in bytes.
const MAX_INITIAL_NODE: usize = 4096;

/// An element: its node, and its entry there (`None` in a plain node).
pub(super) type Place = (At, Option<Pos>);

impl Quicklist {
    /// A list without elements, made under the current `list-max-listpack-size`.
    pub fn new(limits: &Limits) -> Self {
        let fill = clamp_fill(limits.list_max_listpack_size);
        Quicklist { dir: Directory::default(), fill, compress: limits.list_compress_depth.min(0x7FFF) as u16 }
    }

    /// Appends a whole node of several elements, as the snapshot has it. An empty one adds nothing.
    pub fn append_packed(&mut self, blob: ListpackBuf) {
        if !blob.is_empty() {
            self.dir.push_back(Node::Packed(blob));
        }
    }

    /// Appends one element in a node of its own, as the snapshot has it.
    pub fn append_plain(&mut self, bytes: Vec<u8>) {
        self.dir.push_back(Node::Plain(bytes));
    }

    /// `list-max-listpack-size` when the list was made.
    pub fn fill(&self) -> i64 {
        i64::from(self.fill)
    }

    /// Whether the list was made under a `list-compress-depth` other than 0.
    pub fn compresses(&self) -> bool {
        self.compress != 0
    }

    fn rules(&self, limits: &Limits) -> Rules {
        Rules::with_fill(self.fill, limits)
    }

    /// Appends or prepends an element.
    pub(super) fn push(&mut self, bytes: &[u8], end: End, limits: &Limits) {
        let rules = self.rules(limits);
        let at = match end {
            End::Head => self.dir.first(),
            End::Tail => self.dir.last(),
        };
        let Some(at) = at else {
            self.dir.push_back(Node::new(bytes, rules));
            return;
        };
        let full = self.dir.edit(at, |node| match node {
            Node::Packed(list) if rules.allow_packed_insert(list, bytes.len()) => {
                match end {
                    End::Head => list.push_front(bytes),
                    End::Tail => list.push_back(bytes),
                }
                None
            }
            full => {
                full.trim();
                Some(full.capacity())
            }
        });
        if let Some(neighbour) = full {
            // The new node will grow like the last one: half of that at once saves most of the moves on the way.
            let node = Node::with_capacity(bytes, rules, (neighbour / 2).min(MAX_INITIAL_NODE));
            match end {
                End::Head => self.dir.push_front(node),
                End::Tail => self.dir.push_back(node),
            }
        }
    }

    /// Removes the element at one end.
    pub(super) fn drop_end(&mut self, end: End) {
        let at = match end {
            End::Head => self.dir.first(),
            End::Tail => self.dir.last(),
        };
        let Some(at) = at else { return };
        let pos = match (self.dir.get(at), end) {
            (Node::Packed(list), End::Head) => list.as_ref().first(),
            (Node::Packed(list), End::Tail) => list.as_ref().last(),
            (Node::Plain(_), _) => None,
        };
        self.remove_at((at, pos));
    }

    /// The element at an index below the length.
    pub(super) fn place(&self, index: usize) -> Option<Place> {
        let (at, offset) = self.dir.locate(index)?;
        match self.dir.get(at) {
            Node::Packed(list) => list.as_ref().seek(offset as i64).map(|pos| (at, Some(pos))),
            Node::Plain(_) => Some((at, None)),
        }
    }

    /// The first element that reads as `needle`.
    pub(super) fn find(&self, needle: &[u8]) -> Option<Place> {
        let mut at = self.dir.first();
        while let Some(here) = at {
            match self.dir.get(here) {
                Node::Packed(list) => {
                    let list = list.as_ref();
                    if let Some(pos) = list.first().and_then(|first| list.find(first, needle, 0)) {
                        return Some((here, Some(pos)));
                    }
                }
                Node::Plain(bytes) if bytes.as_slice() == needle => return Some((here, None)),
                Node::Plain(_) => {}
            }
            at = self.dir.next(here);
        }
        None
    }

    /// Removes one element; gives the entry that followed it in the same node.
    fn remove_at(&mut self, (at, pos): Place) -> Option<Pos> {
        let next = self.dir.edit(at, |node| match (node, pos) {
            (Node::Packed(list), Some(pos)) => list.remove(pos),
            _ => None,
        });
        if self.dir.get(at).len() == 0 || pos.is_none() {
            self.dir.remove(at);
        }
        next
    }

    /// Puts bytes in the place of an element.
    pub(super) fn replace(&mut self, place: Place, bytes: &[u8], limits: &Limits) {
        let (at, pos) = place;
        let large = self.rules(limits).is_large(bytes.len());
        match pos {
            Some(pos) if !large => self.dir.edit(at, |node| {
                if let Node::Packed(list) = node {
                    list.replace(pos, bytes);
                }
            }),
            None if large => self.dir.edit(at, |node| *node = Node::Plain(bytes.to_vec())),
            None => {
                let new = self.insert(place, true, bytes, limits);
                if let Some(old) = self.dir.prev(new) {
                    self.dir.remove(old);
                }
            }
            Some(_) => self.replace_by_plain(place, bytes, limits),
        }
    }

    /// Puts an element that needs its own node in the place of one among others.
    fn replace_by_plain(&mut self, place: Place, bytes: &[u8], limits: &Limits) {
        // The insertion leaves the old element as the last of its node, but may move that node: find it from the new one.
        let new = self.insert(place, true, bytes, limits);
        let Some(old) = self.dir.prev(new) else { return };
        if let Node::Packed(list) = self.dir.get(old) {
            let last = list.as_ref().last();
            self.remove_at((old, last));
        }
    }

    /// Inserts beside an element; gives the node of the new one unless nodes were merged.
    pub(super) fn insert(&mut self, (at, pos): Place, after: bool, bytes: &[u8], limits: &Limits) -> At {
        let rules = self.rules(limits);
        let at_edge = match (self.dir.get(at), pos) {
            (Node::Packed(list), Some(pos)) if after => list.as_ref().next(pos).is_none(),
            (Node::Packed(list), Some(pos)) => list.as_ref().first() == Some(pos),
            _ => true,
        };
        if let (true, Some(pos)) = (rules.allow_insert(self.dir.get(at), bytes.len()), pos) {
            self.insert_packed(at, pos, after, bytes);
            return at;
        }
        if at_edge {
            return self.insert_at_edge(at, after, bytes, rules);
        }
        self.insert_by_split((at, pos), after, bytes, rules)
    }

    fn insert_packed(&mut self, at: At, pos: Pos, after: bool, bytes: &[u8]) {
        self.dir.edit(at, |node| {
            if let Node::Packed(list) = node {
                if after {
                    list.insert_after(pos, bytes);
                } else {
                    list.insert_before(pos, bytes);
                }
            }
        });
    }

    /// The node is full and the new element goes to its edge: into the neighbour if that has room, or between them.
    fn insert_at_edge(&mut self, at: At, after: bool, bytes: &[u8], rules: Rules) -> At {
        let neighbour = if after { self.dir.next(at) } else { self.dir.prev(at) };
        let Some(near) = neighbour.filter(|near| rules.allow_insert(self.dir.get(*near), bytes.len())) else {
            return self.dir.insert(at, after, Node::new(bytes, rules));
        };
        self.dir.edit(near, |node| match node {
            Node::Packed(list) if after => list.push_front(bytes),
            Node::Packed(list) => list.push_back(bytes),
            Node::Plain(_) => {}
        });
        near
    }

    /// The node is full (or the new element needs its own node) and the place lies inside: the node splits there.
    fn insert_by_split(&mut self, (at, pos): Place, after: bool, bytes: &[u8], rules: Rules) -> At {
        let Some(mut other) = self.split(at, pos, after) else { return at };
        if rules.is_large(bytes.len()) {
            let plain = self.dir.insert(at, after, Node::new(bytes, rules));
            self.dir.insert(plain, after, Node::Packed(other));
            return if after { plain } else { self.next_or(plain) };
        }
        if after {
            other.push_front(bytes);
        } else {
            other.push_back(bytes);
        }
        let new = self.dir.insert(at, after, Node::Packed(other));
        let center = if after { self.dir.prev(new) } else { self.dir.next(new) };
        if let Some(center) = center {
            self.merge_around(center, rules);
        }
        new
    }

    fn next_or(&self, at: At) -> At {
        self.dir.next(at).unwrap_or(at)
    }

    /// Splits a node after or before an element: the node keeps the element's side, the other side is given.
    fn split(&mut self, at: At, pos: Option<Pos>, after: bool) -> Option<ListpackBuf> {
        self.dir.edit(at, |node| {
            let (Node::Packed(list), Some(pos)) = (node, pos) else { return None };
            if after {
                return list.as_ref().next(pos).map(|next| list.split_off(next));
            }
            let kept = list.split_off(pos);
            Some(core::mem::replace(list, kept))
        })
    }

    /// Merges the two nodes before a node, the two after it, and then the node with its neighbours, where allowed.
    fn merge_around(&mut self, center: At, rules: Rules) {
        let mut center = center;
        if let Some(prev) = self.dir.prev(center)
            && let Some(prev_prev) = self.dir.prev(prev)
            && self.merge_with_next(prev_prev, rules)
        {
            center = self.next_or(prev_prev);
        }
        if let Some(next) = self.dir.next(center) {
            self.merge_with_next(next, rules);
        }
        let target = match self.dir.prev(center) {
            Some(prev) if self.merge_with_next(prev, rules) => prev,
            _ => center,
        };
        self.merge_with_next(target, rules);
    }

    /// Merges a node with the next if there is one and the rules allow it.
    fn merge_with_next(&mut self, at: At, rules: Rules) -> bool {
        let Some(next) = self.dir.next(at) else { return false };
        if !rules.allow_merge(self.dir.get(at), self.dir.get(next)) {
            return false;
        }
        if let Some(Node::Packed(tail)) = self.dir.remove(next) {
            self.dir.edit(at, |node| {
                if let Node::Packed(list) = node {
                    list.append_all(&tail);
                }
            });
        }
        true
    }

    /// Removes `count` elements from an index on, or as many as there are.
    pub(super) fn delete_range(&mut self, start: usize, count: usize) {
        let Some((mut at, mut offset)) = self.dir.locate(start) else { return };
        let mut rest = count;
        while rest > 0 {
            if offset == 0 {
                rest = self.dir.remove_whole(at, rest);
            } else {
                rest -= self.delete_within(at, offset, rest);
                at.node += 1;
                offset = 0;
            }
            match self.dir.settle(at) {
                Some(next) => at = next,
                None => break,
            }
            if rest > 0 && offset == 0 && rest < self.dir.get(at).len() {
                rest -= self.delete_within(at, 0, rest);
            }
        }
        self.dir.compact();
    }

    /// Removes up to `count` elements of one node, not all; gives how many.
    fn delete_within(&mut self, at: At, offset: usize, count: usize) -> usize {
        self.dir.edit(at, |node| {
            let Node::Packed(list) = node else { return 0 };
            let before = list.len();
            if let Some(pos) = list.as_ref().seek(offset as i64) {
                list.remove_range(pos, count);
            }
            before - list.len()
        })
    }

    /// Removes the first `max` elements, seen from `from`, that read as `needle`; gives how many.
    pub(super) fn remove_matching(&mut self, needle: &[u8], from: End, max: usize) -> usize {
        let mut removed = 0;
        let mut at = match from {
            End::Head => self.dir.first(),
            End::Tail => self.dir.last(),
        };
        while let Some(here) = at
            && removed < max
        {
            removed += self.dir.edit(here, |node| match node {
                Node::Packed(list) => remove_matching(list, needle, from, max - removed),
                Node::Plain(_) => 0,
            });
            let emptied = match self.dir.get(here).view() {
                NodeRef::Packed(list) => list.is_empty(),
                NodeRef::Plain(bytes) => bytes == needle,
            };
            let before = if from == End::Tail { self.dir.prev(here) } else { None };
            if emptied {
                removed += self.dir.remove(here).map_or(0, |node| node.len());
            }
            at = match (from, emptied) {
                (End::Tail, _) => before,
                (End::Head, true) => self.dir.settle(here),
                (End::Head, false) => self.dir.next(here),
            };
        }
        self.dir.compact();
        removed
    }

    /// The single node, taken out, if it is a packed one of at most `max_bytes`.
    pub(super) fn take_single(&mut self, max_bytes: usize) -> Option<ListpackBuf> {
        if self.dir.nodes() > 1 {
            return None;
        }
        let Some(at) = self.dir.first() else { return Some(ListpackBuf::new()) };
        match self.dir.get(at) {
            Node::Packed(list) if list.byte_len() <= max_bytes => {}
            _ => return None,
        }
        match self.dir.remove(at) {
            Some(Node::Packed(list)) => Some(list),
            _ => None,
        }
    }

    /// Removes some elements from the end, `budget` or a node's worth more. Says whether none is left.
    pub(super) fn free_some(&mut self, budget: usize) -> bool {
        self.dir.free_some(budget)
    }

    /// The element at one end.
    pub(super) fn end(&self, end: End) -> Option<Element<'_>> {
        let at = match end {
            End::Head => self.dir.first(),
            End::Tail => self.dir.last(),
        }?;
        match self.dir.get(at).view() {
            NodeRef::Plain(bytes) => Some(Element::Str(bytes)),
            NodeRef::Packed(list) => match end {
                End::Head => list.first().map(|pos| list.get(pos)),
                End::Tail => list.last().map(|pos| list.get(pos)),
            },
        }
    }
}

/// Removes the first `max` entries of a listpack, seen from `from`, that read as `needle`; gives how many.
pub(super) fn remove_matching(list: &mut ListpackBuf, needle: &[u8], from: End, max: usize) -> usize {
    let mut removed = 0;
    let mut pos = match from {
        End::Head => list.as_ref().first().and_then(|first| list.as_ref().find(first, needle, 0)),
        End::Tail => list.as_ref().last(),
    };
    while let Some(here) = pos
        && removed < max
    {
        pos = match from {
            End::Head => {
                removed += 1;
                let next = list.remove(here);
                next.and_then(|next| list.as_ref().find(next, needle, 0))
            }
            End::Tail => {
                let prev = list.as_ref().prev(here);
                if list.as_ref().get(here).eq(needle) {
                    list.remove(here);
                    removed += 1;
                }
                prev
            }
        };
    }
    removed
}

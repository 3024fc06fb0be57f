//! Lists: one listpack while small, then a sequence of bounded nodes.
//!
//! What a list tells of itself (OBJECT ENCODING, the nodes of DEBUG OBJECT, its DUMP) is Redis 7.0's quicklist
//! whichever form it has here: a packed list is a quicklist of one node.

pub mod commands;
mod directory;
mod iter;
mod node;
mod quicklist;
#[cfg(test)]
mod tests;

pub use iter::{Iter, Nodes};
pub use node::NodeRef;

use core::mem;

use super::Limits;
use super::full::Full;
use super::listpack::{Element, Listpack, ListpackBuf};
use crate::words::reach::FULL;
use directory::Directory;
use node::{Rules, clamp_fill};

/// A quicklist of one node becomes a packed list again when it shrinks to this, in bytes: far from where a
/// second node began, so that a list at that border does not change its form with every command.
const REPACK_BYTES: usize = 128;
/// Nodes that the estimate of a list's memory looks at.
const MEMORY_SAMPLES: usize = 5;

/// Either end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where LPUSH pushes.
    Head,
    /// Where RPUSH pushes.
    Tail,
}

/// A list.
#[derive(Debug, Clone)]
pub enum List {
    /// One listpack.
    Packed(ListpackBuf),
    /// A sequence of nodes.
    Quick(Full<Quicklist>),
}

/// A list of any length as a sequence of nodes.
#[derive(Debug, Clone)]
pub struct Quicklist {
    dir: Directory,
    /// `list-max-listpack-size` when the list was made.
    fill: i16,
    /// `list-compress-depth` when the list was made.
    compress: u16,
}

/// A list that is read.
#[derive(Debug, Clone, Copy)]
pub enum ListRef<'a> {
    /// One listpack, perhaps inside the key's record.
    Packed(Listpack<'a>),
    /// A sequence of nodes.
    Quick(Full<&'a Quicklist>),
}

impl<'a> ListRef<'a> {
    /// The name that OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        "quicklist"
    }

    /// How many elements.
    pub fn len(self) -> usize {
        match self {
            ListRef::Packed(list) => list.len(),
            ListRef::Quick(list) => list.dir.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// An estimate of the bytes held, from the first nodes.
    pub fn memory(self) -> usize {
        match self {
            ListRef::Packed(list) => list.bytes().len(),
            ListRef::Quick(list) => {
                let nodes = list.dir.nodes();
                let sampled = nodes.min(MEMORY_SAMPLES);
                let first = list.dir.chunks.iter().flat_map(|chunk| chunk.nodes.iter()).take(sampled);
                let bytes: usize = first.map(|node| node.capacity() + size_of::<node::Node>()).sum();
                size_of::<Quicklist>() + bytes / sampled.max(1) * nodes
            }
        }
    }

    /// The element at an index; negative counts from the end, −1 being the last.
    pub fn get(self, index: i64) -> Option<Element<'a>> {
        match self {
            ListRef::Packed(list) => list.seek(index).map(|pos| list.get(pos)),
            ListRef::Quick(list) => {
                let (at, offset) = list.dir.locate(absolute_index(index, list.dir.len())?)?;
                list.get().dir.get(at).view().get(offset)
            }
        }
    }

    /// The element at one end.
    pub fn end(self, end: End) -> Option<Element<'a>> {
        match (self, end) {
            (ListRef::Packed(list), End::Head) => list.first().map(|pos| list.get(pos)),
            (ListRef::Packed(list), End::Tail) => list.last().map(|pos| list.get(pos)),
            (ListRef::Quick(list), _) => list.get().end(end),
        }
    }
}

/// An index from the start for one that may count from the end; `None` outside.
fn absolute_index(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}

impl List {
    /// A list without elements.
    pub fn new() -> Self {
        List::Packed(ListpackBuf::new())
    }

    /// Takes a packed blob that this program wrote or that was validated.
    pub fn from_packed(list: ListpackBuf) -> Self {
        List::Packed(list)
    }

    /// Takes nodes, as the snapshot has them; a single packed node becomes a packed list.
    pub fn from_nodes(nodes: Quicklist) -> Self {
        let mut list = List::Quick(Full::new(nodes));
        list.settle(usize::MAX);
        list
    }

    /// The list, for reading.
    pub fn as_ref(&self) -> ListRef<'_> {
        match self {
            List::Packed(list) => ListRef::Packed(list.as_ref()),
            List::Quick(list) => ListRef::Quick(list.as_ref()),
        }
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        match self {
            List::Packed(list) => list.len(),
            List::Quick(list) => list.dir.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an element at one end.
    pub fn push(&mut self, bytes: &[u8], end: End, limits: &Limits) {
        if let List::Packed(list) = self
            && packed_takes(list, bytes, limits)
        {
            match end {
                End::Head => list.push_front(bytes),
                End::Tail => list.push_back(bytes),
            }
            return;
        }
        if FULL {
            self.quick(limits).push(bytes, end, limits);
        }
    }

    /// Removes the element at one end after showing it to `f`.
    pub fn pop<R>(&mut self, end: End, f: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let out = f(self.as_ref().end(end)?);
        match self {
            List::Packed(list) => {
                let pos = match end {
                    End::Head => list.as_ref().first(),
                    End::Tail => list.as_ref().last(),
                };
                pos.map(|pos| list.remove(pos));
            }
            List::Quick(list) => {
                list.drop_end(end);
                self.settle(REPACK_BYTES);
            }
        }
        Some(out)
    }

    /// Puts bytes in the place of the element at an index (negative counts from the end). Says whether it is there.
    pub fn set(&mut self, index: i64, bytes: &[u8], limits: &Limits) -> bool {
        let Some(index) = absolute_index(index, self.len()) else { return false };
        if let List::Packed(list) = self
            && (!FULL || !Rules::new(limits).is_large(bytes.len()))
            && let Some(pos) = list.as_ref().seek(index as i64)
        {
            list.replace(pos, bytes);
            return true;
        }
        if !FULL {
            return false;
        }
        let list = self.quick(limits);
        if let Some(place) = list.place(index) {
            list.replace(place, bytes, limits);
        }
        true
    }

    /// Inserts beside the first element that reads as `pivot`. Says whether there is one.
    pub fn insert(&mut self, pivot: &[u8], after: bool, bytes: &[u8], limits: &Limits) -> bool {
        if let List::Packed(list) = self {
            let view = list.as_ref();
            let Some(pos) = view.first().and_then(|first| view.find(first, pivot, 0)) else { return false };
            if packed_takes(list, bytes, limits) {
                if after {
                    list.insert_after(pos, bytes);
                } else {
                    list.insert_before(pos, bytes);
                }
                return true;
            }
        }
        if !FULL {
            return false;
        }
        let list = self.quick(limits);
        let Some(place) = list.find(pivot) else { return false };
        list.insert(place, after, bytes, limits);
        true
    }

    /// Removes the first `max` elements, seen from one end, that read as `needle`; gives how many.
    pub fn remove_matching(&mut self, needle: &[u8], from: End, max: usize) -> usize {
        let removed = match self {
            List::Packed(list) => quicklist::remove_matching(list, needle, from, max),
            List::Quick(list) => list.remove_matching(needle, from, max),
        };
        self.settle(REPACK_BYTES);
        removed
    }

    /// Removes `count` elements from an index on, or as many as there are.
    pub fn delete_range(&mut self, start: usize, count: usize) {
        match self {
            List::Packed(list) => {
                if let Some(pos) = list.as_ref().seek(start as i64) {
                    list.remove_range(pos, count);
                }
            }
            List::Quick(list) => list.delete_range(start, count),
        }
        self.settle(REPACK_BYTES);
    }

    /// Frees some elements, about `budget` of them. Says whether none is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        match self {
            List::Packed(list) => {
                *list = ListpackBuf::new();
                true
            }
            List::Quick(list) => list.free_some(budget),
        }
    }

    /// The list as a quicklist, made one if need be.
    fn quick(&mut self, limits: &Limits) -> &mut Quicklist {
        if let List::Packed(list) = self {
            let mut quick = Quicklist::new(limits);
            quick.append_packed(mem::take(list));
            *self = List::Quick(Full::new(quick));
        }
        match self {
            List::Quick(list) => list,
            List::Packed(_) => unreachable!("made a quicklist above"),
        }
    }

    /// Makes a quicklist of one small node a packed list.
    fn settle(&mut self, max_bytes: usize) {
        if let List::Quick(list) = self
            && let Some(single) = list.take_single(max_bytes)
        {
            *self = List::Packed(single);
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a packed list stays one with one more element.
fn packed_takes(list: &ListpackBuf, bytes: &[u8], limits: &Limits) -> bool {
    let rules = Rules::new(limits);
    !FULL || rules.allow_packed_insert(list, bytes.len()) || list.is_empty() && !rules.is_large(bytes.len())
}

/// How DEBUG OBJECT describes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeStats {
    /// How many nodes.
    pub nodes: usize,
    /// `list-max-listpack-size` when the list was made.
    pub fill: i64,
    /// Whether inner nodes may be compressed.
    pub compresses: bool,
    /// Bytes of all blobs and plain elements.
    pub bytes: usize,
}

impl ListRef<'_> {
    /// What DEBUG OBJECT tells. Work is linear in the number of nodes.
    pub fn node_stats(self, limits: &Limits) -> NodeStats {
        let (fill, compresses) = match self {
            ListRef::Packed(_) => {
                (i64::from(clamp_fill(limits.list_max_listpack_size)), limits.list_compress_depth != 0)
            }
            ListRef::Quick(list) => (list.fill(), list.compresses()),
        };
        let (nodes, bytes) =
            self.nodes().fold((0, 0), |(nodes, bytes), node| (nodes + 1, bytes + node.bytes().len()));
        NodeStats { nodes, fill, compresses, bytes }
    }
}

//! A node of a list: a listpack of several elements, or one big element by itself. And when nodes fill, split and
//! merge: Redis's rules, so that DEBUG OBJECT and DUMP answer alike.

use alloc::vec::Vec;

use crate::types::Limits;
use crate::types::listpack::{Element, Listpack, ListpackBuf};

/// Nodes that are bounded by count, or whose size class is unknown, still hold at most this many bytes.
const SIZE_SAFETY_LIMIT: usize = 8192;
/// What an entry is taken to need beside its data, in bytes.
const ENTRY_OVERHEAD: usize = 8;
/// What a merge is taken to save, in bytes: the header and end of a ziplist, which nodes were before.
const MERGE_SAVING: usize = 11;
/// Size classes -1 to -5 of `list-max-listpack-size`, in bytes.
const SIZE_CLASSES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// The largest count that `list-max-listpack-size` may ask for.
const MAX_FILL: i64 = 0x7FFF;

/// When a node is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// `list-max-listpack-size`, within its bounds.
    fill: i16,
    /// Elements at least this long lie in a node of their own, in bytes.
    plain_threshold: usize,
}

impl Rules {
    pub(super) fn new(limits: &Limits) -> Self {
        Self::with_fill(clamp_fill(limits.list_max_listpack_size), limits)
    }

    /// The rules of a list that was made under another `list-max-listpack-size`.
    pub(super) fn with_fill(fill: i16, limits: &Limits) -> Self {
        Rules { fill, plain_threshold: limits.list_plain_threshold }
    }

    /// Whether an element of `size` bytes needs a node of its own.
    #[inline]
    pub(super) fn is_large(self, size: usize) -> bool {
        size >= self.plain_threshold
    }

    /// Whether a node takes one more element of `size` bytes.
    #[inline]
    pub(super) fn allow_insert(self, node: &Node, size: usize) -> bool {
        match node {
            Node::Plain(_) => false,
            Node::Packed(list) => self.allow_packed_insert(list, size),
        }
    }

    /// Whether a packed node takes one more element of `size` bytes.
    #[inline]
    pub(super) fn allow_packed_insert(self, list: &ListpackBuf, size: usize) -> bool {
        !self.is_large(size) && self.fits(list.byte_len() + size + ENTRY_OVERHEAD, list.len() + 1)
    }

    /// Whether two neighbours become one.
    pub(super) fn allow_merge(self, a: &Node, b: &Node) -> bool {
        match (a, b) {
            (Node::Packed(a), Node::Packed(b)) => {
                self.fits((a.byte_len() + b.byte_len()).saturating_sub(MERGE_SAVING), a.len() + b.len())
            }
            _ => false,
        }
    }

    #[inline]
    fn fits(self, bytes: usize, count: usize) -> bool {
        match self.fill {
            0.. => bytes <= SIZE_SAFETY_LIMIT && count <= self.fill as usize,
            fill => SIZE_CLASSES.get(usize::from(!fill as u16)).is_some_and(|&class| bytes <= class),
        }
    }
}

/// `list-max-listpack-size` within its bounds.
pub(super) fn clamp_fill(size: i64) -> i16 {
    size.clamp(-(SIZE_CLASSES.len() as i64), MAX_FILL) as i16
}

/// Several elements, or a big one.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Packed(ListpackBuf),
    Plain(Vec<u8>),
}

const _: () =
    assert!(size_of::<Node>() <= 32 || size_of::<usize>() < 8, "a node costs 32 bytes over its blob");

impl Node {
    /// A node with one element.
    pub(super) fn new(bytes: &[u8], rules: Rules) -> Self {
        Self::with_capacity(bytes, rules, 0)
    }

    /// A node with one element that grows to a blob of `capacity` bytes without another allocation.
    pub(super) fn with_capacity(bytes: &[u8], rules: Rules, capacity: usize) -> Self {
        if rules.is_large(bytes.len()) {
            return Node::Plain(bytes.to_vec());
        }
        let mut list = ListpackBuf::with_capacity(capacity);
        list.push_back(bytes);
        Node::Packed(list)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Node::Packed(list) => list.len(),
            Node::Plain(_) => 1,
        }
    }

    pub(super) fn view(&self) -> NodeRef<'_> {
        match self {
            Node::Packed(list) => NodeRef::Packed(list.as_ref()),
            Node::Plain(bytes) => NodeRef::Plain(bytes),
        }
    }

    /// Bytes taken from the allocator.
    pub(super) fn capacity(&self) -> usize {
        match self {
            Node::Packed(list) => list.capacity(),
            Node::Plain(bytes) => bytes.capacity(),
        }
    }

    /// Gives unused memory back.
    pub(super) fn trim(&mut self) {
        match self {
            Node::Packed(list) => list.trim(),
            Node::Plain(bytes) => bytes.shrink_to_fit(),
        }
    }
}

/// A node as the snapshot writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRef<'a> {
    /// Several elements.
    Packed(Listpack<'a>),
    /// One element.
    Plain(&'a [u8]),
}

impl<'a> NodeRef<'a> {
    /// How many elements.
    #[expect(clippy::len_without_is_empty, reason = "a node is never empty")]
    pub fn len(self) -> usize {
        match self {
            NodeRef::Packed(list) => list.len(),
            NodeRef::Plain(_) => 1,
        }
    }

    /// The blob or the element.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            NodeRef::Packed(list) => list.bytes(),
            NodeRef::Plain(bytes) => bytes,
        }
    }

    /// The element at an index below the length.
    pub(super) fn get(self, index: usize) -> Option<Element<'a>> {
        match self {
            NodeRef::Packed(list) => list.seek(index as i64).map(|pos| list.get(pos)),
            NodeRef::Plain(bytes) => (index == 0).then_some(Element::Str(bytes)),
        }
    }
}

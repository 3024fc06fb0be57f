//! Walking a list: its nodes, its elements, a part of them, from either end.

use alloc::boxed::Box;
use alloc::collections::vec_deque;

use super::ListRef;
use super::directory::Chunk;
use super::node::{Node, NodeRef};
use crate::types::full::Full;
use crate::types::listpack::{self, Element, Listpack};

/// The nodes of a list.
#[derive(Debug, Clone, Default)]
pub struct Nodes<'a> {
    /// The nodes of a quicklist.
    many: Option<Full<Chunks<'a>>>,
    /// The only node of a packed list.
    single: Option<Listpack<'a>>,
}

impl<'a> Iterator for Nodes<'a> {
    type Item = NodeRef<'a>;

    fn next(&mut self) -> Option<NodeRef<'a>> {
        match &mut self.many {
            Some(many) => many.next(),
            None => self.single.take().map(NodeRef::Packed),
        }
    }
}

impl DoubleEndedIterator for Nodes<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.many {
            Some(many) => many.next_back(),
            None => self.single.take().map(NodeRef::Packed),
        }
    }
}

/// The nodes in the chunks of a quicklist.
#[derive(Debug, Clone, Default)]
struct Chunks<'a> {
    front: vec_deque::Iter<'a, Node>,
    chunks: vec_deque::Iter<'a, Box<Chunk>>,
    back: vec_deque::Iter<'a, Node>,
}

impl<'a> Chunks<'a> {
    fn next(&mut self) -> Option<NodeRef<'a>> {
        loop {
            if let Some(node) = self.front.next() {
                return Some(node.view());
            }
            match self.chunks.next() {
                Some(chunk) => self.front = chunk.nodes.iter(),
                None => break,
            }
        }
        self.back.next().map(Node::view)
    }

    fn next_back(&mut self) -> Option<NodeRef<'a>> {
        loop {
            if let Some(node) = self.back.next_back() {
                return Some(node.view());
            }
            match self.chunks.next_back() {
                Some(chunk) => self.back = chunk.nodes.iter(),
                None => break,
            }
        }
        self.front.next_back().map(Node::view)
    }
}

impl<'a> Nodes<'a> {
    fn of(chunks: Chunks<'a>) -> Self {
        Self { many: Some(Full::new(chunks)), single: None }
    }
}

/// The elements of one node.
#[derive(Debug, Clone)]
enum NodeElements<'a> {
    Packed(listpack::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> NodeElements<'a> {
    const NONE: Self = NodeElements::Plain(None);

    fn of(node: NodeRef<'a>) -> Self {
        match node {
            NodeRef::Packed(list) => NodeElements::Packed(list.iter()),
            NodeRef::Plain(bytes) => NodeElements::Plain(Some(bytes)),
        }
    }

    /// The elements from an index on.
    fn from(node: NodeRef<'a>, index: usize) -> Self {
        match node {
            NodeRef::Packed(list) => {
                list.seek(index as i64).map_or(Self::NONE, |pos| NodeElements::Packed(list.iter_from(pos)))
            }
            NodeRef::Plain(_) => Self::of(node),
        }
    }

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            NodeElements::Packed(list) => list.next(),
            NodeElements::Plain(bytes) => bytes.take().map(Element::Str),
        }
    }

    /// Shows up to `count` elements to `f`; how many of the count are left.
    #[inline]
    fn show(&mut self, count: usize, f: &mut impl FnMut(Element<'a>)) -> usize {
        let mut rest = count;
        match self {
            NodeElements::Packed(list) => {
                while rest > 0
                    && let Some(element) = list.next()
                {
                    f(element);
                    rest -= 1;
                }
            }
            NodeElements::Plain(bytes) if rest > 0 => {
                if let Some(bytes) = bytes.take() {
                    f(Element::Str(bytes));
                    rest -= 1;
                }
            }
            NodeElements::Plain(_) => {}
        }
        rest
    }

    #[inline]
    fn next_back(&mut self) -> Option<Element<'a>> {
        match self {
            NodeElements::Packed(list) => list.next_back(),
            NodeElements::Plain(bytes) => bytes.take().map(Element::Str),
        }
    }
}

/// The elements of a list.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    front: NodeElements<'a>,
    nodes: Nodes<'a>,
    back: NodeElements<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            if let Some(element) = self.front.next() {
                return Some(element);
            }
            match self.nodes.next() {
                Some(node) => self.front = NodeElements::of(node),
                None => return self.back.next(),
            }
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(element) = self.back.next_back() {
                return Some(element);
            }
            match self.nodes.next_back() {
                Some(node) => self.back = NodeElements::of(node),
                None => return self.front.next_back(),
            }
        }
    }
}

impl<'a> ListRef<'a> {
    /// The nodes, as the snapshot writes them. A packed list is one node, or none when it is empty.
    pub fn nodes(self) -> Nodes<'a> {
        match self {
            ListRef::Packed(list) => Nodes { single: (!list.is_empty()).then_some(list), ..Nodes::default() },
            ListRef::Quick(list) => {
                Nodes::of(Chunks { chunks: list.get().dir.chunks.iter(), ..Chunks::default() })
            }
        }
    }

    /// The elements.
    pub fn iter(self) -> Iter<'a> {
        Iter { front: NodeElements::NONE, nodes: self.nodes(), back: NodeElements::NONE }
    }

    /// The elements from an index on; finds it by skipping chunks and nodes.
    pub fn iter_from(self, index: usize) -> Iter<'a> {
        let (front, nodes) = match self {
            ListRef::Packed(list) => (NodeElements::from(NodeRef::Packed(list), index), Nodes::default()),
            ListRef::Quick(list) => match list.dir.locate(index) {
                None => (NodeElements::NONE, Nodes::default()),
                Some((at, offset)) => {
                    let dir = &list.get().dir;
                    let front = dir.chunks[at.chunk].nodes.range(at.node + 1..);
                    let chunks = dir.chunks.range(at.chunk + 1..);
                    let nodes = Nodes::of(Chunks { front, chunks, ..Chunks::default() });
                    (NodeElements::from(dir.get(at).view(), offset), nodes)
                }
            },
        };
        Iter { front, nodes, back: NodeElements::NONE }
    }
}

impl ListRef<'_> {
    /// Shows `count` elements from an index on, or as many as there are, to `f`: one tight loop a node, which an
    /// iterator over nodes of either kind is not.
    #[inline]
    pub fn for_each_in(self, index: usize, count: usize, mut f: impl FnMut(Element<'_>)) {
        let mut elements = self.iter_from(index);
        let mut rest = count;
        loop {
            rest = elements.front.show(rest, &mut f);
            match elements.nodes.next() {
                Some(node) if rest > 0 => elements.front = NodeElements::of(node),
                _ => break,
            }
        }
    }
}

impl<'a> IntoIterator for ListRef<'a> {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

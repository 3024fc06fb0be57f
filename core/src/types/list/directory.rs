//! The nodes of a long list, in bounded chunks: constant time at both ends, no allocation that grows with the list
//! (but for eight bytes of pointer a chunk), and an index found by skipping whole chunks.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::node::Node;

/// Nodes in a chunk.
pub(super) const CHUNK_NODES: usize = 256;

/// Some consecutive nodes; never none.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) nodes: VecDeque<Node>,
    /// Elements in those nodes.
    elements: usize,
}

impl Chunk {
    fn of(node: Node) -> Box<Self> {
        let elements = node.len();
        let mut nodes = VecDeque::with_capacity(1);
        nodes.push_back(node);
        Box::new(Chunk { nodes, elements })
    }
}

/// Where a node is. Inserting or removing nodes before it in the list moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) chunk: usize,
    pub(super) node: usize,
}

/// All nodes in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    pub(super) chunks: VecDeque<Box<Chunk>>,
    elements: usize,
    nodes: usize,
}

impl Directory {
    pub(super) fn len(&self) -> usize {
        self.elements
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    pub(super) fn first(&self) -> Option<At> {
        (!self.chunks.is_empty()).then_some(At { chunk: 0, node: 0 })
    }

    pub(super) fn last(&self) -> Option<At> {
        let chunk = self.chunks.len().checked_sub(1)?;
        Some(At { chunk, node: self.chunks[chunk].nodes.len() - 1 })
    }

    pub(super) fn next(&self, at: At) -> Option<At> {
        if at.node + 1 < self.chunks[at.chunk].nodes.len() {
            return Some(At { node: at.node + 1, ..at });
        }
        (at.chunk + 1 < self.chunks.len()).then_some(At { chunk: at.chunk + 1, node: 0 })
    }

    pub(super) fn prev(&self, at: At) -> Option<At> {
        if at.node > 0 {
            return Some(At { node: at.node - 1, ..at });
        }
        let chunk = at.chunk.checked_sub(1)?;
        Some(At { chunk, node: self.chunks[chunk].nodes.len() - 1 })
    }

    pub(super) fn get(&self, at: At) -> &Node {
        &self.chunks[at.chunk].nodes[at.node]
    }

    /// Changes a node and accounts for the elements that it gains or loses. A node left empty must be removed next.
    #[inline]
    pub(super) fn edit<R>(&mut self, at: At, f: impl FnOnce(&mut Node) -> R) -> R {
        let chunk = &mut self.chunks[at.chunk];
        let node = &mut chunk.nodes[at.node];
        let before = node.len();
        let out = f(node);
        let after = node.len();
        chunk.elements = chunk.elements - before + after;
        self.elements = self.elements - before + after;
        out
    }

    pub(super) fn push_back(&mut self, node: Node) {
        self.nodes += 1;
        self.elements += node.len();
        match self.chunks.back_mut() {
            Some(chunk) if chunk.nodes.len() < CHUNK_NODES => {
                chunk.elements += node.len();
                chunk.nodes.push_back(node);
            }
            _ => self.chunks.push_back(Chunk::of(node)),
        }
    }

    pub(super) fn push_front(&mut self, node: Node) {
        self.nodes += 1;
        self.elements += node.len();
        match self.chunks.front_mut() {
            Some(chunk) if chunk.nodes.len() < CHUNK_NODES => {
                chunk.elements += node.len();
                chunk.nodes.push_front(node);
            }
            _ => self.chunks.push_front(Chunk::of(node)),
        }
    }

    /// Inserts before or after a node; gives the new node's place.
    pub(super) fn insert(&mut self, at: At, after: bool, node: Node) -> At {
        let mut at = at;
        if self.chunks[at.chunk].nodes.len() >= CHUNK_NODES {
            at = self.split_chunk(at);
        }
        at.node += usize::from(after);
        self.nodes += 1;
        self.elements += node.len();
        let chunk = &mut self.chunks[at.chunk];
        chunk.elements += node.len();
        chunk.nodes.insert(at.node, node);
        at
    }

    /// Cuts a full chunk in halves; gives the node's new place.
    fn split_chunk(&mut self, at: At) -> At {
        let chunk = &mut self.chunks[at.chunk];
        let nodes = chunk.nodes.split_off(CHUNK_NODES / 2);
        let elements = nodes.iter().map(Node::len).sum();
        chunk.elements -= elements;
        self.chunks.insert(at.chunk + 1, Box::new(Chunk { nodes, elements }));
        match at.node.checked_sub(CHUNK_NODES / 2) {
            Some(node) => At { chunk: at.chunk + 1, node },
            None => at,
        }
    }

    /// Removes a node. The node that followed it is then at [`Directory::settle`] of its place.
    pub(super) fn remove(&mut self, at: At) -> Option<Node> {
        let chunk = &mut self.chunks[at.chunk];
        let node = chunk.nodes.remove(at.node)?;
        chunk.elements -= node.len();
        self.elements -= node.len();
        self.nodes -= 1;
        if chunk.nodes.is_empty() {
            self.chunks.remove(at.chunk);
        }
        Some(node)
    }

    /// Turns a place just behind a chunk's last node into the next chunk's first; `None` behind the last chunk.
    pub(super) fn settle(&self, at: At) -> Option<At> {
        let chunk = self.chunks.get(at.chunk)?;
        if at.node < chunk.nodes.len() {
            return Some(at);
        }
        (at.chunk + 1 < self.chunks.len()).then_some(At { chunk: at.chunk + 1, node: 0 })
    }

    /// Removes the whole nodes from a place on that have at most `budget` elements together; gives what is left of
    /// the budget. The place then holds the node that followed, see [`Directory::settle`].
    pub(super) fn remove_whole(&mut self, at: At, budget: usize) -> usize {
        let chunk = &mut self.chunks[at.chunk];
        let mut removed = 0;
        let mut end = at.node;
        if at.node == 0 && chunk.elements <= budget {
            removed = chunk.elements;
            end = chunk.nodes.len();
        }
        while end < chunk.nodes.len() && removed + chunk.nodes[end].len() <= budget {
            removed += chunk.nodes[end].len();
            end += 1;
        }
        chunk.nodes.drain(at.node..end);
        chunk.elements -= removed;
        self.elements -= removed;
        self.nodes -= end - at.node;
        if chunk.nodes.is_empty() {
            self.chunks.remove(at.chunk);
        }
        budget - removed
    }

    /// The node that holds the element at an index, and the element's index in it. Walks chunks, then nodes, from the
    /// nearer end.
    pub(super) fn locate(&self, index: usize) -> Option<(At, usize)> {
        if index >= self.elements {
            return None;
        }
        if index <= self.elements / 2 { self.locate_forward(index) } else { self.locate_backward(index) }
    }

    fn locate_forward(&self, index: usize) -> Option<(At, usize)> {
        let mut rest = index;
        for (chunk, entry) in self.chunks.iter().enumerate() {
            if rest >= entry.elements {
                rest -= entry.elements;
                continue;
            }
            for (node, held) in entry.nodes.iter().enumerate() {
                if rest < held.len() {
                    return Some((At { chunk, node }, rest));
                }
                rest -= held.len();
            }
        }
        None
    }

    fn locate_backward(&self, index: usize) -> Option<(At, usize)> {
        let mut start = self.elements;
        for (chunk, entry) in self.chunks.iter().enumerate().rev() {
            if index < start - entry.elements {
                start -= entry.elements;
                continue;
            }
            for (node, held) in entry.nodes.iter().enumerate().rev() {
                start -= held.len();
                if index >= start {
                    return Some((At { chunk, node }, index - start));
                }
            }
        }
        None
    }

    /// Packs the nodes into fewer chunks when removals have left the chunks mostly empty.
    pub(super) fn compact(&mut self) {
        if self.chunks.len() <= 8 || self.nodes * 4 >= self.chunks.len() * CHUNK_NODES {
            return;
        }
        let mut packed = Directory::default();
        while let Some(chunk) = self.chunks.pop_front() {
            chunk.nodes.into_iter().for_each(|node| packed.push_back(node));
        }
        *self = packed;
    }

    /// Removes nodes from the end until they held `budget` elements or more. Says whether none is left.
    pub(super) fn free_some(&mut self, budget: usize) -> bool {
        let mut freed = 0;
        while freed < budget
            && let Some(at) = self.last()
        {
            freed += self.remove(at).map_or(0, |node| node.len());
        }
        self.chunks.is_empty()
    }
}

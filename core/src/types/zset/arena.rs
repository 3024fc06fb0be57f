//! A dense arena of equal nodes, addressed by index.
//!
//! Nodes lie in chunks that are allocated once, so growth never copies more than one chunk: only the directory
//! of chunk pointers is ever moved. There are no holes: freeing a node moves the last one into its place, and
//! the owner of the arena mends the links that pointed to it.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// Nodes a chunk.
const CHUNK: usize = 16;

/// The arena; indexes are `0..len`.
pub(super) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    len: u32,
}

impl<T> Arena<T> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Adds a node and returns its index.
    pub(super) fn push(&mut self, node: T) -> u32 {
        let index = self.len;
        let chunk = index as usize / CHUNK;
        if chunk == self.chunks.len() {
            self.chunks.push(Vec::new());
        }
        let first = chunk == 0;
        let nodes = &mut self.chunks[chunk];
        if nodes.len() == nodes.capacity() {
            // A small set shall not pay for a whole chunk; a big one allocates whole chunks only.
            nodes.reserve_exact(if first { nodes.len().max(1) } else { CHUNK });
        }
        nodes.push(node);
        self.len += 1;
        index
    }

    /// Frees the node at `index`. The last node takes its place; its former index is returned if it moved.
    pub(super) fn swap_remove(&mut self, index: u32) -> Option<u32> {
        let last = self.len - 1;
        self.len = last;
        let nodes = &mut self.chunks[last as usize / CHUNK];
        let moved = nodes.pop();
        if nodes.is_empty() {
            self.chunks.pop();
        }
        if index == last {
            return None;
        }
        if let Some(node) = moved {
            self[index] = node;
        }
        Some(last)
    }

    /// Two different nodes at once.
    pub(super) fn pair_mut(&mut self, a: u32, b: u32) -> (&mut T, &mut T) {
        let (a, b) = (a as usize, b as usize);
        if a / CHUNK == b / CHUNK {
            let nodes = &mut self.chunks[a / CHUNK];
            two_of(nodes, a % CHUNK, b % CHUNK)
        } else {
            let (first, second) = two_of(&mut self.chunks, a / CHUNK, b / CHUNK);
            (&mut first[a % CHUNK], &mut second[b % CHUNK])
        }
    }

    /// Gives up the last chunk, if there is one; for freeing in slices.
    pub(super) fn drop_chunk(&mut self) -> bool {
        let dropped = self.chunks.pop();
        self.len -= dropped.as_ref().map_or(0, |chunk| chunk.len() as u32);
        dropped.is_some()
    }

    /// Bytes allocated, without the allocator's own overhead.
    pub(super) fn memory(&self) -> usize {
        let capacity = match &self.chunks[..] {
            [] => 0,
            [first, rest @ ..] => first.capacity() + rest.len() * CHUNK,
        };
        capacity * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}

/// Mutable references to two different elements of a slice.
fn two_of<T>(slice: &mut [T], a: usize, b: usize) -> (&mut T, &mut T) {
    if a < b {
        let (low, high) = slice.split_at_mut(b);
        (&mut low[a], &mut high[0])
    } else {
        let (low, high) = slice.split_at_mut(a);
        (&mut high[0], &mut low[b])
    }
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        &self.chunks[index as usize / CHUNK][index as usize % CHUNK]
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.chunks[index as usize / CHUNK][index as usize % CHUNK]
    }
}

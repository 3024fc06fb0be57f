//! The members of a sorted set: score and bytes in cells of a few sizes, addressed by 32-bit ids.
//!
//! The member table and the ordered tree both name a member by its id, which is half a pointer, and a member of
//! up to 119 bytes costs no allocation of its own. A cell is `score f64 | len u8 | bytes`; longer members lie
//! in boxes. A free cell holds, in place of the score, its links in the list of free cells of its size.
//!
//! Freed cells are reused first. When most cells of a size are free, [`Cells::surplus`] names one to move into a
//! hole at a time, so that a set that shrank gives its memory back without ever stopping to do so.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Bytes of the cells of each class. Each holds members of up to nine bytes less.
const SIZES: [usize; 9] = [16, 24, 32, 40, 48, 64, 80, 96, 128];
/// The class of the members that fit no cell.
const BOXED: usize = SIZES.len();
const CLASSES: usize = BOXED + 1;
/// Bytes of a cell before the member's.
const HEADER: usize = 9;
/// The length byte of a free cell.
const FREE: u8 = u8::MAX;
/// Cells a chunk.
const CHUNK: usize = 256;
/// An id's low bits are the index inside the class, the others the class.
const INDEX_BITS: u32 = 28;
const MAX_CELLS: u32 = 1 << INDEX_BITS;
/// The end of a list of free cells.
const NIL: u32 = u32::MAX;
/// So many free cells are kept whatever the number of members.
const SPARE: u32 = 256;

const _: () = assert!(CLASSES <= 1 << (u32::BITS - INDEX_BITS));
const _: () = assert!(SIZES[SIZES.len() - 1] - HEADER < FREE as usize);

/// All cells of a sorted set.
pub(super) struct Cells {
    classes: [Class; CLASSES],
}

impl Cells {
    pub(super) fn new() -> Self {
        Self { classes: core::array::from_fn(Class::new) }
    }

    /// Stores a member with its score and returns its id.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> u32 {
        let mut class = SIZES.iter().position(|size| member.len() + HEADER <= *size).unwrap_or(BOXED);
        while class < BOXED && self.classes[class].is_exhausted() {
            class += 1;
        }
        let index = self.classes[class].insert(member, score);
        id_of(class, index)
    }

    /// Frees a cell.
    pub(super) fn remove(&mut self, id: u32) {
        self.classes[class_of(id)].remove(index_of(id));
    }

    #[inline]
    pub(super) fn member(&self, id: u32) -> &[u8] {
        self.classes[class_of(id)].store.member(index_of(id))
    }

    #[inline]
    pub(super) fn score(&self, id: u32) -> f64 {
        f64::from_bits(self.classes[class_of(id)].store.head(index_of(id)))
    }

    pub(super) fn set_score(&mut self, id: u32, score: f64) {
        self.classes[class_of(id)].store.set_head(index_of(id), score.to_bits());
    }

    /// Where too many cells of `id`'s size are free: gives free cells at the end back, and names the last cell in use
    /// with the free one that it should move to. The owner of the ids prepares, then calls [`Cells::shift`].
    pub(super) fn surplus(&mut self, id: u32) -> Option<(u32, u32)> {
        let class = class_of(id);
        let (from, to) = self.classes[class].surplus()?;
        Some((id_of(class, from), id_of(class, to)))
    }

    /// Moves the last cell in use into a free one, as [`Cells::surplus`] said.
    pub(super) fn shift(&mut self, from: u32, to: u32) {
        self.classes[class_of(from)].shift(index_of(from), index_of(to));
    }

    /// Gives up one chunk, if there is one; for freeing in slices.
    pub(super) fn drop_chunk(&mut self) -> bool {
        self.classes.iter_mut().any(Class::drop_chunk)
    }

    /// Bytes allocated, without the allocator's own overhead.
    pub(super) fn memory(&self) -> usize {
        self.classes.iter().map(Class::memory).sum()
    }
}

fn id_of(class: usize, index: u32) -> u32 {
    (class as u32) << INDEX_BITS | index
}

#[inline]
fn class_of(id: u32) -> usize {
    (id >> INDEX_BITS) as usize
}

#[inline]
fn index_of(id: u32) -> u32 {
    id & (MAX_CELLS - 1)
}

/// The cells of one size.
struct Class {
    store: Store,
    /// Cells in use or in the list of free cells: the indexes `0..len`.
    len: u32,
    free: u32,
    first_free: u32,
    /// Bytes of the boxed members.
    boxed: usize,
}

impl Class {
    fn new(class: usize) -> Self {
        let store = match SIZES.get(class) {
            Some(&size) => Store::Cells { size, chunks: Vec::new() },
            None => Store::Boxes(Vec::new()),
        };
        Self { store, len: 0, free: 0, first_free: NIL, boxed: 0 }
    }

    fn is_exhausted(&self) -> bool {
        self.len == MAX_CELLS && self.free == 0
    }

    fn insert(&mut self, member: &[u8], score: f64) -> u32 {
        let index = if self.first_free == NIL {
            self.store.push(self.len);
            self.len += 1;
            self.len - 1
        } else {
            let index = self.first_free;
            self.unlink(index);
            index
        };
        self.store.set_head(index, score.to_bits());
        self.boxed += self.store.write(index, member);
        index
    }

    fn remove(&mut self, index: u32) {
        self.boxed -= self.store.clear(index);
        self.store.set_head(index, Links { next: self.first_free, prev: NIL }.pack());
        if self.first_free != NIL {
            let next = Links::unpack(self.store.head(self.first_free)).next;
            self.store.set_head(self.first_free, Links { next, prev: index }.pack());
        }
        self.first_free = index;
        self.free += 1;
    }

    /// Takes a cell out of the list of free cells.
    fn unlink(&mut self, index: u32) {
        let Links { next, prev } = Links::unpack(self.store.head(index));
        if prev == NIL {
            self.first_free = next;
        } else {
            let before = Links::unpack(self.store.head(prev)).prev;
            self.store.set_head(prev, Links { next, prev: before }.pack());
        }
        if next != NIL {
            let after = Links::unpack(self.store.head(next)).next;
            self.store.set_head(next, Links { next: after, prev }.pack());
        }
        self.free -= 1;
    }

    fn surplus(&mut self) -> Option<(u32, u32)> {
        if self.free <= (self.len - self.free) / 2 + SPARE {
            return None;
        }
        self.truncate_if_free();
        let last = self.len.checked_sub(1)?;
        let movable = !self.store.is_free(last) && self.first_free != NIL;
        movable.then_some((last, self.first_free))
    }

    fn shift(&mut self, from: u32, to: u32) {
        self.unlink(to);
        self.store.shift(from, to);
        self.store.truncate(from);
        self.len = from;
    }

    fn truncate_if_free(&mut self) {
        if let Some(last) = self.len.checked_sub(1)
            && self.store.is_free(last)
        {
            self.unlink(last);
            self.store.truncate(last);
            self.len = last;
        }
    }

    fn drop_chunk(&mut self) -> bool {
        self.len = self.len.saturating_sub(1) / CHUNK as u32 * CHUNK as u32;
        match &mut self.store {
            Store::Cells { chunks, .. } => chunks.pop().is_some(),
            Store::Boxes(chunks) => chunks.pop().is_some(),
        }
    }

    fn memory(&self) -> usize {
        self.boxed
            + match &self.store {
                Store::Cells { size, chunks } => allocated(chunks, CHUNK * size),
                Store::Boxes(chunks) => allocated(chunks, CHUNK),
            }
    }
}

/// Bytes of a list of chunks of which only the first may be smaller than `full` elements.
fn allocated<T>(chunks: &Vec<Vec<T>>, full: usize) -> usize {
    let elements = match &chunks[..] {
        [] => 0,
        [first, rest @ ..] => first.capacity() + rest.len() * full,
    };
    elements * size_of::<T>() + chunks.capacity() * size_of::<Vec<T>>()
}

/// A free cell's neighbours in the list of free cells.
struct Links {
    next: u32,
    prev: u32,
}

impl Links {
    fn pack(self) -> u64 {
        u64::from(self.next) << 32 | u64::from(self.prev)
    }

    fn unpack(head: u64) -> Self {
        Self { next: (head >> 32) as u32, prev: head as u32 }
    }
}

/// A member that fits no cell.
struct Boxed {
    head: u64,
    /// None in a free one.
    member: Option<Box<[u8]>>,
}

/// Where the cells of a class lie, in chunks that never move once they are full.
enum Store {
    Cells { size: usize, chunks: Vec<Vec<u8>> },
    Boxes(Vec<Vec<Boxed>>),
}

impl Store {
    /// The cell's first eight bytes: the score's bits, or the links of a free one.
    #[inline]
    fn head(&self, index: u32) -> u64 {
        let (chunk, at) = split(index);
        match self {
            Self::Cells { size, chunks } => {
                let mut head = [0; 8];
                head.copy_from_slice(&chunks[chunk][at * size..at * size + 8]);
                u64::from_le_bytes(head)
            }
            Self::Boxes(chunks) => chunks[chunk][at].head,
        }
    }

    fn set_head(&mut self, index: u32, head: u64) {
        let (chunk, at) = split(index);
        match self {
            Self::Cells { size, chunks } => {
                chunks[chunk][at * *size..at * *size + 8].copy_from_slice(&head.to_le_bytes());
            }
            Self::Boxes(chunks) => chunks[chunk][at].head = head,
        }
    }

    #[inline]
    fn member(&self, index: u32) -> &[u8] {
        let (chunk, at) = split(index);
        match self {
            Self::Cells { size, chunks } => {
                let cell = &chunks[chunk][at * size..(at + 1) * size];
                &cell[HEADER..HEADER + usize::from(cell[HEADER - 1])]
            }
            Self::Boxes(chunks) => chunks[chunk][at].member.as_deref().unwrap_or_default(),
        }
    }

    fn is_free(&self, index: u32) -> bool {
        let (chunk, at) = split(index);
        match self {
            Self::Cells { size, chunks } => chunks[chunk][at * size + HEADER - 1] == FREE,
            Self::Boxes(chunks) => chunks[chunk][at].member.is_none(),
        }
    }

    /// Adds a cell at the end, of index `len`.
    fn push(&mut self, len: u32) {
        let (chunk, _) = split(len);
        match self {
            Self::Cells { size, chunks } => {
                let cells = room(chunks, chunk, *size);
                cells.resize(cells.len() + *size, 0);
            }
            Self::Boxes(chunks) => room(chunks, chunk, 1).push(Boxed { head: 0, member: None }),
        }
    }

    /// Writes the member into a cell; returns the bytes that it took outside of it.
    fn write(&mut self, index: u32, member: &[u8]) -> usize {
        let (chunk, at) = split(index);
        match self {
            Self::Cells { size, chunks } => {
                let cell = &mut chunks[chunk][at * *size..(at + 1) * *size];
                cell[HEADER - 1] = member.len() as u8;
                cell[HEADER..HEADER + member.len()].copy_from_slice(member);
                0
            }
            Self::Boxes(chunks) => {
                chunks[chunk][at].member = Some(member.into());
                member.len()
            }
        }
    }

    /// Marks a cell as free; returns the bytes given back outside of it.
    fn clear(&mut self, index: u32) -> usize {
        let (chunk, at) = split(index);
        match self {
            Self::Cells { size, chunks } => {
                chunks[chunk][at * *size + HEADER - 1] = FREE;
                0
            }
            Self::Boxes(chunks) => chunks[chunk][at].member.take().map_or(0, |member| member.len()),
        }
    }

    /// Moves a cell's contents.
    fn shift(&mut self, from: u32, to: u32) {
        let (old, new) = (split(from), split(to));
        match self {
            Self::Cells { size, chunks } => {
                let mut cell = [0; SIZES[SIZES.len() - 1]];
                cell[..*size].copy_from_slice(&chunks[old.0][old.1 * *size..(old.1 + 1) * *size]);
                chunks[new.0][new.1 * *size..(new.1 + 1) * *size].copy_from_slice(&cell[..*size]);
            }
            Self::Boxes(chunks) => {
                let head = chunks[old.0][old.1].head;
                let member = chunks[old.0][old.1].member.take();
                chunks[new.0][new.1] = Boxed { head, member };
            }
        }
    }

    /// Drops the last cell, of index `len`.
    fn truncate(&mut self, len: u32) {
        let (chunk, at) = split(len);
        match self {
            Self::Cells { size, chunks } => cut(chunks, chunk, at * *size),
            Self::Boxes(chunks) => cut(chunks, chunk, at),
        }
    }
}

#[inline]
fn split(index: u32) -> (usize, usize) {
    (index as usize / CHUNK, index as usize % CHUNK)
}

/// The chunk of that number, with room for one more cell of `width` elements. The first one grows by doubling, for
/// small sets; the others are allocated whole.
fn room<T>(chunks: &mut Vec<Vec<T>>, chunk: usize, width: usize) -> &mut Vec<T> {
    if chunk == chunks.len() {
        chunks.push(Vec::new());
    }
    let cells = &mut chunks[chunk];
    if cells.len() == cells.capacity() {
        cells.reserve_exact(if chunk == 0 { cells.len().max(4 * width) } else { CHUNK * width });
    }
    cells
}

/// Shortens the last chunk to `len` elements, and drops it if nothing is left.
fn cut<T>(chunks: &mut Vec<Vec<T>>, chunk: usize, len: usize) {
    chunks[chunk].truncate(len);
    if len == 0 {
        chunks.truncate(chunk);
    }
}

//! Thin heap blocks: the one module that may use `unsafe`.
//!
//! A [`Block`] is one pointer to one heap allocation that holds bytes and, where asked for, an owned `Box<V>`.
//! Keys with their small values, hash fields and set members are such blocks: a `Box<[u8]>` would cost a second
//! word in every table slot, and a separate box for the value a second allocation and a second cache miss.
//!
//! Layout (`len` counts the bytes only; all fields unaligned, the allocation is aligned to 8):
//!
//! ```text
//! small  | flags u8 | len u8  | [*mut V] | bytes … |      len < 256
//! wide   | flags u8 | len u32 | [*mut V] | bytes … |
//! ```
//!
//! The pointer's three low bits are free for the owner ([`Block::tag`]): they can be read without touching the
//! block itself, so that a walk over table slots can skip most of them without a cache miss.
#![expect(unsafe_code, reason = "the one module where it is allowed: each block below carries its proof")]

use alloc::alloc::{alloc, dealloc, handle_alloc_error, realloc};
use alloc::boxed::Box;
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, size_of};
use core::ptr::{self, NonNull};
use core::slice;

const WIDE: u8 = 1;
const BOXED: u8 = 2;
const ALIGN: usize = 8;
const TAG_MASK: usize = 0b111;
/// What a block has before its bytes, at most.
const MAX_HEAD: usize = 5 + size_of::<usize>();
/// The most bytes that a block holds: with what is before them, and rounded up, half of what 32 bits address.
pub const MAX_LEN: usize = (1 << 31) - 32;

const _: () = assert!(ALIGN > TAG_MASK, "the tag bits must be zero in every aligned address");
const _: () =
    assert!(MAX_HEAD + MAX_LEN <= isize::MAX as usize - (ALIGN - 1), "every block's layout is a valid one");

/// One heap block of bytes with an optional owned `V`; one word wide.
pub struct Block<V> {
    /// The block's address; its low bits are the tags.
    tagged: NonNull<u8>,
    owns: PhantomData<Box<V>>,
}

// SAFETY: a `Block` owns its bytes and its `V` alone, like a `(Box<[u8]>, Option<Box<V>>)`.
unsafe impl<V: Send> Send for Block<V> {}
// SAFETY: as above; `&Block` gives out shared references only.
unsafe impl<V: Sync> Sync for Block<V> {}

/// Where the parts of a block of a given shape lie. `len` is at most [`MAX_LEN`].
#[derive(Clone, Copy)]
struct Shape {
    len: usize,
    boxed: bool,
}

impl Shape {
    fn new(len: usize, boxed: bool) -> Self {
        assert!(len <= MAX_LEN, "a block holds at most {MAX_LEN} bytes");
        Self { len, boxed }
    }

    fn wide(self) -> bool {
        self.len > u8::MAX as usize
    }

    fn pointer_offset(self) -> usize {
        if self.wide() { 5 } else { 2 }
    }

    fn bytes_offset(self) -> usize {
        self.pointer_offset() + if self.boxed { size_of::<*mut u8>() } else { 0 }
    }

    fn layout(self) -> Layout {
        // SAFETY: ALIGN is a power of two, and the size is at most MAX_HEAD + MAX_LEN, which the assertion above has room for.
        unsafe { Layout::from_size_align_unchecked(self.bytes_offset() + self.len, ALIGN) }
    }
}

impl<V> Block<V> {
    /// A block whose bytes are `parts`, one after the other.
    ///
    /// # Panics
    /// Where they are more than [`MAX_LEN`].
    pub fn new(parts: &[&[u8]]) -> Self {
        Self::build(parts, None)
    }

    /// A block whose bytes are `parts` and that owns `value`.
    ///
    /// # Panics
    /// As [`Block::new`].
    pub fn with_boxed(parts: &[&[u8]], value: Box<V>) -> Self {
        Self::build(parts, Some(value))
    }

    fn build(parts: &[&[u8]], value: Option<Box<V>>) -> Self {
        // The same bytes may be named often: their sum has no bound but this.
        let len = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()));
        let shape = Shape::new(len, value.is_some());
        let layout = shape.layout();
        // SAFETY: the layout's size is at least 2.
        let raw = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(raw) else { handle_alloc_error(layout) };
        // SAFETY: `base` points to a fresh allocation of `shape.layout()`; the writes stay inside it: the header
        // and pointer fields end at `bytes_offset`, and the parts' lengths add up to `shape.len`.
        unsafe {
            write_header(base, shape);
            if let Some(value) = value {
                base.add(shape.pointer_offset()).cast::<*mut V>().write_unaligned(Box::into_raw(value));
            }
            let mut at = base.add(shape.bytes_offset());
            for part in parts {
                ptr::copy_nonoverlapping(part.as_ptr(), at.as_ptr(), part.len());
                at = at.add(part.len());
            }
        }
        Self { tagged: base, owns: PhantomData }
    }

    #[inline]
    fn base(&self) -> NonNull<u8> {
        // SAFETY: the allocation is aligned to 8, so its address without the tag bits is never zero.
        unsafe { NonNull::new_unchecked(self.tagged.as_ptr().map_addr(|a| a & !TAG_MASK)) }
    }

    #[inline]
    fn shape(&self) -> Shape {
        let base = self.base();
        // SAFETY: every block has its flags byte and, as the flag says, one or four length bytes.
        unsafe {
            let flags = base.read();
            let len = if flags & WIDE == 0 {
                base.add(1).read() as usize
            } else {
                base.add(1).cast::<u32>().read_unaligned() as usize
            };
            // `write_header` wrote the length of a shape.
            Shape { len, boxed: flags & BOXED != 0 }
        }
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: `build` and `replace_tail` initialised `len` bytes at `bytes_offset`, and `&self` keeps them unchanged.
        unsafe { slice::from_raw_parts(self.base().add(shape.bytes_offset()).as_ptr(), shape.len) }
    }

    /// The bytes, to be changed in place.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let shape = self.shape();
        // SAFETY: as in `bytes`; `&mut self` makes the reference the only one.
        unsafe { slice::from_raw_parts_mut(self.base().add(shape.bytes_offset()).as_ptr(), shape.len) }
    }

    #[inline]
    fn pointer(&self) -> Option<*mut V> {
        let shape = self.shape();
        // SAFETY: where the BOXED flag is set a pointer lies at `pointer_offset`.
        shape
            .boxed
            .then(|| unsafe { self.base().add(shape.pointer_offset()).cast::<*mut V>().read_unaligned() })
    }

    /// The owned value, if there is one.
    #[inline]
    pub fn boxed(&self) -> Option<&V> {
        // SAFETY: the pointer came from `Box::into_raw` and the block owns the box until `drop` or `take_boxed`.
        self.pointer().map(|p| unsafe { &*p })
    }

    /// The owned value, to be changed in place.
    #[inline]
    pub fn boxed_mut(&mut self) -> Option<&mut V> {
        // SAFETY: as in `boxed`; `&mut self` makes the reference the only one.
        self.pointer().map(|p| unsafe { &mut *p })
    }

    /// Replaces everything after the first `keep` bytes by `tail`, and drops the owned value if there is one.
    /// Works in place where the size stays the same.
    ///
    /// # Panics
    /// Where `keep` is more than there are bytes, or it and `tail` are more than [`MAX_LEN`].
    pub fn replace_tail(&mut self, keep: usize, tail: &[u8]) {
        let old = self.shape();
        assert!(keep <= old.len, "the kept part lies inside the block");
        let new = Shape::new(keep + tail.len(), false);
        if old.boxed || old.wide() != new.wide() {
            let tags = self.tags();
            let mut block = Self::build(&[&self.bytes()[..keep], tail], None);
            block.set_tags(tags);
            *self = block;
            return;
        }
        let tags = self.tags();
        let mut base = self.base();
        // SAFETY: the old layout is the one of the allocation; offsets of old and new agree (both unboxed and of the
        // same width), so header and kept bytes are carried over by realloc; the tail's end is the new layout's end.
        unsafe {
            if new.len != old.len {
                let layout = new.layout();
                let Some(moved) = NonNull::new(realloc(base.as_ptr(), old.layout(), layout.size())) else {
                    handle_alloc_error(layout)
                };
                base = moved;
                write_header(base, new);
                self.tagged = base;
                self.set_tags(tags);
            }
            ptr::copy_nonoverlapping(tail.as_ptr(), base.add(new.bytes_offset() + keep).as_ptr(), tail.len());
        }
    }

    /// Adds bytes behind the others; an owned value stays.
    ///
    /// # Panics
    /// Where they are more than [`MAX_LEN`] together.
    pub fn append(&mut self, tail: &[u8]) {
        if self.boxed().is_none() {
            return self.replace_tail(self.shape().len, tail);
        }
        let tags = self.tags();
        let bytes = self.bytes().to_vec();
        let empty = core::mem::replace(self, Self::new(&[]));
        let mut block = match empty.into_boxed() {
            Some(value) => Self::with_boxed(&[&bytes, tail], value),
            None => Self::new(&[&bytes, tail]),
        };
        block.set_tags(tags);
        *self = block;
    }

    /// Drops all bytes but the first `keep`; an owned value stays.
    ///
    /// # Panics
    /// Where `keep` is more than there are bytes.
    pub fn truncate(&mut self, keep: usize) {
        if self.boxed().is_none() {
            return self.replace_tail(keep, &[]);
        }
        let tags = self.tags();
        let bytes = self.bytes()[..keep].to_vec();
        let whole = core::mem::replace(self, Self::new(&[]));
        let mut block = match whole.into_boxed() {
            Some(value) => Self::with_boxed(&[&bytes], value),
            None => Self::new(&[&bytes]),
        };
        block.set_tags(tags);
        *self = block;
    }

    /// The owned value on its own; the block's bytes are dropped.
    pub fn into_boxed(self) -> Option<Box<V>> {
        let pointer = self.pointer()?;
        let block = ManuallyDrop::new(self);
        // SAFETY: the allocation is freed with its own layout and not used again (`ManuallyDrop`); the box, which came
        // from `Box::into_raw`, passes to the caller.
        unsafe {
            dealloc(block.base().as_ptr(), block.shape().layout());
            Some(Box::from_raw(pointer))
        }
    }

    /// Tag bit 0, 1 or 2: the owner's own mark, kept in the pointer.
    #[inline]
    pub fn tag(&self, bit: u8) -> bool {
        self.tags() & (1 << bit) != 0
    }

    /// Sets tag bit 0, 1 or 2.
    #[inline]
    pub fn set_tag(&mut self, bit: u8, on: bool) {
        debug_assert!(1 << bit <= TAG_MASK, "there are three tag bits");
        let tags = self.tags() & !(1 << bit) | (usize::from(on) << bit);
        self.set_tags(tags);
    }

    #[inline]
    fn tags(&self) -> usize {
        self.tagged.addr().get() & TAG_MASK
    }

    #[inline]
    fn set_tags(&mut self, tags: usize) {
        // SAFETY: the address without tags is not zero, see `base`.
        self.tagged =
            unsafe { NonNull::new_unchecked(self.base().as_ptr().map_addr(|a| a | (tags & TAG_MASK))) };
    }

    /// Bytes of the block's own allocation, without what an owned value takes.
    pub fn allocated(&self) -> usize {
        self.shape().layout().size()
    }

    /// Asks the processor to fetch the start of the block. A hint: it changes nothing.
    #[inline]
    pub fn prefetch(&self) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: a prefetch has no effect that a program can see, whatever the address.
        unsafe {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.base().as_ptr().cast());
        }
    }
}

/// Writes flags and length.
///
/// # Safety
/// `base` points to at least `shape.pointer_offset()` writable bytes.
unsafe fn write_header(base: NonNull<u8>, shape: Shape) {
    let flags = if shape.wide() { WIDE } else { 0 } | if shape.boxed { BOXED } else { 0 };
    // SAFETY: by the function's contract.
    unsafe {
        base.write(flags);
        if shape.wide() {
            base.add(1).cast::<u32>().write_unaligned(shape.len as u32);
        } else {
            base.add(1).write(shape.len as u8);
        }
    }
}

impl<V> Drop for Block<V> {
    fn drop(&mut self) {
        let shape = self.shape();
        // SAFETY: the pointer, where there is one, came from `Box::into_raw` and is dropped once, here; the layout
        // is the one that the block was allocated with.
        unsafe {
            if let Some(pointer) = self.pointer() {
                drop(Box::from_raw(pointer));
            }
            dealloc(self.base().as_ptr(), shape.layout());
        }
    }
}

impl<V> core::fmt::Debug for Block<V> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Block").field("len", &self.shape().len).field("boxed", &self.shape().boxed).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::rc::Rc;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn bytes_of_every_width_come_back() {
        for len in [0, 1, 7, 8, 253, 254, 255, 256, 257, 70_000] {
            let data: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let (a, b) = data.split_at(len / 3);
            let block = Block::<()>::new(&[a, b]);
            assert_eq!(block.bytes(), data);
            assert!(block.boxed().is_none());
        }
    }

    #[test]
    fn tail_is_replaced_across_all_shapes_and_tags_stay() {
        for keep in [0, 3, 200] {
            let mut block = Block::<Vec<u8>>::with_boxed(&[&vec![7; keep]], Box::new(vec![1, 2, 3]));
            block.set_tag(1, true);
            for len in [0, 1, 5, 5, 50, 51, 56, 55, 300, 300, 301, 2, 100_000, 99_999, 3] {
                let tail = vec![len as u8; len];
                block.replace_tail(keep, &tail);
                assert_eq!(block.bytes()[..keep], vec![7; keep]);
                assert_eq!(block.bytes()[keep..], tail);
                assert!(block.tag(1) && !block.tag(0));
                assert!(block.boxed().is_none());
            }
        }
    }

    /// On 32 bits 4096 times one MiB was a block of no bytes, into which 4 GiB were copied.
    #[test]
    #[should_panic(expected = "a block holds at most")]
    fn bytes_that_are_named_often_are_counted() {
        let mib = vec![0; 1 << 20];
        // The sum is 2^32, which 32 bits do not hold.
        drop(Block::<()>::new(&[&mib[..]; 1 << 12]));
    }

    #[test]
    fn the_owned_value_is_dropped_once() {
        let counter = Rc::new(());
        let mut block = Block::with_boxed(&[b"key"], Box::new(counter.clone()));
        assert_eq!(Rc::strong_count(&counter), 2);
        assert!(block.boxed_mut().is_some());
        block.set_tag(0, true);
        block.replace_tail(3, b"inline");
        assert_eq!(Rc::strong_count(&counter), 1);
        let block = Block::with_boxed(&[b"key"], Box::new(counter.clone()));
        let taken = block.into_boxed();
        assert_eq!(Rc::strong_count(&counter), 2);
        drop(taken);
        assert_eq!(Rc::strong_count(&counter), 1);
        drop(Block::with_boxed(&[&[9; 400]], Box::new(counter.clone())));
        assert_eq!(Rc::strong_count(&counter), 1);
    }
}

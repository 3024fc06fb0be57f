//! A global allocator that counts. Needs neither std nor threads; each host brings its own [`Tally`].
#![no_std]
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; every call is passed on unchanged")]

use core::alloc::{GlobalAlloc, Layout};

/// Where the bytes are summed up.
pub trait Tally {
    /// So many bytes more, or fewer. It is called within the allocator: what allocates here ends up here again.
    ///
    /// # Panics
    /// A panic ends the program, as an allocator must not unwind.
    fn add(&self, bytes: isize);
}

/// `A` with every layout's size counted in `T`.
#[derive(Debug)]
pub struct Counting<A, T> {
    inner: A,
    tally: T,
}

impl<A, T> Counting<A, T> {
    /// Counts what goes through `inner`.
    pub const fn new(inner: A, tally: T) -> Self {
        Self { inner, tally }
    }

    /// The allocator behind.
    pub const fn inner(&self) -> &A {
        &self.inner
    }

    /// The sums.
    pub const fn tally(&self) -> &T {
        &self.tally
    }
}

/// Tells the tally. A panic in it goes no further than this function: a foreign ABI cannot unwind.
#[inline]
extern "C" fn count<T: Tally>(tally: &T, bytes: isize) {
    tally.add(bytes);
}

/// A size as a difference; no allocation is larger than `isize::MAX`.
const fn signed(size: usize) -> isize {
    size.cast_signed()
}

// SAFETY: every method passes its arguments on to `inner`, whose contract is the same, and returns what it returned. Whatever
// a tally does, `count` does not unwind.
unsafe impl<A: GlobalAlloc, T: Tally> GlobalAlloc for Counting<A, T> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is `inner`'s.
        let block = unsafe { self.inner.alloc(layout) };
        if !block.is_null() {
            count(&self.tally, signed(layout.size()));
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is `inner`'s.
        let block = unsafe { self.inner.alloc_zeroed(layout) };
        if !block.is_null() {
            count(&self.tally, signed(layout.size()));
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(&self.tally, -signed(layout.size()));
        // SAFETY: `block` came from `inner` with this layout, because every block does.
        unsafe { self.inner.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: `block` came from `inner` with this layout, because every block does.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        if !moved.is_null() {
            count(&self.tally, signed(new_size) - signed(layout.size()));
        }
        moved
    }
}

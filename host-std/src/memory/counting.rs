//! A global allocator that counts. Needs neither std nor threads; each host includes this file and brings its own [`Tally`].
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; every call is passed on unchanged")]

use core::alloc::{GlobalAlloc, Layout};

/// Where the bytes are summed up.
pub trait Tally {
    /// So many bytes more, or fewer.
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

/// A size as a difference; no allocation is larger than `isize::MAX`.
const fn signed(size: usize) -> isize {
    size.cast_signed()
}

// SAFETY: every method passes its arguments on to `inner`, whose contract is the same, and returns what it returned;
// a tally does not allocate and does not unwind.
unsafe impl<A: GlobalAlloc, T: Tally> GlobalAlloc for Counting<A, T> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is `inner`'s.
        let block = unsafe { self.inner.alloc(layout) };
        if !block.is_null() {
            self.tally.add(signed(layout.size()));
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is `inner`'s.
        let block = unsafe { self.inner.alloc_zeroed(layout) };
        if !block.is_null() {
            self.tally.add(signed(layout.size()));
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.tally.add(-signed(layout.size()));
        // SAFETY: `block` came from `inner` with this layout, because every block does.
        unsafe { self.inner.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: `block` came from `inner` with this layout, because every block does.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        if !moved.is_null() {
            self.tally.add(signed(new_size) - signed(layout.size()));
        }
        moved
    }
}

//! Memory that is set aside: where the system gives no more, it is handed out, and the server refuses writes instead of
//! ending.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; every call is passed on unchanged")]

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};

/// What is set aside, in bytes: enough for what all clients send in a turn of the loop. Until it is needed its pages are
/// untouched.
const SIZE: usize = 8 << 20;
/// How it is laid out.
const LAYOUT: Layout = match Layout::from_size_align(SIZE, 4096) {
    Ok(layout) => layout,
    Err(_) => panic!("a power of two"),
};

static RESERVE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static SHORT: AtomicBool = AtomicBool::new(false);

/// `A`, which falls back on the reserve.
#[derive(Debug)]
pub struct Guarded<A>(A);

impl<A: GlobalAlloc> Guarded<A> {
    /// Falls back on the reserve where `inner` has nothing left.
    pub const fn new(inner: A) -> Self {
        Self(inner)
    }

    /// Sets memory aside if none is. Call it from the thread that needs most.
    pub fn refill(&self) {
        if RESERVE.load(Relaxed).is_null() {
            // SAFETY: the layout's size is not zero.
            let block = unsafe { self.0.alloc(LAYOUT) };
            RESERVE.store(block, Relaxed);
            SHORT.store(block.is_null(), Relaxed);
        }
    }

    /// Gives the reserve back; false where there is none.
    #[cold]
    fn give_up(&self) -> bool {
        SHORT.store(true, Relaxed);
        let block = RESERVE.swap(ptr::null_mut(), Relaxed);
        if !block.is_null() {
            // SAFETY: the block came from `A` with this layout, and only one thread took it out of its place.
            unsafe { self.0.dealloc(block, LAYOUT) };
        }
        !block.is_null()
    }
}

/// Whether the system gave no memory lately, and the reserve has not been filled since.
pub fn is_short() -> bool {
    SHORT.load(Relaxed)
}

// SAFETY: every method passes its arguments on to `A`, whose contract is the same, and returns what it returned.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Guarded<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is that of `A`.
        let block = unsafe { self.0.alloc(layout) };
        if block.is_null() && self.give_up() {
            // SAFETY: as above.
            return unsafe { self.0.alloc(layout) };
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is that of `A`.
        let block = unsafe { self.0.alloc_zeroed(layout) };
        if block.is_null() && self.give_up() {
            // SAFETY: as above.
            return unsafe { self.0.alloc_zeroed(layout) };
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from `A` with this layout, because every block does.
        unsafe { self.0.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: `block` came from `A` with this layout, because every block does.
        let moved = unsafe { self.0.realloc(block, layout, new_size) };
        if moved.is_null() && self.give_up() {
            // SAFETY: a realloc that failed left the block as it was.
            return unsafe { self.0.realloc(block, layout, new_size) };
        }
        moved
    }
}

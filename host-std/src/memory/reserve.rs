//! Memory that is set aside: where the system gives no more, it is handed out, and the server refuses writes instead of
//! ending.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; every call is passed on unchanged")]

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

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

/// Mimalloc, which falls back on the reserve where it has nothing left. The reserve is its block and there is one, so there is
/// no such thing for another allocator.
#[derive(Debug)]
pub struct Guarded;

/// Sets memory aside if none is. Call it from the thread that needs most.
pub fn refill() {
    if RESERVE.load(Ordering::Relaxed).is_null() {
        // SAFETY: the layout's size is not zero.
        let block = unsafe { MiMalloc.alloc(LAYOUT) };
        // Whoever gives it up sees what mimalloc wrote before it.
        RESERVE.store(block, Ordering::Release);
        SHORT.store(block.is_null(), Ordering::Relaxed);
    }
}

/// Gives the reserve back; false where there is none.
#[cold]
fn give_up() -> bool {
    SHORT.store(true, Ordering::Relaxed);
    let block = RESERVE.swap(ptr::null_mut(), Ordering::Acquire);
    if !block.is_null() {
        // SAFETY: only `refill` puts a block there, from mimalloc with this layout, and only one thread took it out of its place.
        unsafe { MiMalloc.dealloc(block, LAYOUT) };
    }
    !block.is_null()
}

/// Whether the system gave no memory lately, and the reserve has not been filled since.
pub fn is_short() -> bool {
    SHORT.load(Ordering::Relaxed)
}

// SAFETY: every method passes its arguments on to mimalloc, whose contract is the same, and returns what it returned.
unsafe impl GlobalAlloc for Guarded {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is that of mimalloc.
        let block = unsafe { MiMalloc.alloc(layout) };
        if block.is_null() && give_up() {
            // SAFETY: as above.
            return unsafe { MiMalloc.alloc(layout) };
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is that of mimalloc.
        let block = unsafe { MiMalloc.alloc_zeroed(layout) };
        if block.is_null() && give_up() {
            // SAFETY: as above.
            return unsafe { MiMalloc.alloc_zeroed(layout) };
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from mimalloc with this layout, because every block does.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: `block` came from mimalloc with this layout, because every block does.
        let moved = unsafe { MiMalloc.realloc(block, layout, new_size) };
        if moved.is_null() && give_up() {
            // SAFETY: a realloc that failed left the block as it was.
            return unsafe { MiMalloc.realloc(block, layout, new_size) };
        }
        moved
    }
}

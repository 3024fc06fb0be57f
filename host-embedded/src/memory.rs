//! The arena: one block of memory for everything, handed out first-fit and counted.
//!
//! ```
//! use nuthatch_embedded::memory::{self, Allocator, Arena};
//! use static_cell::StaticCell;
//!
//! // In a firmware with #[global_allocator] in front.
//! static MEMORY: Allocator = memory::allocator();
//! static ARENA: StaticCell<Arena<{ 192 << 10 }>> = StaticCell::new();
//!
//! memory::give(&MEMORY, ARENA.init_with(memory::arena));
//! assert!(MEMORY.inner().lock().free() > 190 << 10);
//! ```

use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use linked_list_allocator::LockedHeap;
use nuthatch_counting::{Counting, Tally};

/// Bytes in use and the most there ever were. One for the program, because it has one allocator.
static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Sums up in [`used`] and [`peak`].
#[derive(Debug, Clone, Copy)]
pub struct Sum;

impl Tally for Sum {
    fn add(&self, bytes: isize) {
        let used = USED.fetch_add(bytes.cast_unsigned(), Relaxed).wrapping_add_signed(bytes);
        PEAK.fetch_max(used, Relaxed);
    }
}

/// What a firmware installs as its global allocator.
pub type Allocator = Counting<LockedHeap, Sum>;

/// Memory of `N` bytes.
pub type Arena<const N: usize> = [MaybeUninit<u8>; N];

/// An allocator that owns no memory yet.
pub const fn allocator() -> Allocator {
    Counting::new(LockedHeap::empty(), Sum)
}

/// An arena for a `static`.
pub const fn arena<const N: usize>() -> Arena<N> {
    [MaybeUninit::uninit(); N]
}

/// Gives the allocator its memory. Once, before the first allocation.
///
/// # Panics
/// Where the allocator has memory already, or this is too small for its first entry: three words always have room for it.
pub fn give(allocator: &Allocator, memory: &'static mut [MaybeUninit<u8>]) {
    allocator.inner().lock().init_from_slice(memory);
}

/// Bytes in use.
pub fn used() -> usize {
    USED.load(Relaxed)
}

/// The most bytes that were ever in use.
pub fn peak() -> usize {
    PEAK.load(Relaxed)
}

/// Whether so many bytes can be had in one piece.
pub fn has_room(bytes: usize) -> bool {
    let mut probe: Vec<u8> = Vec::new();
    let there = probe.try_reserve_exact(bytes).is_ok();
    // Else the compiler leaves out an allocation that nobody uses.
    core::hint::black_box(&probe);
    there
}

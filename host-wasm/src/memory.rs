//! The bytes in use. A worker is one thread; the atomics cost nothing there.

use nuthatch_counting::{Counting, Tally};
use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Sums up in [`used`] and [`peak`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum;

impl Tally for Sum {
    fn add(&self, bytes: isize) {
        let used = USED.fetch_add(bytes.cast_unsigned(), Relaxed).wrapping_add_signed(bytes);
        PEAK.fetch_max(used, Relaxed);
    }
}

#[global_allocator]
static ALLOCATOR: Counting<System, Sum> = Counting::new(System, Sum);

/// Bytes in use.
pub(crate) fn used() -> usize {
    USED.load(Relaxed)
}

/// The most bytes that were ever in use.
pub(crate) fn peak() -> usize {
    PEAK.load(Relaxed)
}

//! Tables that are made when they are first wanted. Two that make them at the same time write the same.

use super::tables;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static MADE: AtomicBool = AtomicBool::new(false);
static BYTES: [[AtomicU64; 256]; 8] = [const { [const { AtomicU64::new(0) }; 256] }; 8];
static BEHIND: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

/// Makes the tables if they are not there.
#[inline]
pub(super) fn make() {
    if !MADE.load(Ordering::Acquire) {
        fill();
    }
}

#[cold]
fn fill() {
    let tables = tables();
    for (row, values) in BYTES.iter().zip(tables.bytes) {
        row.iter().zip(values).for_each(|(place, value)| place.store(value, Ordering::Relaxed));
    }
    BEHIND.iter().zip(tables.behind).for_each(|(place, value)| place.store(value, Ordering::Relaxed));
    MADE.store(true, Ordering::Release);
}

/// The checksum of a byte followed by `k` zero bytes.
#[inline]
pub(super) fn table(k: usize, byte: u8) -> u64 {
    BYTES[k][usize::from(byte)].load(Ordering::Relaxed)
}

/// The checksum of a bit of a checksum followed by a lane of zero bytes.
#[inline]
pub(super) fn behind(bit: usize) -> u64 {
    BEHIND[bit].load(Ordering::Relaxed)
}

//! Tables that the compiler made.

use super::{Tables, tables};

static TABLES: Tables = tables();

/// There is nothing left to make.
#[inline]
pub(super) fn make() {}

/// The checksum of a byte followed by `k` zero bytes.
#[inline]
pub(super) fn table(k: usize, byte: u8) -> u64 {
    TABLES.bytes[k][usize::from(byte)]
}

/// The checksum of a bit of a checksum followed by a lane of zero bytes.
#[inline]
pub(super) fn behind(bit: usize) -> u64 {
    TABLES.behind[bit]
}

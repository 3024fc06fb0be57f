//! A hash table that never stalls: no insert moves more than the elements of one segment. A bare chip has one of its own, with
//! little code.

#[cfg(not(target_os = "none"))]
mod large;
#[cfg(any(target_os = "none", test))]
mod small;

#[cfg(not(target_os = "none"))]
pub use large::Segmented;
#[cfg(target_os = "none")]
pub use small::Segmented;

/// Bits of a point, thus the most ranges of hashes that a table tells apart.
const POINT_BITS: u8 = 24;
/// Bits of a hash above the point: hashbrown's tag.
const TAG_BITS: u8 = 7;
/// One past the last point.
const END: u32 = 1 << POINT_BITS;

/// Where an element lies: valid until the next insert, remove or shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    segment: u32,
    bucket: u32,
}

/// What a table holds: mostly a pointer to a heap block.
pub trait Fetch {
    /// Asks the processor to bring what the element points to from memory. A hint: it changes nothing.
    #[inline]
    fn fetch(&self) {}
}

/// The 24 bits of a hash that order segments.
#[inline]
fn point(hash: u64) -> u32 {
    ((hash << TAG_BITS) >> (u64::BITS - u32::from(POINT_BITS))) as u32
}

#[cfg(test)]
impl Fetch for u32 {}

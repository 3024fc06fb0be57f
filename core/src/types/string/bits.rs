//! Bits of a string. Bit 0 is the highest bit of the first byte.

use core::ops::RangeInclusive;

/// A bit; those behind the end are clear.
pub fn get_bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset >> 3).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte & mask(offset) != 0)
}

/// Sets or clears a bit within the string and gives back what it was.
pub fn set_bit(bytes: &mut [u8], offset: u64, on: bool) -> bool {
    let Some(byte) = bytes.get_mut((offset >> 3) as usize) else { return false };
    let was = *byte & mask(offset) != 0;
    if on {
        *byte |= mask(offset);
    } else {
        *byte &= !mask(offset);
    }
    was
}

const fn mask(offset: u64) -> u8 {
    0x80 >> (offset & 7)
}

/// How many bits are set.
pub fn count_ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    in_words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// How many bits of a range are set. The range must lie within the string.
pub fn count_ones_in(bytes: &[u8], range: RangeInclusive<u64>) -> u64 {
    let (first, last) = range.into_inner();
    let Some(within) = bytes.get((first >> 3) as usize..=(last >> 3) as usize) else { return 0 };
    let before = within.first().map_or(0, |byte| byte & !(0xff >> (first & 7)));
    let behind = within.last().map_or(0, |byte| byte & !ending_at(last));
    count_ones(within) - u64::from(before.count_ones()) - u64::from(behind.count_ones())
}

/// A byte's bits up to the one at `offset`.
const fn ending_at(offset: u64) -> u8 {
    (0xff00u16 >> ((offset & 7) + 1)) as u8
}

/// The first bit of a range that is set (or clear). The range must lie within the string.
pub fn find_bit(bytes: &[u8], bit: bool, range: RangeInclusive<u64>) -> Option<u64> {
    let (first, last) = range.into_inner();
    let start = (first >> 3) as usize;
    let within = bytes.get(start..=(last >> 3) as usize)?;
    // Looking for a clear bit is looking for a set one in the complement.
    let flip = if bit { 0 } else { 0xff };
    let head = (within.first()? ^ flip) & (0xff >> (first & 7));
    let place = if head != 0 { 0 } else { 1 + skip_bytes(within.get(1..)?, flip) };
    let found = if place == 0 { head } else { within.get(place)? ^ flip };
    let offset = ((start + place) as u64) * 8 + u64::from(found.leading_zeros());
    (offset <= last).then_some(offset)
}

/// How many bytes at the start are all `value`.
fn skip_bytes(bytes: &[u8], value: u8) -> usize {
    let word = [value; 8];
    let (words, _) = bytes.as_chunks::<8>();
    let skipped = words.iter().take_while(|chunk| **chunk == word).count() * 8;
    skipped + bytes.iter().skip(skipped).take_while(|byte| **byte == value).count()
}

/// What `BITOP` does with its sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Bits that are set in all sources.
    And,
    /// Bits that are set in any source.
    Or,
    /// Bits that are set in an odd number of sources.
    Xor,
    /// The complement of the one source.
    Not,
}

/// Takes in one more source: `out` is as long as the longest of all, and the source counts as filled up with zeros.
/// The first source is copied in, not combined.
pub fn combine(out: &mut [u8], source: &[u8], operation: Operation) {
    let (head, tail) = out.split_at_mut(source.len().min(out.len()));
    let pairs = head.iter_mut().zip(source);
    match operation {
        Operation::And => {
            pairs.for_each(|(byte, other)| *byte &= other);
            tail.fill(0);
        }
        Operation::Or => pairs.for_each(|(byte, other)| *byte |= other),
        Operation::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
        Operation::Not => pairs.for_each(|(byte, other)| *byte = !other),
    }
}

//! Listpack: Redis's compact sequence of strings and integers in one blob, bit for bit.
//!
//! Layout: total bytes (u32 LE), count (u16 LE, 65535 = unknown), entries, 0xFF. An entry is its encoding byte(s),
//! its data, and its own length again ("backlen"), which is read from the right: so one walks in both directions.
//!
//! [`Listpack`] reads a blob it does not own, [`ListpackBuf`] owns and edits one. Both trust their bytes; a blob
//! from outside goes through [`Listpack::validate`] first.

mod buf;
mod entry;
#[cfg(test)]
mod tests;

pub use buf::ListpackBuf;

use alloc::vec::Vec;

use crate::words::number::{self, parse_i64};
use entry::{backlen_size, entry_end, read_backlen, read_entry};

/// Bytes before the first entry: total bytes and count.
pub const HEADER: usize = 6;
/// The byte after the last entry.
pub const END: u8 = 0xFF;
/// The count that says: more than 65534, walk and see.
const COUNT_UNKNOWN: u16 = u16::MAX;
/// A listpack grows no further than this (Redis's LISTPACK_MAX_SAFETY_LIMIT), in bytes.
pub const MAX_SAFE_BYTES: usize = 1 << 30;
/// The blob without entries.
pub const EMPTY: &[u8] = &[7, 0, 0, 0, 0, 0, END];

/// An entry's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element<'a> {
    /// Stored as an integer; reads as its decimal digits.
    Int(i64),
    /// Stored as bytes.
    Str(&'a [u8]),
}

impl Element<'_> {
    /// Whether the element reads as exactly these bytes.
    #[expect(
        clippy::should_implement_trait,
        reason = "compares with bytes, which `==` between elements does not"
    )]
    pub fn eq(&self, bytes: &[u8]) -> bool {
        match *self {
            Element::Str(own) => own == bytes,
            Element::Int(value) => parse_i64(bytes) == Some(value),
        }
    }

    /// How many bytes the element reads as.
    #[expect(clippy::len_without_is_empty, reason = "an element is not a container")]
    pub fn len(&self) -> usize {
        match *self {
            Element::Str(bytes) => bytes.len(),
            Element::Int(value) => number::i64_len(value),
        }
    }

    /// Appends the element's bytes.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        self.with_bytes(|bytes| out.extend_from_slice(bytes));
    }

    /// The element's bytes, copied.
    pub fn to_vec(&self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// The element as an integer: stored as one, or bytes that read as one.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Element::Int(value) => Some(value),
            Element::Str(bytes) => parse_i64(bytes),
        }
    }

    /// Shows the element's bytes to `f`; an integer is printed on the stack.
    pub fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match *self {
            Element::Str(bytes) => f(bytes),
            Element::Int(value) => number::with_i64(value, f),
        }
    }
}

/// Bytes that many elements are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Needle<'a> {
    bytes: &'a [u8],
    /// What the bytes are as an integer: an element stored as one compares with this.
    int: Option<i64>,
}

impl<'a> Needle<'a> {
    /// Prepares the comparison.
    pub fn new(bytes: &'a [u8]) -> Self {
        Needle { bytes, int: parse_i64(bytes) }
    }

    /// Whether the element reads as exactly these bytes.
    #[inline]
    pub fn matches(&self, element: Element<'_>) -> bool {
        match element {
            Element::Str(bytes) => bytes == self.bytes,
            Element::Int(value) => self.int == Some(value),
        }
    }
}

/// Where an entry begins: its byte offset in the blob. Edits before it move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(u32);

impl Pos {
    fn new(offset: usize) -> Self {
        Pos(offset as u32)
    }

    fn offset(self) -> usize {
        self.0 as usize
    }
}

/// The blob is not a listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidListpack;

/// A listpack read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listpack<'a>(&'a [u8]);

impl<'a> Listpack<'a> {
    /// Reads a blob that this program wrote or that passed [`Listpack::validate`].
    pub fn new(bytes: &'a [u8]) -> Self {
        Listpack(bytes)
    }

    /// Checks header, every entry, every backlen and the count of a blob from outside. Work is linear in its size.
    pub fn validate(bytes: &[u8]) -> Result<(), InvalidListpack> {
        if bytes.len() < HEADER + 1 || total_bytes(bytes) != bytes.len() || bytes[bytes.len() - 1] != END {
            return Err(InvalidListpack);
        }
        let mut offset = HEADER;
        let mut count = 0usize;
        while bytes[offset] != END {
            offset = entry::checked_end(bytes, offset).ok_or(InvalidListpack)?;
            count += 1;
        }
        let declared = header_count(bytes);
        let counted = declared == COUNT_UNKNOWN || usize::from(declared) == count;
        if offset == bytes.len() - 1 && counted { Ok(()) } else { Err(InvalidListpack) }
    }

    /// How many entries: from the header, or by walking when there are more than 65534.
    pub fn len(self) -> usize {
        match header_count(self.0) {
            COUNT_UNKNOWN => self.count_until(self.end()),
            count => usize::from(count),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(self) -> bool {
        self.0[HEADER] == END
    }

    /// The whole blob.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The first entry.
    pub fn first(self) -> Option<Pos> {
        self.at(HEADER)
    }

    /// The last entry.
    pub fn last(self) -> Option<Pos> {
        self.before(self.end())
    }

    /// The entry after.
    pub fn next(self, pos: Pos) -> Option<Pos> {
        self.at(entry_end(self.0, pos.offset()))
    }

    /// The entry before.
    pub fn prev(self, pos: Pos) -> Option<Pos> {
        self.before(pos.offset())
    }

    /// The entry at an index; negative counts from the end, −1 being the last. Walks from the nearer end.
    pub fn seek(self, index: i64) -> Option<Pos> {
        let len = self.len() as i64;
        let index = if index < 0 { index.checked_add(len)? } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        if index <= len / 2 {
            let offset = (0..index).fold(HEADER, |offset, _| entry_end(self.0, offset));
            return Some(Pos::new(offset));
        }
        (1..len - index).try_fold(self.last()?, |pos, _| self.prev(pos))
    }

    /// The value of an entry.
    pub fn get(self, pos: Pos) -> Element<'a> {
        read_entry(self.0, pos.offset()).0
    }

    /// All values, from either end.
    pub fn iter(self) -> Iter<'a> {
        Iter { bytes: self.0, front: HEADER, back: self.end() }
    }

    /// The values from an entry to the last.
    pub fn iter_from(self, pos: Pos) -> Iter<'a> {
        Iter { bytes: self.0, front: pos.offset(), back: self.end() }
    }

    /// The first entry from `from` on that reads as `needle`; after each comparison `skip` entries are passed over
    /// (1 = compare the keys of key-value pairs only). Allocates nothing.
    pub fn find(self, from: Pos, needle: &[u8], skip: usize) -> Option<Pos> {
        let needle = Needle::new(needle);
        let mut offset = from.offset();
        loop {
            if self.0[offset] == END {
                return None;
            }
            let (element, next) = read_entry(self.0, offset);
            if needle.matches(element) {
                return Some(Pos::new(offset));
            }
            offset = next;
            for _ in 0..skip {
                if self.0[offset] == END {
                    return None;
                }
                offset = entry_end(self.0, offset);
            }
        }
    }

    /// Whether `more` bytes of data may still be added.
    pub fn safe_to_add(self, more: usize) -> bool {
        self.0.len() + more <= MAX_SAFE_BYTES
    }

    /// How many entries lie before one. Walks from the start.
    pub fn index_of(self, pos: Pos) -> usize {
        self.count_until(pos.offset())
    }

    fn count_until(self, end: usize) -> usize {
        let mut offset = HEADER;
        let mut count = 0;
        while offset < end {
            offset = entry_end(self.0, offset);
            count += 1;
        }
        count
    }

    /// Offset of the end byte.
    fn end(self) -> usize {
        self.0.len() - 1
    }

    fn at(self, offset: usize) -> Option<Pos> {
        (self.0[offset] != END).then(|| Pos::new(offset))
    }

    fn before(self, offset: usize) -> Option<Pos> {
        (offset > HEADER).then(|| Pos::new(entry_start(self.0, offset)))
    }
}

/// Where the entry begins that ends at `end`.
fn entry_start(bytes: &[u8], end: usize) -> usize {
    let len = read_backlen(bytes, end);
    end - len - backlen_size(len)
}

/// The header's first field.
fn total_bytes(bytes: &[u8]) -> usize {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}

/// The header's second field.
fn header_count(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[4], bytes[5]])
}

/// The values of a listpack, from either end.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (element, next) = read_entry(self.bytes, self.front);
        self.front = next;
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = entry_start(self.bytes, self.back);
        Some(read_entry(self.bytes, self.back).0)
    }
}

impl<'a> IntoIterator for Listpack<'a> {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

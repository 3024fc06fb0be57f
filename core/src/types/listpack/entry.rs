//! One entry of a listpack: its encodings, and its length written backwards behind it.

use super::{END, Element, HEADER};
use crate::words::number::parse_i64;

const STR_32: u8 = 0xF0;
const INT_16: u8 = 0xF1;
const INT_24: u8 = 0xF2;
const INT_32: u8 = 0xF3;
const INT_64: u8 = 0xF4;

/// Reads the entry at `offset`: its value and where the next one begins.
#[inline]
pub(super) fn read_entry(bytes: &[u8], offset: usize) -> (Element<'_>, usize) {
    let head = bytes[offset];
    if head < 0x80 {
        return (Element::Int(i64::from(head)), offset + 2);
    }
    if head < 0xC0 {
        let len = usize::from(head & 0x3F);
        return (Element::Str(&bytes[offset + 1..][..len]), offset + 2 + len);
    }
    read_long_entry(bytes, offset, head)
}

fn read_long_entry(bytes: &[u8], offset: usize, head: u8) -> (Element<'_>, usize) {
    if let Some((start, len)) = string_head(bytes, offset, head) {
        let end = start + len;
        return (Element::Str(&bytes[start..end]), end + backlen_size(end - offset));
    }
    let size = int_size(head);
    let value = if size == 2 {
        let raw = i64::from(head & 0x1F) << 8 | i64::from(bytes[offset + 1]);
        if raw >= 1 << 12 { raw - (1 << 13) } else { raw }
    } else {
        read_int(bytes, offset + 1, size - 1)
    };
    (Element::Int(value), offset + size + 1)
}

/// Where the data of a 12-bit or 32-bit string begins and how long it is; `None` for an integer.
fn string_head(bytes: &[u8], offset: usize, head: u8) -> Option<(usize, usize)> {
    if head & 0xF0 == 0xE0 {
        let len = usize::from(head & 0x0F) << 8 | usize::from(bytes[offset + 1]);
        return Some((offset + 2, len));
    }
    (head == STR_32).then(|| {
        let len = [bytes[offset + 1], bytes[offset + 2], bytes[offset + 3], bytes[offset + 4]];
        (offset + 5, u32::from_le_bytes(len) as usize)
    })
}

/// A little-endian integer of so many bytes.
#[inline]
fn read_int(bytes: &[u8], start: usize, width: usize) -> i64 {
    let mut raw = [0; 8];
    match bytes.get(start..start + 8) {
        // Reading past the integer is faster than copying a length known only now; the shifts drop what is not its.
        Some(eight) => raw.copy_from_slice(eight),
        None => raw[..width].copy_from_slice(&bytes[start..start + width]),
    }
    let above = 64 - 8 * width as u32;
    i64::from_le_bytes(raw) << above >> above
}

/// Where the entry at `offset` ends, its backlen included.
#[inline]
pub(super) fn entry_end(bytes: &[u8], offset: usize) -> usize {
    let head = bytes[offset];
    if head < 0x80 {
        return offset + 2;
    }
    if head < 0xC0 {
        return offset + 2 + usize::from(head & 0x3F);
    }
    let size = match string_head(bytes, offset, head) {
        Some((start, len)) => start - offset + len,
        None => int_size(head),
    };
    offset + size + backlen_size(size)
}

/// The size of an integer's encoding, by its first byte.
fn int_size(head: u8) -> usize {
    match head {
        0x00..=0x7F => 1,
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        _ => 2,
    }
}

/// [`entry_end`] for bytes that nobody vouches for: `None` when the entry is malformed or leaves the blob.
/// `offset` lies within the blob, and the blob's last byte is [`END`].
pub(super) fn checked_end(bytes: &[u8], offset: usize) -> Option<usize> {
    let last = bytes.len() - 1;
    let head = bytes[offset];
    let head_size = match head {
        0x00..=0xBF | END => 1,
        0xC0..=0xEF => 2,
        STR_32 => 5,
        INT_16..=INT_64 => 1,
        _ => return None,
    };
    if offset + head_size > last {
        return None;
    }
    let size = match string_head(bytes, offset, head) {
        Some((start, len)) => (start - offset).checked_add(len)?,
        None if head & 0xC0 == 0x80 => 1 + usize::from(head & 0x3F),
        None => int_size(head),
    };
    let end = offset.checked_add(size)?.checked_add(backlen_size(size))?;
    (end <= last && read_checked_backlen(bytes, end) == Some(size)).then_some(end)
}

/// How many bytes the length of an entry takes behind it.
#[inline]
pub(super) fn backlen_size(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16382 => 2,
        16383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// The length of the entry that ends at `end`, from its backlen.
#[inline]
pub(super) fn read_backlen(bytes: &[u8], end: usize) -> usize {
    let last = bytes[end - 1];
    if last < 0x80 {
        return usize::from(last);
    }
    read_checked_backlen(bytes, end).unwrap_or(0)
}

fn read_checked_backlen(bytes: &[u8], end: usize) -> Option<usize> {
    let mut len = 0u64;
    for (i, &byte) in bytes[HEADER..end].iter().rev().take(5).enumerate() {
        len |= u64::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return usize::try_from(len).ok();
        }
    }
    None
}

/// An entry about to be written.
pub(super) struct Encoded<'a> {
    /// The encoding bytes, for an integer with its value.
    head: [u8; 9],
    head_len: u8,
    /// A string's bytes.
    data: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// Encodes bytes: as an integer if they are exactly what printing one gives.
    #[inline]
    pub(super) fn bytes(data: &'a [u8]) -> Self {
        match parse_i64(data) {
            Some(value) => Self::int(value),
            None => Self::string(data),
        }
    }

    /// Encodes an element as it is.
    #[inline]
    pub(super) fn exact(element: Element<'a>) -> Self {
        match element {
            Element::Int(value) => Self::int(value),
            Element::Str(data) => Self::string(data),
        }
    }

    fn string(data: &'a [u8]) -> Self {
        let mut head = [0; 9];
        let len = data.len();
        let head_len = if len < 64 {
            head[0] = 0x80 | len as u8;
            1
        } else if len < 4096 {
            head[..2].copy_from_slice(&(0xE000 | len as u16).to_be_bytes());
            2
        } else {
            head[0] = STR_32;
            head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
            5
        };
        Encoded { head, head_len, data }
    }

    /// Encodes an integer in the fewest bytes.
    pub(super) fn int(value: i64) -> Self {
        let mut head = [0; 9];
        let le = value.to_le_bytes();
        let (code, width) = match value {
            0..=127 => (value as u8, 0),
            -4096..=4095 => (0xC0 | (value >> 8 & 0x1F) as u8, 1),
            -0x8000..=0x7FFF => (INT_16, 2),
            -0x80_0000..=0x7F_FFFF => (INT_24, 3),
            -0x8000_0000..=0x7FFF_FFFF => (INT_32, 4),
            _ => (INT_64, 8),
        };
        head[0] = code;
        head[1..=width].copy_from_slice(&le[..width]);
        Encoded { head, head_len: 1 + width as u8, data: &[] }
    }

    /// Bytes of the entry without its backlen.
    #[inline]
    fn len(&self) -> usize {
        usize::from(self.head_len) + self.data.len()
    }

    /// Bytes of the whole entry.
    #[inline]
    pub(super) fn size(&self) -> usize {
        let len = self.len();
        len + backlen_size(len)
    }

    /// Writes the whole entry into a room of exactly [`Encoded::size`] bytes.
    #[inline]
    pub(super) fn write(&self, room: &mut [u8]) {
        let (head, rest) = room.split_at_mut(usize::from(self.head_len));
        head.copy_from_slice(&self.head[..head.len()]);
        let (data, backlen) = rest.split_at_mut(self.data.len());
        data.copy_from_slice(self.data);
        write_backlen(backlen, self.len());
    }
}

/// Writes an entry's length: the most significant 7 bits first, without the continuation bit.
#[inline]
fn write_backlen(room: &mut [u8], len: usize) {
    let mut rest = len;
    for byte in room[1..].iter_mut().rev() {
        *byte = (rest & 0x7F) as u8 | 0x80;
        rest >>= 7;
    }
    room[0] = rest as u8;
}

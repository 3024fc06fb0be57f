//! The line before a batch: `#CRC:<16 hex digits> <length, hex> <distance, hex>`, ended as every line.
//!
//! The checksum covers the batch, the two numbers as they are written, and where in the file the line begins, so that a
//! batch that is lost, doubled or moved is found as well as one that changed. The distance goes back from the line to the
//! place up to which the file was durable when the batch was written.

use crate::words::crc64::{Crc64, crc64};
use alloc::vec::Vec;

/// With what the line begins.
pub(super) const MARK: &[u8] = b"#CRC:";
/// The longest line: the mark, 16 digits, two numbers of up to 16 with their spaces, the end.
pub(super) const LONGEST: usize = MARK.len() + 16 + 2 * 17 + 2;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    crc: u64,
    /// Length of the batch in bytes.
    pub(super) len: u64,
    /// Bytes before the line that were not known to be durable.
    pub(super) behind: u64,
    /// Where the two numbers lie within the line.
    numbers: (usize, usize),
}

fn put_hex(out: &mut Vec<u8>, value: u64, least: usize) {
    let digits = (16 - value.leading_zeros() as usize / 4).max(least);
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(value >> (4 * place)) as usize & 15]);
    }
}

fn read_hex(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    text.iter().try_fold(0, |value, byte| match byte {
        b'0'..=b'9' => Some(value << 4 | u64::from(byte - b'0')),
        b'a'..=b'f' => Some(value << 4 | u64::from(byte - b'a' + 10)),
        _ => None,
    })
}

fn checksum(sum: Crc64, batch: &[u8], numbers: &[u8], at: u64) -> u64 {
    crc64(crc64(sum(!0, batch), numbers), &at.to_le_bytes())
}

/// The line, its end with it.
fn line(sum: Crc64, batch: &[u8], at: u64, behind: u64) -> Vec<u8> {
    let mut numbers = Vec::with_capacity(2 * 16 + 1);
    put_hex(&mut numbers, batch.len() as u64, 1);
    numbers.push(b' ');
    put_hex(&mut numbers, behind, 1);
    let mut out = Vec::with_capacity(LONGEST);
    out.extend_from_slice(MARK);
    put_hex(&mut out, checksum(sum, batch, &numbers, at), 16);
    out.push(b' ');
    out.extend_from_slice(&numbers);
    out.extend_from_slice(b"\r\n");
    out
}

/// The batch with its line, for the file's offset `at`, of which `behind` bytes are not known to be durable.
pub fn seal(batch: &[u8], at: u64, behind: u64) -> Vec<u8> {
    let mut out = line(crc64, batch, at, behind);
    out.extend_from_slice(batch);
    out
}

/// As [`seal`], for a batch that lies behind [`LONGEST`] bytes of room.
pub(super) fn seal_in_place(sum: Crc64, out: &mut Vec<u8>, at: u64, behind: u64) {
    let line = line(sum, out.get(LONGEST..).unwrap_or_default(), at, behind);
    out.splice(..LONGEST.min(out.len()), line);
}

impl Header {
    /// Reads a line without its end; `None`: it is another annotation.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(MARK)?;
        let crc = read_hex(rest.get(..16)?)?;
        let numbers = rest.get(16..)?.strip_prefix(b" ")?;
        let space = numbers.iter().position(|byte| *byte == b' ')?;
        let (len, behind) = (read_hex(&numbers[..space])?, read_hex(&numbers[space + 1..])?);
        Some(Self { crc, len, behind, numbers: (line.len() - numbers.len(), line.len()) })
    }

    /// Whether the batch is the one that the line was written for.
    pub(super) fn fits(&self, line: &[u8], batch: &[u8], at: u64) -> bool {
        let numbers = line.get(self.numbers.0..self.numbers.1).unwrap_or_default();
        checksum(crc64, batch, numbers, at) == self.crc
    }
}

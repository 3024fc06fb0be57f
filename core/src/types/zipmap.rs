//! Zipmaps, the compact hashes of Redis before 2.6, as old RDB files hold them. Only read, never written.
//!
//! Layout: count (one byte; 254 and more: walk and see), entries, 0xFF. An entry is the field's length and bytes, the
//! value's length, a count of unused bytes, the value's bytes and the unused bytes. A length is one byte below 254,
//! or 254 and u32 LE.

use crate::words::codec::{Reader, Truncated};

const END: u8 = 0xff;
const LONG: u8 = 0xfe;
/// From here on the header's count is not kept.
const COUNT_UNKNOWN: u8 = 254;

/// The blob is not a zipmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidZipmap;

impl From<Truncated> for InvalidZipmap {
    fn from(_: Truncated) -> Self {
        Self
    }
}

/// The fields and values of a zipmap from outside, each checked before it is given out. Only a walk that ends with
/// `None` and met no error has seen a sound zipmap.
#[derive(Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    count: u8,
    seen: usize,
    ended: bool,
}

/// A field and its value.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

impl<'a> Entries<'a> {
    /// Checks the header.
    pub fn new(blob: &'a [u8]) -> Result<Self, InvalidZipmap> {
        let mut reader = Reader::new(blob);
        let count = reader.u8()?;
        Ok(Self { reader, count, seen: 0, ended: false })
    }

    fn entry(&mut self) -> Result<Option<Pair<'a>>, InvalidZipmap> {
        let Some(len) = read_len(&mut self.reader)? else {
            let counted = self.count >= COUNT_UNKNOWN || usize::from(self.count) == self.seen;
            return if self.reader.is_empty() && counted { Ok(None) } else { Err(InvalidZipmap) };
        };
        let field = self.reader.take(len)?;
        let len = read_len(&mut self.reader)?.ok_or(InvalidZipmap)?;
        let unused = self.reader.u8()?;
        let value = self.reader.take(len)?;
        self.reader.take(usize::from(unused))?;
        self.seen += 1;
        Ok(Some((field, value)))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Pair<'a>, InvalidZipmap>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry();
        self.ended = !matches!(entry, Ok(Some(_)));
        entry.transpose()
    }
}

/// A length, or `None` for the end.
fn read_len(reader: &mut Reader<'_>) -> Result<Option<usize>, Truncated> {
    Ok(match reader.u8()? {
        END => None,
        LONG => Some(reader.u32le()? as usize),
        short => Some(usize::from(short)),
    })
}

#[cfg(test)]
mod tests {
    use super::{Entries, InvalidZipmap, Pair};
    use std::vec::Vec;

    fn read(blob: &[u8]) -> Result<Vec<Pair<'_>>, InvalidZipmap> {
        Entries::new(blob)?.collect()
    }

    #[test]
    fn fields_values_and_unused_bytes() {
        let blob = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world!!\xff";
        assert_eq!(read(blob), Ok(std::vec![(&b"foo"[..], &b"bar"[..]), (b"hello", b"world")]));
        assert_eq!(read(b"\x00\xff"), Ok(Vec::new()));
    }

    #[test]
    fn a_long_value_and_an_unknown_count() {
        let mut blob = Vec::from(*b"\xfe\x01k\xfe\x2c\x01\x00\x00\x00");
        blob.extend_from_slice(&[b'v'; 300]);
        blob.push(0xff);
        assert_eq!(read(&blob), Ok(std::vec![(&b"k"[..], &[b'v'; 300][..])]));
    }

    #[test]
    fn damage_is_refused() {
        let blob = b"\x01\x03foo\x03\x00bar\xff";
        for cut in 0..blob.len() {
            assert_eq!(read(&blob[..cut]), Err(InvalidZipmap), "cut at {cut}");
        }
        for bad in [&b"\x02\x03foo\x03\x00bar\xff"[..], b"\x01\x03foo\xff\x00bar\xff", b"\x00\xff\xff"] {
            assert_eq!(read(bad), Err(InvalidZipmap));
        }
    }
}

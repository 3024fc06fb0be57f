//! Ziplists, Redis's compact sequence before listpacks, as old RDB files hold them. Only read, never written.
//!
//! Layout: total bytes (u32 LE), offset of the last entry (u32 LE), count (u16 LE, 65535 = unknown), entries, 0xFF. An
//! entry is the length of the one before it (1 byte, or 254 and u32 LE), an encoding byte with the length or the
//! integer's width, and the data.

use super::listpack::Element;
use crate::words::codec::{Reader, Truncated};

/// Bytes before the first entry.
const HEADER: usize = 10;
/// The byte after the last entry.
const END: u8 = 0xff;
/// The first byte of a length of five bytes.
const LONG: u8 = 0xfe;
/// The count that says: more than 65534, walk and see.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// The blob is not a ziplist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidZiplist;

impl From<Truncated> for InvalidZiplist {
    fn from(_: Truncated) -> Self {
        Self
    }
}

/// The entries of a ziplist from outside, each checked before it is given out. Only a walk that ends with `None` and
/// met no error has seen a sound ziplist.
#[derive(Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    tail: usize,
    count: u16,
    seen: usize,
    /// Where the last entry began and how long it was.
    last: (usize, usize),
    ended: bool,
}

impl<'a> Entries<'a> {
    /// Checks the header.
    pub fn new(blob: &'a [u8]) -> Result<Self, InvalidZiplist> {
        let mut reader = Reader::new(blob);
        let total = reader.u32le()? as usize;
        let tail = reader.u32le()? as usize;
        let count = reader.u16le()?;
        if total != blob.len() || blob.last() != Some(&END) || blob.len() < HEADER + 1 {
            return Err(InvalidZiplist);
        }
        Ok(Self { reader, tail, count, seen: 0, last: (HEADER, 0), ended: false })
    }

    fn entry(&mut self) -> Result<Option<Element<'a>>, InvalidZiplist> {
        let start = self.reader.position();
        if self.reader.peek() == Some(END) {
            return self.end();
        }
        let before = match self.reader.u8()? {
            LONG => self.reader.u32le()? as usize,
            short => short as usize,
        };
        if before != self.last.1 {
            return Err(InvalidZiplist);
        }
        let element = read_element(&mut self.reader)?;
        self.last = (start, self.reader.position() - start);
        self.seen += 1;
        Ok(Some(element))
    }

    fn end(&mut self) -> Result<Option<Element<'a>>, InvalidZiplist> {
        let counted = self.count == COUNT_UNKNOWN || usize::from(self.count) == self.seen;
        if self.reader.remaining() == 1 && counted && self.tail == self.last.0 {
            Ok(None)
        } else {
            Err(InvalidZiplist)
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Element<'a>, InvalidZiplist>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry();
        self.ended = !matches!(entry, Ok(Some(_)));
        entry.transpose()
    }
}

fn read_element<'a>(reader: &mut Reader<'a>) -> Result<Element<'a>, InvalidZiplist> {
    let encoding = reader.u8()?;
    let low = usize::from(encoding & 0x3f);
    Ok(match encoding {
        0x00..=0x3f => Element::Str(reader.take(low)?),
        0x40..=0x7f => {
            let len = low << 8 | usize::from(reader.u8()?);
            Element::Str(reader.take(len)?)
        }
        0x80 => {
            let len = reader.u32be()? as usize;
            Element::Str(reader.take(len)?)
        }
        0xc0 => Element::Int(reader.i16le()?.into()),
        0xd0 => Element::Int(reader.i32le()?.into()),
        0xe0 => Element::Int(reader.i64le()?),
        0xf0 => {
            let [a, b, c] = reader.array()?;
            Element::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into())
        }
        0xfe => Element::Int(reader.i8()?.into()),
        0xf1..=0xfd => Element::Int(i64::from(encoding & 0x0f) - 1),
        _ => return Err(InvalidZiplist),
    })
}

#[cfg(test)]
mod tests {
    use super::{Element, Entries, InvalidZiplist};
    use std::vec::Vec;

    /// RPUSH of: "hello", 3, -1, 300, 70000, -8000000, 2^40 – one entry of each kind but the long strings.
    fn sample() -> Vec<u8> {
        let entries: [&[u8]; 7] = [
            b"\x00\x05hello",
            b"\x07\xf4",
            b"\x02\xfe\xff",
            b"\x03\xc0\x2c\x01",
            b"\x04\xf0\x70\x11\x01",
            b"\x05\xd0\x00\xee\x85\xff",
            b"\x06\xe0\x00\x00\x00\x00\x00\x01\x00\x00",
        ];
        let body = entries.concat();
        let mut blob = Vec::new();
        blob.extend_from_slice(&(body.len() as u32 + 11).to_le_bytes());
        blob.extend_from_slice(&(10 + body.len() as u32 - 10).to_le_bytes());
        blob.extend_from_slice(&7_u16.to_le_bytes());
        blob.extend_from_slice(&body);
        blob.push(0xff);
        blob
    }

    fn read(blob: &[u8]) -> Result<Vec<Element<'_>>, InvalidZiplist> {
        Entries::new(blob)?.collect()
    }

    #[test]
    fn every_encoding_is_read() {
        let expected = [
            Element::Str(b"hello"),
            Element::Int(3),
            Element::Int(-1),
            Element::Int(300),
            Element::Int(70000),
            Element::Int(-8_000_000),
            Element::Int(1 << 40),
        ];
        assert_eq!(read(&sample()), Ok(expected.to_vec()));
    }

    #[test]
    fn long_strings_and_long_lengths() {
        let mut body = Vec::from(*b"\x00\x41\x2c");
        body.extend_from_slice(&[b'x'; 300]);
        let first = body.len() as u32;
        body.push(0xfe);
        body.extend_from_slice(&first.to_le_bytes());
        body.extend_from_slice(b"\x80\x00\x00\x00\x02ab");
        let mut blob = Vec::new();
        blob.extend_from_slice(&(body.len() as u32 + 11).to_le_bytes());
        blob.extend_from_slice(&(10 + first).to_le_bytes());
        blob.extend_from_slice(&u16::MAX.to_le_bytes());
        blob.extend_from_slice(&body);
        blob.push(0xff);
        assert_eq!(read(&blob), Ok(std::vec![Element::Str(&[b'x'; 300]), Element::Str(b"ab")]));
    }

    #[test]
    fn damage_is_met_or_harmless() {
        let sample = sample();
        for cut in 0..sample.len() {
            assert_eq!(read(&sample[..cut]), Err(InvalidZiplist), "cut at {cut}");
        }
        let mut refused = 0;
        for bit in 0..sample.len() * 8 {
            let mut blob = sample.clone();
            blob[bit / 8] ^= 1 << (bit % 8);
            refused += usize::from(read(&blob).is_err());
        }
        assert!(refused > sample.len() * 8 / 3, "only {refused} refused");
    }
}

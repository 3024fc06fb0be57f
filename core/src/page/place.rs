//! Where a value lies that is not in memory: on the page device, or in the snapshot from which the dataset was loaded.

use super::frame::{self, BadFrame};
use crate::types::codec::{Dialect, Form, Outline, outline};
use crate::types::{Kind, Limits, ValueRef};
use crate::words::check::check32;

pub use crate::keyspace::record::PLACE_LEN;

/// The encodings that OBJECT ENCODING names, so that a paged value's is known.
const ENCODINGS: [&str; 8] =
    ["int", "embstr", "raw", "quicklist", "listpack", "intset", "hashtable", "skiplist"];
/// In the encoding's byte: the value lies in the snapshot.
const IN_SNAPSHOT: u8 = 0x80;
/// And that is the odd one of the two that may be open.
const ODD: u8 = 0x40;
/// Offsets in a snapshot are smaller than this.
const OFFSET_END: u64 = 1 << 48;
/// Values whose bodies are shorter stay in memory: a note of where they lie would take as much.
const LEAST_KEPT: usize = 64;

/// What a value's bytes are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The page device.
    Pages,
    /// The file from which the dataset was loaded, or a later snapshot that took over what was still there; kept open since
    /// ([`Job::Keep`](crate::engine::Job::Keep)). Two are open while references move from one to the other.
    Snapshot {
        /// Which of the two.
        odd: bool,
    },
}

/// Where a paged value lies, and what commands ask of it without loading it.
///
/// Of a value in the snapshot `first` and the low 16 bits of `generation` are the body's offset, the bits above its form,
/// and `key_hash` is a check of its bytes: a snapshot has a checksum of the whole only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The first page.
    pub first: u32,
    /// The frame's or body's length in bytes.
    pub len: u32,
    /// Tells this frame from older ones of the same key.
    pub generation: u32,
    /// The hash of the key under which the frame was written; RENAME changes the key, not the frame.
    pub key_hash: u32,
    /// Bytes of a string, elements of a collection.
    pub count: u32,
    /// The number of the encoding's name.
    encoding: u8,
}

impl Place {
    /// The place of a value whose frame lies there.
    pub fn of(value: ValueRef<'_>, first: u32, len: u32, generation: u32, key_hash: u32) -> Self {
        let (encoding, count) = (number_of(value.encoding()), count_of(value.len()));
        Self { first, len, generation, key_hash, count, encoding }
    }

    /// The place of a value whose body lies at that offset of the snapshot; `None` where it is better in memory, or is of a form
    /// of which only a load tells what commands ask.
    pub fn of_body(offset: u64, form: Form, body: &[u8], limits: &Limits) -> Option<Self> {
        if body.len() < LEAST_KEPT {
            return None;
        }
        form.kind()?;
        Self::in_snapshot(offset, form, body, outline(form, body, limits)?)
    }

    /// As [`of_body`](Self::of_body), of any length; `None` where it is too large or too far.
    fn in_snapshot(offset: u64, form: Form, body: &[u8], outline: Outline) -> Option<Self> {
        let len = u32::try_from(body.len()).ok()?;
        (offset < OFFSET_END).then(|| Self {
            first: offset as u32,
            len,
            generation: (offset >> 32) as u32 | u32::from(form.byte()) << 16,
            key_hash: check32(body),
            count: count_of(outline.count),
            encoding: number_of(outline.encoding) | IN_SNAPSHOT,
        })
    }

    /// The place of the same body at that offset of another snapshot; `None` where it is too far.
    pub fn moved(&self, offset: u64, odd: bool) -> Option<Self> {
        (offset < OFFSET_END).then_some(Self {
            first: offset as u32,
            generation: (offset >> 32) as u32 | (self.generation & 0xffff_0000),
            encoding: self.encoding & !ODD | if odd { ODD } else { 0 },
            ..*self
        })
    }

    /// As bytes, for a record.
    pub fn encode(&self) -> [u8; PLACE_LEN] {
        let mut out = [0; PLACE_LEN];
        for (i, word) in [self.first, self.len, self.generation, self.key_hash, self.count].iter().enumerate()
        {
            out[i * 4..i * 4 + 4].copy_from_slice(&word.to_le_bytes());
        }
        out[PLACE_LEN - 1] = self.encoding;
        out
    }

    /// From a record's bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let word = |i: usize| Some(u32::from_le_bytes(bytes.get(i * 4..i * 4 + 4)?.try_into().ok()?));
        let encoding = *bytes.get(PLACE_LEN - 1)?;
        let (first, len, generation, key_hash, count) = (word(0)?, word(1)?, word(2)?, word(3)?, word(4)?);
        Some(Self { first, len, generation, key_hash, count, encoding })
    }

    /// The encoding's name as OBJECT ENCODING answers it.
    pub fn encoding(&self) -> &'static str {
        ENCODINGS.get(usize::from(self.encoding & !(IN_SNAPSHOT | ODD))).copied().unwrap_or("raw")
    }

    /// The type of a value in the snapshot.
    pub fn kind(&self) -> Option<Kind> {
        let form = Form::from_byte((self.generation >> 16) as u8, Dialect::Redis)?;
        (self.device() != Device::Pages).then(|| form.kind())?
    }

    /// What the value is read from.
    pub fn device(&self) -> Device {
        if self.encoding & IN_SNAPSHOT == 0 {
            Device::Pages
        } else {
            Device::Snapshot { odd: self.encoding & ODD != 0 }
        }
    }

    /// Where on its device the value begins, in bytes.
    pub fn offset(&self, page_size: u32) -> u64 {
        self.snapshot_offset().unwrap_or(u64::from(self.first) * u64::from(page_size))
    }

    /// Where in the snapshot the value begins, in bytes; `None` where it lies on the page device.
    pub fn snapshot_offset(&self) -> Option<u64> {
        let offset = u64::from(self.first) | (u64::from(self.generation & 0xffff) << 32);
        (self.device() != Device::Pages).then_some(offset)
    }

    /// Whether the value lies in a snapshot of so many bytes.
    pub fn is_within(&self, size: u64) -> bool {
        self.snapshot_offset().is_some_and(|offset| offset + u64::from(self.len) <= size)
    }

    /// The form and body in what was read from the place, if it is whole and the value that is expected.
    pub fn open<'a>(&self, bytes: &'a [u8]) -> Result<(Form, &'a [u8]), BadFrame> {
        if self.device() == Device::Pages {
            return frame::open(bytes, self.generation, self.key_hash);
        }
        let body = bytes.get(..self.len as usize).ok_or(BadFrame::Short)?;
        if check32(body) != self.key_hash {
            return Err(BadFrame::Checksum);
        }
        let form = Form::from_byte((self.generation >> 16) as u8, Dialect::Redis);
        form.map(|form| (form, body)).ok_or(BadFrame::Checksum)
    }
}

fn number_of(encoding: &str) -> u8 {
    ENCODINGS.iter().position(|name| *name == encoding).unwrap_or(0) as u8
}

fn count_of(len: usize) -> u32 {
    len.min(u32::MAX as usize) as u32
}

#[cfg(test)]
mod tests {
    use super::{Device, Place};
    use crate::page::frame::BadFrame;
    use crate::types::codec::{Form, Outline};
    use alloc::vec::Vec;

    #[test]
    fn a_place_in_a_snapshot() {
        let body: Vec<u8> = (0..100).collect();
        let outline = Outline { count: 99, encoding: "raw" };
        let offset = 0x1234_5678_9abc;
        let place = Place::in_snapshot(offset, Form::String, &body, outline).unwrap();
        let place = Place::decode(&place.encode()).unwrap();
        assert_eq!(
            (place.device(), place.offset(32), place.encoding()),
            (Device::Snapshot { odd: false }, offset, "raw")
        );
        assert_eq!(place.open(&body), Ok((Form::String, &body[..])));
        assert_eq!(place.open(&body[..99]), Err(BadFrame::Short));
        let moved = place.moved(offset + 7, true).unwrap();
        assert_eq!((moved.device(), moved.offset(32)), (Device::Snapshot { odd: true }, offset + 7));
        assert_eq!(moved.open(&body), place.open(&body));
        assert_eq!(Place::decode(&moved.encode()), Some(moved));
        assert_eq!(moved.moved(offset, false), Some(place));
        assert_eq!(Place::in_snapshot(1 << 48, Form::String, &body, outline), None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for len in [1, 7, 8, 31, 32, 33, 100] {
            let body: Vec<u8> = (0..len).collect();
            let outline = Outline { count: 1, encoding: "raw" };
            let place = Place::in_snapshot(7, Form::Hash, &body, outline).unwrap();
            for bit in 0..body.len() * 8 {
                let mut damaged = body.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(place.open(&damaged), Err(BadFrame::Checksum), "{len} bytes, bit {bit}");
            }
        }
    }
}

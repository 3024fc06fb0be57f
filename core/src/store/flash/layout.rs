//! What lies on the flash, byte for byte. Numbers are little-endian.
//!
//! ```text
//! segment  | header | record … | blank | footer |
//! header   | magic u32 | sequence u32 | erases u32 | crc u32 |
//! record   | crc u32 | kind u8 | database u8 | lengths of key and value, 12 bits each | database u32 if that was 255
//!          | key | deadline i64 if the kind says so | value | ones up to the next unit |
//! footer   | ones | (fingerprint u32, length in units - 1 and kind u16) a record … | (database u32, records u16) a run …
//!          | records u16 | runs u16 | sequence u32 | erases u32 | crc u32 |
//! ```
//!
//! A segment's sequence is its number plus a multiple of the count of segments, so where a sequence lies is arithmetic. A
//! record's crc begins with that of its segment's sequence and its offset, so no record is valid anywhere else.

use super::device::Geometry;
use crate::words::codec::{Put, Reader, Truncated};
use crate::words::crc32::crc32;
use alloc::vec::Vec;

const MAGIC: u32 = 0x314c_544e;
/// Bytes of a header, without the ones up to the first record.
pub(super) const HEADER: u32 = 16;
/// Bytes of a footer behind its entries and runs.
pub(super) const TRAILER: u32 = 16;
const ENTRY: u32 = 6;
/// Bytes before a record's key: at least, and at most.
pub(super) const HEAD: usize = 9;
pub(super) const LONG_HEAD: usize = 13;
/// Bytes of a chunk's number.
pub(super) const CHUNK_NUMBER: usize = 2;
const DB_BEHIND: u8 = 255;
const MAX_RECORD: u32 = 4092;
const LENGTH_BITS: u32 = 10;
const PLACE_BITS: u32 = 22;
/// No sequence is this high in a chip's life; one that is read was made up.
pub(super) const MAX_SEQUENCE: u32 = 1 << 30;

/// What a record is. The lower six bits are in the footer too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(pub(super) u8);

impl Kind {
    /// A key with its value; a part of a long value; a page of virtual memory; a key whose value lies in parts.
    pub(super) const KEY: Self = Self(0);
    pub(super) const CHUNK: Self = Self(1);
    pub(super) const PAGE: Self = Self(2);
    pub(super) const LONG: Self = Self(3);
    pub(super) const CLASS: u8 = 3;
    /// The key is gone.
    pub(super) const GONE: u8 = 4;
    /// The batch begins with this record: what came before and did not end is void.
    pub(super) const BEGIN: u8 = 8;
    /// The batch ends with this record, and holds.
    pub(super) const END: u8 = 16;
    /// When it was written another key had the same fingerprint.
    pub(super) const SHARED: u8 = 32;
    pub(super) const DEADLINE: u8 = 64;
    /// Reclaim copied it.
    pub(super) const MOVED: u8 = 128;
    const IN_FOOTER: u8 = 63;

    pub(super) const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }

    pub(super) const fn with(self, bits: u8) -> Self {
        Self(self.0 | bits)
    }

    pub(super) const fn class(self) -> Self {
        Self(self.0 & Self::CLASS)
    }

    /// Keys and long keys are one name space.
    pub(super) const fn space(self) -> u8 {
        match self.class() {
            Self::LONG => Self::KEY.0,
            other => other.0,
        }
    }
}

/// Where a record is and how long, with its key's fingerprint: the index's slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) fingerprint: u32,
    /// Units from the device's start.
    pub(super) place: u32,
    /// Units.
    pub(super) len: u32,
}

impl Slot {
    pub(super) const fn pack(self) -> u64 {
        (self.fingerprint as u64) << 32
            | (self.place as u64) << LENGTH_BITS
            | (self.len as u64 - 1) & ((1 << LENGTH_BITS) - 1)
    }

    pub(super) const fn unpack(word: u64) -> Self {
        Self {
            fingerprint: (word >> 32) as u32,
            place: (word as u32) >> LENGTH_BITS,
            len: (word as u32 & ((1 << LENGTH_BITS) - 1)) + 1,
        }
    }
}

/// The geometry and what follows from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) segment: u32,
    pub(super) segments: u32,
    /// Records begin and end at multiples of it.
    pub(super) unit: u32,
    /// Where the first record begins.
    pub(super) header: u32,
    pub(super) max_record: u32,
}

impl Shape {
    /// `None` where the log cannot work on such a device.
    pub(super) fn new(geometry: Geometry) -> Option<Self> {
        let total = geometry.segment.checked_mul(geometry.segments)?;
        let unit = geometry.write.max(4).max(total.div_ceil(1 << PLACE_BITS).next_power_of_two());
        let header = HEADER.next_multiple_of(unit);
        let fits = geometry.write > 0
            && unit.is_multiple_of(geometry.write)
            && geometry.segment.is_multiple_of(unit)
            && geometry.segment >= 512
            && (8..MAX_SEQUENCE / 4).contains(&geometry.segments);
        let mut shape =
            Self { segment: geometry.segment, segments: geometry.segments, unit, header, max_record: 0 };
        if !fits || header + shape.footer(1, 1) >= geometry.segment {
            return None;
        }
        let room = geometry.segment - header - shape.footer(1, 1);
        shape.max_record = room.min(MAX_RECORD / unit * unit).min(unit << LENGTH_BITS);
        Some(shape)
    }

    pub(super) const fn segment_of(&self, sequence: u32) -> u32 {
        sequence % self.segments
    }

    /// The address where a sequence's segment begins.
    pub(super) const fn base(&self, sequence: u32) -> u32 {
        self.segment_of(sequence) * self.segment
    }

    /// The segment in which a place lies.
    pub(super) const fn segment_at(&self, place: u32) -> u32 {
        place / (self.segment / self.unit)
    }

    /// Bytes that a footer takes.
    pub(super) fn footer(&self, records: u32, runs: u32) -> u32 {
        (ENTRY * (records + runs) + TRAILER).next_multiple_of(self.unit)
    }

    /// Bytes of the buffers that segments are read and written through. A footer fits into one.
    pub(super) fn window(&self) -> u32 {
        (self.segment / 8).max(4096).min(self.segment)
    }

    /// Bytes of the entries that a segment's footer has at most.
    pub(super) fn entries(&self) -> u32 {
        let least = (HEAD as u32).next_multiple_of(self.unit) + ENTRY;
        ((self.segment - self.header) / least * ENTRY).min(self.window())
    }

    /// Bytes of a record with a key and value of these lengths.
    pub(super) fn record(&self, db: u32, key: usize, deadline: bool, value: usize) -> u32 {
        let head = if db < u32::from(DB_BEHIND) { HEAD } else { LONG_HEAD };
        ((head + key + value + if deadline { 8 } else { 0 }) as u32).next_multiple_of(self.unit)
    }
}

/// A segment's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sequence: u32,
    pub(super) erases: u32,
}

impl Header {
    pub(super) fn write(self, shape: &Shape, out: &mut Vec<u8>) {
        let begin = out.len();
        out.put_u32le(MAGIC);
        out.put_u32le(self.sequence);
        out.put_u32le(self.erases);
        let sum = crc32(shape.segment, out.get(begin..).unwrap_or_default());
        out.put_u32le(sum);
        out.resize(begin + shape.header as usize, 0xff);
    }

    pub(super) fn read(shape: &Shape, bytes: &[u8]) -> Option<Self> {
        let sum = crc32(shape.segment, bytes.get(..12)?);
        let mut reader = Reader::new(bytes);
        let read = |reader: &mut Reader<'_>| -> Result<[u32; 4], Truncated> {
            Ok([reader.u32le()?, reader.u32le()?, reader.u32le()?, reader.u32le()?])
        };
        let [magic, sequence, erases, crc] = read(&mut reader).ok()?;
        (magic == MAGIC && crc == sum && sequence < MAX_SEQUENCE).then_some(Self { sequence, erases })
    }
}

/// What the footer has of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) fingerprint: u32,
    /// Units.
    pub(super) len: u32,
    /// Of the kind what the footer has.
    pub(super) kind: Kind,
}

impl Entry {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.put_u32le(self.fingerprint);
        out.put_u16le(((self.len - 1) << 6) as u16 | u16::from(self.kind.0 & Kind::IN_FOOTER));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (fingerprint, bits) = (reader.u32le().ok()?, reader.u16le().ok()?);
        Some(Self { fingerprint, len: u32::from(bits >> 6) + 1, kind: Kind(bits as u8 & Kind::IN_FOOTER) })
    }
}

/// The end of a footer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trailer {
    pub(super) records: u32,
    pub(super) runs: u32,
    pub(super) header: Header,
    crc: u32,
}

impl Trailer {
    /// From the last [`TRAILER`] bytes of a segment; whether the footer is valid [`footer`] tells.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.get(bytes.len().checked_sub(TRAILER as usize)?..)?);
        let (records, runs) = (reader.u16le().ok()?, reader.u16le().ok()?);
        let header = Header { sequence: reader.u32le().ok()?, erases: reader.u32le().ok()? };
        let crc = reader.u32le().ok()?;
        Some(Self { records: records.into(), runs: runs.into(), header, crc })
    }

    /// Bytes of the entries, the runs and this.
    pub(super) fn len(&self) -> u32 {
        ENTRY * (self.records + self.runs) + TRAILER
    }
}

/// Appends a footer: entries, which are encoded already, and runs of records of one database each.
pub(super) fn write_footer(
    shape: &Shape,
    header: Header,
    entries: &[u8],
    runs: &[(u32, u16)],
    out: &mut Vec<u8>,
) {
    let (records, content) = (entries.len() / ENTRY as usize, entries.len() + ENTRY as usize * runs.len());
    let len = shape.footer(records as u32, runs.len() as u32) as usize;
    out.resize(out.len() + len - content - TRAILER as usize, 0xff);
    let begin = out.len();
    out.extend_from_slice(entries);
    for &(db, records) in runs {
        out.put_u32le(db);
        out.put_u16le(records);
    }
    out.put_u16le(records as u16);
    out.put_u16le(runs.len() as u16);
    out.put_u32le(header.sequence);
    out.put_u32le(header.erases);
    let sum = crc32(MAGIC ^ shape.segment, out.get(begin..).unwrap_or_default());
    out.put_u32le(sum);
}

/// Whether the last bytes of a segment are a valid footer with this trailer.
pub(super) fn is_footer(shape: &Shape, trailer: &Trailer, tail: &[u8]) -> bool {
    let content =
        tail.len().checked_sub(trailer.len() as usize).and_then(|begin| tail.get(begin..tail.len() - 4));
    let sum = content.map(|content| crc32(MAGIC ^ shape.segment, content));
    sum == Some(trailer.crc) && trailer.header.sequence < MAX_SEQUENCE
}

/// The entry of this number in a footer that begins with its entries.
pub(super) fn entry_at(footer: &[u8], number: u32) -> Option<Entry> {
    Entry::read(&mut Reader::new(footer.get((number * ENTRY) as usize..)?))
}

/// The run of this number, which counts the entries before it too: a database and how many records it has there.
pub(super) fn run_at(footer: &[u8], number: u32) -> Option<(u32, u16)> {
    let mut reader = Reader::new(footer.get((number * ENTRY) as usize..)?);
    Some((reader.u32le().ok()?, reader.u16le().ok()?))
}

/// A record's head: what comes before its key, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    crc: u32,
    pub(super) kind: Kind,
    pub(super) db: u32,
    head: usize,
    key: usize,
    value: usize,
}

impl Head {
    /// Of bytes that begin with a record; `None` where there is none for certain.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (crc, kind, db) = (reader.u32le().ok()?, Kind(reader.u8().ok()?), reader.u8().ok()?);
        let [low, middle, high] = reader.array::<3>().ok()?.map(usize::from);
        let db = if db == DB_BEHIND { reader.u32le().ok()? } else { db.into() };
        Some(Self {
            crc,
            kind,
            db,
            head: reader.position(),
            key: low | (middle & 15) << 8,
            value: middle >> 4 | high << 4,
        })
    }

    /// Bytes of the whole record, without the ones at its end.
    fn content(&self) -> usize {
        self.head + self.key + self.deadline_len() + self.value
    }

    /// Bytes of the whole record.
    pub(super) fn len(&self, shape: &Shape) -> u32 {
        (self.content() as u32).next_multiple_of(shape.unit)
    }

    fn deadline_len(&self) -> usize {
        if self.kind.has(Kind::DEADLINE) { 8 } else { 0 }
    }

    /// The key, of the record's bytes.
    pub(super) fn key<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        record.get(self.head..self.head + self.key)
    }

    /// The key in its two parts: a chunk's has its number behind it.
    pub(super) fn key_parts<'a>(&self, record: &'a [u8]) -> Option<[&'a [u8]; 2]> {
        let key = self.key(record)?;
        let number = if self.kind.class() == Kind::CHUNK { CHUNK_NUMBER } else { 0 };
        let (key, number) = key.split_at_checked(key.len().checked_sub(number)?)?;
        Some([key, number])
    }

    /// When the key expires.
    pub(super) fn deadline(&self, record: &[u8]) -> Option<i64> {
        let bytes = record.get(self.head + self.key..)?.first_chunk()?;
        self.kind.has(Kind::DEADLINE).then(|| i64::from_le_bytes(*bytes))
    }

    /// The value, or as much of it as the bytes have.
    pub(super) fn value<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        let begin = self.head + self.key + self.deadline_len();
        record.get(begin..record.len().min(begin + self.value)).unwrap_or_default()
    }

    /// Whether the bytes are this record, written at this offset of this segment.
    pub(super) fn is_valid(&self, sequence: u32, offset: u32, record: &[u8]) -> bool {
        record.get(4..self.content()).is_some_and(|bytes| sum(sequence, offset, bytes) == self.crc)
    }
}

fn sum(sequence: u32, offset: u32, bytes: &[u8]) -> u32 {
    crc32(crc32(crc32(MAGIC, &sequence.to_le_bytes()), &offset.to_le_bytes()), bytes)
}

/// What a record is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) kind: Kind,
    pub(super) db: u32,
    /// The key comes in two parts: a chunk's has its number behind it.
    pub(super) key: [&'a [u8]; 2],
    pub(super) deadline: Option<i64>,
    /// So does the value.
    pub(super) value: [&'a [u8]; 2],
}

impl Content<'_> {
    pub(super) fn key_len(&self) -> usize {
        self.key[0].len() + self.key[1].len()
    }

    pub(super) fn value_len(&self) -> usize {
        self.value[0].len() + self.value[1].len()
    }

    /// Bytes of the record.
    pub(super) fn len(&self, shape: &Shape) -> u32 {
        shape.record(self.db, self.key_len(), self.deadline.is_some(), self.value_len())
    }

    /// Appends the record for this place. The lengths are those that [`Shape::max_record`] allows.
    pub(super) fn write(&self, shape: &Shape, sequence: u32, offset: u32, out: &mut Vec<u8>) {
        let begin = out.len();
        let kind = if self.deadline.is_some() { self.kind.with(Kind::DEADLINE) } else { self.kind };
        let (key, value) = (self.key_len(), self.value_len());
        out.put_u32le(0);
        out.put_u8(kind.0);
        out.put_u8(self.db.min(DB_BEHIND.into()) as u8);
        out.extend_from_slice(&[key as u8, (key >> 8) as u8 | (value << 4) as u8, (value >> 4) as u8]);
        if self.db >= DB_BEHIND.into() {
            out.put_u32le(self.db);
        }
        self.key.iter().for_each(|part| out.extend_from_slice(part));
        self.deadline.iter().for_each(|deadline| out.put_i64le(*deadline));
        self.value.iter().for_each(|part| out.extend_from_slice(part));
        let crc = sum(sequence, offset, out.get(begin + 4..).unwrap_or_default());
        if let Some(place) = out.get_mut(begin..begin + 4) {
            place.copy_from_slice(&crc.to_le_bytes());
        }
        out.resize(begin + self.len(shape) as usize, 0xff);
    }
}

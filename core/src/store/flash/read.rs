//! Looking keys up.

use super::device::Device;
use super::layout::{CHUNK_NUMBER, Head, Kind, LONG_HEAD, Slot};
use super::{Error, Log, fingerprint, rotation};
use crate::store::record;
use alloc::vec::Vec;
use nuthatch_waits::waits;

/// Bytes of a store's record that are not kept as such.
const BEFORE: usize = record::HEAD - 1;
/// The first byte of a kept value tells its encoding and form; this one, that a store's record follows as it came.
const OPAQUE: u8 = 255;
/// Bits of the form.
const FORM: u32 = 5;
/// Bytes that a key of a page takes beside itself and what it tells of its record.
const PAGE_ENTRY: usize = 64;

/// A page of a walk.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys in the order of their places, each with the first bytes of its record.
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
}

/// A record that was looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) slot: Slot,
    /// `None` where it is damaged; otherwise the record lies in `scratch`.
    pub(super) head: Option<Head>,
}

#[waits]
impl<D: Device> Log<D> {
    /// The record of a key. One read, and one more for each other key with the same fingerprint; of a value longer than a
    /// segment, one more for each of its parts.
    ///
    /// # Errors
    /// [`Error::Damaged`] concerns this key alone; [`Error::Memory`] too.
    pub async fn read(&mut self, db: u32, key: &[u8]) -> Result<Option<Vec<u8>>, Error<D::Error>> {
        self.begin()?;
        let result = self.read_key(db, key).await;
        self.finish(result)
    }

    async fn read_key(&mut self, db: u32, key: &[u8]) -> Result<Option<Vec<u8>>, Error<D::Error>> {
        let Some(found) = self.look_up(Kind::KEY, db, [key, b""]).await? else { return Ok(None) };
        let head = found.head.ok_or(Error::Damaged)?;
        self.whole(db, key, &head).await.map(Some)
    }

    /// The store's record of a key whose own record lies in `scratch`.
    async fn whole(&mut self, db: u32, key: &[u8], head: &Head) -> Result<Vec<u8>, Error<D::Error>> {
        let value = head.value(&self.scratch);
        let deadline = head.deadline(&self.scratch);
        let mut out = Vec::new();
        if head.kind.class() == Kind::LONG {
            let (len, parts) = self.long(db, key, value).ok_or(Error::Damaged)?;
            out.try_reserve_exact(BEFORE + len).map_err(|_| Error::Memory)?;
            out.resize(BEFORE, 0);
            for number in 0..parts {
                let found = self.look_up(Kind::CHUNK, db, [key, &number.to_le_bytes()]).await?;
                let head = found.and_then(|found| found.head).ok_or(Error::Damaged)?;
                out.extend_from_slice(head.value(&self.scratch));
            }
            if out.len() != BEFORE + len {
                return Err(Error::Damaged);
            }
        } else {
            out.try_reserve_exact(BEFORE + value.len()).map_err(|_| Error::Memory)?;
            out.resize(BEFORE, 0);
            out.extend_from_slice(value);
        }
        together(key, deadline, &mut out);
        Ok(out)
    }

    /// The length and the number of parts that a long key's record tells of.
    pub(super) fn long(&self, db: u32, key: &[u8], value: &[u8]) -> Option<(usize, u16)> {
        let len = u32::from_le_bytes(*value.first_chunk()?);
        let parts = len.div_ceil(self.part_len(db, key)?);
        (len <= self.room().saturating_mul(self.shape.unit)).then_some(())?;
        Some((len as usize, u16::try_from(parts).ok()?))
    }

    /// Bytes of each part of a long value but the last: three parts fill a segment, so that little stays blank where the next
    /// one does not fit. `None` where the key is too long for the log.
    pub(super) fn part_len(&self, db: u32, key: &[u8]) -> Option<u32> {
        let most = self.shape.max_record;
        let head = self.shape.record(db, key.len() + CHUNK_NUMBER, false, 0).max((LONG_HEAD + 8) as u32);
        let part = (most.saturating_sub(24) / 3).max(2 * head).min(most) / self.shape.unit * self.shape.unit;
        (head + 16 <= most / 2).then(|| part - head)
    }

    /// Finds a record by its key and reads it into `scratch`. Where there is none, what is damaged under the key's
    /// fingerprint counts as found.
    pub(super) async fn look_up(
        &mut self,
        kind: Kind,
        db: u32,
        key: [&[u8]; 2],
    ) -> Result<Option<Found>, Error<D::Error>> {
        let fingerprint = fingerprint(kind, db, key);
        let mut damaged = None;
        let mut number = 0;
        while let Some(slot) = self.index.nth(fingerprint, number) {
            number += 1;
            let Some(head) = self.load(slot).await? else {
                damaged = Some(Found { slot, head: None });
                continue;
            };
            let is_it = head.kind.space() == kind.space()
                && head.db == db
                && head.key_parts(&self.scratch) == Some(key);
            if is_it {
                return Ok(Some(Found { slot, head: Some(head) }));
            }
        }
        self.stats.damaged += u64::from(damaged.is_some());
        Ok(damaged)
    }

    /// Reads a record into `scratch`; `None` where it is damaged.
    pub(super) async fn load(&mut self, slot: Slot) -> Result<Option<Head>, Error<D::Error>> {
        self.flush().await?;
        let len = (slot.len * self.shape.unit) as usize;
        self.scratch.clear();
        self.scratch.try_reserve(len).map_err(|_| Error::Memory)?;
        self.scratch.resize(len, 0);
        let at = slot.place * self.shape.unit;
        self.dev.read(at, &mut self.scratch).await.map_err(Error::Device)?;
        let (sequence, offset) = (self.sequence_of(slot), at % self.shape.segment);
        Ok(Head::read(&self.scratch).filter(|head| head.is_valid(sequence, offset, &self.scratch)))
    }

    /// The sequence of the segment that a slot's record is in.
    pub(super) fn sequence_of(&self, slot: Slot) -> u32 {
        let segments = self.shape.segments;
        let back = self.shape.segment_of(self.open.sequence) + segments - self.shape.segment_at(slot.place);
        self.open.sequence - back % segments
    }

    /// A page of a walk over a database, from the key of place `from` on: `limit` keys, fewer at the end or where
    /// [`bound_pages`](Self::bound_pages) says so, and more where the last ones have the same place. Reads one record a key, and of other databases' keys that lie between.
    /// Of each record come `record_bytes` at most. Damaged ones are left out if their key cannot be told.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn scan(
        &mut self,
        db: u32,
        from: u64,
        limit: usize,
        record_bytes: usize,
    ) -> Result<Page, Error<D::Error>> {
        self.begin()?;
        let result = self.walk(db, from, limit, record_bytes).await;
        self.finish(result)
    }

    pub(super) async fn walk(
        &mut self,
        db: u32,
        from: u64,
        limit: usize,
        record_bytes: usize,
    ) -> Result<Page, Error<D::Error>> {
        let (mut page, mut bytes) = (Page::default(), 0);
        let Ok(from) = u32::try_from(from) else { return Ok(page) };
        let mut last = None;
        let first = from.wrapping_add(rotation(db));
        let mut position = self.index.seek(first);
        let mut turned = false;
        loop {
            let Some((behind, slot)) = self.index.next(position) else {
                if core::mem::replace(&mut turned, true) {
                    return Ok(page);
                }
                position = 0;
                continue;
            };
            position = behind;
            let place = slot.fingerprint.wrapping_sub(rotation(db));
            if place < from || turned && slot.fingerprint >= first {
                return Ok(page);
            }
            let is_full = page.entries.len() >= limit || bytes > self.page_bytes;
            if is_full && last != Some(place) {
                page.next = Some(place.into());
                return Ok(page);
            }
            if let Some(entry) = self.entry(db, slot, record_bytes).await? {
                bytes += PAGE_ENTRY + entry.0.len() + entry.1.len();
                page.entries.push(entry);
                last = Some(place);
            }
        }
    }

    /// The key of a slot and the first bytes of its record, if it is one of this database.
    async fn entry(
        &mut self,
        db: u32,
        slot: Slot,
        record_bytes: usize,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, Error<D::Error>> {
        let valid = self.load(slot).await?;
        let Some(head) = valid.or_else(|| Head::read(&self.scratch)) else { return Ok(None) };
        let Some(key) = head.key(&self.scratch).map(<[u8]>::to_vec) else { return Ok(None) };
        let whole_key = valid.is_some() || fingerprint(head.kind, head.db, [&key, b""]) == slot.fingerprint;
        if !Self::is_key(head.kind) || head.db != db || !whole_key {
            return Ok(None);
        }
        let is_long = head.kind.class() == Kind::LONG;
        let told =
            is_long && record_bytes <= record::HEAD && head.value(&self.scratch).get(4) != Some(&OPAQUE);
        let mut bytes = if valid.is_none() || told {
            let deadline = head.deadline(&self.scratch);
            let value = head.value(&self.scratch);
            let value =
                if head.kind.class() == Kind::LONG { value.get(4..).unwrap_or_default() } else { value };
            let mut bytes = alloc::vec![0; BEFORE];
            bytes.extend_from_slice(value);
            together(&key, deadline, &mut bytes);
            bytes
        } else {
            self.whole(db, &key, &head).await?
        };
        bytes.truncate(record_bytes);
        Ok(Some((key, bytes)))
    }
}

/// Makes a store's record of what the log keeps of it, which lies behind [`BEFORE`] bytes.
fn together(key: &[u8], deadline: Option<i64>, out: &mut Vec<u8>) {
    let Some(&first) = out.get(BEFORE) else { return };
    if first == OPAQUE {
        out.drain(..record::HEAD);
    } else {
        record::put_together(key, deadline, [first >> FORM, first & ((1 << FORM) - 1)], out);
    }
}

/// What the log keeps of a store's record: when it expires, a first byte of its own, and the body.
pub(super) fn apart<'a>(key: &[u8], bytes: &'a [u8]) -> (Option<i64>, [u8; 1], &'a [u8]) {
    match record::take_apart(key, bytes) {
        Some((deadline, [encoding, form], body)) if encoding < 7 && form < 1 << FORM => {
            (deadline, [encoding << FORM | form], body)
        }
        Some((deadline, [7, form], body)) if form < (1 << FORM) - 1 => (deadline, [7 << FORM | form], body),
        _ => (None, [OPAQUE], bytes),
    }
}

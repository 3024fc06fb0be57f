//! The dataset of one instant, written in steps while commands go on.
//!
//! A walk visits each database segment by segment. Before a key changes that the walk has not reached, it is written as
//! it is, and remembered; keys that come into being there are remembered too. What is remembered the walk leaves out.
//! So the file holds exactly what was there when the snapshot began, and memory holds a key a write, not a copy.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::writer::{EntryMeta, Facts, Writer};
use crate::keyspace::Keyspace;
use crate::keyspace::clock::{AccessClock, idle_millis};
use crate::keyspace::database::Database;
use crate::keyspace::record::{PLACE_LEN, Record};
use crate::types::Limits;
use crate::types::codec::{DecodeError, Form};
use crate::types::segmented::{Fetch, Segmented};
use crate::words::hash::HashKey;
use crate::words::time::UnixMillis;

/// Records whose first cache line is fetched before they are written.
const FETCHED_AHEAD: usize = 8;
/// Whether to stop is asked once in so many records.
const ASKED_EVERY: usize = 8;

/// What of the access clocks is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: no policy has a use for it.
    None,
    /// How long keys were idle.
    Recency,
    /// How often keys were used.
    Frequency,
}

/// A database that had keys when the snapshot began.
#[derive(Debug)]
struct Section {
    /// Its number then.
    number: u32,
    /// Its number now; `None`: it was flushed and lies in `flushed`.
    live: Option<usize>,
    /// Its keys, when it was flushed before the walk was through.
    flushed: Option<Database>,
    /// The walk is through with what lies below.
    point: u32,
    keys: usize,
    deadlines: usize,
}

/// A key that the walk leaves out.
#[derive(Debug)]
struct Known {
    section: u32,
    key: Box<[u8]>,
}

/// A key whose value is on the page device: its frame is read, and its body written as it is.
#[derive(Debug)]
pub struct PagedEntry {
    section: u32,
    /// The key.
    pub key: Box<[u8]>,
    meta: EntryMeta,
    /// Where the value lies.
    pub place: [u8; PLACE_LEN],
}

impl Fetch for Known {}

/// A snapshot that is being written. The owner of the keys tells it of every change before it happens:
/// [`before_change`](Self::before_change), [`before_flush`](Self::before_flush), [`swapped`](Self::swapped).
#[derive(Debug)]
pub struct Snapshot {
    writer: Writer,
    sections: Vec<Section>,
    current: usize,
    known: Segmented<Known>,
    /// Keys whose values are to be read from the page device.
    paged: Vec<PagedEntry>,
    /// Of these, how many are being read.
    reading: usize,
    hash_key: HashKey,
    /// The section whose entries may follow without another SELECT.
    selected: Option<usize>,
    access: (Access, AccessClock),
    now: UnixMillis,
    /// Where the range of the present section ends that is being written; its section's point where none is.
    range_end: u32,
    /// Keys of that range that are still to be written.
    rest: Vec<Box<[u8]>>,
    finished: bool,
    /// Keys that were written, or whose values are being read.
    processed: usize,
}

impl Snapshot {
    /// The dataset as it is `now`, into a file without any bytes yet.
    pub fn new(
        keyspace: &Keyspace,
        mut writer: Writer,
        facts: &Facts<'_>,
        access: (Access, AccessClock),
        now: UnixMillis,
    ) -> Self {
        writer.header(facts);
        let sections = keyspace.iter().filter(|(_, db)| !db.is_empty());
        let sections = sections.map(|(index, db)| Section {
            number: index as u32,
            live: Some(index),
            flushed: None,
            point: 0,
            keys: db.len(),
            deadlines: db.volatile(),
        });
        Self {
            writer,
            sections: sections.collect(),
            current: 0,
            known: Segmented::new(),
            paged: Vec::new(),
            reading: 0,
            hash_key: keyspace.hash_key(),
            selected: None,
            access,
            now,
            range_end: 0,
            rest: Vec::new(),
            finished: false,
            processed: 0,
        }
    }

    /// How many keys were written, of how many.
    pub fn progress(&self) -> (usize, usize) {
        (self.processed, self.sections.iter().map(|section| section.keys).sum())
    }

    /// How many of the file's bytes were not taken.
    pub fn pending(&self) -> usize {
        self.writer.pending()
    }

    /// The file's bytes so far, as far as they were not taken.
    pub fn writer(&mut self) -> &mut Writer {
        &mut self.writer
    }

    /// Writes keys until `stop` says so, which is asked after every few; true when all are written, and then the file's
    /// end too. `stop` is shown what has been written and told how many values wait to be read.
    pub fn step(&mut self, keyspace: &Keyspace, stop: &mut impl FnMut(&Writer, usize) -> bool) -> bool {
        while let Some(section) = self.sections.get_mut(self.current) {
            let (from, live) = (section.point, section.live);
            let flushed = section.flushed.take();
            if from == 0 && self.rest.is_empty() {
                self.writer.database(section.number, section.keys as u64, section.deadlines as u64);
                self.selected = Some(self.current);
            }
            if let Some(database) = flushed.as_ref().or_else(|| live.map(|index| keyspace.db(index))) {
                self.write_rest(database, stop);
                if self.rest.is_empty() && self.range_end == from {
                    self.range_end = self.write_range(database, from, stop);
                }
            }
            let section = &mut self.sections[self.current];
            section.flushed = flushed;
            if self.rest.is_empty() {
                section.point = self.range_end;
            }
            if section.point == Database::WALK_END {
                self.current += 1;
                self.range_end = 0;
            }
            if stop(&self.writer, self.paged.len()) {
                break;
            }
        }
        let done = self.is_walked() && self.paged.is_empty() && self.reading == 0;
        if done && !self.finished {
            self.writer.finish();
            self.finished = true;
        }
        done
    }

    /// Writes the records from a point up to the one that is returned; the keys of those for which there is no time are
    /// noted.
    fn write_range(
        &mut self,
        database: &Database,
        from: u32,
        stop: &mut impl FnMut(&Writer, usize) -> bool,
    ) -> u32 {
        let mut records = Vec::new();
        let end = database.range_from(from, &mut records);
        for (i, record) in records.iter().enumerate() {
            if i % ASKED_EVERY == ASKED_EVERY - 1 && stop(&self.writer, self.paged.len()) {
                self.rest.extend(records[i..].iter().map(|record| Box::from(record.key())));
                break;
            }
            if let Some(ahead) = records.get(i + FETCHED_AHEAD) {
                ahead.fetch();
            }
            let known = !self.known.is_empty() && {
                let hash = self.hash_key.hash(record.key());
                self.is_known(self.current, hash, record.key())
            };
            if !known {
                self.write(self.current, record);
            }
        }
        end
    }

    /// Writes records of the present range for which there was no time before.
    fn write_rest(&mut self, database: &Database, stop: &mut impl FnMut(&Writer, usize) -> bool) {
        while let Some(key) = self.rest.pop() {
            let hash = self.hash_key.hash(&key);
            let slot = database.find(hash, &key).filter(|_| !self.is_known(self.current, hash, &key));
            if let Some(slot) = slot {
                self.write(self.current, database.get(slot));
            }
            if self.rest.len().is_multiple_of(ASKED_EVERY) && stop(&self.writer, self.paged.len()) {
                break;
            }
        }
    }

    fn select(&mut self, section: usize) {
        if self.selected != Some(section) {
            self.writer.select(self.sections[section].number);
            self.selected = Some(section);
        }
    }

    /// Keys whose values the caller has to read from the page device; [`write_paged`](Self::write_paged) follows for each.
    pub fn take_paged(&mut self) -> Vec<PagedEntry> {
        self.reading += self.paged.len();
        core::mem::take(&mut self.paged)
    }

    /// Whether the walk has seen every key.
    pub fn is_walked(&self) -> bool {
        self.current == self.sections.len()
    }

    /// How many values wait to be taken.
    pub fn paged(&self) -> usize {
        self.paged.len()
    }

    /// Writes a key whose value was read from the page device.
    ///
    /// # Errors
    /// Those of [`Writer::entry_raw`].
    pub fn write_paged(
        &mut self,
        entry: &PagedEntry,
        value: (Form, &[u8]),
        limits: &Limits,
    ) -> Result<(), DecodeError> {
        self.reading -= 1;
        self.select(entry.section as usize);
        self.writer.entry_raw(&entry.key, &entry.meta, value, limits)
    }

    fn write(&mut self, section: usize, record: &Record) {
        self.processed += 1;
        let (access, clock) = &self.access;
        let meta = EntryMeta {
            deadline: record.deadline(),
            idle: (*access == Access::Recency).then(|| idle_millis(record.clock(), self.now) / 1000),
            freq: (*access == Access::Frequency).then(|| clock.frequency(record.clock(), self.now) as u8),
        };
        if let Some(value) = record.value() {
            self.select(section);
            self.writer.entry(record.key(), &meta, value);
        } else if let Some(place) = record.place().and_then(|place| place.try_into().ok()) {
            let key = record.key().into();
            self.paged.push(PagedEntry { section: section as u32, key, meta, place });
        }
    }

    fn is_known(&self, section: usize, hash: u64, key: &[u8]) -> bool {
        self.known.find(hash, |known| known.section == section as u32 && *known.key == *key).is_some()
    }

    /// A key is about to change, go or come (`record`: what it is so far) in the database that has this number now.
    pub fn before_change(&mut self, db: usize, hash: u64, key: &[u8], record: Option<&Record>) {
        let Some(section) = self.sections.iter().position(|section| section.live == Some(db)) else { return };
        let (point, walked) = (Database::walk_point(hash), self.sections[section].point);
        if point < walked || self.is_known(section, hash, key) {
            return;
        }
        // Of the range that is being written only the rest is still to come.
        if section == self.current && point < self.range_end && !self.rest.iter().any(|rest| **rest == *key) {
            return;
        }
        let hash_key = self.hash_key;
        let known = Known { section: section as u32, key: key.into() };
        self.known.insert_unique(hash, known, |known| hash_key.hash(&known.key));
        if let Some(record) = record {
            self.write(section, record);
        }
    }

    /// The database that has this number now loses all its keys. Gives them back if they are of no use here; else they
    /// come with [`take_flushed`](Self::take_flushed) when they have been written.
    pub fn before_flush(&mut self, db: usize, keys: Database) -> Option<Database> {
        let section = self.sections.iter_mut().find(|section| section.live == Some(db));
        let Some(section) = section.filter(|section| section.point < Database::WALK_END) else {
            return Some(keys);
        };
        section.live = None;
        section.flushed = Some(keys);
        None
    }

    /// Flushed keys that the walk is through with.
    pub fn take_flushed(&mut self) -> Option<Database> {
        self.sections[..self.current].iter_mut().find_map(|section| section.flushed.take())
    }

    /// Flushed keys, written or not: the snapshot is given up.
    pub fn take_any_flushed(&mut self) -> Option<Database> {
        self.sections.iter_mut().find_map(|section| section.flushed.take())
    }

    /// Two databases have exchanged their numbers.
    pub fn swapped(&mut self, a: usize, b: usize) {
        for section in &mut self.sections {
            section.live = match section.live {
                Some(live) if live == a => Some(b),
                Some(live) if live == b => Some(a),
                live => live,
            };
        }
    }
}

//! A snapshot of what the store holds, at the instant of its command: first everything that was changed before is saved,
//! then the store is walked page by page. What changes meanwhile is kept as it was by [`Instant`].

use super::{StoreDone, StoreEntry, StoreJob, StoreStep};
use crate::engine::Engine;
use crate::engine::jobs::Done;
use crate::rdb::{EntryMeta, Facts, Options, Writer};
use crate::store::{Instant, Section, record};
use crate::types::Limits;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Keys of a page, and bytes of each record in it; a longer record is read again by itself, so that a page is bounded.
const PAGE_KEYS: usize = 256;
const PAGE_RECORD: usize = 16 << 10;
/// Bytes that are handed to the file at once.
const PORTION: usize = 256 << 10;

/// A snapshot on its way from the store to its file.
#[derive(Debug)]
pub(super) struct StoreSnapshot {
    number: u32,
    writer: Writer,
    /// Up to this change everything has to be in the store before the walk begins.
    until: u64,
    /// The section that is being walked, and whether the file has its head.
    current: usize,
    begun: bool,
    /// The database that the file is in.
    selected: Option<u32>,
    /// A page is being read, and whether it is of one long record.
    reading: bool,
    whole: bool,
}

impl StoreSnapshot {
    /// Whether the changes of before the instant are still to be saved, if so much is.
    pub(super) fn drains(&self, saved: u64) -> bool {
        saved < self.until
    }

    /// Whether a page is being read.
    pub(super) fn is_reading(&self) -> bool {
        self.reading
    }

    /// Writes a key; why not, where it cannot.
    fn write(&mut self, number: u32, key: &[u8], bytes: &[u8], limits: &Limits) -> Result<(), String> {
        let (value, deadline) = record::decode_value(key, bytes, limits)
            .map_err(|bad| format!("the key '{}' of the diskstore: {bad}", key.escape_ascii()))?;
        if self.selected != Some(number) {
            self.writer.select(number);
            self.selected = Some(number);
        }
        self.writer.entry(key, &EntryMeta { deadline, ..EntryMeta::default() }, value.as_ref());
        Ok(())
    }
}

impl Engine {
    /// The snapshot of this instant begins.
    pub(super) fn begin_store_snapshot(&mut self, options: Options, facts: &Facts<'_>) {
        self.settle_store();
        let Some(store) = self.data.store.as_deref_mut() else { return };
        let databases = 0..self.data.keyspace.count();
        let filled = databases.filter(|index| store.count(*index, &self.data.keyspace) > 0);
        let section = |index| Section { db: store.catalog.of(index), number: index as u32, point: Some(0) };
        let sections: Vec<Section> = filled.map(section).collect();
        let keys = sections.iter().map(|section| store.count(section.number as usize, &self.data.keyspace));
        self.server.persistence.walked = (0, keys.sum());
        self.server.persistence.shown = self.now;
        let mut writer = Writer::new(options).summed_by(self.server.host.crc64);
        writer.header(facts);
        self.store.snapshots = self.store.snapshots.wrapping_add(1);
        self.store.snapshot = Some(Box::new(StoreSnapshot {
            number: self.store.snapshots,
            writer,
            until: store.progress().0,
            current: 0,
            begun: false,
            selected: None,
            reading: false,
            whole: false,
        }));
        store.instant = Some(Box::new(Instant::new(sections)));
    }

    /// The snapshot is given up, or at its end.
    pub(super) fn end_store_snapshot(&mut self) {
        self.store.snapshot = None;
        self.server.persistence.walked = (0, 0);
        if let Some(store) = self.data.store.as_deref_mut() {
            store.instant = None;
        }
    }

    fn fail_store_snapshot(&mut self, reason: &str) {
        self.end_store_snapshot();
        if let Some(part) = self.parts.snapshots() {
            (part.store_failed)(self, reason);
        }
    }

    /// Goes on with the snapshot: what was kept is written, what is written handed on, the next page asked for.
    pub(super) fn step_store_snapshot(&mut self) {
        let (Some(snapshot), Some(part)) = (self.store.snapshot.as_deref(), self.parts.snapshots()) else {
            return;
        };
        let Some(store) = self.data.store.as_deref() else { return };
        if snapshot.drains(store.progress().1) {
            if let Some(reason) = store.error.clone() {
                self.fail_store_snapshot(&reason);
            }
            return;
        }
        if let Err(reason) = self.write_early() {
            return self.fail_store_snapshot(&reason);
        }
        self.hand_on_portion(PORTION);
        let Some(snapshot) = self.store.snapshot.as_deref_mut() else { return };
        if snapshot.reading || !(part.store_has_room)(self) {
            return;
        }
        self.next_snapshot_page();
    }

    /// Writes what was kept for the snapshot before it changed.
    fn write_early(&mut self) -> Result<(), String> {
        let limits = self.data.limits;
        let (Some(snapshot), Some(store)) =
            (self.store.snapshot.as_deref_mut(), self.data.store.as_deref_mut())
        else {
            return Ok(());
        };
        let Some(instant) = store.instant.as_deref_mut() else { return Ok(()) };
        for (db, key, bytes) in instant.take_early() {
            let number =
                instant.sections.iter().find(|section| section.db == db).map(|section| section.number);
            snapshot.write(number.unwrap_or(0), &key, &bytes, &limits)?;
        }
        Ok(())
    }

    fn next_snapshot_page(&mut self) {
        let Some(snapshot) = self.store.snapshot.as_deref_mut() else { return };
        let Some(store) = self.data.store.as_deref() else { return };
        let Some(instant) = store.instant.as_deref() else { return };
        while instant.sections.get(snapshot.current).is_some_and(|section| section.point.is_none()) {
            snapshot.current += 1;
            snapshot.begun = false;
        }
        let Some(section) = instant.sections.get(snapshot.current) else {
            return self.finish_store_snapshot();
        };
        if !snapshot.begun {
            // Of how many keys have deadlines the store has no count; it is a hint for the reader's tables only.
            snapshot.writer.database(section.number, store.space(section.db).count, 0);
            snapshot.selected = Some(section.number);
            snapshot.begun = true;
        }
        snapshot.reading = true;
        let (limit, record_bytes) = if snapshot.whole { (1, usize::MAX) } else { (PAGE_KEYS, PAGE_RECORD) };
        let job = StoreJob::Scan { db: section.db, from: section.point.unwrap_or(0), limit, record_bytes };
        let step = StoreStep::Snapshot(snapshot.number);
        self.push_store(step, job);
    }

    /// A page of the snapshot's walk has come.
    pub(super) fn snapshot_page_done(&mut self, number: u32, done: Done) {
        if self.store.snapshot.as_ref().is_none_or(|snapshot| snapshot.number != number) {
            return;
        }
        let outcome = match done {
            Done::Store(StoreDone::Page { entries, next }) => self.take_snapshot_page(&entries, next),
            Done::Failed(error) => Err(error.text),
            _ => Err(String::from("the store gave an answer to another question")),
        };
        if let Err(reason) = outcome.and_then(|()| self.write_early()) {
            return self.fail_store_snapshot(&reason);
        }
        self.hand_on_portion(PORTION);
    }

    fn take_snapshot_page(&mut self, entries: &[StoreEntry], next: Option<u64>) -> Result<(), String> {
        let limits = self.data.limits;
        let (Some(snapshot), Some(store)) =
            (self.store.snapshot.as_deref_mut(), self.data.store.as_deref_mut())
        else {
            return Ok(());
        };
        let place = store.place_of();
        // A record that was cut ends the page before its place; it is read again, whole.
        let cut = entries.iter().find(|entry| !snapshot.whole && entry.record.len() >= PAGE_RECORD);
        let cut = cut.map(|entry| place(&entry.key));
        let taken = entries.iter().take_while(|entry| cut.is_none_or(|cut| place(&entry.key) < cut)).count();
        let Some(instant) = store.instant.as_deref_mut() else { return Ok(()) };
        let Some(section) = instant.sections.get(snapshot.current) else { return Ok(()) };
        let (current, file_number) = (snapshot.current, section.number);
        let is_news = |entry: &&StoreEntry| !instant.knows(current, place(&entry.key), &entry.key);
        for entry in entries[..taken].iter().filter(is_news) {
            snapshot.write(file_number, &entry.key, &entry.record, &limits)?;
        }
        instant.reach(current, cut.or(next));
        (snapshot.whole, snapshot.reading) = (cut.is_some(), false);
        let (done, total) = &mut self.server.persistence.walked;
        *done = (*done + taken as u64).min(*total);
        let (done, total) = (*done, *total);
        self.show_progress("Saving", done, total, done);
        Ok(())
    }

    /// Hands what is written to the file, if it is so many bytes.
    fn hand_on_portion(&mut self, least: usize) {
        let (Some(snapshot), Some(part)) = (self.store.snapshot.as_deref_mut(), self.parts.snapshots())
        else {
            return;
        };
        if snapshot.writer.pending() >= least {
            let bytes = snapshot.writer.take(Vec::new());
            (part.store_portion)(self, bytes);
        }
    }

    /// Everything was walked.
    fn finish_store_snapshot(&mut self) {
        let (Some(snapshot), Some(part)) = (self.store.snapshot.as_deref_mut(), self.parts.snapshots())
        else {
            return;
        };
        snapshot.writer.finish();
        self.show_done("Saving", self.server.persistence.walked.1);
        self.hand_on_portion(0);
        self.end_store_snapshot();
        (part.store_walked)(self);
    }
}

//! The dataset of one instant, read from the store page by page while commands go on.
//!
//! Before a key changes that the walk has not reached, its record is kept as it is, and the key remembered; a key that was
//! not there is remembered too. Commands that change keys without knowing what was there do not, while a snapshot is being
//! written. So what the walk finds and does not remember is what was there.

use super::cache::At;
use super::record;
use crate::keyspace::database::Database;
use crate::keyspace::record::Record;
use crate::types::codec::{Encoder, NEWEST_VERSION};
use crate::words::hash::HashKey;
use crate::words::ordered::OrderedSet;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A database of the store that has keys in the snapshot.
#[derive(Debug)]
pub struct Section {
    /// The store's database.
    pub db: u32,
    /// The number by which clients knew it.
    pub number: u32,
    /// The walk has seen everything before this place; `None`: everything.
    pub point: Option<u64>,
}

/// A key with its record.
pub type Early = (u32, Box<[u8]>, Vec<u8>);

/// Bytes that a remembered key takes beside its name, about.
const KNOWN: usize = size_of::<(usize, u64, Box<[u8]>)>() + 24;

/// A snapshot's side that changes are shown to.
#[derive(Debug)]
pub struct Instant {
    /// The databases.
    pub sections: Vec<Section>,
    /// Keys that the walk will not have reached, by section and place.
    known: OrderedSet<(usize, u64, Box<[u8]>)>,
    early: Vec<Early>,
    /// Bytes of the names of the first, and of the second.
    names: usize,
    kept: usize,
    encoder: Encoder,
}

impl Instant {
    /// The instant is now.
    pub fn new(sections: Vec<Section>) -> Self {
        let encoder = Encoder::new(NEWEST_VERSION, false);
        Self { sections, known: OrderedSet::new(), early: Vec::new(), names: 0, kept: 0, encoder }
    }

    /// The section of a database of the store.
    fn section_of(&self, db: u32) -> Option<usize> {
        self.sections.iter().position(|section| section.db == db)
    }

    /// Whether the key was remembered, so that the walk leaves it out.
    pub fn knows(&self, section: usize, place: u64, key: &[u8]) -> bool {
        let of_place = self.known.range((section, place, Box::default())..);
        of_place.take_while(|known| (known.0, known.1) == (section, place)).any(|known| *known.2 == *key)
    }

    /// The walk of a section has seen everything before a place, or all of it. What was remembered of that is not needed any more.
    pub fn reach(&mut self, section: usize, point: Option<u64>) {
        if let Some(section) = self.sections.get_mut(section) {
            section.point = point;
        }
        let is_seen = |known: &(usize, u64, Box<[u8]>)| {
            known.0 < section || known.0 == section && point.is_none_or(|point| known.1 < point)
        };
        while self.known.first().is_some_and(is_seen) {
            self.names -= self.known.pop_first().map_or(0, |known| known.2.len());
        }
    }

    /// Bytes that it keeps.
    pub fn bytes(&self) -> usize {
        self.known.len() * KNOWN + self.names + self.kept
    }

    pub(super) fn before_change(&mut self, at: At, key: &[u8], record: Option<&Record>) {
        let Some(section) = self.section_of(at.0) else { return };
        let is_to_come = self.sections[section].point.is_some_and(|point| at.1 >= point);
        if !is_to_come || !self.known.insert((section, at.1, key.into())) {
            return;
        }
        self.names += key.len();
        if let Some((record, value)) = record.and_then(|record| Some((record, record.value()?))) {
            let bytes = record::encode(key, value, record.deadline(), &mut self.encoder);
            self.kept += key.len() + bytes.len() + size_of::<Early>();
            self.early.push((at.0, key.into(), bytes));
        }
    }

    /// A database is about to be emptied: what of it the store does not have is kept.
    pub(super) fn before_flush<'k>(
        &mut self,
        db: u32,
        dirty: impl Iterator<Item = (u64, &'k Box<[u8]>)>,
        database: &Database,
        hash_key: HashKey,
    ) {
        for (place, key) in dirty {
            let slot = database.find(hash_key.hash(key), key);
            self.before_change((db, place), key, slot.map(|slot| database.get(slot)));
        }
    }

    /// Records that were kept since the last call.
    pub fn take_early(&mut self) -> Vec<Early> {
        self.kept = 0;
        core::mem::take(&mut self.early)
    }
}

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

/// A snapshot's side that changes are shown to.
#[derive(Debug)]
pub struct Instant {
    /// The databases.
    pub sections: Vec<Section>,
    known: OrderedSet<(u32, Box<[u8]>)>,
    early: Vec<Early>,
    encoder: Encoder,
}

impl Instant {
    /// The instant is now.
    pub fn new(sections: Vec<Section>) -> Self {
        let encoder = Encoder::new(NEWEST_VERSION, false);
        Self { sections, known: OrderedSet::new(), early: Vec::new(), encoder }
    }

    fn is_to_come(&self, at: At) -> bool {
        let section = self.sections.iter().find(|section| section.db == at.0);
        section.is_some_and(|section| section.point.is_some_and(|point| at.1 >= point))
    }

    /// Whether the key was remembered, so that the walk leaves it out.
    pub fn knows(&self, db: u32, key: &[u8]) -> bool {
        self.known.contains(&(db, Box::from(key)))
    }

    pub(super) fn before_change(&mut self, at: At, key: &[u8], record: Option<&Record>) {
        if !self.is_to_come(at) || !self.known.insert((at.0, key.into())) {
            return;
        }
        if let Some((record, value)) = record.and_then(|record| Some((record, record.value()?))) {
            let bytes = record::encode(key, value, record.deadline(), &mut self.encoder);
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
        core::mem::take(&mut self.early)
    }
}

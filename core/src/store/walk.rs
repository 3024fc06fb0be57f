//! Walks over a whole database: the store's pages, put right by what memory knows better.

use super::cache::Cache;
use crate::keyspace::Keyspace;
use crate::keyspace::record::Record;
use crate::types::Kind;
use crate::words::ordered::OrderedMap;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What a walk tells of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// The value's type.
    pub kind: Kind,
    /// When it expires.
    pub deadline: Option<UnixMillis>,
}

impl Meta {
    /// Of a key in memory.
    pub fn of(record: &Record) -> Self {
        Self { kind: record.kind(), deadline: record.deadline() }
    }

    /// Whether the key's time is over.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }
}

/// A key that a walk tells of.
pub type WalkedKey = (Box<[u8]>, Meta);

/// A walk whose pages are being read or wait for their command. What is saved meanwhile the pages may or may not have.
#[derive(Debug)]
pub struct Walk {
    number: u32,
    /// The store's database.
    pub db: u32,
    landed: OrderedMap<Box<[u8]>, Option<Meta>>,
    /// Bytes of the names of these.
    names: usize,
}

/// Bytes that a landed key takes beside its name, about: the tree's nodes are seven parts of ten full.
const LANDED: usize = size_of::<(Box<[u8]>, Option<Meta>)>() * 10 / 7 + 8;

impl Walk {
    /// A key was saved; `None`: deleted.
    pub(super) fn landed(&mut self, key: &[u8], meta: Option<Meta>) {
        if self.landed.insert(key.into(), meta).is_none() {
            self.names += key.len();
        }
    }

    /// Bytes that it keeps of what was saved meanwhile.
    pub(super) fn bytes(&self) -> usize {
        self.landed.len() * LANDED + self.names
    }

    pub(super) fn has_landed(&self, db: u32, key: &[u8]) -> bool {
        self.db == db && self.landed.contains_key(key)
    }
}

/// What a walk found: every key of a range of places.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The walk's number.
    pub walk: u32,
    /// The first place, and the one behind the last; `None`: to the end.
    pub range: (u64, Option<u64>),
    /// What the store has there.
    pub entries: Vec<WalkedKey>,
}

impl Cache {
    /// Begins a walk over one of the store's databases.
    pub fn begin_walk(&mut self, db: u32) -> u32 {
        self.next_walk = self.next_walk.wrapping_add(1);
        self.walks.push(Walk { number: self.next_walk, db, landed: OrderedMap::new(), names: 0 });
        self.next_walk
    }

    /// A walk's pages are not needed any more.
    pub fn end_walk(&mut self, number: u32) {
        self.walks.retain(|walk| walk.number != number);
    }

    /// The database of a walk.
    pub fn walked(&self, number: u32) -> Option<u32> {
        self.walks.iter().find(|walk| walk.number == number).map(|walk| walk.db)
    }

    /// The keys of the range as they are now.
    pub fn merged(&self, found: &Prepared, index: usize, keyspace: &Keyspace) -> Vec<WalkedKey> {
        let Some(walk) = self.walks.iter().find(|walk| walk.number == found.walk) else { return Vec::new() };
        // One that was flushed since, by the same transaction, is another one now, of which the store has nothing.
        let (db, (from, to)) = (self.catalog.of(index), found.range);
        let is_walked = walk.db == db;
        let database = keyspace.db(index);
        let now =
            |key: &[u8]| database.find(keyspace.hash(key), key).map(|slot| Meta::of(database.get(slot)));
        let mut better: OrderedMap<&[u8], Option<Meta>> = OrderedMap::new();
        for (key, meta) in walk.landed.iter().filter(|_| is_walked) {
            let place = self.at_in(db, key).1;
            if place >= from && to.is_none_or(|to| place < to) {
                better.insert(key, now(key).or(*meta));
            }
        }
        for (_, entry) in self.keys.dirty(db, from, to) {
            better.insert(&entry.key, now(&entry.key));
        }
        let kept = found.entries.iter().filter(|(key, _)| is_walked && !better.contains_key(&**key));
        let mut all: Vec<WalkedKey> = kept.cloned().collect();
        all.extend(better.into_iter().filter_map(|(key, meta)| Some((Box::from(key), meta?))));
        all
    }
}

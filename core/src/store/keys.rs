//! What is under way for single keys: loads and saves that wait or run. In the historical words LOAD, LOADINPROG, SAVE and
//! SAVEINPROG; a key without any of them has no entry here.

use super::cache::At;
use crate::words::ordered::OrderedMap;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU64;

/// Bytes that an entry takes beside its key, about: its own, and its part of the tree's nodes, which are seven parts of ten full. A test
/// holds the count against what is allocated.
const OVERHEAD: usize = size_of::<Entry>() + 50;

const TWO: NonZeroU64 = NonZeroU64::MIN.saturating_add(1);

/// Whether the store has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It does.
    There,
    /// It does not.
    Absent,
    /// Nobody has looked: the key was overwritten blindly.
    Unknown,
}

/// A save that is under way; in one word, as there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing(NonZeroU64);

impl Writing {
    /// What waited since the change of this number is written; `exists`: the key is there in it.
    pub fn new(seq: NonZeroU64, exists: bool) -> Self {
        Self(seq.saturating_mul(TWO) | u64::from(exists))
    }

    /// The number of the change since which it had waited.
    pub fn seq(self) -> u64 {
        self.0.get() / 2
    }

    /// Whether the key is there in what is written.
    pub fn exists(self) -> bool {
        self.0.get() % 2 == 1
    }
}

/// A key with something under way.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: Box<[u8]>,
    /// It is being loaded, or waits to be.
    pub load: bool,
    /// The number of the change since which it waits to be saved.
    pub waiting: Option<NonZeroU64>,
    /// When it began to wait.
    pub since: UnixMillis,
    /// It is being saved.
    pub writing: Option<Writing>,
    /// What the store has, that which is being written not counted.
    pub stored: Stored,
    /// Whether the key is there now.
    pub exists: bool,
    /// Bytes of its record, as they are counted.
    pub bytes: usize,
    /// The running command changed it.
    pub touched: bool,
    /// The keys that have to reach the store together with it; 0: none.
    pub group: u32,
}

impl Entry {
    fn new(key: &[u8]) -> Self {
        Self {
            key: key.into(),
            load: false,
            waiting: None,
            since: 0,
            writing: None,
            stored: Stored::Unknown,
            exists: false,
            bytes: 0,
            touched: false,
            group: 0,
        }
    }

    /// Whether memory may differ from the store.
    pub fn is_dirty(&self) -> bool {
        self.touched || self.waiting.is_some() || self.writing.is_some()
    }

    /// What it adds to its database's count of keys, and whether that is not known.
    pub fn contribution(&self) -> (i64, usize) {
        match self.stored {
            _ if !self.is_dirty() => (0, 0),
            Stored::There => (i64::from(self.exists) - 1, 0),
            Stored::Absent => (i64::from(self.exists), 0),
            Stored::Unknown => (0, 1),
        }
    }
}

/// Entries by database and place, so that those of a walk's page are found together. There may be hundreds of thousands, so a
/// place has two words, not a vector's three.
#[derive(Debug, Default)]
pub struct Keys {
    map: OrderedMap<At, Box<[Entry]>>,
    len: usize,
    names: usize,
}

impl Keys {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.names + self.len * OVERHEAD
    }

    /// The key's entry.
    pub fn get(&self, at: At, key: &[u8]) -> Option<&Entry> {
        self.map.get(&at)?.iter().find(|entry| *entry.key == *key)
    }

    /// The key's entry, to be changed.
    pub fn get_mut(&mut self, at: At, key: &[u8]) -> Option<&mut Entry> {
        self.map.get_mut(&at)?.iter_mut().find(|entry| *entry.key == *key)
    }

    /// The key's entry, made where there was none.
    pub fn entry(&mut self, at: At, key: &[u8]) -> &mut Entry {
        let bucket = self.map.entry(at).or_default();
        let i = bucket.iter().position(|entry| *entry.key == *key).unwrap_or_else(|| {
            let mut entries = core::mem::take(bucket).into_vec();
            entries.reserve_exact(1);
            entries.push(Entry::new(key));
            *bucket = entries.into_boxed_slice();
            self.len += 1;
            self.names += key.len();
            bucket.len() - 1
        });
        &mut bucket[i]
    }

    /// Entries of one place: more than one only where places collide.
    pub fn at(&self, at: At) -> &[Entry] {
        self.map.get(&at).map_or(&[], |bucket| bucket)
    }

    /// As [`Keys::at`], to be changed.
    pub fn at_mut(&mut self, at: At) -> &mut [Entry] {
        self.map.get_mut(&at).map_or(&mut [], |bucket| bucket)
    }

    /// Forgets the key's entry if nothing is under way for it any more.
    pub fn tidy(&mut self, at: At, key: &[u8]) -> bool {
        let Some(bucket) = self.map.get_mut(&at) else { return false };
        let idle = |entry: &Entry| *entry.key == *key && !entry.load && !entry.is_dirty();
        let Some(i) = bucket.iter().position(idle) else { return false };
        self.len -= 1;
        self.names -= key.len();
        if bucket.len() == 1 {
            self.map.remove(&at);
        } else {
            let mut entries = core::mem::take(bucket).into_vec();
            entries.swap_remove(i);
            *bucket = entries.into_boxed_slice();
        }
        true
    }

    /// Dirty entries of a database from one place up to before another, or to the end.
    pub fn dirty(&self, db: u32, from: u64, to: Option<u64>) -> impl Iterator<Item = (u64, &Entry)> {
        let end = to.map_or((db, u64::MAX), |to| (db, to.saturating_sub(1)));
        let range = if end.1 < from { (db, 0)..=(db, 0) } else { (db, from)..=end };
        let empty = end.1 < from || to == Some(0);
        let found = self.map.range(range).filter(move |_| !empty);
        found.flat_map(|((_, place), bucket)| {
            bucket.iter().filter(|entry| entry.is_dirty()).map(move |entry| (*place, entry))
        })
    }

    /// Every entry, with its database and place.
    pub fn iter(&self) -> impl Iterator<Item = (&At, &Entry)> {
        self.map.iter().flat_map(|(at, bucket)| bucket.iter().map(move |entry| (at, entry)))
    }

    /// The places of a database that have entries.
    pub fn places(&self, db: u32) -> Vec<u64> {
        self.map.range((db, 0)..=(db, u64::MAX)).map(|((_, place), _)| *place).collect()
    }
}

//! What is under way for single keys: loads and saves that wait or run. In the historical words LOAD, LOADINPROG, SAVE and
//! SAVEINPROG; a key without any of them has no entry here.

use crate::words::ordered::OrderedMap;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Bytes that an entry takes beside its key, about.
pub const OVERHEAD: usize = 160;

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

/// A key with something under way.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: Box<[u8]>,
    /// It is being loaded, or waits to be.
    pub load: bool,
    /// The number of the change since which it waits to be saved.
    pub waiting: Option<u64>,
    /// When it began to wait.
    pub since: UnixMillis,
    /// It is being saved: the number of the change since which that save had waited, and whether the key is there in what is
    /// written.
    pub writing: Option<(u64, bool)>,
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

/// Entries by database and place, so that those of a walk's page are found together.
#[derive(Debug, Default)]
pub struct Keys {
    map: OrderedMap<(u32, u64), Vec<Entry>>,
    len: usize,
}

impl Keys {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The key's entry.
    pub fn get(&self, at: (u32, u64), key: &[u8]) -> Option<&Entry> {
        self.map.get(&at)?.iter().find(|entry| *entry.key == *key)
    }

    /// The key's entry, to be changed.
    pub fn get_mut(&mut self, at: (u32, u64), key: &[u8]) -> Option<&mut Entry> {
        self.map.get_mut(&at)?.iter_mut().find(|entry| *entry.key == *key)
    }

    /// The key's entry, made where there was none.
    pub fn entry(&mut self, at: (u32, u64), key: &[u8]) -> &mut Entry {
        let bucket = self.map.entry(at).or_default();
        let i = bucket.iter().position(|entry| *entry.key == *key).unwrap_or_else(|| {
            // Places hardly ever collide: room for one is enough.
            bucket.reserve_exact(1);
            bucket.push(Entry::new(key));
            self.len += 1;
            bucket.len() - 1
        });
        &mut bucket[i]
    }

    /// Entries of one place: more than one only where places collide.
    pub fn at(&self, at: (u32, u64)) -> &[Entry] {
        self.map.get(&at).map_or(&[], Vec::as_slice)
    }

    /// As [`Keys::at`], to be changed.
    pub fn at_mut(&mut self, at: (u32, u64)) -> &mut [Entry] {
        self.map.get_mut(&at).map_or(&mut [], Vec::as_mut_slice)
    }

    /// Forgets the key's entry if nothing is under way for it any more.
    pub fn tidy(&mut self, at: (u32, u64), key: &[u8]) -> bool {
        let Some(bucket) = self.map.get_mut(&at) else { return false };
        let idle = |entry: &Entry| *entry.key == *key && !entry.load && !entry.is_dirty();
        let Some(i) = bucket.iter().position(idle) else { return false };
        bucket.swap_remove(i);
        self.len -= 1;
        if bucket.is_empty() {
            self.map.remove(&at);
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
    pub fn iter(&self) -> impl Iterator<Item = (&(u32, u64), &Entry)> {
        self.map.iter().flat_map(|(at, bucket)| bucket.iter().map(move |entry| (at, entry)))
    }

    /// The places of a database that have entries.
    pub fn places(&self, db: u32) -> Vec<u64> {
        self.map.range((db, 0)..=(db, u64::MAX)).map(|((_, place), _)| *place).collect()
    }
}

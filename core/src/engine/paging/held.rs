//! Keys whose values are held: those that stay for commands that wait, and those on their way back with who waits for them.

use crate::page::Place;
use crate::session::SessionId;
use crate::waiters::DbKey;
use crate::words::ordered::OrderedMap;
use alloc::vec::Vec;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

#[derive(Debug)]
struct Pin {
    hash: u64,
    key: DbKey,
    sessions: usize,
    bytes: usize,
}

/// Keys whose values stay in memory for commands that wait.
#[derive(Debug, Default)]
pub(super) struct Pins {
    keys: HashTable<Pin>,
    /// Bytes of the values, as they lie on the device.
    pub(super) bytes: usize,
}

impl Pins {
    /// Whether a value stays.
    #[inline]
    pub(super) fn holds(&self, hash: u64, db: usize, key: &[u8]) -> bool {
        !self.keys.is_empty() && self.keys.find(hash, |pin| pin.key.0 == db && *pin.key.1 == *key).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes of one value; 0 where it is not held.
    pub(super) fn bytes_of(&self, hash: u64, key: &DbKey) -> usize {
        self.keys.find(hash, |pin| pin.key == *key).map_or(0, |pin| pin.bytes)
    }

    /// Holds a value of so many bytes for one session more.
    pub(super) fn hold(&mut self, hash: u64, key: &DbKey, bytes: usize) {
        match self.keys.entry(hash, |pin| pin.key == *key, |pin| pin.hash) {
            Entry::Occupied(mut pin) => pin.get_mut().sessions += 1,
            Entry::Vacant(place) => {
                self.bytes += bytes;
                place.insert(Pin { hash, key: key.clone(), sessions: 1, bytes });
            }
        }
    }

    /// One session needs the value no more.
    pub(super) fn let_go(&mut self, hash: u64, key: &DbKey) {
        let Ok(mut pin) = self.keys.find_entry(hash, |pin| pin.key == *key) else { return };
        pin.get_mut().sessions -= 1;
        if pin.get().sessions == 0 {
            self.bytes -= pin.get().bytes;
            pin.remove();
        }
    }

    /// All keys, with how many sessions hold each and its bytes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&DbKey, usize, usize)> {
        self.keys.iter().map(|pin| (&pin.key, pin.sessions, pin.bytes))
    }
}

/// A value on its way back.
#[derive(Debug)]
pub(super) struct Load {
    /// That of the read.
    pub(super) number: u32,
    pub(super) hash: u64,
    pub(super) key: DbKey,
    pub(super) place: Place,
    pub(super) waiting: Vec<SessionId>,
}

/// Values on their way back, each once for all who wait for it.
#[derive(Debug, Default)]
pub(super) struct Loads {
    loads: HashTable<Load>,
    /// The hashes of their keys, by number.
    hashes: OrderedMap<u32, u64>,
}

impl Loads {
    /// Adds a session to those who wait for the key's value; false where it is not on its way.
    pub(super) fn join(&mut self, hash: u64, key: &DbKey, who: SessionId) -> bool {
        let load = self.loads.find_mut(hash, |load| load.key == *key);
        load.map(|load| load.waiting.push(who)).is_some()
    }

    /// Whether the key's value is on its way.
    pub(super) fn has(&self, hash: u64, key: &DbKey) -> bool {
        self.loads.find(hash, |load| load.key == *key).is_some()
    }

    /// Notes that a value is on its way now.
    pub(super) fn begin(&mut self, load: Load) {
        self.hashes.insert(load.number, load.hash);
        self.loads.insert_unique(load.hash, load, |load| load.hash);
    }

    /// Takes out a load that has ended.
    pub(super) fn end(&mut self, number: u32) -> Option<Load> {
        let hash = self.hashes.remove(&number)?;
        let found = self.loads.find_entry(hash, |load| load.number == number).ok()?;
        Some(found.remove().0)
    }

    /// A session waits no more.
    pub(super) fn leave(&mut self, who: SessionId) {
        for load in &mut self.loads {
            load.waiting.retain(|waiting| *waiting != who);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.loads.len()
    }

    /// How many numbers are known, for audits.
    pub(super) fn numbers(&self) -> usize {
        self.hashes.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Load> {
        self.loads.iter()
    }
}

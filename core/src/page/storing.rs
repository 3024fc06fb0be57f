//! Whose values are on their way to the device.

use crate::waiters::DbKey;
use hashbrown::HashTable;

#[derive(Debug)]
struct Mark {
    hash: u64,
    key: DbKey,
    generation: u32,
}

/// Keys whose values are on their way, each with its frame's generation. A key whose value changed meanwhile keeps its mark
/// until the write has ended.
#[derive(Debug, Default)]
pub struct Storing(HashTable<Mark>);

impl Storing {
    /// Marks a key; `hash` is its hash.
    pub fn insert(&mut self, hash: u64, key: DbKey, generation: u32) {
        match self.0.find_mut(hash, |mark| mark.key == key) {
            Some(mark) => mark.generation = generation,
            None => {
                self.0.insert_unique(hash, Mark { hash, key, generation }, |mark| mark.hash);
            }
        }
    }

    /// The generation of the key's frame that is on its way.
    pub fn generation(&self, hash: u64, key: &DbKey) -> Option<u32> {
        self.0.find(hash, |mark| mark.key == *key).map(|mark| mark.generation)
    }

    /// Removes the key's mark if it is of that generation; whether it was.
    pub fn end(&mut self, hash: u64, key: &DbKey, generation: u32) -> bool {
        let found = self.0.find_entry(hash, |mark| mark.generation == generation && mark.key == *key);
        found.map(hashbrown::hash_table::OccupiedEntry::remove).is_ok()
    }

    /// Forgets the keys of a database that is emptied.
    pub fn forget_database(&mut self, db: usize) {
        self.0.retain(|mark| mark.key.0 != db);
    }

    /// Removes all marks; calls `each` with the hash and the key of every one.
    pub fn end_all(&mut self, mut each: impl FnMut(u64, &DbKey)) {
        self.0.drain().for_each(|mark| each(mark.hash, &mark.key));
    }

    /// How many keys are marked.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys with their generations.
    pub fn iter(&self) -> impl Iterator<Item = (&DbKey, u32)> {
        self.0.iter().map(|mark| (&mark.key, mark.generation))
    }
}

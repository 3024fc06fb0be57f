//! Keys: records, the segmented table, databases.

pub mod clock;
pub mod database;
pub mod record;

use crate::words::hash::HashKey;
use alloc::vec::Vec;
use database::Database;

/// Every database.
#[derive(Debug)]
pub struct Keyspace {
    databases: Vec<Database>,
    hash_key: HashKey,
}

impl Keyspace {
    /// `count` empty databases whose tables hash with `hash_key`.
    pub fn new(count: usize, hash_key: HashKey) -> Self {
        Self { databases: (0..count).map(|_| Database::new(hash_key)).collect(), hash_key }
    }

    /// As many databases without any keys, under the same hash.
    pub fn like(&self) -> Self {
        Self::new(self.count(), self.hash_key)
    }

    /// How many databases there are.
    pub fn count(&self) -> usize {
        self.databases.len()
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hash_key.hash(key)
    }

    /// The secret that keys the hash.
    pub fn hash_key(&self) -> HashKey {
        self.hash_key
    }

    /// Keys of all databases, as many as are in memory.
    pub fn count_keys(&self) -> usize {
        self.iter().map(|(_, database)| database.len()).sum()
    }

    /// Makes room for about so many keys in a database that has none.
    pub fn make_room(&mut self, index: usize, keys: usize) {
        if self.databases[index].is_empty() {
            self.databases[index] = Database::with_capacity(self.hash_key, keys);
        }
    }

    /// The database of that number, which is below [`Keyspace::count`].
    #[inline]
    pub fn db(&self, index: usize) -> &Database {
        &self.databases[index]
    }

    /// The database of that number, to be changed.
    #[inline]
    pub fn db_mut(&mut self, index: usize) -> &mut Database {
        &mut self.databases[index]
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.databases.swap(a, b);
    }

    /// Takes the database's content away and leaves it empty.
    pub fn take(&mut self, index: usize) -> Database {
        core::mem::replace(&mut self.databases[index], Database::new(self.hash_key))
    }

    /// All databases with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Database)> {
        self.databases.iter().enumerate()
    }
}

//! Looking ahead: the hashes of keys that are about to be looked up, and their records on the way from memory.

use super::{Data, Db};
use crate::types::hash::{FieldTable, HashRef};
use crate::types::set::{MemberTable, SetRef};
use crate::types::{Hashed, ValueRef};
use crate::words::error::CommandResult;

/// So many keys are looked ahead at once.
const AHEAD: usize = 16;

impl Data {
    /// Tells the hash of a key that the next command is going to look up, by the address of its bytes.
    #[inline]
    pub fn hint(&mut self, key: &[u8], hash: u64) {
        self.hint = Hashed::new(key, hash);
    }

    /// The key's hash, which may be known already.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hint.of(key).unwrap_or_else(|| self.keyspace.hash(key))
    }

    /// Tells the hash of the member or field that the next command is going to look up.
    #[inline]
    pub fn hint_member(&mut self, member: &[u8], hash: u64) {
        self.limits.ahead = Hashed::new(member, hash);
    }

    /// Forgets the hints: the bytes that they point to are about to change.
    pub fn clear_hint(&mut self) {
        self.hint = Hashed::default();
        self.limits.ahead = Hashed::default();
    }

    /// The table that holds the value of a key, if it is a large set or hash in memory.
    pub fn table_of(&self, db: usize, key: &[u8], hash: u64) -> Option<Table<'_>> {
        let database = self.keyspace.db(db);
        match database.get(database.find(hash, key)?).value()? {
            ValueRef::Set(SetRef::Table(table)) => Some(Table::Members(table.get())),
            ValueRef::Hash(HashRef::Table(table)) => Some(Table::Fields(table.get())),
            _ => None,
        }
    }
}

/// A large set or hash.
#[derive(Clone, Copy)]
pub enum Table<'a> {
    /// A set.
    Members(&'a MemberTable),
    /// A hash.
    Fields(&'a FieldTable),
}

impl Table<'_> {
    /// Fetches from memory what a lookup of a member or field of this hash is going to need.
    #[inline]
    pub fn fetch(self, hash: u64) {
        match self {
            Self::Members(table) => table.fetch(hash),
            Self::Fields(table) => table.fetch(hash),
        }
    }
}

impl Db<'_> {
    /// Calls `each` for every key, `AHEAD` of which were hashed and whose records are on their way from memory, so that a
    /// command with many keys waits for them together rather than in turn.
    pub fn for_each_key<'k>(
        &mut self,
        mut keys: impl Iterator<Item = &'k [u8]> + Clone,
        mut each: impl FnMut(&mut Self, &'k [u8]) -> CommandResult,
    ) -> CommandResult {
        let mut result = Ok(());
        while result.is_ok() {
            let mut hashes = [0; AHEAD];
            let mut count = 0;
            for (key, hash) in keys.clone().zip(&mut hashes) {
                *hash = self.data.keyspace.hash(key);
                self.database().prefetch(*hash);
                count += 1;
            }
            if count == 0 {
                break;
            }
            result = hashes.iter().zip(keys.by_ref().take(count)).try_for_each(|(hash, key)| {
                self.data.hint(key, *hash);
                each(self, key)
            });
        }
        self.data.clear_hint();
        result
    }
}

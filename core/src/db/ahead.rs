//! Looking ahead: the hashes of keys that are about to be looked up, and their records on the way from memory.

use super::{Data, Db};
use crate::words::error::CommandResult;

/// So many keys are looked ahead at once.
const AHEAD: usize = 16;

impl Data {
    /// Tells the hash of a key that the next command is going to look up, by the address of its bytes.
    #[inline]
    pub fn hint(&mut self, key: &[u8], hash: u64) {
        self.hint = (key.as_ptr().addr(), key.len(), hash);
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        if self.hint.0 == key.as_ptr().addr() && self.hint.1 == key.len() {
            return self.hint.2;
        }
        self.keyspace.hash(key)
    }

    /// Forgets the hint: the bytes that it points to are about to change.
    pub fn clear_hint(&mut self) {
        self.hint = (0, 0, 0);
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

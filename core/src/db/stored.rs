//! What the door does for keys that may lie in the store of diskstore alone.

use super::{Data, Db};
use crate::events::Event;
use crate::store::WalkedKey;
use crate::words::error::CommandError;
use crate::words::reach::{SERVER, STORE};
use alloc::vec::Vec;

impl Data {
    /// Whether the key is in memory.
    #[inline]
    pub fn is_resident(&self, index: usize, key: &[u8]) -> bool {
        self.keyspace.db(index).find(self.hash(key), key).is_some()
    }

    /// How many keys a database has, in memory or not.
    pub fn count_keys(&self, index: usize) -> usize {
        match &self.store {
            Some(store) if STORE => store.count(index, &self.keyspace) as usize,
            _ => self.keyspace.db(index).len(),
        }
    }

    /// As [`Data::count_keys`], as near as can be told without asking a store.
    pub fn count_keys_about(&self, index: usize) -> usize {
        match &self.store {
            Some(store) if STORE => store.count_about(index, &self.keyspace) as usize,
            _ => self.keyspace.db(index).len(),
        }
    }

    /// The part of the database that the running command was given, as it is now, with where to go on (0: at the end).
    ///
    /// # Errors
    /// It was not given any: it has to be planned.
    pub fn take_page(&mut self, index: usize) -> Result<(Vec<WalkedKey>, u64), CommandError> {
        let Some(store) = self.store.as_deref_mut().filter(|_| STORE) else {
            return Err(CommandError::NotResident);
        };
        let Some(found) = store.prepared.pop_front() else { return Err(CommandError::NotResident) };
        let keys = store.merged(&found, index, &self.keyspace);
        store.used_walks.push(found.walk);
        Ok((keys, found.range.1.unwrap_or(0)))
    }
}

impl Db<'_> {
    /// A key that is not in memory is not there, unless only the store knows: then the command has to wait for it.
    #[inline]
    pub(super) fn known_absent(&mut self, key: &[u8]) -> Result<(), CommandError> {
        // One whose time is over has just been removed, and so is a change; but in a pause it stays, and only seems not to be there.
        if STORE && SERVER && self.data.keep_expired && self.data.is_resident(self.index, key) {
            return Ok(());
        }
        let Some(store) = self.data.store.as_deref_mut().filter(|_| STORE) else { return Ok(()) };
        if store.knows_absent(self.index, key) {
            return Ok(());
        }
        self.data.missing.push((self.index, key.into()));
        Err(CommandError::NotResident)
    }

    /// Asks for every key that lies in the store alone (DEBUG DIGEST).
    ///
    /// # Errors
    /// There are some: the command has to wait for them.
    pub fn want_all_stored(&mut self) -> Result<(), CommandError> {
        if !STORE || self.data.store.is_none() {
            return Ok(());
        }
        let mut missing = Vec::new();
        for index in 0..self.data.keyspace.count() {
            let (keys, _) = self.data.take_page(index)?;
            let away = keys
                .into_iter()
                .filter(|(key, meta)| !meta.is_expired(self.now) && !self.data.is_resident(index, key));
            missing.extend(away.map(|(key, _)| (index, key)));
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.data.missing.extend(missing);
        Err(CommandError::NotResident)
    }

    /// Removes a key that a walk told of and whose time is over.
    pub fn expire_stored(&mut self, key: &[u8]) {
        if SERVER && self.data.keep_expired {
            return;
        }
        if self.data.is_resident(self.index, key) {
            // Looking for it removes it, if it still is so.
            self.exists(key);
            return;
        }
        let Some(store) = self.data.store.as_deref_mut().filter(|_| STORE) else { return };
        // A snapshot that is being written still has to find it.
        if store.instant.is_some() || store.knows_absent(self.index, key) {
            return;
        }
        self.data.before_change(self.index, key);
        if STORE && let Some(store) = self.data.store.as_deref_mut() {
            store.known_there(self.index, key);
            store.stats.swept += 1;
        }
        self.data.touch_watchers(self.index, key);
        self.data.stats.expired += 1;
        self.event(Event::EXPIRED, "expired", key);
    }
}

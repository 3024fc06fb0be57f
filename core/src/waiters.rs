//! Who waits for which key: one table, both for blocking commands and for values on their way from a device.

use crate::words::ordered::OrderedMap;
use crate::words::reach::SERVER;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A key in a database.
pub type DbKey = (usize, Box<[u8]>);

/// Sessions by the key that they wait for, in the order in which they came, and the keys that became ready.
///
/// `W` names a waiting session.
#[derive(Debug)]
pub struct Waiters<W> {
    queues: OrderedMap<DbKey, VecDeque<W>>,
    ready: Vec<DbKey>,
}

impl<W> Default for Waiters<W> {
    fn default() -> Self {
        Self { queues: OrderedMap::new(), ready: Vec::new() }
    }
}

impl<W: Copy + PartialEq> Waiters<W> {
    /// Whether nobody waits for anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether somebody waits for the key.
    pub fn is_awaited(&self, key: &DbKey) -> bool {
        self.queues.contains_key(key)
    }

    /// The keys that somebody waits for.
    pub fn awaited(&self) -> impl Iterator<Item = &DbKey> {
        self.queues.keys()
    }

    /// Adds `who` to the key's queue, once.
    pub fn wait(&mut self, db: usize, key: &[u8], who: W) {
        let queue = self.queues.entry((db, key.into())).or_default();
        if !queue.contains(&who) {
            queue.push_back(who);
        }
    }

    /// Removes `who` from the key's queue.
    pub fn leave(&mut self, db: usize, key: &[u8], who: W) {
        let db_key = (db, key.into());
        if let Some(queue) = self.queues.get_mut(&db_key) {
            queue.retain(|w| *w != who);
            if queue.is_empty() {
                self.queues.remove(&db_key);
            }
        }
    }

    /// Notes that a key came into being; cheap where nobody waits.
    #[inline]
    pub fn signal(&mut self, db: usize, key: &[u8]) {
        if SERVER && !self.queues.is_empty() {
            self.signal_slow(db, key);
        }
    }

    fn signal_slow(&mut self, db: usize, key: &[u8]) {
        let db_key: DbKey = (db, key.into());
        if self.queues.contains_key(&db_key) && !self.ready.contains(&db_key) {
            self.ready.push(db_key);
        }
    }

    /// Notes every awaited key of a database (after SWAPDB).
    pub fn signal_all(&mut self, db: usize) {
        let keys: Vec<DbKey> = self.queues.keys().filter(|k| k.0 == db).cloned().collect();
        for key in keys {
            self.signal_slow(key.0, &key.1);
        }
    }

    /// Whether a key became ready since the last call of [`Waiters::take_ready`].
    pub fn has_ready(&self) -> bool {
        SERVER && !self.ready.is_empty()
    }

    /// The keys that became ready, in order.
    pub fn take_ready(&mut self) -> Vec<DbKey> {
        core::mem::take(&mut self.ready)
    }

    /// Who waits for the key, the longest wait first.
    pub fn queue(&self, key: &DbKey) -> Vec<W> {
        self.queues.get(key).map(|q| q.iter().copied().collect()).unwrap_or_default()
    }
}

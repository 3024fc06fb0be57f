//! A job of many reads that several readers carry out, a key each.

use nuthatch_core::{Done, StoreDone, StoreKey, StoreRead};
use std::sync::{Mutex, PoisonError};

/// What its readers have made of it.
pub struct Shared {
    /// It ends early with so many bytes of records.
    most: usize,
    state: Mutex<State>,
}

struct State {
    /// Keys of which nothing is known yet.
    left: usize,
    bytes: usize,
    read: Vec<StoreRead>,
    unread: Vec<StoreKey>,
}

/// Bytes of the record that was read.
pub fn bytes_of(read: &StoreRead) -> usize {
    read.record.as_ref().ok().and_then(Option::as_ref).map_or(0, Vec::len)
}

impl Shared {
    /// A job of so many keys.
    pub fn new(keys: usize, most: usize) -> Self {
        let state = State { left: keys, bytes: 0, read: Vec::with_capacity(keys), unread: Vec::new() };
        Self { most, state: Mutex::new(state) }
    }

    /// Whether what was read is so much that the rest shall wait.
    pub fn is_full(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).bytes >= self.most
    }

    /// Adds what became of some keys; the job's end, where they are the last.
    pub fn join(&self, read: Vec<StoreRead>, unread: Vec<StoreKey>) -> Option<Done> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.left -= read.len() + unread.len();
        state.bytes += read.iter().map(bytes_of).sum::<usize>();
        state.read.extend(read);
        state.unread.extend(unread);
        (state.left == 0).then(|| {
            let (read, unread) = (std::mem::take(&mut state.read), std::mem::take(&mut state.unread));
            Done::Store(StoreDone::Records { read, unread })
        })
    }
}

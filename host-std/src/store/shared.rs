//! A job of many reads that several readers carry out, a key each.

use super::lock;
use nuthatch_core::{Done, JobId, StoreDone, StoreKey, StoreRead};
use std::mem;
use std::sync::Mutex;

/// What its readers have made of it.
pub struct Shared {
    id: JobId,
    /// It ends early with so many bytes of records, but not before one was read.
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

/// Bytes of what was read.
pub fn bytes_of<E>(record: &Result<Option<Vec<u8>>, E>) -> usize {
    record.as_ref().ok().and_then(Option::as_ref).map_or(0, Vec::len)
}

impl Shared {
    /// A job of so many keys.
    pub fn new(id: JobId, keys: usize, most: usize) -> Self {
        let state = State { left: keys, bytes: 0, read: Vec::with_capacity(keys), unread: Vec::new() };
        Self { id, most: most.max(1), state: Mutex::new(state) }
    }

    /// Whether what was read is so much that the rest shall wait.
    pub fn is_full(&self) -> bool {
        lock(&self.state).bytes >= self.most
    }

    /// Adds what a reader found; the job's end, where that was the last.
    pub fn add(&self, read: StoreRead) -> Option<(JobId, Done)> {
        let mut state = lock(&self.state);
        state.bytes += bytes_of(&read.record);
        state.read.push(read);
        self.count_down(&mut state)
    }

    /// As [`Shared::add`], for a key that shall wait.
    pub fn leave(&self, key: StoreKey) -> Option<(JobId, Done)> {
        let mut state = lock(&self.state);
        state.unread.push(key);
        self.count_down(&mut state)
    }

    fn count_down(&self, state: &mut State) -> Option<(JobId, Done)> {
        state.left -= 1;
        (state.left == 0).then(|| {
            let (read, unread) = (mem::take(&mut state.read), mem::take(&mut state.unread));
            (self.id, Done::Store(StoreDone::Records { read, unread }))
        })
    }
}

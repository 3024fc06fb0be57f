//! What waits for the store's threads, and which of them are called for it.

use super::lock;
use super::shared::Shared;
use nuthatch_core::{JobId, StoreJob, StoreKey};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, Thread};

/// Records of a job that as many readers read where a disk is waited for: so a reader has its next key before the event loop has been round.
const READ_APART: usize = 4;
/// Bytes that so many records may have; larger ones come one in a job.
const APART_BYTES: usize = 64 << 10;
/// So many reads in a row must have been quick before the thread that serves clients carries out any.
const QUICK_READS: usize = 32;
/// A reader helps the thread that serves clients where so many reads wait for that, and there is a processor for it.
const WORTH_WAKING: usize = 4;
/// A disk is waited for where more than one read in so many and one waits for it, and all readers work. So many slow ones tell, twice as many are
/// remembered.
const SLOW_SHARE: usize = 8;
const SLOW_READS: usize = 4 * SLOW_SHARE;
/// The largest of the last records is forgotten by such a part with each that is smaller.
const FORGOTTEN: usize = 64;

/// What waits for a thread.
pub enum Task {
    /// A job, and where a database that is being cleared goes on.
    Whole(JobId, StoreJob, u64),
    /// A key of a job that readers share.
    Part(Arc<Shared>, StoreKey),
}

impl Task {
    /// How many records it reads; 0: it is of another kind.
    pub fn reads(&self) -> usize {
        match self {
            Self::Whole(_, StoreJob::Read { .. }, _) | Self::Part(..) => 1,
            Self::Whole(_, StoreJob::ReadMany { keys, .. }, _) => keys.len(),
            Self::Whole(..) => 0,
        }
    }
}

/// How a task's reads went.
#[derive(Clone, Copy, Default)]
pub struct Pace {
    /// So many were quick.
    pub quick: usize,
    /// One more was not.
    pub slow: bool,
    /// Bytes of the largest record.
    pub largest: usize,
    /// It was a task of another kind.
    pub is_long: bool,
}

impl Pace {
    /// How many there were.
    pub fn reads(self) -> usize {
        self.quick + usize::from(self.slow)
    }
}

/// Tasks that wait for a thread.
#[derive(Default)]
pub struct Queue {
    state: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    tasks: VecDeque<Task>,
    /// Threads that stand still; the last one is called first, as what it used is still in the processor's caches.
    idle: Vec<Thread>,
    /// Threads that were called, look for tasks or have one; how many of these have not come yet.
    working: usize,
    called: usize,
    /// Tasks that are no reads, here or with a thread.
    long: usize,
    /// [`SLOW_SHARE`] for each of the last reads that was slow, less one for each that was not; how many were quick since the last slow one.
    slow: usize,
    quick: usize,
    /// Bytes of the largest of the last records.
    largest: usize,
    closed: bool,
}

impl Waiting {
    fn waits_for_disk(&self) -> bool {
        self.slow >= SLOW_READS
    }

    /// Takes so many of the threads that stand still, to be called without the lock.
    fn take_idle(&mut self, most: usize) -> Vec<Thread> {
        let called = self.idle.split_off(self.idle.len().saturating_sub(most));
        self.working += called.len();
        self.called += called.len();
        called
    }
}

impl Queue {
    /// Puts tasks at the end, and calls threads for them where `at_once`.
    pub fn put(&self, tasks: impl IntoIterator<Item = Task>, at_once: bool) {
        let mut state = lock(&self.state);
        for task in tasks {
            state.long += usize::from(task.reads() == 0);
            state.tasks.push_back(task);
        }
        if at_once {
            Self::call(state);
        }
    }

    /// What is left of a task waits behind the others, unless the store is to be closed.
    pub fn put_back(&self, rest: Task) {
        let mut state = lock(&self.state);
        if !state.closed {
            state.tasks.push_back(rest);
        }
    }

    /// How many of a job's records as many readers read; none: one reads them all, as no disk is waited for.
    pub fn reads_apart(&self) -> Option<usize> {
        let state = lock(&self.state);
        state.waits_for_disk().then(|| (APART_BYTES / state.largest.max(1)).clamp(1, READ_APART))
    }

    /// Calls threads for the tasks that wait, where those that work are not enough: one for each long task, and one for all reads, unless
    /// a disk is waited for: then one for each.
    fn call(mut state: MutexGuard<'_, Waiting>) {
        let wanted = if state.waits_for_disk() {
            state.tasks.len().saturating_sub(state.called)
        } else {
            usize::from(state.working <= state.long)
        };
        let called = state.take_idle(wanted);
        drop(state);
        called.iter().for_each(Thread::unpark);
    }

    /// The next task.
    pub fn take(&self) -> Option<Task> {
        lock(&self.state).tasks.pop_front()
    }

    /// The next read for a thread that has other things to do, if reads are quick, and nothing is in their way: no walk, no sync, and
    /// nothing that `calm` knows of.
    pub fn take_for_helper(&self, processors: usize, calm: impl FnOnce() -> bool) -> Option<Task> {
        let mut state = lock(&self.state);
        let first = state.tasks.front()?;
        let helps = state.quick >= QUICK_READS && state.long == 0 && first.reads() > 0 && calm();
        if !helps {
            Self::call(state);
            return None;
        }
        let task = state.tasks.pop_front();
        let waiting: usize = state.tasks.iter().map(Task::reads).sum();
        if processors > 1 && waiting >= WORTH_WAKING {
            Self::call(state);
        }
        task
    }

    /// A task has ended. Told before its end is, as others may look at once.
    pub fn notice(&self, pace: Pace) {
        let mut state = lock(&self.state);
        state.long -= usize::from(pace.is_long);
        state.slow = state.slow.saturating_sub(pace.quick);
        state.quick = state.quick.saturating_add(pace.quick);
        if pace.reads() > 0 {
            state.largest = pace.largest.max(state.largest - state.largest.div_ceil(FORGOTTEN));
        }
        if pace.slow {
            state.slow = (state.slow + SLOW_SHARE).min(2 * SLOW_READS);
            state.quick = 0;
        }
    }

    /// Whether nothing waits and nobody works.
    pub fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        state.tasks.is_empty() && state.working == 0
    }

    /// A thread has begun.
    pub fn begin(&self) {
        lock(&self.state).working += 1;
    }

    /// Waits for tasks; false: there will be none.
    pub fn wait(&self) -> bool {
        let this = thread::current();
        let mut state = lock(&self.state);
        while state.tasks.is_empty() {
            if state.closed {
                return false;
            }
            state.working -= 1;
            state.idle.push(this.clone());
            while state.idle.iter().any(|idle| idle.id() == this.id()) {
                drop(state);
                thread::park();
                state = lock(&self.state);
            }
            state.called -= 1;
        }
        true
    }

    /// There will be no more tasks.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let called = state.take_idle(usize::MAX);
        drop(state);
        called.iter().for_each(Thread::unpark);
    }
}

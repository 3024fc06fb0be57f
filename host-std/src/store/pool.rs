//! The threads that carry out the engine's jobs on a store: one for writes, in their order, others for the rest.
//!
//! Waking a thread costs more than a read of what the operating system has in memory. So one reader does what there is, and
//! tells of it some jobs at a time; the others are woken where reads take long, which is when a disk is waited for, or for
//! jobs that are long by nature.

use super::{Store, Walk};
use crate::options::reason;
use mio::Waker;
use nuthatch_core::{Done, JobError, JobId, StoreDone, StoreJob};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Threads that read. A store that waits for a disk serves so many at once.
const READERS: usize = 4;
/// Jobs that a thread does before it tells of them; fewer where there are no more.
const TOLD_AT_ONCE: usize = 4;
/// A read that takes so long may have waited for a disk, or for the processor.
const SLOW: Duration = Duration::from_micros(100);
/// All readers work when so many more reads were slow than were not: then it is the disk. Twice as many are remembered.
const SLOW_READS: usize = 4;

type Ended = (JobId, Done);
type Task = (JobId, StoreJob);

/// A store with its threads. Dropping it ends them when what they have is done, and closes the store.
pub struct Stores {
    reads: Arc<Queue>,
    writes: Arc<Queue>,
    outbox: Arc<Outbox>,
    threads: Vec<JoinHandle<()>>,
}

impl Stores {
    /// Starts the threads, which wake the event loop when jobs have ended.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(store: &Arc<dyn Store>, waker: &Arc<Waker>) -> io::Result<Self> {
        let outbox = Arc::new(Outbox { ended: Mutex::default(), waker: waker.clone() });
        let reads = Arc::new(Queue::default());
        let writes = Arc::new(Queue::default());
        let mut threads = Vec::new();
        for number in 0..=READERS {
            let queue = if number == 0 { writes.clone() } else { reads.clone() };
            let name = if number == 0 { "store-write".to_owned() } else { format!("store-read-{number}") };
            let (store, outbox) = (store.clone(), outbox.clone());
            threads.push(
                thread::Builder::new().name(name).spawn(move || queue.carry_out_all(&*store, &outbox))?,
            );
        }
        Ok(Self { reads, writes, outbox, threads })
    }

    /// Hands a job over.
    pub fn send(&self, id: JobId, job: StoreJob) {
        match job {
            StoreJob::Write { .. } | StoreJob::Clear { .. } => self.writes.put((id, job)),
            StoreJob::Count | StoreJob::Sync | StoreJob::Read { .. } | StoreJob::Scan { .. } => {
                self.reads.put((id, job));
            }
        }
    }

    /// The jobs that have ended.
    pub fn poll(&self) -> Vec<Ended> {
        std::mem::take(&mut lock(&self.outbox.ended))
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        self.reads.close();
        self.writes.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where ended jobs go.
struct Outbox {
    ended: Mutex<Vec<Ended>>,
    waker: Arc<Waker>,
}

impl Outbox {
    fn send(&self, ended: &mut Vec<Ended>) {
        let mut all = lock(&self.ended);
        // Where there are others, the event loop was woken and has not looked yet.
        let first = all.is_empty();
        all.append(ended);
        drop(all);
        if first {
            let _ = self.waker.wake();
        }
    }
}

/// Jobs that wait for a thread.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Task>,
    /// Threads that stand still, and how many of these were called; threads that look for jobs or have one.
    idle: usize,
    called: usize,
    working: usize,
    /// How many more of the last reads were slow than were not.
    slow: usize,
    closed: bool,
}

impl Queue {
    fn put(&self, task: Task) {
        let long = matches!(task.1, StoreJob::Sync | StoreJob::Scan { .. });
        let mut state = lock(&self.state);
        state.jobs.push_back(task);
        let wanted = state.working + state.called == 0 || long || state.slow >= SLOW_READS;
        let call = wanted && state.idle > state.called;
        state.called += usize::from(call);
        drop(state);
        if call {
            self.more.notify_one();
        }
    }

    /// The next job; nothing where there is none, so that the thread tells of what it did before it waits for more.
    fn take(&self, last: Option<Duration>) -> Option<Task> {
        let mut state = lock(&self.state);
        match last {
            Some(last) if last > SLOW => state.slow = (state.slow + 1).min(2 * SLOW_READS),
            Some(_) => state.slow = state.slow.saturating_sub(1),
            None => {}
        }
        state.jobs.pop_front()
    }

    /// Waits for jobs; false: there will be none.
    fn wait(&self) -> bool {
        let mut state = lock(&self.state);
        state.working -= 1;
        while state.jobs.is_empty() && !state.closed {
            state.idle += 1;
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            state.called = state.called.saturating_sub(1);
        }
        state.working += 1;
        !state.jobs.is_empty()
    }

    fn close(&self) {
        lock(&self.state).closed = true;
        self.more.notify_all();
    }

    fn carry_out_all(&self, store: &dyn Store, outbox: &Outbox) {
        let mut ended = Vec::new();
        let mut last = None;
        lock(&self.state).working += 1;
        loop {
            while let Some((id, job)) = self.take(last.take()) {
                let is_read = matches!(job, StoreJob::Read { .. });
                let begun = Instant::now();
                ended.push((id, carry_out(store, job)));
                last = is_read.then(|| begun.elapsed());
                if !is_read || ended.len() >= TOLD_AT_ONCE || last.is_some_and(|last| last > SLOW) {
                    outbox.send(&mut ended);
                }
            }
            if !ended.is_empty() {
                outbox.send(&mut ended);
            }
            if !self.wait() {
                return;
            }
        }
    }
}

fn failure(error: &io::Error) -> JobError {
    JobError { missing: false, full: false, text: reason(error) }
}

fn carry_out(store: &dyn Store, job: StoreJob) -> Done {
    let outcome = match job {
        StoreJob::Count => store.counts().map(StoreDone::Counts),
        StoreJob::Read { db, key } => store.get(db, &key).map(StoreDone::Record),
        StoreJob::Write { batch, durable } => Ok(match store.write(&batch, durable) {
            Ok(counts) => StoreDone::Written { batch, counts },
            Err(error) => StoreDone::Unwritten { batch, error: failure(&error) },
        }),
        StoreJob::Sync => store.sync().map(|()| StoreDone::Finished),
        StoreJob::Scan { db, from, limit, record_bytes } => store
            .scan(Walk { db, from, limit, record_bytes })
            .map(|(entries, next)| StoreDone::Page { entries, next }),
        StoreJob::Clear { db } => store.clear(db).map(|()| StoreDone::Finished),
    };
    outcome.map_or_else(|error| Done::Failed(failure(&error)), Done::Store)
}

//! The threads that carry out the engine's jobs on a store: one for writes, in their order, others for reads and walks.

use super::{Store, Walk};
use crate::options::reason;
use mio::Waker;
use nuthatch_core::{Done, JobError, JobId, StoreDone, StoreJob};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Threads that read. A store that waits for a disk serves so many at once.
const READERS: usize = 4;
/// Where threads share one processor, the fewer run the better: another one is woken for each so many jobs that wait.
const JOBS_A_READER: usize = 8;
/// The most that the event loop stands still for the store at once, so that a dead disk does not stop the server.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

type Ended = (JobId, Done);
type Task = (JobId, StoreJob);

/// A store with its threads. Dropping it ends them when what they have is done, and closes the store.
pub struct Stores {
    reads: Arc<Queue>,
    writes: Arc<Queue>,
    done: Receiver<Ended>,
    woken: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Stores {
    /// Starts the threads, which wake the event loop when a job has ended.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(store: &Arc<dyn Store>, waker: &Arc<Waker>) -> io::Result<Self> {
        let (outbox, done) = channel();
        let woken = Arc::new(AtomicBool::new(false));
        let reads = Arc::new(Queue::default());
        let writes = Arc::new(Queue::default());
        let mut threads = Vec::new();
        for number in 0..=READERS {
            let queue = if number == 0 { writes.clone() } else { reads.clone() };
            let name = if number == 0 { "store-write".to_owned() } else { format!("store-read-{number}") };
            let end = Outbox { outbox: outbox.clone(), waker: waker.clone(), woken: woken.clone() };
            let store = store.clone();
            threads.push(thread::Builder::new().name(name).spawn(move || {
                while let Some((id, job)) = queue.take() {
                    end.send((id, carry_out(&*store, job)));
                }
            })?);
        }
        Ok(Self { reads, writes, done, woken, threads })
    }

    /// Hands a job over.
    pub fn send(&self, id: JobId, job: StoreJob) {
        match job {
            StoreJob::Write { .. } | StoreJob::Sync | StoreJob::Clear { .. } => self.writes.put((id, job)),
            StoreJob::Count | StoreJob::Read { .. } | StoreJob::Scan { .. } => self.reads.put((id, job)),
        }
    }

    /// A job that has ended.
    pub fn poll(&self) -> Option<Ended> {
        self.woken.store(false, Ordering::Release);
        self.done.try_recv().ok()
    }

    /// Waits for a job to end, for a bounded time.
    pub fn wait(&self) -> Option<Ended> {
        self.done.recv_timeout(LONGEST_WAIT).ok()
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

/// Where ended jobs go.
struct Outbox {
    outbox: Sender<Ended>,
    waker: Arc<Waker>,
    /// The event loop was woken and has not looked yet.
    woken: Arc<AtomicBool>,
}

impl Outbox {
    fn send(&self, ended: Ended) {
        // The server has gone when nobody takes it.
        let _ = self.outbox.send(ended);
        if !self.woken.swap(true, Ordering::AcqRel) {
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
    idle: usize,
    closed: bool,
}

impl Queue {
    fn put(&self, task: Task) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.jobs.push_back(task);
        let wanted = state.jobs.len() % JOBS_A_READER == 1;
        let wake = state.idle > 0 && wanted;
        drop(state);
        if wake {
            self.more.notify_one();
        }
    }

    fn take(&self) -> Option<Task> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(task) = state.jobs.pop_front() {
                return Some(task);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.more.notify_all();
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

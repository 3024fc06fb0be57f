//! The threads that carry out the engine's jobs on a store: one for writes, in their order, others for the rest.
//!
//! Waking a thread costs more than a read of what the operating system has in memory. So as long as reads are quick and the store
//! does nothing else, the thread that serves clients carries them out itself ([`Stores::help`]), and where there are several, and
//! more than one processor, so does a reader beside it. Else one reader does what there is; the others are woken
//! where reads take long, which is when a disk is waited for, or for jobs that are long by nature.
//!
//! A job may be of many records. One reader's ends at the first that takes long, so that nobody waits for what others need. Where a disk is
//! waited for, a job is shared by the readers.

use super::shared::{Shared, bytes_of};
use super::{Store, Walk, rests};
use crate::log;
use crate::options::reason;
use mio::Waker;
use nuthatch_core::{Done, JobError, JobId, StoreDone, StoreJob, StoreKey, StoreMemory, StoreRead};
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// Records that a job reads while reads are quick.
const READ_TOGETHER: usize = 16;
/// Records of a job that as many readers read where a disk is waited for, so that none stands still until the event loop has been round.
const READ_APART: usize = 4;
/// A read that takes longer may have waited for a disk; one of what is in memory takes a third of it.
const SUSPICIOUS: Duration = Duration::from_micros(20);
/// So many reads in a row must have been quick before the thread that serves clients carries out any.
const QUICK_READS: usize = 32;
/// A reader helps the thread that serves clients where so many reads wait for that, and there is a processor for it.
const WORTH_WAKING: usize = 4;
/// How often the store is asked what it holds in memory, and the system for how many processors there are.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// A disk is waited for where more than one read in so many is slow, and all readers work. So many slow ones tell, twice as many are
/// remembered.
const SLOW_SHARE: usize = 8;
const SLOW_READS: usize = 4 * SLOW_SHARE;

type Ended = (JobId, Done);

/// A job that waits for a thread.
struct Task {
    id: JobId,
    job: StoreJob,
    /// Where a database that is being cleared goes on.
    from: u64,
    /// The job of which this is a part.
    part_of: Option<Arc<Shared>>,
}

impl Task {
    /// How many records it reads; 0: it is of another kind.
    fn reads(&self) -> usize {
        match &self.job {
            StoreJob::Read { .. } => 1,
            StoreJob::ReadMany { keys, .. } => keys.len(),
            _ => 0,
        }
    }
}

/// How a job's reads went.
#[derive(Clone, Copy, Default)]
struct Pace {
    /// So many were quick.
    quick: usize,
    /// One more was not.
    slow: bool,
    /// It was a job of another kind.
    is_long: bool,
}

impl Pace {
    fn reads(self) -> usize {
        self.quick + usize::from(self.slow)
    }
}

/// A store with its threads. Dropping it ends them when what they have is done, and closes the store. A database that is being
/// cleared stays doomed: the next start goes on.
pub struct Stores {
    store: Arc<dyn Store>,
    reads: Arc<Queue>,
    writes: Arc<Queue>,
    outbox: Arc<Outbox>,
    threads: Vec<JoinHandle<()>>,
    /// Readers that were asked for.
    readers: usize,
    /// Processors, and when they were counted.
    processors: usize,
    counted: Instant,
}

impl Stores {
    /// Starts the threads, a reader for each of the jobs that may be under way; they wake the event loop when jobs have ended.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(store: &Arc<dyn Store>, waker: &Arc<Waker>, jobs: usize) -> io::Result<Self> {
        let outbox = Arc::new(Outbox {
            ended: Mutex::default(),
            waker: waker.clone(),
            looked: Mutex::new((Instant::now(), store.memory())),
        });
        let reads = Arc::new(Queue::default());
        let writes = Arc::new(Queue::default());
        let processors = processors();
        let counted = Instant::now();
        let (store, threads) = (store.clone(), Vec::new());
        let mut stores = Self { store, reads, writes, outbox, threads, readers: jobs, processors, counted };
        stores.start_thread("store-write".to_owned(), stores.writes.clone())?;
        stores.start_readers()?;
        Ok(stores)
    }

    fn start_thread(&mut self, name: String, queue: Arc<Queue>) -> io::Result<()> {
        let (store, outbox) = (self.store.clone(), self.outbox.clone());
        let thread =
            thread::Builder::new().name(name).spawn(move || queue.carry_out_all(&*store, &outbox))?;
        self.threads.push(thread);
        Ok(())
    }

    fn start_readers(&mut self) -> io::Result<()> {
        // One of the threads writes.
        for number in self.threads.len()..=self.readers {
            self.start_thread(format!("store-read-{number}"), self.reads.clone())?;
        }
        Ok(())
    }

    /// Sees to it that so many jobs that read can be under way.
    fn need_readers(&mut self, jobs: usize) {
        if jobs > self.readers {
            self.readers = jobs;
            if let Err(error) = self.start_readers() {
                let readers = self.threads.len() - 1;
                log::warning(&format!("The diskstore reads with {readers} threads, not {jobs}: {error}"));
            }
        }
    }

    /// Hands a job over. A read may wait for [`Stores::help`].
    pub fn send(&self, id: JobId, job: StoreJob) {
        let task = Task { id, job, from: 0, part_of: None };
        match task.job {
            StoreJob::Write { .. } | StoreJob::Clear { .. } => self.writes.put(task, true),
            StoreJob::ReadMany { keys, bytes } if self.reads.waits_for_disk() => {
                let shared = Arc::new(Shared::new(keys.len(), bytes));
                for key in keys {
                    let job = StoreJob::ReadMany { keys: vec![key], bytes };
                    self.reads.put(Task { id, job, from: 0, part_of: Some(shared.clone()) }, false);
                }
            }
            StoreJob::Read { .. } | StoreJob::ReadMany { .. } => self.reads.put(task, false),
            StoreJob::Count | StoreJob::Sync | StoreJob::Scan { .. } => self.reads.put(task, true),
        }
    }

    /// Carries out one of the jobs that wait and read, on this thread, where that is quick, and says how many records it read; else sees
    /// to it that others do. `None`: there is nothing to do here.
    pub fn help(&mut self) -> Option<(Ended, usize)> {
        let calm = || self.writes.is_idle() && self.store.is_calm();
        let task = self.reads.take_for_helper(self.processors, calm)?;
        self.glance();
        let (ended, pace) = carry_out(&*self.store, task).ok()?;
        self.reads.notice(pace);
        Some((ended?, pace.reads()))
    }

    /// Now and then sees what no reader may be awake to see.
    fn glance(&mut self) {
        if self.counted.elapsed() > BETWEEN_LOOKS {
            (self.processors, self.counted) = (processors(), Instant::now());
            self.outbox.look(&*self.store);
        }
    }

    /// The thread that serves clients has waited for them, not for a disk.
    pub fn begin_turn(&mut self, jobs: usize) {
        rests::forget();
        self.need_readers(jobs);
    }

    /// How many records a job should read now.
    pub fn read_together(&self) -> usize {
        if self.reads.waits_for_disk() { READ_APART } else { READ_TOGETHER }
    }

    /// What the store holds in memory, as of a second ago or so while it is used.
    pub fn memory(&self) -> StoreMemory {
        lock(&self.outbox.looked).1
    }

    /// The jobs that have ended.
    pub fn poll(&self) -> Vec<Ended> {
        mem::take(&mut lock(&self.outbox.ended))
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

/// How many processors this process may use now.
fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where ended jobs go.
struct Outbox {
    ended: Mutex<Vec<Ended>>,
    waker: Arc<Waker>,
    /// When the store was last asked what it holds, and its answer.
    looked: Mutex<(Instant, StoreMemory)>,
}

impl Outbox {
    fn send(&self, ended: Ended) {
        let mut all = lock(&self.ended);
        // Where there are others, the event loop was woken and has not looked yet.
        let first = all.is_empty();
        all.push(ended);
        drop(all);
        if first {
            let _ = self.waker.wake();
        }
    }

    /// Asks the store what it holds, if that was long ago.
    fn look(&self, store: &dyn Store) {
        let mut looked = lock(&self.looked);
        if looked.0.elapsed() > BETWEEN_LOOKS {
            // Others shall not wait for a store that is busy.
            looked.0 = Instant::now();
            drop(looked);
            let memory = store.memory();
            lock(&self.looked).1 = memory;
        }
    }
}

/// Jobs that wait for a thread.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Task>,
    /// Threads that stand still; the last one is called first, as what it used is still in the processor's caches.
    idle: Vec<Thread>,
    /// Threads that were called, look for jobs or have one.
    working: usize,
    /// Jobs that are no reads, here or with a thread.
    long: usize,
    /// [`SLOW_SHARE`] for each of the last reads that was slow, less one for each that was not; how many were quick since the last slow one.
    slow: usize,
    quick: usize,
    closed: bool,
}

impl Waiting {
    fn waits_for_disk(&self) -> bool {
        self.slow >= SLOW_READS
    }
}

impl Queue {
    /// Puts a job at the end, and calls a thread for it where `at_once`.
    fn put(&self, task: Task, at_once: bool) {
        let mut state = lock(&self.state);
        state.long += usize::from(task.reads() == 0);
        state.jobs.push_back(task);
        if at_once {
            self.call(state);
        }
    }

    /// What is left of a job waits behind the others, unless the store is to be closed.
    fn put_back(&self, rest: Task) {
        let mut state = lock(&self.state);
        if !state.closed {
            state.jobs.push_back(rest);
        }
    }

    /// Whether the last reads did.
    fn waits_for_disk(&self) -> bool {
        lock(&self.state).waits_for_disk()
    }

    /// Calls threads for the jobs that wait, where those that work are not enough: one for each long job, and one for all reads, unless a
    /// disk is waited for: then one for each.
    fn call(&self, mut state: MutexGuard<'_, Waiting>) {
        let wanted =
            if state.waits_for_disk() { state.jobs.len() } else { usize::from(state.working <= state.long) };
        let at = state.idle.len().saturating_sub(wanted);
        let called = state.idle.split_off(at);
        state.working += called.len();
        drop(state);
        called.iter().for_each(Thread::unpark);
    }

    /// The next job.
    fn take(&self) -> Option<Task> {
        lock(&self.state).jobs.pop_front()
    }

    /// The next read for a thread that has other things to do, if reads are quick, and nothing is in their way: no walk, no sync, and
    /// nothing that `calm` knows of.
    fn take_for_helper(&self, processors: usize, calm: impl FnOnce() -> bool) -> Option<Task> {
        let mut state = lock(&self.state);
        let first = state.jobs.front()?;
        let is_read = first.reads() > 0 && first.part_of.is_none();
        let helps = state.quick >= QUICK_READS && state.long == 0 && is_read && calm();
        if !helps {
            self.call(state);
            return None;
        }
        let task = state.jobs.pop_front();
        let waiting: usize = state.jobs.iter().map(Task::reads).sum();
        if processors > 1 && waiting >= WORTH_WAKING {
            self.call(state);
        }
        task
    }

    /// A job has ended. Told before its end is, as others may look at once.
    fn notice(&self, pace: Pace) {
        let mut state = lock(&self.state);
        state.long -= usize::from(pace.is_long);
        state.slow = state.slow.saturating_sub(pace.quick);
        state.quick = state.quick.saturating_add(pace.quick);
        if pace.slow {
            state.slow = (state.slow + SLOW_SHARE).min(2 * SLOW_READS);
            state.quick = 0;
        }
    }

    /// Whether nothing waits and nobody works.
    fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        state.jobs.is_empty() && state.working == 0
    }

    /// Waits for jobs; false: there will be none.
    fn wait(&self) -> bool {
        let this = thread::current();
        let mut state = lock(&self.state);
        while state.jobs.is_empty() {
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
            rests::forget();
        }
        true
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let called = mem::take(&mut state.idle);
        state.working += called.len();
        drop(state);
        called.iter().for_each(Thread::unpark);
    }

    fn carry_out_all(&self, store: &dyn Store, outbox: &Outbox) {
        lock(&self.state).working += 1;
        loop {
            while let Some(task) = self.take() {
                match carry_out(store, task) {
                    Ok((ended, pace)) => {
                        self.notice(pace);
                        ended.into_iter().for_each(|ended| outbox.send(ended));
                    }
                    Err(rest) => self.put_back(rest),
                }
            }
            outbox.look(store);
            if !self.wait() {
                return;
            }
        }
    }
}

fn failure(error: &io::Error) -> JobError {
    JobError { missing: false, full: false, text: reason(error) }
}

/// Reads a record, and notes whether a disk was waited for.
fn read(store: &dyn Store, db: u32, key: &[u8], pace: &mut Pace) -> io::Result<Option<Vec<u8>>> {
    let begun = Instant::now();
    let record = store.get(db, key);
    pace.slow = begun.elapsed() > SUSPICIOUS && rests::has_rested();
    pace.quick += usize::from(!pace.slow);
    record
}

/// Reads records up to the first that takes long, or until there are so many bytes.
fn read_many(store: &dyn Store, keys: Vec<StoreKey>, most: usize, pace: &mut Pace) -> StoreDone {
    let (mut keys, mut done, mut bytes) = (keys.into_iter(), Vec::new(), 0);
    for key in keys.by_ref() {
        let record = read(store, key.db, &key.key, pace).map_err(|error| failure(&error));
        let read = StoreRead { key, record };
        bytes += bytes_of(&read);
        done.push(read);
        if pace.slow || bytes >= most {
            break;
        }
    }
    StoreDone::Records { read: done, unread: keys.collect() }
}

/// Carries out a job, and says how its reads went; what is left of one that goes on in steps comes back. A part of a job has an end only where
/// it is the last.
fn carry_out(store: &dyn Store, task: Task) -> Result<(Option<Ended>, Pace), Task> {
    let mut pace = Pace { is_long: task.reads() == 0, ..Pace::default() };
    let part_of = task.part_of.as_deref();
    let outcome = match task.job {
        StoreJob::ReadMany { keys, .. } if part_of.is_some_and(Shared::is_full) => {
            Ok(StoreDone::Records { read: Vec::new(), unread: keys })
        }
        StoreJob::Count => store.counts().map(StoreDone::Counts),
        StoreJob::Read { db, key } => read(store, db, &key, &mut pace).map(StoreDone::Record),
        StoreJob::ReadMany { keys, bytes } => Ok(read_many(store, keys, bytes, &mut pace)),
        StoreJob::Write { batch, durable } => Ok(match store.write(&batch, durable) {
            Ok(counts) => StoreDone::Written { batch, counts },
            Err(error) => StoreDone::Unwritten { batch, error: failure(&error) },
        }),
        StoreJob::Sync => store.sync().map(|()| StoreDone::Finished),
        StoreJob::Scan { db, from, limit, record_bytes } => store
            .scan(Walk { db, from, limit, record_bytes })
            .map(|(entries, next)| StoreDone::Page { entries, next }),
        StoreJob::Clear { db } => match store.clear(db, task.from) {
            Ok(Some(from)) => return Err(Task { from, job: StoreJob::Clear { db }, ..task }),
            outcome => outcome.map(|_| StoreDone::Finished),
        },
    };
    let done = match (part_of, outcome) {
        (Some(shared), Ok(StoreDone::Records { read, unread })) => shared.join(read, unread),
        (_, outcome) => Some(outcome.map_or_else(|error| Done::Failed(failure(&error)), Done::Store)),
    };
    Ok((done.map(|done| (task.id, done)), pace))
}

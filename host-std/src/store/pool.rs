//! The threads that carry out the engine's jobs on a store: one for writes, in their order, others for the rest.
//!
//! Waking a thread costs more than a read of what the operating system has in memory. So as long as reads are quick and the store
//! does nothing else, the thread that serves clients carries them out itself ([`Stores::help`]), and where there are several, and
//! more than one processor, so does a reader beside it. Else one reader does what there is; the others are called
//! where a disk is waited for, or for jobs that are long by nature.
//!
//! A job may be of many records. One reader's ends at the first that waited for a disk, so that nobody waits for what others need. Where
//! reads do, a job is shared by the readers.

use super::queue::{Pace, Queue, Task};
use super::shared::{Shared, bytes_of};
use super::{Store, Walk, lock, rests};
use crate::log;
use crate::options::reason;
use mio::Waker;
use nuthatch_core::{Done, JobError, JobId, StoreDone, StoreJob, StoreKey, StoreMemory, StoreRead};
use std::io;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Records that a job reads while reads are quick.
const READ_TOGETHER: usize = 16;
/// Readers for what may be under way beside the jobs that are counted: a page of a snapshot, a sync.
const OTHERS: usize = 2;
/// A read that takes longer may have waited for a disk; one of a KiB that is in memory takes a third of it.
const SUSPICIOUS: Duration = Duration::from_micros(20);
/// How often the store is asked what it holds in memory, and the system for how many processors there are.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

type Ended = (JobId, Done);

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
    /// Since it last read, the thread that serves clients may have waited for them.
    has_waited: bool,
}

impl Stores {
    /// Starts the threads, a reader for each of so many jobs; they wake the event loop when jobs have ended.
    ///
    /// # Errors
    /// Those of starting a thread that writes and one that reads.
    pub fn start(store: &Arc<dyn Store>, waker: &Arc<Waker>, jobs: usize) -> io::Result<Self> {
        let outbox = Arc::new(Outbox {
            ended: Mutex::default(),
            waker: waker.clone(),
            looked: Mutex::new((Instant::now(), store.memory())),
        });
        let mut stores = Self {
            store: store.clone(),
            reads: Arc::new(Queue::default()),
            writes: Arc::new(Queue::default()),
            outbox,
            threads: Vec::new(),
            readers: 1,
            processors: processors(),
            counted: Instant::now(),
            has_waited: true,
        };
        stores.start_thread("store-write".to_owned(), stores.writes.clone())?;
        stores.start_readers()?;
        stores.need_readers(jobs + OTHERS);
        Ok(stores)
    }

    fn start_thread(&mut self, name: String, queue: Arc<Queue>) -> io::Result<()> {
        let (store, outbox) = (self.store.clone(), self.outbox.clone());
        let work = move || carry_out_all(&queue, &*store, &outbox);
        self.threads.push(thread::Builder::new().name(name).spawn(work)?);
        Ok(())
    }

    fn start_readers(&mut self) -> io::Result<()> {
        // One of the threads writes.
        for number in self.threads.len()..=self.readers {
            self.start_thread(format!("store-read-{number}"), self.reads.clone())?;
        }
        Ok(())
    }

    /// Sees to it that there are so many, as far as the system gives them.
    fn need_readers(&mut self, readers: usize) {
        if readers > self.readers {
            self.readers = readers;
            if let Err(error) = self.start_readers() {
                let there = self.threads.len() - 1;
                log::warning(&format!("The diskstore reads with {there} threads, not {readers}: {error}"));
            }
        }
    }

    /// Hands a job over. A read may wait for [`Stores::help`].
    pub fn send(&self, id: JobId, job: StoreJob) {
        match job {
            StoreJob::ReadMany { keys, bytes } if self.reads.reads_apart().is_some_and(|apart| apart > 1) => {
                let shared = Arc::new(Shared::new(id, keys.len(), bytes));
                self.reads.put(keys.into_iter().map(|key| Task::Part(shared.clone(), key)), false);
            }
            StoreJob::Read { .. } | StoreJob::ReadMany { .. } => {
                self.reads.put([Task::Whole(id, job, 0)], false);
            }
            StoreJob::Count | StoreJob::Sync | StoreJob::Scan { .. } => {
                self.reads.put([Task::Whole(id, job, 0)], true);
            }
            StoreJob::Write { .. } | StoreJob::Clear { .. } => {
                self.writes.put([Task::Whole(id, job, 0)], true);
            }
        }
    }

    /// Carries out one of the jobs that wait and read, on this thread, where that is quick, and says how many records it read; else sees
    /// to it that others do. `None`: there is nothing to do here.
    pub fn help(&mut self) -> Option<(Ended, usize)> {
        let mut reads = 0;
        loop {
            let calm = || self.writes.is_idle() && self.store.is_calm();
            let task = self.reads.take_for_helper(self.processors, calm)?;
            self.glance();
            if mem::take(&mut self.has_waited) {
                rests::forget();
            }
            let (ended, pace) = carry_out(&*self.store, task).ok()?;
            self.reads.notice(pace);
            reads += pace.reads();
            // A part of a job that is not its last has no end.
            if let Some(ended) = ended {
                return Some((ended, reads));
            }
        }
    }

    /// Now and then sees what no reader may be awake to see.
    fn glance(&mut self) {
        if self.counted.elapsed() > BETWEEN_LOOKS {
            (self.processors, self.counted) = (processors(), Instant::now());
            self.outbox.look(&*self.store);
        }
    }

    /// Tells that the event loop comes from waiting, and how many jobs may be under way.
    pub fn begin_turn(&mut self, jobs: usize) {
        self.has_waited = true;
        self.need_readers(jobs + OTHERS);
    }

    /// How many records a job should read now.
    pub fn read_together(&self) -> usize {
        self.reads.reads_apart().unwrap_or(READ_TOGETHER)
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
        self.store.close();
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

/// What a thread does.
fn carry_out_all(queue: &Queue, store: &dyn Store, outbox: &Outbox) {
    queue.begin();
    loop {
        rests::forget();
        while let Some(task) = queue.take() {
            match carry_out(store, task) {
                Ok((ended, pace)) => {
                    queue.notice(pace);
                    ended.into_iter().for_each(|ended| outbox.send(ended));
                }
                Err(rest) => queue.put_back(rest),
            }
        }
        outbox.look(store);
        if !queue.wait() {
            return;
        }
    }
}

fn failure(error: &io::Error) -> JobError {
    JobError { missing: false, full: false, text: reason(error) }
}

/// Reads a record, and notes how that went.
fn read(store: &dyn Store, db: u32, key: &[u8], pace: &mut Pace) -> io::Result<Option<Vec<u8>>> {
    let begun = Instant::now();
    let record = store.get(db, key);
    pace.slow = begun.elapsed() > SUSPICIOUS && rests::has_rested();
    pace.quick += usize::from(!pace.slow);
    pace.largest = pace.largest.max(bytes_of(&record));
    record
}

/// As [`read`], of a job of many.
fn read_one(store: &dyn Store, key: StoreKey, pace: &mut Pace) -> StoreRead {
    let record = read(store, key.db, &key.key, pace).map_err(|error| failure(&error));
    StoreRead { key, record }
}

/// Reads records up to the first that waited for a disk, or until there are so many bytes.
fn read_many(store: &dyn Store, keys: Vec<StoreKey>, most: usize, pace: &mut Pace) -> StoreDone {
    let (mut keys, mut done, mut bytes) = (keys.into_iter(), Vec::new(), 0);
    for key in keys.by_ref() {
        let read = read_one(store, key, pace);
        bytes += bytes_of(&read.record);
        done.push(read);
        if pace.slow || bytes >= most {
            break;
        }
    }
    StoreDone::Records { read: done, unread: keys.collect() }
}

/// Carries out a task, and says how its reads went; what is left of one that goes on in steps comes back. A part of a job has an end only
/// where it is the last.
fn carry_out(store: &dyn Store, task: Task) -> Result<(Option<Ended>, Pace), Task> {
    let mut pace = Pace { is_long: task.reads() == 0, ..Pace::default() };
    let ended = match task {
        Task::Part(shared, key) if shared.is_full() => shared.leave(key),
        Task::Part(shared, key) => shared.add(read_one(store, key, &mut pace)),
        Task::Whole(id, job, from) => Some((id, carry_out_whole(store, (id, job, from), &mut pace)?)),
    };
    Ok((ended, pace))
}

fn carry_out_whole(
    store: &dyn Store,
    (id, job, from): (JobId, StoreJob, u64),
    pace: &mut Pace,
) -> Result<Done, Task> {
    let outcome = match job {
        StoreJob::Count => store.counts().map(StoreDone::Counts),
        StoreJob::Read { db, key } => read(store, db, &key, pace).map(StoreDone::Record),
        StoreJob::ReadMany { keys, bytes } => Ok(read_many(store, keys, bytes, pace)),
        StoreJob::Write { batch, durable } => Ok(match store.write(&batch, durable) {
            Ok(counts) => StoreDone::Written { batch, counts },
            Err(error) => StoreDone::Unwritten { batch, error: failure(&error) },
        }),
        StoreJob::Sync => store.sync().map(|()| StoreDone::Finished),
        StoreJob::Scan { db, from, limit, record_bytes } => store
            .scan(Walk { db, from, limit, record_bytes })
            .map(|(entries, next)| StoreDone::Page { entries, next }),
        StoreJob::Clear { db } => match store.clear(db, from) {
            Ok(Some(next)) => return Err(Task::Whole(id, StoreJob::Clear { db }, next)),
            outcome => outcome.map(|_| StoreDone::Finished),
        },
    };
    Ok(outcome.map_or_else(|error| Done::Failed(failure(&error)), Done::Store))
}

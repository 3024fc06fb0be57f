//! What the engine asks of a host's files, and what comes of it.
//!
//! A host carries out the jobs of one engine in the order in which they came; those of a snapshot it may carry out beside
//! the others ([`Engine::is_of_snapshot`]). A job owns its buffer and its end gives it
//! back, so no borrow crosses the boundary: a worker thread, a promise and an interrupt all fit.

use super::Engine;
use super::journal::Step;
use super::parts::Parts;
use super::store::{StoreDone, StoreJob, StoreStep};
use crate::page::Device;
use crate::words::ordered::OrderedMap;
use crate::words::time::UnixMillis;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes for files that may wait in memory while clients are served.
const MOST_BEHIND: usize = 16 << 20;

/// Which job has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(u64);

/// Something to be done with a file. Names are relative to the configured `dir`.
#[derive(Debug)]
pub enum Job {
    /// Makes the file, empty; one of that name is emptied.
    Create {
        /// Its name.
        file: Vec<u8>,
    },
    /// Writes at the file's end.
    Append {
        /// Its name.
        file: Vec<u8>,
        /// What is written; the buffer comes back with [`Done::Appended`].
        bytes: Vec<u8>,
    },
    /// Makes durable what was appended. After a write or this has failed, the file takes neither until it is created or
    /// truncated: nothing is written behind a hole.
    Sync {
        /// Its name.
        file: Vec<u8>,
    },
    /// Opens a file to append to, makes it, and cuts it off or fills it up with zeros to this length.
    Truncate {
        /// Its name.
        file: Vec<u8>,
        /// Its length from now on, in bytes.
        len: u64,
    },
    /// Gives the file another name and makes that durable.
    Rename {
        /// Its name.
        file: Vec<u8>,
        /// The name that it gets.
        name: Vec<u8>,
    },
    /// Makes a folder, if it is not there, and makes that durable.
    Folder {
        /// Its name.
        name: Vec<u8>,
    },
    /// Makes durable what was appended, gives the file another name in place of whatever had it, and makes that durable.
    Publish {
        /// Its name.
        file: Vec<u8>,
        /// The name that it gets.
        name: Vec<u8>,
        /// The name that the file keeps which had that one, with more behind it where another file has that.
        keep: Option<Vec<u8>>,
    },
    /// Removes the file if it is there.
    Remove {
        /// Its name.
        file: Vec<u8>,
    },
    /// Writes pages of the page device. Jobs on pages may be carried out in any order and at once: the engine never reads
    /// what is still being written.
    PageWrite {
        /// Where the first page begins, in bytes.
        offset: u64,
        /// What is written; the buffer comes back with [`Done::Appended`].
        bytes: Vec<u8>,
    },
    /// Keeps the file open: [`Job::PageRead`] reads from it until it is forgotten, whatever becomes of its name.
    Keep {
        /// Its name.
        file: Vec<u8>,
        /// Which of two it is then.
        odd: bool,
    },
    /// Closes a kept file; nothing reads from it any more.
    Forget {
        /// Which of two.
        odd: bool,
    },
    /// Reads from the page device or the kept snapshot.
    PageRead {
        /// Which of them.
        from: Device,
        /// Where the part begins, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        len: usize,
        /// The buffer that is read into; it comes back with [`Done::Read`].
        into: Vec<u8>,
    },
    /// Reads a part.
    Read {
        /// Its name.
        file: Vec<u8>,
        /// Where the part begins, in bytes.
        offset: u64,
        /// How long it is, in bytes; only at the file's end may fewer come.
        len: usize,
        /// The buffer that is read into; it comes back with [`Done::Read`].
        into: Vec<u8>,
    },
    /// Something to be done with the store under diskstore; its rules are told there.
    Store(StoreJob),
}

/// What came of a job.
#[derive(Debug)]
pub enum Done {
    /// It is done; there is nothing to give back.
    Finished,
    /// It was appended; the buffer comes back.
    Appended(Vec<u8>),
    /// What was read.
    Read {
        /// The part, in the buffer that the job brought.
        bytes: Vec<u8>,
        /// How long the whole file is, in bytes.
        size: u64,
    },
    /// It was not appended, or not wholly; the buffer comes back.
    Refused {
        /// The buffer of [`Job::Append`].
        bytes: Vec<u8>,
        /// Why.
        error: JobError,
    },
    /// Of a job on the store.
    Store(StoreDone),
    /// It failed.
    Failed(JobError),
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    /// There is no file of that name.
    pub missing: bool,
    /// The device has no room; of [`Job::PageRead`], an arena has none for the value.
    pub full: bool,
    /// The reason, for the log.
    pub text: String,
}

impl core::fmt::Display for JobError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.text)
    }
}

impl core::error::Error for JobError {}

/// Whose job it is. The number tells a present undertaking from one that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Saving(u32),
    Loading(u32),
    /// Of the journal's files, by their generation.
    Journal(u32, Step),
    /// A batch of values on its way to the page device.
    PageOut(u32),
    /// A value on its way back.
    PageIn(u32),
    /// A snapshot that is to be kept open.
    Kept,
    /// A paged value for a snapshot.
    PageSave(u32, u32),
    /// Of the store under diskstore.
    Store(StoreStep),
    /// The texts of COMMAND DOCS.
    Docs,
    /// Nobody waits for its end.
    Nobody,
}

/// Jobs that wait for the host, and those that it has.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    next: u64,
    queue: VecDeque<(JobId, Job)>,
    open: OrderedMap<JobId, Owner>,
    /// How many of them are on pages.
    pages: usize,
}

fn is_on_pages(owner: Owner) -> bool {
    matches!(owner, Owner::PageOut(_) | Owner::PageIn(_) | Owner::PageSave(..))
}

impl Jobs {
    pub(super) fn push(&mut self, owner: Owner, job: Job) {
        let id = JobId(self.next);
        self.next += 1;
        self.queue.push_back((id, job));
        self.open.insert(id, owner);
        self.pages += usize::from(is_on_pages(owner));
    }

    fn close(&mut self, id: JobId) -> Owner {
        let owner = self.open.remove(&id).unwrap_or(Owner::Nobody);
        self.pages -= usize::from(is_on_pages(owner));
        owner
    }

    /// How many jobs on the page device have not ended.
    pub(super) fn open_pages(&self) -> usize {
        self.pages
    }
}

impl Engine {
    /// The next job for the host. What commands left for the journal becomes a job here, so a host asks once a turn,
    /// before it sends replies.
    pub fn poll_job(&mut self) -> Option<(JobId, Job)> {
        if let Some(journal) = self.parts.journal() {
            (journal.end_turn)(self);
        }
        if let Some(store) = self.parts.store() {
            (store.pump)(self);
        }
        self.jobs.queue.pop_front()
    }

    /// Whether so much waits to be written that the host should take no more from clients before a job on a file has
    /// ended: where a disk is slower than they are, memory must not make up for it.
    pub fn is_behind(&self) -> bool {
        self.journal_backlog() + self.snapshot_backlog() > MOST_BEHIND
    }

    /// Whether something waits for the job's end. If not, and all goes well, the host may tell of it when it comes by: a
    /// batch of the journal need not wake a loop that sleeps.
    pub fn awaits(&self, id: JobId) -> bool {
        let batch = matches!(self.jobs.open.get(&id), Some(Owner::Journal(_, Step::Append { .. })));
        !batch || self.server.persistence.aof.error.is_some()
    }

    /// Whether the job is a snapshot's, which may go on beside the others: of these alone the order counts.
    pub fn is_of_snapshot(&self, id: JobId) -> bool {
        matches!(self.jobs.open.get(&id), Some(Owner::Saving(_)))
    }

    /// Whether [`Engine::handle_timeout`] is going to take a step of something long: replies that are sent before it do not
    /// wait for it.
    pub fn has_long_work(&self) -> bool {
        self.data.snapshot.is_some() || self.moving.is_some()
    }

    /// Takes what came of a job. The work is bounded by the bytes that were read.
    pub fn handle_completion(&mut self, id: JobId, done: Done, now: UnixMillis) {
        self.now = now;
        let owner = self.jobs.close(id);
        self.give_to(owner, done);
        self.run_supplied();
        self.resume_sessions();
    }

    /// Runs the commands for which all that they waited for has come.
    pub(super) fn run_supplied(&mut self) {
        if let Some(store) = self.parts.store() {
            (store.run_ready)(self);
        } else if let Some(paging) = self.parts.paging() {
            (paging.run_ready)(self);
        } else if let Some(docs) = self.parts.docs {
            (docs.run_ready)(self);
        }
    }

    /// Hands what came of a job to its owner. A room that is not there has no jobs.
    fn give_to(&mut self, owner: Owner, done: Done) {
        let Parts { paging, snapshots, journal, store, .. } = self.parts;
        if let (Owner::Store(step), Some(part)) = (owner, store) {
            return (part.job_done)(self, step, done);
        }
        if let (Owner::Docs, Some(part)) = (owner, self.parts.docs) {
            return (part.job_done)(self, done);
        }
        match (owner, paging, snapshots, journal) {
            (Owner::PageOut(number), Some(part), ..) => {
                (part.page_out_done)(self, number, done);
                self.load_on();
            }
            (Owner::PageIn(number), Some(part), ..) => (part.page_in_done)(self, number, done),
            (Owner::Saving(serial), _, Some(part), _) => (part.job_done)(self, serial, done),
            (Owner::Loading(serial), _, Some(part), _) => (part.load_done)(self, serial, done),
            (Owner::Kept, _, Some(part), _) => (part.kept)(self, &done),
            (Owner::PageSave(serial, number), _, Some(part), _) => {
                (part.read_done)(self, serial, number, done);
            }
            (Owner::Journal(generation, step), _, _, Some(part)) => {
                (part.job_done)(self, generation, step, done);
            }
            _ => {}
        }
    }
    /// Values have left memory: a load that waited for room goes on.
    fn load_on(&mut self) {
        if !self.server.loading || self.is_pressed() {
            return;
        }
        if let Some(snapshots) = self.parts.snapshots() {
            (snapshots.load_more)(self);
        }
        if let Some(journal) = self.parts.journal() {
            (journal.load_on)(self);
        }
    }
}

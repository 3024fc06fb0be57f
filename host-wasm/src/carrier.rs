//! Carries out the engine's jobs as commits and reads of a store that JavaScript holds.

use crate::layout::{BROKEN, Directory, Extents, NO_FILE, Op, Span, Store};
use nuthatch_core::OrderedMap;
use nuthatch_core::{Device, Done, Job, JobError, JobId};
use std::collections::VecDeque;

/// A job on a file whose commit is on its way.
#[derive(Debug)]
struct Pending {
    id: JobId,
    file: Vec<u8>,
    /// What it appends; the engine wants the buffer back.
    bytes: Option<Vec<u8>>,
    refused: Option<&'static str>,
}

/// What a commit carries out.
#[derive(Debug)]
enum Flight {
    Files(Vec<Pending>),
    Pages(Vec<(JobId, Vec<u8>)>),
    /// Removals that no job waits for.
    Nothing,
}

/// Puts and deletes that reach the store in one transaction.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    pub(crate) serial: u32,
    pub(crate) ops: Vec<Op>,
}

/// A read that JavaScript carries out.
#[derive(Debug)]
pub(crate) struct Reading {
    job: JobId,
    pub(crate) store: Store,
    pub(crate) span: Span,
    pub(crate) len: usize,
    size: u64,
    into: Vec<u8>,
}

/// A job of the page device for a host that reads and writes bytes at offsets.
#[derive(Debug)]
pub(crate) struct PageJob {
    id: JobId,
    pub(crate) write: bool,
    pub(crate) offset: u64,
    pub(crate) len: usize,
    pub(crate) bytes: Vec<u8>,
}

/// Jobs on their way.
#[derive(Debug, Default)]
pub(crate) struct Carrier {
    /// The files as they will be when everything is committed, and as they are in the store.
    directory: Directory,
    durable: Directory,
    extents: Extents,
    files: VecDeque<(JobId, Job)>,
    page_writes: Vec<(JobId, u64, Vec<u8>)>,
    page_jobs: VecDeque<PageJob>,
    flights: OrderedMap<u32, Flight>,
    file_commit: Option<u32>,
    garbage: Vec<Op>,
    next: u32,
    readings: OrderedMap<u32, Reading>,
    to_read: VecDeque<u32>,
    /// Reads of files on their way, the oldest first, with what came of those that an older one holds up: the engine is
    /// given them in their order. No file changes meanwhile.
    file_reads: VecDeque<(u32, Option<(JobId, Done)>)>,
    ended: VecDeque<(JobId, Done)>,
    /// The page device takes bytes at offsets.
    pub(crate) raw_pages: bool,
    /// Runs of pages that were read and written since somebody asked.
    pub(crate) traffic: Vec<(u64, u64, bool)>,
}

/// The file of the package with the texts of COMMAND DOCS. Names of the engine's own files are relative, so none is this.
pub(crate) const DOCS: &str = "/docs.tsv";

/// Runs of pages that are remembered for a picture of the device.
const REMEMBERED: usize = 4096;

impl Carrier {
    /// Over a store with this directory and these chunks.
    pub(crate) fn new(record: &[u8], keys: &[f64], raw_pages: bool) -> Self {
        let mut garbage = vec![Op::Remove { store: Store::Pages, from: 0, to: u64::MAX >> 11 }];
        let directory = Directory::read(record, keys, &mut garbage);
        Self { durable: directory.clone(), directory, garbage, raw_pages, ..Self::default() }
    }

    pub(crate) fn tails(&self) -> Vec<f64> {
        self.directory.tails()
    }

    pub(crate) fn set_tail(&mut self, key: f64, bytes: &[u8]) {
        self.directory.set_tail(key, bytes);
        self.durable.set_tail(key, bytes);
    }

    /// Takes a job of the engine's.
    pub(crate) fn take(&mut self, id: JobId, job: Job) {
        match job {
            Job::PageWrite { offset, bytes } => self.page_write(id, offset, bytes),
            Job::PageRead { from, offset, len, into } => self.page_read(id, from, offset, len, into),
            Job::Read { file, into, .. } if file == DOCS.as_bytes() => {
                let span = Span { from: 0, to: 0, skip: 0 };
                self.read(Reading { job: id, store: Store::Package, span, len: 0, size: 0, into });
            }
            job => self.files.push_back((id, job)),
        }
    }

    /// Bytes that are to be appended to files and are not on their way yet.
    pub(crate) fn backlog(&self) -> usize {
        let bytes = self.files.iter().map(|(_, job)| match job {
            Job::Append { bytes, .. } => bytes.len(),
            _ => 0,
        });
        bytes.sum()
    }

    fn note(&mut self, offset: u64, len: usize, write: bool) {
        if self.traffic.len() < REMEMBERED {
            self.traffic.push((offset, len as u64, write));
        }
    }

    fn page_write(&mut self, id: JobId, offset: u64, bytes: Vec<u8>) {
        self.note(offset, bytes.len(), true);
        if self.raw_pages {
            let len = bytes.len();
            self.page_jobs.push_back(PageJob { id, write: true, offset, len, bytes });
        } else {
            self.page_writes.push((id, offset, bytes));
        }
    }

    fn page_read(&mut self, id: JobId, from: Device, offset: u64, len: usize, into: Vec<u8>) {
        let found = match from {
            Device::Pages => {
                self.note(offset, len, false);
                if self.raw_pages {
                    self.page_jobs.push_back(PageJob { id, write: false, offset, len, bytes: into });
                    return;
                }
                let found = self.extents.find(offset, len as u64);
                let span = |(key, skip): (u64, u64)| Span { from: key, to: key, skip: skip as usize };
                found.map(|at| (Store::Pages, span(at)))
            }
            Device::Snapshot { odd } => {
                self.directory.kept_part(odd, offset, len).map(|span| (Store::Chunks, span))
            }
        };
        match found {
            Some((store, span)) => drop(self.read(Reading { job: id, store, span, len, size: 0, into })),
            None => self.end(id, Done::Failed(error("it was never written", false))),
        }
    }

    fn read(&mut self, mut reading: Reading) -> u32 {
        reading.into.clear();
        let number = self.number();
        self.readings.insert(number, reading);
        self.to_read.push_back(number);
        number
    }

    fn number(&mut self) -> u32 {
        self.next = self.next.wrapping_add(1);
        self.next
    }

    fn end(&mut self, id: JobId, done: Done) {
        self.ended.push_back((id, done));
    }

    /// A job that has ended.
    pub(crate) fn poll_ended(&mut self) -> Option<(JobId, Done)> {
        self.ended.pop_front()
    }

    /// Whether jobs have ended.
    pub(crate) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// What is to be committed next. `with` adds to a commit that appends to a file.
    pub(crate) fn poll_commit(&mut self, with: impl FnOnce(&mut Vec<Op>)) -> Option<Commit> {
        if let Some(commit) = self.page_commit() {
            return Some(commit);
        }
        if self.file_commit.is_some() {
            return None;
        }
        let mut commit = Commit { serial: 0, ops: core::mem::take(&mut self.garbage) };
        let mut jobs = Vec::new();
        while let Some((id, job)) = self.files.pop_front() {
            match job {
                Job::Read { .. } if !jobs.is_empty() => {
                    self.files.push_front((id, job));
                    break;
                }
                Job::Read { file, offset, len, into } => self.read_file(id, &file, offset, len, into),
                job if !self.file_reads.is_empty() => {
                    self.files.push_front((id, job));
                    break;
                }
                job => jobs.push(self.apply(id, job, &mut commit.ops)),
            }
        }
        if jobs.is_empty() && commit.ops.is_empty() {
            return None;
        }
        if jobs.iter().any(|job| job.bytes.is_some()) {
            with(&mut commit.ops);
        }
        commit.serial = self.number();
        let flight = if jobs.is_empty() { Flight::Nothing } else { Flight::Files(jobs) };
        self.file_commit = Some(commit.serial);
        self.flights.insert(commit.serial, flight);
        Some(commit)
    }

    fn page_commit(&mut self) -> Option<Commit> {
        // What was there before the start goes first.
        if self.page_writes.is_empty() || !self.garbage.is_empty() {
            return None;
        }
        let (mut ops, mut jobs) = (Vec::new(), Vec::new());
        for (id, offset, bytes) in self.page_writes.drain(..) {
            self.extents.write(offset, bytes.clone(), &mut ops);
            jobs.push((id, bytes));
        }
        let serial = self.number();
        self.flights.insert(serial, Flight::Pages(jobs));
        Some(Commit { serial, ops })
    }

    fn read_file(&mut self, id: JobId, file: &[u8], offset: u64, len: usize, mut into: Vec<u8>) {
        match self.directory.part(file, offset, len) {
            None => self.file_read(Done::Failed(error(NO_FILE, true)), id),
            Some((None, size)) => {
                into.clear();
                self.file_read(Done::Read { bytes: into, size }, id);
            }
            Some((Some(span), size)) => {
                let len = len.min((size - offset) as usize);
                let number = self.read(Reading { job: id, store: Store::Chunks, span, len, size, into });
                self.file_reads.push_back((number, None));
            }
        }
    }

    /// A read that needs no device waits for those before it all the same.
    fn file_read(&mut self, done: Done, id: JobId) {
        self.file_reads.push_back((0, Some((id, done))));
        self.end_file_reads();
    }

    fn end_file_reads(&mut self) {
        while let Some((_, Some(_))) = self.file_reads.front() {
            self.ended.extend(self.file_reads.pop_front().and_then(|(_, done)| done));
        }
    }

    /// Does to the directory what a job asks for.
    fn apply(&mut self, id: JobId, job: Job, ops: &mut Vec<Op>) -> Pending {
        let (mut name, mut bytes) = (Vec::new(), None);
        let directory = &mut self.directory;
        let outcome = match job {
            Job::Create { file } => {
                directory.create(&file, ops);
                name = file;
                Ok(())
            }
            Job::Append { file, bytes: more } => {
                let outcome = directory.append(&file, &more, ops);
                (name, bytes) = (file, Some(more));
                outcome
            }
            Job::Sync { file } => {
                let outcome = directory.intact(&file);
                name = file;
                outcome
            }
            Job::Truncate { file, len } => {
                let outcome = directory.truncate(&file, len, ops);
                name = file;
                outcome
            }
            Job::Rename { file, name: to } => directory.rename(&file, &to, ops),
            Job::Publish { file, name: to, keep } => directory.intact(&file).and_then(|()| {
                if let Some(mut keep) = keep {
                    while directory.has(&keep) {
                        keep.extend_from_slice(b".1");
                    }
                    // It may be gone by now.
                    let _ = directory.rename(&to, &keep, ops);
                }
                directory.rename(&file, &to, ops)
            }),
            Job::Remove { file } => {
                directory.remove(&file, ops);
                Ok(())
            }
            Job::Keep { file, odd } => directory.keep(&file, odd),
            Job::Forget { odd } => {
                directory.forget(odd, ops);
                Ok(())
            }
            _ => Ok(()),
        };
        Pending { id, file: name, bytes, refused: outcome.err() }
    }

    /// The store has taken a commit, or has not: then the files are as they were.
    pub(crate) fn committed(&mut self, serial: u32, failure: Option<&str>) {
        if self.file_commit == Some(serial) {
            self.file_commit = None;
            match failure {
                None => self.durable = self.directory.clone(),
                Some(_) => self.directory = self.durable.clone(),
            }
        }
        match self.flights.remove(&serial) {
            Some(Flight::Files(jobs)) => {
                for job in jobs {
                    self.end_file_job(job, failure);
                }
            }
            Some(Flight::Pages(jobs)) => {
                for (id, bytes) in jobs {
                    self.end(id, page_written(bytes, failure));
                }
            }
            Some(Flight::Nothing) | None => {}
        }
    }

    fn end_file_job(&mut self, job: Pending, failure: Option<&str>) {
        let Pending { id, file, bytes, refused } = job;
        if failure.is_some() {
            self.directory.break_file(&file);
            self.durable.break_file(&file);
        }
        let done = match (failure.or(refused), bytes) {
            (None, None) => Done::Finished,
            (None, Some(bytes)) => Done::Appended(bytes),
            (Some(text), None) => Done::Failed(error(text, text == NO_FILE)),
            (Some(text), Some(bytes)) => Done::Refused { bytes, error: error(text, text == NO_FILE) },
        };
        debug_assert!(!matches!(refused, Some(BROKEN)) || !matches!(done, Done::Appended(_)));
        self.end(id, done);
    }

    /// A read for JavaScript to carry out, and its number.
    pub(crate) fn poll_read(&mut self) -> Option<(u32, &Reading)> {
        let number = self.to_read.pop_front()?;
        self.readings.get(&number).map(|reading| (number, reading))
    }

    /// A piece of what is read.
    pub(crate) fn read_part(&mut self, number: u32, bytes: &[u8]) {
        if let Some(reading) = self.readings.get_mut(&number) {
            reading.into.extend_from_slice(bytes);
        }
    }

    /// A read has ended.
    pub(crate) fn read_end(&mut self, number: u32, failure: Option<&str>) {
        let Some(reading) = self.readings.remove(&number) else { return };
        let Reading { job, len, size, into, .. } = reading;
        let done = match failure {
            Some(text) => Done::Failed(error(text, false)),
            None if into.len() < len => Done::Failed(error("a record is missing or too short", false)),
            None => Done::Read { bytes: into, size },
        };
        match self.file_reads.iter_mut().find(|(read, _)| *read == number) {
            Some((_, slot)) => *slot = Some((job, done)),
            None => self.end(job, done),
        }
        self.end_file_reads();
    }

    /// Where a file's chunks lie in the store (the first key and the last) and how long it is.
    pub(crate) fn file(&self, name: &[u8]) -> Option<(Span, u64)> {
        let (span, size) = self.durable.part(name, 0, usize::MAX >> 1)?;
        Some((span?, size))
    }

    /// Removes a file that is not the engine's any more.
    pub(crate) fn remove_file(&mut self, name: &[u8]) {
        self.directory.remove(name, &mut self.garbage);
    }

    /// A job of a page device that takes bytes at offsets.
    pub(crate) fn poll_page_job(&mut self) -> Option<PageJob> {
        self.page_jobs.pop_front()
    }

    /// Such a job has ended; the buffer of a read holds what was read.
    pub(crate) fn page_job_done(&mut self, job: PageJob, failure: Option<&str>) {
        let PageJob { id, write, bytes, .. } = job;
        let done = match failure {
            _ if write => page_written(bytes, failure),
            None => Done::Read { bytes, size: 0 },
            Some(text) => Done::Failed(error(text, false)),
        };
        self.end(id, done);
    }
}

fn page_written(bytes: Vec<u8>, failure: Option<&str>) -> Done {
    match failure {
        None => Done::Appended(bytes),
        Some(text) => Done::Refused { bytes, error: error(text, false) },
    }
}

fn error(text: &str, missing: bool) -> JobError {
    JobError { missing, full: false, text: text.to_owned() }
}

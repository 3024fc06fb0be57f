//! The page device: a swap file, and the threads that read and write it.

mod ring;
mod swap_file;

use crate::worker::explain;
use mio::Waker;
use nuthatch_core::{Device, Done, Job, JobId};
use ring::{Read, Ring};
use rustix::io::{ReadWriteFlags, preadv2};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, IoSliceMut};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub use swap_file::{OldFile, open};

/// The most that the event loop stands still for the device at once, so that a dead disk does not stop the server.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Longer parts are read by a thread: the ring's are copied by the event loop.
pub const LONGEST_IN_RING: usize = 64 << 10;

type Ended = (JobId, Done);

/// What carries out jobs on the device: a ring for reads, where the kernel has one, and threads for the rest; or no threads
/// (`vm-max-threads 0`): then the event loop waits for each turn's jobs.
#[derive(Debug)]
pub struct Pages {
    files: Arc<Files>,
    ring: Option<Ring>,
    misses: Misses,
    counts: Arc<Counts>,
    jobs: Option<Sender<(JobId, Job)>>,
    done: Receiver<Ended>,
    /// The event loop was woken and has not looked yet.
    woken: Arc<AtomicBool>,
}

impl Pages {
    /// Starts `threads` threads, which wake the event loop when a job has ended.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(file: File, threads: usize, waker: &Arc<Waker>) -> io::Result<Self> {
        let files = Arc::new(Files { pages: Arc::new(file), kept: Mutex::default() });
        let counts = Arc::new(Counts::default());
        let (outbox, done) = channel();
        let woken = Arc::new(AtomicBool::new(false));
        let mut jobs = None;
        if threads > 0 {
            let (sender, inbox) = channel::<(JobId, Job)>();
            let inbox = Arc::new(Mutex::new(inbox));
            for number in 0..threads {
                let (files, counts) = (files.clone(), counts.clone());
                let (inbox, outbox) = (inbox.clone(), outbox.clone());
                let (waker, woken) = (waker.clone(), woken.clone());
                thread::Builder::new().name(format!("pages-{number}")).spawn(move || {
                    serve(&files, &counts, &inbox, |ended| {
                        let open = outbox.send(ended).is_ok();
                        if !woken.swap(true, Ordering::AcqRel) {
                            let _ = waker.wake();
                        }
                        open
                    });
                })?;
            }
            jobs = Some(sender);
        }
        Ok(Self { files, ring: Ring::new(), misses: Misses::default(), counts, jobs, done, woken })
    }

    /// What becomes readable when reads have ended of which nobody wakes the event loop.
    pub fn number(&self) -> Option<RawFd> {
        self.ring.as_ref().map(Ring::number)
    }

    /// Takes a job, or carries it out; what came of it, if it has ended at once. [`poll`](Self::poll) sets those going that
    /// were taken.
    pub fn send(&mut self, id: JobId, job: Job) -> Option<Done> {
        let job = match job {
            Job::PageRead { from, offset, len, into } => match self.read(id, from, offset, len, into) {
                Ok(ended) => return ended,
                Err(into) => Job::PageRead { from, offset, len, into },
            },
            job => job,
        };
        // What follows a file that is opened or closed reads from it.
        let at_once = matches!(job, Job::Keep { .. } | Job::Forget { .. });
        match &self.jobs {
            Some(jobs) if !at_once => {
                // Only after a panic is there nobody to take it, and that ends the process.
                let _ = jobs.send((id, job));
                None
            }
            _ => Some(carry_out(&self.files, job)),
        }
    }

    /// Reads what the operating system has in memory, or has the ring read it; gives the buffer back where a thread should.
    fn read(
        &mut self,
        id: JobId,
        from: Device,
        offset: u64,
        len: usize,
        mut into: Vec<u8>,
    ) -> Result<Option<Done>, Vec<u8>> {
        let Ok(file) = self.files.of(from) else { return Err(into) };
        into.resize(len, 0);
        let waits = self.jobs.is_none() && self.ring.is_none();
        if !waits && self.misses.is_worth_a_look() {
            let there = read_cached(&file, offset, &mut into);
            self.misses.note(there);
            if there {
                return Ok(Some(Done::Read { bytes: into, size: 0 }));
            }
        }
        let Some(ring) = self.ring.as_mut().filter(|_| len <= LONGEST_IN_RING) else { return Err(into) };
        ring.push(Read { id, file, offset, bytes: into }).map(|()| None).map_err(|read| read.bytes)
    }

    /// How many jobs are being carried out, and how many have ended and were not taken yet.
    pub fn counts(&self) -> (usize, usize) {
        let reads = self.ring.as_ref().map_or(0, Ring::open);
        (reads + self.counts.running.load(Ordering::Relaxed), self.counts.ended.load(Ordering::Relaxed))
    }

    /// A job that has ended. Without threads this waits for one, if any is on its way.
    pub fn poll(&mut self) -> Option<Ended> {
        let read = self.read_ended(self.jobs.is_none());
        if read.is_some() {
            return read;
        }
        self.woken.store(false, Ordering::Release);
        self.done.try_recv().ok().inspect(|_| self.counts.take())
    }

    /// Waits for a job to end, for a bounded time.
    pub fn wait(&mut self) -> Option<Ended> {
        let read = self.read_ended(false);
        read.or_else(|| self.done.recv_timeout(LONGEST_WAIT).ok().inspect(|_| self.counts.take()))
    }

    /// A read of the ring's that has ended. `wait`: waits for one, if any is on its way.
    fn read_ended(&mut self, wait: bool) -> Option<Ended> {
        self.ring.as_mut()?.poll(wait).map(|(read, whole)| ended(read, whole))
    }
}

/// Whether what is asked for is in the operating system's memory, as the last reads found it: where it is not, looking first
/// is a call in vain.
#[derive(Debug, Default)]
struct Misses {
    in_a_row: u32,
    skipped: u32,
}

impl Misses {
    /// After so many misses in a row only one read in as many is looked up.
    const MANY: u32 = 8;

    fn is_worth_a_look(&mut self) -> bool {
        self.skipped += 1;
        if self.in_a_row < Self::MANY || self.skipped >= Self::MANY {
            self.skipped = 0;
            return true;
        }
        false
    }

    fn note(&mut self, there: bool) {
        self.in_a_row = if there { 0 } else { self.in_a_row + 1 };
    }
}

/// Jobs of the threads, counted for INFO.
#[derive(Debug, Default)]
struct Counts {
    running: AtomicUsize,
    ended: AtomicUsize,
}

impl Counts {
    fn begin(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    fn end(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) {
        self.ended.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a thread does: one job after another.
fn serve(
    files: &Files,
    counts: &Counts,
    inbox: &Mutex<Receiver<(JobId, Job)>>,
    ended: impl Fn(Ended) -> bool,
) {
    loop {
        let next = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((id, job)) = next else { return };
        counts.begin();
        let done = carry_out(files, job);
        counts.end();
        if !ended((id, done)) {
            return;
        }
    }
}

/// What is read from.
#[derive(Debug)]
struct Files {
    /// The swap file.
    pages: Arc<File>,
    /// The snapshot that was loaded at the start.
    kept: Mutex<[Option<Arc<File>>; 2]>,
}

impl Files {
    fn of(&self, device: Device) -> io::Result<Arc<File>> {
        match device {
            Device::Pages => Ok(self.pages.clone()),
            Device::Snapshot { odd } => {
                let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept[usize::from(odd)].clone().ok_or_else(|| ErrorKind::NotFound.into())
            }
        }
    }

    fn keep(&self, name: &[u8], odd: bool) -> io::Result<()> {
        let file = File::open(Path::new(OsStr::from_bytes(name)))?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(odd)] = Some(Arc::new(file));
        Ok(())
    }

    fn forget(&self, odd: bool) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(odd)] = None;
    }
}

/// Reads what the operating system has in memory; false where a thread or the ring has to wait for the disk.
fn read_cached(file: &File, offset: u64, into: &mut [u8]) -> bool {
    let len = into.len();
    preadv2(file, &mut [IoSliceMut::new(into)], offset, ReadWriteFlags::NOWAIT) == Ok(len)
}

/// What came of a read of the ring's; one that it could not do whole is tried once more, which tells why.
fn ended(read: Read, whole: bool) -> Ended {
    let Read { id, file, offset, mut bytes } = read;
    match if whole { Ok(()) } else { file.read_exact_at(&mut bytes, offset) } {
        Ok(()) => (id, Done::Read { bytes, size: 0 }),
        Err(error) => (id, Done::Failed(explain(&error))),
    }
}

fn carry_out(files: &Files, job: Job) -> Done {
    let outcome = match job {
        Job::PageWrite { offset, bytes } => {
            files.pages.write_all_at(&bytes, offset).map(|()| Done::Appended(bytes))
        }
        Job::PageRead { from, offset, len, mut into } => {
            into.resize(len, 0);
            let read = files.of(from).and_then(|file| file.read_exact_at(&mut into, offset));
            read.map(|()| Done::Read { bytes: into, size: 0 })
        }
        Job::Keep { file, odd } => files.keep(&file, odd).map(|()| Done::Finished),
        Job::Forget { odd } => {
            files.forget(odd);
            Ok(Done::Finished)
        }
        _ => Err(ErrorKind::Unsupported.into()),
    };
    outcome.unwrap_or_else(|error| Done::Failed(explain(&error)))
}

//! The page device: a swap file, and the threads that read and write it.

use crate::options::reason;
use mio::Waker;
use nuthatch_core::{Config, Device, Done, Job, JobError, JobId};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{ReadWriteFlags, preadv2};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSliceMut};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The most that the event loop stands still for the device at once, so that a dead disk does not stop the server.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Opens the swap file, empty, and locks it against a second server.
///
/// # Errors
/// One line that names the file and what is wrong.
pub fn open(config: &Config) -> Result<File, String> {
    let path = Path::new(OsStr::from_bytes(&config.vm_swap_file));
    let named = |what: &str| format!("Can't use the swap file '{}': {what}", path.display());
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| named(&reason(&error)))?;
    if !file.metadata().map_err(|error| named(&reason(&error)))?.is_file() {
        return Err(named("it is not a regular file; set vm-swap-file to another path, or vm-enabled no"));
    }
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| named("another server has it locked; give each server its own vm-swap-file"))?;
    file.set_len(0).map_err(|error| named(&reason(&error)))?;
    Ok(file)
}

type Ended = (JobId, Done);

/// The threads of the device, or none where jobs are carried out at once (`vm-max-threads 0`).
#[derive(Debug)]
pub struct Pages {
    files: Arc<Files>,
    jobs: Option<Sender<(JobId, Job)>>,
    outbox: Sender<Ended>,
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
        let (outbox, done) = channel();
        let woken = Arc::new(AtomicBool::new(false));
        let mut jobs = None;
        if threads > 0 {
            let (sender, inbox) = channel::<(JobId, Job)>();
            let inbox = Arc::new(Mutex::new(inbox));
            for number in 0..threads {
                let (files, inbox, outbox) = (files.clone(), inbox.clone(), outbox.clone());
                let (waker, woken) = (waker.clone(), woken.clone());
                thread::Builder::new().name(format!("pages-{number}")).spawn(move || {
                    serve(&files, &inbox, |ended| {
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
        Ok(Self { files, jobs, outbox, done, woken })
    }

    /// Hands a job over, or carries it out.
    pub fn send(&self, id: JobId, job: Job) {
        match &self.jobs {
            Some(jobs) => {
                let job = match job {
                    Job::PageRead { from, offset, len, into } => {
                        match self.files.read_cached(from, offset, len, into) {
                            Ok(bytes) => {
                                let _ = self.outbox.send((id, Done::Read { bytes, size: 0 }));
                                return;
                            }
                            Err(into) => Job::PageRead { from, offset, len, into },
                        }
                    }
                    // What follows reads from it.
                    job @ (Job::Keep { .. } | Job::Forget { .. }) => {
                        let _ = self.outbox.send((id, carry_out(&self.files, job)));
                        return;
                    }
                    job => job,
                };
                let _ = jobs.send((id, job));
            }
            None => {
                let _ = self.outbox.send((id, carry_out(&self.files, job)));
            }
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

fn serve(files: &Files, inbox: &Mutex<Receiver<(JobId, Job)>>, ended: impl Fn(Ended) -> bool) {
    loop {
        let next = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((id, job)) = next else { return };
        if !ended((id, carry_out(files, job))) {
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

    /// Reads what the operating system has in memory, or gives the buffer back: then a thread has to wait for the disk.
    fn read_cached(
        &self,
        from: Device,
        offset: u64,
        len: usize,
        mut into: Vec<u8>,
    ) -> Result<Vec<u8>, Vec<u8>> {
        into.resize(len, 0);
        let Ok(file) = self.of(from) else { return Err(into) };
        let whole = preadv2(&file, &mut [IoSliceMut::new(&mut into)], offset, ReadWriteFlags::NOWAIT);
        if whole == Ok(len) { Ok(into) } else { Err(into) }
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
    outcome.unwrap_or_else(|error| Done::Failed(JobError { missing: false, text: reason(&error) }))
}

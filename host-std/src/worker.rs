//! The threads that carry out the engine's jobs on files: one those of the journal and all else, one after another; one
//! those of snapshots, whose fsyncs take long.

use crate::options::reason;
use mio::Waker;
use nuthatch_core::{Done, Job, JobError, JobId, ORIGINAL_SUFFIX};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// The most that the event loop stands still for the disk at once.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// A snapshot is made durable after each so many bytes: a fsync of all of it at its end would hold up others' by seconds.
const DURABLE_STEP: usize = 8 << 20;

/// Bytes of a thread's stack: little, for under a limit of address space each counts.
const STACK: usize = 256 << 10;

/// A job, and whether the event loop is woken when it has ended well.
type Order = (JobId, Job, bool);

/// The engine's side of the threads.
#[derive(Debug)]
pub struct Worker {
    jobs: Sender<Order>,
    snapshots: Sender<Order>,
    done: Receiver<(JobId, Done)>,
}

impl Worker {
    /// Starts the threads; they wake the event loop after each job that it waits for, and after each that fails.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(waker: &Arc<Waker>) -> io::Result<Self> {
        let (outbox, done) = channel();
        let jobs = work("files", Files::default(), outbox.clone(), waker)?;
        let of_snapshots = Files { durable_step: Some(DURABLE_STEP), ..Files::default() };
        let snapshots = work("snapshots", of_snapshots, outbox, waker)?;
        Ok(Self { jobs, snapshots, done })
    }

    /// Hands a job over; `awaited`: the event loop is woken when it has ended.
    pub fn send(&self, id: JobId, job: Job, awaited: bool, of_snapshot: bool) {
        let jobs = if of_snapshot { &self.snapshots } else { &self.jobs };
        // Only after a panic is there nobody to take it, and that ends the process.
        let _ = jobs.send((id, job, awaited));
    }

    /// Waits for a job to end, for a bounded time.
    pub fn wait(&self) -> Option<(JobId, Done)> {
        self.done.recv_timeout(LONGEST_WAIT).ok()
    }

    /// A job that has ended.
    pub fn poll(&self) -> Option<(JobId, Done)> {
        self.done.try_recv().ok()
    }
}

/// Starts a thread that carries out what is sent to it.
fn work(
    name: &str,
    mut files: Files,
    outbox: Sender<(JobId, Done)>,
    waker: &Arc<Waker>,
) -> io::Result<Sender<Order>> {
    let (jobs, inbox) = channel::<Order>();
    let waker = waker.clone();
    thread::Builder::new().name(name.into()).stack_size(STACK).spawn(move || {
        for (id, job, awaited) in inbox {
            let done = files.carry_out(job);
            let wakes = awaited || !matches!(done, Done::Appended(_));
            if outbox.send((id, done)).is_err() {
                break;
            }
            if wakes {
                let _ = waker.wake();
            }
        }
    })?;
    Ok(jobs)
}

/// The files that are open, by name.
#[derive(Debug, Default)]
struct Files {
    written: HashMap<Vec<u8>, File>,
    /// Files on which a write or a fsync has failed, and why.
    broken: HashMap<Vec<u8>, (ErrorKind, String)>,
    read: HashMap<Vec<u8>, File>,
    /// After how many bytes what was appended is made durable unasked.
    durable_step: Option<usize>,
    /// Bytes since then.
    since: usize,
}

fn path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

/// A failure as the engine hears of it.
pub fn explain(error: &io::Error) -> JobError {
    let full =
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge);
    JobError { missing: error.kind() == ErrorKind::NotFound, full, text: reason(error) }
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn rename(file: &[u8], name: &[u8]) -> io::Result<()> {
    fs::rename(path(file), path(name))?;
    sync_folder(path(name))?;
    if path(file).parent() == path(name).parent() { Ok(()) } else { sync_folder(path(file)) }
}

/// Gives a file that is there a second name, or the first free one that begins with it; on a disk that has none a copy gets it.
fn link(file: &[u8], name: &[u8]) -> io::Result<()> {
    if !fs::exists(path(file))? {
        return Ok(());
    }
    let mut second = name.to_vec();
    for number in 1.. {
        match fs::metadata(path(&second)) {
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            // It has that name since an attempt that failed later.
            Ok(found) if is_same(&found, &fs::metadata(path(file))?) => return Ok(()),
            found => found?,
        };
        second = [name, format!(".{number}").as_bytes()].concat();
    }
    if fs::hard_link(path(file), path(&second)).is_ok() {
        return Ok(());
    }
    let copied = fs::copy(path(file), path(&second)).and_then(|_| File::open(path(&second))?.sync_all());
    if copied.is_err() {
        let _ = fs::remove_file(path(&second));
    }
    copied
}

fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Keeps the file under a second name whatever takes its own.
///
/// # Errors
/// Those of the file system.
pub fn keep(file: &[u8]) -> io::Result<()> {
    let second = [file, ORIGINAL_SUFFIX].concat();
    link(file, &second)?;
    sync_folder(path(&second))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    sync_folder(folder)
}

impl Files {
    fn carry_out(&mut self, job: Job) -> Done {
        let outcome = match job {
            Job::Create { file } => self.create(file),
            Job::Append { file, bytes } => return self.append(&file, bytes),
            Job::Sync { file } => self.sync(&file),
            Job::Truncate { file, len } => self.truncate(file, len),
            Job::Rename { file, name } => rename(&file, &name).map(|()| Done::Finished),
            Job::Folder { name } => make_folder(path(&name)).map(|()| Done::Finished),
            Job::Publish { file, name, keep } => self.publish(&file, &name, keep.as_deref()),
            Job::Remove { file } => self.remove(&file),
            Job::Read { file, offset, len, into } => self.read(&file, offset, len, into),
            // The page device and the store have threads of their own; without them the engine has no such jobs.
            Job::PageWrite { .. }
            | Job::PageRead { .. }
            | Job::Keep { .. }
            | Job::Forget { .. }
            | Job::Store(_) => Err(ErrorKind::Unsupported.into()),
        };
        outcome.unwrap_or_else(|error| Done::Failed(explain(&error)))
    }

    fn create(&mut self, name: Vec<u8>) -> io::Result<Done> {
        let file = File::create(path(&name))?;
        self.broken.remove(&name);
        self.written.insert(name, file);
        Ok(Done::Finished)
    }

    fn truncate(&mut self, name: Vec<u8>, len: u64) -> io::Result<Done> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path(&name))?;
        file.set_len(len)?;
        file.seek(SeekFrom::Start(len))?;
        self.broken.remove(&name);
        self.written.insert(name, file);
        Ok(Done::Finished)
    }

    /// The file, unless something has failed on it.
    fn intact(&mut self, name: &[u8]) -> io::Result<&mut File> {
        if let Some((kind, text)) = self.broken.get(name) {
            return Err(io::Error::new(*kind, text.clone()));
        }
        self.written.get_mut(name).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn note_failure(&mut self, name: &[u8], error: &io::Error) {
        self.broken.entry(name.to_vec()).or_insert_with(|| (error.kind(), reason(error)));
    }

    fn sync(&mut self, name: &[u8]) -> io::Result<Done> {
        let outcome = self.intact(name).and_then(|file| file.sync_data());
        outcome.inspect_err(|error| self.note_failure(name, error)).map(|()| Done::Finished)
    }

    fn append(&mut self, name: &[u8], bytes: Vec<u8>) -> Done {
        self.since += bytes.len();
        let durable = self.durable_step.is_some_and(|step| self.since >= step);
        if durable {
            self.since = 0;
        }
        let outcome = self.intact(name).and_then(|file| {
            file.write_all(&bytes)?;
            if durable { file.sync_data() } else { Ok(()) }
        });
        match outcome {
            Ok(()) => Done::Appended(bytes),
            Err(error) => {
                self.note_failure(name, &error);
                Done::Refused { bytes, error: explain(&error) }
            }
        }
    }

    fn publish(&mut self, name: &[u8], to: &[u8], keep: Option<&[u8]>) -> io::Result<Done> {
        self.intact(name)?.sync_all()?;
        self.written.remove(name);
        if let Some(keep) = keep {
            link(to, keep)?;
        }
        // What the new file names must not be missing behind it.
        sync_folder(path(to))?;
        rename(name, to)?;
        Ok(Done::Finished)
    }

    fn remove(&mut self, name: &[u8]) -> io::Result<Done> {
        self.written.remove(name);
        self.broken.remove(name);
        match fs::remove_file(path(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(Done::Finished),
        }
    }

    fn read(&mut self, name: &[u8], offset: u64, len: usize, mut into: Vec<u8>) -> io::Result<Done> {
        if offset == 0 {
            self.read.remove(name);
        }
        if !self.read.contains_key(name) {
            let file = File::open(path(name))?;
            self.read.insert(name.to_vec(), file);
        }
        let Some(file) = self.read.get(name) else { return Err(ErrorKind::NotFound.into()) };
        let size = file.metadata()?.len();
        into.resize(len, 0);
        let mut filled = 0;
        while filled < len {
            match file.read_at(&mut into[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        into.truncate(filled);
        if filled < len {
            self.read.remove(name);
        }
        Ok(Done::Read { bytes: into, size })
    }
}

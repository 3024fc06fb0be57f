//! The thread that carries out the engine's jobs on files, one after another.

use crate::options::reason;
use mio::Waker;
use nuthatch_core::{Done, Job, JobError, JobId};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// The engine's side of the thread.
#[derive(Debug)]
pub struct Worker {
    jobs: Sender<(JobId, Job)>,
    done: Receiver<(JobId, Done)>,
}

impl Worker {
    /// Starts the thread; it wakes the event loop after each job.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(waker: Arc<Waker>) -> io::Result<Self> {
        let (jobs, inbox) = channel::<(JobId, Job)>();
        let (outbox, done) = channel();
        thread::Builder::new().name("files".into()).spawn(move || {
            let mut files = Files::default();
            for (id, job) in inbox {
                if outbox.send((id, files.carry_out(job))).is_err() {
                    break;
                }
                let _ = waker.wake();
            }
        })?;
        Ok(Self { jobs, done })
    }

    /// Hands a job over.
    pub fn send(&self, id: JobId, job: Job) {
        // Only after a panic is there nobody to take it, and that ends the process.
        let _ = self.jobs.send((id, job));
    }

    /// A job that has ended.
    pub fn poll(&self) -> Option<(JobId, Done)> {
        self.done.try_recv().ok()
    }
}

/// The files that are open, by name.
#[derive(Debug, Default)]
struct Files {
    written: HashMap<Vec<u8>, File>,
    read: HashMap<Vec<u8>, File>,
}

fn path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

impl Files {
    fn carry_out(&mut self, job: Job) -> Done {
        let outcome = match job {
            Job::Create { file } => self.create(file),
            Job::Append { file, bytes } => self.append(&file, bytes),
            Job::Publish { file, name } => self.publish(&file, &name),
            Job::Remove { file } => self.remove(&file),
            Job::Read { file, offset, len, into } => self.read(&file, offset, len, into),
            // The page device has threads of its own; without one the engine has no such jobs.
            Job::PageWrite { .. } | Job::PageRead { .. } => Err(ErrorKind::Unsupported.into()),
        };
        outcome.unwrap_or_else(|error| {
            Done::Failed(JobError { missing: error.kind() == ErrorKind::NotFound, text: reason(&error) })
        })
    }

    fn create(&mut self, name: Vec<u8>) -> io::Result<Done> {
        let file = File::create(path(&name))?;
        self.written.insert(name, file);
        Ok(Done::Finished)
    }

    fn append(&mut self, name: &[u8], bytes: Vec<u8>) -> io::Result<Done> {
        let file = self.written.get_mut(name).ok_or(ErrorKind::NotFound)?;
        file.write_all(&bytes)?;
        Ok(Done::Appended(bytes))
    }

    fn publish(&mut self, name: &[u8], to: &[u8]) -> io::Result<Done> {
        self.written.remove(name).ok_or(ErrorKind::NotFound)?.sync_all()?;
        fs::rename(path(name), path(to))?;
        let folder = path(to).parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Done::Finished)
    }

    fn remove(&mut self, name: &[u8]) -> io::Result<Done> {
        self.written.remove(name);
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

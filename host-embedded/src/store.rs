//! The flash under the engine: its jobs carried out on the log.

use alloc::string::String;
use nuthatch_core::{
    Done, FlashDevice, FlashError, FlashGeometry, FlashLog, FlashStats, Job, JobError, StoreDone, StoreEntry,
    StoreJob,
};

/// A value that is decoded may take so many times its record's bytes for a moment.
const DECODING: usize = 3;

/// A store on a flash chip.
pub struct Store<D: FlashDevice> {
    log: FlashLog<D>,
    has_room: fn(usize) -> bool,
}

/// Why a store could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenError {
    /// The chip is not one that the log can work on: segments of at least 512 bytes, 8 of them, writes that divide them.
    Geometry,
    /// The chip failed, or there is no memory for the index.
    Mount,
}

impl<D: FlashDevice> Store<D> {
    /// Mounts the log that is on the chip; an empty or foreign chip gives an empty one. `keys` is how many the index has
    /// room for before it grows;
    /// `has_room` tells whether so many bytes of memory can be had in one piece.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(
        device: D,
        geometry: FlashGeometry,
        keys: usize,
        has_room: fn(usize) -> bool,
    ) -> Result<Self, OpenError> {
        let mut log = FlashLog::new(device, geometry, keys).ok_or(OpenError::Geometry)?;
        log.mount().await.map_err(|_| OpenError::Mount)?;
        Ok(Self { log, has_room })
    }

    /// The log's figures.
    pub fn stats(&self) -> FlashStats {
        self.log.stats()
    }

    /// The log, for its budget.
    pub fn log(&mut self) -> &mut FlashLog<D> {
        &mut self.log
    }

    /// Gives the chip back.
    pub fn into_device(self) -> D {
        self.log.into_device()
    }

    /// Carries out a job of the engine's. Jobs on files are refused: a chip has none.
    pub(crate) async fn carry(&mut self, job: Job) -> Done {
        match job {
            Job::Store(job) => self.carry_store(job).await,
            _ => failed("a chip has no files"),
        }
    }

    async fn carry_store(&mut self, job: StoreJob) -> Done {
        let log = &mut self.log;
        let done = match job {
            StoreJob::Count => Ok(StoreDone::Counts(log.counts().to_vec())),
            StoreJob::Read { db, key } => match log.read(db, &key).await {
                Ok(Some(record)) if !(self.has_room)(DECODING * record.len()) => Err(FlashError::Memory),
                read => read.map(StoreDone::Record),
            },
            StoreJob::Write { batch, durable } => match log.write(&batch, durable).await {
                Ok(()) => Ok(StoreDone::Written { batch, counts: log.take_changed_counts() }),
                Err(error) => {
                    let error = JobError { missing: false, full: false, text: String::from(reason(&error)) };
                    Ok(StoreDone::Unwritten { batch, error })
                }
            },
            StoreJob::Sync => log.sync().await.map(|()| StoreDone::Finished),
            StoreJob::Clear { db } => log.clear(db).await.map(|()| StoreDone::Finished),
            StoreJob::Scan { db, from, limit, record_bytes } => {
                log.scan(db, from, limit, record_bytes).await.map(|page| {
                    let entries = page.entries.into_iter();
                    let entries = entries.map(|(key, record)| StoreEntry { key, record }).collect();
                    StoreDone::Page { entries, next: page.next }
                })
            }
        };
        done.map_or_else(|error| failed(reason(&error)), Done::Store)
    }
}

fn failed(text: &str) -> Done {
    Done::Failed(JobError { missing: false, full: false, text: String::from(text) })
}

fn reason<E>(error: &FlashError<E>) -> &'static str {
    match error {
        FlashError::Device(_) => "the flash chip failed: restart",
        FlashError::Full => "the flash has no room: delete keys",
        FlashError::TooLarge => "the key is too long for the flash",
        FlashError::Damaged => "the key's record on the flash is damaged: delete or set the key",
        FlashError::Memory => "no memory for the flash's index or the value: delete keys",
        FlashError::Unmounted => "the flash failed before: restart",
    }
}

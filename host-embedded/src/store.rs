//! The flash under the engine: its jobs carried out on the log.

use alloc::string::String;
use core::fmt;
use nuthatch_core::{
    Config, Done, FlashBudget, FlashDevice, FlashError, FlashGeometry, FlashLog, FlashSpends, FlashStats,
    Job, JobError, StoreDone, StoreEntry, StoreJob,
};
use nuthatch_waits::waits;

/// A value that is decoded may take so many times its record's bytes for a moment.
pub(crate) const DECODING: usize = 3;

/// A page of a walk may need so many bytes until its command has run, of which the page itself has a part.
const PAGES: [usize; 5] = [64 << 10, 32 << 10, 16 << 10, 8 << 10, 4 << 10];
const PAGE_PART: usize = 4;

/// What commands need while they run, beside an index that grows.
const WORK: usize = 8 << 10;

/// A store on a flash chip.
pub struct Store<D: FlashDevice> {
    log: FlashLog<D>,
    has_room: fn(usize) -> bool,
    /// The last write found no room.
    overflown: bool,
    /// The cache was emptied to have so many bytes for the index.
    gave_up_for: usize,
    /// The budget of writes that was last set: erases and bytes an hour, and at once.
    budget: [i64; 3],
}

/// Why a store could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenError {
    /// The chip is not one that the log can work on: segments of at least 512 bytes, 8 of them, writes that divide them.
    Geometry,
    /// The chip failed, or there is no memory for the index.
    Mount,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Geometry => {
                "the log needs at least 8 segments of at least 512 bytes, and a write size that divides them"
            }
            Self::Mount => "the chip cannot be read, or there is no memory for the index of its keys",
        })
    }
}

impl core::error::Error for OpenError {}

#[waits]
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
        Ok(Self { log, has_room, overflown: false, gave_up_for: 0, budget: [0; 3] })
    }

    /// The log's figures.
    pub fn stats(&self) -> FlashStats {
        self.log.stats()
    }

    /// The log, for its budget.
    pub fn log(&mut self) -> &mut FlashLog<D> {
        &mut self.log
    }

    #[cfg(feature = "pages")]
    pub(crate) fn has_room(&self) -> fn(usize) -> bool {
        self.has_room
    }

    /// Gives the chip back.
    pub fn into_device(self) -> D {
        self.log.into_device()
    }

    /// The record of a key. [`FlashError::Memory`] where there is none for it, in the arena or to decode it: some may be freed
    /// and the read tried again.
    pub(crate) async fn read(&mut self, db: u32, key: &[u8]) -> Outcome<D> {
        let record = self.log.read(db, key).await?;
        match &record {
            Some(bytes) if !(self.has_room)(DECODING * bytes.len()) => Err(FlashError::Memory),
            _ => Ok(StoreDone::Record(record)),
        }
    }

    /// Has the log keep to the budget of writes that the configuration tells; how many milliseconds write-behind is to wait for it.
    pub(crate) fn spends(&mut self, config: &Config, now: i64) -> i64 {
        let wanted = [config.flash_erases_per_hour, config.flash_bytes_per_hour, config.flash_burst];
        if wanted != self.budget {
            self.budget = wanted;
            let number = |i: usize| u32::try_from(wanted[i]).unwrap_or(u32::MAX);
            let (counts, an_hour) = match (number(0), number(1)) {
                (0, bytes) => (FlashSpends::Bytes, bytes),
                (erases, _) => (FlashSpends::Erases, erases),
            };
            let burst = if number(2) == 0 { an_hour } else { number(2) };
            self.log.set_budget((an_hour > 0).then(|| FlashBudget::new(counts, an_hour, burst)));
        }
        self.log.wait(now).cast_signed()
    }

    /// Whether there may be no room for more: on the chip, or in memory for the index. `let_go` frees some memory if it can.
    pub(crate) fn is_full(&mut self, mut let_go: impl FnMut() -> bool) -> bool {
        let wanted = self.log.wants_memory();
        if wanted > 0 {
            // The cache is given up for it once, not again and again.
            let gives_up = self.gave_up_for != wanted;
            self.gave_up_for = wanted;
            while gives_up && !(self.has_room)(wanted + WORK) && let_go() {}
            if (self.has_room)(wanted + WORK) {
                self.log.grow();
            }
        }
        self.overflown || self.log.wants_memory() > 0 || self.log.is_full()
    }

    /// Carries out a job of the engine's. Jobs on files are refused: a chip has none.
    pub(crate) async fn carry_out(&mut self, job: Job) -> Outcome<D> {
        let Job::Store(job) = job else { return Err(FlashError::Unmounted) };
        let log = &mut self.log;
        match job {
            StoreJob::Count => Ok(StoreDone::Counts(log.counts().to_vec())),
            StoreJob::Read { db, key } => self.read(db, &key).await,
            // This host does not ask for it.
            StoreJob::ReadMany { .. } => Err(FlashError::Unmounted),
            StoreJob::Write { batch, durable } => match log.write(&batch, durable).await {
                Ok(()) => {
                    self.overflown = false;
                    Ok(StoreDone::Written { batch, counts: log.take_changed_counts() })
                }
                Err(error) => {
                    self.overflown = matches!(error, FlashError::Full | FlashError::Memory);
                    let error = JobError { missing: false, full: false, text: String::from(error.text()) };
                    Ok(StoreDone::Unwritten { batch, error })
                }
            },
            StoreJob::Sync => log.sync().await.map(|()| StoreDone::Finished),
            StoreJob::Clear { db } => log.clear(db).await.map(|()| StoreDone::Finished),
            StoreJob::Scan { db, from, limit, record_bytes } => {
                let pages = PAGES.into_iter().find(|bytes| (self.has_room)(*bytes)).unwrap_or_default();
                log.bound_pages(pages / PAGE_PART);
                log.scan(db, from, limit, record_bytes).await.map(|page| {
                    let entries = page.entries.into_iter();
                    let entries = entries.map(|(key, record)| StoreEntry { key, record }).collect();
                    StoreDone::Page { entries, next: page.next }
                })
            }
        }
    }
}

/// What came of a job.
pub(crate) type Outcome<D> = Result<StoreDone, FlashError<<D as FlashDevice>::Error>>;

/// What the engine is told of it.
pub(crate) fn finished<E>(outcome: Result<StoreDone, FlashError<E>>) -> Done {
    match outcome {
        Ok(done) => Done::Store(done),
        Err(error) => {
            Done::Failed(JobError { missing: false, full: false, text: String::from(error.text()) })
        }
    }
}

//! Virtual memory on a flash chip: keys stay in memory, and values that are seldom used lie on the chip until the next start.

use crate::heart::{Below, WORK_PART};
use crate::memory;
use crate::node::NodeOptions;
use crate::store::{DECODING, Store};
use alloc::string::String;
use alloc::vec::Vec;
use nuthatch_core::{Done, Engine, FlashDevice, FlashError, Job, JobError};
use nuthatch_waits::waits;

/// Of what is left when the engine and all else have their memory so much is for values before they leave.
const VALUES_PART: usize = 2;
/// Of the pages for which the chip has room so many quarters are used: on a fuller one reclaim copies much.
const QUARTERS: u32 = 3;
/// Values for commands that wait may take this part of the arena, and so much is to be free in one piece.
const ROOM_PART: usize = 8;

/// The pages of virtual memory on a flash chip. Records of keys that are on the chip stay there, untouched and unseen.
pub struct Pages<D: FlashDevice>(Store<D>);

#[waits]
impl<D: FlashDevice> Pages<D> {
    /// Pages on the chip of an open store.
    pub fn new(store: Store<D>) -> Self {
        Self(store)
    }

    /// Gives the chip back.
    pub fn into_device(self) -> D {
        self.0.into_device()
    }

    /// Writes pages in a row, the first at this offset. The zeros that fill up the last one are not written.
    async fn write(
        &mut self,
        engine: &Engine,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), FlashError<D::Error>> {
        let (size, map) = engine.page_map();
        let log = self.0.log();
        log.set_page_map(map);
        for (page, bytes) in (number_at(offset, size)..).zip(bytes.chunks(size.max(1) as usize)) {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            log.write_page(page, bytes.get(..end).unwrap_or_default()).await?;
        }
        Ok(())
    }

    /// Reads so many bytes from the pages that begin at this offset.
    async fn read(
        &mut self,
        size: u32,
        offset: u64,
        len: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), FlashError<D::Error>> {
        into.clear();
        into.try_reserve_exact(len.next_multiple_of(size.max(1) as usize)).map_err(|_| FlashError::Memory)?;
        let mut page = number_at(offset, size);
        while into.len() < len {
            let end = into.len() + size.max(1) as usize;
            if !self.0.log().read_page(page, into).await? {
                return Err(FlashError::Damaged);
            }
            into.resize(end, 0);
            page += 1;
        }
        into.truncate(len);
        Ok(())
    }

    async fn carry_out(&mut self, engine: &mut Engine, job: Job) -> Done {
        match job {
            Job::PageWrite { offset, bytes } => match self.write(engine, offset, &bytes).await {
                Ok(()) => Done::Appended(bytes),
                Err(error) => Done::Refused { bytes, error: told(&error) },
            },
            Job::PageRead { offset, len, mut into, .. } => {
                let has_room = self.0.has_room();
                while !has_room(DECODING * len) && engine.let_go() {}
                let read = match has_room(DECODING * len) {
                    true => self.read(engine.page_map().0, offset, len, &mut into).await,
                    false => Err(FlashError::Memory),
                };
                match read {
                    Ok(()) => Done::Read { size: into.len() as u64, bytes: into },
                    Err(error) => Done::Failed(told(&error)),
                }
            }
            _ => Done::Failed(told(&FlashError::<D::Error>::Unmounted)),
        }
    }
}

/// The page at an offset in bytes.
fn number_at(offset: u64, size: u32) -> u32 {
    offset.checked_div(size.into()).and_then(|page| u32::try_from(page).ok()).unwrap_or(u32::MAX)
}

fn told<E>(error: &FlashError<E>) -> JobError {
    let full = matches!(error, FlashError::Full | FlashError::Memory);
    JobError { missing: false, full, text: String::from(error.text()) }
}

#[waits]
impl<D: FlashDevice> Below for Pages<D> {
    fn begin(&mut self, engine: &mut Engine, options: &NodeOptions) {
        let used = memory::used();
        let most = options.arena - options.arena / WORK_PART;
        let log = self.0.log();
        let config = &mut engine.server_mut().config;
        config.vm_enabled = true;
        config.vm_page_size = log.page_len() as i64;
        config.vm_pages = i64::from(log.room_for_pages() / 4 * QUARTERS).max(1);
        config.vm_max_memory = (used + most.saturating_sub(used) / VALUES_PART) as i64;
        config.vm_max_threads = 0;
        config.maxmemory = most as i64;
        let part = options.arena / ROOM_PART;
        engine.carries_pages_of_arena(part, part);
    }

    async fn carry(&mut self, engine: &mut Engine, now: i64) {
        while let Some((id, job)) = engine.poll_job() {
            let done = self.carry_out(engine, job).await;
            engine.handle_completion(id, done, now);
        }
        // The budget holds up nothing here, as memory cannot wait; INFO tells where it is exceeded.
        self.0.spends(engine.config(), now);
    }

    fn write_info(&self, seconds: u64, out: &mut Vec<u8>) {
        self.0.stats().write_info(seconds, out);
    }
}

//! Values that leave: which, in batches, and what becomes of a batch.

use super::super::Engine;
use super::super::jobs::{Done, Job, Owner};
use crate::page::victims::{self, Victim};
use crate::page::{Device, MAX_FAILURES, Place, frame};
use crate::server::Request;
use crate::types::codec::{Encoder, OLDEST_VERSION};
use crate::waiters::DbKey;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes of a batch's buffer beside the batch: its last frame goes beyond that.
const BEYOND: usize = 8 << 10;
/// Bytes that a value may take in its encoding beside what it takes in memory: its length, a number's digits.
const ENCODED: usize = 64;
/// Values leave when memory is within this part of the limit, so that it is not passed while they are on their way.
const MARGIN: usize = 32;
/// Over the limit by more than this, the host should wait for the device before it takes more from clients.
const SLACK: usize = 4 << 20;
/// Buffers kept to be used again.
const SPARE: usize = 8;
/// A device on which writing has failed too often is tried again after so many milliseconds.
const RETRY_PAUSE: UnixMillis = 10_000;
/// The same complaint is logged once in so many milliseconds.
const COMPLAINT_PAUSE: UnixMillis = 60_000;
/// A device that was not full for so many milliseconds is worth a new warning when it is.
const FULL_PAUSE: UnixMillis = 600_000;

/// A frame on its way to the device.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) key: DbKey,
    /// The key's hash.
    hash: u64,
    pub(super) place: Place,
}

/// Frames on their way in one write.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) stored: Vec<Stored>,
    /// Bytes of memory that are given back when it is written: those of the values, and the buffer's own.
    pub(super) freed: usize,
}

/// What is remembered of writes that failed.
#[derive(Debug, Default)]
pub(super) struct Failing {
    in_a_row: u64,
    pub(super) retry_at: UnixMillis,
    told_at: Option<UnixMillis>,
    /// When the device was full the last time.
    full_at: Option<UnixMillis>,
}

impl Engine {
    /// Bytes that memory is over `vm-max-memory`, or all but, what is on its way out not counted.
    fn over_limit(&self) -> usize {
        let limit = self.server.config.vm_max_memory as usize;
        let limit = limit - limit / MARGIN;
        let over =
            (self.server.host.used_memory)().saturating_sub(self.traffic.in_flight).saturating_sub(limit);
        if over == 0 && self.is_in_pieces() { 1 } else { over }
    }

    /// Whether memory is free, but not in pieces that commands can use.
    fn is_in_pieces(&self) -> bool {
        let bounds = &self.traffic.bounds;
        bounds.are_of_arena() && self.parts.arena.is_some_and(|arena| !(arena.has_room)(bounds.piece))
    }

    /// Lets a value leave whose copy is on the device, if there is one: for who needs memory at once.
    pub(super) fn leave_at_once(&mut self) -> bool {
        let (mut found, data) = (Vec::new(), &mut self.data);
        victims::choose(&data.keyspace, &data.access, &mut data.rng, self.now, &mut found)
            && found.iter().any(|victim| self.leave_to_copy(victim).is_some())
    }

    /// Whether the host should carry out jobs before it takes more from clients: memory grows faster than values leave.
    pub fn is_pressed(&self) -> bool {
        self.data.paging.enabled
            && self.traffic.in_flight >= self.traffic.bounds.in_flight / 2
            && (self.server.host.used_memory)() > self.server.config.vm_max_memory as usize + SLACK
    }

    /// Lets cold values leave while memory is over the limit; bounded by what may be in flight.
    pub(in crate::engine) fn relieve(&mut self) {
        let paging = &self.data.paging;
        let resting = paging.broken && self.now < self.traffic.failing.retry_at;
        if !paging.enabled || paging.full || paging.exhausted || resting {
            return;
        }
        // A device that fails is tried with one batch.
        let most = if paging.failing { 1 } else { self.traffic.bounds.in_flight };
        while self.traffic.in_flight < most && self.over_limit() > 0 {
            if !self.page_out_batch() {
                self.data.paging.exhausted = true;
                break;
            }
        }
    }

    fn take_encoder(&mut self) -> Box<Encoder> {
        self.traffic.encoder.take().unwrap_or_else(|| Box::new(Encoder::new(OLDEST_VERSION, false)))
    }

    fn take_buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.traffic.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    pub(super) fn keep_spare(&mut self, buffer: Vec<u8>) {
        let bounds = &self.traffic.bounds;
        let small = buffer.capacity() <= 2 * bounds.batch && !bounds.are_of_arena();
        if self.traffic.spare.len() < SPARE && small {
            self.traffic.spare.push(buffer);
        }
    }

    /// Writes out the values that DEBUG SWAPOUT named.
    pub(in crate::engine) fn page_out_requested(&mut self) {
        for (db, key) in core::mem::take(&mut self.data.paging.requested) {
            let Some(slot) = self.data.keyspace.db(db).find(self.data.keyspace.hash(&key), &key) else {
                continue;
            };
            let victim = Victim { db, slot };
            if self.leave_to_copy(&victim).is_some() {
                continue;
            }
            let (mut encoder, mut buffer) = (self.take_encoder(), self.take_buffer());
            let stored = self.store(&victim, &mut encoder, &mut buffer);
            self.traffic.encoder = Some(encoder);
            if let Some((one, bytes)) = stored {
                self.send_batch([one].into(), bytes, buffer);
            }
        }
    }

    /// Encodes a batch of victims and hands it to the device; false where nothing can leave.
    fn page_out_batch(&mut self) -> bool {
        let (mut encoder, mut buffer) = (self.take_encoder(), self.take_buffer());
        let batch = self.traffic.bounds.batch;
        if !self.traffic.bounds.are_of_arena() {
            // One reservation, and few pages written that are hardly filled.
            buffer.reserve_exact(batch + BEYOND);
        }
        let (mut stored, mut freed) = (Vec::new(), 0);
        let over = self.over_limit().max(batch);
        let mut found = Vec::new();
        while buffer.len() < batch && freed < over {
            let data = &mut self.data;
            if !victims::choose(&data.keyspace, &data.access, &mut data.rng, self.now, &mut found) {
                break;
            }
            let before = (stored.len(), freed);
            for victim in found.drain(..) {
                if let Some(bytes) = self.leave_to_copy(&victim) {
                    freed += bytes;
                    continue;
                }
                if let Some((one, bytes)) = self.store(&victim, &mut encoder, &mut buffer) {
                    stored.push(one);
                    freed += bytes;
                }
                if buffer.len() >= batch {
                    break;
                }
            }
            // Where all that is left has to stay (commands wait for it), looking again would never end.
            if before == (stored.len(), freed) {
                break;
            }
        }
        self.traffic.encoder = Some(encoder);
        if stored.is_empty() {
            self.keep_spare(buffer);
            return freed > 0;
        }
        self.send_batch(stored, freed, buffer)
    }

    /// Lets a value leave whose copy is on the device already; what that frees, if it is so.
    fn leave_to_copy(&mut self, victim: &Victim) -> Option<usize> {
        let Victim { db, slot } = *victim;
        let record = Some(self.data.keyspace.db(db).get(slot)).filter(|record| record.is_copied())?;
        if !self.traffic.pins.is_empty() {
            let hash = self.data.keyspace.hash(record.key());
            if self.traffic.pins.holds(hash, db, record.key()) {
                return None;
            }
        }
        let place = record.place().and_then(Place::decode);
        let database = self.data.keyspace.db_mut(db);
        let leaves_file = self.data.paging.moving || self.saving.is_some();
        if leaves_file && place.is_some_and(|place| place.device() != Device::Pages) {
            // The file is about to be given up, and only what lies there alone moves to the next.
            database.get_mut(slot).drop_copy();
            return None;
        }
        let bytes = database.get(slot).memory();
        database.rely_on_copy(slot);
        self.data.paging.swapped += 1;
        self.data.paging.stats.swapped_out += 1;
        Some(bytes)
    }

    /// Adds a victim's frame to the buffer; its place is relative to the buffer's start until the batch has pages.
    fn store(
        &mut self,
        victim: &Victim,
        encoder: &mut Encoder,
        buffer: &mut Vec<u8>,
    ) -> Option<(Stored, usize)> {
        let Victim { db, slot } = *victim;
        let key: DbKey = (db, self.data.keyspace.db(db).get(slot).key().into());
        let hash = self.data.keyspace.hash(&key.1);
        if self.traffic.pins.holds(hash, key.0, &key.1) || self.data.waiters.is_awaited(&key) {
            return None;
        }
        let record = self.data.keyspace.db_mut(db).get_mut(slot);
        let value = record.value().filter(|_| !record.is_storing() && !record.is_copied())?;
        let page_size = self.data.paging.page_size as usize;
        let whole = frame::HEADER + record.memory() + ENCODED + page_size;
        if self.traffic.bounds.are_of_arena() && buffer.try_reserve_exact(whole).is_err() {
            return None;
        }
        let generation = self.data.paging.next_generation();
        let start = buffer.len();
        let at = frame::begin(buffer);
        let form = encoder.form(value);
        encoder.body(value, buffer);
        let len = frame::finish(buffer, at, generation, hash as u32, form) as u32;
        let place = Place::of(value, (start / page_size) as u32, len, generation, hash as u32);
        let bytes = record.memory();
        record.set_storing(true);
        buffer.resize(buffer.len().next_multiple_of(page_size), 0);
        self.data.paging.storing.insert(hash, key.clone(), generation);
        Some((Stored { key, hash, place }, bytes))
    }

    /// Takes pages for the batch and writes it; where there is no run that long, frame by frame.
    fn send_batch(&mut self, mut stored: Vec<Stored>, freed: usize, buffer: Vec<u8>) -> bool {
        let page_size = self.data.paging.page_size as usize;
        if let Some(first) = self.data.paging.allocate((buffer.len() / page_size) as u64) {
            stored.iter_mut().for_each(|one| one.place.first += first);
            self.write_pages(first, stored, freed, buffer);
            return true;
        }
        let mut any = false;
        let share = freed / stored.len();
        for mut one in stored {
            let pages = self.data.paging.pages_of(one.place.len);
            if let Some(first) = self.data.paging.allocate(pages) {
                let start = one.place.first as usize * page_size;
                let bytes = buffer[start..start + pages as usize * page_size].to_vec();
                one.place.first = first;
                self.write_pages(first, [one].into(), share, bytes);
                any = true;
            } else {
                self.forget_storing(&one);
                self.device_is_full();
            }
        }
        any
    }

    fn device_is_full(&mut self) {
        self.data.paging.set_full();
        let before = self.traffic.failing.full_at.replace(self.now);
        if before.is_none_or(|at| self.now - at > FULL_PAUSE) {
            let line = "WARNING: the swap file is full: values stay in memory until pages are freed, and above vm-max-memory keys are evicted by maxmemory-policy or writes are refused. Make room on its disk, raise vm-pages, or choose a policy";
            self.server.requests.push(Request::Log(String::from(line)));
        }
    }

    /// A write found no room on the disk. Pages that were written before can be written again, others are left alone until
    /// there may be room.
    fn disk_is_full(&mut self) {
        let paging = &mut self.data.paging;
        paging.stats.failed_writes += 1;
        paging.exhausted = true;
        paging.failing = true;
        paging.seal();
        self.traffic.failing.retry_at = self.now + RETRY_PAUSE;
        self.device_is_full();
    }

    fn write_pages(&mut self, first: u32, stored: Vec<Stored>, freed: usize, bytes: Vec<u8>) {
        let number = self.traffic.next_batch;
        self.traffic.next_batch = number.wrapping_add(1);
        let freed = freed + bytes.capacity();
        self.traffic.in_flight += freed;
        self.traffic.batches.insert(number, Batch { stored, freed });
        let offset = u64::from(first) * u64::from(self.data.paging.page_size);
        self.jobs.push(Owner::PageOut(number), Job::PageWrite { offset, bytes });
    }

    /// The value stays: its copy is of no use.
    fn forget_storing(&mut self, stored: &Stored) {
        if self.data.paging.storing.end(stored.hash, &stored.key, stored.place.generation) {
            let (db, key) = &stored.key;
            let database = self.data.keyspace.db_mut(*db);
            if let Some(slot) =
                database.find(stored.hash, key).filter(|slot| database.get(*slot).is_storing())
            {
                database.get_mut(slot).set_storing(false);
            }
        }
    }

    /// A batch is on the device, or is not: values that did not change meanwhile leave memory.
    pub(in crate::engine) fn page_out_done(&mut self, number: u32, done: Done) {
        let Some(Batch { stored, freed }) = self.traffic.batches.remove(&number) else { return };
        self.traffic.in_flight -= freed;
        let (mut written, mut full) = (false, false);
        match done {
            Done::Appended(buffer) => {
                self.keep_spare(buffer);
                self.note_written();
                written = true;
            }
            Done::Failed(error) | Done::Refused { error, .. } if error.full => full = true,
            Done::Failed(error) | Done::Refused { error, .. } => self.count_failed_write(&error.text),
            Done::Finished | Done::Read { .. } | Done::Store(_) => {}
        }
        for one in stored {
            if written {
                self.data.paging.note_written(&one.place);
            }
            if !(written && self.complete_page_out(&one)) {
                self.forget_storing(&one);
                self.data.paging.free(&one.place);
            }
        }
        if full {
            self.disk_is_full();
        }
        self.relieve();
    }

    fn note_written(&mut self) {
        self.traffic.failing.in_a_row = 0;
        self.data.paging.failing = false;
        if core::mem::replace(&mut self.data.paging.broken, false) {
            self.server.requests.push(Request::Log(String::from("Writing to the swap file works again")));
        }
    }

    fn count_failed_write(&mut self, text: &str) {
        let (paging, failing) = (&mut self.data.paging, &mut self.traffic.failing);
        paging.stats.failed_writes += 1;
        failing.in_a_row += 1;
        paging.exhausted = true;
        paging.failing = true;
        failing.retry_at = self.now + RETRY_PAUSE;
        let mut line = format!("Writing to the swap file failed: {text}; the values stay in memory");
        let stops = failing.in_a_row >= MAX_FAILURES && !paging.broken;
        if stops {
            paging.broken = true;
            line = format!(
                "Writing to the swap file keeps failing: {text}; paging has stopped, and tries again from time to time. Values stay in memory, and above vm-max-memory keys are evicted by maxmemory-policy or writes are refused"
            );
        }
        let told = failing.told_at.is_some_and(|at| self.now - at < COMPLAINT_PAUSE);
        if stops || (failing.in_a_row == 1 && !told) {
            failing.told_at = Some(self.now);
            self.server.requests.push(Request::Log(line));
        }
    }

    /// Puts the place in the value's stead, if the value is still the one that was written.
    fn complete_page_out(&mut self, stored: &Stored) -> bool {
        if !self.data.paging.storing.end(stored.hash, &stored.key, stored.place.generation) {
            return false;
        }
        let (db, key) = &stored.key;
        let database = self.data.keyspace.db_mut(*db);
        let Some(slot) = database.find(stored.hash, key).filter(|slot| database.get(*slot).is_storing())
        else {
            return false;
        };
        database.page_out(slot, &stored.place.encode());
        self.data.paging.swapped += 1;
        self.data.paging.stats.swapped_out += 1;
        true
    }

    /// Once a tick: what found nothing to do tries again.
    pub(in crate::engine) fn paging_tick(&mut self) {
        let paging = &mut self.data.paging;
        paging.exhausted = false;
        paging.full = false;
        if self.now >= self.traffic.failing.retry_at {
            paging.unseal();
        }
        self.relieve();
    }
}

//! Values that come back.

use super::super::Engine;
use super::super::jobs::{Done, Job, Owner};
use super::held::Load;
use super::{Failure, Wanted};
use crate::db::Data;
use crate::page::{Device, Place};
use crate::session::SessionId;
use crate::types::codec::decode_in;
use crate::types::segmented::Slot;
use crate::types::{Limits, Value};
use crate::waiters::DbKey;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes that are read ahead for the commands behind one that waits.
const AHEAD: usize = 1 << 20;
/// Nothing is read ahead while so many values are on their way.
const MANY: usize = 1024;
/// Buffers for reading that are kept to be used again, and how large they may be.
const SPARE_READS: usize = 64;
const SMALL_READ: usize = 16 << 10;

impl Engine {
    /// Asks for a value, once for all who wait for it; false where it is not on the device.
    pub(super) fn load(&mut self, wanted: Wanted, who: SessionId) -> bool {
        let Wanted { key, hash, place } = wanted;
        if self.traffic.loads.join(hash, &key, who) {
            return true;
        }
        let Some(place) = place else { return false };
        self.begin_load(hash, key, place, [who].into());
        true
    }

    /// Asks for what was noted in `missing` before the commands that need it run: values that nobody waits for yet, as long as
    /// they are few. One that leaves again before its command comes is asked for again.
    pub(super) fn load_ahead(&mut self) {
        let (mut bytes, missing) = (0, self.take_missing());
        // An arena has no room for what may be needed later.
        if self.traffic.bounds.are_of_arena()
            || !self.traffic.queue.is_empty()
            || self.traffic.loads.len() > MANY
        {
            return;
        }
        for wanted in missing {
            bytes += wanted.bytes();
            if bytes > AHEAD {
                return;
            }
            let Wanted { key, hash, place } = wanted;
            if let Some(place) = place.filter(|_| !self.traffic.loads.has(hash, &key)) {
                self.begin_load(hash, key, place, Vec::new());
            }
        }
    }

    fn begin_load(&mut self, hash: u64, key: DbKey, place: Place, waiting: Vec<SessionId>) {
        let number = self.data.paging.read_begins();
        self.traffic.loads.begin(Load { number, hash, key, place, waiting });
        self.data.paging.loading += 1;
        let (from, offset) = (place.device(), place.offset(self.data.paging.page_size));
        let into = self.traffic.spare_reads.pop().unwrap_or_default();
        self.jobs.push(Owner::PageIn(number), Job::PageRead { from, offset, len: place.len as usize, into });
    }

    /// A value was read, or could not be: it goes back under its key if it is still the one, and its waiters go on.
    pub(in crate::engine) fn page_in_done(&mut self, number: u32, done: Done) {
        self.data.paging.read_ended(number);
        let Some(load) = self.traffic.loads.end(number) else { return };
        self.data.paging.loading -= 1;
        let failure = match done {
            Done::Read { bytes, .. } => {
                let failure = self.restore(&load, &bytes);
                let small = bytes.capacity() <= SMALL_READ && !self.traffic.bounds.are_of_arena();
                if self.traffic.spare_reads.len() < SPARE_READS && small {
                    self.traffic.spare_reads.push(bytes);
                }
                failure.map(Failure::Unreadable)
            }
            Done::Failed(error) if error.full => Some(Failure::NoRoom),
            // What became of the key meanwhile needs nothing from there.
            Done::Failed(error) | Done::Refused { error, .. } => {
                self.still_at(&load).is_some().then_some(Failure::Unreadable(error.text))
            }
            Done::Finished | Done::Appended(_) | Done::Store(_) => None,
        };
        if let Some(Failure::Unreadable(_)) = failure {
            self.data.paging.stats.damaged += 1;
        }
        for who in load.waiting {
            self.loaded_for(who, &load.key, failure.as_ref());
        }
    }

    /// The key's slot, if its value is still where it was asked from.
    fn still_at(&self, load: &Load) -> Option<Slot> {
        let database = self.data.keyspace.db(load.key.0);
        let slot = database.find(load.hash, &load.key.1)?;
        let record = Some(database.get(slot)).filter(|record| record.is_paged())?;
        (record.place().and_then(Place::decode) == Some(load.place)).then_some(slot)
    }

    /// Gives the key its value back; the reason where the frame is of no use.
    fn restore(&mut self, load: &Load, bytes: &[u8]) -> Option<String> {
        let slot = self.still_at(load)?;
        let place = &load.place;
        let value = match open(bytes, place, &self.data.limits) {
            Ok(value) => value,
            Err(reason) => return Some(reason),
        };
        let database = self.data.keyspace.db_mut(load.key.0);
        if place.device() != Device::Pages || self.data.paging.keeps_copies() {
            database.page_in_keeping(slot, value, &place.encode());
        } else {
            database.page_in(slot, value);
            self.data.paging.free(place);
        }
        self.data.paging.swapped -= 1;
        self.data.paging.stats.swapped_in += 1;
        // What is read ahead has to stay until its command comes.
        if !load.waiting.is_empty() {
            let Data { paging, access, keyspace, .. } = &mut self.data;
            paging.rests.came_back(keyspace.db_mut(load.key.0).get_mut(slot), access, self.now);
        }
        None
    }
}

/// The value in a frame, in the encoding that it had.
fn open(bytes: &[u8], place: &Place, limits: &Limits) -> Result<Value, String> {
    let (form, body) = place.open(bytes).map_err(|bad| format!("the frame is damaged ({bad:?})"))?;
    decode_in(form, body, place.encoding(), limits)
        .map_err(|error| format!("the frame does not decode ({:?})", error.reason))
}

//! Values that come back.

use super::super::Engine;
use super::super::jobs::{Done, Job, Owner};
use crate::db::Db;
use crate::page::{Device, Place};
use crate::session::SessionId;
use crate::types::codec::decode;
use crate::types::string::Str;
use crate::types::{Limits, Value};
use crate::waiters::DbKey;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A value on its way back.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) place: Place,
    pub(super) waiting: Vec<SessionId>,
}

impl Engine {
    /// Asks for a value, once for all who wait for it; false where it is not on the device.
    pub(super) fn load(&mut self, key: DbKey, who: SessionId) -> bool {
        if let Some(load) = self.traffic.loads.get_mut(&key) {
            load.waiting.push(who);
            return true;
        }
        let place = Db { data: &mut self.data, index: key.0, now: self.now }.place(&key.1);
        let Some(place) = place else { return false };
        let number = self.traffic.next_load;
        self.traffic.next_load = number.wrapping_add(1);
        self.traffic.load_keys.insert(number, key.clone());
        self.data.paging.loading += 1;
        self.traffic.loads.insert(key, Load { place, waiting: [who].into() });
        let (from, offset) = (place.device(), place.offset(self.data.paging.page_size));
        let into = self.traffic.spare.pop().unwrap_or_default();
        self.jobs.push(Owner::PageIn(number), Job::PageRead { from, offset, len: place.len as usize, into });
        true
    }

    /// A value was read, or could not be: it goes back under its key if it is still the one, and its waiters go on.
    pub(in crate::engine) fn page_in_done(&mut self, number: u32, done: Done) {
        let Some(key) = self.traffic.load_keys.remove(&number) else { return };
        let Some(load) = self.traffic.loads.remove(&key) else { return };
        self.data.paging.loading -= 1;
        let failure = match done {
            Done::Read { bytes, .. } => {
                let failure = self.restore(&key, &load.place, &bytes);
                self.keep_spare(bytes);
                failure
            }
            // What became of the key meanwhile needs nothing from there.
            Done::Failed(error) | Done::Refused { error, .. } => {
                self.is_still_at(&key, &load.place).then_some(error.text)
            }
            Done::Finished | Done::Appended(_) | Done::Store(_) => None,
        };
        if failure.is_some() {
            self.data.paging.stats.damaged += 1;
        }
        for who in load.waiting {
            self.loaded_for(who, &key, failure.as_deref());
        }
    }

    fn is_still_at(&self, (db, name): &DbKey, place: &Place) -> bool {
        let hash = self.data.keyspace.hash(name);
        let database = self.data.keyspace.db(*db);
        let record = database.find(hash, name).map(|slot| database.get(slot)).filter(|r| r.is_paged());
        record.and_then(|record| record.place()).and_then(Place::decode) == Some(*place)
    }

    /// Gives the key its value back; the reason where the frame is of no use.
    fn restore(&mut self, key: &DbKey, place: &Place, bytes: &[u8]) -> Option<String> {
        if !self.is_still_at(key, place) {
            return None;
        }
        let (db, name) = key;
        let hash = self.data.keyspace.hash(name);
        let slot = self.data.keyspace.db(*db).find(hash, name)?;
        let value = match open(bytes, place, &self.data.limits) {
            Ok(value) => value,
            Err(reason) => return Some(reason),
        };
        let database = self.data.keyspace.db_mut(*db);
        if place.device() != Device::Pages || self.data.paging.keeps_copies() {
            database.page_in_keeping(slot, value, &place.encode());
        } else {
            database.page_in(slot, value);
            self.data.paging.free(place);
        }
        self.data.paging.swapped -= 1;
        self.data.paging.stats.swapped_in += 1;
        None
    }
}

/// The value in a frame, in the encoding that it had.
fn open(bytes: &[u8], place: &Place, limits: &Limits) -> Result<Value, String> {
    let (form, body) = place.open(bytes).map_err(|bad| format!("the frame is damaged ({bad:?})"))?;
    let mut value = decode(form, body, limits)
        .map_err(|error| format!("the frame does not decode ({:?})", error.reason))?;
    if value.as_ref().encoding() != place.encoding() {
        match &mut value {
            Value::Str(text) => *text = Str::Raw(text.as_ref().to_vec()),
            Value::Set(set) if place.encoding() == "listpack" => set.make_packed(),
            Value::Set(set) => set.make_table(limits),
            Value::Hash(hash) => hash.make_table(limits),
            Value::Zset(zset) => zset.unpack(limits),
            Value::List(_) => {}
        }
    }
    Ok(value)
}

//! Virtual memory's sequence: what leaves memory and when, what comes back and for whom.

use super::jobs::{Done, Job, Owner};
use super::parts::PagingPart;
use super::{Engine, Running};
use crate::args::Args;
use crate::command::{Command, flags};
use crate::command_index::CommandId;
use crate::db::Db;
use crate::page::victims::{self, Victim};
use crate::page::{Device, MAX_FAILURES, Paging, Place, frame};
use crate::resp::reply::Reply;
use crate::server::Request;
use crate::session::{Blocked, OwnedCommand, Session, SessionId};
use crate::types::codec::{Encoder, OLDEST_VERSION, decode};
use crate::types::string::Str;
use crate::types::{Limits, Value};
use crate::waiters::DbKey;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes of frames that are written at once.
const BATCH: usize = 64 << 10;
/// Bytes of values that may be on their way to the device at once.
const MOST_IN_FLIGHT: usize = 4 << 20;
/// Over the limit by more than this, the host should wait for the device before it takes more from clients.
const SLACK: usize = 4 << 20;

/// A frame on its way to the device.
#[derive(Debug)]
struct Stored {
    key: DbKey,
    place: Place,
}

/// Values on their way.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Batches on their way out, by number.
    batches: BTreeMap<u32, (Vec<Stored>, usize)>,
    next_batch: u32,
    /// Bytes in them.
    in_flight: usize,
    /// Loads by key, with the sessions that wait for each.
    loads: BTreeMap<DbKey, Load>,
    next_load: u32,
    /// Keys by their load's number.
    load_keys: BTreeMap<u32, DbKey>,
    /// Keys whose values stay in memory for commands that wait, with how many do.
    pins: BTreeMap<DbKey, usize>,
    encoder: Option<Box<Encoder>>,
    spare: Vec<Vec<u8>>,
    /// Nothing was found to leave the last time; the next tick tries again.
    exhausted: bool,
    failures: u64,
}

#[derive(Debug)]
struct Load {
    place: Place,
    waiting: Vec<SessionId>,
}

impl Traffic {
    /// Whether values are being loaded from there.
    pub(super) fn loads_from(&self, device: Device) -> bool {
        self.loads.values().any(|load| load.place.device() == device)
    }
}

static PART: PagingPart = PagingPart {
    tick: Engine::paging_tick,
    after_bytes: Engine::page_after_bytes,
    plan: Engine::plan,
    park: Engine::wait_for_values,
    unpin: Engine::unpin,
    run_ready: Engine::run_ready,
    page_out_done: Engine::page_out_done,
    page_in_done: Engine::page_in_done,
};

impl Engine {
    /// Tells that this host has a page device: values may leave memory if the configuration says so.
    pub fn carries_pages(&mut self) {
        let config = &self.server.config;
        let (size, pages) = (config.vm_page_size as u32, config.vm_pages as u64);
        self.data.paging = Paging::new(config.vm_enabled, size, pages);
        self.parts.paging = Some(&PART);
    }

    /// Tells that this host carries out [`Job::Keep`]: a start with paging reads keys only, and values when they are used.
    pub fn keeps_snapshots(&mut self) {
        self.data.paging.keeps_snapshot = true;
    }

    /// For pictures of the page device: bytes a page, and one bit a page as far as pages were ever used.
    pub fn page_map(&self) -> (u32, &[u64]) {
        (self.data.paging.page_size, self.data.paging.map())
    }

    /// Bytes that memory is over `vm-max-memory`, what is on its way out not counted.
    fn over_limit(&self) -> usize {
        let limit = self.server.config.vm_max_memory as usize;
        (self.server.host.used_memory)().saturating_sub(self.traffic.in_flight).saturating_sub(limit)
    }

    /// Whether the host should carry out jobs before it takes more from clients: memory grows faster than values leave.
    pub fn is_pressed(&self) -> bool {
        let paging = &self.data.paging;
        paging.enabled
            && self.traffic.in_flight > 0
            && (self.server.host.used_memory)() > self.server.config.vm_max_memory as usize + SLACK
    }

    /// What follows when a client's commands have run: those whose values have come run too, and cold values leave.
    fn page_after_bytes(&mut self) {
        self.run_ready();
        if self.data.paging.enabled {
            self.page_out_requested();
            self.relieve();
        }
    }

    /// Lets cold values leave while memory is over the limit; bounded by what may be in flight.
    fn relieve(&mut self) {
        let paging = &self.data.paging;
        if !paging.enabled || paging.full || paging.broken || self.traffic.exhausted {
            return;
        }
        while self.traffic.in_flight < MOST_IN_FLIGHT && self.over_limit() > 0 {
            if !self.page_out_batch() {
                self.traffic.exhausted = true;
                break;
            }
        }
    }

    fn take_encoder(&mut self) -> Box<Encoder> {
        self.traffic.encoder.take().unwrap_or_else(|| Box::new(Encoder::new(OLDEST_VERSION, false)))
    }

    /// Writes out the values that DEBUG SWAPOUT named.
    fn page_out_requested(&mut self) {
        for (db, key) in core::mem::take(&mut self.data.paging.requested) {
            let mut encoder = self.take_encoder();
            let mut buffer = self.traffic.spare.pop().unwrap_or_default();
            buffer.clear();
            let stored = self.store(&Victim::named(db, key), &mut encoder, &mut buffer);
            self.traffic.encoder = Some(encoder);
            if let Some((one, bytes)) = stored {
                self.send_batch([one].into(), bytes, buffer);
            }
        }
    }

    /// Encodes a batch of victims and hands it to the device; false where nothing can leave.
    fn page_out_batch(&mut self) -> bool {
        let mut encoder = self.take_encoder();
        let mut buffer = self.traffic.spare.pop().unwrap_or_default();
        buffer.clear();
        let (mut stored, mut freed) = (Vec::new(), 0);
        let over = self.over_limit();
        let mut found = Vec::new();
        while buffer.len() < BATCH && freed < over {
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
            }
            // Where all that is left has to stay (commands wait for it), looking again would never end.
            if before == (stored.len(), freed) {
                break;
            }
        }
        self.traffic.encoder = Some(encoder);
        if stored.is_empty() {
            self.traffic.spare.push(buffer);
            return freed > 0;
        }
        self.send_batch(stored, freed, buffer)
    }

    /// Lets a value leave whose copy is on the device already; what that frees, if it is so.
    fn leave_to_copy(&mut self, victim: &Victim) -> Option<usize> {
        let hash = self.data.keyspace.hash(&victim.key);
        let database = self.data.keyspace.db_mut(victim.db);
        let slot = database.find(hash, &victim.key).filter(|slot| database.get(*slot).is_copied())?;
        if !self.traffic.pins.is_empty() && self.traffic.pins.contains_key(&(victim.db, victim.key.clone())) {
            return None;
        }
        let place = database.get(slot).place().and_then(Place::decode);
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
        let key = (victim.db, victim.key.clone());
        if self.traffic.pins.contains_key(&key) || self.data.waiters.is_awaited(&key) {
            return None;
        }
        let hash = self.data.keyspace.hash(&victim.key);
        let database = self.data.keyspace.db_mut(victim.db);
        let slot = database.find(hash, &victim.key)?;
        let record = database.get_mut(slot);
        let value = record.value().filter(|_| !record.is_storing() && !record.is_copied())?;
        let generation = self.data.paging.next_generation();
        let start = buffer.len();
        let at = frame::begin(buffer);
        let form = encoder.form(value);
        encoder.body(value, buffer);
        let len = frame::finish(buffer, at, generation, hash as u32, form) as u32;
        let page_size = self.data.paging.page_size as usize;
        let place = Place::of(value, (start / page_size) as u32, len, generation, hash as u32);
        let bytes = record.memory();
        record.set_storing(true);
        buffer.resize(buffer.len().next_multiple_of(page_size), 0);
        self.data.paging.storing.insert(key.clone(), generation);
        Some((Stored { key, place }, bytes))
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
        if !self.data.paging.full {
            self.data.paging.full = true;
            let line = "WARNING: the swap file is full: values stay in memory until pages are freed. Raise vm-pages, or set maxmemory and maxmemory-policy so that keys are evicted instead";
            self.server.requests.push(Request::Log(String::from(line)));
        }
    }

    fn write_pages(&mut self, first: u32, stored: Vec<Stored>, freed: usize, bytes: Vec<u8>) {
        let number = self.traffic.next_batch;
        self.traffic.next_batch = number.wrapping_add(1);
        self.traffic.in_flight += freed;
        self.traffic.batches.insert(number, (stored, freed));
        let offset = u64::from(first) * u64::from(self.data.paging.page_size);
        self.jobs.push(Owner::PageOut(number), Job::PageWrite { offset, bytes });
    }

    /// The value stays: its copy is of no use.
    fn forget_storing(&mut self, stored: &Stored) {
        if self.data.paging.storing.get(&stored.key) == Some(&stored.place.generation) {
            self.data.paging.storing.remove(&stored.key);
            let (db, key) = &stored.key;
            let hash = self.data.keyspace.hash(key);
            let database = self.data.keyspace.db_mut(*db);
            if let Some(slot) = database.find(hash, key) {
                database.get_mut(slot).set_storing(false);
            }
        }
    }

    /// A batch is on the device, or is not: values that did not change meanwhile leave memory.
    fn page_out_done(&mut self, number: u32, done: Done) {
        let Some((stored, freed)) = self.traffic.batches.remove(&number) else { return };
        self.traffic.in_flight -= freed;
        let written = match done {
            Done::Appended(buffer) => {
                self.traffic.failures = 0;
                self.traffic.spare.push(buffer);
                self.traffic.spare.truncate(8);
                true
            }
            Done::Failed(error) | Done::Refused { error, .. } => {
                self.count_failed_write(&error.text);
                false
            }
            Done::Finished | Done::Read { .. } | Done::Store(_) => false,
        };
        for one in stored {
            if !(written && self.complete_page_out(&one)) {
                self.forget_storing(&one);
                self.data.paging.free(&one.place);
            }
        }
        self.relieve();
    }

    fn count_failed_write(&mut self, text: &str) {
        let paging = &mut self.data.paging;
        paging.stats.failed_writes += 1;
        self.traffic.failures += 1;
        self.traffic.exhausted = true;
        let mut line = format!("Writing to the swap file failed: {text}");
        if self.traffic.failures >= MAX_FAILURES && !paging.broken {
            paging.broken = true;
            line.push_str("; paging has stopped, values stay in memory");
        }
        self.server.requests.push(Request::Log(line));
    }

    /// Puts the place in the value's stead, if the value is still the one that was written.
    fn complete_page_out(&mut self, stored: &Stored) -> bool {
        if self.data.paging.storing.get(&stored.key) != Some(&stored.place.generation) {
            return false;
        }
        self.data.paging.storing.remove(&stored.key);
        let (db, key) = &stored.key;
        let hash = self.data.keyspace.hash(key);
        let database = self.data.keyspace.db_mut(*db);
        let Some(slot) = database.find(hash, key).filter(|slot| database.get(*slot).is_storing()) else {
            return false;
        };
        database.page_out(slot, &stored.place.encode());
        self.data.paging.swapped += 1;
        self.data.paging.stats.swapped_out += 1;
        true
    }

    // ------------------------------------------------------------------------------------------ coming back

    /// Notes the keys of the command whose values are not in memory; true where there are some.
    fn plan(&mut self, session: &Running, id: CommandId, args: Args<'_>) -> bool {
        self.data.missing.clear();
        let mut positions = Vec::new();
        if let (true, Some(queue)) = (self.server.index.get(id).name == "exec", &session.multi) {
            for (id, queued) in &queue.commands {
                let wanted = *self.server.index.get(*id);
                wanted.keys.positions(queued.args(), &mut positions);
                let keys: Vec<&[u8]> = positions.iter().map(|i| queued.args().get(*i)).collect();
                self.note_missing(session.db, &wanted, &keys);
            }
        } else {
            let wanted = *self.server.index.get(id);
            wanted.keys.positions(args, &mut positions);
            let keys: Vec<&[u8]> = positions.iter().map(|i| args.get(*i)).collect();
            self.note_missing(session.db, &wanted, &keys);
        }
        !self.data.missing.is_empty()
    }

    fn note_missing(&mut self, db: usize, command: &Command, keys: &[&[u8]]) {
        if command.has(flags::META_ONLY | flags::NO_VALUE) {
            return;
        }
        for key in keys {
            let hash = self.data.keyspace.hash(key);
            let database = self.data.keyspace.db(db);
            let missing = database.find(hash, key).is_some_and(|slot| {
                let record = database.get(slot);
                record.is_paged() && record.deadline().is_none_or(|deadline| self.now <= deadline)
            });
            if missing {
                self.data.missing.push((db, Box::from(*key)));
            }
        }
    }

    /// Parks the session until the values in `missing` are in memory; each is asked for once.
    fn wait_for_values(&mut self, session: &mut Running, id: CommandId, command: OwnedCommand) {
        let mut missing = core::mem::take(&mut self.data.missing);
        missing.sort_unstable();
        missing.dedup();
        let mut waits = 0;
        for key in &missing {
            *self.traffic.pins.entry(key.clone()).or_default() += 1;
            waits += usize::from(self.load(key.clone(), session.id));
        }
        session.blocked = Some(Blocked::Loading { id, command, missing: waits, keys: missing });
        if waits == 0 {
            // Nothing is missing any more: it runs again with the next turn.
            self.ready_again.push(session.id);
        }
    }

    fn load(&mut self, key: DbKey, who: SessionId) -> bool {
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
    fn page_in_done(&mut self, number: u32, done: Done) {
        let Some(key) = self.traffic.load_keys.remove(&number) else { return };
        let Some(load) = self.traffic.loads.remove(&key) else { return };
        self.data.paging.loading -= 1;
        let failure = match done {
            Done::Read { bytes, .. } => {
                let failure = self.restore(&key, &load.place, &bytes);
                self.traffic.spare.push(bytes);
                self.traffic.spare.truncate(8);
                failure
            }
            Done::Failed(error) | Done::Refused { error, .. } => Some(error.text),
            Done::Finished | Done::Appended(_) | Done::Store(_) => None,
        };
        if failure.is_some() {
            self.data.paging.stats.damaged += 1;
        }
        for who in load.waiting {
            self.loaded_for(who, &key, failure.as_deref());
        }
    }

    /// Gives the key its value back; the reason where the frame is of no use.
    fn restore(&mut self, key: &DbKey, place: &Place, bytes: &[u8]) -> Option<String> {
        let (db, name) = key;
        let hash = self.data.keyspace.hash(name);
        let database = self.data.keyspace.db_mut(*db);
        let slot = database.find(hash, name)?;
        let current = database.get(slot).place().and_then(Place::decode);
        if current != Some(*place) {
            return None;
        }
        let value = match open(bytes, place, &self.data.limits) {
            Ok(value) => value,
            Err(reason) => return Some(reason),
        };
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

    /// One of the values that the session waits for has come, or will not.
    fn loaded_for(&mut self, who: SessionId, key: &DbKey, failure: Option<&str>) {
        let Some(mut session) = self.peers.take(who) else { return };
        if let Some(Blocked::Loading { missing, .. }) = &mut session.blocked {
            *missing -= 1;
            if let Some(reason) = failure {
                let name = String::from_utf8_lossy(&key.1).into_owned();
                let text =
                    format!("IOERR the value of key '{name}' cannot be read from the swap file: {reason}");
                self.unpin(&mut session);
                for load in self.traffic.loads.values_mut() {
                    load.waiting.retain(|waiting| *waiting != who);
                }
                session.blocked = None;
                session.multi = None;
                self.server.stats.count_error(&text);
                Reply::new(&mut session.output, session.proto).error_text(&text);
                self.resume.push(who);
            } else if *missing == 0 {
                self.ready_again.push(who);
            }
        }
        self.finish(session);
    }

    /// Lets the values go again that were kept for the session's command.
    fn unpin(&mut self, session: &mut Session) {
        if let Some(Blocked::Loading { keys, .. }) = &mut session.blocked {
            let keys = core::mem::take(keys);
            self.unpin_all(&keys);
        }
    }

    fn unpin_all(&mut self, keys: &[DbKey]) {
        for key in keys {
            if let Some(count) = self.traffic.pins.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    self.traffic.pins.remove(key);
                }
            }
        }
    }

    /// Runs the commands whose values have come. They are planned again: one may have left meanwhile.
    fn run_ready(&mut self) {
        for who in core::mem::take(&mut self.ready_again) {
            let Some(mut session) = self.peers.take(who) else { continue };
            match session.blocked.take() {
                Some(Blocked::Loading { id, command, missing: 0, keys }) => {
                    self.execute(&mut session, id, command.args());
                    self.unpin_all(&keys);
                    if session.blocked.is_none() {
                        self.resume.push(who);
                    }
                }
                other => session.blocked = other,
            }
            self.finish(session);
        }
    }

    /// Once a tick: what found nothing to do tries again.
    fn paging_tick(&mut self) {
        self.traffic.exhausted = false;
        self.relieve();
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

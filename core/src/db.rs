//! The one door through which commands reach keys: lookup with lazy expiry, type checks, access clocks, edits,
//! and the one choke point for "this key changed".

mod ahead;
mod edit;
mod paged;
mod stored;
mod typed;
mod watch;

pub use watch::{unwatch, watch};

use crate::events::{Event, KeyEvent};
use crate::keyspace::Keyspace;
use crate::keyspace::clock::AccessClock;
use crate::keyspace::database::Database;
use crate::keyspace::record::Record;
use crate::page::Paging;
use crate::rdb::Snapshot;
use crate::session::SessionId;
use crate::store::Cache;
use crate::types::segmented::Slot;
use crate::types::string::{Str, StrRef};
use crate::types::{Hashed, Kind, Limits, Value, ValueRef};
use crate::waiters::{DbKey, Waiters};
use crate::words::error::{CommandError, WRONG_TYPE};
use crate::words::hash::HashKey;
use crate::words::ordered::OrderedMap;
use crate::words::reach::SERVER;
use crate::words::rng::Rng;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// From this many elements on a value that goes is freed in slices, not at once.
const FREE_LAZILY_FROM: usize = 64;

/// What happened to keys since the last CONFIG RESETSTAT.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyStats {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys that were removed because their deadline had passed.
    pub expired: u64,
    /// Keys that were evicted.
    pub evicted: u64,
}

/// Everything that lies behind the door.
#[derive(Debug)]
pub struct Data {
    /// Every database.
    pub keyspace: Keyspace,
    /// Up to where values stay compact.
    pub limits: Limits,
    /// How accesses are recorded.
    pub access: AccessClock,
    /// Randomness.
    pub rng: Rng,
    /// Sessions that wait for keys.
    pub waiters: Waiters<SessionId>,
    /// Sessions by the keys that they watch, by database.
    pub watchers: OrderedMap<usize, OrderedMap<Box<[u8]>, Vec<SessionId>>>,
    /// Sessions whose watched keys changed; the engine breaks their transactions.
    pub touched: Vec<SessionId>,
    /// The classes of events that are published.
    pub notify: Event,
    /// Events of the running command.
    pub events: Vec<KeyEvent>,
    /// Changes since the last save.
    pub dirty: u64,
    /// Counters.
    pub stats: KeyStats,
    /// Values that the running command needs and that are not in memory.
    pub missing: Vec<DbKey>,
    /// Keys that expired or were evicted during the running command, for the journal.
    pub removed_by_time: Vec<DbKey>,
    /// Expired keys stay hidden but are not removed: CLIENT PAUSE promises that the dataset stands still.
    pub keep_expired: bool,
    /// Large values on their way out, freed in slices by `handle_timeout`.
    pub garbage: Vec<Value>,
    /// Flushed databases on their way out.
    pub garbage_databases: Vec<Database>,
    /// The snapshot that is being written: it is told of every change before it happens.
    pub snapshot: Option<Box<Snapshot>>,
    /// Values on a page device.
    pub paging: Paging,
    /// Under diskstore: memory is a cache over a store, and these are its books.
    pub store: Option<Box<Cache>>,
    /// Reads leave the access clocks alone (CLIENT NO-TOUCH of the running session).
    pub no_touch: bool,
    /// The key whose hash was computed ahead.
    hint: Hashed,
}

impl Data {
    /// Tells those who wait that a key came to hold a value. Only of these types is there anything to wait for; a key that was
    /// something else first has its turn by when it became one of them.
    #[inline]
    fn signal(&mut self, index: usize, key: &[u8], kind: Kind) {
        if matches!(kind, Kind::List | Kind::Zset) {
            self.waiters.signal(index, key);
        }
    }

    /// `databases` empty databases.
    pub fn new(databases: usize, hash_key: HashKey, seed: u64) -> Self {
        Self {
            keyspace: Keyspace::new(databases, hash_key),
            limits: Limits::new(hash_key),
            access: AccessClock::default(),
            rng: Rng::new(seed),
            waiters: Waiters::default(),
            watchers: OrderedMap::new(),
            touched: Vec::new(),
            notify: Event::default(),
            events: Vec::new(),
            dirty: 0,
            stats: KeyStats::default(),
            missing: Vec::new(),
            removed_by_time: Vec::new(),
            keep_expired: false,
            garbage: Vec::new(),
            garbage_databases: Vec::new(),
            snapshot: None,
            paging: Paging::new(false, 1, 0),
            store: None,
            no_touch: false,
            hint: Hashed::default(),
        }
    }

    /// Lets the record's value go, at once or in slices.
    pub fn free(&mut self, record: Record) {
        let large = record.is_boxed()
            && record.value().is_some_and(|v| v.kind() != Kind::String && v.len() >= FREE_LAZILY_FROM);
        if large {
            self.garbage.extend(record.into_value());
        }
    }
}

/// What an edit gave.
#[derive(Debug, Clone, Copy)]
pub struct Edited<R> {
    /// The closure's result.
    pub out: R,
    /// The value became empty, so its key was removed; the `del` event is the caller's to send, in its order.
    pub emptied: bool,
}

/// What is known of a key without its value.
#[derive(Debug, Clone, Copy)]
pub struct KeyInfo {
    /// The value's type.
    pub kind: Kind,
    /// When the key expires.
    pub deadline: Option<UnixMillis>,
    /// The 24-bit access clock.
    pub clock: u32,
    /// The value is on a page device.
    pub paged: bool,
    /// Bytes of memory, estimated.
    pub memory: usize,
}

/// One database as the running command sees it.
pub struct Db<'a> {
    /// Everything behind the door.
    pub data: &'a mut Data,
    /// The selected database.
    pub index: usize,
    /// The hour.
    pub now: UnixMillis,
}

impl Db<'_> {
    /// Up to where values stay compact.
    pub fn limits(&self) -> &Limits {
        &self.data.limits
    }

    /// Randomness.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.data.rng
    }

    #[inline]
    fn database(&self) -> &Database {
        self.data.keyspace.db(self.index)
    }

    #[inline]
    fn database_mut(&mut self) -> &mut Database {
        self.data.keyspace.db_mut(self.index)
    }

    /// The key's slot if it is there and not expired; an expired key is removed.
    #[inline]
    fn find(&mut self, key: &[u8]) -> Option<Slot> {
        let hash = self.data.hash(key);
        let slot = self.database().find(hash, key)?;
        let record = self.database().get(slot);
        if record.is_volatile() && record.deadline().is_some_and(|d| self.now > d) {
            self.expire(slot, key);
            return None;
        }
        Some(slot)
    }

    #[cold]
    fn expire(&mut self, slot: Slot, key: &[u8]) {
        if !self.data.keep_expired {
            self.expire_now(slot, key);
        }
    }

    /// In a pause expired keys stay, and only seem not to be there: one that comes anew takes the place of such a one.
    #[inline]
    pub(crate) fn take_place(&mut self, key: &[u8]) {
        if SERVER && self.data.keep_expired {
            self.expire_kept(key);
        }
    }

    #[cold]
    fn expire_kept(&mut self, key: &[u8]) {
        if let Some(slot) = self.database().find(self.data.hash(key), key) {
            self.expire_now(slot, key);
        }
    }

    fn expire_now(&mut self, slot: Slot, key: &[u8]) {
        self.remove_at(slot, key);
        self.data.stats.expired += 1;
        self.data.removed_by_time.push((self.index, key.into()));
        self.event(Event::EXPIRED, "expired", key);
    }

    /// Removes the record, tells watchers, and lets the value go.
    fn remove_at(&mut self, slot: Slot, key: &[u8]) {
        self.data.before_change(self.index, key);
        self.release(slot);
        let record = self.database_mut().remove(slot);
        self.data.free(record);
        self.data.touch_watchers(self.index, key);
    }

    #[inline]
    fn touch(&mut self, slot: Slot) {
        if self.data.no_touch {
            return;
        }
        let Data { keyspace, access, rng, .. } = &mut *self.data;
        let record = keyspace.db_mut(self.index).get_mut(slot);
        let clock = access.touched(if access.lfu { record.clock() } else { 0 }, self.now, rng);
        record.touch(clock, access.stay);
    }

    #[inline]
    fn find_for_read(&mut self, key: &[u8]) -> Option<Slot> {
        let slot = self.find(key);
        if let Some(slot) = slot {
            self.data.stats.hits += 1;
            self.touch(slot);
        } else {
            self.data.stats.misses += 1;
            self.event(Event::KEY_MISS, "keymiss", key);
        }
        slot
    }

    /// The value in `slot`, or a note that it has to be loaded.
    #[inline]
    fn resident(&mut self, slot: Slot, key: &[u8]) -> Result<ValueRef<'_>, CommandError> {
        if self.database().get(slot).is_paged() {
            return Err(self.missing(key));
        }
        self.database().get(slot).value().ok_or(CommandError::NotResident)
    }

    /// Notes that the key's value has to be loaded.
    #[cold]
    fn missing(&mut self, key: &[u8]) -> CommandError {
        self.data.missing.push((self.index, key.into()));
        CommandError::NotResident
    }

    #[inline]
    fn check_kind(&self, slot: Slot, kind: Kind) -> Result<(), CommandError> {
        if self.database().get(slot).kind() == kind { Ok(()) } else { Err(WRONG_TYPE) }
    }

    // ------------------------------------------------------------------------------------------ reading

    /// The key's value, whatever its type.
    pub fn value(&mut self, key: &[u8]) -> Result<Option<ValueRef<'_>>, CommandError> {
        match self.find_for_read(key) {
            None => self.known_absent(key).map(|()| None),
            Some(slot) => self.resident(slot, key).map(Some),
        }
    }

    #[inline]
    fn typed(&mut self, key: &[u8], kind: Kind) -> Result<Option<ValueRef<'_>>, CommandError> {
        match self.find_for_read(key) {
            None => self.known_absent(key).map(|()| None),
            Some(slot) => {
                self.check_kind(slot, kind)?;
                self.resident(slot, key).map(Some)
            }
        }
    }

    /// The key's value without any trace of the read; expired keys are not seen.
    pub fn peek(&self, key: &[u8]) -> Option<ValueRef<'_>> {
        let slot = self.database().find(self.data.hash(key), key)?;
        let record = self.database().get(slot);
        if record.deadline().is_some_and(|d| self.now > d) { None } else { record.value() }
    }

    /// The key's record without any trace of the read, expired or not.
    pub fn record(&self, key: &[u8]) -> Option<&Record> {
        Some(self.database().get(self.database().find(self.data.hash(key), key)?))
    }

    /// What is known of a key without its value and without any trace.
    pub fn info(&mut self, key: &[u8]) -> Option<KeyInfo> {
        let slot = self.find(key)?;
        let record = self.database().get(slot);
        Some(KeyInfo {
            kind: record.kind(),
            deadline: record.deadline(),
            clock: record.clock(),
            paged: record.is_paged(),
            memory: record.memory(),
        })
    }

    /// Whether the key is there.
    #[inline]
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Whether the key is there, counted as a read but not noted in its access clock (EXISTS, TYPE).
    pub fn exists_for_read(&mut self, key: &[u8]) -> bool {
        let no_touch = core::mem::replace(&mut self.data.no_touch, true);
        let found = self.find_for_read(key).is_some();
        self.data.no_touch = no_touch;
        found
    }

    /// Notes an access to the key; whether it is there.
    pub fn touch_key(&mut self, key: &[u8]) -> bool {
        self.find_for_read(key).is_some()
    }

    /// The key's value, without touching its access clock (OBJECT, MEMORY USAGE).
    pub fn value_untouched(&mut self, key: &[u8]) -> Result<Option<ValueRef<'_>>, CommandError> {
        match self.find(key) {
            None => self.known_absent(key).map(|()| None),
            Some(slot) => self.resident(slot, key).map(Some),
        }
    }

    /// The type of the key's value.
    pub fn kind(&mut self, key: &[u8]) -> Option<Kind> {
        let slot = self.find(key)?;
        Some(self.database().get(slot).kind())
    }

    /// When the key expires: `None` without a key, `Some(None)` without a deadline.
    pub fn deadline(&mut self, key: &[u8]) -> Option<Option<UnixMillis>> {
        let slot = self.find(key)?;
        Some(self.database().get(slot).deadline())
    }

    /// As [`Db::deadline`], counted as a read but not noted in the key's access clock (TTL).
    pub fn deadline_for_read(&mut self, key: &[u8]) -> Option<Option<UnixMillis>> {
        // A chip counts nothing.
        if SERVER && !self.exists_for_read(key) {
            return None;
        }
        self.deadline(key)
    }

    // ------------------------------------------------------------------------------------------ writing

    #[inline]
    fn find_for_write(&mut self, key: &[u8]) -> Option<Slot> {
        let slot = self.find(key)?;
        self.touch(slot);
        Some(slot)
    }

    /// Adds a key that is not there.
    fn insert(&mut self, key: &[u8], value: Value) {
        self.take_place(key);
        self.data.before_change(self.index, key);
        let hash = self.data.hash(key);
        let (kind, clock) = (value.kind(), self.data.access.fresh(self.now));
        self.database_mut().insert_value(hash, key, value, clock);
        self.data.signal(self.index, key, kind);
        self.event(Event::NEW, "new", key);
    }

    /// Gives the key this value, whatever was there; the deadline goes.
    pub fn set(&mut self, key: &[u8], value: Value) {
        self.data.before_change(self.index, key);
        let Some(slot) = self.find_for_write(key) else {
            self.insert(key, value);
            return;
        };
        self.displace(slot);
        let kind = value.kind();
        self.database_mut().get_mut(slot).set_value(value);
        self.database_mut().set_deadline(slot, None);
        self.data.signal(self.index, key, kind);
    }

    /// Gives the key this string, whatever was there, copied from where it lies.
    #[inline]
    pub fn set_string(&mut self, key: &[u8], value: StrRef<'_>, keep_deadline: bool) {
        self.data.before_change(self.index, key);
        let Some(slot) = self.find_for_write(key) else {
            self.insert_string(key, value);
            return;
        };
        self.displace(slot);
        self.database_mut().get_mut(slot).set_string(value);
        if !keep_deadline {
            self.database_mut().set_deadline(slot, None);
        }
    }

    /// Adds a string whose key is not there, after [`Data::before_change`].
    #[inline]
    fn insert_string(&mut self, key: &[u8], value: StrRef<'_>) {
        self.take_place(key);
        let hash = self.data.hash(key);
        let clock = self.data.access.fresh(self.now);
        self.database_mut().insert_string(hash, key, value, clock);
        self.event(Event::NEW, "new", key);
    }

    /// Takes a large value out of the way before it is overwritten, so that it is freed in slices.
    #[inline]
    fn displace(&mut self, slot: Slot) {
        if self.database().get(slot).has_pages() {
            self.data.free_place(self.index, slot);
            self.database_mut().forget_page(slot);
        }
        let record = self.data.keyspace.db_mut(self.index).get_mut(slot);
        if record.is_boxed()
            && record.value().is_some_and(|v| v.kind() != Kind::String && v.len() >= FREE_LAZILY_FROM)
        {
            let mut old = Value::Str(Str::Int(0));
            record.edit(|v| core::mem::swap(v, &mut old));
            self.data.garbage.push(old);
        }
    }

    /// Removes the key; true if it was there. The `del` event and the dirty count are the caller's.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some(slot) = self.find(key) else { return false };
        self.remove_at(slot, key);
        true
    }

    /// Removes the key for want of memory.
    pub fn evict(&mut self, key: &[u8]) {
        if self.remove(key) {
            self.data.stats.evicted += 1;
            self.data.removed_by_time.push((self.index, key.into()));
            self.event(Event::EVICTED, "evicted", key);
        }
    }

    /// Sets, changes or removes the key's deadline; false without a key.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Option<UnixMillis>) -> bool {
        let Some(slot) = self.find(key) else { return false };
        self.data.before_change(self.index, key);
        self.database_mut().set_deadline(slot, deadline);
        true
    }

    /// Gives the record another name; its value, deadline and clock go along, in memory or not. Whatever had the new
    /// name is removed. False without a key.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(slot) = self.find(from) else { return false };
        self.data.before_change(self.index, from);
        let record = self.database_mut().remove(slot).with_key(to);
        self.data.touch_watchers(self.index, from);
        self.remove(to);
        self.put_record(self.index, to, record);
        true
    }

    /// Moves the key to another database where the name is free; false otherwise.
    pub fn move_to(&mut self, key: &[u8], target: usize) -> bool {
        let there = Db { data: &mut *self.data, index: target, now: self.now }.exists(key);
        let Some(slot) = self.find(key) else { return false };
        if there {
            return false;
        }
        self.data.before_change(self.index, key);
        let mut record = self.database_mut().remove(slot);
        if record.is_storing() {
            record.set_storing(false);
        }
        self.data.touch_watchers(self.index, key);
        self.put_record(target, key, record);
        true
    }

    fn put_record(&mut self, index: usize, key: &[u8], record: Record) {
        Db { data: &mut *self.data, index, now: self.now }.take_place(key);
        self.data.before_change(index, key);
        let (hash, kind) = (self.data.keyspace.hash(key), record.kind());
        self.data.keyspace.db_mut(index).insert(hash, record);
        self.data.signal(index, key, kind);
        self.data.touch_watchers(index, key);
        Db { data: &mut *self.data, index, now: self.now }.event(Event::NEW, "new", key);
    }

    /// Sets the access clock as RESTORE's IDLETIME and FREQ ask for it.
    pub fn set_clock(&mut self, key: &[u8], clock: u32) {
        if let Some(slot) = self.find(key) {
            self.database_mut().get_mut(slot).set_clock(clock);
        }
    }

    // ------------------------------------------------------------------------------------------ after a change

    /// The one choke point after a change: watchers are told, `dirty` changes are counted, the event is noted.
    #[inline]
    pub fn changed(&mut self, key: &[u8], class: Event, name: &'static str, dirty: u64) {
        self.data.dirty += dirty;
        self.data.touch_watchers(self.index, key);
        self.event(class, name, key);
    }

    /// Notes a keyspace event, if its class is asked for.
    #[inline]
    pub fn event(&mut self, class: Event, name: &'static str, key: &[u8]) {
        if SERVER && self.data.notify.intersects(class) {
            self.data.events.push(KeyEvent { db: self.index, class, name, key: key.into() });
        }
    }
}

//! What becomes of a file's keys on their way into the dataset.

use crate::db::Data;
use crate::keyspace::Keyspace;
use crate::keyspace::clock::{AccessClock, clock_of};
use crate::keyspace::record::Record;
use crate::page::Place;
use crate::persistence::LoadProgress;
use crate::rdb::{BESIDE, Cause, Entry, Item, Loader, Noted, RdbError, id};
use crate::types::Limits;
use crate::types::codec::{Form, Reason, Text, decode, read_text};
use crate::types::string::StrRef;
use crate::words::codec::Reader;
use crate::words::number::parse_i64;
use crate::words::time::UnixMillis;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes that a key with its value takes in a file at least, for most files.
const LEAST_ENTRY: u64 = 16;
/// Keys that were left out are named one by one up to so many.
const NAMED: u64 = 16;
/// So many keys' slots are brought from memory at a time: one after the other, each would be waited for.
const TOGETHER: usize = 32;

/// The journal's base while only the keys are read, from the file beside it.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) file: Vec<u8>,
    pub(super) size: u64,
    /// The checksum at its end, once that was read.
    pub(super) sum: Option<u64>,
}

/// Where keys go, and what became of them.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) keyspace: Keyspace,
    limits: Limits,
    access: AccessClock,
    /// The hour by which keys have expired, and that of the access clocks.
    now: UnixMillis,
    clock: UnixMillis,
    pub(super) progress: LoadProgress,
    /// Keys left out because there is no such type here.
    unsupported: u64,
    /// Keys left out because their values have no elements.
    empty: u64,
    /// Values stay in the file until they are used.
    pub(super) lazy: bool,
    /// Of a file beside another one: that other file.
    pub(super) beside: Option<Base>,
    /// The file lies beside that one.
    belongs: bool,
    /// Keys do not stay here: a store takes them.
    pub(super) passes_on: bool,
    /// How many stayed.
    pub(super) kept: usize,
    /// Of these, how many are not counted as values on a device yet.
    uncounted: usize,
    log: Vec<String>,
    /// Keys that have no slot yet.
    arrivals: Vec<Arrival>,
}

/// A key on its way to its slot.
#[derive(Debug)]
struct Arrival {
    db: usize,
    hash: u64,
    record: Record,
    /// Where its value lies in the file.
    offset: u64,
}

impl Intake {
    /// Of keys that have expired by `now`, if they have deadlines, and that come at the hour of `progress`.
    pub(super) fn new(data: &Data, now: UnixMillis, progress: LoadProgress) -> Self {
        Self {
            keyspace: data.keyspace.like(),
            limits: data.limits,
            access: data.access,
            now,
            clock: progress.started,
            progress,
            unsupported: 0,
            empty: 0,
            lazy: false,
            beside: None,
            belongs: false,
            passes_on: false,
            kept: 0,
            uncounted: 0,
            log: Vec::new(),
            arrivals: Vec::with_capacity(TOGETHER),
        }
    }

    /// How many values stayed in the file since this was asked the last time.
    pub(super) fn take_uncounted(&mut self) -> usize {
        core::mem::take(&mut self.uncounted)
    }

    /// Whether the file, of which all was read, lies beside the one that it should.
    pub(super) fn belongs(&self) -> bool {
        self.beside.is_none() || self.belongs
    }

    /// Whether the file has keys of types that are not known here.
    pub(super) fn skipped_keys(&self) -> bool {
        self.unsupported > 0
    }

    /// What the log is told at the end.
    pub(super) fn into_log(self) -> Vec<String> {
        let Self { mut log, unsupported, empty, progress, .. } = self;
        if unsupported > NAMED {
            log.push(format!("{unsupported} keys of unknown types were skipped"));
        }
        if empty > 0 {
            log.push(format!("Done loading RDB, {empty} empty keys skipped"));
        }
        let LoadProgress { keys, expired, .. } = progress;
        log.push(format!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}."));
        log
    }

    /// Gives out the keys that came so far.
    pub(super) fn take_keys(&mut self) -> Keyspace {
        let fresh = self.keyspace.like();
        core::mem::replace(&mut self.keyspace, fresh)
    }

    pub(super) fn take_items(&mut self, loader: &mut Loader) -> Result<(), RdbError> {
        let taken = self.take_each(loader);
        // What came before an error may hold an earlier one.
        self.settle().and(taken)
    }

    fn take_each(&mut self, loader: &mut Loader) -> Result<(), RdbError> {
        while let Some(item) = loader.poll_item()? {
            match item {
                Item::Entry(entry) => self.take_entry(&entry)?,
                Item::Function(source) => {
                    let head = source.split(|byte| *byte == b'\n').next().unwrap_or_default();
                    self.log.push(format!("Skipped a library of functions: {}", head.escape_ascii()));
                }
                Item::ModuleAux(name) => {
                    self.log.push(format!("Skipped data of the module {}", name.escape_ascii()));
                }
                Item::Resize { db, keys, .. } => self.make_room(db as usize, keys),
                Item::Aux { name: b"used-mem", value } => {
                    self.progress.used_memory = parse_i64(value).unwrap_or(0);
                }
                Item::Aux { name: BESIDE, value } => {
                    let sum = self.beside.as_ref().and_then(|base| Some(id(base.size, base.sum?)));
                    self.belongs = sum.is_some_and(|id| id.as_bytes() == value);
                }
                Item::Aux { .. } | Item::End(_) => {}
            }
        }
        Ok(())
    }

    /// The file's word is taken for as many keys as it can hold.
    fn make_room(&mut self, db: usize, keys: u64) {
        let most = self.progress.total / LEAST_ENTRY;
        if db < self.keyspace.count() && !self.passes_on {
            self.keyspace.make_room(db, keys.min(most) as usize);
        }
    }

    fn take_entry(&mut self, entry: &Entry<'_>) -> Result<(), RdbError> {
        let db = entry.db as usize;
        if db >= self.keyspace.count() {
            let cause = Cause::Database(entry.db.into());
            return Err(RdbError { cause, ..entry.error(0, Reason::Empty) });
        }
        if entry.deadline.is_some_and(|deadline| deadline < self.now) {
            self.progress.expired += 1;
            return Ok(());
        }
        let Some(record) = self.record(entry)? else { return Ok(()) };
        let hash = self.keyspace.hash(entry.key);
        self.arrivals.push(Arrival { db, hash, record, offset: entry.offset });
        if self.arrivals.len() == TOGETHER { self.settle() } else { Ok(()) }
    }

    /// Gives the keys that came their slots.
    fn settle(&mut self) -> Result<(), RdbError> {
        for arrival in &self.arrivals {
            self.keyspace.db(arrival.db).prefetch(arrival.hash);
        }
        for Arrival { db, hash, record, offset } in self.arrivals.drain(..) {
            if self.keyspace.db(db).find(hash, record.key()).is_some() {
                return Err(RdbError::in_value(offset, record.key(), Reason::Duplicate));
            }
            self.keyspace.db_mut(db).insert(hash, record);
            self.progress.keys += 1;
        }
        Ok(())
    }

    /// The key with its value; `None`: it is left out.
    fn record(&mut self, entry: &Entry<'_>) -> Result<Option<Record>, RdbError> {
        let place = match &self.beside {
            Some(base) => match Noted::read(entry.body).map_err(|reason| entry.error(0, reason))? {
                Noted::Value(form, body) => return self.value(&Entry { form, body, ..*entry }),
                Noted::At(place) => {
                    let place = Place::decode(place).filter(|place| place.is_within(base.size));
                    Some(place.ok_or_else(|| entry.error(0, Reason::TooLong))?)
                }
            },
            None if self.lazy => Place::of_body(entry.offset, entry.form, entry.body, &self.limits),
            None => None,
        };
        let kind = place.and_then(|place| place.kind());
        let (Some(place), Some(kind)) = (place, kind) else { return self.value(entry) };
        self.kept += 1;
        self.uncounted += 1;
        let clock = self.clock_of(entry);
        Ok(Some(Record::new_paged(entry.key, kind, &place.encode(), entry.deadline, clock)))
    }

    fn clock_of(&self, entry: &Entry<'_>) -> u32 {
        clock_of(&self.access, entry.idle, entry.freq, self.clock)
    }

    /// The key with its value in memory.
    fn value(&mut self, entry: &Entry<'_>) -> Result<Option<Record>, RdbError> {
        let (clock, Entry { key, deadline, .. }) = (self.clock_of(entry), *entry);
        if entry.form == Form::String
            && let Ok(Text::Raw(bytes)) = read_text(&mut Reader::new(entry.body))
        {
            return Ok(Some(Record::new_string(key, StrRef::from_bytes(bytes), deadline, clock)));
        }
        match decode(entry.form, entry.body, &self.limits) {
            Ok(value) => Ok(Some(Record::new(key, value, deadline, clock))),
            Err(error) => {
                self.left_out(entry, error.reason).then_some(None).ok_or(entry.error(error.at, error.reason))
            }
        }
    }

    /// Whether a value that was refused may be left out, with a word in the log.
    fn left_out(&mut self, entry: &Entry<'_>, reason: Reason) -> bool {
        match reason {
            Reason::Unsupported(_) => {
                self.unsupported += 1;
                if self.unsupported <= NAMED {
                    self.log.push(format!("Skipped key '{}': {reason}", entry.key.escape_ascii()));
                }
            }
            Reason::Empty => self.empty += 1,
            _ => return false,
        }
        true
    }
}

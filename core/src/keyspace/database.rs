//! One database: a table of records, with a count of those that have deadlines.

use super::record::{PLACE_LEN, Record};
use crate::types::Value;
use crate::types::segmented::{Segmented, Slot};
use crate::types::string::StrRef;
use crate::words::hash::HashKey;
use crate::words::rng::Rng;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;

/// A table of records. Keys with deadlines need no second table: a tag in the slot tells them apart.
#[derive(Debug)]
pub struct Database {
    table: Segmented<Record>,
    volatile: usize,
    paged: usize,
    hash_key: HashKey,
    /// Where the active expiry cycle goes on.
    pub expire_cursor: u64,
    /// The mean time to live of the keys that the last expiry samples met, in milliseconds.
    pub average_ttl: i64,
}

impl Database {
    /// An empty database.
    pub fn new(hash_key: HashKey) -> Self {
        Self { table: Segmented::new(), volatile: 0, paged: 0, hash_key, expire_cursor: 0, average_ttl: 0 }
    }

    /// An empty database with room for about so many keys.
    pub fn with_capacity(hash_key: HashKey, keys: usize) -> Self {
        Self { table: Segmented::with_capacity(keys), ..Self::new(hash_key) }
    }

    /// How many keys there are, expired ones that nobody met yet included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many keys have a deadline.
    pub fn volatile(&self) -> usize {
        self.volatile
    }

    /// How many values are on a page device.
    pub fn paged(&self) -> usize {
        self.paged
    }

    /// Puts a value's place in its stead.
    pub fn page_out(&mut self, slot: Slot, place: &[u8]) {
        let record = self.table.get_mut(slot);
        self.paged += usize::from(!record.is_paged());
        record.page_out(place);
    }

    /// Gives a paged key its value again.
    pub fn page_in(&mut self, slot: Slot, value: Value) {
        let record = self.table.get_mut(slot);
        self.paged -= usize::from(record.is_paged());
        record.set_value(value);
    }

    /// Gives a paged key its value again, and keeps the copy on the device for the next time that it leaves.
    pub fn page_in_keeping(&mut self, slot: Slot, value: Value, place: &[u8; PLACE_LEN]) {
        self.page_in(slot, value);
        self.table.get_mut(slot).set_copy(place);
    }

    /// Leaves a value to its copy on the device.
    pub fn rely_on_copy(&mut self, slot: Slot) {
        let record = self.table.get_mut(slot);
        record.rely_on_copy();
        self.paged += usize::from(record.is_paged());
    }

    /// Notes that a paged value is about to be overwritten.
    pub fn forget_page(&mut self, slot: Slot) {
        self.paged -= usize::from(self.table.get(slot).is_paged());
    }

    /// Where the key lies; `hash` is its hash.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        self.table.find(hash, |r| r.key() == key)
    }

    /// Brings the key's slot and the start of its record towards the processor.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        self.table.fetch(hash);
    }

    /// The record in `slot`.
    #[inline]
    pub fn get(&self, slot: Slot) -> &Record {
        self.table.get(slot)
    }

    /// The record in `slot`, to be changed. Deadlines go through [`Database::set_deadline`].
    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> &mut Record {
        self.table.get_mut(slot)
    }

    /// Adds a record whose key is not there yet.
    pub fn insert(&mut self, hash: u64, record: Record) -> Slot {
        debug_assert!(self.find(hash, record.key()).is_none(), "the key is new");
        self.volatile += usize::from(record.is_volatile());
        self.paged += usize::from(record.is_paged());
        let hash_key = self.hash_key;
        self.table.insert_unique(hash, record, |r| hash_key.hash(r.key()))
    }

    /// Adds a key with a value.
    pub fn insert_value(&mut self, hash: u64, key: &[u8], value: Value, clock: u32) -> Slot {
        self.insert(hash, Record::new(key, value, None, clock))
    }

    /// Adds a key with a string, copied from where it lies.
    #[inline]
    pub fn insert_string(&mut self, hash: u64, key: &[u8], value: StrRef<'_>, clock: u32) -> Slot {
        self.insert(hash, Record::new_string(key, value, None, clock))
    }

    /// Takes the record away. Other slots are no longer valid.
    pub fn remove(&mut self, slot: Slot) -> Record {
        let hash_key = self.hash_key;
        let record = self.table.remove(slot);
        self.table.shrink(|r| hash_key.hash(r.key()));
        self.volatile -= usize::from(record.is_volatile());
        self.paged -= usize::from(record.is_paged());
        record
    }

    /// Sets, changes or removes a key's deadline.
    #[inline]
    pub fn set_deadline(&mut self, slot: Slot, deadline: Option<UnixMillis>) {
        let record = self.table.get_mut(slot);
        let was = record.is_volatile();
        record.set_deadline(deadline);
        self.volatile += usize::from(deadline.is_some());
        self.volatile -= usize::from(was);
    }

    /// Any key, each about as likely as another.
    pub fn random(&self, rng: &mut Rng) -> Option<Slot> {
        self.table.random(rng)
    }

    /// Visits up to `n` records near a random place that `accept` takes, after at most `tries` others. `accept` should
    /// judge by the tags alone.
    pub fn sample(
        &self,
        rng: &mut Rng,
        n: usize,
        tries: usize,
        accept: impl Fn(&Record) -> bool,
        mut visit: impl FnMut(&Record),
    ) {
        for slot in self.table.sample(rng, n, tries, accept) {
            visit(self.table.get(slot));
        }
    }

    /// Up to `n` records that `accept` takes, each as likely as any other, which looks at about `tries` places; one may come
    /// twice. About one of `rarity` is to be expected, so many more neighbours are looked at together. Where hardly any is
    /// left to be taken, what a walk over many more places meets. `accept` should judge by the tags alone.
    pub fn sample_spread(
        &self,
        rng: &mut Rng,
        n: usize,
        tries: usize,
        rarity: usize,
        accept: impl Fn(&Record) -> bool,
    ) -> Vec<Slot> {
        /// Tags lie together: so many are looked at in the time of a few hundred random reads.
        const WALK: usize = 50_000;
        if self.len() <= tries {
            return self.table.sample(rng, n, usize::MAX, accept);
        }
        let found = self.table.sample_spread(rng, n, tries, rarity, &accept);
        if found.is_empty() { self.table.sample(rng, n, WALK, accept) } else { found }
    }

    /// Visits about `count` records from `cursor` on and returns where to go on, 0 at the end. A record that stays is
    /// visited whatever is added or removed between the calls.
    pub fn scan(&self, cursor: u64, count: usize, visit: impl FnMut(&Record)) -> u64 {
        self.table.scan(cursor, count, visit)
    }

    /// Where a key of this hash lies in a walk by [`Database::range_from`].
    #[inline]
    pub fn walk_point(hash: u64) -> u32 {
        Segmented::<Record>::walk_point(hash)
    }

    /// The point at which a walk is over.
    pub const WALK_END: u32 = Segmented::<Record>::WALK_END;

    /// Collects a bounded number of records, those from the point `from` up to the point that is returned.
    pub fn range_from<'a>(&'a self, from: u32, out: &mut Vec<&'a Record>) -> u32 {
        self.table.range_from(from, |r| self.hash_key.hash(r.key()), out)
    }

    /// All records.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.table.iter()
    }

    /// Frees up to about `budget` records; true when none is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        self.table.free_some(budget)
    }
}

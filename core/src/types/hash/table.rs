//! The full encoding: a table of fields, each with its value in one thin heap block.

use crate::words::ordered::OrderedSet;
use alloc::vec::Vec;

use crate::block::Block;
use crate::types::segmented::{Fetch, Segmented, Slot};
use crate::words::hash::HashKey;
use crate::words::rng::Rng;

/// Bytes that a field takes in the table, on average over all fillings (see [`Segmented`]).
const TABLE_BYTES_A_FIELD: usize = 15;
/// Groups of 7 bits in the longest length.
const MAX_LENGTH_BYTES: usize = 5;

/// A field with its value: `| length of the field, 7 bits a byte, lowest first | field … | value … |`.
#[derive(Debug)]
struct Field(Block<()>);

impl Fetch for Field {
    #[inline]
    fn fetch(&self) {
        self.0.prefetch();
    }
}

impl Field {
    fn new(name: &[u8], value: &[u8]) -> Self {
        let mut buf = [0; MAX_LENGTH_BYTES];
        let head = write_length(&mut buf, name.len());
        Self(Block::new(&[&buf[..head], name, value]))
    }

    /// Where the name begins and where it ends.
    #[inline]
    fn bounds(bytes: &[u8]) -> (usize, usize) {
        let first = usize::from(bytes[0]);
        if first < 0x80 {
            return (1, 1 + first);
        }
        let (mut len, mut at) = (first & 0x7f, 1);
        while bytes[at - 1] >= 0x80 {
            len |= usize::from(bytes[at] & 0x7f) << (7 * at);
            at += 1;
        }
        (at, at + len)
    }

    #[inline]
    fn name(&self) -> &[u8] {
        let bytes = self.0.bytes();
        let (start, end) = Self::bounds(bytes);
        &bytes[start..end]
    }

    #[inline]
    fn pair(&self) -> (&[u8], &[u8]) {
        let bytes = self.0.bytes();
        let (start, end) = Self::bounds(bytes);
        (&bytes[start..end], &bytes[end..])
    }

    fn set_value(&mut self, value: &[u8]) {
        let keep = Self::bounds(self.0.bytes()).1;
        self.0.replace_tail(keep, value);
    }
}

fn write_length(buf: &mut [u8; MAX_LENGTH_BYTES], mut len: usize) -> usize {
    let mut at = 0;
    while len >= 0x80 {
        buf[at] = len as u8 | 0x80;
        len >>= 7;
        at += 1;
    }
    buf[at] = len as u8;
    at + 1
}

/// Fields with their values, in no order.
#[derive(Debug)]
pub struct FieldTable {
    fields: Segmented<Field>,
    /// Bytes of all blocks.
    pub(super) block_bytes: usize,
    key: HashKey,
}

impl FieldTable {
    /// An empty table that hashes fields under `key`.
    pub const fn new(key: HashKey) -> Self {
        Self { fields: Segmented::new(), block_bytes: 0, key }
    }

    /// How many fields.
    #[inline]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// About how many bytes all of it takes. O(1).
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.block_bytes + self.len() * TABLE_BYTES_A_FIELD
    }

    /// The field's value.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        let hash = self.key.hash(field);
        self.fields.find_ref(hash, |f| f.name() == field).map(|f| f.pair().1)
    }

    /// Fetches from memory what a lookup of this hash is going to need.
    #[inline]
    pub fn fetch(&self, hash: u64) {
        self.fields.fetch(hash);
    }

    /// Gives the field this value; whether the field is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.set_hashed(self.key.hash(field), field, value)
    }

    /// As [`set`](Self::set), where the field's hash is known.
    #[inline]
    pub fn set_hashed(&mut self, hash: u64, field: &[u8], value: &[u8]) -> bool {
        if let Some(found) = self.fields.find_mut(hash, |f| f.name() == field) {
            self.block_bytes -= found.0.allocated();
            found.set_value(value);
            self.block_bytes += found.0.allocated();
            return false;
        }
        self.add(hash, field, value);
        true
    }

    /// Adds a field that may not be there yet; `false`, and nothing changes, where it is.
    pub fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = self.key.hash(field);
        let absent = self.fields.find(hash, |f| f.name() == field).is_none();
        if absent {
            self.add(hash, field, value);
        }
        absent
    }

    fn add(&mut self, hash: u64, field: &[u8], value: &[u8]) {
        let key = self.key;
        let new = Field::new(field, value);
        self.block_bytes += new.0.allocated();
        self.fields.insert_unique(hash, new, |f| key.hash(f.name()));
    }

    /// Removes the field; whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let key = self.key;
        let Some(slot) = self.fields.find(key.hash(field), |f| f.name() == field) else { return false };
        let removed = self.fields.remove(slot);
        self.block_bytes -= removed.0.allocated();
        self.fields.shrink(|f| key.hash(f.name()));
        true
    }

    /// Every field with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(Field::pair)
    }

    /// Visits about `count` fields from `cursor` on and returns where to go on, 0 at the end; see [`Segmented::scan`].
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], &[u8])) -> u64 {
        self.fields.scan(cursor, count, |field| {
            let (name, value) = field.pair();
            visit(name, value);
        })
    }

    /// Where a random field lies.
    pub fn random(&self, rng: &mut Rng) -> Option<Slot> {
        self.fields.random(rng)
    }

    /// The field and its value at a place that [`random`](Self::random) gave.
    pub fn pair(&self, slot: Slot) -> (&[u8], &[u8]) {
        self.fields.get(slot).pair()
    }

    /// Frees about `budget` fields; `true` when none is left. Good for nothing else from the first call on.
    pub fn free_some(&mut self, budget: usize) -> bool {
        self.fields.free_some(budget)
    }
}

impl Clone for FieldTable {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.key);
        for (field, value) in self.iter() {
            copy.add(self.key.hash(field), field, value);
        }
        copy
    }
}

/// Up to `n` distinct places, in the order they were drawn. Meant for `n` well below the number of fields.
pub(super) fn draw(table: &FieldTable, rng: &mut Rng, n: usize) -> Vec<Slot> {
    let mut seen = OrderedSet::new();
    let mut drawn = Vec::with_capacity(n);
    while drawn.len() < n.min(table.len()) {
        let Some(slot) = table.random(rng) else { break };
        if seen.insert(slot) {
            drawn.push(slot);
        }
    }
    drawn
}

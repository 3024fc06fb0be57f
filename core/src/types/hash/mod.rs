//! Hashes: fields with values, as a listpack of field, value, field, value … while small, as a table beyond.

pub mod commands;
mod table;
#[cfg(test)]
mod tests;

pub use table::FieldTable;

use crate::types::Limits;
use crate::types::full::Full;
use crate::types::listpack::{Element, Listpack, ListpackBuf, Pos};
use crate::words::reach::FULL;
use crate::words::rng::Rng;

/// A hash that is owned.
#[derive(Debug, Clone)]
pub enum Hash {
    /// Few and short fields.
    Packed(ListpackBuf),
    /// Any number of fields of any length.
    Table(Full<FieldTable>),
}

/// A hash that is read in place.
#[derive(Debug, Clone, Copy)]
pub enum HashRef<'a> {
    /// Few and short fields.
    Packed(Listpack<'a>),
    /// Any number of fields of any length.
    Table(Full<&'a FieldTable>),
}

/// Where the field's value lies in a packed hash.
fn find(packed: Listpack<'_>, field: &[u8]) -> Option<Pos> {
    let at = packed.find(packed.first()?, field, 1)?;
    packed.next(at)
}

fn packed_pairs(packed: Listpack<'_>) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
    let mut elements = packed.iter();
    core::iter::from_fn(move || Some((elements.next()?, elements.next()?)))
}

impl<'a> HashRef<'a> {
    /// The name that OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Table(_) => "hashtable",
        }
    }

    /// How many fields.
    pub fn len(self) -> usize {
        match self {
            Self::Packed(packed) => packed.len() / 2,
            Self::Table(table) => table.len(),
        }
    }

    /// Whether there is no field.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Packed(packed) => packed.is_empty(),
            Self::Table(table) => table.is_empty(),
        }
    }

    /// About how many bytes the hash takes.
    pub fn memory(self) -> usize {
        match self {
            Self::Packed(packed) => packed.bytes().len(),
            Self::Table(table) => table.memory(),
        }
    }

    /// The field's value.
    #[inline]
    pub fn get(self, field: &[u8]) -> Option<Element<'a>> {
        match self {
            Self::Packed(packed) => find(packed, field).map(|at| packed.get(at)),
            Self::Table(table) => table.get().get(field).map(Element::Str),
        }
    }

    /// Whether the field is there.
    pub fn contains(self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Every field with its value; a packed hash's in the order in which they were added.
    pub fn iter(self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> {
        let (packed, table) = match self {
            Self::Packed(packed) => (Some(packed_pairs(packed)), None),
            Self::Table(table) => (None, Some(table.get().iter())),
        };
        let texts = table.into_iter().flatten().map(|(f, v)| (Element::Str(f), Element::Str(v)));
        packed.into_iter().flatten().chain(texts)
    }

    /// Visits about `count` fields from `cursor` on and returns where to go on, 0 at the end; a packed hash is visited
    /// whole.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'_>, Element<'_>)) -> u64 {
        match self {
            Self::Packed(packed) => {
                packed_pairs(packed).for_each(|(f, v)| visit(f, v));
                0
            }
            Self::Table(table) => table.scan(cursor, count, |f, v| visit(Element::Str(f), Element::Str(v))),
        }
    }

    /// A random field with its value, each as likely as any other; `None` in an empty hash.
    pub fn random(self, rng: &mut Rng) -> Option<(Element<'a>, Element<'a>)> {
        match self {
            Self::Packed(packed) => {
                let field = packed.seek(rng.index(self.len()) as i64 * 2)?;
                Some((packed.get(field), packed.get(packed.next(field)?)))
            }
            Self::Table(table) => {
                let (field, value) = table.get().pair(table.random(rng)?);
                Some((Element::Str(field), Element::Str(value)))
            }
        }
    }

    /// Visits `n` different random fields, or all where there are no more.
    pub fn random_distinct(self, rng: &mut Rng, n: usize, mut visit: impl FnMut(Element<'_>, Element<'_>)) {
        /// Up to one field in so many, drawing one by one rarely meets the same again.
        const FEW: usize = 3;
        match self {
            Self::Table(table) if n.saturating_mul(FEW) <= table.len() => {
                for slot in table::draw(table.get(), rng, n) {
                    let (field, value) = table.pair(slot);
                    visit(Element::Str(field), Element::Str(value));
                }
            }
            _ => self.select(rng, n, visit),
        }
    }

    /// Walks over all fields and takes each with the chance that leaves `n` in the end, all choices as likely.
    fn select(self, rng: &mut Rng, n: usize, mut visit: impl FnMut(Element<'_>, Element<'_>)) {
        let (mut wanted, mut left) = (n.min(self.len()), self.len());
        for (field, value) in self.iter() {
            if rng.index(left) < wanted {
                visit(field, value);
                wanted -= 1;
            }
            left -= 1;
        }
    }

    /// A copy that is owned.
    pub fn to_owned(self) -> Hash {
        match self {
            Self::Packed(packed) => Hash::Packed(ListpackBuf::from_vec(packed.bytes().to_vec())),
            Self::Table(table) => Hash::Table(Full::new(table.get().clone())),
        }
    }
}

impl Hash {
    /// A hash without fields, packed.
    pub fn new() -> Self {
        Self::Packed(ListpackBuf::new())
    }

    /// A hash of fields and values that lie in a listpack in turn, each field once; packed or not by the limit on entries.
    pub fn from_packed(packed: ListpackBuf, limits: &Limits) -> Self {
        let mut hash = Self::Packed(packed);
        hash.keep_limit(limits);
        hash
    }

    /// To read it.
    #[inline]
    pub fn as_ref(&self) -> HashRef<'_> {
        match self {
            Self::Packed(packed) => HashRef::Packed(packed.as_ref()),
            Self::Table(table) => HashRef::Table(table.as_ref()),
        }
    }

    /// How many fields.
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.as_ref().is_empty()
    }

    /// Gives the field this value; whether the field is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Limits) -> bool {
        self.make_fit(field, value, limits);
        let packed = match self {
            Self::Packed(packed) => packed,
            Self::Table(table) => return table.set_hashed(limits.hash(field), field, value),
        };
        if let Some(at) = find(packed.as_ref(), field) {
            packed.replace(at, value);
            return false;
        }
        packed.push_back(field);
        packed.push_back(value);
        self.keep_limit(limits);
        true
    }

    /// Adds a field that may not be there yet; `false`, and nothing changes, where it is.
    pub fn insert(&mut self, field: &[u8], value: &[u8], limits: &Limits) -> bool {
        if let Self::Table(table) = self {
            return table.insert(field, value);
        }
        let absent = !self.as_ref().contains(field);
        if absent {
            self.set(field, value, limits);
        }
        absent
    }

    /// Removes the field; whether it was there. A table stays a table.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let packed = match self {
            Self::Packed(packed) => packed,
            Self::Table(table) => return table.remove(field),
        };
        let Some(at) = packed.as_ref().first().and_then(|first| packed.as_ref().find(first, field, 1)) else {
            return false;
        };
        packed.remove_range(at, 2);
        true
    }

    /// Makes it a table where field or value are too long for a listpack.
    fn make_fit(&mut self, field: &[u8], value: &[u8], limits: &Limits) {
        let Self::Packed(packed) = self else { return };
        let longest = field.len().max(value.len());
        if longest > limits.hash_max_listpack_value || !packed.as_ref().safe_to_add(field.len() + value.len())
        {
            self.make_table(limits);
        }
    }

    /// Makes it a table where it has too many fields for a listpack.
    fn keep_limit(&mut self, limits: &Limits) {
        if matches!(self, Self::Packed(packed) if packed.len() / 2 > limits.hash_max_listpack_entries) {
            self.make_table(limits);
        }
    }

    /// Makes it a table, where there are any.
    pub fn make_table(&mut self, limits: &Limits) {
        let Self::Packed(packed) = self else { return };
        if !FULL {
            return;
        }
        let mut table = FieldTable::new(limits.hash_key);
        for (field, value) in packed_pairs(packed.as_ref()) {
            field.with_bytes(|f| value.with_bytes(|v| table.set(f, v)));
        }
        *self = Self::Table(Full::new(table));
    }

    /// Frees about `budget` fields; `true` when none is left. Good for nothing else from the first call on.
    pub fn free_some(&mut self, budget: usize) -> bool {
        match self {
            Self::Packed(_) => true,
            Self::Table(table) => table.free_some(budget),
        }
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

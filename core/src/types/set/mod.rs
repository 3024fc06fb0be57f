//! Sets: integers in an intset, a few short members in a listpack, a table beyond. Conversions follow Redis 7.2.

pub mod commands;
mod table;
#[cfg(test)]
mod tests;

pub use table::MemberTable;

use crate::types::Limits;
use crate::types::full::Full;
use crate::types::intset::{Intset, IntsetBuf};
use crate::types::listpack::{Element, Listpack, ListpackBuf};
use crate::words::number::parse_i64;
use crate::words::ordered::OrderedSet;
use crate::words::reach::FULL;
use crate::words::rng::Rng;
use alloc::vec::Vec;

/// A set that is owned.
#[derive(Debug, Clone)]
pub enum Set {
    /// Integers only.
    Ints(Full<IntsetBuf>),
    /// Few and short members.
    Packed(ListpackBuf),
    /// Any number of members of any length.
    Table(Full<MemberTable>),
}

/// A set that is read in place.
#[derive(Debug, Clone, Copy)]
pub enum SetRef<'a> {
    /// Integers only.
    Ints(Full<Intset<'a>>),
    /// Few and short members.
    Packed(Listpack<'a>),
    /// Any number of members of any length.
    Table(Full<&'a MemberTable>),
}

impl<'a> SetRef<'a> {
    /// The encoding's name.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Ints(_) => "intset",
            Self::Packed(_) => "listpack",
            Self::Table(_) => "hashtable",
        }
    }

    /// How many members.
    pub fn len(self) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Packed(packed) => packed.len(),
            Self::Table(table) => table.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// About how many bytes the set takes. O(1).
    pub fn memory(self) -> usize {
        match self {
            Self::Ints(ints) => ints.bytes().len(),
            Self::Packed(packed) => packed.bytes().len(),
            Self::Table(table) => table.memory(),
        }
    }

    /// Whether the member is there.
    #[inline]
    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            Self::Ints(ints) => parse_i64(member).is_some_and(|n| ints.contains(n)),
            Self::Packed(packed) => {
                packed.first().is_some_and(|first| packed.find(first, member, 0).is_some())
            }
            Self::Table(table) => table.contains(member),
        }
    }

    /// As [`contains`](Self::contains), for a member of another set.
    #[inline]
    pub fn contains_element(self, member: Element<'_>) -> bool {
        match (self, member) {
            (Self::Ints(ints), Element::Int(n)) => ints.contains(n),
            _ => member.with_bytes(|m| self.contains(m)),
        }
    }

    /// Visits every member, in the order of [`iter`](Self::iter) and faster.
    #[inline]
    pub fn for_each(self, mut visit: impl FnMut(Element<'a>)) {
        match self {
            Self::Ints(ints) => ints.get().iter().for_each(|n| visit(Element::Int(n))),
            Self::Packed(packed) => packed.iter().for_each(visit),
            Self::Table(table) => table.get().iter().for_each(|m| visit(Element::Str(m))),
        }
    }

    /// Every member: ascending integers, a listpack's in the order of their coming, a table's in none.
    pub fn iter(self) -> impl Iterator<Item = Element<'a>> {
        let (ints, packed, table) = match self {
            Self::Ints(ints) => (Some(ints.get().iter().map(Element::Int)), None, None),
            Self::Packed(packed) => (None, Some(packed.iter()), None),
            Self::Table(table) => (None, None, Some(table.get().iter().map(Element::Str))),
        };
        let (ints, packed) = (ints.into_iter().flatten(), packed.into_iter().flatten());
        ints.chain(packed).chain(table.into_iter().flatten())
    }

    /// Visits about `count` members from `cursor` on and returns where to go on, 0 at the end; a compact set is visited
    /// whole.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'_>)) -> u64 {
        if let Self::Table(table) = self {
            return table.scan(cursor, count, |member| visit(Element::Str(member)));
        }
        self.for_each(visit);
        0
    }

    /// A random member, each as likely as another; `None` in an empty set.
    pub fn random(self, rng: &mut Rng) -> Option<Element<'a>> {
        match self {
            Self::Ints(ints) => ints.random(rng).map(Element::Int),
            Self::Packed(packed) if packed.is_empty() => None,
            Self::Packed(packed) => packed.seek(rng.index(packed.len()) as i64).map(|at| packed.get(at)),
            Self::Table(table) => table.get().random(rng).map(Element::Str),
        }
    }

    /// Visits `n` different random members, or all where there are no more.
    pub fn random_distinct(self, rng: &mut Rng, n: usize, mut visit: impl FnMut(Element<'_>)) {
        /// Up to one member in so many, drawing one by one rarely meets the same again.
        const FEW: usize = 3;
        if let Self::Table(table) = self
            && n.saturating_mul(FEW) <= table.len()
        {
            let mut drawn: OrderedSet<&[u8]> = OrderedSet::new();
            while drawn.len() < n {
                let Some(member) = table.get().random(rng) else { return };
                if drawn.insert(member) {
                    visit(Element::Str(member));
                }
            }
            return;
        }
        self.split_random(rng, n, |member, chosen| {
            if chosen {
                visit(member);
            }
        });
    }

    /// Visits every member and says of `n` random ones, or of all where there are no more, that they are chosen.
    fn split_random(self, rng: &mut Rng, n: usize, mut visit: impl FnMut(Element<'_>, bool)) {
        let (mut wanted, mut left) = (n.min(self.len()), self.len());
        self.for_each(|member| {
            let chosen = rng.index(left) < wanted;
            visit(member, chosen);
            wanted -= usize::from(chosen);
            left -= 1;
        });
    }

    /// A copy that is owned.
    pub fn to_owned(self) -> Set {
        match self {
            Self::Ints(ints) => Set::Ints(Full::new(IntsetBuf::from_vec(ints.bytes().to_vec()))),
            Self::Packed(packed) => Set::Packed(ListpackBuf::from_vec(packed.bytes().to_vec())),
            Self::Table(table) => Set::Table(Full::new(table.get().clone())),
        }
    }
}

impl Set {
    /// A set without members, in the encoding that takes integers where there is one.
    pub fn new() -> Self {
        if FULL { Self::Ints(Full::new(IntsetBuf::new())) } else { Self::Packed(ListpackBuf::new()) }
    }

    /// To read it.
    #[inline]
    pub fn as_ref(&self) -> SetRef<'_> {
        match self {
            Self::Ints(ints) => SetRef::Ints(Full::new(IntsetBuf::as_ref(ints))),
            Self::Packed(packed) => SetRef::Packed(packed.as_ref()),
            Self::Table(table) => SetRef::Table(table.as_ref()),
        }
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.as_ref().is_empty()
    }

    /// Chooses the encoding before `expected` members come, of which `first` is one: for an empty set the one that
    /// suits them; a listpack is made a table where they alone would be too many. Integers stay integers until there are too many
    /// of them, as in 7.0: some may come twice.
    pub fn prepare(&mut self, first: &[u8], expected: usize, limits: &Limits) {
        let packable = !FULL || expected <= limits.set_max_listpack_entries;
        match self {
            Self::Ints(ints) if IntsetBuf::as_ref(ints).is_empty() => self.suit(first, packable, limits),
            Self::Packed(_) if !packable => self.make_table(limits),
            _ => {}
        }
    }

    fn suit(&mut self, first: &[u8], packable: bool, limits: &Limits) {
        if parse_i64(first).is_some() {
            return;
        }
        *self = if !FULL || packable && first.len() <= limits.set_max_listpack_value {
            Self::Packed(ListpackBuf::new())
        } else {
            Self::Table(Full::new(MemberTable::new(limits.hash_key)))
        };
    }

    /// Adds a member; whether it is new.
    #[inline]
    pub fn insert(&mut self, member: &[u8], limits: &Limits) -> bool {
        match self {
            Self::Table(table) => table.insert_hashed(limits.hash(member), member),
            Self::Packed(_) => self.insert_packed(member, limits),
            Self::Ints(_) => self.insert_into_ints(member, limits),
        }
    }

    fn insert_packed(&mut self, member: &[u8], limits: &Limits) -> bool {
        let Self::Packed(packed) = self else { return false };
        if SetRef::Packed(packed.as_ref()).contains(member) {
            return false;
        }
        let fits = !FULL
            || packed.len() < limits.set_max_listpack_entries
                && member.len() <= limits.set_max_listpack_value
                && packed.as_ref().safe_to_add(member.len());
        if fits {
            packed.push_back(member);
            return true;
        }
        self.make_table(limits);
        self.insert(member, limits)
    }

    fn insert_into_ints(&mut self, member: &[u8], limits: &Limits) -> bool {
        let Self::Ints(ints) = self else { return false };
        if let Some(n) = parse_i64(member) {
            let added = ints.insert(n);
            if added {
                self.limit_ints(limits);
            }
            return added;
        }
        let longest = longest_int(IntsetBuf::as_ref(ints)).max(member.len());
        let fits = !FULL
            || IntsetBuf::as_ref(ints).len() < limits.set_max_listpack_entries
                && longest <= limits.set_max_listpack_value;
        if fits {
            self.make_packed();
        } else {
            self.make_table(limits);
        }
        self.insert(member, limits)
    }

    /// Gives up the intset where it has too many members for one.
    fn limit_ints(&mut self, limits: &Limits) {
        let Self::Ints(ints) = self else { return };
        let len = IntsetBuf::as_ref(ints).len();
        // As in Redis, an intset never grows beyond 1 GiB, whatever the configuration says.
        if len <= limits.set_max_intset_entries.min(1 << 30) {
            return;
        }
        self.make_table(limits);
    }

    /// Removes a member; whether it was there. A table stays a table.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Ints(ints) => parse_i64(member).is_some_and(|n| ints.remove(n)),
            Self::Packed(packed) => {
                let view = packed.as_ref();
                let at = view.first().and_then(|first| view.find(first, member, 0));
                at.map(|at| packed.remove(at)).is_some()
            }
            Self::Table(table) => table.remove(member),
        }
    }

    /// Takes out up to `n` different random members. Where few stay behind, they move to a set of their own, in the
    /// encoding that suits them.
    pub fn take_random(&mut self, rng: &mut Rng, n: usize, limits: &Limits) -> Vec<Vec<u8>> {
        /// What stays is moved where it is less than one in so many of what goes.
        const FEW: usize = 5;
        let mut taken = Vec::with_capacity(n.min(self.len()));
        if !FULL || self.len().saturating_sub(n) * FEW < n {
            let mut rest = Self::new();
            self.as_ref().split_random(rng, n, |member, chosen| {
                if chosen {
                    taken.push(member.to_vec());
                } else {
                    member.with_bytes(|m| rest.insert(m, limits));
                }
            });
            *self = rest;
            return taken;
        }
        self.as_ref().random_distinct(rng, n, |member| taken.push(member.to_vec()));
        for member in &taken {
            self.remove(member);
        }
        taken
    }

    /// Makes it a listpack.
    pub fn make_packed(&mut self) {
        let mut packed = ListpackBuf::new();
        self.as_ref().for_each(|member| member.with_bytes(|m| packed.push_back(m)));
        *self = Self::Packed(packed);
    }

    /// Makes it a table, where there are any.
    pub fn make_table(&mut self, limits: &Limits) {
        if !FULL {
            return;
        }
        let mut table = MemberTable::new(limits.hash_key);
        self.as_ref().for_each(|member| {
            member.with_bytes(|m| table.insert(m));
        });
        *self = Self::Table(Full::new(table));
    }

    /// Frees about `budget` members; `true` when none is left. Good for nothing else from the first call on.
    pub fn free_some(&mut self, budget: usize) -> bool {
        match self {
            Self::Table(table) => table.free_some(budget),
            _ => true,
        }
    }
}

/// Digits of the longest member.
fn longest_int(ints: Intset<'_>) -> usize {
    if ints.is_empty() {
        return 0;
    }
    let len = |n: i64| Element::Int(n).len();
    len(ints.get(0)).max(len(ints.get(ints.len() - 1)))
}

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

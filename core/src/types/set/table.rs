//! The full encoding: a table of members, each one thin heap block.

use crate::block::Block;
use crate::types::segmented::{Fetch, Segmented};
use crate::words::hash::HashKey;
use crate::words::rng::Rng;

/// Bytes that a member takes in the table, on average over all fillings (see [`Segmented`]).
const TABLE_BYTES_A_MEMBER: usize = 15;

impl Fetch for Block<()> {
    #[inline]
    fn fetch(&self) {
        self.prefetch();
    }
}

/// Members in no order.
#[derive(Debug)]
pub struct MemberTable {
    members: Segmented<Block<()>>,
    /// Bytes of all blocks.
    block_bytes: usize,
    key: HashKey,
}

impl MemberTable {
    /// An empty table that hashes members under `key`.
    pub const fn new(key: HashKey) -> Self {
        Self { members: Segmented::new(), block_bytes: 0, key }
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// About how many bytes all of it takes. O(1).
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.block_bytes + self.len() * TABLE_BYTES_A_MEMBER
    }

    /// Whether the member is there.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.members.find_ref(self.key.hash(member), |m| m.bytes() == member).is_some()
    }

    /// Fetches from memory what a lookup of this hash is going to need.
    #[inline]
    pub fn fetch(&self, hash: u64) {
        self.members.fetch(hash);
    }

    /// Adds a member; whether it is new.
    #[inline]
    pub fn insert(&mut self, member: &[u8]) -> bool {
        self.insert_hashed(self.key.hash(member), member)
    }

    /// As [`insert`](Self::insert), where the member's hash is known.
    #[inline]
    pub fn insert_hashed(&mut self, hash: u64, member: &[u8]) -> bool {
        let key = self.key;
        if self.members.find(hash, |m| m.bytes() == member).is_some() {
            return false;
        }
        let block = Block::new(&[member]);
        self.block_bytes += block.allocated();
        self.members.insert_unique(hash, block, |m| key.hash(m.bytes()));
        true
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let key = self.key;
        let Some(slot) = self.members.find(key.hash(member), |m| m.bytes() == member) else { return false };
        let removed = self.members.remove(slot);
        self.block_bytes -= removed.allocated();
        self.members.shrink(|m| key.hash(m.bytes()));
        true
    }

    /// Every member.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.members.iter().map(Block::bytes)
    }

    /// Visits about `count` members from `cursor` on and returns where to go on, 0 at the end; see [`Segmented::scan`].
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8])) -> u64 {
        self.members.scan(cursor, count, |m| visit(m.bytes()))
    }

    /// A random member.
    pub fn random(&self, rng: &mut Rng) -> Option<&[u8]> {
        self.members.random(rng).map(|slot| self.members.get(slot).bytes())
    }

    /// Frees about `budget` members; `true` when none is left. Good for nothing else from the first call on.
    pub fn free_some(&mut self, budget: usize) -> bool {
        self.members.free_some(budget)
    }
}

impl Clone for MemberTable {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.key);
        for member in self.iter() {
            copy.insert(member);
        }
        copy
    }
}

//! Keys of which it is known that the store does not have them, so that asking again costs nothing.
//!
//! Only a read that found nothing, and a delete that was carried out, make an entry; a key that comes into being ends its.
//! The oldest entries go where their bound is reached, but those that were asked for since they were last passed over.

use crate::words::ordered::OrderedMap;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Bytes that an entry takes beside its key, about.
const OVERHEAD: usize = 120;

#[derive(Debug)]
struct Missing {
    key: Box<[u8]>,
    used: bool,
    /// Its place in the order.
    number: u32,
}

/// The negative cache.
#[derive(Debug, Default)]
pub struct Absent {
    map: OrderedMap<(u32, u64), Vec<Missing>>,
    /// In the order in which they came, with their numbers; some may be gone meanwhile, and have come again.
    order: VecDeque<((u32, u64), u32)>,
    last: u32,
    len: usize,
    bytes: usize,
}

impl Absent {
    /// How many keys are known to be absent.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes that they take, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the key is known to be absent.
    pub fn contains(&mut self, at: (u32, u64), key: &[u8]) -> bool {
        let bucket = self.map.get_mut(&at).into_iter().flatten();
        bucket.filter(|missing| *missing.key == *key).map(|missing| missing.used = true).next().is_some()
    }

    /// As [`Absent::contains`], for one who does not need the entry to stay.
    pub fn has(&self, at: (u32, u64), key: &[u8]) -> bool {
        self.map.get(&at).is_some_and(|bucket| bucket.iter().any(|missing| *missing.key == *key))
    }

    /// Notes a key that is not in the store.
    pub fn add(&mut self, at: (u32, u64), key: &[u8]) {
        let bucket = self.map.entry(at).or_default();
        if bucket.iter().any(|missing| *missing.key == *key) {
            return;
        }
        self.last = self.last.wrapping_add(1);
        bucket.push(Missing { key: key.into(), used: false, number: self.last });
        self.order.push_back((at, self.last));
        self.len += 1;
        self.bytes += key.len() + OVERHEAD;
    }

    /// The key comes into being.
    pub fn remove(&mut self, at: (u32, u64), key: &[u8]) {
        if self.map.is_empty() {
            return;
        }
        let Some(bucket) = self.map.get_mut(&at) else { return };
        let Some(i) = bucket.iter().position(|missing| *missing.key == *key) else { return };
        bucket.swap_remove(i);
        self.len -= 1;
        self.bytes -= key.len() + OVERHEAD;
        if bucket.is_empty() {
            self.map.remove(&at);
        }
        if self.order.len() > 2 * self.len + 64 {
            let map = &self.map;
            self.order.retain(|(at, number)| {
                map.get(at).is_some_and(|bucket| bucket.iter().any(|missing| missing.number == *number))
            });
        }
    }

    /// Forgets old entries down to so many bytes; those for which `keep` says so stay.
    pub fn shrink(&mut self, most: usize, keep: impl Fn((u32, u64), &[u8]) -> bool) {
        let mut tries = 2 * self.order.len();
        while self.bytes > most && tries > 0 {
            tries -= 1;
            let Some((at, number)) = self.order.pop_front() else { break };
            let Some(bucket) = self.map.get_mut(&at) else { continue };
            let Some(i) = bucket.iter().position(|missing| missing.number == number) else { continue };
            let missing = &mut bucket[i];
            if core::mem::take(&mut missing.used) || keep(at, &missing.key) {
                self.order.push_back((at, number));
                continue;
            }
            self.len -= 1;
            self.bytes -= missing.key.len() + OVERHEAD;
            bucket.swap_remove(i);
            if bucket.is_empty() {
                self.map.remove(&at);
            }
        }
    }

    /// Forgets every entry of a database.
    pub fn forget_database(&mut self, db: u32) {
        let inside: Vec<(u32, u64)> = self.map.range((db, 0)..=(db, u64::MAX)).map(|(at, _)| *at).collect();
        for at in inside {
            for missing in self.map.remove(&at).into_iter().flatten() {
                self.len -= 1;
                self.bytes -= missing.key.len() + OVERHEAD;
            }
        }
        self.order.retain(|(at, _)| at.0 != db);
    }
}

#[cfg(test)]
mod tests {
    use super::Absent;

    #[test]
    fn the_oldest_goes_first_and_what_was_asked_for_stays() {
        let mut absent = Absent::default();
        for i in 0..10_u64 {
            absent.add((0, i), &i.to_le_bytes());
        }
        assert!(absent.contains((0, 0), &0_u64.to_le_bytes()));
        let most = absent.bytes() / 2;
        absent.shrink(most, |_, _| false);
        assert_eq!(absent.len(), 5);
        assert!(
            absent.contains((0, 0), &0_u64.to_le_bytes()) && !absent.contains((0, 1), &1_u64.to_le_bytes())
        );
        absent.remove((0, 0), &0_u64.to_le_bytes());
        assert!(!absent.contains((0, 0), &0_u64.to_le_bytes()));
        absent.forget_database(0);
        assert_eq!((absent.len(), absent.bytes()), (0, 0));
    }

    #[test]
    fn a_key_that_comes_and_goes_leaves_nothing_behind() {
        let mut absent = Absent::default();
        for _ in 0..10_000 {
            absent.add((3, 7), b"key");
            absent.remove((3, 7), b"key");
        }
        assert!(absent.order.len() <= 64 && absent.bytes() == 0);
    }

    /// Locks that are taken and given back, the one after the other: places of keys that had come again counted as theirs, so that
    /// half of all removals looked all of them through.
    #[test]
    fn keys_that_come_again_are_in_the_order_once() {
        let mut absent = Absent::default();
        let mut shrunk = 0;
        for i in 0..10_000_u64 {
            let key = (i % 1_000).to_le_bytes();
            let before = absent.order.len();
            absent.remove((0, i % 1_000), &key);
            shrunk += usize::from(absent.order.len() < before);
            absent.add((0, i % 1_000), &key);
        }
        assert_eq!(absent.len(), 1_000);
        assert!(shrunk <= 10, "the order was looked through {shrunk} times");
    }
}

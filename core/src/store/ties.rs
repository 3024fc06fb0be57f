//! Which keys that wait to be saved reach the store together, because one command changed them.

use super::cache::At;
use super::keys::Keys;
use crate::words::ordered::OrderedMap;
use crate::words::reach::SERVER;
use alloc::vec::Vec;

/// So many places more than keys are kept in a tie before those that have left are looked for.
const FEW: usize = 16;

/// Bytes of a tie beside its places, about.
const OVERHEAD: usize = size_of::<(u32, Tie)>() + 16;

/// Keys that go together.
#[derive(Debug, Default)]
struct Tie {
    /// Where they stand. Those that have left may be among them, and some twice.
    places: Vec<At>,
    /// How many of them wait; never 0.
    waiting: usize,
}

/// Ties by their numbers, which are not 0. A key has the number of its tie in its entry, and leaves the tie when it does not wait
/// any more.
#[derive(Debug, Default)]
pub struct Ties {
    map: OrderedMap<u32, Tie>,
    last: u32,
    places: usize,
}

impl Ties {
    /// Where the keys of a tie stand.
    pub fn places(&self, number: u32) -> &[At] {
        self.map.get(&number).map_or(&[], |tie| &tie.places)
    }

    /// Unties all keys of a tie; they are to be told so by the caller.
    pub fn take(&mut self, number: u32) -> Vec<At> {
        let places = self.map.remove(&number).unwrap_or_default().places;
        self.count(0, places.capacity());
        places
    }

    /// The tie of all keys that wait at the places, and of all that these and `with`, if that is not 0, were tied to. The
    /// largest one takes in the others: a key that each of many transactions changes does not move all before it each time.
    pub fn bind(&mut self, places: &[At], with: u32, keys: &mut Keys) -> u32 {
        let mut number = with;
        for entry in places.iter().flat_map(|at| keys.at(*at)) {
            if self.size(entry.group) > self.size(number) {
                number = entry.group;
            }
        }
        if number == 0 {
            self.last = self.last.wrapping_add(1).max(1);
            number = self.last;
        }
        self.merge(with, number, keys);
        for at in places {
            self.join(&[*at], 0, number, keys);
            for i in 0..keys.at(*at).len() {
                self.merge(keys.at(*at)[i].group, number, keys);
            }
        }
        number
    }

    /// On a chip ties are small: any is the largest.
    fn size(&self, number: u32) -> usize {
        if SERVER { self.places(number).len() } else { number as usize }
    }

    /// One tie takes in another.
    fn merge(&mut self, other: u32, number: u32, keys: &mut Keys) {
        if other != number {
            let moved = self.take(other);
            self.join(&moved, other, number, keys);
        }
    }

    /// What waits at the places, and is tied by `old`, is tied by `number`.
    fn join(&mut self, places: &[At], old: u32, number: u32, keys: &mut Keys) {
        for at in places {
            let waiting = keys.at_mut(*at).iter_mut().filter(|e| e.group == old && e.waiting.is_some());
            for entry in waiting {
                entry.group = number;
                let tie = self.map.entry(number).or_default();
                let before = tie.places.capacity();
                tie.places.push(*at);
                tie.waiting += 1;
                let after = tie.places.capacity();
                self.count(after, before);
            }
        }
    }

    /// A key does not wait any more.
    pub fn leave(&mut self, number: u32, keys: &Keys) {
        let Some(tie) = self.map.get_mut(&number) else { return };
        tie.waiting -= 1;
        if tie.waiting == 0 {
            self.take(number);
        } else if SERVER && tie.places.len() > 2 * tie.waiting + FEW {
            let before = tie.places.capacity();
            tie.places.retain(|at| keys.at(*at).iter().any(|entry| entry.group == number));
            tie.places.sort_unstable();
            tie.places.dedup();
            tie.places.shrink_to(2 * tie.waiting + FEW);
            let after = tie.places.capacity();
            self.count(after, before);
        }
    }

    /// A chip has few, and no room for the sum.
    fn count(&mut self, now: usize, before: usize) {
        if SERVER {
            self.places = self.places + now - before;
        }
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        if SERVER { self.places * size_of::<At>() + self.map.len() * OVERHEAD } else { 0 }
    }

    /// How many keys wait, by tie.
    pub fn iter(&self) -> impl Iterator<Item = (u32, usize)> {
        self.map.iter().map(|(number, tie)| (*number, tie.waiting))
    }
}

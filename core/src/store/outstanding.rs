//! Changes that the store does not have yet, with how many keys of each are still to come.

use crate::words::reach::SERVER;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// What has so many places keeps its memory.
const FEW: usize = 1024;

/// Bytes that a queue takes.
pub fn bytes_of<T>(queue: &VecDeque<T>) -> usize {
    queue.capacity() * size_of::<T>()
}

/// Gives memory back that a queue needed once.
pub fn let_go<T>(queue: &mut VecDeque<T>) {
    if !SERVER {
        return;
    }
    let places = queue.capacity();
    if places > FEW && queue.len() < places / 4 {
        queue.shrink_to(places / 2);
    }
}

/// The changes in their order: the newest one only is added to. Those of which nothing is left go when they are many.
#[derive(Debug, Default)]
pub struct Outstanding {
    changes: Vec<(u64, u32)>,
    /// How many there are of which nothing is left, and how many of these come before all others.
    done: usize,
    passed: usize,
}

impl Outstanding {
    /// One key more of the newest change.
    pub fn owe(&mut self, seq: u64) {
        match self.changes.last_mut() {
            Some((last, keys)) if *last == seq => *keys += 1,
            _ => self.changes.push((seq, 1)),
        }
    }

    /// The store has one key of a change, or need not have it.
    pub fn paid(&mut self, seq: u64) {
        let Ok(i) = self.changes.binary_search_by_key(&seq, |(seq, _)| *seq) else { return };
        let keys = &mut self.changes[i].1;
        match keys {
            0 => {}
            1 if SERVER => {
                *keys = 0;
                self.pass();
            }
            // A chip has few.
            1 => drop(self.changes.remove(i)),
            _ => *keys -= 1,
        }
    }

    fn pass(&mut self) {
        self.done += 1;
        while self.changes.get(self.passed).is_some_and(|(_, keys)| *keys == 0) {
            self.passed += 1;
        }
        if self.done > self.changes.len() / 2 + FEW {
            self.changes.retain(|(_, keys)| *keys > 0);
            self.changes.shrink_to(2 * self.changes.len() + FEW);
            (self.done, self.passed) = (0, 0);
        }
    }

    /// The oldest change of which something is left.
    pub fn first(&self) -> Option<u64> {
        self.changes.get(self.passed).map(|(seq, _)| *seq)
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.changes.capacity() * size_of::<(u64, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Outstanding};

    #[test]
    fn the_oldest_is_the_first_of_which_something_is_left() {
        let mut outstanding = Outstanding::default();
        [1, 2, 2, 3].into_iter().for_each(|seq| outstanding.owe(seq));
        outstanding.paid(2);
        outstanding.paid(1);
        assert_eq!(outstanding.first(), Some(2));
        outstanding.paid(3);
        outstanding.paid(3);
        assert_eq!(outstanding.first(), Some(2), "what is paid twice counts once");
        outstanding.paid(2);
        assert_eq!(outstanding.first(), None);
        outstanding.owe(4);
        assert_eq!(outstanding.first(), Some(4));
    }

    #[test]
    fn what_was_paid_behind_an_old_one_takes_no_memory() {
        let mut outstanding = Outstanding::default();
        outstanding.owe(0);
        for seq in 1..100_000 {
            outstanding.owe(seq);
            outstanding.paid(seq);
        }
        assert!(outstanding.changes.len() <= 2 * FEW + 2 && outstanding.first() == Some(0));
    }

    #[test]
    fn memory_goes_with_what_it_was_for() {
        let mut outstanding = Outstanding::default();
        (0..100_000).for_each(|seq| outstanding.owe(seq));
        (0..100_000).for_each(|seq| outstanding.paid(seq));
        assert!(outstanding.changes.capacity() <= 4 * FEW, "{}", outstanding.changes.capacity());
        assert_eq!(outstanding.bytes(), outstanding.changes.capacity() * 16);
    }
}

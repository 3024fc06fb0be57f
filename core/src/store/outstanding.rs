//! Changes that the store does not have yet, with how many keys of each are still to come.

use alloc::collections::VecDeque;

/// A queue of so many places keeps its memory.
const FEW: usize = 1024;

/// Bytes that a queue takes.
pub fn bytes_of<T>(queue: &VecDeque<T>) -> usize {
    queue.capacity() * size_of::<T>()
}

/// Gives memory back that a queue needed once.
pub fn let_go<T>(queue: &mut VecDeque<T>) {
    let places = queue.capacity();
    if places > FEW && queue.len() < places / 4 {
        queue.shrink_to(places / 2);
    }
}

/// The changes in their order. As the newest one only is added to, a queue does; those in its middle of which nothing is left go
/// when they are many.
#[derive(Debug, Default)]
pub struct Outstanding {
    changes: VecDeque<(u64, u32)>,
    /// Those of which something is left.
    len: usize,
}

impl Outstanding {
    /// One key more of the newest change.
    pub fn owe(&mut self, seq: u64) {
        match self.changes.back_mut() {
            Some((last, keys)) if *last == seq => *keys += 1,
            _ => {
                self.changes.push_back((seq, 1));
                self.len += 1;
            }
        }
    }

    /// The store has one key of a change, or need not have it.
    pub fn paid(&mut self, seq: u64) {
        let Ok(i) = self.changes.binary_search_by_key(&seq, |(seq, _)| *seq) else { return };
        let keys = &mut self.changes[i].1;
        match keys {
            0 => return,
            1 => (*keys, self.len) = (0, self.len - 1),
            _ => return *keys -= 1,
        }
        while self.changes.front().is_some_and(|(_, keys)| *keys == 0) {
            self.changes.pop_front();
        }
        if self.changes.len() > 2 * self.len + 64 {
            self.changes.retain(|(_, keys)| *keys > 0);
        }
        let_go(&mut self.changes);
    }

    /// The oldest change of which something is left.
    pub fn first(&self) -> Option<u64> {
        self.changes.front().map(|(seq, _)| *seq)
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        bytes_of(&self.changes)
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Outstanding, bytes_of};

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
        assert_eq!((outstanding.first(), outstanding.len), (None, 0));
    }

    #[test]
    fn what_was_paid_behind_an_old_one_takes_no_memory() {
        let mut outstanding = Outstanding::default();
        outstanding.owe(0);
        for seq in 1..100_000 {
            outstanding.owe(seq);
            outstanding.paid(seq);
        }
        assert!(outstanding.changes.len() <= 66 && outstanding.first() == Some(0));
    }

    #[test]
    fn memory_goes_with_what_it_was_for() {
        let mut outstanding = Outstanding::default();
        (0..100_000).for_each(|seq| outstanding.owe(seq));
        (0..100_000).for_each(|seq| outstanding.paid(seq));
        assert!(
            outstanding.changes.capacity() <= FEW && outstanding.bytes() == bytes_of(&outstanding.changes)
        );
    }
}

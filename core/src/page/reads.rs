//! Reads of the device that are under way, and pages that are given back meanwhile: those belong to the reads that began before, and
//! nothing is written there until these have ended.

use super::Place;
use alloc::collections::VecDeque;

/// Reads by number, from the oldest that is open on, and the pages that wait for them.
#[derive(Debug, Default)]
pub struct Reads {
    first: u32,
    ended: VecDeque<bool>,
    /// Each with the number of the read before which all must have ended.
    late: VecDeque<(u32, Place)>,
}

impl Reads {
    /// A read begins; its number.
    pub fn begin(&mut self) -> u32 {
        self.ended.push_back(false);
        self.next().wrapping_sub(1)
    }

    /// A read has ended.
    pub fn end(&mut self, number: u32) {
        if let Some(ended) = self.ended.get_mut(number.wrapping_sub(self.first) as usize) {
            *ended = true;
        }
        while self.ended.front() == Some(&true) {
            self.ended.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Whether reads are under way.
    pub fn are_open(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Pages that are given back when those that are under way now have ended.
    pub fn keep(&mut self, place: Place) {
        self.late.push_back((self.next(), place));
    }

    /// Pages that no read can be at any more.
    pub fn pop(&mut self) -> Option<Place> {
        let (before, place) = *self.late.front()?;
        if (self.first.wrapping_sub(before) as i32) < 0 {
            return None;
        }
        self.late.pop_front();
        Some(place)
    }

    /// All that wait.
    pub fn late(&self) -> impl Iterator<Item = Place> {
        self.late.iter().map(|(_, place)| *place)
    }

    fn next(&self) -> u32 {
        self.first.wrapping_add(self.ended.len() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::Reads;
    use crate::page::Place;
    use crate::types::Value;
    use crate::types::string::Str;

    /// A value that was deleted while it was read gave its pages to the next that left: what was written there met the read.
    #[test]
    fn pages_wait_for_the_reads_that_began_before() {
        let value = Value::Str(Str::from_bytes(b"1"));
        let place = |first| Place::of(value.as_ref(), first, 1, 0, 0);
        let mut reads = Reads { first: u32::MAX, ..Reads::default() };
        reads.keep(place(1));
        assert_eq!(reads.pop(), Some(place(1)), "nothing is read");
        let (one, two) = (reads.begin(), reads.begin());
        reads.keep(place(2));
        let three = reads.begin();
        reads.keep(place(3));
        reads.end(two);
        assert_eq!(reads.pop(), None);
        reads.end(one);
        assert_eq!((reads.pop(), reads.pop()), (Some(place(2)), None));
        reads.end(three);
        assert_eq!((reads.pop(), reads.pop(), reads.are_open()), (Some(place(3)), None, false));
    }
}

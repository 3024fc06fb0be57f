//! The index: eight bytes a key, sorted by fingerprint.
//!
//! A slot lies at its home, which grows with its fingerprint, or behind it as far as smaller ones push it: so a search
//! begins near its end, and a walk is in order. Keys are not here; where fingerprints are equal, the flash tells.

use super::layout::Slot;
use alloc::vec::Vec;

/// Places behind the last home, and keys for which there is room before a larger table is due.
const SPARE: usize = 32;

/// There is no memory for a larger index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoMemory;

/// The slots; 0 is an empty one: no record has place 0.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Vec<u64>,
    homes: usize,
    len: usize,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * 8
    }

    fn home(&self, fingerprint: u32) -> usize {
        ((u64::from(fingerprint) * self.homes as u64) >> 32) as usize
    }

    fn at(&self, position: usize) -> Option<Slot> {
        self.slots.get(position).filter(|word| **word != 0).map(|word| Slot::unpack(*word))
    }

    /// The first position from the fingerprint's home on that is empty or has it or a larger one.
    fn first(&self, fingerprint: u32) -> usize {
        let mut position = self.home(fingerprint);
        while self.at(position).is_some_and(|slot| slot.fingerprint < fingerprint) {
            position += 1;
        }
        position
    }

    /// The slots with a fingerprint, by number.
    pub(super) fn nth(&self, fingerprint: u32, number: usize) -> Option<Slot> {
        self.at(self.first(fingerprint) + number).filter(|slot| slot.fingerprint == fingerprint)
    }

    /// How many slots have a fingerprint.
    pub(super) fn count(&self, fingerprint: u32) -> usize {
        (0..).take_while(|number| self.nth(fingerprint, *number).is_some()).count()
    }

    fn position(&self, slot: Slot) -> Option<usize> {
        let first = self.first(slot.fingerprint);
        (first..)
            .map_while(|position| self.at(position).map(|found| (position, found)))
            .take_while(|(_, found)| found.fingerprint == slot.fingerprint)
            .find(|(_, found)| found.place == slot.place)
            .map(|(position, _)| position)
    }

    /// Whether this very record is what the index has of its key.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.position(slot).is_some()
    }

    /// The next slot at or behind a position, with the position behind it. Positions change with the content.
    pub(super) fn next(&self, from: usize) -> Option<(usize, Slot)> {
        (from..self.slots.len()).find_map(|position| Some((position + 1, self.at(position)?)))
    }

    /// The position at which the slots from a fingerprint on begin.
    pub(super) fn seek(&self, fingerprint: u32) -> usize {
        if self.slots.is_empty() { 0 } else { self.first(fingerprint) }
    }

    /// Makes room for so many slots in all.
    pub(super) fn reserve(&mut self, slots: usize) -> Result<(), NoMemory> {
        let homes = slots + slots / 7 + 8;
        if homes <= self.homes {
            return Ok(());
        }
        let mut old = core::mem::take(&mut self.slots);
        let mut words = Vec::new();
        if words.try_reserve_exact(homes + SPARE).is_err() {
            self.slots = old;
            return Err(NoMemory);
        }
        words.resize(homes, 0);
        (self.slots, self.homes, self.len) = (words, homes, 0);
        old.drain(..).filter(|word| *word != 0).for_each(|word| self.put(Slot::unpack(word)));
        Ok(())
    }

    /// Makes room for so many more, for certain. Where there is no memory for a larger table this one is filled more densely.
    pub(super) fn reserve_more(&mut self, slots: usize) -> Result<(), NoMemory> {
        let len = self.len + slots;
        if self.is_due(slots)
            && self.reserve(len + self.len / 4 + SPARE).is_err()
            && len * 32 > self.homes * 31
        {
            return Err(NoMemory);
        }
        // Each may push one beyond the last home.
        if self.slots.capacity() - self.slots.len() < slots {
            self.slots.try_reserve_exact(slots).map_err(|_| NoMemory)?;
        }
        Ok(())
    }

    /// Whether so many more ask for a larger table.
    fn is_due(&self, slots: usize) -> bool {
        (self.len + slots) * 8 > self.homes * 7
    }

    /// Bytes of memory that the next larger table takes, if it is nearly due.
    pub(super) fn growth(&self) -> Option<usize> {
        let slots = self.len + self.len / 4 + 2 * SPARE;
        self.is_due(SPARE).then_some(8 * (slots + slots / 7 + 8 + SPARE))
    }

    /// Makes the table larger before it is due.
    pub(super) fn grow(&mut self) -> Result<(), NoMemory> {
        self.reserve(self.len + self.len / 4 + 2 * SPARE)
    }

    /// Adds a slot.
    pub(super) fn insert(&mut self, slot: Slot) -> Result<(), NoMemory> {
        self.reserve_more(1)?;
        self.put(slot);
        Ok(())
    }

    fn put(&mut self, slot: Slot) {
        let position = self.first(slot.fingerprint);
        let mut word = slot.pack();
        for place in self.slots.iter_mut().skip(position) {
            core::mem::swap(place, &mut word);
            if word == 0 {
                break;
            }
        }
        if word != 0 {
            self.slots.push(word);
        }
        self.len += 1;
    }

    /// Gives a slot another place and length.
    pub(super) fn replace(&mut self, old: Slot, new: Slot) {
        if let Some(place) = self.position(old).and_then(|position| self.slots.get_mut(position)) {
            *place = new.pack();
        }
    }

    /// Removes a slot.
    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(position) = self.position(slot) {
            self.remove_at(position);
        }
    }

    fn remove_at(&mut self, mut position: usize) {
        while let Some(next) = self.at(position + 1)
            && self.home(next.fingerprint) <= position
        {
            self.slots.swap(position, position + 1);
            position += 1;
        }
        if let Some(place) = self.slots.get_mut(position) {
            *place = 0;
            self.len -= 1;
        }
    }

    /// Removes the first slot that is so.
    pub(super) fn remove_first(&mut self, is_so: impl Fn(Slot) -> bool) -> Option<Slot> {
        let (behind, slot) = core::iter::successors(self.next(0), |(behind, _)| self.next(*behind))
            .find(|(_, slot)| is_so(*slot))?;
        self.remove_at(behind - 1);
        Some(slot)
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Index, Slot};
    use crate::words::rng::Rng;
    use alloc::collections::BTreeSet;

    fn slot(fingerprint: u32, place: u32) -> Slot {
        Slot { fingerprint, place, len: place % 1024 + 1 }
    }

    fn check(index: &Index, model: &BTreeSet<(u32, u32)>) {
        let mut at = 0;
        let mut last = 0;
        let mut seen = BTreeSet::new();
        while let Some((behind, found)) = index.next(at) {
            assert!(found.fingerprint >= last, "out of order");
            (at, last) = (behind, found.fingerprint);
            assert_eq!(found, slot(found.fingerprint, found.place));
            seen.insert((found.fingerprint, found.place));
        }
        assert_eq!((&seen, index.len()), (model, model.len()));
        for &(fingerprint, place) in model {
            assert!(index.has(slot(fingerprint, place)));
        }
    }

    #[test]
    fn it_holds_what_a_plain_set_holds() {
        for seed in 0..40 {
            let mut rng = Rng::new(seed);
            let (mut index, mut model) = (Index::default(), BTreeSet::new());
            let spread = [1, 7, 1 << 20, u64::from(u32::MAX)][seed as usize % 4];
            for step in 0..3000 {
                let fingerprint = (u64::from(u32::MAX) - rng.below(spread + 1)) as u32;
                if rng.below(3) > 0 && model.len() < 1500 {
                    let place = step + 1;
                    index.insert(slot(fingerprint, place)).unwrap();
                    model.insert((fingerprint, place));
                } else if let Some(&(fingerprint, place)) =
                    model.range((fingerprint, 0)..).next().or(model.first())
                {
                    index.remove(slot(fingerprint, place));
                    model.remove(&(fingerprint, place));
                }
            }
            check(&index, &model);
            let first = index.remove_first(|found| found.place % 3 == 0);
            assert_eq!(first.is_some(), model.iter().any(|(_, place)| place % 3 == 0));
        }
    }

    /// A chip's arena was full, and the index refused every key from seven eighths on: deletes as well, as they are records.
    #[test]
    fn without_memory_it_is_filled_densely() {
        let mut index = Index::default();
        index.reserve(700).unwrap();
        let (homes, mut rng) = (index.homes, Rng::new(3));
        assert_eq!(index.growth(), None);
        while index.len() * 32 < homes * 30 {
            assert!(index.slots.capacity() > index.slots.len());
            index.put(slot(rng.next_u64() as u32, index.len() as u32 + 1));
            index.slots.try_reserve_exact(1).unwrap();
        }
        assert!(index.growth().is_some_and(|bytes| bytes > index.bytes()));
        let before = index.len();
        index.grow().unwrap();
        assert!(index.len() == before && index.growth().is_none() && index.homes > homes);
    }

    #[test]
    fn a_key_takes_eight_bytes_and_little_more() {
        let mut index = Index::default();
        index.reserve(8192).unwrap();
        let bytes = index.bytes();
        let mut rng = Rng::new(1);
        for place in 1..=8192 {
            index.insert(slot(rng.next_u64() as u32, place)).unwrap();
        }
        assert_eq!(index.bytes(), bytes, "it grew");
        assert!(bytes <= 8192 * 10, "{bytes} bytes");
    }
}

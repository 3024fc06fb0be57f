//! The table for a bare chip: little code and memory, for some thousands of elements.
//!
//! Segments own ranges of the hashes' *points*, in order; a full one splits in the middle. In a segment elements lie as they came and
//! each is looked at: a chip has nothing to gain from tags and empty buckets. Memory: a word an element and about one in six more.

use alloc::vec::Vec;
use core::ops::Range;

use super::{END, Fetch, Slot, point};
use crate::words::rng::Rng;

/// Elements of a segment that splits when one more comes.
const MOST: usize = 32;
/// A segment grows by so many places.
const STEP: usize = 4;

/// The elements whose points lie from `first` up to where the next segment begins.
struct Segment<T> {
    first: u32,
    places: Vec<Option<T>>,
}

/// A table of `T` by hash. It knows neither keys nor their hash function: calls bring the hash, and those that
/// may move elements bring a function that gives an element's hash again.
pub struct Segmented<T> {
    segments: Vec<Segment<T>>,
    len: usize,
    /// The segment that `shrink` looks at next.
    sparse: u32,
}

impl<T> Segment<T> {
    fn live(&self) -> usize {
        self.places.iter().flatten().count()
    }
}

impl<T: Fetch> Segmented<T> {
    /// One past the last point.
    pub const WALK_END: u32 = END;

    /// An empty table; it allocates nothing.
    pub const fn new() -> Self {
        Self { segments: Vec::new(), len: 0, sparse: 0 }
    }

    /// An empty table: it grows in small steps, so nothing is set aside.
    pub const fn with_capacity(_items: usize) -> Self {
        Self::new()
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// How many places all segments have, a measure of what a walk costs. O(segments).
    pub fn buckets(&self) -> usize {
        self.segments.iter().map(|s| s.places.len()).sum()
    }

    /// Bytes that the table itself takes, without what its elements own. O(segments).
    pub fn allocated(&self) -> usize {
        let places: usize = self.segments.iter().map(|s| s.places.capacity()).sum();
        places * size_of::<Option<T>>() + self.segments.capacity() * size_of::<Segment<T>>()
    }

    /// The number of the segment that holds elements of this point.
    fn segment_at(&self, point: u32) -> usize {
        self.segments.partition_point(|s| s.first <= point).saturating_sub(1)
    }

    /// Where a segment's range ends.
    fn end_of(&self, number: usize) -> u32 {
        self.segments.get(number + 1).map_or(END, |next| next.first)
    }

    /// Where the element with this hash lies for which `eq` holds.
    pub fn find(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<Slot> {
        let segment = self.segment_at(point(hash));
        let places = &self.segments.get(segment)?.places;
        let bucket = places.iter().position(|place| place.as_ref().is_some_and(&mut eq))?;
        Some(Slot { segment: segment as u32, bucket: bucket as u32 })
    }

    /// The element with this hash for which `eq` holds.
    pub fn find_ref(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&T> {
        self.find(hash, eq).map(|slot| self.get(slot))
    }

    /// As [`find_ref`](Self::find_ref), to be changed in place; its hash must stay the same.
    pub fn find_mut(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let slot = self.find(hash, eq)?;
        Some(self.get_mut(slot))
    }

    /// Nothing is fetched ahead.
    #[inline]
    pub fn fetch(&self, _hash: u64) {}

    fn place(&self, slot: Slot) -> Option<&T> {
        self.segments.get(slot.segment as usize)?.places.get(slot.bucket as usize)?.as_ref()
    }

    fn place_mut(&mut self, slot: Slot) -> Option<&mut Option<T>> {
        self.segments.get_mut(slot.segment as usize)?.places.get_mut(slot.bucket as usize)
    }

    /// The element at `slot`.
    ///
    /// # Panics
    /// Where the slot is no longer valid.
    #[inline]
    pub fn get(&self, slot: Slot) -> &T {
        match self.place(slot) {
            Some(element) => element,
            None => unreachable!("slots come from this table and nothing was moved since"),
        }
    }

    /// The element at `slot`, to be changed in place; its hash must stay the same.
    ///
    /// # Panics
    /// Where the slot is no longer valid.
    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> &mut T {
        match self.place_mut(slot) {
            Some(Some(element)) => element,
            _ => unreachable!("slots come from this table and nothing was moved since"),
        }
    }

    /// Adds an element that is not there yet. `rehash` gives the hash of any element.
    pub fn insert_unique(&mut self, hash: u64, element: T, rehash: impl Fn(&T) -> u64) -> Slot {
        if self.segments.is_empty() {
            self.segments.push(Segment { first: 0, places: Vec::new() });
        }
        self.len += 1;
        loop {
            let segment = self.segment_at(point(hash));
            let places = &mut self.segments[segment].places;
            let free = places.iter().position(Option::is_none);
            if free.is_none() && places.len() >= MOST && self.split(segment, &rehash) {
                continue;
            }
            let bucket = self.free_place(segment, free);
            self.segments[segment].places[bucket] = Some(element);
            return Slot { segment: segment as u32, bucket: bucket as u32 };
        }
    }

    /// The free place, or a new one at the end.
    fn free_place(&mut self, segment: usize, free: Option<usize>) -> usize {
        let places = &mut self.segments[segment].places;
        free.unwrap_or_else(|| {
            if places.len() == places.capacity() {
                places.reserve_exact(STEP);
            }
            places.push(None);
            places.len() - 1
        })
    }

    /// Divides a segment; false where its range is one point, as hashes would have to be far from random for.
    fn split(&mut self, number: usize, rehash: &dyn Fn(&T) -> u64) -> bool {
        let (first, end) = (self.segments[number].first, self.end_of(number));
        let middle = first + (end - first) / 2;
        if middle == first {
            return false;
        }
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for element in core::mem::take(&mut self.segments[number].places).into_iter().flatten() {
            let half = if point(rehash(&element)) < middle { &mut low } else { &mut high };
            if half.len() == half.capacity() {
                half.reserve_exact(STEP);
            }
            half.push(Some(element));
        }
        self.segments[number].places = low;
        if self.segments.len() == self.segments.capacity() {
            self.segments.reserve_exact(STEP + self.segments.len() / 8);
        }
        self.segments.insert(number + 1, Segment { first: middle, places: high });
        true
    }

    /// Takes the element at `slot` out. Other elements stay where they are; see [`shrink`](Self::shrink).
    ///
    /// # Panics
    /// Where the slot is no longer valid.
    pub fn remove(&mut self, slot: Slot) -> T {
        let Some(element) = self.place_mut(slot).and_then(Option::take) else {
            unreachable!("slots come from this table and nothing was moved since")
        };
        self.len -= 1;
        self.sparse = slot.segment;
        element
    }

    /// Gives memory back in the segment from which an element was removed last: to be called after removals, once each.
    pub fn shrink(&mut self, _rehash: impl Fn(&T) -> u64) {
        let number = self.sparse as usize;
        let Some(segment) = self.segments.get(number) else { return };
        let live = segment.live();
        if live * 2 > segment.places.len() {
            return;
        }
        let next = self.segments.get(number + 1).map_or(MOST, Segment::live);
        if live + next <= MOST / 2 {
            let next = self.segments.remove(number + 1);
            self.segments[number].places.extend(next.places);
        }
        let places = &mut self.segments[number].places;
        places.retain(Option::is_some);
        places.shrink_to_fit();
        if self.len == 0 {
            self.clear();
        }
    }

    /// Every element, in no useful order.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { segments: &self.segments, segment: 0, bucket: 0 }
    }

    /// Every element, to be changed in place; hashes must stay the same.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.segments.iter_mut().flat_map(|s| s.places.iter_mut().flatten())
    }

    /// Drops everything. Takes time with the number of elements; see [`free_some`](Self::free_some).
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Drops about `budget` elements, rounded up to a segment's, and says whether that was all. From the first call on
    /// the table is on its way to being empty: what it still finds is accidental, and it must not be added to before
    /// the answer is `true`.
    pub fn free_some(&mut self, budget: usize) -> bool {
        let mut freed = 0;
        while freed <= budget {
            let Some(segment) = self.segments.pop() else { break };
            let live = segment.live();
            freed += live.max(1);
            self.len -= live;
        }
        self.segments.is_empty()
    }

    /// A random element, each as likely as any other.
    pub fn random(&self, rng: &mut Rng) -> Option<Slot> {
        const TRIES: usize = 64;
        if self.len == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let slot =
                Slot { segment: rng.index(self.segments.len()) as u32, bucket: rng.index(MOST) as u32 };
            if self.place(slot).is_some() {
                return Some(slot);
            }
        }
        self.sample(rng, 1, usize::MAX, |_| true).pop()
    }

    /// Up to `n` different elements that `accept` takes, met on a walk from a random place over at most `tries` places.
    pub fn sample(&self, rng: &mut Rng, n: usize, tries: usize, accept: impl Fn(&T) -> bool) -> Vec<Slot> {
        let mut found = Vec::new();
        let (segments, mut left) = (self.segments.len(), tries);
        if segments == 0 {
            return found;
        }
        let start = rng.index(segments);
        let offset = rng.index(self.segments[start].places.len().max(1));
        for step in 0..=segments {
            let segment = (start + step) % segments;
            for bucket in self.stretch(segment, step, offset) {
                if found.len() >= n || left == 0 {
                    return found;
                }
                left -= 1;
                let slot = Slot { segment: segment as u32, bucket: bucket as u32 };
                if self.place(slot).is_some_and(&accept) {
                    found.push(slot);
                }
            }
        }
        found
    }

    /// The places of a segment on a walk's `step`. Come round to the first segment, the walk ends where it began.
    fn stretch(&self, segment: usize, step: usize, offset: usize) -> Range<usize> {
        match step {
            0 => offset..self.segments[segment].places.len(),
            _ if step == self.segments.len() => 0..offset,
            _ => 0..self.segments[segment].places.len(),
        }
    }

    /// As [`sample`](Self::sample).
    pub fn sample_spread(
        &self,
        rng: &mut Rng,
        n: usize,
        tries: usize,
        _rarity: usize,
        accept: impl Fn(&T) -> bool,
    ) -> Vec<Slot> {
        self.sample(rng, n, tries, accept)
    }

    /// Visits about `count` elements from `cursor` on, segment by segment, and returns the cursor to go on from: 0 to begin, 0 at
    /// the end. The cursor is a point: every element below has been visited.
    ///
    /// An element that stays from the first call to the last is visited, whatever is inserted and removed meanwhile;
    /// some may be visited twice.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&T)) -> u64 {
        let mut from = cursor as u32 & (END - 1);
        let mut visited = 0;
        loop {
            let number = self.segment_at(from);
            let Some(segment) = self.segments.get(number) else { return 0 };
            for element in segment.places.iter().flatten() {
                visit(element);
                visited += 1;
            }
            from = self.end_of(number);
            if from == END {
                return 0;
            }
            if visited >= count {
                return u64::from(from);
            }
        }
    }

    /// Where elements of this hash lie in the order in which [`range_from`](Self::range_from) visits: below
    /// [`WALK_END`](Self::WALK_END).
    #[inline]
    pub fn walk_point(hash: u64) -> u32 {
        point(hash)
    }

    /// Collects the elements from the point `from` up to the end of the segment that it lies in, and returns that end.
    /// So a walk meets each element that stays exactly once, whatever is added, removed or split meanwhile: what lies
    /// below the returned point has been met, nothing above has.
    pub fn range_from<'a>(&'a self, from: u32, hash: impl Fn(&T) -> u64, out: &mut Vec<&'a T>) -> u32 {
        let number = self.segment_at(from);
        let Some(segment) = self.segments.get(number) else { return END };
        out.extend(segment.places.iter().flatten().filter(|element| point(hash(element)) >= from));
        self.end_of(number)
    }
}

impl<T: Fetch> Default for Segmented<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> core::fmt::Debug for Segmented<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Segmented").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Every element.
#[derive(Clone)]
pub struct Iter<'a, T> {
    segments: &'a [Segment<T>],
    segment: usize,
    bucket: usize,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            let segment = self.segments.get(self.segment)?;
            let Some(place) = segment.places.get(self.bucket) else {
                (self.segment, self.bucket) = (self.segment + 1, 0);
                continue;
            };
            self.bucket += 1;
            if let Some(element) = place {
                return Some(element);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    fn hash(n: u32) -> u64 {
        Rng::new(u64::from(n)).next_u64()
    }

    fn rehash(n: &u32) -> u64 {
        hash(*n)
    }

    fn find(table: &Segmented<u32>, n: u32) -> Option<Slot> {
        table.find(hash(n), |e| *e == n)
    }

    #[test]
    fn holds_what_a_set_holds() {
        let mut rng = Rng::new(3);
        let (mut table, mut model) = (Segmented::<u32>::new(), BTreeSet::new());
        for round in 0..20_000u32 {
            // It grows, stands, shrinks to nothing and grows again.
            let most = [3000, 3000, 100, 3000][round as usize / 5000];
            let n = rng.below(most) as u32;
            let wanted = round / 5000 != 2 && rng.below(3) > 0;
            match find(&table, n) {
                Some(slot) if !wanted => {
                    assert_eq!(table.remove(slot), n);
                    table.shrink(rehash);
                    model.remove(&n);
                }
                None if wanted => {
                    let slot = table.insert_unique(hash(n), n, rehash);
                    assert_eq!(*table.get(slot), n);
                    model.insert(n);
                }
                found => assert_eq!(found.is_some(), model.contains(&n)),
            }
            if let Some(slot) = find(&table, n) {
                table.fetch(hash(n));
                table.get_mut(slot).fetch();
                assert_eq!(table.find_mut(hash(n), |e| *e == n).copied(), Some(n));
            }
            if round % 5000 == 4999 {
                assert!(
                    table.iter().copied().collect::<BTreeSet<_>>() == model && table.len() == model.len()
                );
                assert!(table.iter_mut().map(|n| *n).collect::<BTreeSet<_>>() == model);
                assert!(table.segments.iter().is_sorted_by_key(|s| s.first));
                assert!(model.iter().all(|n| table.find_ref(hash(*n), |e| e == n) == Some(n)));
            }
        }
        for n in core::mem::take(&mut model) {
            let slot = find(&table, n).expect("it is there");
            table.remove(slot);
            table.shrink(rehash);
        }
        assert!(table.is_empty() && table.random(&mut rng).is_none());
    }

    #[test]
    fn a_walk_in_slices_misses_nothing_that_stays() {
        let mut rng = Rng::new(5);
        let mut table = Segmented::<u32>::new();
        (0..500).for_each(|n| _ = table.insert_unique(hash(n), n, rehash));
        let (mut seen, mut cursor, mut next) = (BTreeSet::new(), 0, 500);
        loop {
            cursor = table.scan(cursor, 10, |n| _ = seen.insert(*n));
            for _ in 0..20 {
                table.insert_unique(hash(next), next, rehash);
                next += 1;
            }
            // Of those from 400 on some go.
            let gone = 400 + rng.below(100) as u32;
            if let Some(slot) = find(&table, gone) {
                table.remove(slot);
                table.shrink(rehash);
            }
            if cursor == 0 {
                break;
            }
        }
        assert!((0..400).all(|n| seen.contains(&n)));
        let (mut met, mut from) = (Vec::new(), 0);
        while from < Segmented::<u32>::WALK_END {
            from = table.range_from(from, rehash, &mut met);
        }
        assert_eq!(met.iter().copied().collect::<BTreeSet<_>>().len(), table.len());
        assert_eq!(met.len(), table.len());
        assert!(met.iter().all(|n| Segmented::<u32>::walk_point(rehash(n)) < Segmented::<u32>::WALK_END));
    }

    #[test]
    fn samples_are_random_and_freeing_is_bounded() {
        let mut rng = Rng::new(9);
        let mut table = Segmented::<u32>::with_capacity(100);
        (0..1000).for_each(|n| _ = table.insert_unique(hash(n), n, rehash));
        let drawn: BTreeSet<Slot> = (0..4000).filter_map(|_| table.random(&mut rng)).collect();
        assert!(drawn.len() > 900, "{} of 1000 were drawn", drawn.len());
        let odd = table.sample(&mut rng, 600, usize::MAX, |n| n % 2 == 1);
        assert_eq!(odd.iter().collect::<BTreeSet<_>>().len(), 500);
        assert!(odd.iter().all(|slot| table.get(*slot) % 2 == 1));
        assert!(table.sample_spread(&mut rng, 5, 20, 1, |_| true).len() <= 5);
        assert!(table.buckets() * size_of::<Option<u32>>() <= table.allocated());
        assert!(table.segments() > 1000 / MOST);
        let mut calls = 0;
        while !table.free_some(100) {
            calls += 1;
        }
        assert!(calls > 5 && table.is_empty());
    }
}

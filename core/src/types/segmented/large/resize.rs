//! How segments grow, split, merge and give memory back: each step moves the elements of one segment at most, or of
//! two small ones.
//!
//! All of it is rare, and its functions are called through pointers: there is one copy of it for a kind of element, not one
//! for each place that inserts or removes some.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;
use hashbrown::HashTable;

use super::{END, Fetch, MAX_BUCKETS, MAX_ITEMS, POINT_BITS, Segment, Segmented, point};

/// A full table splits or doubles where its elements take so many eighths of its room. Otherwise the rest of it are removed
/// ones, and it is cleared of them: where as many elements come as go, a lower mark lets all segments split in time, since
/// each is full of removed ones now and then, and the table takes half as much again. It costs some two moves an insert at most.
const CROWDED_EIGHTHS: usize = 7;
/// Neighbours merge where they have at most so many elements together.
const MERGE_ITEMS: usize = MAX_ITEMS / 8 * 5;
/// A segment with fewer elements than one in so many buckets is sparse.
const SPARSE: usize = 4;
/// hashbrown keeps an eighth of a table's buckets empty from this size on, of smaller tables one bucket.
const SMALLEST_EIGHTHS: usize = 8;
/// Smaller tables are not worth shrinking.
const SMALL_BUCKETS: usize = 16;
/// The directory shrinks where it has so many entries a segment.
const WIDE_DIRECTORY: usize = 64;

/// How full the segments of a table that is made for a number of elements are going to be, in turn.
const PLANNED_ITEMS: [usize; 8] = [480, 740, 560, 820, 520, 680, 600, 780];
/// Bits of the directory beyond those that would tell so many equal segments apart.
const GRID_BITS: u8 = 6;

const _: () = assert!(MERGE_ITEMS < MAX_ITEMS / 8 * CROWDED_EIGHTHS, "a step must not undo another");

/// A capacity for about `items` elements: half a full-size table where they should fit in it, else a full-size one.
fn roomy(items: usize) -> usize {
    if items + items / 8 <= MAX_ITEMS / 2 { MAX_ITEMS / 2 } else { MAX_ITEMS }
}

/// How many leading bits tell points below `boundary` from the others.
fn depth_of(boundary: u32) -> u8 {
    POINT_BITS - boundary.trailing_zeros().min(u32::from(POINT_BITS)) as u8
}

impl<T> Segment<T> {
    fn is_sparse(&self) -> bool {
        let buckets = self.table.num_buckets();
        buckets > SMALL_BUCKETS && self.table.len() * SPARSE < buckets
    }

    /// Elements that fit.
    fn room(&self) -> usize {
        let buckets = self.table.num_buckets();
        if buckets < SMALLEST_EIGHTHS { buckets.saturating_sub(1) } else { buckets / 8 * 7 }
    }

    fn is_crowded(&self) -> bool {
        self.table.len() * 8 >= self.room() * CROWDED_EIGHTHS
    }

    /// A boundary at about 3/8 of the segment's range, on a grid coarse enough to keep the directory small.
    fn split_point(&self) -> Option<u32> {
        let width = self.end - self.first;
        let grain = (1 << width.ilog2()) / 8;
        // A range of a few points splits no more; hashes would have to be far from random to get there.
        (grain > 0).then(|| (self.first + width / 8 * 3 + grain / 2) / grain * grain)
    }
}

impl<T: Fetch> Segment<T> {
    /// Moves the elements to a table of the given capacity.
    fn rebuild(&mut self, capacity: usize, rehash: &dyn Fn(&T) -> u64) {
        let mut table = HashTable::with_capacity(capacity);
        move_all(&mut self.table, &mut table, rehash);
        self.table = table;
        self.moves = self.moves.wrapping_add(1);
    }

    /// Doubles the full table, or clears it of removed elements. hashbrown would do it at another mark, and here the elements
    /// come from memory together.
    fn refit(&mut self, rehash: &dyn Fn(&T) -> u64) {
        let room = self.room();
        self.rebuild(if self.is_crowded() { room + 1 } else { room }, rehash);
    }
}

fn move_all<T: Fetch>(from: &mut HashTable<T>, to: &mut HashTable<T>, rehash: &dyn Fn(&T) -> u64) {
    for_each_fetched(mem::take(from), &mut |element| {
        to.insert_unique(rehash(&element), element, rehash);
    });
}

/// Takes every element out, while those that come next are on their way from memory: a hash is computed from bytes that
/// lie elsewhere, and to wait for each of them in turn would be most of the work.
fn for_each_fetched<T: Fetch>(from: HashTable<T>, each: &mut dyn FnMut(T)) {
    const AHEAD: usize = 16;
    let mut coming: [Option<T>; AHEAD] = [const { None }; AHEAD];
    let mut at = 0;
    for element in from {
        element.fetch();
        if let Some(here) = coming[at].replace(element) {
            each(here);
        }
        at = (at + 1) % AHEAD;
    }
    coming.into_iter().flatten().for_each(each);
}

/// Growing.
impl<T: Fetch> Segmented<T> {
    /// An empty table that takes about `items` elements before it grows. Segments are of uneven width, for the reason
    /// for which they split unevenly.
    pub fn with_capacity(items: usize) -> Self {
        let mut table = Self::new();
        if items <= MAX_ITEMS {
            let whole = Segment { table: HashTable::with_capacity(items), first: 0, end: END, moves: 0 };
            table.widest = whole.table.num_buckets().max(1) as u32;
            table.segments.push(whole);
            return table;
        }
        let depth = (items / MAX_ITEMS).ilog2() as u8 + GRID_BITS;
        let grain = END >> depth.min(POINT_BITS);
        let mut fills = PLANNED_ITEMS.into_iter().cycle();
        let mut first = 0;
        while first < END {
            let fill = fills.next().unwrap_or(MAX_ITEMS / 2);
            let width = (u64::from(END) * fill as u64 / items as u64) as u32 / grain * grain;
            let end = END.min(first + width.max(grain));
            table.segments.push(Segment { table: HashTable::with_capacity(MAX_ITEMS), first, end, moves: 0 });
            first = end;
        }
        table.widest = MAX_BUCKETS as u32;
        table.deepen(depth.min(POINT_BITS));
        for number in 0..table.segments.len() {
            table.direct(number);
        }
        table
    }

    /// Makes room in a segment that is full, or makes the first one. Once may not be enough where hashes are not random.
    #[cold]
    pub(super) fn make_room(&mut self, number: usize, rehash: &dyn Fn(&T) -> u64) {
        let Some(segment) = self.segments.get_mut(number) else {
            self.segments.reserve_exact(1);
            self.segments.push(Segment { table: HashTable::new(), first: 0, end: END, moves: 0 });
            return;
        };
        if segment.table.num_buckets() >= MAX_BUCKETS
            && segment.is_crowded()
            && let Some(middle) = segment.split_point()
        {
            self.split(number, middle, rehash);
            return;
        }
        segment.refit(rehash);
        self.widest = self.widest.max(self.segments[number].table.num_buckets() as u32);
    }

    fn split(&mut self, number: usize, middle: u32, rehash: &dyn Fn(&T) -> u64) {
        let segment = &mut self.segments[number];
        let (first, end, moves) = (segment.first, segment.end, segment.moves.wrapping_add(1));
        let items = segment.table.len();
        let low_items = (items as u64 * u64::from(middle - first) / u64::from(end - first)) as usize;
        let mut low = HashTable::with_capacity(roomy(low_items));
        let mut high = HashTable::with_capacity(roomy(items - low_items));
        for_each_fetched(mem::take(&mut segment.table), &mut |element| {
            let hash = rehash(&element);
            let half = if point(hash) < middle { &mut low } else { &mut high };
            half.insert_unique(hash, element, rehash);
        });
        *segment = Segment { table: low, first, end: middle, moves };
        self.deepen(depth_of(middle));
        let new = self.segments.len();
        self.segments.push(Segment { table: high, first: middle, end, moves });
        self.direct(new);
    }

    /// Lets the directory tell points apart by at least `depth` leading bits.
    fn deepen(&mut self, depth: u8) {
        if depth <= self.depth {
            return;
        }
        let copies = 1 << (depth - self.depth);
        let one = [0];
        let old: &[u32] = if self.directory.is_empty() { &one } else { &self.directory };
        let mut directory = Vec::with_capacity(old.len() * copies);
        for &segment in old {
            directory.resize(directory.len() + copies, segment);
        }
        self.directory = directory;
        self.depth = depth;
    }

    /// Points the directory's entries for a segment's range to it.
    fn direct(&mut self, number: usize) {
        let segment = &self.segments[number];
        let shift = POINT_BITS - self.depth;
        let range = (segment.first >> shift) as usize..(segment.end >> shift) as usize;
        if let Some(entries) = self.directory.get_mut(range) {
            entries.fill(number as u32);
        }
    }
}

/// Shrinking.
impl<T: Fetch> Segmented<T> {
    #[inline]
    pub(super) fn notice_removed(&mut self, number: u32) {
        let segment = &mut self.segments[number as usize];
        if segment.is_sparse() {
            if segment.table.is_empty() {
                segment.table = HashTable::new();
                segment.moves = segment.moves.wrapping_add(1);
            }
            self.sparse = number;
        }
    }

    /// Does one bounded step to give memory back where a segment has become sparse: to be called after removals, once
    /// each (more often does no harm). Moves about 560 elements at most.
    #[inline]
    pub fn shrink(&mut self, rehash: impl Fn(&T) -> u64) {
        let number = self.sparse as usize;
        // Without a fresh notice the next call looks at the next segment: none stays sparse for good.
        self.sparse = if number + 1 < self.segments.len() { number as u32 + 1 } else { 0 };
        if self
            .segments
            .get(number)
            .is_some_and(|s| s.is_sparse() || (s.table.is_empty() && self.segments.len() > 1))
        {
            self.shrink_segment(number, &rehash);
        }
    }

    #[cold]
    fn shrink_segment(&mut self, number: usize, rehash: &dyn Fn(&T) -> u64) {
        if let Some((low, high)) = self.smaller_neighbour(number) {
            self.merge(low, high, rehash);
        } else {
            let segment = &mut self.segments[number];
            segment.rebuild(segment.table.len() * 3 / 2, rehash);
        }
    }

    /// The segment with a neighbour that it can merge with, in the order of their ranges.
    fn smaller_neighbour(&self, number: usize) -> Option<(usize, usize)> {
        let segment = &self.segments[number];
        let before = (segment.first > 0).then(|| self.segment_at(segment.first - 1));
        let after = (segment.end < END).then(|| self.segment_at(segment.end));
        let len = |n: usize| self.segments[n].table.len();
        let (other, pair) = match (before, after) {
            (Some(b), Some(a)) if len(b) < len(a) => (b, (b, number)),
            (_, Some(a)) => (a, (number, a)),
            (Some(b), None) => (b, (b, number)),
            (None, None) => return None,
        };
        (len(number) == 0 || len(number) + len(other) <= MERGE_ITEMS).then_some(pair)
    }

    fn merge(&mut self, low: usize, high: usize, rehash: &dyn Fn(&T) -> u64) {
        let last = self.segments.len() - 1;
        let mut right = mem::replace(&mut self.segments[high], Segment::empty());
        let left = &mut self.segments[low];
        if left.table.is_empty() {
            left.table = right.table;
        } else if !right.table.is_empty() {
            let mut table = HashTable::with_capacity(roomy(left.table.len() + right.table.len()));
            move_all(&mut left.table, &mut table, rehash);
            move_all(&mut right.table, &mut table, rehash);
            left.table = table;
        }
        left.end = right.end;
        left.moves = left.moves.max(right.moves).wrapping_add(1);
        self.direct(low);
        self.segments.swap_remove(high);
        if high != last {
            self.direct(high);
        }
        self.narrow();
    }

    /// Gives back what the directory and the list of segments no longer need.
    fn narrow(&mut self) {
        let segments = self.segments.len();
        if segments * 4 < self.segments.capacity() {
            self.segments.shrink_to(segments * 2);
        }
        if self.directory.len() < segments * WIDE_DIRECTORY && segments > 1 {
            return;
        }
        let depth = self.segments.iter().map(|s| depth_of(s.first)).max().unwrap_or(0);
        if depth < self.depth {
            self.depth = depth;
            self.directory = if segments > 1 { vec![0; 1 << depth] } else { Vec::new() };
            (0..segments).for_each(|number| self.direct(number));
        }
    }
}

impl<T> Segment<T> {
    const fn empty() -> Self {
        Self { table: HashTable::new(), first: 0, end: 0, moves: 0 }
    }
}

//! The table of any size: an extendible directory of bounded segments.
//!
//! Each segment is a [`HashTable`] that owns a contiguous range of the hash space and grows by itself up to
//! [`MAX_BUCKETS`]; a full one is cleared of removed elements or splits in two. The directory maps the leading
//! bits of a hash to its segment, and when it must tell finer ranges apart it doubles: that copies segment numbers,
//! never elements. So no insert moves more than one segment's elements, and no allocation is larger than one
//! segment (or the directory).
//!
//! hashbrown takes its tag from the topmost 7 bits of a hash and the position from the lowest; the directory uses
//! the 24 bits below the tag, the *point* of the hash. Ranges of points need not be aligned: a full segment
//! splits at about 3/8, into a half-size table that will grow and a full-size one that will split. Segments that
//! all split in the middle would fill, split and stand half empty in step.
//!
//! Memory: 9 bytes a bucket for a one-word `T`, about 15 bytes an element at any size, 16 to 17 where as many go as come.

use alloc::vec::Vec;
use hashbrown::HashTable;

use super::{END, Fetch, POINT_BITS, Slot, TAG_BITS, point};
use crate::words::rng::Rng;

mod resize;
mod scan;
#[cfg(test)]
mod tests;

/// Buckets of a full-grown segment; it holds 7/8 as many elements.
const MAX_BUCKETS: usize = 1024;
/// Elements that a table of [`MAX_BUCKETS`] holds.
const MAX_ITEMS: usize = MAX_BUCKETS / 8 * 7;

const _: () = assert!(
    POINT_BITS + TAG_BITS + MAX_BUCKETS.trailing_zeros() as u8 <= 64,
    "points, tags and positions are different bits of a hash"
);

/// One bounded table: the elements whose points lie from `first` up to `end`.
struct Segment<T> {
    table: HashTable<T>,
    first: u32,
    end: u32,
    /// Counts the times that elements changed their buckets, so that a scan's cursor can tell.
    moves: u16,
}

/// A table of `T` by hash. It knows neither keys nor their hash function: calls bring the hash, and those that
/// may move elements bring a function that gives an element's hash again.
pub struct Segmented<T> {
    segments: Vec<Segment<T>>,
    /// Segment numbers by the leading `depth` bits of the point; empty where there is but one segment.
    directory: Vec<u32>,
    len: usize,
    /// Buckets of the largest table that there has been.
    widest: u32,
    /// The segment that `shrink` looks at next.
    sparse: u32,
    depth: u8,
}

impl<T> Segment<T> {
    /// Whether the next insert would make the table move its elements.
    #[inline]
    fn is_full(&self) -> bool {
        self.table.capacity() == self.table.len()
    }
}

impl<T: Fetch> Segmented<T> {
    /// An empty table; it allocates nothing.
    pub const fn new() -> Self {
        Self { segments: Vec::new(), directory: Vec::new(), len: 0, widest: 1, sparse: 0, depth: 0 }
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

    /// How many buckets all segments have, a measure of what a walk costs. O(segments).
    pub fn buckets(&self) -> usize {
        self.segments.iter().map(|s| s.table.num_buckets()).sum()
    }

    /// Bytes that the table itself takes, without what its elements own. O(segments).
    pub fn allocated(&self) -> usize {
        let tables: usize = self.segments.iter().map(|s| s.table.allocation_size()).sum();
        tables
            + self.segments.capacity() * size_of::<Segment<T>>()
            + self.directory.capacity() * size_of::<u32>()
    }

    /// The number of the segment that holds elements of this hash.
    #[inline]
    fn segment_of(&self, hash: u64) -> usize {
        self.segment_at(point(hash))
    }

    #[inline]
    fn segment_at(&self, point: u32) -> usize {
        let index = (point >> (POINT_BITS - self.depth)) as usize;
        self.directory.get(index).map_or(0, |&segment| segment as usize)
    }

    /// Where the element with this hash lies for which `eq` holds.
    #[inline]
    pub fn find(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<Slot> {
        let segment = self.segment_of(hash);
        let bucket = self.segments.get(segment)?.table.find_bucket_index(hash, eq)?;
        Some(Slot { segment: segment as u32, bucket: bucket as u32 })
    }

    /// The element with this hash for which `eq` holds.
    #[inline]
    pub fn find_ref(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&T> {
        self.segments.get(self.segment_of(hash))?.table.find(hash, eq)
    }

    /// As [`find_ref`](Self::find_ref), to be changed in place; its hash must stay the same.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let segment = self.segment_of(hash);
        self.segments.get_mut(segment)?.table.find_mut(hash, eq)
    }

    /// Fetches every element that might have this hash from memory, ahead of its use.
    #[inline]
    pub fn fetch(&self, hash: u64) {
        self.find_ref(hash, |element| {
            element.fetch();
            false
        });
    }

    /// The element at `slot`.
    ///
    /// # Panics
    /// Where the slot is no longer valid.
    #[inline]
    pub fn get(&self, slot: Slot) -> &T {
        let found =
            self.segments.get(slot.segment as usize).and_then(|s| s.table.get_bucket(slot.bucket as usize));
        #[expect(clippy::expect_used, reason = "slots come from this table and nothing was moved since")]
        found.expect("a valid slot")
    }

    /// The element at `slot`, to be changed in place; its hash must stay the same.
    ///
    /// # Panics
    /// Where the slot is no longer valid.
    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> &mut T {
        let segment = self.segments.get_mut(slot.segment as usize);
        let found = segment.and_then(|s| s.table.get_bucket_mut(slot.bucket as usize));
        #[expect(clippy::expect_used, reason = "slots come from this table and nothing was moved since")]
        found.expect("a valid slot")
    }

    /// Adds an element that is not there yet. `rehash` gives the hash of any element.
    #[inline]
    pub fn insert_unique(&mut self, hash: u64, element: T, rehash: impl Fn(&T) -> u64) -> Slot {
        let rehash: &dyn Fn(&T) -> u64 = &rehash;
        let mut segment = self.segment_of(hash);
        while self.segments.get(segment).is_none_or(Segment::is_full) {
            self.make_room(segment, rehash);
            segment = self.segment_of(hash);
        }
        let entry = self.segments[segment].table.insert_unique(hash, element, rehash);
        self.len += 1;
        Slot { segment: segment as u32, bucket: entry.bucket_index() as u32 }
    }

    /// Takes the element at `slot` out. Other elements stay where they are; see [`shrink`](Self::shrink).
    ///
    /// # Panics
    /// Where the slot is no longer valid.
    #[inline]
    pub fn remove(&mut self, slot: Slot) -> T {
        let segment = self.segments.get_mut(slot.segment as usize);
        let found = segment.and_then(|s| s.table.get_bucket_entry(slot.bucket as usize).ok());
        #[expect(clippy::expect_used, reason = "slots come from this table and nothing was moved since")]
        let element = found.expect("a valid slot").remove().0;
        self.len -= 1;
        self.notice_removed(slot.segment);
        element
    }

    /// Every element, in no useful order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flat_map(|s| s.table.iter())
    }

    /// Every element, to be changed in place; hashes must stay the same.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.segments.iter_mut().flat_map(|s| s.table.iter_mut())
    }

    /// Drops everything. Takes time with the number of elements; see [`free_some`](Self::free_some).
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Drops about `budget` elements, rounded up to a segment's, and says whether that was all. From the first call on
    /// the table is on its way to being empty: what it still finds is accidental, and it must not be added to before
    /// the answer is `true`.
    pub fn free_some(&mut self, budget: usize) -> bool {
        self.directory = Vec::new();
        self.depth = 0;
        let mut freed = 0;
        while freed <= budget {
            let Some(segment) = self.segments.pop() else {
                self.clear();
                return true;
            };
            freed += segment.table.len().max(1);
            self.len -= segment.table.len();
        }
        self.segments.is_empty()
    }
}

impl<T: Fetch> Default for Segmented<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> core::fmt::Debug for Segmented<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Segmented").field("len", &self.len).field("segments", &self.segments.len()).finish()
    }
}

/// Random choice.
impl<T: Fetch> Segmented<T> {
    /// A random element, each as likely as any other (nearly so where most buckets are empty).
    pub fn random(&self, rng: &mut Rng) -> Option<Slot> {
        const TRIES: usize = 64;
        if self.len == 0 {
            return None;
        }
        let buckets = if self.segments.len() == 1 {
            self.segments[0].table.num_buckets()
        } else {
            self.widest as usize
        };
        for _ in 0..TRIES {
            let (segment, bucket) = (rng.index(self.segments.len()), rng.index(buckets));
            if self.segments[segment].table.get_bucket(bucket).is_some() {
                return Some(Slot { segment: segment as u32, bucket: bucket as u32 });
            }
        }
        self.walk(rng).flatten().next()
    }

    /// Up to `n` different elements that `accept` takes, met on a walk from a random place over at most `tries`
    /// buckets. `accept` sees the element alone, so a walk that it judges without following pointers is cheap. Those found
    /// are on their way from memory.
    pub fn sample(&self, rng: &mut Rng, n: usize, tries: usize, accept: impl Fn(&T) -> bool) -> Vec<Slot> {
        let found = self.walk(rng).take(tries).flatten().filter(|&slot| accept(self.get(slot)));
        found.take(n).inspect(|&slot| self.get(slot).fetch()).collect()
    }

    /// Up to `n` elements that `accept` takes, from short stretches at random places, until about `tries` buckets were looked
    /// at; in a small table one may come twice. Each element is as likely as any other, however those that `accept` takes
    /// are spread: a walk to the next ones would meet lonely ones more often. The stretches are the longer, the rarer those
    /// are. Those found are on their way from memory.
    pub fn sample_spread(
        &self,
        rng: &mut Rng,
        n: usize,
        tries: usize,
        rarity: usize,
        accept: impl Fn(&T) -> bool,
    ) -> Vec<Slot> {
        let stretch = 16 << rarity.clamp(1, 8).ilog2();
        let mut found = Vec::with_capacity(n + stretch);
        let Some(first) = self.segments.first() else { return found };
        let widest = first.table.num_buckets().max(self.widest as usize);
        for _ in 0..tries.div_ceil(stretch) {
            if found.len() >= n {
                break;
            }
            let (segment, bucket) = (rng.index(self.segments.len()), rng.index(widest));
            let (table, first) = (&self.segments[segment].table, bucket / stretch * stretch);
            for bucket in first..(first + stretch).min(table.num_buckets()) {
                if let Some(element) = table.get_bucket(bucket).filter(|element| accept(element)) {
                    element.fetch();
                    found.push(Slot { segment: segment as u32, bucket: bucket as u32 });
                }
            }
        }
        found.truncate(n);
        found
    }

    /// Every bucket once, from a random one on, with its element's slot where it has one.
    fn walk(&self, rng: &mut Rng) -> impl Iterator<Item = Option<Slot>> {
        let segments = self.segments.len();
        let start = rng.index(segments);
        let offset = self.segments.get(start).map_or(0, |s| rng.index(s.table.num_buckets()));
        let parts = if segments == 0 { 0..0 } else { 0..segments + 1 };
        parts.flat_map(move |step| {
            let number = (start + step) % segments;
            let table = &self.segments[number].table;
            let buckets = match step {
                0 => offset..table.num_buckets(),
                // Come round to the first segment, the walk ends where it began.
                _ if step == segments => 0..offset,
                _ => 0..table.num_buckets(),
            };
            buckets.map(move |bucket| {
                table.get_bucket(bucket).map(|_| Slot { segment: number as u32, bucket: bucket as u32 })
            })
        })
    }
}

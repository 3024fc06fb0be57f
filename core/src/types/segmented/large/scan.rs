//! Scanning: a walk in slices over a table that changes meanwhile.
//!
//! Segments are visited in the order of their ranges of points, a segment's buckets in their order. A cursor is
//!
//! ```text
//! | 0 | point (24) | moves (16) | bucket (23) |
//! ```
//!
//! and means: every element below `point` has been visited, and of the segment that begins there those below `bucket`
//! too, provided that it has still counted the same `moves`. Where the segment was split, merged or rebuilt meanwhile,
//! the next call visits the whole segment at that place and goes on behind it: nothing that stays is missed, and every
//! call gets further whatever the others do.

use alloc::vec::Vec;

use super::{END, Fetch, POINT_BITS, Segment, Segmented, point};

const MOVES_BITS: u32 = u16::BITS;
const BUCKET_BITS: u32 = 63 - POINT_BITS as u32 - MOVES_BITS;
/// Buckets that a call looks at for each element that it was asked for, so that a sparse table costs no more.
const BUCKETS_AN_ELEMENT: usize = 16;

struct Cursor {
    point: u32,
    moves: u16,
    bucket: usize,
}

impl Cursor {
    fn from_u64(bits: u64) -> Self {
        Self {
            point: (bits >> (MOVES_BITS + BUCKET_BITS)) as u32 & (END - 1),
            moves: (bits >> BUCKET_BITS) as u16,
            bucket: bits as usize & ((1 << BUCKET_BITS) - 1),
        }
    }

    fn at<T>(segment: &Segment<T>, bucket: usize) -> u64 {
        let moves = if bucket == 0 { 0 } else { segment.moves };
        (u64::from(segment.first) << (MOVES_BITS + BUCKET_BITS))
            | (u64::from(moves) << BUCKET_BITS)
            | bucket as u64
    }

    /// Whether the cursor's bucket means in this segment what it meant when the cursor was made.
    fn fits<T>(&self, segment: &Segment<T>) -> bool {
        self.point == segment.first && (self.bucket == 0 || self.moves == segment.moves)
    }
}

impl<T: Fetch> Segmented<T> {
    /// Visits about `count` elements from `cursor` on and returns the cursor to go on from: 0 to begin, 0 at the end.
    ///
    /// An element that stays from the first call to the last is visited, whatever is inserted and removed meanwhile;
    /// some may be visited twice.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&T)) -> u64 {
        let cursor = Cursor::from_u64(cursor);
        let Some(mut segment) = self.segments.get(self.segment_at(cursor.point)) else { return 0 };
        let (mut bucket, mut whole) = if cursor.fits(segment) { (cursor.bucket, false) } else { (0, true) };
        let (mut wanted, mut buckets) = (count.max(1), count.max(1).saturating_mul(BUCKETS_AN_ELEMENT));
        loop {
            while bucket < segment.table.num_buckets() {
                if (wanted == 0 || buckets == 0) && !whole {
                    return Cursor::at(segment, bucket);
                }
                if let Some(element) = segment.table.get_bucket(bucket) {
                    visit(element);
                    wanted = wanted.saturating_sub(1);
                }
                buckets = buckets.saturating_sub(1);
                bucket += 1;
            }
            if segment.end == END {
                return 0;
            }
            let Some(next) = self.segments.get(self.segment_at(segment.end)) else { return 0 };
            (segment, bucket, whole) = (next, 0, false);
        }
    }

    /// Where elements of this hash lie in the order in which [`range_from`](Self::range_from) visits: below
    /// [`WALK_END`](Self::WALK_END).
    #[inline]
    pub fn walk_point(hash: u64) -> u32 {
        point(hash)
    }

    /// One past the last point.
    pub const WALK_END: u32 = END;

    /// Collects the elements from the point `from` up to the end of the segment that it lies in, and returns that end.
    /// So a walk meets each element that stays exactly once, whatever is added, removed or split meanwhile: what lies
    /// below the returned point has been met, nothing above has.
    pub fn range_from<'a>(&'a self, from: u32, hash: impl Fn(&T) -> u64, out: &mut Vec<&'a T>) -> u32 {
        let Some(segment) = self.segments.get(self.segment_at(from)) else { return END };
        let whole = segment.first >= from;
        out.extend(segment.table.iter().filter(|element| whole || point(hash(element)) >= from));
        segment.end
    }
}

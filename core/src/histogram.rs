//! How long a command took, as counts by doubling bounds.

use alloc::boxed::Box;

/// Bounds: 1 µs, 2 µs, 4 µs … up to 18 minutes.
const BUCKETS: usize = 31;

/// Counts by doubling bounds in microseconds; no memory before the first one.
#[derive(Debug, Clone, Default)]
pub struct Histogram(Option<Box<[u32; BUCKETS]>>);

impl Histogram {
    /// Counts one call.
    pub fn note(&mut self, micros: u64) {
        let index = (u64::BITS - micros.saturating_sub(1).leading_zeros()) as usize;
        let counts = self.0.get_or_insert_with(|| Box::new([0; BUCKETS]));
        let count = &mut counts[index.min(BUCKETS - 1)];
        *count = count.saturating_add(1);
    }

    /// Calls counted.
    pub fn total(&self) -> u64 {
        self.0.iter().flat_map(|counts| counts.iter()).map(|&count| u64::from(count)).sum()
    }

    /// Each bound in microseconds up to which something was counted, with the calls that took no longer.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut sum = 0;
        let counts = self.0.iter().flat_map(|counts| counts.iter()).enumerate();
        counts.filter(|(_, count)| **count > 0).map(move |(index, &count)| {
            sum += u64::from(count);
            (1 << index, sum)
        })
    }

    /// The bound in microseconds that `percent` of the calls kept.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = self.total() as f64 * percent / 100.0;
        self.cumulative().find(|(_, sum)| *sum as f64 >= wanted).map_or(0, |(bound, _)| bound)
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;
    use alloc::vec::Vec;

    #[test]
    fn bounds_hold_what_took_no_longer() {
        let mut histogram = Histogram::default();
        for micros in [0, 1, 2, 3, 4, 5, 1000] {
            histogram.note(micros);
        }
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [(1, 2), (2, 3), (4, 5), (8, 6), (1024, 7)]);
        assert_eq!(histogram.percentile(50.0), 4);
        assert_eq!(histogram.percentile(100.0), 1024);
        assert_eq!(histogram.total(), 7);
    }
}

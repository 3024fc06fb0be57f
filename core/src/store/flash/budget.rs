//! A budget of writes: so much an hour, and a burst, so that a chip's cycles last for years.

use super::device::Device;
use super::{Log, stats};
use crate::words::time::UnixMillis;

const HOUR: i64 = 3_600_000;

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spends {
    /// Bytes that are programmed.
    Bytes,
    /// Segments that are erased.
    Erases,
}

/// A budget of writes. It refills evenly; what was not used in time is lost but for the burst.
#[derive(Debug, Clone)]
pub struct Budget {
    counts: Spends,
    an_hour: i64,
    /// In 3,600,000ths: what an hour gives in an hour, a millisecond gives in one of them.
    burst: i64,
    left: i64,
    seen: u64,
    at: Option<UnixMillis>,
    /// What [`wait`](Log::wait) last said.
    pub(super) waits: u64,
}

impl Budget {
    /// A full budget: so much an hour (0 counts as 1), and so much at once.
    pub fn new(counts: Spends, an_hour: u32, burst: u32) -> Self {
        let burst = i64::from(burst) * HOUR;
        Self { counts, an_hour: i64::from(an_hour).max(1), burst, left: burst, seen: 0, at: None, waits: 0 }
    }

    fn spent(&self, counters: &stats::Counters) -> u64 {
        match self.counts {
            Spends::Bytes => counters.programmed,
            Spends::Erases => counters.erases,
        }
    }

    /// Takes in what was spent and how much time went by; returns the milliseconds until there is something left.
    fn wait(&mut self, counters: &stats::Counters, now: UnixMillis) -> u64 {
        let passed = now.saturating_sub(self.at.unwrap_or(now)).max(0);
        self.at = Some(now);
        let spent = self.spent(counters);
        let new = i64::try_from(spent.saturating_sub(self.seen)).unwrap_or(i64::MAX).saturating_mul(HOUR);
        self.seen = spent;
        let refilled = self.left.saturating_add(passed.saturating_mul(self.an_hour)).min(self.burst);
        self.left = refilled.saturating_sub(new);
        let over = self.left.min(0).unsigned_abs();
        self.waits = over.div_ceil(self.an_hour.unsigned_abs());
        self.waits
    }
}

impl<D: Device> Log<D> {
    /// Gives the log a budget, or takes it away. The log itself keeps to none: [`wait`](Self::wait) tells its host.
    pub fn set_budget(&mut self, budget: Option<Budget>) {
        self.budget = budget.map(|budget| Budget { seen: budget.spent(&self.stats), ..budget });
    }

    /// How many milliseconds write-behind is to wait until the budget allows more; 0 where it does now.
    pub fn wait(&mut self, now: UnixMillis) -> u64 {
        self.budget.as_mut().map_or(0, |budget| budget.wait(&self.stats, now))
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Spends};
    use crate::store::flash::stats::Counters;

    #[test]
    fn beyond_the_burst_it_waits_for_its_share_of_the_hour() {
        let mut budget = Budget::new(Spends::Erases, 3600, 10);
        let mut counters = Counters::default();
        assert_eq!(budget.wait(&counters, 1000), 0);
        counters.erases = 10;
        assert_eq!(budget.wait(&counters, 1000), 0);
        counters.erases = 12;
        assert_eq!(budget.wait(&counters, 1000), 2000);
        assert_eq!(budget.wait(&counters, 2500), 500);
        assert_eq!(budget.wait(&counters, 3000), 0);
        assert_eq!(budget.wait(&counters, 1 << 40), 0);
        counters.erases += 11;
        assert_eq!(budget.wait(&counters, 1 << 40), 1000, "more than the burst was kept");
    }
}

//! Which pages of the device are taken: one bit a page, in memory only as far as pages were ever used.

use alloc::vec::Vec;

const BITS: u64 = u64::BITS as u64;
/// Words looked at for a gap before the used part of the device grows instead.
const NEAR_WORDS: u64 = 1024;

/// The page table.
#[derive(Debug)]
pub struct Bitmap {
    words: Vec<u64>,
    /// Pages of the device.
    whole: u64,
    /// Those of them that may be taken now.
    pages: u64,
    used: u64,
    /// Where the next search begins.
    next: u64,
    /// Where one begins that comes back to gaps left behind: those before have been looked at in vain.
    again: u64,
    /// The end of the last page that was ever written.
    written: u64,
}

impl Bitmap {
    /// A device of so many pages, all free.
    pub fn new(pages: u64) -> Self {
        Self { words: Vec::new(), whole: pages, pages, used: 0, next: 0, again: 0, written: 0 }
    }

    /// Pages that are taken.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Pages that may be taken, or are.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Notes that `n` pages from `first` on are on the device, which has room for them from now on.
    pub fn note_written(&mut self, first: u64, n: u64) {
        self.written = self.written.max(first + n);
    }

    /// The device takes no more than it has: from now on only pages before the last taken or written one are to be had. Where
    /// writes ended in another order, some of these were never written either; the search goes round, so it comes to others.
    pub fn seal(&mut self) {
        while self.words.last() == Some(&0) && (self.words.len() as u64 - 1) * BITS >= self.written {
            self.words.pop();
        }
        let unused = self.words.last().map_or(0, |word| u64::from(word.leading_zeros()));
        let taken = self.words.len() as u64 * BITS - unused;
        self.pages = taken.max(self.written).min(self.pages);
    }

    /// The device may have room again.
    pub fn unseal(&mut self) {
        self.pages = self.whole;
    }

    /// Whether the device took no more when that was tried last.
    pub fn is_sealed(&self) -> bool {
        self.pages < self.whole
    }

    /// One bit a page, as far as pages were ever used.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    fn top(&self) -> u64 {
        (self.words.len() as u64 * BITS).min(self.pages)
    }

    /// Takes `n` pages in a row and returns the first; `None` where there is no such gap.
    ///
    /// The search goes on from the last one for a while. Then it comes back to gaps left behind, where these are more than half of the
    /// used part; else that grows, and only where it cannot is every gap looked at.
    pub fn allocate(&mut self, n: u64) -> Option<u64> {
        if n == 0 || n > self.pages - self.used {
            return None;
        }
        let near =
            if self.is_sealed() { self.top() } else { (self.next + NEAR_WORDS * BITS).min(self.top()) };
        let first = self
            .gap(self.next, near, n)
            .or_else(|| self.come_back(n))
            .or_else(|| self.grow(n))
            .or_else(|| self.gap(0, self.top(), n))?;
        self.mark(first, n, true);
        self.used += n;
        self.next = first + n;
        Some(first)
    }

    /// Looks for a gap in the next stretch of the used part, where more than half of that is free.
    fn come_back(&mut self, n: u64) -> Option<u64> {
        let top = self.top();
        if 2 * self.used >= top {
            return None;
        }
        let from = if self.again < top { self.again } else { 0 };
        let to = (from + NEAR_WORDS * BITS).min(top);
        let found = self.gap(from, to, n);
        self.again = if found.is_some() || to == top { 0 } else { to };
        found
    }

    /// The first gap of `n` pages between two bounds.
    fn gap(&self, from: u64, to: u64, n: u64) -> Option<u64> {
        // Free pages at the end of what was looked at.
        let mut run = 0;
        for number in from / BITS..to.div_ceil(BITS) {
            let first = number * BITS;
            let word = self.words[number as usize] | outside(first, from, to);
            if run + u64::from(word.trailing_zeros()) >= n {
                return Some(first - run);
            }
            if let Some(bit) = row_of_zeros(word, n) {
                return Some(first + bit);
            }
            run = if word == 0 { run + BITS } else { u64::from(word.leading_zeros()) };
        }
        None
    }

    /// Adds `n` pages behind the used part.
    fn grow(&mut self, n: u64) -> Option<u64> {
        let first = self.words.len() as u64 * BITS;
        let end = first + n;
        if end > self.pages {
            return None;
        }
        self.words.resize(end.div_ceil(BITS) as usize, 0);
        Some(first)
    }

    /// Gives pages back.
    pub fn free(&mut self, first: u64, n: u64) {
        self.mark(first, n, false);
        self.used -= n;
    }

    fn mark(&mut self, first: u64, n: u64, taken: bool) {
        let end = first + n;
        for number in first / BITS..end.div_ceil(BITS) {
            let mask = !outside(number * BITS, first, end);
            let word = &mut self.words[number as usize];
            if taken {
                debug_assert_eq!(*word & mask, 0, "no page is taken twice");
                *word |= mask;
            } else {
                debug_assert_eq!(*word & mask, mask, "no page is freed twice");
                *word &= !mask;
            }
        }
    }
}

/// The pages of a word, of which `first` is the first, that do not lie between two bounds.
fn outside(first: u64, from: u64, to: u64) -> u64 {
    let below = if from > first { (1 << (from - first)) - 1 } else { 0 };
    let above = if to < first + BITS { u64::MAX << (to - first) } else { 0 };
    below | above
}

/// Where a word has `n` zeros in a row, the first of them: halves of a row that is long enough are rows too.
fn row_of_zeros(word: u64, n: u64) -> Option<u64> {
    if n > BITS {
        return None;
    }
    let (mut rows, mut length) = (!word, 1);
    while length < n && rows != 0 {
        let step = length.min(n - length);
        rows &= rows >> step;
        length += step;
    }
    (rows != 0).then(|| u64::from(rows.trailing_zeros()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::rng::Rng;

    #[test]
    fn runs_never_overlap_and_all_room_is_found() {
        let mut rng = Rng::new(11);
        let mut bitmap = Bitmap::new(1000);
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for _ in 0..20_000 {
            if rng.below(2) == 0 && !runs.is_empty() {
                let (first, n) = runs.swap_remove(rng.index(runs.len()));
                bitmap.free(first, n);
            } else {
                let n = 1 + rng.below(90);
                if let Some(first) = bitmap.allocate(n) {
                    assert!(first + n <= 1000);
                    assert!(runs.iter().all(|&(f, m)| first + n <= f || f + m <= first));
                    runs.push((first, n));
                } else {
                    assert!(largest_gap(&runs) < n, "a gap of {n} pages was overlooked");
                }
            }
            assert_eq!(bitmap.used(), runs.iter().map(|r| r.1).sum::<u64>());
        }
    }

    /// Each search began behind the last run, at the end of the used part, which therefore grew with every write: a dataset of 20 MB
    /// that was written again and again took a gigabyte, and would have taken all that `vm-pages` allows.
    #[test]
    fn the_used_part_stays_within_twice_what_is_taken() {
        let mut rng = Rng::new(12);
        for longest in [1, 30] {
            let mut bitmap = Bitmap::new(1 << 30);
            let runs: Vec<u64> = (0..20_000).map(|_| 10 + rng.below(longest)).collect();
            let mut firsts: Vec<u64> = runs.iter().map(|n| bitmap.allocate(*n).unwrap()).collect();
            let most = bitmap.used();
            for round in 0..200_000 {
                let i = rng.index(runs.len());
                bitmap.free(firsts[i], runs[i]);
                firsts[i] = bitmap.allocate(runs[i]).unwrap();
                let top = bitmap.top();
                assert!(top <= 2 * most + NEAR_WORDS * BITS, "{top} pages for {most} after {round} rounds");
            }
        }
    }

    /// Values leave in batches, each a run, and are given back one by one: a run is free when the last of its values is.
    #[test]
    fn the_used_part_is_bounded_where_runs_are_given_back_in_pieces() {
        const VALUES: usize = 32_000;
        const BATCH: usize = 64;
        const PAGES: u64 = 4;
        let mut rng = Rng::new(13);
        let mut bitmap = Bitmap::new(1 << 30);
        let mut firsts = Vec::new();
        for _ in 0..VALUES / BATCH {
            let first = bitmap.allocate(PAGES * BATCH as u64).unwrap();
            firsts.extend((0..BATCH as u64).map(|i| first + PAGES * i));
        }
        let most = bitmap.used();
        for round in 0..15_000 {
            let mut changed: Vec<usize> = (0..BATCH).map(|_| rng.index(VALUES)).collect();
            changed.sort_unstable();
            changed.dedup();
            changed.iter().for_each(|i| bitmap.free(firsts[*i], PAGES));
            let first = bitmap.allocate(PAGES * changed.len() as u64).unwrap();
            changed.iter().zip(0..).for_each(|(i, k)| firsts[*i] = first + PAGES * k);
            let top = bitmap.top();
            assert!(top <= 6 * most, "{top} pages for {most} after {round} rounds");
        }
    }

    #[test]
    fn a_sealed_device_has_the_gaps_that_it_had() {
        let mut bitmap = Bitmap::new(1000);
        let firsts: Vec<u64> = (0..5).filter_map(|_| bitmap.allocate(30)).collect();
        assert_eq!(firsts.len(), 5);
        bitmap.free(firsts[4], 30);
        bitmap.free(firsts[1], 30);
        bitmap.seal();
        assert!(bitmap.is_sealed());
        assert_eq!(bitmap.pages(), firsts[3] + 30);
        assert_eq!((bitmap.allocate(30), bitmap.allocate(30)), (Some(firsts[1]), None));
        bitmap.free(firsts[3], 30);
        assert_eq!(bitmap.allocate(30), Some(firsts[3]), "the end of the sealed part is in use again");
        bitmap.unseal();
        assert!(bitmap.allocate(30).is_some_and(|first| first >= firsts[3] + 30));
        assert_eq!(bitmap.pages(), 1000);
    }

    /// Of two batches on their way the first found the disk full and the second did not. When all that was there had been deleted, each try began in
    /// the gap that the first one had left, and nothing behind it was to be had any more.
    #[test]
    fn a_gap_that_was_never_written_is_passed_over() {
        let mut bitmap = Bitmap::new(1000);
        let firsts: Vec<u64> = (0..4).filter_map(|_| bitmap.allocate(100)).collect();
        for first in [firsts[0], firsts[2], firsts[3]] {
            bitmap.note_written(first, 100);
        }
        firsts.iter().for_each(|first| bitmap.free(*first, 100));
        bitmap.seal();
        assert_eq!(bitmap.pages(), firsts[3] + 100);
        let mut found = Vec::new();
        for _ in 0..20 {
            let Some(first) = bitmap.allocate(50) else { break };
            if (firsts[1]..firsts[1] + 100).contains(&first)
                || (firsts[1]..firsts[1] + 100).contains(&(first + 49))
            {
                // There is no room: it is given back, and the device is sealed once more.
                bitmap.free(first, 50);
                bitmap.seal();
            } else {
                bitmap.note_written(first, 50);
                found.push(first);
            }
        }
        assert!(found.len() >= 5, "{found:?}");
        bitmap.unseal();
        bitmap.seal();
        assert_eq!(bitmap.pages(), firsts[3] + 100);
    }

    fn largest_gap(runs: &[(u64, u64)]) -> u64 {
        let mut sorted = runs.to_vec();
        sorted.sort_unstable();
        let (mut at, mut largest) = (0, 0);
        for (first, n) in sorted {
            largest = largest.max(first - at);
            at = first + n;
        }
        largest.max(1000 - at)
    }
}

//! The order that SORT makes, equal elements included.
//!
//! All of a collection is sorted stably. BY with a LIMIT sorts no more than the places asked for, by Bentley and
//! McIlroy's quicksort, which is not stable; as equal weights show in the reply, its steps are Redis's.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use super::options::c_string;
use crate::words::number::parse_f64;

/// An element and what it is compared by.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: Vec<u8>,
    /// The weight as a number; 0 where there is none.
    score: f64,
    /// The weight as bytes.
    pub(super) by: Option<Vec<u8>>,
}

impl Item {
    pub(super) fn new(name: Vec<u8>) -> Self {
        Self { name, score: 0.0, by: None }
    }

    /// Takes the weight; false where there is none.
    pub(super) fn set_score(&mut self, score: Option<f64>) -> bool {
        self.score = score.unwrap_or(0.0);
        score.is_some()
    }
}

/// A weight as a number, as `strtod` reads a C string: blanks before it will do, so will nothing at all.
pub(super) fn weight(text: &[u8]) -> Option<f64> {
    let text = c_string(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    // Redis refuses what makes strtod report ERANGE: numbers without full precision too.
    parse_f64(&text[blanks..]).filter(|value| !value.is_subnormal())
}

/// By what bytes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytes {
    /// They are not: weights are numbers.
    Numbers,
    /// The elements'.
    Elements,
    /// The weights'.
    Weights,
}

/// How to sort.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) descending: bool,
    pub(super) bytes: Bytes,
    /// Compare whole strings, not C's.
    pub(super) whole: bool,
}

impl Order {
    /// Sorts so that the places `wanted` hold what belongs there; `partial`: the others need not.
    pub(super) fn sort(self, items: &mut [Item], wanted: Range<usize>, partial: bool) {
        if partial && wanted != (0..items.len()) {
            Partial { order: self, wanted }.sort(items, 0);
        } else {
            items.sort_by(|a, b| self.compare(a, b));
        }
    }

    fn compare(self, a: &Item, b: &Item) -> Ordering {
        let order = match self.bytes {
            Bytes::Numbers => {
                a.score.partial_cmp(&b.score).unwrap_or(Ordering::Equal).then_with(|| a.name.cmp(&b.name))
            }
            Bytes::Elements => self.compare_bytes(&a.name, &b.name),
            Bytes::Weights => match (&a.by, &b.by) {
                (Some(a), Some(b)) => self.compare_bytes(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
        };
        if self.descending { order.reverse() } else { order }
    }

    fn compare_bytes(self, a: &[u8], b: &[u8]) -> Ordering {
        if self.whole { a.cmp(b) } else { c_string(a).cmp(c_string(b)) }
    }
}

/// Up to here insertion is quicker.
const FEW: usize = 7;
/// From here on the pivot is the median of medians.
const MANY: usize = 40;

struct Partial {
    order: Order,
    wanted: Range<usize>,
}

impl Partial {
    /// Sorts `items`, of which the first lies at `place` in the whole.
    fn sort(&self, mut items: &mut [Item], mut place: usize) {
        while items.len() >= FEW {
            let pivot = self.pivot(items);
            items.swap(0, pivot);
            let (less, greater) = self.partition(items);
            let len = items.len();
            if less > 1 && self.is_wanted(place, less) {
                self.sort(&mut items[..less], place);
            }
            if greater <= 1 || !self.is_wanted(place + len - greater, greater) {
                return;
            }
            items = &mut items[len - greater..];
            place += len - greater;
        }
        self.insert(items);
    }

    fn is_wanted(&self, place: usize, len: usize) -> bool {
        // An empty range has a last place too, before its first, as Redis counts it.
        let (first, last) = (self.wanted.start as i64, self.wanted.end as i64 - 1);
        let (low, high) = (place as i64, (place + len) as i64);
        !((first < low && last < low) || (first >= high && last >= high))
    }

    fn insert(&self, items: &mut [Item]) {
        for end in 1..items.len() {
            let mut at = end;
            while at > 0 && self.order.compare(&items[at - 1], &items[at]).is_gt() {
                items.swap(at, at - 1);
                at -= 1;
            }
        }
    }

    fn pivot(&self, items: &[Item]) -> usize {
        let len = items.len();
        let (mut low, mut middle, mut high) = (0, len / 2, len - 1);
        if len == FEW {
            return middle;
        }
        if len > MANY {
            let step = len / 8;
            low = self.median(items, low, low + step, low + 2 * step);
            middle = self.median(items, middle - step, middle, middle + step);
            high = self.median(items, high - 2 * step, high - step, high);
        }
        self.median(items, low, middle, high)
    }

    fn median(&self, items: &[Item], a: usize, b: usize, c: usize) -> usize {
        let is_less = |a: usize, b: usize| self.order.compare(&items[a], &items[b]).is_lt();
        match (is_less(a, b), is_less(b, c)) {
            (true, true) => b,
            (true, false) => {
                if is_less(a, c) {
                    c
                } else {
                    a
                }
            }
            (false, false) if self.order.compare(&items[b], &items[c]).is_gt() => b,
            (false, _) => {
                if is_less(a, c) {
                    a
                } else {
                    c
                }
            }
        }
    }

    /// Parts the items around the first one: how many are then less, at the front, and how many greater, at the end.
    fn partition(&self, items: &mut [Item]) -> (usize, usize) {
        let len = items.len();
        // Equal ones gather at both ends first: `..low_equal` and `high_equal + 1..`.
        let (mut low_equal, mut low, mut high, mut high_equal) = (1, 1, len - 1, len - 1);
        loop {
            while low <= high {
                match self.order.compare(&items[low], &items[0]) {
                    Ordering::Greater => break,
                    Ordering::Equal => {
                        items.swap(low_equal, low);
                        low_equal += 1;
                    }
                    Ordering::Less => {}
                }
                low += 1;
            }
            while low <= high {
                match self.order.compare(&items[high], &items[0]) {
                    Ordering::Less => break,
                    Ordering::Equal => {
                        items.swap(high, high_equal);
                        high_equal -= 1;
                    }
                    Ordering::Greater => {}
                }
                high -= 1;
            }
            if low > high {
                break;
            }
            items.swap(low, high);
            low += 1;
            high -= 1;
        }
        let (less, greater) = (low - low_equal, high_equal - high);
        swap_blocks(items, 0, low, low_equal.min(less));
        swap_blocks(items, low, len, greater.min(len - 1 - high_equal));
        (less, greater)
    }
}

/// Swaps the `n` items from `start` on with the `n` items before `end`.
fn swap_blocks(items: &mut [Item], start: usize, end: usize, n: usize) {
    for at in 0..n {
        items.swap(start + at, end - n + at);
    }
}

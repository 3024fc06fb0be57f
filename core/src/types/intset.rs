//! Integer sets: sorted 16-, 32- or 64-bit integers in one blob, bit for bit as Redis lays them out:
//! `width u32 | count u32 | integers …`, all little-endian.

use crate::words::rng::Rng;
use alloc::vec::Vec;

#[cfg(test)]
mod tests;

const HEADER: usize = 8;

/// Why a blob is no intset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadIntset {
    /// The width is none of 2, 4 and 8.
    Width,
    /// The blob's length does not fit its count.
    Length,
    /// There is no member.
    Empty,
    /// The members do not ascend.
    Order,
}

/// An intset, read in place.
#[derive(Debug, Clone, Copy)]
pub struct Intset<'a>(&'a [u8]);

/// Bytes that a member of this value needs.
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn read(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => bytes.try_into().map_or(0, i64::from_le_bytes),
    }
}

impl<'a> Intset<'a> {
    /// The intset in `bytes`, which is one: made here, or validated.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether `bytes` from elsewhere are an intset with at least one member.
    pub fn validate(bytes: &[u8]) -> Result<(), BadIntset> {
        if bytes.len() < HEADER {
            return Err(BadIntset::Length);
        }
        let width = word(bytes, 0) as usize;
        if !matches!(width, 2 | 4 | 8) {
            return Err(BadIntset::Width);
        }
        let count = word(bytes, 4) as usize;
        if count.checked_mul(width).and_then(|n| n.checked_add(HEADER)) != Some(bytes.len()) {
            return Err(BadIntset::Length);
        }
        if count == 0 {
            return Err(BadIntset::Empty);
        }
        let set = Intset(bytes);
        if (1..count).any(|i| set.get(i - 1) >= set.get(i)) {
            return Err(BadIntset::Order);
        }
        Ok(())
    }

    /// The blob.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    fn width(self) -> usize {
        word(self.0, 0) as usize
    }

    /// How many members.
    pub fn len(self) -> usize {
        word(self.0, 4) as usize
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The `i`-th member in ascending order; `i` is below the length.
    pub fn get(self, i: usize) -> i64 {
        let width = self.width();
        let at = HEADER + i * width;
        self.0.get(at..at + width).map_or(0, read)
    }

    /// Where the member is, or where it would be.
    fn search(self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).cmp(&value) {
                core::cmp::Ordering::Equal => return Ok(middle),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Whether the member is there.
    pub fn contains(self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// The members in ascending order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + 'a {
        (0..self.len()).map(move |i| self.get(i))
    }

    /// Any member, each as likely as another; `None` in an empty set.
    pub fn random(self, rng: &mut Rng) -> Option<i64> {
        (!self.is_empty()).then(|| self.get(rng.index(self.len())))
    }
}

/// An intset that is owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntsetBuf(Vec<u8>);

impl IntsetBuf {
    /// An empty intset.
    pub fn new() -> Self {
        Self([2, 0, 0, 0, 0, 0, 0, 0].into())
    }

    /// The intset in `bytes`, which is one: made here, or validated.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To read it.
    pub fn as_ref(&self) -> Intset<'_> {
        Intset(&self.0)
    }

    /// Adds a member; whether it is new.
    pub fn insert(&mut self, value: i64) -> bool {
        let width = self.as_ref().width();
        if width_of(value) > width {
            self.widen(width_of(value));
        }
        let Err(at) = self.as_ref().search(value) else { return false };
        let width = self.as_ref().width();
        let at = HEADER + at * width;
        self.0.splice(at..at, value.to_le_bytes()[..width].iter().copied());
        self.set_len(self.as_ref().len() + 1);
        true
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(at) = self.as_ref().search(value) else { return false };
        let width = self.as_ref().width();
        let at = HEADER + at * width;
        self.0.drain(at..at + width);
        self.set_len(self.as_ref().len() - 1);
        true
    }

    fn set_len(&mut self, len: usize) {
        self.0[4..HEADER].copy_from_slice(&(len as u32).to_le_bytes());
    }

    /// Gives every member more bytes. A set never narrows again, as in Redis.
    fn widen(&mut self, width: usize) {
        let old = self.as_ref();
        let mut bytes = Vec::with_capacity(HEADER + (old.len() + 1) * width);
        bytes.extend_from_slice(&(width as u32).to_le_bytes());
        bytes.extend_from_slice(&self.0[4..HEADER]);
        for value in old.iter() {
            bytes.extend_from_slice(&value.to_le_bytes()[..width]);
        }
        self.0 = bytes;
    }
}

impl Default for IntsetBuf {
    fn default() -> Self {
        Self::new()
    }
}

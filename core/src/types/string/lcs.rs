//! The longest common subsequence of two strings.

use alloc::vec::Vec;

/// A run of bytes that both strings have in common: where it starts in each, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The first byte in the first string.
    pub a: usize,
    /// The first byte in the second string.
    pub b: usize,
    /// How many bytes.
    pub len: usize,
}

/// Lengths of the longest common subsequence of every pair of prefixes.
pub struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    lengths: Vec<u32>,
}

impl<'a> Table<'a> {
    /// The bytes of memory that the table of two strings takes.
    pub fn memory(a: &[u8], b: &[u8]) -> u64 {
        (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1).saturating_mul(size_of::<u32>() as u64)
    }

    /// Works the table out; `None` when there is no memory for it. Takes time in proportion to its size.
    pub fn new(a: &'a [u8], b: &'a [u8]) -> Option<Self> {
        let width = b.len() + 1;
        let cells = width.checked_mul(a.len() + 1)?;
        let mut lengths = Vec::new();
        lengths.try_reserve_exact(cells).ok()?;
        lengths.resize(cells, 0u32);
        for (row, byte) in a.iter().enumerate() {
            let (above, below) = lengths.split_at_mut((row + 1) * width);
            let above = above.get(row * width..)?;
            fill_row(*byte, b, above, below.get_mut(..width)?);
        }
        Some(Self { a, b, lengths })
    }

    fn at(&self, a: usize, b: usize) -> u32 {
        self.lengths.get(a * (self.b.len() + 1) + b).copied().unwrap_or(0)
    }

    /// The length of the longest common subsequence.
    pub fn len(&self) -> usize {
        self.at(self.a.len(), self.b.len()) as usize
    }

    /// Whether the strings have no byte in common.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the subsequence lies, the last run first. Of several subsequences it is the reference's.
    pub fn matches(&self) -> Vec<Match> {
        let mut found = Vec::new();
        let mut run: Option<Match> = None;
        let (mut a, mut b) = (self.a.len(), self.b.len());
        while a > 0 && b > 0 {
            if self.a.get(a - 1) == self.b.get(b - 1) {
                (a, b) = (a - 1, b - 1);
                run = Some(Match { a, b, len: run.map_or(1, |run| run.len + 1) });
            } else {
                found.extend(run.take());
                if self.at(a - 1, b) > self.at(a, b - 1) { a -= 1 } else { b -= 1 }
            }
        }
        found.extend(run);
        found
    }

    /// The subsequence itself.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.len());
        for run in self.matches().iter().rev() {
            text.extend_from_slice(self.a.get(run.a..run.a + run.len).unwrap_or_default());
        }
        text
    }
}

fn fill_row(byte: u8, b: &[u8], above: &[u32], row: &mut [u32]) {
    let mut left = 0;
    let mut diagonal = 0;
    for ((other, up), cell) in b.iter().zip(above.iter().skip(1)).zip(row.iter_mut().skip(1)) {
        left = if *other == byte { diagonal + 1 } else { left.max(*up) };
        *cell = left;
        diagonal = *up;
    }
}

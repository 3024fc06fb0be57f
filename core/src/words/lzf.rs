//! LZF, the compression of strings in RDB files and DUMP payloads.
//!
//! [`Compressor`] chooses the very matches that the reference's liblzf chooses with a cleared table (16 hash bits, its
//! "very fast" setting), since compressed bytes are compared: DUMP payloads, snapshot files. The format: a control
//! byte below 32 starts a run of that many literals plus one; else its top three bits are the length of a match less
//! 2 (7: one more byte follows and is added), its low five bits and the next byte the distance less 1.

use alloc::vec;
use alloc::vec::Vec;

/// Slots for byte-identical output; 256 KiB.
pub const REFERENCE_BITS: u32 = 16;

/// Distances are 1 to this.
const MAX_DISTANCE: usize = 1 << 13;
/// Longest match.
const MAX_MATCH: usize = (1 << 8) + (1 << 3);
/// Longest run of literals.
const MAX_LITERALS: usize = 1 << 5;
/// A match as long as possible takes three bytes: no valid stream grows by more than this factor.
pub const MAX_GROWTH: usize = MAX_MATCH / 3;

/// The match finder, which can be used for many strings in turn.
///
/// The slots hold `base` + position. `base` passes every position stored before, so old entries need no clearing;
/// clearing 256 KiB for each short string would cost more than compressing it.
#[derive(Debug)]
pub struct Compressor {
    slots: Vec<u32>,
    bits: u32,
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new(REFERENCE_BITS)
    }
}

impl Compressor {
    /// A compressor with 2^`bits` slots of 4 bytes (1 ≤ `bits` ≤ 16), allocated at first use. With fewer than
    /// [`REFERENCE_BITS`] the output is valid but not the reference's.
    pub fn new(bits: u32) -> Self {
        Self { slots: Vec::new(), bits: bits.clamp(1, REFERENCE_BITS), base: 0 }
    }

    /// Appends `input` compressed into at most `max` bytes to `out` and returns how many were appended; `None`, with
    /// `out` as before, if they do not suffice.
    pub fn compress(&mut self, input: &[u8], max: usize, out: &mut Vec<u8>) -> Option<usize> {
        if input.is_empty() || max == 0 {
            return None;
        }
        self.prepare(input.len())?;
        let start = out.len();
        out.reserve(max);
        let mut run = Run { input, out, end: start + max, op: start + 1, literals: 0 };
        let fits = find_matches(&mut self.slots, self.bits, self.base, &mut run);
        self.base += input.len() as u32;
        if !fits {
            out.truncate(start);
            return None;
        }
        Some(out.len() - start)
    }

    /// Room for `len` more positions above `base`.
    fn prepare(&mut self, len: usize) -> Option<()> {
        let len = u32::try_from(len).ok()?;
        if self.slots.is_empty() {
            self.slots = vec![0; 1 << self.bits];
        }
        if self.base.checked_add(len).is_none() {
            self.slots.fill(0);
            self.base = 0;
        }
        Some(())
    }
}

/// The output side: runs of literals are copied when they end; `op` is where liblzf's output pointer would be, which
/// decides whether the output still fits.
struct Run<'a> {
    input: &'a [u8],
    out: &'a mut Vec<u8>,
    end: usize,
    op: usize,
    literals: usize,
}

impl Run<'_> {
    /// Counts the literal at `at`; a full run is written.
    #[inline]
    fn literal(&mut self, at: usize) {
        self.literals += 1;
        self.op += 1;
        if self.literals == MAX_LITERALS {
            self.flush(at + 1);
            self.op += 1;
        }
    }

    /// Writes the literals that end before `end`.
    fn flush(&mut self, end: usize) {
        if self.literals > 0 {
            self.out.push(self.literals as u8 - 1);
            self.out.extend_from_slice(&self.input[end - self.literals..end]);
            self.literals = 0;
        }
    }

    /// Writes a match of `len` bytes, `distance` back, that starts at `at`; false if it does not fit.
    fn matched(&mut self, at: usize, len: usize, distance: usize) -> bool {
        let empty = usize::from(self.literals == 0);
        if self.op - empty + 3 + 1 >= self.end {
            return false;
        }
        self.flush(at);
        let (code, back) = (len - 2, distance - 1);
        if code < 7 {
            self.out.push((back >> 8) as u8 + ((code as u8) << 5));
        } else {
            self.out.push((back >> 8) as u8 + (7 << 5));
            self.out.push((code - 7) as u8);
        }
        self.out.push(back as u8);
        self.op = self.out.len() + 1;
        true
    }
}

fn find_matches(slots: &mut [u32], bits: u32, base: u32, run: &mut Run<'_>) -> bool {
    let input = run.input;
    let mask = (1_u32 << bits) - 1;
    let slot = |at: usize| -> usize {
        let h = u32::from(input[at]) << 16 | u32::from(input[at + 1]) << 8 | u32::from(input[at + 2]);
        ((h >> (24 - bits)).wrapping_sub(h.wrapping_mul(5)) & mask) as usize
    };
    let mut at = 0;
    while at + 2 < input.len() {
        let entry = core::mem::replace(&mut slots[slot(at)], base + at as u32);
        // A match with the very first byte is never taken: 0 is also the empty slot.
        let len = if entry > base { match_len(input, (entry - base) as usize, at) } else { 0 };
        if len == 0 {
            if run.op >= run.end {
                return false;
            }
            run.literal(at);
            at += 1;
            continue;
        }
        if !run.matched(at, len, at - (entry - base) as usize) {
            return false;
        }
        at += len;
        if at + 2 >= input.len() {
            break;
        }
        slots[slot(at - 2)] = base + (at - 2) as u32;
        slots[slot(at - 1)] = base + (at - 1) as u32;
    }
    if run.op + 3 > run.end {
        return false;
    }
    while at < input.len() {
        run.literal(at);
        at += 1;
    }
    run.flush(at);
    true
}

/// How long the match of `at` with the earlier `from` is as liblzf counts, 0 if there is none. Its limit is two less
/// than what is left (but at least 3), except that the first 19 bytes are compared before the limit is looked at.
fn match_len(input: &[u8], from: usize, at: usize) -> usize {
    if at - from > MAX_DISTANCE || input[from..from + 3] != input[at..at + 3] {
        return 0;
    }
    let left = input.len() - at;
    let limit = (left - 2).min(MAX_MATCH);
    let limit = if limit > 16 { limit.max(19) } else { limit.max(3) };
    let equal = input[at + 3..at + limit].iter().zip(&input[from + 3..]).take_while(|(a, b)| a == b).count();
    3 + equal
}

/// Appends the `len` bytes that `input` decompresses to; false, with `out` as before, if `input` is not a stream of
/// exactly that many bytes. Nothing is allocated for a `len` that `input` is too short for.
#[must_use]
pub fn decompress(input: &[u8], len: usize, out: &mut Vec<u8>) -> bool {
    if len > input.len().saturating_mul(MAX_GROWTH) {
        return false;
    }
    let start = out.len();
    out.reserve(len);
    let done = expand(input, start + len, start, out).is_some() && out.len() == start + len;
    if !done {
        out.truncate(start);
    }
    done
}

fn expand(mut input: &[u8], end: usize, start: usize, out: &mut Vec<u8>) -> Option<()> {
    while let Some((&control, rest)) = input.split_first() {
        let control = control as usize;
        if control < MAX_LITERALS {
            let (literals, rest) = rest.split_at_checked(control + 1)?;
            if literals.len() > end - out.len() {
                return None;
            }
            out.extend_from_slice(literals);
            input = rest;
            continue;
        }
        let (extra, rest) = if control >> 5 == 7 {
            let (&extra, rest) = rest.split_first()?;
            (extra as usize, rest)
        } else {
            (0, rest)
        };
        let (&low, rest) = rest.split_first()?;
        let len = (control >> 5) + 2 + extra;
        let distance = ((control & 31) << 8 | low as usize) + 1;
        if distance > out.len() - start || len > end - out.len() {
            return None;
        }
        copy_back(out, distance, len);
        input = rest;
    }
    Some(())
}

/// Appends `len` bytes from `distance` back; they may overlap what is being written.
fn copy_back(out: &mut Vec<u8>, distance: usize, len: usize) {
    let from = out.len() - distance;
    if distance >= len {
        out.extend_from_within(from..from + len);
        return;
    }
    for at in from..from + len {
        out.push(out[at]);
    }
}

#[cfg(test)]
mod tests;

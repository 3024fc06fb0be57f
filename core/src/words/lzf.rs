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
        let mut run = Run { input, out, end: start + max, from: 0 };
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

/// The output side. Literals are copied when a match or the input's end comes; whether the output still fits is
/// decided as if each were written at once, behind a control byte every [`MAX_LITERALS`].
struct Run<'a> {
    input: &'a [u8],
    out: &'a mut Vec<u8>,
    /// The output must stay below.
    end: usize,
    /// The input's first byte that is not in the output.
    from: usize,
}

impl Run<'_> {
    /// Where the output would end with `literals` more and a control byte for what follows.
    fn end_with(&self, literals: usize) -> usize {
        self.out.len() + 1 + literals + literals / MAX_LITERALS
    }

    /// The input's first byte for which, as a literal, there is no room.
    fn limit(&self) -> usize {
        let Some(room) = self.end.checked_sub(self.out.len() + 2) else { return self.from };
        let (runs, rest) = (room / (MAX_LITERALS + 1), room % (MAX_LITERALS + 1));
        self.from + runs * MAX_LITERALS + rest.min(MAX_LITERALS - 1) + 1
    }

    /// Writes the literals that end before `end`.
    fn flush(&mut self, end: usize) {
        for literals in self.input[self.from..end].chunks(MAX_LITERALS) {
            self.out.push(literals.len() as u8 - 1);
            self.out.extend_from_slice(literals);
        }
        self.from = end;
    }

    /// Writes a match of `len` bytes, `distance` back, that starts at `at`; false if it does not fit.
    fn matched(&mut self, at: usize, len: usize, distance: usize) -> bool {
        let literals = at - self.from;
        let empty = usize::from(literals.is_multiple_of(MAX_LITERALS));
        if self.end_with(literals) - empty + 3 + 1 >= self.end {
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
        self.from = at + len;
        true
    }
}

/// The slot of three bytes, given as the low 24 bits.
#[inline]
fn slot(three: u32, bits: u32) -> usize {
    let mask = (1_u32 << bits) - 1;
    (((three & 0xff_ffff) >> (24 - bits)).wrapping_sub(three.wrapping_mul(5)) & mask) as usize
}

fn three_at(input: &[u8], at: usize) -> u32 {
    u32::from(input[at]) << 16 | u32::from(input[at + 1]) << 8 | u32::from(input[at + 2])
}

fn find_matches(slots: &mut [u32], bits: u32, base: u32, run: &mut Run<'_>) -> bool {
    let input = run.input;
    let last = input.len().saturating_sub(2);
    let mut at = 0;
    while at < last {
        let Some((from, here)) = next_match(slots, bits, base, input, at, run.limit().min(last)) else {
            if run.limit() < last {
                return false;
            }
            break;
        };
        let len = match_len(input, from, here);
        if !run.matched(here, len, here - from) {
            return false;
        }
        at = here + len;
        if at < last {
            slots[slot(three_at(input, at - 2), bits)] = base + (at - 2) as u32;
            slots[slot(three_at(input, at - 1), bits)] = base + (at - 1) as u32;
        }
    }
    if run.end_with(input.len().min(last.max(run.from)) - run.from) + 3 > run.end {
        return false;
    }
    run.flush(input.len());
    true
}

/// The first position from `at` up to `limit` whose three bytes have occurred within reach, and where: as far as the
/// slots know. Positions on the way are noted.
#[inline]
fn next_match(
    slots: &mut [u32],
    bits: u32,
    base: u32,
    input: &[u8],
    at: usize,
    limit: usize,
) -> Option<(usize, usize)> {
    let mut three = u32::from(*input.get(at)?) << 8 | u32::from(*input.get(at + 1)?);
    let ahead = input.get(at + 2..limit + 2)?;
    for (here, &byte) in (at..).zip(ahead) {
        three = three << 8 | u32::from(byte);
        let entry = core::mem::replace(&mut slots[slot(three, bits)], base + here as u32);
        // A match with the very first byte is never taken: 0 is also the empty slot.
        if entry > base {
            let from = (entry - base) as usize;
            if here - from <= MAX_DISTANCE && input[from..from + 3] == input[here..here + 3] {
                return Some((from, here));
            }
        }
    }
    None
}

/// How long the match of `at` with the earlier `from` is as liblzf counts. Its limit is two less than what is left (but
/// at least 3), except that the first 19 bytes are compared before the limit is looked at.
fn match_len(input: &[u8], from: usize, at: usize) -> usize {
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

/// Appends at least the first `len` bytes that `input` decompresses to, or fewer where it ends or makes no sense.
pub fn decompress_head(mut input: &[u8], len: usize, out: &mut Vec<u8>) {
    let start = out.len();
    while out.len() - start < len {
        match expand_one(input, usize::MAX, start, out) {
            Some(rest) => input = rest,
            None => break,
        }
    }
}

fn expand(mut input: &[u8], end: usize, start: usize, out: &mut Vec<u8>) -> Option<()> {
    while !input.is_empty() {
        input = expand_one(input, end, start, out)?;
    }
    Some(())
}

/// Expands a run of literals or a match and returns what follows.
fn expand_one<'a>(input: &'a [u8], end: usize, start: usize, out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (&control, rest) = input.split_first()?;
    let control = control as usize;
    if control < MAX_LITERALS {
        let (literals, rest) = rest.split_at_checked(control + 1)?;
        if literals.len() > end - out.len() {
            return None;
        }
        out.extend_from_slice(literals);
        return Some(rest);
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
    Some(rest)
}

/// Appends `len` bytes from `distance` back. Where they overlap what is being written, each step copies all that has
/// repeated so far.
fn copy_back(out: &mut Vec<u8>, distance: usize, len: usize) {
    let from = out.len() - distance;
    let mut left = len;
    while left > 0 {
        let step = left.min(out.len() - from);
        out.extend_from_within(from..from + step);
        left -= step;
    }
}

#[cfg(test)]
mod tests;

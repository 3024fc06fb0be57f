//! Eight bytes a step: with one byte a step the checksum alone would cost as much as the rest of a save.
//!
//! A server has the tables in its file. A browser's engine travels: there 16 KiB that nothing compresses are made at the
//! first checksum.

#[cfg(any(target_arch = "wasm32", test))]
mod made;
#[cfg(any(not(target_arch = "wasm32"), test))]
mod ready;

use super::shifted;
#[cfg(target_arch = "wasm32")]
use made::{behind, make, table};
#[cfg(not(target_arch = "wasm32"))]
use ready::{behind, make, table};

/// What a step looks up.
struct Tables {
    /// `bytes[k][b]` is the checksum of byte `b` followed by `k` zero bytes.
    bytes: [[u64; 256]; 8],
    /// `behind[i]` is the checksum of bit `i` of a checksum followed by [`LANE`] zero bytes.
    behind: [u64; 64],
}

const fn tables() -> Tables {
    let mut tables = Tables { bytes: [[0; 256]; 8], behind: [0; 64] };
    let mut byte = 0;
    while byte < 256 {
        let mut crc = shifted(byte as u64, 8);
        let mut k = 0;
        while k < 8 {
            tables.bytes[k][byte] = crc;
            crc = shifted(crc, 8);
            k += 1;
        }
        byte += 1;
    }
    // A bit is what the one above it becomes when it is shifted.
    let mut column = shifted(1 << 63, 8 * LANE as u32);
    let mut bit = 64;
    while bit > 0 {
        bit -= 1;
        tables.behind[bit] = column;
        column = shifted(column, 1);
    }
    tables
}

/// Bytes of one of the three lanes in which long inputs are summed: each step waits for the one before, so one lane
/// leaves the processor idle most of the time.
const LANE: usize = 2048;

/// The checksum of what `crc` stands for followed by [`LANE`] zero bytes.
fn push_lane(mut crc: u64) -> u64 {
    let mut out = 0;
    for bit in 0..64 {
        out ^= behind(bit) & (crc & 1).wrapping_neg();
        crc >>= 1;
    }
    out
}

#[inline]
fn step(crc: u64, word: [u8; 8]) -> u64 {
    let x = (crc ^ u64::from_le_bytes(word)).to_le_bytes();
    table(7, x[0])
        ^ table(6, x[1])
        ^ table(5, x[2])
        ^ table(4, x[3])
        ^ table(3, x[4])
        ^ table(2, x[5])
        ^ table(1, x[6])
        ^ table(0, x[7])
}

fn three_lanes(crc: u64, lanes: &[[u8; 8]; 3 * LANE / 8]) -> u64 {
    let (first, rest) = lanes.split_at(LANE / 8);
    let (second, third) = rest.split_at(LANE / 8);
    let (mut a, mut b, mut c) = (crc, 0, 0);
    for ((&x, &y), &z) in first.iter().zip(second).zip(third) {
        a = step(a, x);
        b = step(b, y);
        c = step(c, z);
    }
    push_lane(push_lane(a) ^ b) ^ c
}

/// The checksum of what `crc` stands for followed by `bytes`; the checksum of nothing is 0.
pub fn crc64(mut crc: u64, bytes: &[u8]) -> u64 {
    make();
    let (words, tail) = bytes.as_chunks::<8>();
    let (lanes, words) = words.as_chunks();
    for lanes in lanes {
        crc = three_lanes(crc, lanes);
    }
    for &word in words {
        crc = step(crc, word);
    }
    for &byte in tail {
        crc = table(0, crc as u8 ^ byte) ^ (crc >> 8);
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::{made, ready};

    #[test]
    fn tables_that_are_made_are_those_that_are_ready() {
        made::make();
        for k in 0..8 {
            assert!((0..=255).all(|byte| made::table(k, byte) == ready::table(k, byte)), "{k}");
        }
        assert!((0..64).all(|bit| made::behind(bit) == ready::behind(bit)));
    }
}

//! Eight bytes a step: with one byte a step the checksum alone would cost as much as the rest of a save.

use super::shifted;

/// `TABLES[k][b]` is the checksum of byte `b` followed by `k` zero bytes.
static TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        tables[0][byte] = shifted(byte as u64, 8);
        byte += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[k - 1][byte];
            tables[k][byte] = tables[0][(crc & 0xff) as usize] ^ (crc >> 8);
            byte += 1;
        }
        k += 1;
    }
    tables
}

/// Bytes of one of the three lanes in which long inputs are summed: each step waits for the one before, so one lane
/// leaves the processor idle most of the time.
const LANE: usize = 2048;

/// `BEHIND[i]` is the checksum of bit `i` of a checksum followed by [`LANE`] zero bytes.
static BEHIND: [u64; 64] = behind();

const fn behind() -> [u64; 64] {
    let mut columns = [0; 64];
    let mut bit = 0;
    while bit < 64 {
        let mut crc = 1 << bit;
        let mut byte = 0;
        while byte < LANE {
            crc = TABLES[0][(crc & 0xff) as usize] ^ (crc >> 8);
            byte += 1;
        }
        columns[bit] = crc;
        bit += 1;
    }
    columns
}

/// The checksum of what `crc` stands for followed by [`LANE`] zero bytes.
fn push_lane(mut crc: u64) -> u64 {
    let mut out = 0;
    for column in &BEHIND {
        out ^= column & (crc & 1).wrapping_neg();
        crc >>= 1;
    }
    out
}

#[inline]
fn step(crc: u64, word: [u8; 8]) -> u64 {
    let x = (crc ^ u64::from_le_bytes(word)).to_le_bytes();
    TABLES[7][x[0] as usize]
        ^ TABLES[6][x[1] as usize]
        ^ TABLES[5][x[2] as usize]
        ^ TABLES[4][x[3] as usize]
        ^ TABLES[3][x[4] as usize]
        ^ TABLES[2][x[5] as usize]
        ^ TABLES[1][x[6] as usize]
        ^ TABLES[0][x[7] as usize]
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
    let (words, tail) = bytes.as_chunks::<8>();
    let (lanes, words) = words.as_chunks();
    for lanes in lanes {
        crc = three_lanes(crc, lanes);
    }
    for &word in words {
        crc = step(crc, word);
    }
    for &byte in tail {
        crc = TABLES[0][(crc as u8 ^ byte) as usize] ^ (crc >> 8);
    }
    crc
}

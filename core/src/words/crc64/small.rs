//! Four bits a step.

use super::shifted;

/// The checksum of each four bits.
static TABLE: [u64; 16] = table();

const fn table() -> [u64; 16] {
    let mut table = [0; 16];
    let mut bits = 0;
    while bits < 16 {
        table[bits] = shifted(bits as u64, 4);
        bits += 1;
    }
    table
}

/// The checksum of what `crc` stands for followed by `bytes`; the checksum of nothing is 0.
pub fn crc64(mut crc: u64, bytes: &[u8]) -> u64 {
    for byte in bytes {
        crc ^= u64::from(*byte);
        for _ in 0..2 {
            crc = TABLE[(crc & 0xf) as usize] ^ (crc >> 4);
        }
    }
    crc
}

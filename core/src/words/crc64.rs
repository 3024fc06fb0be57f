//! CRC-64 "Jones", the checksum of RDB files and DUMP payloads.
//!
//! Polynomial 0xad93d23594c935a9, reflected in and out, starts at 0, no final inversion. On a bare chip with a table of 128
//! bytes in place of 16 KiB.

#[cfg(any(not(target_os = "none"), test))]
mod fast;
#[cfg(any(target_os = "none", test))]
mod small;

#[cfg(not(target_os = "none"))]
pub use fast::crc64;
#[cfg(target_os = "none")]
pub use small::crc64;

/// What computes it: [`crc64`], or what a host has that is faster.
pub type Crc64 = fn(u64, &[u8]) -> u64;

/// The polynomial, bits reversed, as the reflected algorithm shifts it in.
const POLYNOMIAL: u64 = 0xad93_d235_94c9_35a9_u64.reverse_bits();

/// The checksum `bits` zero bits later: what the tables are made of.
const fn shifted(mut crc: u64, bits: u32) -> u64 {
    let mut bit = 0;
    while bit < bits {
        crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
        bit += 1;
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::{crc64, small};
    use std::vec::Vec;

    #[test]
    fn the_catalogued_check_value() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(0, b""), 0);
    }

    #[test]
    fn the_small_table_gives_the_same() {
        let bytes: Vec<u8> = (0..300_u32).map(|i| (i * 37 % 251) as u8).collect();
        for len in [0, 1, 9, 300] {
            assert_eq!(small::crc64(5, &bytes[..len]), crc64(5, &bytes[..len]), "{len}");
        }
    }

    /// Lanes, words and bytes against one byte a step.
    #[test]
    fn long_inputs() {
        let bytes: Vec<u8> = (0..20_000_u32).map(|i| (i * i % 241) as u8).collect();
        for len in [0, 7, 8, 6_143, 6_144, 6_145, 12_288, 20_000] {
            let slow = bytes[..len].iter().fold(9, |crc, byte| crc64(crc, &[*byte]));
            assert_eq!(crc64(9, &bytes[..len]), slow, "{len}");
        }
    }

    #[test]
    fn any_split_gives_the_same() {
        let bytes: Vec<u8> = (0..200_u32).map(|i| (i * 37 % 251) as u8).collect();
        let whole = crc64(0, &bytes);
        for split in 0..=bytes.len() {
            assert_eq!(crc64(crc64(0, &bytes[..split]), &bytes[split..]), whole, "split at {split}");
        }
    }
}

//! CRC-32 (the one of Ethernet and zip), four bits a step: a table of 64 bytes, for chips that count them.

const POLYNOMIAL: u32 = 0x04c1_1db7_u32.reverse_bits();

static TABLE: [u32; 16] = table();

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut nibble = 0;
    while nibble < 16 {
        let mut crc = nibble as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[nibble] = crc;
        nibble += 1;
    }
    table
}

/// The checksum of what `crc` is the checksum of, followed by `bytes`; of nothing it is 0.
pub fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    let mut sum = !crc;
    for &byte in bytes {
        sum ^= u32::from(byte);
        sum = TABLE[(sum & 15) as usize] ^ (sum >> 4);
        sum = TABLE[(sum & 15) as usize] ^ (sum >> 4);
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc32(0, b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(crc32(0, b"1234"), b"56789"), 0xcbf4_3926);
        assert_eq!(crc32(0, b""), 0);
    }
}

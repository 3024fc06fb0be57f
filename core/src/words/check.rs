//! A checksum for bytes that this program alone reads again.

/// 64 bits that any flipped bit changes with all but certainty. It is computed for every value that leaves memory, comes
/// back, or is found in a snapshot at the start, so it must cost next to nothing: four lanes of a word a step.
pub fn check64(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: [u8; 8]| {
        (state ^ u64::from_le_bytes(word)).wrapping_mul(ODD).rotate_left(29).wrapping_add(ODD)
    };
    let (words, tail) = bytes.as_chunks::<8>();
    let (groups, rest) = words.as_chunks::<4>();
    let mut lanes = [1_u64, 2, 3, 4];
    for group in groups {
        for (lane, word) in lanes.iter_mut().zip(group) {
            *lane = mix(*lane, *word);
        }
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    let state = lanes.iter().fold(bytes.len() as u64, |state, lane| mix(state, lane.to_le_bytes()));
    let state = rest.iter().fold(state, |state, word| mix(state, *word));
    mix(state, last)
}

/// The same in 32 bits.
pub fn check32(bytes: &[u8]) -> u32 {
    let state = check64(bytes);
    (state ^ state >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::{check32, check64};
    use alloc::vec::Vec;

    #[test]
    fn every_flipped_bit_and_every_lost_byte_is_noticed() {
        for len in [1, 7, 8, 31, 32, 33, 100, 1000] {
            let bytes: Vec<u8> = (0..len).map(|n: u32| n as u8).collect();
            let (short, long) = (check32(&bytes), check64(&bytes));
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(check32(&damaged) != short && check64(&damaged) != long, "{len} bytes, bit {bit}");
            }
            for end in 0..bytes.len() {
                assert_ne!(check64(&bytes[..end]), long, "{end} of {len} bytes");
            }
        }
    }
}

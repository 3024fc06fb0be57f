//! A record's checksum: XXH64 over the key and what lies behind the sum, seeded with the key's length. The crate's is fast and
//! takes 1,700 bytes; on a chip, where the flash gives a byte in the time of many instructions, a plain one does.

#[cfg(target_os = "none")]
pub(super) use small::sum;

/// The sum of both, one behind the other.
#[cfg(not(target_os = "none"))]
pub(super) fn sum(key: &[u8], rest: &[u8]) -> u64 {
    let mut sum = xxhash_rust::xxh64::Xxh64::new(key.len() as u64);
    sum.update(key);
    sum.update(rest);
    sum.digest()
}

#[cfg(any(target_os = "none", test))]
mod small {
    const P1: u64 = 0x9e37_79b1_85eb_ca87;
    const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
    const P3: u64 = 0x1656_67b1_9e37_79f9;
    const P4: u64 = 0x85eb_ca77_c2b2_ae63;
    const P5: u64 = 0x27d4_eb2f_1656_67c5;
    /// A step takes a word for each of four lanes.
    const WORD: usize = 8;
    const STEP: usize = 4 * WORD;

    #[inline(never)]
    fn round(lane: u64, word: u64) -> u64 {
        lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
    }

    #[inline(never)]
    fn word(bytes: &[u8]) -> u64 {
        bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    pub(in super::super) fn sum(key: &[u8], rest: &[u8]) -> u64 {
        let seed = key.len() as u64;
        let mut lanes =
            [seed.wrapping_add(P1).wrapping_add(P2), seed.wrapping_add(P2), seed, seed.wrapping_sub(P1)];
        let mut step = [0; STEP];
        let mut filled = 0;
        for byte in key.iter().chain(rest) {
            step[filled] = *byte;
            filled += 1;
            if filled == STEP {
                lanes
                    .iter_mut()
                    .zip(step.chunks(WORD))
                    .for_each(|(lane, bytes)| *lane = round(*lane, word(bytes)));
                filled = 0;
            }
        }
        let len = key.len() + rest.len();
        let mut state = seed.wrapping_add(P5);
        if len >= STEP {
            state = lanes
                .iter()
                .zip([1, 7, 12, 18])
                .fold(0, |state: u64, (lane, by)| state.wrapping_add(lane.rotate_left(by)));
            for lane in lanes {
                state = (state ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4);
            }
        }
        state = state.wrapping_add(len as u64);
        let mut tail = &step[..filled];
        while let Some((bytes, behind)) = tail.split_at_checked(WORD) {
            state = (state ^ round(0, word(bytes))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
            tail = behind;
        }
        if let Some((bytes, behind)) = tail.split_at_checked(WORD / 2) {
            state = (state ^ word(bytes).wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
            tail = behind;
        }
        for byte in tail {
            state = (state ^ u64::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
        }
        state = (state ^ state >> 33).wrapping_mul(P2);
        state = (state ^ state >> 29).wrapping_mul(P3);
        state ^ state >> 32
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_chips_sum_is_a_servers() {
        let bytes: alloc::vec::Vec<u8> = (0..200_u32).map(|i| (i * 37) as u8).collect();
        for len in 0..bytes.len() {
            for key in [0, 1, 5, 31, 32, 40].into_iter().filter(|key| *key <= len) {
                let (key, rest) = bytes[..len].split_at(key);
                assert_eq!(
                    super::small::sum(key, rest),
                    super::sum(key, rest),
                    "{} and {}",
                    key.len(),
                    rest.len()
                );
            }
        }
    }
}

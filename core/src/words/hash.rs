//! The keyed hash of every table: SipHash-1-3, so that nobody who chooses keys can choose collisions.

use siphasher::sip::SipHasher13;

/// The secret that the host draws at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u64; 2]);

impl HashKey {
    /// A key from two random words.
    pub const fn new(words: [u64; 2]) -> Self {
        Self(words)
    }

    /// The hash of `bytes`.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.0[0], self.0[1]).hash(bytes)
    }
}

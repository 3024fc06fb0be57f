//! Integers of any width anywhere in a string.

/// An integer's width and sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    /// 1 to 64, at most 63 when unsigned.
    pub bits: u32,
    /// Whether the highest bit is a sign.
    pub signed: bool,
}

/// What to do with a value that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Keep the low bits.
    Wrap,
    /// Take the nearest value that fits.
    Saturate,
    /// Leave the field alone.
    Fail,
}

impl Width {
    fn limits(self) -> (i128, i128) {
        let magnitude = 1i128 << if self.signed { self.bits - 1 } else { self.bits };
        (if self.signed { -magnitude } else { 0 }, magnitude - 1)
    }

    /// Brings a value into the width; `None` where it does not fit and must fail. An unsigned field takes a negative
    /// value as the large number with the same 64 bits, as the reference does.
    pub fn fit(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let value = if self.signed { i128::from(value) } else { i128::from(value as u64) };
        let exact = value + i128::from(increment);
        let (low, high) = self.limits();
        if (low..=high).contains(&exact) {
            return Some(exact as i64);
        }
        match overflow {
            Overflow::Fail => None,
            // The reference counts how far it is to the upper limit in 64 bits: from the far end of the negative numbers, where
            // that does not fit, it arrives at the wrong limit.
            Overflow::Saturate if self.bits < 64 && high - value > i128::from(i64::MAX) => Some(high as i64),
            Overflow::Saturate => Some(exact.clamp(low, high) as i64),
            Overflow::Wrap => Some(self.extend(exact as u64)),
        }
    }

    /// The value of a field from its low bits.
    fn extend(self, raw: u64) -> i64 {
        let unused = 64 - self.bits;
        let top = raw << unused;
        if self.signed { (top as i64) >> unused } else { (top >> unused) as i64 }
    }
}

/// The integer whose highest bit is at `offset`; bits behind the end are clear.
pub fn get(bytes: &[u8], offset: u64, width: Width) -> i64 {
    let (start, skip) = ((offset >> 3) as usize, (offset & 7) as u32);
    // Nine bytes hold 64 bits at any offset within the first.
    let window =
        (0..9).fold(0u128, |window, at| (window << 8) | u128::from(*bytes.get(start + at).unwrap_or(&0)));
    width.extend((window >> (72 - skip - width.bits)) as u64)
}

/// Stores the low bits of `value` as the integer whose highest bit is at `offset`, which must lie within the string.
pub fn set(bytes: &mut [u8], offset: u64, width: Width, value: i64) {
    let (start, skip) = ((offset >> 3) as usize, (offset & 7) as u32);
    let shift = 72 - skip - width.bits;
    let field = ((1u128 << width.bits) - 1) << shift;
    let bits = (u128::from(value as u64) << shift) & field;
    for (at, byte) in bytes.iter_mut().skip(start).take(9).enumerate() {
        let place = 64 - 8 * at as u32;
        *byte = (*byte & !((field >> place) as u8)) | (bits >> place) as u8;
    }
}

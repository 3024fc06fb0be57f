//! The 80-bit `long double` of x86, in which Redis counts `INCRBYFLOAT` and `HINCRBYFLOAT`.

use super::decimal::Decimal;
use super::float::decompose;
use super::scan::{Binary, Magnitude, scan};
use alloc::vec::Vec;

const MANTISSA_BITS: u32 = 64;
/// The power of two of the lowest bit of the smallest number.
const LOWEST_BIT: i32 = -16445;
/// The power of two just above the largest number.
const TOO_LARGE: i32 = 16384;
/// Redis reads such numbers through a buffer of this size.
const MAX_TEXT: usize = 5 * 1024;
/// Places after the point that Redis prints.
const PLACES: u32 = 17;

/// A number with a 64-bit mantissa and the exponents of x86's extended format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongDouble {
    /// `±mantissa · 2^exponent`.
    Finite {
        /// Below zero, or minus zero.
        negative: bool,
        /// The top bit is set, but for zero and the smallest numbers.
        mantissa: u64,
        /// The power of two of the mantissa's lowest bit.
        exponent: i32,
    },
    /// Plus or minus infinity.
    Infinite {
        /// Minus infinity.
        negative: bool,
    },
}

/// A whole argument as a long double, as `INCRBYFLOAT` reads it: what `strtold` takes, but no blank before, no byte
/// behind, no NaN, and nothing that overflows or underflows to zero.
pub fn parse_long_double(text: &[u8]) -> Option<LongDouble> {
    if text.len() >= MAX_TEXT {
        return None;
    }
    let (negative, magnitude, len) = scan(text)?;
    if len != text.len() {
        return None;
    }
    match magnitude {
        Magnitude::Nan | Magnitude::Tiny | Magnitude::Huge => None,
        Magnitude::Infinite => Some(LongDouble::Infinite { negative }),
        Magnitude::Zero => Some(LongDouble::zero(negative)),
        Magnitude::Finite(binary) => LongDouble::round(negative, binary).filter(|value| !value.is_zero()),
    }
}

impl LongDouble {
    const fn zero(negative: bool) -> Self {
        Self::Finite { negative, mantissa: 0, exponent: LOWEST_BIT }
    }

    fn is_zero(self) -> bool {
        matches!(self, Self::Finite { mantissa: 0, .. })
    }

    /// `None` when the number is too large.
    fn round(negative: bool, binary: Binary) -> Option<Self> {
        let (mut mantissa, mut exponent) = binary.round(MANTISSA_BITS, LOWEST_BIT);
        if mantissa >> MANTISSA_BITS != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
        (exponent + MANTISSA_BITS as i32 <= TOO_LARGE).then_some(Self::Finite {
            negative,
            mantissa: mantissa as u64,
            exponent,
        })
    }

    /// The exact value of a 64-bit integer.
    pub fn from_i64(value: i64) -> Self {
        Self::exact(value < 0, value.unsigned_abs(), 0)
    }

    /// The exact value of a double that is not NaN.
    pub fn from_f64(value: f64) -> Self {
        let negative = value.is_sign_negative();
        if value.is_infinite() {
            return Self::Infinite { negative };
        }
        let (mantissa, exponent) = decompose(value);
        Self::exact(negative, mantissa, exponent)
    }

    fn exact(negative: bool, mantissa: u64, exponent: i32) -> Self {
        if mantissa == 0 {
            return Self::zero(negative);
        }
        let shift = mantissa.leading_zeros();
        Self::Finite { negative, mantissa: mantissa << shift, exponent: exponent - shift as i32 }
    }

    /// The sum, rounded; `None` where it is infinite or not a number.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (
            Self::Finite { negative, mantissa, exponent },
            Self::Finite { negative: other_negative, mantissa: other_mantissa, exponent: other_exponent },
        ) = (self, other)
        else {
            return None;
        };
        if (other_exponent, other_mantissa) > (exponent, mantissa) {
            return other.checked_add(self);
        }
        // One bit stays free for the carry, 63 bits below the mantissa for what rounding needs.
        let large = u128::from(mantissa) << 63;
        let small = shift_sticky(u128::from(other_mantissa) << 63, (exponent - other_exponent) as u32);
        let sum = if negative == other_negative { large + small } else { large - small };
        if sum == 0 {
            return Some(Self::zero(negative && other_negative));
        }
        Self::round(negative, Binary::normalized(sum, exponent - 63))
    }
}

/// Shifts right; the lowest bit stands for all that falls off.
fn shift_sticky(value: u128, bits: u32) -> u128 {
    match value.checked_shr(bits) {
        Some(kept) => kept | u128::from(kept << bits != value),
        None => u128::from(value != 0),
    }
}

/// Appends the number as `%.17Lf` prints it, without trailing zeros and without a lone point (`LD_STR_HUMAN`).
pub fn write_long_double(out: &mut Vec<u8>, value: LongDouble) {
    let (negative, mantissa, exponent) = match value {
        LongDouble::Infinite { negative } => {
            out.extend_from_slice(if negative { b"-inf" } else { b"inf" });
            return;
        }
        LongDouble::Finite { negative, mantissa, exponent } => (negative, mantissa, exponent),
    };
    let start = out.len();
    if negative {
        out.push(b'-');
    }
    if exponent > 0 {
        let mut whole = Decimal::from_u64(mantissa);
        whole.scale(exponent);
        whole.write_integer(out);
    } else {
        write_with_fraction(out, mantissa, exponent.unsigned_abs());
    }
    if out.get(start..) == Some(b"-0") {
        out.remove(start);
    }
}

/// `mantissa / 2^places` with up to 17 decimal places.
fn write_with_fraction(out: &mut Vec<u8>, mantissa: u64, places: u32) {
    let unit = 10u128.pow(PLACES);
    let mantissa = u128::from(mantissa);
    let mut whole = mantissa.checked_shr(places).unwrap_or(0);
    let below = if places < 64 { mantissa & ((1 << places) - 1) } else { mantissa };
    let mut fraction = round_shift(below * unit, places);
    if fraction == unit {
        whole += 1;
        fraction = 0;
    }
    super::write_u64(out, whole as u64);
    if fraction == 0 {
        return;
    }
    // A leading one keeps the zeros that follow the point.
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format((unit + fraction) as u64).as_bytes();
    let zeros = text.iter().rev().take_while(|byte| **byte == b'0').count();
    out.push(b'.');
    out.extend_from_slice(text.get(1..text.len() - zeros).unwrap_or_default());
}

/// Divides by a power of two, rounding half to even.
pub(super) fn round_shift(value: u128, bits: u32) -> u128 {
    if bits == 0 {
        return value;
    }
    let Some(kept) = value.checked_shr(bits) else { return 0 };
    let rest = value - (kept << bits);
    let half = 1u128 << (bits - 1);
    kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
}

//! Numbers exactly as Redis reads and prints them: `string2ll`, `strtod`, `strtold`, `%.17g` and `%.17Lf`.

mod decimal;
mod extended;
mod fixed;
mod float;
mod scan;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

pub use extended::{LongDouble, parse_long_double, write_long_double};
pub use fixed::fixed;
pub use float::{parse_f64, strtod, write_f64};

/// The longest text of an `i64`: a sign and nineteen digits.
pub const MAX_INTEGER_LEN: usize = 20;

/// So many digits never overflow a `u64`.
const SAFE_DIGITS: usize = 19;

/// A 64-bit integer in its one canonical spelling: no plus sign, leading zeros, spaces or `-0`.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let magnitude = parse_magnitude(digits, negative)?;
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

fn parse_magnitude(digits: &[u8], negative: bool) -> Option<u64> {
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    if digits.len() > SAFE_DIGITS {
        return None;
    }
    let mut value = 0u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// Appends the decimal text of an integer.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    if let digit @ 0..=9 = value {
        out.push(b'0' + digit as u8);
        return;
    }
    with_i64(value, |text| out.extend_from_slice(text));
}

/// Appends the decimal text of an unsigned integer.
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Hands the decimal text of an integer to `f` without allocating.
pub fn with_i64<R>(value: i64, f: impl FnOnce(&[u8]) -> R) -> R {
    f(itoa::Buffer::new().format(value).as_bytes())
}

/// How many bytes the decimal text of an integer has.
pub fn i64_len(value: i64) -> usize {
    let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
    digits + usize::from(value < 0)
}

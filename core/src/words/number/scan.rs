//! What `strtod` and `strtold` accept, read once into an exact binary form that either rounds to its own width.

use super::SAFE_DIGITS;
use super::decimal::Decimal;
use crate::words::reach::SERVER;
use alloc::vec::Vec;

/// Powers of five up to the last one below 2^64.
const POWERS_OF_FIVE: [u64; 28] = {
    let mut powers = [1u64; 28];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 5;
        at += 1;
    }
    powers
};

/// Decimal points outside this range are infinite or zero in every format at hand.
const LARGEST_POINT: i64 = 4940;
const SMALLEST_POINT: i64 = -4960;

/// A number's text: its value but for the sign.
#[derive(Debug, Clone, Copy)]
pub(super) enum Magnitude {
    Nan,
    Infinite,
    Zero,
    /// `mantissa · 2^exponent`; the mantissa's top bit is set, its lowest bit stands for all that was cut off.
    Finite(Binary),
    /// Not zero, but below every format's smallest number.
    Tiny,
    /// Finite, but above every format's largest number.
    Huge,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Binary {
    pub(super) mantissa: u128,
    pub(super) exponent: i32,
}

impl Binary {
    /// Brings the top bit into place. The mantissa must not be zero.
    pub(super) fn normalized(mantissa: u128, exponent: i32) -> Self {
        let shift = mantissa.leading_zeros();
        Self { mantissa: mantissa << shift, exponent: exponent - shift as i32 }
    }

    /// Rounds half-to-even to `bits` bits, the lowest of which may not stand below two to `lowest`.
    pub(super) fn round(self, bits: u32, lowest: i32) -> (u128, i32) {
        let target = (self.exponent + 128 - bits as i32).max(lowest);
        let shift = (target - self.exponent) as u32;
        if shift > 128 {
            return (0, target);
        }
        let kept = self.mantissa.checked_shr(shift).unwrap_or(0);
        let rest = self.mantissa << (128 - shift);
        let half = 1u128 << 127;
        let up = rest > half || (rest == half && kept & 1 == 1);
        (kept + u128::from(up), target)
    }
}

/// The longest number at the start of `text`: its sign, its magnitude and how many bytes it takes.
/// Leading blanks are not skipped. `None` when there is no number.
pub(super) fn scan(text: &[u8]) -> Option<(bool, Magnitude, usize)> {
    let (negative, sign) = match text.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let body = text.get(sign..)?;
    let (magnitude, len) = match body.first()? {
        b'0'..=b'9' | b'.' => scan_hex(body).or_else(|| scan_decimal(body))?,
        _ => scan_word(body)?,
    };
    Some((negative, magnitude, sign + len))
}

fn scan_word(body: &[u8]) -> Option<(Magnitude, usize)> {
    let starts = |word: &[u8]| body.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if starts(b"infinity") {
        Some((Magnitude::Infinite, 8))
    } else if starts(b"inf") {
        Some((Magnitude::Infinite, 3))
    } else if starts(b"nan") {
        Some((Magnitude::Nan, 3 + nan_tag_len(body.get(3..)?)))
    } else {
        None
    }
}

/// The length of `(letters and digits)` after `nan`, or zero.
fn nan_tag_len(rest: &[u8]) -> usize {
    let Some((b'(', tag)) = rest.split_first() else { return 0 };
    let len = tag.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if tag.get(len) == Some(&b')') { len + 2 } else { 0 }
}

/// The digits of a mantissa with at most one point among them.
struct Mantissa {
    /// Bytes taken.
    len: usize,
    /// Digits among them.
    digits: usize,
    /// Digits after the point.
    fraction: usize,
}

fn scan_mantissa(body: &[u8], is_digit: impl Fn(u8) -> bool) -> Option<Mantissa> {
    let mut found = Mantissa { len: 0, digits: 0, fraction: 0 };
    let mut point = false;
    for &byte in body {
        if is_digit(byte) {
            found.digits += 1;
            found.fraction += usize::from(point);
        } else if byte == b'.' && !point {
            point = true;
        } else {
            break;
        }
        found.len += 1;
    }
    (found.digits > 0).then_some(found)
}

/// An exponent after `marker`: its value, kept within ±10^9, and its length; zero and zero when there is none.
fn scan_exponent(rest: &[u8], marker: u8) -> (i64, usize) {
    let Some((first, tail)) = rest.split_first() else { return (0, 0) };
    if !first.eq_ignore_ascii_case(&marker) {
        return (0, 0);
    }
    let (negative, sign) = match tail.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let mut value = 0i64;
    let mut len = 0;
    for &byte in tail.get(sign..).unwrap_or_default() {
        if !byte.is_ascii_digit() {
            break;
        }
        value = (value * 10 + i64::from(byte - b'0')).min(1_000_000_000);
        len += 1;
    }
    if len == 0 {
        return (0, 0);
    }
    (if negative { -value } else { value }, 1 + sign + len)
}

fn scan_decimal(body: &[u8]) -> Option<(Magnitude, usize)> {
    let mantissa = scan_mantissa(body, |byte| byte.is_ascii_digit())?;
    let (written, exponent_len) = scan_exponent(body.get(mantissa.len..)?, b'e');
    let exponent = written - mantissa.fraction as i64;
    let text = body.get(..mantissa.len)?;
    Some((decimal_magnitude(text, exponent), mantissa.len + exponent_len))
}

/// The value of digits (with perhaps a point that is already accounted for) times ten to `exponent`.
pub(super) fn decimal_magnitude(text: &[u8], exponent: i64) -> Magnitude {
    let mut value = 0u64;
    let mut significant = 0;
    for &byte in text.iter().filter(|byte| **byte != b'.') {
        significant += usize::from(significant > 0 || byte != b'0');
        if significant <= SAFE_DIGITS {
            value = value * 10 + u64::from(byte - b'0');
        }
    }
    if significant == 0 {
        return Magnitude::Zero;
    }
    let small = usize::try_from(exponent.unsigned_abs()).ok().and_then(|at| POWERS_OF_FIVE.get(at));
    if let (true, Some(&power)) = (SERVER && significant <= SAFE_DIGITS, small) {
        return Magnitude::Finite(scaled(value, power, exponent as i32));
    }
    let point = exponent + significant as i64;
    if point > LARGEST_POINT {
        return Magnitude::Huge;
    }
    if point < SMALLEST_POINT {
        return Magnitude::Tiny;
    }
    long_decimal(text, exponent as i32)
}

/// `value · 10^exponent`, where `power` is five to the exponent's magnitude.
fn scaled(value: u64, power: u64, exponent: i32) -> Binary {
    if exponent >= 0 {
        return Binary::normalized(u128::from(value) * u128::from(power), exponent);
    }
    let numerator = Binary::normalized(u128::from(value), exponent);
    let divisor = u128::from(power);
    let quotient = Binary::normalized(numerator.mantissa / divisor, numerator.exponent);
    let inexact = !numerator.mantissa.is_multiple_of(divisor);
    Binary { mantissa: quotient.mantissa | u128::from(inexact), ..quotient }
}

#[cold]
pub(super) fn long_decimal(text: &[u8], exponent: i32) -> Magnitude {
    let digits: Vec<u8> = text.iter().filter(|byte| **byte != b'.').map(|byte| byte - b'0').collect();
    let (mantissa, exponent) = Decimal::new(digits, exponent).into_binary();
    Magnitude::Finite(Binary { mantissa, exponent })
}

#[cold]
fn scan_hex(body: &[u8]) -> Option<(Magnitude, usize)> {
    let [b'0', b'x' | b'X', rest @ ..] = body else { return None };
    let mantissa = scan_mantissa(rest, |byte| byte.is_ascii_hexdigit())?;
    let (written, exponent_len) = scan_exponent(rest.get(mantissa.len..)?, b'p');
    let mut value = 0u128;
    let mut dropped = 0i64;
    for digit in rest.get(..mantissa.len)?.iter().filter_map(|byte| char::from(*byte).to_digit(16)) {
        if value >> 124 == 0 {
            value = (value << 4) | u128::from(digit);
        } else {
            value |= u128::from(digit != 0);
            dropped += 4;
        }
    }
    let exponent = written + dropped - 4 * mantissa.fraction as i64;
    Some((hex_magnitude(value, exponent), 2 + mantissa.len + exponent_len))
}

fn hex_magnitude(value: u128, exponent: i64) -> Magnitude {
    match i32::try_from(exponent) {
        _ if value == 0 => Magnitude::Zero,
        Ok(small @ -20_000..=20_000) => Magnitude::Finite(Binary::normalized(value, small)),
        _ if exponent > 0 => Magnitude::Huge,
        _ => Magnitude::Tiny,
    }
}

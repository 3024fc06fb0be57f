//! Doubles: `strtod` and `%.17g`.

use super::decimal::Decimal;
use super::scan::{Binary, Magnitude, scan};
use crate::words::reach::SERVER;
use alloc::vec::Vec;

const MANTISSA_BITS: u32 = 53;
/// The power of two of a subnormal's lowest bit.
const LOWEST_BIT: i32 = -1074;
const DIGITS: usize = 17;
const LOWEST_17_DIGITS: u64 = 10_000_000_000_000_000;

/// A whole argument as a double, as `ZADD` reads its scores: what `strtod` takes (hexadecimal and `inf` too), but
/// no blank before, no byte behind, no NaN, and nothing that overflows or underflows to zero.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (negative, magnitude, len) = scan(text)?;
    if len != text.len() {
        return None;
    }
    match magnitude {
        Magnitude::Nan | Magnitude::Tiny | Magnitude::Huge => None,
        Magnitude::Infinite => Some(signed(negative, f64::INFINITY)),
        Magnitude::Zero => Some(signed(negative, 0.0)),
        Magnitude::Finite(binary) => {
            let value = to_f64(binary);
            (value.is_finite() && value != 0.0).then(|| signed(negative, value))
        }
    }
}

/// C's `strtod`: skips blanks, reads the longest number, and tells how many bytes that took (0 when there is none;
/// the value is then 0).
pub fn strtod(text: &[u8]) -> (f64, usize) {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let Some((negative, magnitude, len)) = scan(text.get(blanks..).unwrap_or_default()) else {
        return (0.0, 0);
    };
    let value = match magnitude {
        Magnitude::Nan => f64::NAN,
        Magnitude::Infinite | Magnitude::Huge => f64::INFINITY,
        Magnitude::Zero | Magnitude::Tiny => 0.0,
        Magnitude::Finite(binary) => to_f64(binary),
    };
    (signed(negative, value), blanks + len)
}

fn signed(negative: bool, value: f64) -> f64 {
    if negative { -value } else { value }
}

pub(super) fn to_f64(binary: Binary) -> f64 {
    let (mut mantissa, mut exponent) = binary.round(MANTISSA_BITS, LOWEST_BIT);
    if mantissa >> MANTISSA_BITS != 0 {
        mantissa >>= 1;
        exponent += 1;
    }
    let hidden = 1u64 << (MANTISSA_BITS - 1);
    let fraction = mantissa as u64;
    if fraction < hidden {
        return f64::from_bits(fraction);
    }
    let biased = exponent - LOWEST_BIT + 1;
    if biased >= 0x7ff {
        return f64::INFINITY;
    }
    f64::from_bits(((biased as u64) << (MANTISSA_BITS - 1)) | (fraction & (hidden - 1)))
}

/// A finite double's magnitude as `mantissa · 2^exponent`.
pub(super) fn decompose(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << (MANTISSA_BITS - 1)) - 1);
    match (bits >> (MANTISSA_BITS - 1)) as i32 & 0x7ff {
        0 => (fraction, LOWEST_BIT),
        biased => (fraction | (1 << (MANTISSA_BITS - 1)), biased - 1 + LOWEST_BIT),
    }
}

/// Appends a double as `%.17g` prints it, which is how Redis 7.0 replies with scores: `3`, `0.10000000000000001`,
/// `1e+100`, `inf`, `-0`.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let magnitude = value.abs();
    if magnitude == f64::INFINITY {
        out.extend_from_slice(b"inf");
    } else if magnitude < 1e17 && magnitude == (magnitude as u64) as f64 {
        super::write_u64(out, magnitude as u64);
    } else {
        let (digits, exponent) = seventeen_digits(magnitude);
        write_general(out, digits, exponent);
    }
}

/// The 17 significant digits of a finite number above zero, and the power of ten of the first.
fn seventeen_digits(magnitude: f64) -> (u64, i32) {
    let (mantissa, exponent) = decompose(magnitude);
    let (digits, power) = if SERVER && (1e-5..1e38).contains(&magnitude) {
        digits_in_128_bits(mantissa, exponent)
    } else {
        digits_of_decimal(mantissa, exponent)
    };
    if digits == LOWEST_17_DIGITS * 10 { (LOWEST_17_DIGITS, power + 1) } else { (digits, power) }
}

/// The digits by exact decimals of any length: slower, and the only way outside the range of the next.
pub(super) fn digits_of_decimal(mantissa: u64, exponent: i32) -> (u64, i32) {
    let mut decimal = Decimal::from_u64(mantissa);
    decimal.scale(exponent);
    decimal.rounded(DIGITS)
}

/// Between 1e-5 and 1e38 both terms of the quotient fit 128 bits, so the digits come out exact.
pub(super) fn digits_in_128_bits(mantissa: u64, exponent: i32) -> (u64, i32) {
    let top = exponent + 63 - mantissa.leading_zeros() as i32;
    // floor(top · log10 2): the power of ten, or one less.
    let mut power = (top * 1233) >> 12;
    loop {
        let scale = DIGITS as i32 - 1 - power;
        let mut numerator = u128::from(mantissa);
        let mut denominator = 1u128;
        if exponent >= 0 {
            numerator <<= exponent;
        } else {
            denominator <<= -exponent;
        }
        if scale >= 0 {
            numerator *= 10u128.pow(scale as u32);
        } else {
            denominator *= 10u128.pow(-scale as u32);
        }
        let digits = divide_to_even(numerator, denominator);
        if digits <= LOWEST_17_DIGITS * 10 {
            return (digits, power);
        }
        power += 1;
    }
}

fn divide_to_even(numerator: u128, denominator: u128) -> u64 {
    let quotient = numerator / denominator;
    let twice = (numerator % denominator) << 1;
    let up = twice > denominator || (twice == denominator && quotient & 1 == 1);
    (quotient + u128::from(up)) as u64
}

/// Lays out 17 digits as `%g` does: trailing zeros gone, an exponent outside -4..17.
fn write_general(out: &mut Vec<u8>, mut digits: u64, exponent: i32) {
    while digits.is_multiple_of(10) {
        digits /= 10;
    }
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(digits).as_bytes();
    match exponent {
        -4..=-1 => {
            out.extend_from_slice(b"0.000".get(..1 + exponent.unsigned_abs() as usize).unwrap_or_default());
            out.extend_from_slice(text);
        }
        0..=16 => write_pointed(out, text, exponent as usize + 1),
        _ => {
            write_pointed(out, text, 1);
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            if exponent.unsigned_abs() < 10 {
                out.push(b'0');
            }
            super::write_u64(out, u64::from(exponent.unsigned_abs()));
        }
    }
}

/// Digits with a point after the first `whole` of them, filled up with zeros where there are fewer.
fn write_pointed(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    let (head, tail) = digits.split_at(whole.min(digits.len()));
    out.extend_from_slice(head);
    out.extend(core::iter::repeat_n(b'0', whole - head.len()));
    if !tail.is_empty() {
        out.push(b'.');
        out.extend_from_slice(tail);
    }
}

//! Measures with so many digits behind the point. The standard library's printer of doubles has tables and two algorithms for
//! any number at all, 10 KB of what a browser loads.

use super::extended::round_shift;
use super::float::decompose;
use alloc::format;
use alloc::string::String;

/// Measures from here on are all printed as this one.
const MOST: f64 = 1e18;

/// A measure as `%.{places}f` prints it, with up to six places.
pub fn fixed(value: f64, places: u32) -> String {
    let (mantissa, exponent) = decompose(value.abs().min(MOST));
    let unit = 10u128.pow(places);
    let scaled = u128::from(mantissa) * unit;
    let rounded = match u32::try_from(exponent) {
        Ok(exponent) => scaled << exponent,
        Err(_) => round_shift(scaled, exponent.unsigned_abs()),
    };
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (whole, fraction) = ((rounded / unit) as u64, (rounded % unit) as u64);
    format!("{sign}{whole}.{fraction:0width$}", width = places as usize)
}

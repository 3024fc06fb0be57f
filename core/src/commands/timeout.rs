//! How long a blocking command waits.

use crate::words::error::CommandError;
use crate::words::number::{parse_long_double, strtod};
use crate::words::time::UnixMillis;

const NOT_A_TIMEOUT: CommandError = CommandError::new("ERR timeout is not a float or out of range");
const NEGATIVE: CommandError = CommandError::new("ERR timeout is negative");

/// Reads a timeout in seconds, with fractions: when the wait that begins `now` ends. `None` is never, which 0 asks for.
pub fn parse_timeout(text: &[u8], now: UnixMillis) -> Result<Option<UnixMillis>, CommandError> {
    parse_long_double(text).ok_or(NOT_A_TIMEOUT)?;
    let millis = strtod(text).0 * 1000.0;
    if millis >= i64::MAX as f64 {
        // In C this becomes the smallest integer.
        return Err(NEGATIVE);
    }
    let whole = millis as i64;
    let whole = if millis > whole as f64 { whole.saturating_add(1) } else { whole };
    match whole {
        0 => Ok(None),
        ..0 => Err(NEGATIVE),
        // An end beyond the end of time never comes.
        _ => Ok(now.checked_add(whole)),
    }
}

#[cfg(test)]
mod tests {
    use super::{NEGATIVE, NOT_A_TIMEOUT, parse_timeout};

    #[test]
    fn fractions_of_a_millisecond_count_whole() {
        for (text, wanted) in [
            ("0", Ok(None)),
            ("-0.0001", Ok(None)),
            ("0.0001", Ok(Some(1001))),
            ("1.5", Ok(Some(2500))),
            ("-1", Err(NEGATIVE)),
            ("-inf", Err(NEGATIVE)),
            ("inf", Err(NEGATIVE)),
            ("9000000000000000", Ok(Some(9_000_000_000_000_001_000))),
            ("1e300", Err(NEGATIVE)),
            ("", Err(NOT_A_TIMEOUT)),
            ("1s", Err(NOT_A_TIMEOUT)),
        ] {
            assert_eq!(parse_timeout(text.as_bytes(), 1000), wanted, "{text}");
        }
    }
}

//! The intervals that clients write: `1`, `(1`, `-inf`; `[a`, `(a`, `-`, `+`.

use super::super::{LexBound, LexRange, ScoreRange};
use crate::words::error::CommandError;
use crate::words::number::strtod;

const NOT_A_SCORE: CommandError = CommandError::new("ERR min or max is not a float");
const NOT_A_MEMBER: CommandError = CommandError::new("ERR min or max not valid string range item");

/// An interval of scores.
pub(super) fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, CommandError> {
    let (min, min_exclusive) = score_bound(min).ok_or(NOT_A_SCORE)?;
    let (max, max_exclusive) = score_bound(max).ok_or(NOT_A_SCORE)?;
    Ok(ScoreRange { min, max, min_exclusive, max_exclusive })
}

/// Redis reads a bound with plain `strtod` from a C string: blanks before it, overflow and nothing at all will do.
fn score_bound(text: &[u8]) -> Option<(f64, bool)> {
    let (number, exclusive) = match text {
        [b'(', number @ ..] => (number, true),
        _ => (text, false),
    };
    let (value, len) = strtod(number);
    let whole = number.get(len).is_none_or(|&byte| byte == 0);
    (whole && !value.is_nan()).then_some((value, exclusive))
}

/// An interval of members.
pub(super) fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, CommandError> {
    let min = lex_bound(min).ok_or(NOT_A_MEMBER)?;
    let max = lex_bound(max).ok_or(NOT_A_MEMBER)?;
    Ok(LexRange { min, max })
}

fn lex_bound(text: &[u8]) -> Option<LexBound<'_>> {
    match text {
        [b'-'] | [b'-', 0, ..] => Some(LexBound::Min),
        [b'+'] | [b'+', 0, ..] => Some(LexBound::Max),
        [b'(', member @ ..] => Some(LexBound::Exclusive(member)),
        [b'[', member @ ..] => Some(LexBound::Inclusive(member)),
        _ => None,
    }
}

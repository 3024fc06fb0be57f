//! The commands of strings and of their bits.

pub mod basic;
pub mod bitfield;
pub mod bits;
pub mod counters;
pub mod lcs;
mod options;
pub mod ranges;

#[cfg(test)]
mod tests;

use crate::context::Ctx;
use crate::words::error::{CommandError, CommandResult, STRING_TOO_LONG};

/// The most bytes a string may have, by `proto-max-bulk-len`.
fn max_len(ctx: &Ctx<'_>) -> u64 {
    u64::try_from(ctx.server.config.proto_max_bulk_len).unwrap_or(0)
}

/// Refuses a string of `len` and `more` bytes where that is more than `max`.
fn check_len(len: u64, more: usize, max: u64) -> CommandResult {
    let fits = len.checked_add(more as u64).is_some_and(|total| total <= max);
    if fits { Ok(()) } else { Err(STRING_TOO_LONG) }
}

/// A range as GETRANGE, BITCOUNT and BITPOS count it: negative ends count from the end, and what lies outside is cut
/// off. `None` when nothing is left.
fn clamp_range(start: i64, end: i64, len: i64) -> Option<(i64, i64)> {
    let place = |at: i64| if at < 0 { (len + at).max(0) } else { at };
    let (start, end) = (place(start), place(end).min(len - 1));
    (start <= end).then_some((start, end))
}

/// Collects the misses of several reads, so that all that is not in memory is asked for at once.
#[derive(Default)]
struct Misses(bool);

impl Misses {
    /// `None` where the value is missing.
    fn note<T>(&mut self, read: Result<T, CommandError>) -> Result<Option<T>, CommandError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(CommandError::NotResident) => {
                self.0 = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Fails if something was missing.
    fn check(self) -> CommandResult {
        if self.0 { Err(CommandError::NotResident) } else { Ok(()) }
    }
}

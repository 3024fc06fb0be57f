//! Refusals that several commands word alike.

use crate::args::Args;
use crate::words::error::{CommandError, NOT_INTEGER, as_sent};
use crate::words::number::parse_i64;
use alloc::string::String;

const NOT_INT32: CommandError =
    CommandError::new("ERR value is out of range, value must between -2147483648 and 2147483647");

/// An argument that C calls an `int`.
pub(super) fn int32(word: &[u8]) -> Result<i64, CommandError> {
    let number = parse_i64(word).ok_or(NOT_INTEGER)?;
    if i32::try_from(number).is_ok() { Ok(number) } else { Err(NOT_INT32) }
}

/// An error text around a word of the client's.
pub(super) fn quoted_error(before: &str, word: &[u8], after: &str) -> CommandError {
    let mut text = String::from(before);
    text.push_str(&as_sent(word));
    text.push_str(after);
    CommandError::owned(text)
}

/// Redis's word for a subcommand that got arguments that it does not know.
pub(super) fn bad_subcommand(args: Args<'_>) -> CommandError {
    const MOST: usize = 128;
    let word = args.get(1);
    let mut text = String::from("ERR unknown subcommand or wrong number of arguments for '");
    text.push_str(&as_sent(&word[..word.len().min(MOST)]));
    text.push_str("'. Try ");
    text.push_str(&as_sent(args.get(0)).to_ascii_uppercase());
    text.push_str(" HELP.");
    CommandError::owned(text)
}

//! The errors a command answers with. A text carries its code (`ERR`, `WRONGTYPE`, …) but not the leading `-`. Its
//! characters stand for the bytes that are sent, one each (see [`as_sent`]).

use alloc::borrow::Cow;
use alloc::string::String;

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// Sent to the client as `-text`.
    Reply(Cow<'static, str>),
    /// A value is not in memory; the engine loads it and runs the command again from its start.
    NotResident,
}

impl CommandError {
    /// An error with a fixed text.
    pub const fn new(text: &'static str) -> Self {
        Self::Reply(Cow::Borrowed(text))
    }

    /// An error whose text was put together for this case.
    pub fn owned(text: String) -> Self {
        Self::Reply(Cow::Owned(text))
    }
}

/// Bytes of a client's as part of an error text, so that they are sent back as they came, whatever they are; as in the
/// reference, which prints C strings, a zero byte ends them.
pub fn as_sent(bytes: &[u8]) -> String {
    bytes.iter().copied().take_while(|byte| *byte != 0).map(char::from).collect()
}

/// What a command's handler returns.
pub type CommandResult = Result<(), CommandError>;

/// The key holds a value of another type.
pub const WRONG_TYPE: CommandError =
    CommandError::new("WRONGTYPE Operation against a key holding the wrong kind of value");
/// Most commands wait until the dataset has been loaded.
pub const LOADING: CommandError = CommandError::new(IS_LOADING);
/// The text of that error.
pub const IS_LOADING: &str = "LOADING Redis is loading the dataset in memory";
/// The arguments do not fit the command's form.
pub const SYNTAX: CommandError = CommandError::new("ERR syntax error");
/// An argument should have been a 64-bit integer.
pub const NOT_INTEGER: CommandError = CommandError::new("ERR value is not an integer or out of range");
/// An argument should have been a floating-point number.
pub const NOT_FLOAT: CommandError = CommandError::new("ERR value is not a valid float");
/// An index lies outside the value.
pub const INDEX_OUT_OF_RANGE: CommandError = CommandError::new("ERR index out of range");
/// The command needs a key that is there.
pub const NO_SUCH_KEY: CommandError = CommandError::new("ERR no such key");
/// An increment would leave the 64-bit integers.
pub const OVERFLOW: CommandError = CommandError::new("ERR increment or decrement would overflow");
/// A counter of floating-point numbers would become infinite.
pub const NAN_OR_INFINITY: CommandError = CommandError::new("ERR increment would produce NaN or Infinity");
/// A count or length should not have been negative.
pub const NOT_POSITIVE: CommandError = CommandError::new("ERR value is out of range, must be positive");
/// An argument lies outside the command's range.
pub const OUT_OF_RANGE: CommandError = CommandError::new("ERR value is out of range");
/// An offset into a string should not have been negative.
pub const OFFSET_OUT_OF_RANGE: CommandError = CommandError::new("ERR offset is out of range");
/// A string would grow beyond `proto-max-bulk-len`.
pub const STRING_TOO_LONG: CommandError =
    CommandError::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

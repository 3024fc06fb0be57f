//! Why a file was refused.

use alloc::vec::Vec;
use core::fmt;

use crate::types::codec::Reason;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The first bytes are not those of an RDB file.
    Magic,
    /// A version that is not known.
    Version(u32),
    /// An opcode that is not known, or belongs to what this engine has not: slots being imported, functions of a
    /// release candidate.
    Opcode(u8),
    /// A database number that is too large.
    Database(u64),
    /// The file's checksum, or the one computed, given here: they differ.
    Checksum {
        /// At the file's end.
        stored: u64,
        /// Of the bytes before it.
        computed: u64,
    },
    /// A value, key or other string.
    Value(Reason),
}

impl From<Reason> for Cause {
    fn from(reason: Reason) -> Self {
        Self::Value(reason)
    }
}

/// A file is refused: what is wrong, where, and in which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RdbError {
    /// The offset in the file of the item or value that could not be read, in bytes.
    pub offset: u64,
    /// The key whose value could not be read.
    pub key: Option<Vec<u8>>,
    /// What is wrong.
    pub cause: Cause,
}

impl RdbError {
    /// The value of a key is refused, for what lies at this offset of the file.
    pub fn in_value(offset: u64, key: &[u8], reason: Reason) -> Self {
        Self { offset, key: Some(key.to_vec()), cause: reason.into() }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("this is not an RDB file"),
            Self::Version(version) => write!(f, "can't handle RDB format version {version}"),
            Self::Opcode(byte) => write!(f, "unknown opcode {byte}"),
            Self::Database(number) => write!(f, "database {number} is out of range"),
            Self::Checksum { stored, computed } => {
                write!(f, "wrong checksum: {computed:016x} instead of {stored:016x}")
            }
            Self::Value(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for RdbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}", self.offset)?;
        if let Some(key) = &self.key {
            write!(f, ", key '{}'", key.escape_ascii())?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl core::error::Error for RdbError {}

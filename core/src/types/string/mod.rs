//! Strings: an integer where the bytes are one, else the bytes.

pub mod bitfield;
pub mod bits;
pub mod commands;
pub mod lcs;

#[cfg(test)]
mod tests;

use crate::resp::reply::Reply;
use crate::words::number::{i64_len, parse_i64, with_i64, write_i64};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// Strings up to this length are `embstr` when they are set whole.
pub const EMBEDDED_MAX: usize = 44;

/// A string value that is owned. The encodings tell what `OBJECT ENCODING` answers; the text is the same in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Str {
    /// The decimal text of an integer (`int`).
    Int(i64),
    /// Set whole and short (`embstr`).
    Embedded(Vec<u8>),
    /// Long, or edited in place (`raw`).
    Raw(Vec<u8>),
}

/// A string value that is borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrRef<'a> {
    /// The decimal text of an integer (`int`).
    Int(i64),
    /// Set whole and short (`embstr`).
    Embedded(&'a [u8]),
    /// Long, or edited in place (`raw`).
    Raw(&'a [u8]),
}

impl<'a> StrRef<'a> {
    /// The encoding that a value gets when it is set whole: an integer in its canonical spelling becomes one.
    #[inline]
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        match parse_i64(bytes) {
            Some(value) => Self::Int(value),
            None => Self::text(bytes),
        }
    }

    /// As [`Self::from_bytes`], but never an integer: what `INCRBYFLOAT` stores.
    pub const fn text(bytes: &'a [u8]) -> Self {
        if bytes.len() <= EMBEDDED_MAX { Self::Embedded(bytes) } else { Self::Raw(bytes) }
    }

    /// The length of the text, in bytes.
    #[inline]
    #[expect(
        clippy::len_without_is_empty,
        reason = "an empty string is a value like any other: nobody asks for it"
    )]
    pub fn len(self) -> usize {
        match self {
            Self::Int(value) => i64_len(value),
            Self::Embedded(bytes) | Self::Raw(bytes) => bytes.len(),
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub const fn encoding(self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Embedded(_) => "embstr",
            Self::Raw(_) => "raw",
        }
    }

    /// Hands the text to `f`; an integer is printed on the stack.
    #[inline]
    pub fn with_bytes<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Int(value) => with_i64(value, f),
            Self::Embedded(bytes) | Self::Raw(bytes) => f(bytes),
        }
    }

    /// Appends the text.
    pub fn write_to(self, out: &mut Vec<u8>) {
        match self {
            Self::Int(value) => write_i64(out, value),
            Self::Embedded(bytes) | Self::Raw(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// The text.
    pub fn to_vec(self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// The text, borrowed where it is stored as such.
    pub fn to_cow(self) -> Cow<'a, [u8]> {
        match self {
            Self::Int(_) => Cow::Owned(self.to_vec()),
            Self::Embedded(bytes) | Self::Raw(bytes) => Cow::Borrowed(bytes),
        }
    }

    /// The integer that the text spells, if it does.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            Self::Embedded(bytes) | Self::Raw(bytes) => parse_i64(bytes),
        }
    }

    /// Replies with the text.
    #[inline]
    pub fn reply(self, reply: &mut Reply<'_>) {
        match self {
            Self::Int(value) => reply.bulk_int(value),
            Self::Embedded(bytes) | Self::Raw(bytes) => reply.bulk(bytes),
        }
    }

    /// Bytes of memory beyond the key's record.
    pub const fn memory(self) -> usize {
        match self {
            Self::Int(_) => 0,
            Self::Embedded(bytes) | Self::Raw(bytes) => bytes.len(),
        }
    }

    /// A copy that is owned, in the same encoding.
    pub fn to_owned(self) -> Str {
        match self {
            Self::Int(value) => Str::Int(value),
            Self::Embedded(bytes) => Str::Embedded(bytes.to_vec()),
            Self::Raw(bytes) => Str::Raw(bytes.to_vec()),
        }
    }
}

impl Str {
    /// The value as `SET` would store it.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        StrRef::from_bytes(bytes).to_owned()
    }

    /// As [`Self::from_bytes`], from bytes that are owned already.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        match StrRef::from_bytes(&bytes) {
            StrRef::Int(value) => Self::Int(value),
            StrRef::Embedded(_) => Self::Embedded(bytes),
            StrRef::Raw(_) => Self::Raw(bytes),
        }
    }

    /// The value, borrowed.
    pub fn as_ref(&self) -> StrRef<'_> {
        match self {
            Self::Int(value) => StrRef::Int(*value),
            Self::Embedded(bytes) => StrRef::Embedded(bytes),
            Self::Raw(bytes) => StrRef::Raw(bytes),
        }
    }

    /// The bytes, to be edited in place; the value is `raw` from now on.
    pub fn make_raw(&mut self) -> &mut Vec<u8> {
        if !matches!(self, Self::Raw(_)) {
            *self = Self::Raw(match self {
                Self::Int(_) => self.as_ref().to_vec(),
                Self::Embedded(bytes) | Self::Raw(bytes) => core::mem::take(bytes),
            });
        }
        match self {
            Self::Raw(bytes) | Self::Embedded(bytes) => bytes,
            Self::Int(_) => unreachable!("made raw above"),
        }
    }

    /// Makes the value raw and at least `len` bytes long, with zero bytes at its end; whether it grew.
    pub fn grow(&mut self, len: usize) -> bool {
        let bytes = self.make_raw();
        let grows = bytes.len() < len;
        if grows {
            bytes.resize(len, 0);
        }
        grows
    }
}

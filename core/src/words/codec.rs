//! Bytes in, bytes out: one cursor to read with, and appenders to write with.

use alloc::vec::Vec;

/// The input ended before what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated;

/// A cursor over bytes; every read either moves it on or says [`Truncated`] and leaves it where it was.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

macro_rules! integers {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $from:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self) -> Result<$type, Truncated> {
            self.array().map(<$type>::$from)
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub const fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether all was read.
    pub const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// All that is left, without moving on.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte, without moving on.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Truncated> {
        let taken = self.rest().get(..len).ok_or(Truncated)?;
        self.at += len;
        Ok(taken)
    }

    /// A cursor of its own over the next `len` bytes.
    pub fn sub(&mut self, len: usize) -> Result<Self, Truncated> {
        self.take(len).map(Self::new)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let array = *self.rest().first_chunk().ok_or(Truncated)?;
        self.at += N;
        Ok(array)
    }

    integers! {
        /// One byte.
        u8: u8 = from_le_bytes;
        /// One signed byte.
        i8: i8 = from_le_bytes;
        /// Two bytes, the lowest first.
        u16le: u16 = from_le_bytes;
        /// Two signed bytes, the lowest first.
        i16le: i16 = from_le_bytes;
        /// Four bytes, the lowest first.
        u32le: u32 = from_le_bytes;
        /// Four signed bytes, the lowest first.
        i32le: i32 = from_le_bytes;
        /// Eight bytes, the lowest first.
        u64le: u64 = from_le_bytes;
        /// Eight signed bytes, the lowest first.
        i64le: i64 = from_le_bytes;
        /// A double, the lowest byte first.
        f64le: f64 = from_le_bytes;
        /// Two bytes, the highest first.
        u16be: u16 = from_be_bytes;
        /// Four bytes, the highest first.
        u32be: u32 = from_be_bytes;
        /// Eight bytes, the highest first.
        u64be: u64 = from_be_bytes;
    }
}

macro_rules! appenders {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $to:ident;)*) => {
        /// Appends numbers of fixed width.
        pub trait Put {
            $($(#[$doc])* fn $name(&mut self, value: $type);)*
        }

        impl Put for Vec<u8> {
            $(fn $name(&mut self, value: $type) {
                self.extend_from_slice(&value.$to());
            })*
        }
    };
}

appenders! {
    /// One byte.
    put_u8: u8 = to_le_bytes;
    /// Two bytes, the lowest first.
    put_u16le: u16 = to_le_bytes;
    /// Four bytes, the lowest first.
    put_u32le: u32 = to_le_bytes;
    /// Eight bytes, the lowest first.
    put_u64le: u64 = to_le_bytes;
    /// Eight signed bytes, the lowest first.
    put_i64le: i64 = to_le_bytes;
    /// A double, the lowest byte first.
    put_f64le: f64 = to_le_bytes;
    /// Two bytes, the highest first.
    put_u16be: u16 = to_be_bytes;
    /// Four bytes, the highest first.
    put_u32be: u32 = to_be_bytes;
    /// Eight bytes, the highest first.
    put_u64be: u64 = to_be_bytes;
}

#[cfg(test)]
mod tests {
    use super::{Put, Reader, Truncated};
    use alloc::vec::Vec;

    #[test]
    fn what_was_put_is_read() {
        let mut out = Vec::new();
        out.put_u8(7);
        out.put_u16le(0x0102);
        out.put_u32be(0x0304_0506);
        out.put_i64le(-2);
        out.put_f64le(0.5);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.peek(), Some(7));
        assert_eq!(reader.u8(), Ok(7));
        assert_eq!(reader.sub(2).and_then(|mut sub| sub.u16le()), Ok(0x0102));
        assert_eq!((reader.position(), reader.remaining()), (3, 20));
        assert_eq!(reader.u32be(), Ok(0x0304_0506));
        assert_eq!(reader.i64le(), Ok(-2));
        assert_eq!(reader.f64le(), Ok(0.5));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_short_read_moves_nothing() {
        let mut reader = Reader::new(b"abc");
        assert_eq!(reader.u32le(), Err(Truncated));
        assert_eq!(reader.take(4), Err(Truncated));
        assert_eq!(reader.take(3), Ok(&b"abc"[..]));
        assert_eq!(reader.take(0), Ok(&b""[..]));
        assert_eq!(reader.u8(), Err(Truncated));
    }
}

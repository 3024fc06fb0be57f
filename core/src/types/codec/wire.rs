//! Lengths and strings, of which every form is made.

use alloc::vec::Vec;
use core::fmt;

use crate::words::codec::{Put, Reader, Truncated};
use crate::words::lzf;

/// Why bytes are not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The bytes end before the value does.
    Truncated,
    /// There are bytes after the value's end.
    Trailing,
    /// A length is written in no known way, or a string's encoding stands where a length should.
    Length,
    /// A length or count is more than the bytes that are there can hold.
    TooLong,
    /// A string is encoded in no known way.
    StringEncoding,
    /// A compressed string does not decompress to the length it claims.
    Lzf,
    /// A zipmap, ziplist, listpack or intset breaks its format; named.
    Blob(&'static str),
    /// A key, member or field occurs twice.
    Duplicate,
    /// A score is not a number, or the scores are out of order.
    Score,
    /// A list's node is of no known kind.
    Node,
    /// A collection without elements.
    Empty,
    /// No known form has this type byte.
    UnknownType(u8),
    /// A form that this engine has no type for; named.
    Unsupported(&'static str),
    /// A module's value is not a run of known items.
    Module,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the data ends too early",
            Self::Trailing => "there is data after the value's end",
            Self::Length => "a length has an unknown encoding",
            Self::TooLong => "a length is more than the data can hold",
            Self::StringEncoding => "a string has an unknown encoding",
            Self::Lzf => "a compressed string is damaged",
            Self::Blob(name) => return write!(f, "a {name} is damaged"),
            Self::Duplicate => "a key, member or field occurs twice",
            Self::Score => "a score is not a number or out of order",
            Self::Node => "a list node has an unknown kind",
            Self::Empty => "a collection has no elements",
            Self::UnknownType(byte) => return write!(f, "unknown value type {byte}"),
            Self::Unsupported(what) => return write!(f, "{what} values are not supported"),
            Self::Module => "a module's value is damaged",
        })
    }
}

impl From<Truncated> for Reason {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// What a length's first byte announces.
enum Length {
    Plain(u64),
    /// The low six bits of a byte that begins with 11: how a string is encoded.
    Encoded(u8),
}

fn read_length(reader: &mut Reader<'_>) -> Result<Length, Reason> {
    let first = reader.peek().ok_or(Reason::Truncated)?;
    let low = first & 0x3f;
    Ok(match first >> 6 {
        0 => {
            reader.u8()?;
            Length::Plain(u64::from(low))
        }
        1 => Length::Plain(u64::from(reader.u16be()? & 0x3fff)),
        2 => Length::Plain(match first {
            0x80 => u64::from(u32::from_be_bytes(*tail(&reader.array::<5>()?))),
            0x81 => u64::from_be_bytes(*tail(&reader.array::<9>()?)),
            _ => return Err(Reason::Length),
        }),
        _ => {
            reader.u8()?;
            Length::Encoded(low)
        }
    })
}

/// All but the first byte.
fn tail<const N: usize, const M: usize>(array: &[u8; N]) -> &[u8; M] {
    const { assert!(N == M + 1) };
    #[expect(clippy::unwrap_used, reason = "N = M + 1, asserted above")]
    array.last_chunk().unwrap()
}

/// Reads a length, count or other unsigned number. On an error the reader may have moved.
pub fn read_len(reader: &mut Reader<'_>) -> Result<u64, Reason> {
    match read_length(reader)? {
        Length::Plain(len) => Ok(len),
        Length::Encoded(_) => Err(Reason::Length),
    }
}

/// Reads a count of things that take at least `each` bytes, all of which the reader must hold.
pub fn read_count(reader: &mut Reader<'_>, each: usize) -> Result<usize, Reason> {
    let count = read_len(reader)?;
    match usize::try_from(count) {
        Ok(count) if count <= reader.remaining() / each => Ok(count),
        _ => Err(Reason::TooLong),
    }
}

/// Appends a length, in as few bytes as it takes.
pub fn put_len(out: &mut Vec<u8>, len: u64) {
    match len {
        0..0x40 => out.put_u8(len as u8),
        0x40..0x4000 => out.put_u16be(0x4000 | len as u16),
        0x4000..=0xffff_ffff => {
            out.put_u8(0x80);
            out.put_u32be(len as u32);
        }
        _ => {
            out.put_u8(0x81);
            out.put_u64be(len);
        }
    }
}

/// A string as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// A number, of which the string is the decimal digits.
    Int(i64),
    /// The string itself.
    Raw(&'a [u8]),
    /// Compressed with LZF.
    Lzf {
        /// The compressed bytes.
        packed: &'a [u8],
        /// How many bytes the string has; plausible for `packed`.
        len: usize,
    },
}

/// Reads a string without decompressing it.
pub fn read_text<'a>(reader: &mut Reader<'a>) -> Result<Text<'a>, Reason> {
    let encoding = match read_length(reader)? {
        Length::Plain(len) => return Ok(Text::Raw(take(reader, len)?)),
        Length::Encoded(encoding) => encoding,
    };
    Ok(match encoding {
        0 => Text::Int(i64::from(reader.i8()?)),
        1 => Text::Int(i64::from(reader.i16le()?)),
        2 => Text::Int(i64::from(reader.i32le()?)),
        3 => {
            let packed = read_len(reader)?;
            let len = usize::try_from(read_len(reader)?).map_err(|_| Reason::TooLong)?;
            let packed = take(reader, packed)?;
            if len > packed.len().saturating_mul(lzf::MAX_GROWTH) {
                return Err(Reason::Lzf);
            }
            Text::Lzf { packed, len }
        }
        _ => return Err(Reason::StringEncoding),
    })
}

fn take<'a>(reader: &mut Reader<'a>, len: u64) -> Result<&'a [u8], Reason> {
    let len = usize::try_from(len).map_err(|_| Reason::TooLong)?;
    Ok(reader.take(len)?)
}

impl<'a> Text<'a> {
    /// How many bytes the string has.
    pub fn len(&self) -> usize {
        match *self {
            Self::Int(value) => itoa::Buffer::new().format(value).len(),
            Self::Raw(bytes) => bytes.len(),
            Self::Lzf { len, .. } => len,
        }
    }

    /// Whether the string has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The string's bytes: those on the wire or, if it is encoded, `scratch`'s, whose content is replaced.
    pub fn bytes<'s>(self, scratch: &'s mut Vec<u8>) -> Result<&'s [u8], Reason>
    where
        'a: 's,
    {
        if let Self::Raw(bytes) = self {
            return Ok(bytes);
        }
        self.copy_to(scratch)?;
        Ok(scratch)
    }

    /// The string's bytes, in a vector of their exact size.
    pub fn to_vec(self) -> Result<Vec<u8>, Reason> {
        let mut out = Vec::new();
        self.append_to(&mut out)?;
        Ok(out)
    }

    /// Replaces the content of `out` by the string's bytes.
    pub fn copy_to(self, out: &mut Vec<u8>) -> Result<(), Reason> {
        out.clear();
        self.append_to(out)
    }

    fn append_to(self, out: &mut Vec<u8>) -> Result<(), Reason> {
        match self {
            Self::Int(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            Self::Raw(bytes) => out.extend_from_slice(bytes),
            Self::Lzf { packed, len } => {
                out.reserve_exact(len);
                if !lzf::decompress(packed, len, out) {
                    return Err(Reason::Lzf);
                }
            }
        }
        Ok(())
    }
}

//! Commands out of bytes, however the bytes were cut up on their way.

use super::inline::{split_args, split_plain};
use crate::words::number::parse_i64;
use crate::words::reach::SERVER;
use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// A header or an inline command longer than this without its end is refused (`PROTO_INLINE_MAX_SIZE`).
pub const MAX_LINE: usize = 64 * 1024;
/// The most arguments of a command, the name among them. A chip has no room for so many.
const MAX_ARGUMENTS: i64 = if SERVER { i32::MAX as i64 } else { 1024 * 1024 };
/// What a client may send before it has logged in: so many arguments, and so many bytes in each.
const MAX_UNAUTHENTICATED_ARGUMENTS: i64 = 10;
const MAX_UNAUTHENTICATED_BULK: i64 = 16384;

/// Where an argument lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The offset of the first byte.
    pub start: u32,
    /// How many bytes.
    pub len: u32,
}

impl Span {
    /// The bytes themselves; empty when the buffer is not the one the span was made for.
    #[inline]
    pub fn of(self, buf: &[u8]) -> &[u8] {
        let start = self.start as usize;
        buf.get(start..start + self.len as usize).unwrap_or_default()
    }
}

/// What the server lets this client send.
#[derive(Debug, Clone, Copy)]
pub struct ParseLimits {
    /// `proto-max-bulk-len`: the most bytes one argument may have.
    pub max_bulk_len: u64,
    /// Whether the client has logged in, or need not.
    pub authenticated: bool,
}

/// How far the parser came within a command.
#[derive(Debug, Default)]
pub struct ParseState {
    /// Bytes understood, from the command's first.
    at: usize,
    /// Bytes behind `at` in which a line's end was sought in vain.
    searched: usize,
    /// Arguments still to come; 0 before the header.
    missing: u32,
    /// The length of the argument at `at`, once its header was read.
    bulk: Option<u32>,
    /// The arguments found so far.
    found: Vec<Span>,
    /// The arguments of an inline command with quotes, unquoted.
    unquoted: Vec<u8>,
    /// Whether the last command's spans point there.
    quoted: bool,
}

impl ParseState {
    /// What the complete command's spans point into: `buf` itself, or for an inline command with quotes a buffer of the
    /// state's own, which lasts until the next call of [`parse`].
    #[inline]
    pub fn source<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        if self.quoted { &self.unquoted } else { buf }
    }

    /// Whether the last command's spans point into the state's own buffer rather than into the caller's.
    pub fn is_unquoted(&self) -> bool {
        self.quoted
    }

    /// How long the input must at least be for the next call to come further; more may be needed then.
    pub fn wants(&self) -> usize {
        self.at + self.bulk.map_or(self.searched + 1, |len| len as usize + 2)
    }

    fn begin(&mut self) {
        *self = Self { unquoted: core::mem::take(&mut self.unquoted), ..Self::default() };
    }
}

/// What a call of [`parse`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// A command, whose arguments are the new spans. No new span: an empty line or an empty array, nothing to run.
    Complete {
        /// How many bytes it took; the next command starts behind them.
        consumed: usize,
    },
    /// More bytes are needed.
    Incomplete,
}

/// Why a client is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// The number of arguments is not a number.
    InvalidMultibulkLength,
    /// The number of arguments does not end.
    TooBigMultibulkCount,
    /// More arguments than a client may send that has not logged in.
    UnauthenticatedMultibulkLength,
    /// The length of an argument does not end.
    TooBigBulkCount,
    /// Something else where `$` belongs.
    ExpectedDollar(u8),
    /// The length of an argument is not a number, negative or too large.
    InvalidBulkLength,
    /// A longer argument than a client may send that has not logged in.
    UnauthenticatedBulkLength,
    /// An inline command does not end.
    TooBigInlineRequest,
    /// An inline command's quotes do not match.
    UnbalancedQuotes,
}

impl ProtocolError {
    /// Appends the reply's text, without the `-` and the line's end.
    pub fn write_text(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ERR Protocol error: ");
        out.extend_from_slice(match self {
            Self::InvalidMultibulkLength => b"invalid multibulk length",
            Self::TooBigMultibulkCount => b"too big mbulk count string",
            Self::UnauthenticatedMultibulkLength => b"unauthenticated multibulk length",
            Self::TooBigBulkCount => b"too big bulk count string",
            Self::ExpectedDollar(_) => b"expected '$', got '",
            Self::InvalidBulkLength => b"invalid bulk length",
            Self::UnauthenticatedBulkLength => b"unauthenticated bulk length",
            Self::TooBigInlineRequest => b"too big inline request",
            Self::UnbalancedQuotes => b"unbalanced quotes in request",
        });
        if let Self::ExpectedDollar(byte) = self {
            out.extend_from_slice(&[if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }, b'\'']);
        }
    }
}

/// Parses one command. `buf` starts at the command's first byte on every call until it is complete, and only grows
/// meanwhile. The spans of a complete command, relative to that start, are appended to `spans`, which otherwise stays as
/// it was: what an incomplete command has shown so far is kept in `state`. Nothing is read twice, nothing is copied but
/// for quoted inline commands (see [`ParseState::source`]), and after an error the client must be closed.
#[inline]
pub fn parse(
    buf: &[u8],
    state: &mut ParseState,
    limits: &ParseLimits,
    spans: &mut Vec<Span>,
) -> Result<Parsed, ProtocolError> {
    match buf.first() {
        Some(b'*') => parse_array(buf, state, limits, spans),
        Some(_) => parse_inline(buf, state, spans),
        None => Ok(Parsed::Incomplete),
    }
}

fn parse_array(
    buf: &[u8],
    state: &mut ParseState,
    limits: &ParseLimits,
    spans: &mut Vec<Span>,
) -> Result<Parsed, ProtocolError> {
    let first = spans.len();
    let mut cursor = Cursor { buf, at: state.at, limits };
    let mut missing = state.missing;
    let mut bulk = state.bulk;
    if missing > 0 {
        spans.append(&mut state.found);
    } else {
        state.quoted = false;
        match cursor.count(&mut state.searched)? {
            None => return Ok(Parsed::Incomplete),
            Some(0) => {
                state.begin();
                return Ok(Parsed::Complete { consumed: cursor.at });
            }
            Some(count) => missing = count,
        }
    }
    while missing > 0 {
        let argument = match bulk.take() {
            Some(len) => Some(len),
            None => cursor.bulk_len(&mut state.searched).inspect_err(|_| spans.truncate(first))?,
        };
        if let Some(span) = argument.and_then(|len| cursor.argument(len)) {
            spans.push(span);
            missing -= 1;
        } else {
            (state.at, state.missing, state.bulk) = (cursor.at, missing, argument);
            state.found.extend(spans.drain(first..));
            return Ok(Parsed::Incomplete);
        }
    }
    (state.at, state.missing, state.bulk, state.searched) = (0, 0, None, 0);
    Ok(Parsed::Complete { consumed: cursor.at })
}

/// The bytes of an array, and how far they were understood.
struct Cursor<'a> {
    buf: &'a [u8],
    at: usize,
    limits: &'a ParseLimits,
}

impl Cursor<'_> {
    /// The number of arguments, 0 for none; `None` while its line is not all there.
    #[inline]
    fn count(&mut self, searched: &mut usize) -> Result<Option<u32>, ProtocolError> {
        if let Some((count @ 1..=10, next)) = short_number(self.buf, 1) {
            self.at = next;
            *searched = 0;
            return Ok(Some(count));
        }
        self.unusual_count(searched)
    }

    #[cold]
    fn unusual_count(&mut self, searched: &mut usize) -> Result<Option<u32>, ProtocolError> {
        let Some((line, next)) = find_line(self.buf, self.at, searched) else {
            return self.unfinished(ProtocolError::TooBigMultibulkCount);
        };
        let Some(count) = line.get(1..).and_then(parse_i64).filter(|count| *count <= MAX_ARGUMENTS) else {
            return Err(ProtocolError::InvalidMultibulkLength);
        };
        if count > MAX_UNAUTHENTICATED_ARGUMENTS && !self.limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        self.at = next;
        Ok(Some(count.max(0) as u32))
    }

    /// The length of the next argument; `None` while its line is not all there.
    #[inline]
    fn bulk_len(&mut self, searched: &mut usize) -> Result<Option<u32>, ProtocolError> {
        if self.buf.get(self.at) == Some(&b'$')
            && let Some((len, next)) = short_number(self.buf, self.at + 1)
            && i64::from(len) <= MAX_UNAUTHENTICATED_BULK
            && u64::from(len) <= self.limits.max_bulk_len
        {
            self.at = next;
            *searched = 0;
            return Ok(Some(len));
        }
        self.unusual_bulk_len(searched)
    }

    #[cold]
    fn unusual_bulk_len(&mut self, searched: &mut usize) -> Result<Option<u32>, ProtocolError> {
        let Some((line, next)) = find_line(self.buf, self.at, searched) else {
            return self.unfinished(ProtocolError::TooBigBulkCount);
        };
        let digits = match self.buf.get(self.at) {
            Some(b'$') => line.get(1..).unwrap_or_default(),
            other => return Err(ProtocolError::ExpectedDollar(other.copied().unwrap_or(b' '))),
        };
        // A span's 32 bits must reach the end of the argument.
        let room = u64::from(u32::MAX).saturating_sub(next as u64 + 2);
        let most = self.limits.max_bulk_len.min(room);
        let Some(len) = parse_i64(digits).filter(|len| u64::try_from(*len).is_ok_and(|len| len <= most))
        else {
            return Err(ProtocolError::InvalidBulkLength);
        };
        if len > MAX_UNAUTHENTICATED_BULK && !self.limits.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        self.at = next;
        Ok(Some(len as u32))
    }

    /// The argument of `len` bytes and the two that follow it, which nobody looks at.
    #[inline]
    fn argument(&mut self, len: u32) -> Option<Span> {
        let start = self.at;
        let end = start.checked_add(len as usize)?.checked_add(2)?;
        if end > self.buf.len() {
            return None;
        }
        self.at = end;
        Some(Span { start: start as u32, len })
    }

    fn unfinished<T>(&self, too_long: ProtocolError) -> Result<Option<T>, ProtocolError> {
        if self.buf.len() - self.at > MAX_LINE { Err(too_long) } else { Ok(None) }
    }
}

/// A number of at most six digits at `at` with its line's end: its value and where the next line starts.
#[inline]
fn short_number(buf: &[u8], at: usize) -> Option<(u32, usize)> {
    let line = buf.get(at..)?;
    let first = line.first()?.wrapping_sub(b'0');
    if first > 9 {
        return None;
    }
    let mut value = u32::from(first);
    for (place, byte) in line.iter().enumerate().skip(1).take(6) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (*byte == b'\r' && place + 1 < line.len()).then_some((value, at + place + 2));
        }
        if value == 0 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    None
}

/// Where the first of two bytes is.
fn first_of(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    if SERVER {
        memchr::memchr2(one, other, bytes)
    } else {
        bytes.iter().position(|byte| *byte == one || *byte == other)
    }
}

/// The line from `at` to its carriage return, and where the next one starts, once both bytes of its end are there (only
/// the first is looked at). As in the reference a NUL byte hides all that follows it.
fn find_line<'a>(buf: &'a [u8], at: usize, searched: &mut usize) -> Option<(&'a [u8], usize)> {
    let unseen = buf.get(at + *searched..)?;
    let found = first_of(b'\r', 0, unseen).map(|place| at + *searched + place);
    match found {
        Some(end) if buf.get(end) == Some(&b'\r') && end + 1 < buf.len() => {
            *searched = 0;
            Some((buf.get(at..end)?, end + 2))
        }
        Some(end) => {
            *searched = end - at;
            None
        }
        None => {
            *searched = buf.len() - at;
            None
        }
    }
}

#[cold]
fn parse_inline(buf: &[u8], state: &mut ParseState, spans: &mut Vec<Span>) -> Result<Parsed, ProtocolError> {
    let unseen = buf.get(state.searched..).unwrap_or_default();
    let found = first_of(b'\n', 0, unseen).map(|place| state.searched + place);
    let Some(end) = found.filter(|end| buf.get(*end) == Some(&b'\n')) else {
        state.searched = found.unwrap_or(buf.len());
        return if buf.len() > MAX_LINE {
            Err(ProtocolError::TooBigInlineRequest)
        } else {
            Ok(Parsed::Incomplete)
        };
    };
    let line = buf.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    state.begin();
    if first_of(b'"', b'\'', line).is_none() {
        split_plain(line, 0, spans);
    } else {
        state.quoted = true;
        state.unquoted.clear();
        split_args(line, &mut state.unquoted, spans).map_err(|_| ProtocolError::UnbalancedQuotes)?;
    }
    Ok(Parsed::Complete { consumed: end + 1 })
}

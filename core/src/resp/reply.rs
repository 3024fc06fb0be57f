//! Replies: bytes appended to a session's output.

use crate::types::listpack::Element;
use crate::words::error::CommandError;
use crate::words::number::{write_f64, write_u64};
use crate::words::reach::SERVER;
use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// Which protocol a client speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Proto {
    /// RESP2, which every client starts with.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
}

/// A place in the output where an array's header will stand once its length is known.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Mark(usize);

/// The bytes kept free at a [`Mark`]: the header of fewer than ten elements fits exactly.
const SHORT_HEADER: usize = 4;
/// A tag, twenty digits and a line's end.
const LONGEST_HEADER: usize = 23;

/// Writes replies in a client's protocol. Nothing is kept back: each call appends whole bytes to the output.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    proto: Proto,
}

impl<'a> Reply<'a> {
    /// Replies to a client that speaks `proto`, behind what `out` holds already.
    pub fn new(out: &'a mut Vec<u8>, proto: Proto) -> Self {
        Self { out, proto }
    }

    /// The client's protocol.
    pub fn proto(&self) -> Proto {
        // HELLO is a server's.
        if SERVER { self.proto } else { Proto::Resp2 }
    }

    /// From now on replies go out in this protocol (`HELLO`).
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// How many bytes the output holds.
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything written behind a [`Reply::position`].
    pub fn truncate(&mut self, position: usize) {
        self.out.truncate(position);
    }

    /// What was written behind a [`Reply::position`].
    pub fn since(&self, position: usize) -> &[u8] {
        &self.out[position..]
    }

    /// Puts bytes that are a message already in front of what was written behind a [`Reply::position`].
    pub fn insert(&mut self, position: usize, bytes: &[u8]) {
        self.out.splice(position..position, bytes.iter().copied());
    }

    /// Appends bytes that are a reply already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn is_resp3(&self) -> bool {
        self.proto() == Proto::Resp3
    }

    #[inline]
    fn header(&mut self, tag: u8, count: u64) {
        if count < 10 {
            self.out.extend_from_slice(&[tag, b'0' + count as u8, b'\r', b'\n']);
        } else if count < 100 {
            let (tens, ones) = (count as u8 / 10, count as u8 % 10);
            self.out.extend_from_slice(&[tag, b'0' + tens, b'0' + ones, b'\r', b'\n']);
        } else {
            self.long_header(tag, count);
        }
    }

    fn long_header(&mut self, tag: u8, count: u64) {
        self.out.reserve(LONGEST_HEADER);
        self.out.push(tag);
        write_u64(self.out, count);
        self.out.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, tag: u8, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(tag);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A short text without line ends.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// What a handler answered instead of a reply. A value that is not resident is no reply; it is the engine that
    /// must run the command again.
    pub fn error(&mut self, error: &CommandError) {
        match error {
            CommandError::Reply(text) => self.error_text(text),
            CommandError::NotResident => self.error_text("ERR value is not in memory"),
        }
    }

    /// An error's text, its code first; each character is a byte (see [`crate::words::error::as_sent`]).
    pub fn error_text(&mut self, text: &str) {
        if text.is_ascii() {
            self.error_bytes(text.as_bytes());
        } else {
            let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
            self.error_bytes(&bytes);
        }
    }

    /// An error's text, which may quote what a client sent; line ends become blanks.
    pub fn error_bytes(&mut self, text: &[u8]) {
        let start = self.out.len();
        self.line(b'-', text);
        let end = self.out.len() - 2;
        for byte in self.out.get_mut(start..end).unwrap_or_default() {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        if let digit @ 0..=9 = value {
            self.out.extend_from_slice(&[b':', b'0' + digit as u8, b'\r', b'\n']);
        } else {
            self.line(b':', itoa::Buffer::new().format(value).as_bytes());
        }
    }

    /// A length or count.
    #[inline]
    pub fn len(&mut self, value: usize) {
        self.int(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// A string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + LONGEST_HEADER + 2);
        self.header(b'$', bytes.len() as u64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer's text as a string.
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A string that `write` appends to the output; it must not take anything away.
    pub fn bulk_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        write(self.out);
        let end = self.out.len();
        self.header(b'$', (end - start) as u64);
        let header = self.out.len() - end;
        if let Some(written) = self.out.get_mut(start..) {
            written.rotate_right(header);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A double's text as a string, in either protocol.
    pub fn bulk_f64(&mut self, value: f64) {
        self.bulk_with(|out| write_f64(out, value));
    }

    /// A double: RESP2 sends its text as a string.
    pub fn double(&mut self, value: f64) {
        if self.is_resp3() {
            self.out.push(b',');
            write_f64(self.out, value);
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk_f64(value);
        }
    }

    /// An element of a compact list, as a string.
    #[inline]
    pub fn element(&mut self, element: Element<'_>) {
        match element {
            Element::Int(value) => self.bulk_int(value),
            Element::Str(bytes) => self.bulk(bytes),
        }
    }

    /// No value.
    #[inline]
    pub fn null(&mut self) {
        self.raw(if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No array.
    pub fn null_array(&mut self) {
        self.raw(if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The header of an array; its elements follow.
    #[inline]
    pub fn array(&mut self, count: usize) {
        self.header(b'*', count as u64);
    }

    /// The header of a map of `pairs`; keys and values follow in turn. RESP2 sends a flat array.
    pub fn map(&mut self, pairs: usize) {
        if self.is_resp3() { self.header(b'%', pairs as u64) } else { self.array(pairs * 2) }
    }

    /// The header of a set; RESP2 sends an array.
    pub fn set(&mut self, count: usize) {
        self.header(if self.is_resp3() { b'~' } else { b'*' }, count as u64);
    }

    /// The header of a message the client did not ask for; RESP2 sends an array.
    pub fn push(&mut self, count: usize) {
        self.header(if self.is_resp3() { b'>' } else { b'*' }, count as u64);
    }

    /// True or false; RESP2 sends 1 or 0.
    pub fn bool(&mut self, value: bool) {
        if self.is_resp3() {
            self.raw(if value { b"#t\r\n" } else { b"#f\r\n" });
        } else {
            self.int(i64::from(value));
        }
    }

    /// A text for people, with the three letters of its format (`txt`, `mkd`); RESP2 sends a string.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        if !self.is_resp3() {
            return self.bulk(text);
        }
        self.header(b'=', (text.len() + format.len() + 1) as u64);
        self.raw(format.as_bytes());
        self.raw(b":");
        self.raw(text);
        self.raw(b"\r\n");
    }

    /// The digits of an integer of any size; RESP2 sends a string.
    pub fn big(&mut self, digits: &str) {
        if self.is_resp3() { self.line(b'(', digits.as_bytes()) } else { self.bulk(digits.as_bytes()) }
    }

    /// Leaves room for the header of an array whose length is not known yet.
    pub fn deferred_array(&mut self) -> Mark {
        let mark = Mark(self.out.len());
        self.raw(b"*0\r\n");
        mark
    }

    /// Fills in the header of an array of `count` elements.
    pub fn finish_array(&mut self, mark: Mark, count: usize) {
        self.finish(mark, b'*', count);
    }

    /// Fills in the header of a set of `count` elements.
    pub fn finish_set(&mut self, mark: Mark, count: usize) {
        self.finish(mark, if self.is_resp3() { b'~' } else { b'*' }, count);
    }

    fn finish(&mut self, mark: Mark, tag: u8, count: usize) {
        let mut digits = itoa::Buffer::new();
        let header = [tag].into_iter().chain(digits.format(count).bytes()).chain(*b"\r\n");
        self.out.splice(mark.0..mark.0 + SHORT_HEADER, header);
    }
}

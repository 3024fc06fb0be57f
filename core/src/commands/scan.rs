//! What SCAN, SSCAN, HSCAN and ZSCAN have in common: cursors, options and replies.

use alloc::vec::Vec;

use crate::args::Args;
use crate::resp::reply::{Proto, Reply};
use crate::types::listpack::Element;
use crate::words::error::{CommandError, SYNTAX};
use crate::words::glob::glob_match;

const INVALID_CURSOR: CommandError = CommandError::new("ERR invalid cursor");
const DEFAULT_COUNT: usize = 10;

/// Reads a cursor as C's `strtoul` does: an optional sign, digits, nothing before and nothing behind. The empty text
/// is 0, and a negative number wraps around.
pub fn parse_cursor(text: &[u8]) -> Result<u64, CommandError> {
    // Redis looks at its argument as at a C string.
    let text = text.split(|&b| b == 0).next().unwrap_or_default();
    let (negative, digits) = match text {
        [] => return Ok(0),
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Err(INVALID_CURSOR);
    }
    let mut value = 0_u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        let next = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit)));
        value = next.filter(|_| digit < 10).ok_or(INVALID_CURSOR)?;
    }
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// The options behind the cursor.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions<'a> {
    /// About how many elements to look at.
    pub count: usize,
    /// Only what matches this pattern; `None` where everything does.
    pattern: Option<&'a [u8]>,
    /// Only keys whose value has the type of this name, which need not be one.
    type_name: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options of a collection's scan: MATCH and COUNT, from word `from` on.
    pub fn parse(args: Args<'a>, from: usize) -> Result<Self, CommandError> {
        Self::parse_any(args, from, false)
    }

    /// Reads SCAN's options: MATCH, COUNT and TYPE, from word `from` on.
    pub fn parse_with_type(args: Args<'a>, from: usize) -> Result<Self, CommandError> {
        Self::parse_any(args, from, true)
    }

    fn parse_any(args: Args<'a>, from: usize, types: bool) -> Result<Self, CommandError> {
        let mut options = Self { count: DEFAULT_COUNT, pattern: None, type_name: None };
        for i in (from..args.len()).step_by(2) {
            let Some(value) = args.try_get(i + 1) else { return Err(SYNTAX) };
            if args.is(i, "COUNT") {
                // What is no integer gets another error than what is too small.
                args.int(i + 1)?;
                options.count = args.positive(i + 1).ok_or(SYNTAX)?;
            } else if args.is(i, "MATCH") {
                options.pattern = (value != b"*").then_some(value);
            } else if types && args.is(i, "TYPE") {
                options.type_name = Some(value);
            } else {
                return Err(SYNTAX);
            }
        }
        Ok(options)
    }

    /// Whether an element of this name is asked for.
    #[inline]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, name, false))
    }

    /// As [`matches`](Self::matches), for an element of a compact collection.
    #[inline]
    pub fn matches_element(&self, name: Element<'_>) -> bool {
        self.pattern.is_none_or(|pattern| name.with_bytes(|name| glob_match(pattern, name, false)))
    }

    /// Whether keys with values of the type of this name are asked for.
    pub fn takes_type(&self, name: &str) -> bool {
        self.type_name.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// What a call found; the reply begins with the cursor, which is known last.
pub struct Found {
    items: Vec<u8>,
    count: usize,
    proto: Proto,
}

impl Found {
    /// Nothing yet, for a client of this protocol.
    pub fn new(proto: Proto) -> Self {
        Self { items: Vec::new(), count: 0, proto }
    }

    /// Adds what `write` writes, which is one item.
    #[inline]
    pub fn push(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        write(&mut Reply::new(&mut self.items, self.proto));
        self.count += 1;
    }

    /// Adds a string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.push(|reply| reply.bulk(bytes));
    }

    /// Adds an element of a compact collection.
    #[inline]
    pub fn element(&mut self, element: Element<'_>) {
        self.push(|reply| reply.element(element));
    }

    /// Writes the reply: the cursor to go on from and the items.
    pub fn send(self, reply: &mut Reply<'_>, cursor: u64) {
        reply.array(2);
        reply.bulk_with(|out| crate::words::number::write_u64(out, cursor));
        reply.array(self.count);
        reply.raw(&self.items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::parse::Span;

    #[test]
    fn cursors_are_read_as_strtoul_does() {
        let good = [("0", 0), ("", 0), ("12", 12), ("+7", 7), ("-1", u64::MAX), ("007", 7), ("3\0x", 3)];
        for (text, value) in good {
            assert_eq!(parse_cursor(text.as_bytes()), Ok(value), "{text}");
        }
        assert_eq!(parse_cursor(b"18446744073709551615"), Ok(u64::MAX));
        for text in ["x", "1x", " 1", "1 ", "+", "-", "18446744073709551616", "+-1", "0x10"] {
            assert_eq!(parse_cursor(text.as_bytes()), Err(INVALID_CURSOR), "{text}");
        }
    }

    fn with_words<R>(words: &[&str], f: impl FnOnce(Args<'_>) -> R) -> R {
        let mut buf = Vec::new();
        let mut spans = Vec::new();
        for word in words {
            spans.push(Span { start: buf.len() as u32, len: word.len() as u32 });
            buf.extend_from_slice(word.as_bytes());
        }
        f(Args::new(&buf, &spans))
    }

    #[test]
    fn options_are_read_in_any_order() {
        with_words(&["match", "a*", "COUNT", "7", "Type", "HASH"], |args| {
            let options = ScanOptions::parse_with_type(args, 0).unwrap();
            assert_eq!(options.count, 7);
            assert!(options.matches(b"abc") && !options.matches(b"b"));
            assert!(options.matches_element(Element::Str(b"a")) && !options.matches_element(Element::Int(1)));
            assert!(options.takes_type("hash") && !options.takes_type("set"));
            assert_eq!(ScanOptions::parse(args, 0).unwrap_err(), SYNTAX);
        });
        for words in
            [&["count"][..], &["count", "0"], &["count", "-1"], &["size", "3"], &["count", "3", "match"]]
        {
            assert_eq!(with_words(words, |args| ScanOptions::parse(args, 0).map(drop)), Err(SYNTAX));
        }
        let error = with_words(&["count", "x"], |args| ScanOptions::parse(args, 0).map(drop)).unwrap_err();
        assert_eq!(error, crate::words::error::NOT_INTEGER);
    }

    #[test]
    fn the_reply_begins_with_the_cursor() {
        let mut out = Vec::new();
        let mut found = Found::new(Proto::Resp2);
        found.bulk(b"a");
        found.element(Element::Int(10));
        found.send(&mut Reply::new(&mut out, Proto::Resp2), u64::MAX);
        assert_eq!(out, b"*2\r\n$20\r\n18446744073709551615\r\n*2\r\n$1\r\na\r\n$2\r\n10\r\n");
    }
}

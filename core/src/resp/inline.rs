//! Commands typed by hand: words and quoted strings on one line, split as Redis's `sdssplitargs` splits them.

use super::parse::Span;
use alloc::vec::Vec;

/// A quote that is not closed, or whose closing is followed by something other than a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbalancedQuotes;

/// Splits a line (without its end) into arguments. Their bytes are appended to `out`, where `spans` finds them: quotes
/// are gone and escapes resolved, so they can differ from the line.
pub fn split_args(line: &[u8], out: &mut Vec<u8>, spans: &mut Vec<Span>) -> Result<(), UnbalancedQuotes> {
    let mut rest = line;
    loop {
        rest = skip_blanks(rest);
        if rest.is_empty() {
            return Ok(());
        }
        let start = out.len();
        rest = take_word(rest, out)?;
        spans.push(Span { start: start as u32, len: (out.len() - start) as u32 });
    }
}

/// Finds the arguments of a line without quotes, which are the line's own bytes, `offset` bytes into the buffer.
pub(super) fn split_plain(line: &[u8], offset: usize, spans: &mut Vec<Span>) {
    let mut rest = line;
    loop {
        rest = skip_blanks(rest);
        if rest.is_empty() {
            return;
        }
        let len = rest.iter().position(|&byte| ends_word(byte)).unwrap_or(rest.len());
        spans.push(Span { start: (offset + line.len() - rest.len()) as u32, len: len as u32 });
        rest = rest.get(len..).unwrap_or_default();
    }
}

/// C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Vertical tabs and form feeds separate words, but do not end one.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

fn skip_blanks(mut rest: &[u8]) -> &[u8] {
    while let [byte, tail @ ..] = rest
        && is_blank(*byte)
    {
        rest = tail;
    }
    rest
}

fn take_word<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        match rest {
            [] => return Ok(rest),
            [b'"', tail @ ..] => return take_quoted(tail, out).and_then(closed),
            [b'\'', tail @ ..] => return take_single_quoted(tail, out).and_then(closed),
            [byte, tail @ ..] if ends_word(*byte) => return Ok(tail),
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

fn closed(rest: &[u8]) -> Result<&[u8], UnbalancedQuotes> {
    match rest {
        [byte, ..] if !is_blank(*byte) => Err(UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn take_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        let (byte, tail) = match rest {
            [] => return Err(UnbalancedQuotes),
            [b'"', tail @ ..] => return Ok(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex_value(*high) << 4 | hex_value(*low), tail)
            }
            [b'\\', escaped, tail @ ..] => (unescape(*escaped), tail),
            [byte, tail @ ..] => (*byte, tail),
        };
        out.push(byte);
        rest = tail;
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        let (byte, tail) = match rest {
            [] => return Err(UnbalancedQuotes),
            [b'\'', tail @ ..] => return Ok(tail),
            [b'\\', b'\'', tail @ ..] => (b'\'', tail),
            [byte, tail @ ..] => (*byte, tail),
        };
        out.push(byte);
        rest = tail;
    }
}

fn hex_value(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or(0) as u8
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{UnbalancedQuotes, split_args, split_plain};
    use alloc::vec::Vec;

    fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
        let (mut out, mut spans) = (Vec::new(), Vec::new());
        split_args(line, &mut out, &mut spans)?;
        Ok(spans.iter().map(|span| span.of(&out).to_vec()).collect())
    }

    #[test]
    fn words_and_quotes() {
        assert_eq!(split(b" set  key\tvalue "), Ok([&b"set"[..], b"key", b"value"].map(Vec::from).to_vec()));
        assert_eq!(split(b"a\"b c\" 'd e'"), Ok([&b"ab c"[..], b"d e"].map(Vec::from).to_vec()));
        assert_eq!(split(br#""\x41\n\q\x4" '\n\''"#), Ok([&b"A\nqx4"[..], b"\\n'"].map(Vec::from).to_vec()));
        assert_eq!(split(b"\"\" ''"), Ok([&b""[..], b""].map(Vec::from).to_vec()));
        assert_eq!(split(b"  "), Ok(Vec::new()));
    }

    #[test]
    fn unbalanced() {
        for line in [&b"\"abc"[..], b"'abc", b"\"a\"b", b"'a'b", b"\"a\\\"", b"'a\\'"] {
            assert_eq!(split(line), Err(UnbalancedQuotes), "{line:?}");
        }
    }

    #[test]
    fn without_quotes_both_ways_agree() {
        for line in [&b"get a"[..], b" \x0bget\x0b  \r b\x0cc \x0c", b"", b" ", b"x"] {
            let mut spans = Vec::new();
            split_plain(line, 0, &mut spans);
            let plain: Vec<Vec<u8>> = spans.iter().map(|span| span.of(line).to_vec()).collect();
            assert_eq!(split(line), Ok(plain), "{line:?}");
        }
    }
}

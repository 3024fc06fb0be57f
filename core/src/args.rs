//! A command's arguments.

use crate::resp::parse::Span;
use crate::words::error::{CommandError, NOT_FLOAT, NOT_INTEGER};
use crate::words::number::{parse_f64, parse_i64};
use core::ops::Index;

/// The words of a command where they lie in the input. The first is the command's name; where a command has
/// subcommands, the second is the subcommand's.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    buf: &'a [u8],
    spans: &'a [Span],
}

/// How many decimal digits there are in `n`.
#[inline]
fn digits(n: usize) -> usize {
    n.checked_ilog10().map_or(1, |log| log as usize + 1)
}

impl<'a> Args<'a> {
    /// The words that `spans` marks in `buf`.
    pub const fn new(buf: &'a [u8], spans: &'a [Span]) -> Self {
        Self { buf, spans }
    }

    /// How many words there are, the name among them.
    #[inline]
    pub const fn len(self) -> usize {
        self.spans.len()
    }

    /// Whether there is nothing to run.
    pub const fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// How many bytes the words take in the input, from the first to the last.
    #[inline]
    pub fn size(self) -> usize {
        match self.spans {
            [first, .., last] => (last.start + last.len).saturating_sub(first.start) as usize,
            _ => self.get(0).len(),
        }
    }

    /// The command's bytes as they came, where they are an array of bulk strings written just as this engine would write it:
    /// no length is longer than it need be.
    pub fn as_array(self) -> Option<&'a [u8]> {
        if self.buf.first() != Some(&b'*') {
            return None;
        }
        let mut at = 3 + digits(self.spans.len());
        for span in self.spans {
            let start = at + 3 + digits(span.len as usize);
            if span.start as usize != start {
                return None;
            }
            at = start + span.len as usize + 2;
        }
        self.buf.get(..at)
    }

    /// Word `i`; empty behind the last, which a handler never asks for after its arity was checked.
    #[inline]
    pub fn get(self, i: usize) -> &'a [u8] {
        self.spans.get(i).map_or(&[], |span| span.of(self.buf))
    }

    /// Word `i`, if there is one.
    #[inline]
    pub fn try_get(self, i: usize) -> Option<&'a [u8]> {
        self.spans.get(i).map(|span| span.of(self.buf))
    }

    /// All words.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone {
        self.from(0)
    }

    /// The words from `i` on.
    pub fn from(self, i: usize) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone {
        let rest = self.spans.get(i..).unwrap_or_default();
        rest.iter().map(move |span| span.of(self.buf))
    }

    /// The words from `i` on as arguments of their own.
    pub fn skip(self, i: usize) -> Self {
        Self { spans: self.spans.get(i..).unwrap_or_default(), ..self }
    }

    /// Word `i` as a 64-bit integer, or the error that says it is none.
    #[inline]
    pub fn int(self, i: usize) -> Result<i64, CommandError> {
        parse_i64(self.get(i)).ok_or(NOT_INTEGER)
    }

    /// Word `i` as a count; none where it is negative or no integer.
    pub fn count(self, i: usize) -> Option<usize> {
        self.int(i).ok().filter(|count| *count >= 0).map(Self::magnitude)
    }

    /// As [`Args::count`]; none where it is 0, too.
    pub fn positive(self, i: usize) -> Option<usize> {
        self.count(i).filter(|count| *count > 0)
    }

    /// A count without its sign, which tells something else. Where a `usize` has 32 bits, a larger one is as good as the largest.
    pub fn magnitude(count: i64) -> usize {
        usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX)
    }

    /// Word `i` as a double, or the error that says it is none.
    pub fn float(self, i: usize) -> Result<f64, CommandError> {
        parse_f64(self.get(i)).ok_or(NOT_FLOAT)
    }

    /// Whether word `i` is this option's name, whatever its case.
    #[inline]
    pub fn is(self, i: usize, name: &str) -> bool {
        self.get(i).eq_ignore_ascii_case(name.as_bytes())
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    fn index(&self, i: usize) -> &[u8] {
        self.get(i)
    }
}

#[cfg(test)]
mod tests {
    use super::Args;
    use crate::resp::parse::Span;
    use crate::words::error::{NOT_FLOAT, NOT_INTEGER};
    use alloc::vec::Vec;

    #[test]
    fn words_are_read_where_they_lie() {
        let spans = [(0, 3), (4, 1), (6, 2), (9, 3)].map(|(start, len)| Span { start, len });
        let args = Args::new(b"set k 12 0.5", &spans);
        assert_eq!((args.len(), &args[1], args.try_get(4)), (4, &b"k"[..], None));
        assert_eq!([0, 2, 3, 4].map(|i| args.count(i)), [None, Some(12), None, None]);
        let far = Args::new(b"-1 4294967297", &[Span { start: 0, len: 2 }, Span { start: 3, len: 10 }]);
        assert_eq!(
            (far.count(0), far.count(1)),
            (None, Some(usize::try_from(1_u64 << 32 | 1).unwrap_or(usize::MAX)))
        );
        assert!(args.is(0, "SET") && !args.is(0, "SE") && !args.is(1, "SET"));
        assert_eq!((args.int(2), args.int(1)), (Ok(12), Err(NOT_INTEGER)));
        assert_eq!((args.float(3), args.float(0)), (Ok(0.5), Err(NOT_FLOAT)));
        assert_eq!(args.from(2).collect::<Vec<_>>(), [&b"12"[..], b"0.5"]);
        assert_eq!(args.skip(2).get(1), b"0.5");
        assert!(args.skip(9).is_empty());
    }
}

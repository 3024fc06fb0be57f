//! Replies of one's own engine, read where they lie: what [`Db::call`](crate::Db::call) gives. They are well formed RESP2, so what
//! is not ends them.

/// A reply, or the head of an array whose elements follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// `+`: OK and its kin.
    Word(&'a [u8]),
    /// `-`: a refusal, in Redis's words.
    Error(&'a [u8]),
    /// `:`: an integer.
    Number(i64),
    /// `$`: bytes.
    Text(&'a [u8]),
    /// `*`: an array, of which so many elements follow.
    Many(usize),
    /// A null of either kind.
    Nothing,
}

/// Replies, one after the other.
#[derive(Debug, Clone)]
pub struct Answers<'a>(&'a [u8]);

impl<'a> Answers<'a> {
    /// Reads them from their beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest.get(2..)?;
        Some(taken)
    }
}

impl<'a> Iterator for Answers<'a> {
    type Item = Answer<'a>;

    fn next(&mut self) -> Option<Answer<'a>> {
        let (marker, rest) = self.0.split_first()?;
        self.0 = rest;
        let line = self.take(rest.windows(2).position(|pair| pair == b"\r\n")?)?;
        let number = core::str::from_utf8(line).ok().and_then(|digits| digits.parse::<i64>().ok());
        Some(match (marker, number) {
            (b'+', _) => Answer::Word(line),
            (b'-', _) => Answer::Error(line),
            (b':', Some(number)) => Answer::Number(number),
            (b'$' | b'*', Some(-1)) | (b'_', _) => Answer::Nothing,
            (b'$', Some(length)) => Answer::Text(self.take(usize::try_from(length).ok()?)?),
            (b'*', Some(count)) => Answer::Many(usize::try_from(count).ok()?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Answers};
    use alloc::vec::Vec;

    #[test]
    fn replies_are_read_one_after_the_other() {
        let bytes = b"*3\r\n$2\r\n\r\n\r\n:-7\r\n$-1\r\n+OK\r\n-ERR no\r\n$5\r\ncut";
        let all: Vec<_> = Answers::new(bytes).collect();
        let expected = [
            Answer::Many(3),
            Answer::Text(b"\r\n"),
            Answer::Number(-7),
            Answer::Nothing,
            Answer::Word(b"OK"),
            Answer::Error(b"ERR no"),
        ];
        assert_eq!(all, expected);
    }
}

//! Replies as values.

use super::{Error, Result};

/// A command's reply.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// There is nothing.
    Nil,
    /// A short word such as `OK`.
    Status(String),
    /// An error among other replies, as of a command in a transaction.
    Error(String),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A sequence, or a set.
    Array(Vec<Reply>),
    /// Pairs.
    Map(Vec<(Reply, Reply)>),
}

impl Reply {
    /// The text of bytes or of a status, where it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Status(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, or `None` for nil.
    ///
    /// # Errors
    /// [`Error::UnexpectedReply`] for anything else.
    pub fn into_bytes(self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Nil => Ok(None),
            Self::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(Error::UnexpectedReply),
        }
    }

    /// The integer.
    ///
    /// # Errors
    /// [`Error::UnexpectedReply`] for anything else.
    pub fn into_int(self) -> Result<i64> {
        match self {
            Self::Int(number) => Ok(number),
            _ => Err(Error::UnexpectedReply),
        }
    }

    /// The floating-point number, or `None` for nil.
    ///
    /// # Errors
    /// [`Error::UnexpectedReply`] for anything else.
    pub fn into_double(self) -> Result<Option<f64>> {
        match self {
            Self::Nil => Ok(None),
            Self::Double(number) => Ok(Some(number)),
            _ => Err(Error::UnexpectedReply),
        }
    }

    /// The elements, each of them bytes.
    ///
    /// # Errors
    /// [`Error::UnexpectedReply`] for anything else.
    pub fn into_bytes_list(self) -> Result<Vec<Vec<u8>>> {
        match self {
            Self::Nil => Ok(Vec::new()),
            Self::Array(replies) => {
                replies.into_iter().map(|reply| reply.into_bytes()?.ok_or(Error::UnexpectedReply)).collect()
            }
            _ => Err(Error::UnexpectedReply),
        }
    }
}

/// The replies of a transaction's commands, of all that it was answered: OK, QUEUED for each, and what EXEC
/// gives.
///
/// # Errors
/// The first command's that was refused.
pub(super) fn of_transaction(mut output: &[u8]) -> Result<Vec<Reply>> {
    loop {
        match parse(output) {
            Some((Reply::Error(text), _)) => return Err(Error::Command(text)),
            Some((Reply::Array(replies), _)) => return Ok(replies),
            Some((_, rest)) => output = rest,
            None => return Err(Error::UnexpectedReply),
        }
    }
}

/// One reply from the front of `bytes`, and what follows it; `None` while it is not whole.
pub(super) fn parse(bytes: &[u8]) -> Option<(Reply, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (kind, head) = bytes[..end].split_first()?;
    let rest = &bytes[end + 2..];
    let text = || String::from_utf8_lossy(head).into_owned();
    let number = || std::str::from_utf8(head).ok()?.parse::<i64>().ok();
    let simple = match kind {
        b'+' | b'(' => Reply::Status(text()),
        b'-' => Reply::Error(text()),
        b':' => Reply::Int(number()?),
        b',' => Reply::Double(text().parse().ok()?),
        b'#' => Reply::Bool(head == b"t"),
        b'_' => Reply::Nil,
        b'$' | b'=' => return bulk(rest, number()?, *kind == b'='),
        b'*' | b'~' => return array(rest, number()?),
        b'%' => return map(rest, number()?),
        _ => return None,
    };
    Some((simple, rest))
}

fn bulk(rest: &[u8], len: i64, verbatim: bool) -> Option<(Reply, &[u8])> {
    /// `txt:` before the text.
    const FORMAT: usize = 4;
    let Ok(len) = usize::try_from(len) else { return Some((Reply::Nil, rest)) };
    let body = rest.get(..len)?;
    let body = if verbatim { body.get(FORMAT..)? } else { body };
    Some((Reply::Bytes(body.to_vec()), rest.get(len + 2..)?))
}

fn array(mut rest: &[u8], len: i64) -> Option<(Reply, &[u8])> {
    let Ok(len) = usize::try_from(len) else { return Some((Reply::Nil, rest)) };
    let mut replies = Vec::new();
    for _ in 0..len {
        let (reply, after) = parse(rest)?;
        replies.push(reply);
        rest = after;
    }
    Some((Reply::Array(replies), rest))
}

fn map(mut rest: &[u8], len: i64) -> Option<(Reply, &[u8])> {
    let mut pairs = Vec::new();
    for _ in 0..usize::try_from(len).ok()? {
        let (name, after) = parse(rest)?;
        let (value, after) = parse(after)?;
        pairs.push((name, value));
        rest = after;
    }
    Some((Reply::Map(pairs), rest))
}

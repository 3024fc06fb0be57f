//! What a store keeps of a key: its value's body as a snapshot has it, and what else is to be known of it.
//!
//! ```text
//! | check u32 | deadline i64 | encoding u8 | form u8 | body … |
//! ```
//!
//! Numbers are little-endian; a key without a deadline has the smallest one. The check, the low half of an XXH64, covers all
//! that follows it and the key, so that a store need not have checksums of its own. The encoding is OBJECT ENCODING's name for the value, which its
//! body does not always tell: a set that once was large stays a hash table.

mod sum;

use crate::types::codec::{Dialect, Encoder, Form, Text, decode_in, read_text};
use crate::types::string::StrRef;
use crate::types::{Limits, Value, ValueRef};
use crate::words::codec::Reader;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;

/// Bytes before the body. So many of a record tell all but the value.
pub const HEAD: usize = 14;
const CHECK: usize = 4;
const DEADLINE_END: usize = 12;
/// The deadline of a key that has none. No key has this one: it would be over.
pub const NO_DEADLINE: UnixMillis = UnixMillis::MIN;

/// The encodings that OBJECT ENCODING names.
const ENCODINGS: [&str; 8] =
    ["int", "embstr", "raw", "quicklist", "listpack", "intset", "hashtable", "skiplist"];

/// Why a record is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRecord {
    /// It ends before its head does.
    Short,
    /// Its check does not fit: bytes of it or of its key are not those that were written.
    Check,
    /// Its form or encoding is none that there is here.
    Unknown,
    /// Its body does not decode.
    Body,
}

impl BadRecord {
    /// What is said of it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Short => "the record is cut off",
            Self::Check => "the record's checksum does not fit",
            Self::Unknown => "the record's type is unknown here",
            Self::Body => "the record's value does not decode",
        }
    }
}

impl core::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.text())
    }
}

/// A record's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// When the key expires.
    pub deadline: Option<UnixMillis>,
    /// OBJECT ENCODING's name.
    pub encoding: &'static str,
    /// What the body is.
    pub form: Form,
}

/// The head of a record of which at least [`HEAD`] bytes are there. The check is not looked at.
///
/// # Errors
/// [`BadRecord::Short`], [`BadRecord::Unknown`].
pub fn head(record: &[u8]) -> Result<Head, BadRecord> {
    let deadline = record.get(CHECK..DEADLINE_END).and_then(|bytes| bytes.try_into().ok());
    let deadline = UnixMillis::from_le_bytes(deadline.ok_or(BadRecord::Short)?);
    let &[encoding, form] = record.get(DEADLINE_END..HEAD).ok_or(BadRecord::Short)? else {
        return Err(BadRecord::Short);
    };
    Ok(Head {
        deadline: (deadline != NO_DEADLINE).then_some(deadline),
        encoding: ENCODINGS.get(usize::from(encoding)).copied().ok_or(BadRecord::Unknown)?,
        form: Form::from_byte(form, Dialect::Redis).ok_or(BadRecord::Unknown)?,
    })
}

/// When the key of a record expires; `None` where it does not, or where the record is cut off.
pub fn deadline(record: &[u8]) -> Option<UnixMillis> {
    let bytes = record.get(CHECK..DEADLINE_END)?.try_into().ok()?;
    Some(UnixMillis::from_le_bytes(bytes)).filter(|deadline| *deadline != NO_DEADLINE)
}

/// A whole record's head and body, if they are what was written under this key.
///
/// # Errors
/// Why they are not.
pub fn open<'a>(key: &[u8], record: &'a [u8]) -> Result<(Head, &'a [u8]), BadRecord> {
    let head = head(record)?;
    let (check, rest) = record.split_at_checked(CHECK).ok_or(BadRecord::Short)?;
    if check != check_of(key, rest) {
        return Err(BadRecord::Check);
    }
    Ok((head, record.get(HEAD..).unwrap_or_default()))
}

/// A record from its parts: a store that keeps them apart gives them back so.
pub fn from_parts(key: &[u8], head: &Head, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + body.len());
    begin(&mut out, head.deadline, head.encoding, head.form);
    out.extend_from_slice(body);
    finish(key, &mut out);
    out
}

/// When the key of a record expires, the bytes of its encoding and form, and its body, if it is what was written under this
/// key. [`put_together`] makes the same record of them.
pub fn take_apart<'a>(key: &[u8], record: &'a [u8]) -> Option<(Option<UnixMillis>, [u8; 2], &'a [u8])> {
    let (head, body) = open(key, record).ok()?;
    let kinds = record.get(DEADLINE_END..HEAD)?;
    Some((head.deadline, kinds.try_into().ok()?, body))
}

/// Makes a record of a body that lies behind [`HEAD`] bytes, which are filled in here.
pub fn put_together(key: &[u8], deadline: Option<UnixMillis>, kinds: [u8; 2], record: &mut [u8]) {
    if let Some(head) = record.get_mut(..HEAD) {
        head[CHECK..DEADLINE_END].copy_from_slice(&deadline.unwrap_or(NO_DEADLINE).to_le_bytes());
        head[DEADLINE_END..].copy_from_slice(&kinds);
        finish(key, record);
    }
}

/// The record of a key with this value.
pub fn encode(
    key: &[u8],
    value: ValueRef<'_>,
    deadline: Option<UnixMillis>,
    encoder: &mut Encoder,
) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(HEAD + 16 + if let ValueRef::Str(text) = value { text.len() } else { 64 });
    let form = encoder.form(value);
    begin(&mut out, deadline, value.encoding(), form);
    encoder.body(value, &mut out);
    finish(key, &mut out);
    out
}

/// The value in a record, in the encoding that it had, and when the key expires.
///
/// # Errors
/// Why it is of no use.
pub fn decode_value(
    key: &[u8],
    record: &[u8],
    limits: &Limits,
) -> Result<(Value, Option<UnixMillis>), BadRecord> {
    let (head, body) = open(key, record)?;
    if head.form == Form::String
        && head.encoding != "raw"
        && let Ok(Text::Raw(bytes)) = read_text(&mut Reader::new(body))
    {
        return Ok((Value::Str(StrRef::from_bytes(bytes).to_owned()), head.deadline));
    }
    let value = decode_in(head.form, body, head.encoding, limits).map_err(|_| BadRecord::Body)?;
    Ok((value, head.deadline))
}

fn begin(out: &mut Vec<u8>, deadline: Option<UnixMillis>, encoding: &str, form: Form) {
    let number = ENCODINGS.iter().position(|name| *name == encoding).unwrap_or(0) as u8;
    out.extend_from_slice(&[0; CHECK]);
    out.extend_from_slice(&deadline.unwrap_or(NO_DEADLINE).to_le_bytes());
    out.extend_from_slice(&[number, form.byte()]);
}

fn finish(key: &[u8], out: &mut [u8]) {
    let check = check_of(key, out.get(CHECK..).unwrap_or_default());
    out[..CHECK].copy_from_slice(&check);
}

fn check_of(key: &[u8], rest: &[u8]) -> [u8; CHECK] {
    (sum::sum(key, rest) as u32).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::{BadRecord, deadline, decode_value, encode, head, open};
    use crate::types::codec::{Encoder, NEWEST_VERSION};
    use crate::types::string::Str;
    use crate::types::zset::Zset;
    use crate::types::{Limits, Value, ValueRef};
    use crate::words::hash::HashKey;
    use alloc::vec::Vec;

    fn record(text: &str, deadline: Option<i64>) -> Vec<u8> {
        let value = Value::Str(Str::Raw(text.as_bytes().to_vec()));
        encode(b"k", value.as_ref(), deadline, &mut Encoder::new(NEWEST_VERSION, false))
    }

    #[test]
    fn a_record_tells_what_it_was_made_from() {
        let limits = Limits::new(HashKey::new([1, 2]));
        let bytes = record("seven", Some(7));
        let head = head(&bytes).unwrap();
        assert_eq!((head.deadline, head.encoding, deadline(&bytes)), (Some(7), "raw", Some(7)));
        let (value, deadline) = decode_value(b"k", &bytes, &limits).unwrap();
        assert_eq!((value.as_ref().encoding(), deadline), ("raw", Some(7)));
        assert_eq!(super::deadline(&record("x", None)), None);
        // PEXPIREAT takes the last hour there is: it was once the mark of having none.
        assert_eq!(super::deadline(&record("x", Some(i64::MAX))), Some(i64::MAX));
    }

    /// A sorted set of few members that once had more stays a skip list, which has scores of -0. Read from the store it
    /// became a listpack, as a load makes it, and a skip list again: a listpack takes -0 for 0.
    #[test]
    fn a_sorted_set_keeps_its_signs() {
        let mut limits = Limits::new(HashKey::new([1, 2]));
        limits.zset_max_listpack_entries = 2;
        let mut zset = Zset::new();
        for (member, score) in [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", -0.0)] {
            zset.insert(member.as_bytes(), score, &limits);
        }
        for most in [0, 2, 128] {
            limits.zset_max_listpack_entries = most;
            let few = Zset::from_pairs(&[("a", 1.0), ("b", 2.0), ("c", 3.0)], &Limits::new(limits.hash_key));
            let value = ValueRef::Zset(few.as_ref());
            let packed = encode(b"k", value, None, &mut Encoder::new(NEWEST_VERSION, false));
            let (read, _) = decode_value(b"k", &packed, &limits).unwrap();
            assert_eq!(read.as_ref().encoding(), "listpack", "at most {most}");
            let value = ValueRef::Zset(zset.as_ref());
            let large = encode(b"k", value, None, &mut Encoder::new(NEWEST_VERSION, false));
            let (read, _) = decode_value(b"k", &large, &limits).unwrap();
            assert_eq!(read.as_ref().encoding(), "skiplist", "at most {most}");
            let ValueRef::Zset(read) = read.as_ref() else { unreachable!() };
            assert!(read.score(b"d").unwrap().is_sign_negative(), "at most {most}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_other_key_is_noticed() {
        let bytes = record("a value of some length", None);
        assert_eq!(open(b"l", &bytes).err(), Some(BadRecord::Check));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(open(b"k", &damaged).is_err(), "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert!(open(b"k", &bytes[..end]).is_err(), "cut to {end} bytes");
        }
    }
}

//! Bytes to values, from every form that Redis ever wrote.
//!
//! A body is decoded whole or refused; what is kept of it is never more than its bytes justify: counts are checked
//! against the bytes that are left, compressed strings against the most that LZF can gain.

mod blob;
mod encoding;
mod hash;
mod list;
mod set;
#[cfg(test)]
mod tests;
mod zset;

pub use encoding::decode_in;

use super::form::Form;
use super::wire::{Reason, Text, read_text};
use crate::types::string::{Str, StrRef};
use crate::types::{Kind, Limits, Value};
use crate::words::codec::Reader;
use crate::words::reach::{SERVER, TYPES};

/// A body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// How far the body was read, in bytes: what is wrong ends there or begins there.
    pub at: usize,
    /// What is wrong.
    pub reason: Reason,
}

/// Decodes a body. Encodings that depend on limits (`hash-max-listpack-entries` and its kin) come out as Redis makes
/// them when it loads.
pub fn decode(form: Form, body: &[u8], limits: &Limits) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(body);
    let value = match read_value(form, &mut reader, limits) {
        Ok(_) if !reader.is_empty() => Err(Reason::Trailing),
        decoded => decoded,
    };
    value.map_err(|reason| DecodeError { at: reader.position(), reason })
}

fn read_value(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<Value, Reason> {
    if !SERVER && !is_current(form) {
        return Err(Reason::Unsupported("an older server's"));
    }
    Ok(match form.kind() {
        Some(Kind::String) => Value::Str(read_string(reader)?),
        Some(kind) if !TYPES && !matches!(kind, Kind::Hash) => return Err(Reason::Unsupported(form.name())),
        Some(Kind::List) => Value::List(list::decode(form, reader, limits)?),
        Some(Kind::Hash) => Value::Hash(hash::decode(form, reader, limits)?),
        Some(Kind::Zset) => Value::Zset(zset::decode(form, reader, limits)?),
        Some(Kind::Set) => Value::Set(set::decode(form, reader, limits)?),
        None => return Err(Reason::Unsupported(form.name())),
    })
}

/// Whether Redis 7 writes the form, or this program: what a small build reads.
fn is_current(form: Form) -> bool {
    use Form::{Hash, HashListpack, ListQuicklist, Set, SetIntset, SetListpack, String, Zset, ZsetListpack};
    matches!(
        form,
        String | ListQuicklist | Set | SetIntset | SetListpack | Hash | HashListpack | Zset | ZsetListpack
    )
}

fn read_string(reader: &mut Reader<'_>) -> Result<Str, Reason> {
    Ok(match read_text(reader)? {
        Text::Int(value) => Str::Int(value),
        Text::Raw(bytes) => StrRef::from_bytes(bytes).to_owned(),
        text @ Text::Lzf { .. } => Str::from_vec(text.to_vec()?),
    })
}

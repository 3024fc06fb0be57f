//! Values that come back in the encoding that they had, which their bodies do not always tell: a set that once was large stays
//! a hash table.

use super::super::form::Form;
use super::{DecodeError, decode};
use crate::types::string::Str;
use crate::types::{Limits, Value};

/// Decodes the body of a value whose encoding had this name for OBJECT ENCODING.
///
/// # Errors
/// As [`decode`].
pub fn decode_in(form: Form, body: &[u8], encoding: &str, limits: &Limits) -> Result<Value, DecodeError> {
    let mut value = decode(form, body, &limits_for(encoding, limits))?;
    if value.as_ref().encoding() == encoding {
        return Ok(value);
    }
    match &mut value {
        Value::Str(text) => *text = Str::Raw(text.as_ref().to_vec()),
        Value::Set(set) if encoding == "listpack" => set.make_packed(),
        Value::Set(set) => set.make_table(limits),
        Value::Hash(hash) => hash.make_table(limits),
        Value::Zset(zset) => zset.unpack(limits),
        Value::List(_) => {}
    }
    Ok(value)
}

/// The limits under which a sorted set comes out in the encoding that it had. On its way through the other one it would
/// change: a listpack has no score of -0.
fn limits_for(encoding: &str, limits: &Limits) -> Limits {
    let zset_max_listpack_entries = match encoding {
        "skiplist" => 0,
        "listpack" => usize::MAX,
        _ => limits.zset_max_listpack_entries,
    };
    Limits { zset_max_listpack_entries, ..*limits }
}

//! What a body tells of its value without being decoded.

use alloc::vec::Vec;

use super::form::{Form, NODE_PACKED};
use super::wire::{Text, read_len, read_text};
use crate::types::Limits;
use crate::types::string::{EMBEDDED_MAX, StrRef};
use crate::words::codec::Reader;
use crate::words::lzf;

/// Strings of at most so many bytes may be numbers.
const MAX_INTEGER_LEN: usize = 20;
/// A listpack whose header says so has to be walked to be counted.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// A value's length and encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Bytes of a string, elements of a collection.
    pub count: usize,
    /// The name that OBJECT ENCODING answers once the value is decoded.
    pub encoding: &'static str,
}

/// What a body of one of the forms that are written today tells; `None`: the value has to be decoded for that.
pub fn outline(form: Form, body: &[u8], limits: &Limits) -> Option<Outline> {
    let reader = &mut Reader::new(body);
    let pick = |count: usize, most: usize, small, large| {
        Some(Outline { count, encoding: if count <= most { small } else { large } })
    };
    match form {
        Form::String => string(read_text(reader).ok()?),
        Form::ListQuicklist => Some(Outline { count: list_len(reader)?, encoding: "quicklist" }),
        Form::HashListpack => {
            let fields = listpack_len(read_text(reader).ok()?)? / 2;
            pick(fields, limits.hash_max_listpack_entries, "listpack", "hashtable")
        }
        Form::ZsetListpack => {
            let members = listpack_len(read_text(reader).ok()?)? / 2;
            pick(members, limits.zset_max_listpack_entries, "listpack", "skiplist")
        }
        Form::SetIntset => {
            let [_, _, _, _, count @ ..] = head::<8>(read_text(reader).ok()?)?;
            pick(u32::from_le_bytes(count) as usize, limits.set_max_intset_entries, "intset", "hashtable")
        }
        Form::Hash => large(reader, limits.hash_max_listpack_entries, "hashtable"),
        Form::Zset => large(reader, limits.zset_max_listpack_entries, "skiplist"),
        Form::Set => {
            let most = limits.set_max_intset_entries.max(limits.set_max_listpack_entries);
            large(reader, most, "hashtable")
        }
        _ => None,
    }
}

fn string(text: Text<'_>) -> Option<Outline> {
    match text {
        Text::Raw(bytes) => {
            Some(Outline { count: bytes.len(), encoding: StrRef::from_bytes(bytes).encoding() })
        }
        Text::Lzf { len, .. } if len > MAX_INTEGER_LEN => {
            Some(Outline { count: len, encoding: if len <= EMBEDDED_MAX { "embstr" } else { "raw" } })
        }
        _ => None,
    }
}

/// A count of elements one by one: of a small collection the encoding depends on their lengths.
fn large(reader: &mut Reader<'_>, most: usize, encoding: &'static str) -> Option<Outline> {
    let count = usize::try_from(read_len(reader).ok()?).ok()?;
    (count > most).then_some(Outline { count, encoding })
}

fn list_len(reader: &mut Reader<'_>) -> Option<usize> {
    let mut count = 0;
    for _ in 0..read_len(reader).ok()? {
        let packed = read_len(reader).ok()? == NODE_PACKED;
        let node = read_text(reader).ok()?;
        count += if packed { listpack_len(node)? } else { 1 };
    }
    Some(count)
}

fn listpack_len(text: Text<'_>) -> Option<usize> {
    let [_, _, _, _, count @ ..] = head::<6>(text)?;
    let count = u16::from_le_bytes(count);
    (count != COUNT_UNKNOWN).then_some(usize::from(count))
}

/// The first bytes of a string.
fn head<const N: usize>(text: Text<'_>) -> Option<[u8; N]> {
    match text {
        Text::Raw(bytes) => bytes.first_chunk().copied(),
        Text::Lzf { packed, .. } => {
            let mut out = Vec::new();
            lzf::decompress_head(packed, N, &mut out);
            out.first_chunk().copied()
        }
        Text::Int(_) => None,
    }
}

//! Hashes.

use alloc::vec::Vec;

use super::blob::{check_pairs, read_listpack, read_ziplist};
use crate::types::codec::form::Form;
use crate::types::codec::wire::{Reason, read_count, read_len, read_text};
use crate::types::hash::Hash;
use crate::types::listpack::{Element, ListpackBuf};
use crate::types::{Limits, zipmap};
use crate::words::codec::Reader;
use crate::words::reach::SERVER;

/// Fields with deadlines are refused: this engine would keep them for ever.
const DEADLINES: Reason = Reason::Unsupported("hash (fields with deadlines)");
/// In Valkey's form: the field has no deadline.
const NO_DEADLINE: i64 = -1;

/// Reads a hash in any of its forms.
pub(super) fn decode(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Reason> {
    let packed = match form {
        Form::HashListpack => read_listpack(reader)?,
        Form::HashZiplist => read_ziplist(reader)?,
        Form::HashZipmap => return zipmap_hash(reader, limits),
        Form::HashListpackDeadlinesEarly => triples(reader)?,
        Form::HashListpackDeadlines => {
            reader.take(8)?;
            triples(reader)?
        }
        _ => return fields(form, reader, limits),
    };
    check_pairs(&packed, "hash", limits.hash_key)?;
    Ok(Hash::from_packed(packed, limits))
}

/// A count and fields one by one.
fn fields(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Reason> {
    if SERVER && form == Form::HashDeadlines {
        reader.take(8)?;
    }
    let count = read_count(reader, 2)?;
    if count == 0 {
        return Err(Reason::Empty);
    }
    let mut hash = Hash::new();
    if count > limits.hash_max_listpack_entries {
        hash.make_table(limits);
    }
    let (mut field, mut value) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let before = SERVER && matches!(form, Form::HashDeadlines | Form::HashDeadlinesEarly);
        if before && read_len(reader)? != 0 {
            return Err(DEADLINES);
        }
        let field = read_text(reader)?.bytes(&mut field)?;
        let value = read_text(reader)?.bytes(&mut value)?;
        if SERVER && form == Form::HashDeadlinesValkey && reader.i64le()? != NO_DEADLINE {
            return Err(DEADLINES);
        }
        if !hash.insert(field, value, limits) {
            return Err(Reason::Duplicate);
        }
    }
    Ok(hash)
}

fn zipmap_hash(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Reason> {
    if !SERVER {
        return Err(Reason::Unsupported("zipmap"));
    }
    let mut scratch = Vec::new();
    let blob = read_text(reader)?.bytes(&mut scratch)?;
    let damaged = |_| Reason::Blob("zipmap");
    let mut hash = Hash::new();
    for pair in zipmap::Entries::new(blob).map_err(damaged)? {
        let (field, value) = pair.map_err(damaged)?;
        if !hash.insert(field, value, limits) {
            return Err(Reason::Duplicate);
        }
    }
    if hash.is_empty() { Err(Reason::Empty) } else { Ok(hash) }
}

/// A listpack of field, value, deadline; no field may have one.
fn triples(reader: &mut Reader<'_>) -> Result<ListpackBuf, Reason> {
    if !SERVER {
        return Err(DEADLINES);
    }
    let triples = read_listpack(reader)?;
    if !triples.len().is_multiple_of(3) {
        return Err(Reason::Blob("hash"));
    }
    let mut pairs = ListpackBuf::with_capacity(triples.byte_len());
    for (i, element) in triples.as_ref().iter().enumerate() {
        match (i % 3, element) {
            (0 | 1, element) => pairs.push_back_element(element),
            (_, Element::Int(0)) => {}
            _ => return Err(DEADLINES),
        }
    }
    pairs.trim();
    Ok(pairs)
}

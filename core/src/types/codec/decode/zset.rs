//! Sorted sets.

use alloc::vec::Vec;

use super::blob::{check_pairs, read_listpack, read_ziplist};
use crate::types::Limits;
use crate::types::codec::form::Form;
use crate::types::codec::wire::{Reason, read_count, read_text};
use crate::types::listpack::{Element, ListpackBuf};
use crate::types::zset::Zset;
use crate::types::zset::packed::{Score, safe_to_add, score_of};
use crate::words::codec::Reader;
use crate::words::number::strtod;
use crate::words::reach::{FULL, SERVER};

/// Fewest bytes a member with its score takes: two empty strings, or an empty string and a score of one byte.
const LEAST_ENTRY: usize = 2;

/// Reads a sorted set in any of its forms.
pub(super) fn decode(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<Zset, Reason> {
    let packed = match form {
        Form::ZsetListpack => read_listpack(reader)?,
        Form::ZsetZiplist => read_ziplist(reader)?,
        _ => return entries(form, reader, limits),
    };
    check_pairs(&packed, "sorted set", limits.hash_key)?;
    let packed = in_memory(&packed)?;
    let too_many = packed.len() / 2 > limits.zset_max_listpack_entries || !safe_to_add(&packed, 0);
    let mut zset = Zset::Packed(packed);
    if too_many {
        zset.unpack(limits);
    }
    Ok(zset)
}

/// The same entries with their scores as they are in memory. Checks that every score is a number and that the entries are
/// in order.
fn in_memory(read: &ListpackBuf) -> Result<ListpackBuf, Reason> {
    let mut kept = ListpackBuf::with_capacity(read.byte_len());
    let mut elements = read.as_ref().iter();
    let mut last: Option<(f64, Element<'_>)> = None;
    while let (Some(member), Some(element)) = (elements.next(), elements.next()) {
        let stored = match element {
            Element::Int(value) => Score::Integral(value),
            Element::Str(text) => Score::read(text_score(text)?),
        };
        let score = score_of(stored.element());
        if let Some((before, neighbour)) = last {
            let ascending =
                before < score || before == score && neighbour.with_bytes(|a| member.with_bytes(|b| a < b));
            if !ascending {
                return Err(Reason::Score);
            }
        }
        last = Some((score, member));
        kept.push_back_exact(member);
        kept.push_back_exact(stored.element());
    }
    kept.trim();
    Ok(kept)
}

fn text_score(text: &[u8]) -> Result<f64, Reason> {
    match strtod(text) {
        (score, used) if used == text.len() && used > 0 && !score.is_nan() => Ok(score),
        _ => Err(Reason::Score),
    }
}

/// A count and entries one by one.
fn entries(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<Zset, Reason> {
    let count = read_count(reader, LEAST_ENTRY)?;
    if count == 0 {
        return Err(Reason::Empty);
    }
    let mut zset = Zset::new();
    if FULL {
        zset.unpack(limits);
    }
    let mut longest = 0;
    let mut scratch = Vec::new();
    for _ in 0..count {
        let member = read_text(reader)?.bytes(&mut scratch)?;
        let score = if !SERVER || form == Form::Zset { reader.f64le()? } else { read_score(reader)? };
        if score.is_nan() {
            return Err(Reason::Score);
        }
        longest = longest.max(member.len());
        if zset.insert(member, score, limits).is_some() {
            return Err(Reason::Duplicate);
        }
    }
    match zset {
        Zset::Ordered(set)
            if count <= limits.zset_max_listpack_entries && longest <= limits.zset_max_listpack_value =>
        {
            let pairs: Vec<_> = set.entries(0..count, false).collect();
            Ok(Zset::from_pairs(&pairs, limits))
        }
        _ => Ok(zset),
    }
}

/// A score as text after its length, or one of three that have no text.
fn read_score(reader: &mut Reader<'_>) -> Result<f64, Reason> {
    match reader.u8()? {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => text_score(reader.take(len.into())?),
    }
}

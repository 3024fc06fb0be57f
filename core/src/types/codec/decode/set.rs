//! Sets.

use alloc::vec::Vec;

use super::blob::{check_distinct, read_listpack};
use crate::types::Limits;
use crate::types::codec::form::Form;
use crate::types::codec::wire::{Reason, read_count, read_text};
use crate::types::full::Full;
use crate::types::intset::{Intset, IntsetBuf};
use crate::types::listpack::{Element, ListpackBuf};
use crate::types::set::{MemberTable, Set};
use crate::words::codec::Reader;
use crate::words::reach::FULL;

/// Reads a set in any of its forms.
pub(super) fn decode(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Reason> {
    match form {
        Form::SetIntset => intset(reader, limits),
        Form::SetListpack => listpack(reader, limits),
        _ => members(reader, limits),
    }
}

fn intset(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Reason> {
    let blob = read_text(reader)?.to_vec()?;
    Intset::validate(&blob).map_err(|_| Reason::Blob("intset"))?;
    if !FULL {
        let mut packed = ListpackBuf::new();
        Intset::new(&blob).iter().for_each(|n| packed.push_back_element(Element::Int(n)));
        return Ok(Set::Packed(packed));
    }
    let too_many = Intset::new(&blob).len() > limits.set_max_intset_entries;
    let mut set = Set::Ints(Full::new(IntsetBuf::from_vec(blob)));
    if too_many {
        set.make_table(limits);
    }
    Ok(set)
}

fn listpack(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Reason> {
    let packed = read_listpack(reader)?;
    if packed.as_ref().is_empty() {
        return Err(Reason::Empty);
    }
    if !FULL {
        check_distinct(packed.as_ref(), 1, limits.hash_key)?;
        return Ok(Set::Packed(packed));
    }
    let mut table = MemberTable::new(limits.hash_key);
    for member in packed.as_ref() {
        if !member.with_bytes(|m| table.insert(m)) {
            return Err(Reason::Duplicate);
        }
    }
    let fits = packed.as_ref().len() <= limits.set_max_listpack_entries;
    Ok(if fits { Set::Packed(packed) } else { Set::Table(Full::new(table)) })
}

/// A count and members one by one.
fn members(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Reason> {
    let count = read_count(reader, 1)?;
    if count == 0 {
        return Err(Reason::Empty);
    }
    let (mut set, mut scratch) = (Set::new(), Vec::new());
    if count > limits.set_max_intset_entries.max(limits.set_max_listpack_entries) {
        set.make_table(limits);
    }
    for _ in 0..count {
        let member = read_text(reader)?.bytes(&mut scratch)?;
        if !set.insert(member, limits) {
            return Err(Reason::Duplicate);
        }
    }
    Ok(set)
}

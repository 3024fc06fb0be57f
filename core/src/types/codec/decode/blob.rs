//! Blobs of compact sequences: validated, and ziplists turned into listpacks.

use alloc::vec::Vec;

use crate::types::codec::wire::{Reason, read_text};
use crate::types::listpack::{Listpack, ListpackBuf};
use crate::types::ziplist;
use crate::words::codec::Reader;
use crate::words::hash::HashKey;
use crate::words::reach::SERVER;

/// Up to so many elements are compared each with each; beyond, their hashes are sorted.
const COMPARED_PAIRWISE: usize = 8;

/// Reads a string that is a listpack, and checks it entry by entry.
pub(super) fn read_listpack(reader: &mut Reader<'_>) -> Result<ListpackBuf, Reason> {
    let blob = read_text(reader)?.to_vec()?;
    Listpack::validate(&blob).map_err(|_| Reason::Blob("listpack"))?;
    Ok(ListpackBuf::from_vec(blob))
}

/// Reads a string that is a ziplist, as a listpack of the same elements.
pub(super) fn read_ziplist(reader: &mut Reader<'_>) -> Result<ListpackBuf, Reason> {
    if !SERVER {
        return Err(Reason::Unsupported("ziplist"));
    }
    let mut scratch = Vec::new();
    let blob = read_text(reader)?.bytes(&mut scratch)?;
    let damaged = |_| Reason::Blob("ziplist");
    let mut list = ListpackBuf::with_capacity(blob.len());
    for element in ziplist::Entries::new(blob).map_err(damaged)? {
        list.push_back_element(element.map_err(damaged)?);
    }
    list.trim();
    Ok(list)
}

/// Checks what a listpack must be that maps its elements in turn: of even length, not empty, no key twice.
pub(super) fn check_pairs(list: &ListpackBuf, name: &'static str, key: HashKey) -> Result<(), Reason> {
    if list.is_empty() {
        return Err(Reason::Empty);
    }
    if !list.len().is_multiple_of(2) {
        return Err(Reason::Blob(name));
    }
    check_distinct(list.as_ref(), 2, key)
}

/// Checks that of every `step`th element, the first included, none equals another.
pub(super) fn check_distinct(list: Listpack<'_>, step: usize, key: HashKey) -> Result<(), Reason> {
    let elements = || list.iter().step_by(step);
    let distinct = if list.len() / step <= COMPARED_PAIRWISE {
        elements().enumerate().all(|(i, a)| a.with_bytes(|bytes| !elements().take(i).any(|b| b.eq(bytes))))
    } else {
        // Equal keyed hashes of 64 bits are taken for equal elements: who does not know the key cannot make them.
        let mut hashes: Vec<u64> = elements().map(|element| element.with_bytes(|b| key.hash(b))).collect();
        hashes.sort_unstable();
        hashes.windows(2).all(|pair| pair[0] != pair[1])
    };
    if distinct { Ok(()) } else { Err(Reason::Duplicate) }
}

//! The changes of a batch, written down durably before they are made, and kept until they are durable themselves: a start makes
//! again those that a crash interrupted, or a power cut undid or tore. Journals have numbers and are made again in their order.
//!
//! ```text
//! | SHA-1 of what follows | count u32 | kind u8, db u32, key length u32, record length u32, key, record | … |
//! ```
//!
//! Numbers are little-endian. The file is written under another name and renamed, so that one that is there is whole; the
//! hash tells one that was damaged since.

use super::folder::if_there;
use crate::{disk, log, start};
use nuthatch_core::StoreOp;
use sha1::{Digest, Sha1};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const NAME: &str = "journal.";
const HASH: usize = 20;
const DELETE: u8 = 0;
const PUT: u8 = 1;

fn path(root: &Path, number: u64) -> PathBuf {
    root.join(format!("{NAME}{number}"))
}

/// Writes the changes down.
pub fn write(root: &Path, number: u64, batch: &[StoreOp]) -> io::Result<()> {
    start::replace_file(&path(root, number), &encode(batch))
}

/// Forgets changes that are durable.
pub fn remove(root: &Path, number: u64) -> io::Result<()> {
    if_there(disk::remove(&path(root, number))).map(drop)
}

/// What stands behind [`NAME`] in the names of files that begin so.
fn names(root: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_prefix(NAME)).map(str::to_owned));
    }
    Ok(names)
}

/// The numbers of the journals that are there, the oldest first.
pub fn numbers(root: &Path) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = names(root)?.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes what a crash left of one that was being written.
pub fn remove_unfinished(root: &Path) -> io::Result<()> {
    let names = names(root)?;
    let mut unfinished = names.iter().filter(|name| name.ends_with(".tmp"));
    unfinished.try_for_each(|name| disk::remove(&root.join(format!("{NAME}{name}"))))
}

/// The changes of a journal, if it is there and whole.
pub fn read(root: &Path, number: u64) -> io::Result<Option<Vec<StoreOp>>> {
    let Some(bytes) = if_there(fs::read(path(root, number)))? else { return Ok(None) };
    let batch = decode(&bytes);
    if batch.is_none() {
        let name = path(root, number);
        log::warning(&format!(
            "The journal '{}' is damaged: what it has is not made again, and it is dropped",
            name.display()
        ));
        disk::remove(&name)?;
    }
    Ok(batch)
}

fn encode(batch: &[StoreOp]) -> Vec<u8> {
    let mut out = vec![0; HASH];
    out.extend_from_slice(&(batch.len() as u32).to_le_bytes());
    for op in batch {
        let (kind, db, key, record): (u8, u32, &[u8], &[u8]) = match op {
            StoreOp::Put { db, key, record } => (PUT, *db, key, record),
            StoreOp::Delete { db, key } => (DELETE, *db, key, &[]),
        };
        out.push(kind);
        for number in [db, key.len() as u32, record.len() as u32] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(key);
        out.extend_from_slice(record);
    }
    let hash = Sha1::digest(&out[HASH..]);
    out[..HASH].copy_from_slice(&hash);
    out
}

fn decode(bytes: &[u8]) -> Option<Vec<StoreOp>> {
    let (hash, mut rest) = bytes.split_at_checked(HASH)?;
    if hash != Sha1::digest(rest).as_slice() {
        return None;
    }
    let mut batch = Vec::new();
    for _ in 0..number(&mut rest)? {
        let kind = take(&mut rest, 1)?[0];
        let (db, key, record) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
        let key = take(&mut rest, key as usize)?.to_vec();
        let record = take(&mut rest, record as usize)?.to_vec();
        batch.push(match kind {
            PUT => StoreOp::Put { db, key, record },
            DELETE => StoreOp::Delete { db, key },
            _ => return None,
        });
    }
    Some(batch)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    take(rest, 4)?.try_into().ok().map(u32::from_le_bytes)
}

//! What is in a file: one key and value of an RDB file, so that files put one behind another, with a head before and an end
//! behind them, are a snapshot.
//!
//! ```text
//! 250 "nh" "check, encoding" | 252 deadline i64 (if there is one) | type | key | value
//! ```
//!
//! The first part is an auxiliary field, which every reader of snapshots passes over; it has what the engine's record tells
//! and an RDB entry does not. Key and value are written as RDB files have them.

use nuthatch_core::store_record::{HEAD, NO_DEADLINE};
use std::io;

const AUX: u8 = 250;
const DEADLINE: u8 = 252;
const FIELD: &[u8] = b"nh";
/// The engine's record begins with a check, then come the deadline, the encoding and the type.
const CHECK: usize = 4;
const DEADLINE_END: usize = 12;
const NONE: [u8; 8] = NO_DEADLINE.to_le_bytes();

/// Bytes of a file that hold all before the value, for a key of this length.
pub fn longest_head(key: &[u8]) -> usize {
    64 + key.len()
}

/// The error where a file is not what this module writes.
pub fn damaged() -> io::Error {
    io::Error::other("the record's file is damaged")
}

/// The file for this record; nothing where it is shorter than a record can be.
pub fn content(key: &[u8], record: &[u8]) -> Option<Vec<u8>> {
    let (head, body) = record.split_at_checked(HEAD)?;
    let (check, deadline, encoding, form) =
        (&head[..CHECK], &head[CHECK..DEADLINE_END], head[DEADLINE_END], head[DEADLINE_END + 1]);
    let mut out = Vec::with_capacity(longest_head(key) + body.len());
    out.push(AUX);
    put_text(&mut out, FIELD);
    put_text(&mut out, &[check, &[encoding]].concat());
    if deadline != NONE {
        out.push(DEADLINE);
        out.extend_from_slice(deadline);
    }
    out.push(form);
    put_text(&mut out, key);
    out.extend_from_slice(body);
    Some(out)
}

/// The key that is in a file.
pub fn key(content: &[u8]) -> Option<&[u8]> {
    open(content).map(|file| file.key)
}

/// The key and the record that are in a file.
pub fn parts(content: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let file = open(content)?;
    let mut record = Vec::with_capacity(HEAD + file.body.len());
    record.extend_from_slice(file.check);
    record.extend_from_slice(file.deadline);
    record.extend_from_slice(&[file.encoding, file.form]);
    record.extend_from_slice(file.body);
    Some((file.key.to_vec(), record))
}

struct Parts<'a> {
    check: &'a [u8],
    encoding: u8,
    deadline: &'a [u8],
    form: u8,
    key: &'a [u8],
    body: &'a [u8],
}

fn open(content: &[u8]) -> Option<Parts<'_>> {
    let mut rest = content;
    if take(&mut rest, 1)? != [AUX] || text(&mut rest)? != FIELD {
        return None;
    }
    let (check, encoding) = text(&mut rest)?.split_at_checked(CHECK)?;
    let &[encoding] = encoding else { return None };
    let mut form = take(&mut rest, 1)?[0];
    let mut deadline: &[u8] = &NONE;
    if form == DEADLINE {
        deadline = take(&mut rest, NONE.len())?;
        form = take(&mut rest, 1)?[0];
    }
    let key = text(&mut rest)?;
    Some(Parts { check, encoding, deadline, form, key, body: rest })
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        len @ 0..64 => out.push(len as u8),
        len @ 64..16384 => out.extend_from_slice(&(0x4000 | len as u16).to_be_bytes()),
        len => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let first = take(rest, 1)?[0];
    let len = match first >> 6 {
        0 => usize::from(first),
        1 => usize::from(first & 63) << 8 | usize::from(take(rest, 1)?[0]),
        _ if first == 0x80 => u32::from_be_bytes(take(rest, 4)?.try_into().ok()?) as usize,
        _ => return None,
    };
    take(rest, len)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

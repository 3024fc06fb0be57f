//! A dataset as the commands that make it: a journal's base where `aof-use-rdb-preamble` is off.

use alloc::vec::Vec;

use super::writer::EntryMeta;
use crate::types::ValueRef;
use crate::types::listpack::Element;
use crate::words::number::write_f64;

/// Elements that one command adds, as in Redis.
const ITEMS: usize = 64;

/// Appends the selection of a database. In lower case: Redis writes its own in upper case, and by that a reader knows that
/// Redis has written to the file.
pub(super) fn put_select(out: &mut Vec<u8>, db: u32) {
    head(out, &[b"select"], 1);
    word(out, itoa::Buffer::new().format(db).as_bytes());
}

/// Appends a key with its value.
pub(super) fn put_entry(out: &mut Vec<u8>, key: &[u8], meta: &EntryMeta, value: ValueRef<'_>) {
    match value {
        ValueRef::Str(text) => {
            head(out, &[b"SET", key], 1);
            text.with_bytes(|bytes| word(out, bytes));
        }
        ValueRef::List(list) => {
            chunks(out, [b"RPUSH", key], 1, list.len(), list.iter(), element);
        }
        ValueRef::Set(set) => chunks(out, [b"SADD", key], 1, set.len(), set.iter(), element),
        ValueRef::Hash(hash) => {
            chunks(out, [b"HMSET", key], 2, hash.len(), hash.iter(), |out, (field, value)| {
                element(out, field);
                element(out, value);
            });
        }
        ValueRef::Zset(zset) => {
            let mut digits = Vec::new();
            chunks(out, [b"ZADD", key], 2, zset.len(), zset.iter(), |out, (member, score)| {
                digits.clear();
                write_f64(&mut digits, score);
                word(out, &digits);
                element(out, member);
            });
        }
    }
    if let Some(deadline) = meta.deadline {
        head(out, &[b"PEXPIREAT", key], 1);
        word(out, itoa::Buffer::new().format(deadline).as_bytes());
    }
}

/// As many commands as it takes to add `items`, of `words` words each.
fn chunks<T>(
    out: &mut Vec<u8>,
    start: [&[u8]; 2],
    words: usize,
    len: usize,
    items: impl Iterator<Item = T>,
    mut put: impl FnMut(&mut Vec<u8>, T),
) {
    for (i, item) in items.enumerate() {
        if i % ITEMS == 0 {
            head(out, &start, words * ITEMS.min(len - i));
        }
        put(out, item);
    }
}

/// The beginning of a command that has `more` words behind `words`.
fn head(out: &mut Vec<u8>, words: &[&[u8]], more: usize) {
    length(out, b'*', words.len() + more);
    for text in words {
        word(out, text);
    }
}

fn element(out: &mut Vec<u8>, element: Element<'_>) {
    element.with_bytes(|bytes| word(out, bytes));
}

fn word(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn length(out: &mut Vec<u8>, kind: u8, length: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

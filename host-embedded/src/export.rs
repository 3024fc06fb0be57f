//! The dataset as an RDB file along the line, as `redis-cli --rdb` asks for it with SYNC: key by key, so that no more than one
//! value is in memory twice.

use crate::answers::{Answer, Answers};
use alloc::vec::Vec;

/// The version of the files: what Redis 7.0 writes.
pub(crate) const HEADER: &[u8] = b"REDIS0010";
const SELECT: u8 = 0xfe;
const DEADLINE: u8 = 0xfc;
/// The end, and a checksum of 0: none.
pub(crate) const END: &[u8] = &[0xff, 0, 0, 0, 0, 0, 0, 0, 0];
/// DUMP adds the version and a checksum.
const DUMP_TAIL: usize = 10;
/// Lengths up to here have one byte, up to [`SHORT`] two.
const TINY: usize = 1 << 6;
const SHORT: usize = 1 << 14;

/// The bytes that begin a database.
pub(crate) fn select(db: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[SELECT, db]);
}

/// A key with its value, from what DUMP and PEXPIRETIME told; nothing where the key is gone.
pub(crate) fn entry(key: &[u8], replies: &[u8], out: &mut Vec<u8>) {
    let mut answers = Answers::new(replies);
    let (Some(Answer::Text(dumped)), Some(Answer::Number(deadline))) = (answers.next(), answers.next())
    else {
        return;
    };
    let Some((form, body)) =
        dumped.len().checked_sub(DUMP_TAIL).and_then(|end| dumped.get(..end)?.split_first())
    else {
        return;
    };
    if deadline >= 0 {
        out.push(DEADLINE);
        out.extend_from_slice(&deadline.to_le_bytes());
    }
    out.push(*form);
    put_length(key.len(), out);
    out.extend_from_slice(key);
    out.extend_from_slice(body);
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    if length < TINY {
        out.push(length as u8);
    } else if length < SHORT {
        out.extend_from_slice(&[0x40 | (length >> 8) as u8, length as u8]);
    } else {
        out.push(0x80);
        out.extend_from_slice(&(length as u32).to_be_bytes());
    }
}

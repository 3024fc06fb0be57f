//! DEBUG DIGEST: one number for a whole dataset, the same that Redis computes.

use crate::db::{Data, Db};
use crate::types::listpack::Element;
use crate::types::{Kind, ValueRef};
use crate::words::number::write_f64;
use alloc::vec::Vec;
use sha1::{Digest as _, Sha1};

/// A SHA-1 sum that is mixed in order or added without order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest([u8; 20]);

impl Digest {
    /// Adds `bytes` where order does not matter.
    fn add(&mut self, bytes: &[u8]) {
        for (mine, theirs) in self.0.iter_mut().zip(Sha1::digest(bytes)) {
            *mine ^= theirs;
        }
    }

    /// Adds `bytes` where order matters.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn mix_element(&mut self, element: &Element<'_>) {
        element.with_bytes(|bytes| self.mix(bytes));
    }

    /// 40 hexadecimal digits.
    pub(super) fn text(self) -> alloc::string::String {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from(HEX[usize::from(digit)]))
            .collect()
    }

    /// Mixes a value and its deadline.
    fn mix_value(&mut self, value: ValueRef<'_>, has_deadline: bool) {
        self.mix(&(kind_number(value.kind())).to_be_bytes());
        match value {
            ValueRef::Str(string) => string.with_bytes(|bytes| self.mix(bytes)),
            ValueRef::List(list) => list.iter().for_each(|element| self.mix_element(&element)),
            ValueRef::Set(set) => set.iter().for_each(|member| member.with_bytes(|bytes| self.add(bytes))),
            ValueRef::Hash(hash) => {
                for (field, text) in hash.iter() {
                    let mut pair = Self::default();
                    pair.mix_element(&field);
                    pair.mix_element(&text);
                    self.add(&pair.0);
                }
            }
            ValueRef::Zset(zset) => {
                let mut score_text = Vec::new();
                for (member, score) in zset.iter() {
                    let mut pair = Self::default();
                    pair.mix_element(&member);
                    score_text.clear();
                    write_f64(&mut score_text, score);
                    pair.mix(&score_text);
                    self.add(&pair.0);
                }
            }
        }
        if has_deadline {
            self.add(b"!!expire!!");
        }
    }
}

/// The number that Redis gives the type.
fn kind_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Zset => 3,
        Kind::Hash => 4,
    }
}

/// The digest of a key's value; zero where there is none or it is not in memory.
pub(super) fn of_key(db: &Db<'_>, key: &[u8]) -> Digest {
    let mut digest = Digest::default();
    let record = db.record(key);
    if let Some((value, record)) = record.and_then(|record| record.value().map(|value| (value, record))) {
        digest.mix_value(value, record.is_volatile());
    }
    digest
}

/// The digest of every database. Keys that expired and are still there count.
pub(super) fn of_dataset(data: &Data) -> Digest {
    let mut whole = Digest::default();
    for (index, database) in data.keyspace.iter().filter(|(_, database)| !database.is_empty()) {
        whole.mix(&(index as u32).to_be_bytes());
        for record in database.iter() {
            let mut digest = Digest::default();
            digest.mix(record.key());
            if let Some(value) = record.value() {
                digest.mix_value(value, record.is_volatile());
            }
            whole.add(&digest.0);
        }
    }
    whole
}

//! Values to bytes, exactly as Redis 7.0 (RDB 10) or 7.2 (RDB 11) writes them.

use alloc::vec::Vec;

use super::form::{Form, NODE_PACKED, NODE_PLAIN};
use super::wire::put_len;
use crate::types::ValueRef;
use crate::types::hash::HashRef;
use crate::types::list::{ListRef, NodeRef};
use crate::types::set::SetRef;
use crate::types::string::StrRef;
use crate::types::zset::ZsetRef;
use crate::types::zset::packed::with_redis_layout;
use crate::words::codec::Put;
use crate::words::lzf::Compressor;
use crate::words::number::parse_i64;
use crate::words::reach::{SERVER, TYPES};

/// The oldest version that is written: what Redis 7.0 writes and everything newer reads.
pub const OLDEST_VERSION: u16 = 10;
/// The newest version that is written; it adds listpacks of set members.
pub const NEWEST_VERSION: u16 = 11;
/// From this version on a set in a listpack is written as one.
const SET_LISTPACKS_FROM: u16 = 11;
/// Longest string that is tried as a number: a sign and ten digits.
const MAX_INTEGER_LEN: usize = 11;
/// A string must be longer than this to be compressed, and is only if that saves as many bytes as [`MIN_SAVING`].
const MIN_COMPRESSED_LEN: usize = 20;
const MIN_SAVING: usize = 4;

/// Encodes values, one after another; keeps the compressor's table between them.
#[derive(Debug)]
pub struct Encoder {
    version: u16,
    compress: bool,
    compressor: Compressor,
    packed: Vec<u8>,
    /// What a sorted set's listpack is written anew in.
    layout: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new(OLDEST_VERSION, true)
    }
}

impl Encoder {
    /// For RDB `version` 10 or 11; `compress`: strings are compressed where that makes them shorter.
    pub fn new(version: u16, compress: bool) -> Self {
        let version = version.clamp(OLDEST_VERSION, NEWEST_VERSION);
        Self { version, compress, compressor: Compressor::default(), packed: Vec::new(), layout: Vec::new() }
    }

    /// As after [`new`](Self::new), but the compressor keeps its table.
    pub fn configure(&mut self, version: u16, compress: bool) {
        self.version = version.clamp(OLDEST_VERSION, NEWEST_VERSION);
        self.compress = compress;
    }

    /// The RDB version written.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The form in which the value is written.
    pub fn form(&self, value: ValueRef<'_>) -> Form {
        match value {
            ValueRef::Str(_) => Form::String,
            ValueRef::List(_) => Form::ListQuicklist,
            ValueRef::Set(SetRef::Ints(_)) => Form::SetIntset,
            ValueRef::Set(SetRef::Packed(_)) if self.version >= SET_LISTPACKS_FROM => Form::SetListpack,
            ValueRef::Set(_) => Form::Set,
            ValueRef::Hash(HashRef::Packed(_)) => Form::HashListpack,
            ValueRef::Hash(HashRef::Table(_)) => Form::Hash,
            ValueRef::Zset(ZsetRef::Packed(_)) => Form::ZsetListpack,
            ValueRef::Zset(ZsetRef::Ordered(_)) => Form::Zset,
        }
    }

    /// Appends the value's body, in the form that [`form`](Self::form) tells.
    pub fn body(&mut self, value: ValueRef<'_>, out: &mut Vec<u8>) {
        match value {
            ValueRef::Str(StrRef::Int(value)) => put_int(out, value),
            ValueRef::Str(StrRef::Embedded(bytes) | StrRef::Raw(bytes)) => self.text(bytes, out),
            ValueRef::Hash(hash) => self.hash(hash, out),
            _ if !TYPES => {}
            ValueRef::List(list) => self.list(list, out),
            ValueRef::Set(set) => self.set(set, out),
            ValueRef::Zset(zset) => self.zset(zset, out),
        }
    }

    /// Appends a string: as a number, compressed, or as it is.
    pub fn text(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.len() <= MAX_INTEGER_LEN
            && let Some(value) = parse_i64(bytes)
            && put_short_int(out, value)
        {
            return;
        }
        if SERVER && self.compress && bytes.len() > MIN_COMPRESSED_LEN {
            self.packed.clear();
            let max = bytes.len() - MIN_SAVING;
            if let Some(len) = self.compressor.compress(bytes, max, &mut self.packed) {
                out.put_u8(0xc3);
                put_len(out, len as u64);
                put_len(out, bytes.len() as u64);
                out.extend_from_slice(&self.packed);
                return;
            }
        }
        put_raw(out, bytes);
    }

    fn set(&mut self, set: SetRef<'_>, out: &mut Vec<u8>) {
        match set {
            SetRef::Ints(ints) => self.text(ints.bytes(), out),
            SetRef::Packed(packed) if self.version >= SET_LISTPACKS_FROM => self.text(packed.bytes(), out),
            _ => {
                put_len(out, set.len() as u64);
                for member in set.iter() {
                    member.with_bytes(|m| self.text(m, out));
                }
            }
        }
    }

    fn list(&mut self, list: ListRef<'_>, out: &mut Vec<u8>) {
        put_len(out, list.nodes().count() as u64);
        for node in list.nodes() {
            let container = match node {
                NodeRef::Packed(_) => NODE_PACKED,
                NodeRef::Plain(_) => NODE_PLAIN,
            };
            put_len(out, container);
            self.text(node.bytes(), out);
        }
    }

    fn hash(&mut self, hash: HashRef<'_>, out: &mut Vec<u8>) {
        match hash {
            HashRef::Packed(packed) => self.text(packed.bytes(), out),
            HashRef::Table(table) => {
                put_len(out, table.len() as u64);
                for (field, value) in table.iter() {
                    self.text(field, out);
                    self.text(value, out);
                }
            }
        }
    }

    fn zset(&mut self, zset: ZsetRef<'_>, out: &mut Vec<u8>) {
        match zset {
            ZsetRef::Packed(packed) => {
                let mut scratch = core::mem::take(&mut self.layout);
                with_redis_layout(packed, &mut scratch, |blob| self.text(blob, out));
                self.layout = scratch;
            }
            ZsetRef::Ordered(set) => {
                put_len(out, set.len() as u64);
                for (member, score) in set.entries(0..usize::MAX, true) {
                    self.text(member, out);
                    out.put_f64le(score);
                }
            }
        }
    }
}

/// Appends a string that is a number's digits.
pub(super) fn put_int(out: &mut Vec<u8>, value: i64) {
    if !put_short_int(out, value) {
        put_raw(out, itoa::Buffer::new().format(value).as_bytes());
    }
}

/// Appends a number of at most 32 bits as such; false, with nothing appended, for a larger one.
fn put_short_int(out: &mut Vec<u8>, value: i64) -> bool {
    if let Ok(value) = i8::try_from(value) {
        out.extend_from_slice(&[0xc0, value as u8]);
    } else if let Ok(value) = i16::try_from(value) {
        out.put_u8(0xc1);
        out.put_u16le(value as u16);
    } else if let Ok(value) = i32::try_from(value) {
        out.put_u8(0xc2);
        out.put_u32le(value as u32);
    } else {
        return false;
    }
    true
}

fn put_raw(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

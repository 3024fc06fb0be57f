//! Values: one room a type, with the compact and the full encodings. No keys here.

pub mod codec;
pub mod hash;
pub mod list;
pub mod listpack;
pub mod segmented;
pub mod ziplist;
pub mod zipmap;

use crate::words::hash::HashKey;

/// A value's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Bytes or a number.
    String = 0,
    /// A sequence that is pushed and popped at both ends.
    List = 1,
    /// Distinct members without order.
    Set = 2,
    /// Fields with values.
    Hash = 3,
    /// Distinct members ordered by score.
    Zset = 4,
}

impl Kind {
    /// Every type, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::String, Self::List, Self::Set, Self::Hash, Self::Zset];

    /// The name that TYPE answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::Zset => "zset",
        }
    }
}

/// Up to where values keep their compact encoding, under Redis's names, and the key of the tables' hash.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `hash-max-listpack-entries`, in fields.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`, in bytes of a field or value.
    pub hash_max_listpack_value: usize,
    /// `set-max-intset-entries`, in members.
    pub set_max_intset_entries: usize,
    /// `set-max-listpack-entries`, in members.
    pub set_max_listpack_entries: usize,
    /// `set-max-listpack-value`, in bytes of a member.
    pub set_max_listpack_value: usize,
    /// `zset-max-listpack-entries`, in members.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`, in bytes of a member.
    pub zset_max_listpack_value: usize,
    /// `list-max-listpack-size`: elements a node, or from -1 to -5 a size of 4 to 64 KiB.
    pub list_max_listpack_size: i64,
    /// `list-compress-depth`: nodes at each end that stay uncompressed; 0 compresses nothing.
    pub list_compress_depth: usize,
    /// Elements at least this long get a list node of their own (`DEBUG QUICKLIST-PACKED-THRESHOLD`), in bytes.
    pub list_plain_threshold: usize,
    /// The secret that keys the hash of every table.
    pub hash_key: HashKey,
}

impl Limits {
    /// Redis's defaults under the given hash key.
    pub const fn new(hash_key: HashKey) -> Self {
        Self {
            hash_max_listpack_entries: 128,
            hash_max_listpack_value: 64,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            list_max_listpack_size: -2,
            list_compress_depth: 0,
            list_plain_threshold: 1 << 30,
            hash_key,
        }
    }
}

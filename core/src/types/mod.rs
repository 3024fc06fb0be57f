//! Values: one room a type, with the compact and the full encodings. No keys here.

pub mod codec;
pub mod full;
pub mod hash;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod segmented;
pub mod set;
pub mod string;
pub mod ziplist;
pub mod zipmap;
pub mod zset;

use crate::words::hash::HashKey;
use crate::words::reach::SERVER;
use hash::{Hash, HashRef};
use list::{List, ListRef};
use set::{Set, SetRef};
use string::{Str, StrRef};
use zset::{Zset, ZsetRef};

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
    /// The member whose hash was computed ahead.
    pub ahead: Hashed,
}

/// A hash that was computed ahead, known again by where its bytes lie.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hashed {
    address: usize,
    len: usize,
    hash: u64,
}

impl Hashed {
    /// The hash of `bytes`, which stay where they are and as they are until the note is dropped.
    #[inline]
    pub fn new(bytes: &[u8], hash: u64) -> Self {
        Self { address: bytes.as_ptr().addr(), len: bytes.len(), hash }
    }

    /// The hash, if it is that of these bytes.
    #[inline]
    pub fn of(&self, bytes: &[u8]) -> Option<u64> {
        (SERVER && self.address == bytes.as_ptr().addr() && self.len == bytes.len()).then_some(self.hash)
    }
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
            ahead: Hashed { address: 0, len: 0, hash: 0 },
        }
    }

    /// The hash of a member or field.
    #[inline]
    pub fn hash(&self, member: &[u8]) -> u64 {
        self.ahead.of(member).unwrap_or_else(|| self.hash_key.hash(member))
    }
}

/// A value that its holder owns and may change.
#[derive(Debug)]
pub enum Value {
    /// Bytes or a number.
    Str(Str),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A hash.
    Hash(Hash),
    /// A sorted set.
    Zset(Zset),
}

/// A value to be read; the compact forms may lie inside the key's own block.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// Bytes or a number.
    Str(StrRef<'a>),
    /// A list.
    List(ListRef<'a>),
    /// A set.
    Set(SetRef<'a>),
    /// A hash.
    Hash(HashRef<'a>),
    /// A sorted set.
    Zset(ZsetRef<'a>),
}

impl Value {
    /// The value, to be read.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Str(v) => ValueRef::Str(v.as_ref()),
            Self::List(v) => ValueRef::List(v.as_ref()),
            Self::Set(v) => ValueRef::Set(v.as_ref()),
            Self::Hash(v) => ValueRef::Hash(v.as_ref()),
            Self::Zset(v) => ValueRef::Zset(v.as_ref()),
        }
    }

    /// The value's type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Str(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Hash(_) => Kind::Hash,
            Self::Zset(_) => Kind::Zset,
        }
    }

    /// Whether a collection has no element left. A string is never empty in this sense: an empty one keeps its key.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Str(_) => false,
            Self::List(v) => v.as_ref().is_empty(),
            Self::Set(v) => v.as_ref().is_empty(),
            Self::Hash(v) => v.as_ref().is_empty(),
            Self::Zset(v) => v.as_ref().is_empty(),
        }
    }
}

impl ValueRef<'_> {
    /// The value's type.
    pub fn kind(self) -> Kind {
        match self {
            Self::Str(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Hash(_) => Kind::Hash,
            Self::Zset(_) => Kind::Zset,
        }
    }

    /// The encoding's name as OBJECT ENCODING answers it.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Str(v) => v.encoding(),
            Self::List(v) => v.encoding(),
            Self::Set(v) => v.encoding(),
            Self::Hash(v) => v.encoding(),
            Self::Zset(v) => v.encoding(),
        }
    }

    /// Bytes of a string, elements of a collection.
    pub fn len(self) -> usize {
        match self {
            Self::Str(v) => v.len(),
            Self::List(v) => v.len(),
            Self::Set(v) => v.len(),
            Self::Hash(v) => v.len(),
            Self::Zset(v) => v.len(),
        }
    }

    /// Whether [`ValueRef::len`] is 0.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the value takes, estimated without walking it.
    pub fn memory(self) -> usize {
        match self {
            Self::Str(v) => v.memory(),
            Self::List(v) => v.memory(),
            Self::Set(v) => v.memory(),
            Self::Hash(v) => v.memory(),
            Self::Zset(v) => v.memory(),
        }
    }
}

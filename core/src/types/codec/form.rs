//! The shapes of values on the wire and their type bytes.

use crate::types::Kind;

/// In a [`Form::ListQuicklist`], before a node: one element.
pub(super) const NODE_PLAIN: u64 = 1;
/// In a [`Form::ListQuicklist`], before a node: a listpack.
pub(super) const NODE_PACKED: u64 = 2;

/// Which project's numbering a type byte follows; from RDB 13 on the two gave the same bytes other meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Magic `REDIS`.
    Redis,
    /// Magic `VALKEY`.
    Valkey,
}

/// How a value is laid out. The numbers are Redis's type bytes, except those from 128 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// One string.
    String = 0,
    /// A count and that many strings.
    List = 1,
    /// A count and that many strings.
    Set = 2,
    /// A count and that many strings with their scores as text.
    ZsetText = 3,
    /// A count and that many fields with values.
    Hash = 4,
    /// A count and that many strings with their scores as doubles, from the greatest to the smallest.
    Zset = 5,
    /// A module's value of before 4.0 was released: its end cannot be found.
    ModuleUnbounded = 6,
    /// A module's value, a run of tagged items.
    Module = 7,
    /// A zipmap.
    HashZipmap = 9,
    /// A ziplist.
    ListZiplist = 10,
    /// An intset.
    SetIntset = 11,
    /// A ziplist of members, each before its score.
    ZsetZiplist = 12,
    /// A ziplist of fields, each before its value.
    HashZiplist = 13,
    /// A count and that many ziplists.
    ListZiplists = 14,
    /// A stream, as 5.0 wrote it.
    Stream = 15,
    /// A listpack of fields, each before its value.
    HashListpack = 16,
    /// A listpack of members, each before its score.
    ZsetListpack = 17,
    /// A count and that many nodes: listpacks, or single elements that are too large for one.
    ListQuicklist = 18,
    /// A stream, as 7.0 writes it.
    Stream2 = 19,
    /// A listpack of members.
    SetListpack = 20,
    /// A stream, as 7.2 writes it.
    Stream3 = 21,
    /// Fields with deadlines, as a release candidate of 7.4 wrote them.
    HashDeadlinesEarly = 22,
    /// A listpack of fields, values and deadlines, as a release candidate of 7.4 wrote it.
    HashListpackDeadlinesEarly = 23,
    /// Fields with deadlines.
    HashDeadlines = 24,
    /// A listpack of fields, values and deadlines.
    HashListpackDeadlines = 25,
    /// Fields with deadlines as Valkey 9 writes them (there type byte 22).
    HashDeadlinesValkey = 128,
}

impl Form {
    const REDIS: [Self; 25] = [
        Self::String,
        Self::List,
        Self::Set,
        Self::ZsetText,
        Self::Hash,
        Self::Zset,
        Self::ModuleUnbounded,
        Self::Module,
        Self::HashZipmap,
        Self::ListZiplist,
        Self::SetIntset,
        Self::ZsetZiplist,
        Self::HashZiplist,
        Self::ListZiplists,
        Self::Stream,
        Self::HashListpack,
        Self::ZsetListpack,
        Self::ListQuicklist,
        Self::Stream2,
        Self::SetListpack,
        Self::Stream3,
        Self::HashDeadlinesEarly,
        Self::HashListpackDeadlinesEarly,
        Self::HashDeadlines,
        Self::HashListpackDeadlines,
    ];

    /// The form that a type byte stands for; `None` for a byte that names no known form.
    pub fn from_byte(byte: u8, dialect: Dialect) -> Option<Self> {
        match (dialect, byte) {
            (_, 8) | (Dialect::Valkey, 23..) => None,
            (Dialect::Valkey, 22) => Some(Self::HashDeadlinesValkey),
            (_, 0..8) => Self::REDIS.get(byte as usize).copied(),
            _ => Self::REDIS.get(byte as usize - 1).copied(),
        }
    }

    /// The type byte under which the form is written.
    pub fn byte(self) -> u8 {
        match self {
            Self::HashDeadlinesValkey => 22,
            _ => self as u8,
        }
    }

    /// The type of the value; `None` for values this engine has no type for: streams and modules' own.
    pub fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::String => Kind::String,
            Self::List | Self::ListZiplist | Self::ListZiplists | Self::ListQuicklist => Kind::List,
            Self::Set | Self::SetIntset | Self::SetListpack => Kind::Set,
            Self::ZsetText | Self::Zset | Self::ZsetZiplist | Self::ZsetListpack => Kind::Zset,
            Self::Hash
            | Self::HashZipmap
            | Self::HashZiplist
            | Self::HashListpack
            | Self::HashDeadlinesEarly
            | Self::HashListpackDeadlinesEarly
            | Self::HashDeadlines
            | Self::HashListpackDeadlines
            | Self::HashDeadlinesValkey => Kind::Hash,
            Self::ModuleUnbounded | Self::Module | Self::Stream | Self::Stream2 | Self::Stream3 => {
                return None;
            }
        })
    }

    /// What the value is, for messages: a type's name, `stream` or `module`.
    pub fn name(self) -> &'static str {
        match self.kind() {
            Some(kind) => kind.name(),
            None if matches!(self, Self::Module | Self::ModuleUnbounded) => "module",
            None => "stream",
        }
    }
}

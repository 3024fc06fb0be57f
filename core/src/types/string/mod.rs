//! Stands in until the room is built.
use alloc::vec::Vec;
#[derive(Debug)]
pub enum Str {
    Int(i64),
    Embedded(Vec<u8>),
    Raw(Vec<u8>),
}
#[derive(Debug, Clone, Copy)]
pub enum StrRef<'a> {
    Int(i64),
    Embedded(&'a [u8]),
    Raw(&'a [u8]),
}
impl Str {
    pub fn as_ref(&self) -> StrRef<'_> {
        match self {
            Self::Int(n) => StrRef::Int(*n),
            Self::Embedded(b) => StrRef::Embedded(b),
            Self::Raw(b) => StrRef::Raw(b),
        }
    }
}
impl StrRef<'_> {
    pub fn to_owned(self) -> Str {
        match self {
            Self::Int(n) => Str::Int(n),
            Self::Embedded(b) => Str::Embedded(b.to_vec()),
            Self::Raw(b) => Str::Raw(b.to_vec()),
        }
    }
    pub fn len(self) -> usize {
        0
    }
    pub fn encoding(self) -> &'static str {
        ""
    }
    pub fn memory(self) -> usize {
        0
    }
}

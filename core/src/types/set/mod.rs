//! Stands in until the room is built.
use crate::types::listpack::{Listpack, ListpackBuf};
#[derive(Debug)]
pub struct MemberTable;
#[derive(Debug)]
pub enum Set {
    Packed(ListpackBuf),
    Full(MemberTable),
    Ints(crate::types::intset::IntsetBuf),
}
#[derive(Debug, Clone, Copy)]
pub enum SetRef<'a> {
    Packed(Listpack<'a>),
    Full(&'a MemberTable),
    Ints(crate::types::intset::Intset<'a>),
}
impl Set {
    pub fn new() -> Self {
        Self::Packed(ListpackBuf::new())
    }
    pub fn as_ref(&self) -> SetRef<'_> {
        match self {
            Self::Packed(p) => SetRef::Packed(p.as_ref()),
            Self::Full(f) => SetRef::Full(f),
            Self::Ints(f) => SetRef::Ints(f.as_ref()),
        }
    }
    pub fn free_some(&mut self, _: usize) -> bool {
        true
    }
}
impl SetRef<'_> {
    pub fn len(self) -> usize {
        0
    }
    pub fn is_empty(self) -> bool {
        true
    }
    pub fn encoding(self) -> &'static str {
        ""
    }
    pub fn memory(self) -> usize {
        0
    }
}

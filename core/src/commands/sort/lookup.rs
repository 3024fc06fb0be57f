//! Values by pattern: `weight_*`, `user_*->name`, `#`.

use alloc::vec::Vec;

use super::options::c_string;
use crate::db::Db;
use crate::types::ValueRef;
use crate::words::error::{CommandError, CommandResult};

/// What a pattern stands for.
pub(super) enum Found {
    /// The element.
    Itself,
    /// A string, or a field of a hash.
    Value(Vec<u8>),
    /// There is no such key, no such field, or a value of another type.
    Nothing,
}

/// Looks values up. One that is not in memory does not end the walk, so that all of them are loaded in one round.
pub(super) struct Lookup {
    key: Vec<u8>,
    failed: CommandResult,
}

impl Lookup {
    pub(super) fn new() -> Self {
        Self { key: Vec::new(), failed: Ok(()) }
    }

    /// Whether every value was in memory.
    pub(super) fn finish(self) -> CommandResult {
        self.failed
    }

    /// What a GET pattern stands for.
    pub(super) fn get(&mut self, db: &mut Db<'_>, pattern: &[u8], element: &[u8]) -> Found {
        if c_string(pattern) == b"#" && pattern.len() == 1 {
            Found::Itself
        } else {
            self.find(db, pattern, element)
        }
    }

    /// The value that the pattern names when the element stands for its first asterisk.
    pub(super) fn find(&mut self, db: &mut Db<'_>, pattern: &[u8], element: &[u8]) -> Found {
        let Some(star) = c_string(pattern).iter().position(|&byte| byte == b'*') else {
            return Found::Nothing;
        };
        let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
        let (behind, field) = split_field(behind);
        self.key.clear();
        self.key.extend_from_slice(before);
        self.key.extend_from_slice(element);
        self.key.extend_from_slice(behind);
        match read(db, &self.key, field) {
            Ok(Some(value)) => Found::Value(value),
            Ok(None) => Found::Nothing,
            Err(error) => {
                self.failed = Err(error);
                Found::Nothing
            }
        }
    }
}

/// Splits `…->field`; nothing behind the arrow leaves it part of the key.
pub(super) fn split_field(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match c_string(text).windows(2).position(|pair| pair == b"->") {
        Some(at) if !c_string(&text[at + 2..]).is_empty() => (&text[..at], Some(&text[at + 2..])),
        _ => (text, None),
    }
}

fn read(db: &mut Db<'_>, key: &[u8], field: Option<&[u8]>) -> Result<Option<Vec<u8>>, CommandError> {
    Ok(match (db.value(key)?, field) {
        (Some(ValueRef::Str(text)), None) => Some(text.to_vec()),
        (Some(ValueRef::Hash(hash)), Some(field)) => hash.get(field).map(|value| value.to_vec()),
        _ => None,
    })
}

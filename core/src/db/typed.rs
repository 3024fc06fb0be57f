//! The typed reads and edits, one set a type.

use alloc::vec::Vec;

use super::{Db, Edited};
use crate::types::hash::{Hash, HashRef};
use crate::types::list::{List, ListRef};
use crate::types::set::{Set, SetRef};
use crate::types::string::{Str, StrRef};
use crate::types::zset::{Zset, ZsetRef};
use crate::types::{Kind, Limits, Value, ValueRef};
use crate::words::error::{CommandError, NOT_INTEGER, OVERFLOW, WRONG_TYPE};

macro_rules! typed_access {
    ($($kind:ident, $variant:ident, $read:ident, $edit:ident, $edit_or_create:ident, $owned:ty, $borrowed:ident, $fresh:expr;)*) => {
        impl Db<'_> {$(
            #[doc = concat!("The ", stringify!($read), " under the key.")]
            #[inline]
            pub fn $read(&mut self, key: &[u8]) -> Result<Option<$borrowed<'_>>, CommandError> {
                Ok(match self.typed(key, Kind::$kind)? {
                    Some(ValueRef::$variant(v)) => Some(v),
                    _ => None,
                })
            }

            #[doc = concat!("Changes the ", stringify!($read), " under the key; `None` without a key. What becomes empty is removed.")]
            pub fn $edit<R>(
                &mut self,
                key: &[u8],
                f: impl FnOnce(&mut $owned, &Limits) -> R,
            ) -> Result<Option<Edited<R>>, CommandError> {
                self.edit(key, Kind::$kind, |value, limits| match value {
                    Value::$variant(v) => f(v, limits),
                    _ => unreachable!("the record's kind was checked"),
                })
            }

            #[doc = concat!("Changes the ", stringify!($read), " under the key, an empty one where there was none. What stays empty leaves no key.")]
            pub fn $edit_or_create<R>(
                &mut self,
                key: &[u8],
                f: impl FnOnce(&mut $owned, &Limits) -> R,
            ) -> Result<Edited<R>, CommandError> {
                self.edit_or_create(key, Kind::$kind, || Value::$variant($fresh), |value, limits| match value {
                    Value::$variant(v) => f(v, limits),
                    _ => unreachable!("the record's kind was checked"),
                })
            }
        )*}
    };
}

typed_access! {
    String, Str, string, edit_string, edit_or_create_string, Str, StrRef, Str::Raw(Vec::new());
    List, List, list, edit_list, edit_or_create_list, List, ListRef, List::new();
    Set, Set, set_of, edit_set, edit_or_create_set, Set, SetRef, Set::new();
    Hash, Hash, hash, edit_hash, edit_or_create_hash, Hash, HashRef, Hash::new();
    Zset, Zset, zset, edit_zset, edit_or_create_zset, Zset, ZsetRef, Zset::new();
}

impl Db<'_> {
    /// Adds to the integer under the key, 0 where there is none, and gives its new value; the deadline stays. The key is looked
    /// up once, and what was an integer is overwritten in its place.
    pub fn add(&mut self, key: &[u8], by: i64) -> Result<i64, CommandError> {
        let Some(slot) = self.find_for_write(key) else {
            self.data.before_change(self.index, key);
            self.insert_string(key, StrRef::Int(by));
            return Ok(by);
        };
        self.check_kind(slot, Kind::String)?;
        let ValueRef::Str(value) = self.resident(slot, key)? else { return Err(WRONG_TYPE) };
        let after = value.as_int().ok_or(NOT_INTEGER)?.checked_add(by).ok_or(OVERFLOW)?;
        self.data.before_change(self.index, key);
        self.displace(slot);
        self.database_mut().get_mut(slot).set_string(StrRef::Int(after));
        Ok(after)
    }
}

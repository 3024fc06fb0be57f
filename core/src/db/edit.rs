//! Changing values in place.

use super::{Data, Db, Edited};
use crate::types::segmented::Slot;
use crate::types::{Kind, Limits, Value};
use crate::words::error::{CommandError, WRONG_TYPE};
use crate::words::reach::SERVER;

impl Db<'_> {
    /// Changes the value of a key that is there.
    pub(super) fn edit<R>(
        &mut self,
        key: &[u8],
        kind: Kind,
        f: impl FnOnce(&mut Value, &Limits) -> R,
    ) -> Result<Option<Edited<R>>, CommandError> {
        if !SERVER {
            return self.edit_in_one_copy(key, kind, None, f);
        }
        let Some(slot) = self.find_for_write(key) else { return Ok(None) };
        self.edit_at(slot, key, kind, f).map(Some)
    }

    #[inline]
    fn edit_at<R>(
        &mut self,
        slot: Slot,
        key: &[u8],
        kind: Kind,
        f: impl FnOnce(&mut Value, &Limits) -> R,
    ) -> Result<Edited<R>, CommandError> {
        let record = self.database().get(slot);
        if record.kind() != kind {
            return Err(WRONG_TYPE);
        }
        if record.is_paged() {
            return Err(self.missing(key));
        }
        let has_pages = record.has_pages();
        self.data.before_change(self.index, key);
        if has_pages {
            self.release_copy(slot);
        }
        let Data { keyspace, limits, .. } = &mut *self.data;
        let record = keyspace.db_mut(self.index).get_mut(slot);
        let edited = record.edit(|value| {
            let out = f(value, limits);
            Edited { out, emptied: value.is_empty() }
        });
        let Some(edited) = edited else { return Err(CommandError::NotResident) };
        if edited.emptied {
            self.remove_at(slot, key);
        }
        Ok(edited)
    }

    /// Changes the value of a key, a fresh one where there is none.
    pub(super) fn edit_or_create<R>(
        &mut self,
        key: &[u8],
        kind: Kind,
        fresh: fn() -> Value,
        f: impl FnOnce(&mut Value, &Limits) -> R,
    ) -> Result<Edited<R>, CommandError> {
        if !SERVER {
            return self.edit_in_one_copy(key, kind, Some(fresh), f)?.ok_or(CommandError::NotResident);
        }
        if let Some(slot) = self.find_for_write(key) {
            return self.edit_at(slot, key, kind, f);
        }
        let mut fresh = fresh();
        let out = f(&mut fresh, &self.data.limits);
        let emptied = fresh.is_empty();
        if !emptied {
            self.insert(key, fresh);
        }
        Ok(Edited { out, emptied })
    }

    /// Both of them in a small build: one copy of the code serves every command.
    fn edit_in_one_copy<R>(
        &mut self,
        key: &[u8],
        kind: Kind,
        fresh: Option<fn() -> Value>,
        f: impl FnOnce(&mut Value, &Limits) -> R,
    ) -> Result<Option<Edited<R>>, CommandError> {
        let (mut f, mut out) = (Some(f), None);
        let emptied = self.edit_by(key, kind, fresh, &mut |value, limits| {
            out = f.take().map(|f| f(value, limits));
        })?;
        Ok(out.zip(emptied).map(|(out, emptied)| Edited { out, emptied }))
    }

    fn edit_by(
        &mut self,
        key: &[u8],
        kind: Kind,
        fresh: Option<fn() -> Value>,
        f: &mut dyn FnMut(&mut Value, &Limits),
    ) -> Result<Option<bool>, CommandError> {
        if let Some(slot) = self.find_for_write(key) {
            return self.edit_at(slot, key, kind, f).map(|edited| Some(edited.emptied));
        }
        let Some(fresh) = fresh else { return Ok(None) };
        let mut value = fresh();
        f(&mut value, &self.data.limits);
        let emptied = value.is_empty();
        if !emptied {
            self.insert(key, value);
        }
        Ok(Some(emptied))
    }
}

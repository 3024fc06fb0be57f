//! What the door does for values on a page device: metadata without loading, pages given back in time.

use super::{Data, Db};
use crate::page::Place;
use crate::types::segmented::Slot;
use crate::types::{Kind, ValueRef};
use crate::words::error::CommandError;

impl Data {
    /// Gives a paged value's pages back.
    pub(super) fn free_place(&mut self, db: usize, slot: Slot) {
        let record = self.keyspace.db(db).get(slot);
        if let Some(place) = record.place().and_then(Place::decode) {
            self.paging.free(&place);
            self.paging.swapped -= usize::from(record.is_paged());
        }
    }

    /// Asks for every value that is not in memory (DEBUG DIGEST).
    pub fn want_all_values(&mut self) -> Result<(), CommandError> {
        for (index, database) in self.keyspace.iter().filter(|(_, database)| database.paged() > 0) {
            let paged = database.iter().filter(|record| record.is_paged());
            self.missing.extend(paged.map(|record| (index, record.key().into())));
        }
        if self.missing.is_empty() { Ok(()) } else { Err(CommandError::NotResident) }
    }
}

impl Db<'_> {
    /// Bytes of the string or elements of the collection under the key, in memory or not; counted as a read.
    pub fn length(&mut self, key: &[u8], kind: Kind) -> Result<Option<usize>, CommandError> {
        let Some(slot) = self.find_for_read(key) else { return Ok(None) };
        self.check_kind(slot, kind)?;
        let record = self.database().get(slot);
        let paged = record.place().and_then(Place::decode).map(|place| place.count as usize);
        Ok(paged.or_else(|| record.value().map(ValueRef::len)))
    }

    /// The encoding's name as OBJECT ENCODING answers it, in memory or not.
    pub fn encoding(&mut self, key: &[u8]) -> Option<&'static str> {
        let slot = self.find(key)?;
        let record = self.database().get(slot);
        let paged = record.place().and_then(Place::decode).map(|place| place.encoding());
        paged.or_else(|| record.value().map(ValueRef::encoding))
    }

    /// Where the key's value lies on the page device, if it does.
    pub fn place(&mut self, key: &[u8]) -> Option<Place> {
        let slot = self.find(key)?;
        self.database().get(slot).place().and_then(Place::decode)
    }

    /// Gives back the pages of a copy that the value is about to differ from.
    #[inline]
    pub(super) fn release_copy(&mut self, slot: Slot) {
        if self.database().get(slot).has_pages() {
            self.data.free_place(self.index, slot);
            self.database_mut().get_mut(slot).drop_copy();
        }
    }

    /// Gives back the pages of a value that is removed or overwritten.
    #[inline]
    pub(super) fn release(&mut self, slot: Slot) {
        if self.database().get(slot).has_pages() {
            self.data.free_place(self.index, slot);
        }
    }
}

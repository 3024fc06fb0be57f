//! Whether the cache's books are true: everything that is counted on the way is counted anew.

use super::cache::{Cache, RECORD_OVERHEAD, Space};
use crate::keyspace::Keyspace;
use crate::words::ordered::OrderedMap;
use alloc::format;
use alloc::string::String;

impl Cache {
    /// Counts everything anew.
    ///
    /// # Errors
    /// What is booked otherwise.
    pub fn audit(&self, keyspace: &Keyspace) -> Result<(), String> {
        let (mut dirty, mut dirty_bytes, mut loading) = (0, 0, 0);
        let mut tied: OrderedMap<u32, usize> = OrderedMap::new();
        let mut spaces: OrderedMap<u32, Space> = OrderedMap::new();
        for ((db, place), entry) in self.keys.iter() {
            let space = spaces.entry(*db).or_default();
            space.delta += entry.contribution().0;
            space.unknown += entry.contribution().1;
            dirty += usize::from(entry.is_dirty());
            loading += usize::from(entry.load);
            if !entry.load && !entry.is_dirty() {
                return Err(format!("'{}' has an entry for nothing", String::from_utf8_lossy(&entry.key)));
            }
            if entry.group != 0 {
                *tied.entry(entry.group).or_default() += usize::from(entry.waiting.is_some());
            }
            dirty_bytes += if entry.is_dirty() { entry.bytes } else { 0 };
            let key = String::from_utf8_lossy(&entry.key);
            let Some(index) = self.catalog.index(*db) else { continue };
            let slot = keyspace.db(index).find(keyspace.hash(&entry.key), &entry.key);
            if entry.is_dirty() && slot.is_some() != entry.exists {
                return Err(format!("'{key}' at {place} is booked as there: {}", entry.exists));
            }
            if slot.is_some_and(|slot| keyspace.db(index).get(slot).is_clean()) && entry.is_dirty() {
                return Err(format!("'{key}' is clean and dirty"));
            }
        }
        if !tied.iter().map(|(number, waiting)| (*number, *waiting)).eq(self.ties.iter()) {
            return Err(format!("ties are {tied:?}, booked {:?}", self.ties));
        }
        if loading != self.loading {
            return Err(format!("{loading} keys are loaded, booked {}", self.loading));
        }
        let mut bytes = 0;
        for (index, database) in keyspace.iter() {
            let space = spaces.entry(self.catalog.of(index)).or_default();
            for record in database.iter() {
                space.bytes += record.memory() + RECORD_OVERHEAD;
                let at = self.at(index, record.key());
                let known = self.keys.get(at, record.key()).is_some_and(super::keys::Entry::is_dirty);
                if !known && !record.is_clean() {
                    let key = String::from_utf8_lossy(record.key());
                    return Err(format!("'{key}' differs from the store, and nobody knows"));
                }
            }
            bytes += space.bytes;
        }
        let booked = (self.bytes(), self.dirty_keys(), self.booked_dirty_bytes());
        if booked != (bytes, dirty, dirty_bytes) {
            return Err(format!(
                "bytes, dirty keys and dirty bytes are {:?}, booked {booked:?}",
                (bytes, dirty, dirty_bytes)
            ));
        }
        for index in 0..keyspace.count() {
            let db = self.catalog.of(index);
            let (is, booked) = (spaces.get(&db).copied().unwrap_or_default(), self.space(db));
            if (is.delta, is.unknown, is.bytes) != (booked.delta, booked.unknown, booked.bytes) {
                return Err(format!("database {index} is {is:?}, booked {booked:?}"));
            }
        }
        Ok(())
    }
}

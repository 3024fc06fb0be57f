//! Which of the store's databases are those that clients select.
//!
//! FLUSHDB gives a number a database of the store that was never used, SWAPDB exchanges two; both are one record. A database
//! that was flushed is doomed: it is cleared when there is time, and again after a start that finds it doomed still.

use super::cache::Cache;
use crate::words::codec::Reader;
use alloc::vec::Vec;

/// The database of the store that the catalog lies in.
pub const DATABASE: u32 = u32::MAX;
/// Its key.
pub const KEY: &[u8] = b"catalog";
const VERSION: u8 = 1;

/// The catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The store's databases by the numbers that clients select.
    map: Vec<u32>,
    /// The first number that was never used.
    next: u32,
    /// Databases that are to be cleared.
    doomed: Vec<u32>,
}

impl Catalog {
    /// The catalog of a new store.
    pub fn new(databases: usize) -> Self {
        Self { map: (0..databases as u32).collect(), next: databases as u32, doomed: Vec::new() }
    }

    /// The store's database that clients know by this number.
    #[inline]
    pub fn of(&self, index: usize) -> u32 {
        self.map[index]
    }

    /// The store's databases from this number on, as far as the catalog has any.
    pub fn from(&self, index: usize) -> &[u32] {
        self.map.get(index..).unwrap_or_default()
    }

    /// The number by which clients know the store's database; `None`: it was flushed.
    #[inline]
    pub fn index(&self, db: u32) -> Option<usize> {
        if self.map.get(db as usize) == Some(&db) {
            return Some(db as usize);
        }
        self.map.iter().position(|known| *known == db)
    }

    /// A number for a database that was never used.
    pub fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// Gives clients another database under this number; the one that they had is doomed.
    pub fn replace(&mut self, index: usize, db: u32) -> u32 {
        let old = core::mem::replace(&mut self.map[index], db);
        self.doomed.push(old);
        old
    }

    /// The store has keys under this number: it is given to no database that is to be empty.
    pub fn note_used(&mut self, db: u32) {
        if db != DATABASE {
            self.next = self.next.max(db.saturating_add(1));
        }
    }

    /// The number by which clients would know a database of the store that was written to under a catalog that was not saved, as one
    /// of more databases is not until something is flushed.
    fn beyond(&self, db: u32) -> Option<usize> {
        (db != DATABASE && db >= self.next).then(|| self.map.len() + (db - self.next) as usize)
    }

    /// Whether the number was given to a database that clients no longer select.
    pub fn is_dropped(&self, db: u32) -> bool {
        db < self.next && self.index(db).is_none()
    }

    /// Whether the number was given to a database that is of no use any more.
    fn has_forgotten(&self, db: u32) -> bool {
        self.is_dropped(db) && !self.doomed.contains(&db)
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.map.swap(a, b);
    }

    /// Databases that are to be cleared.
    pub fn doomed(&self) -> &[u32] {
        &self.doomed
    }

    /// A database is of no use.
    pub fn doom(&mut self, db: u32) {
        self.doomed.push(db);
    }

    /// A doomed database was cleared.
    pub fn cleared(&mut self, db: u32) {
        self.doomed.retain(|doomed| *doomed != db);
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::from([VERSION]);
        let lists = [&self.map, &self.doomed];
        out.extend_from_slice(&self.next.to_le_bytes());
        for list in lists {
            out.extend_from_slice(&(list.len() as u32).to_le_bytes());
            list.iter().for_each(|db| out.extend_from_slice(&db.to_le_bytes()));
        }
        out
    }

    /// From its bytes, for as many databases as there are now; `None` where they are not a catalog.
    pub fn decode(bytes: &[u8], databases: usize) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let number = |reader: &mut Reader<'_>| {
            let word = reader.take(4).ok()?;
            Some(u32::from_le_bytes(word.try_into().ok()?))
        };
        if reader.take(1).ok()? != [VERSION] {
            return None;
        }
        let mut next = number(&mut reader)?;
        let mut lists = [Vec::new(), Vec::new()];
        for list in &mut lists {
            for _ in 0..number(&mut reader)? {
                list.push(number(&mut reader)?);
            }
        }
        let [mut map, doomed] = lists;
        while map.len() < databases {
            map.push(next);
            next += 1;
        }
        Some(Self { map, next, doomed })
    }
}

impl Cache {
    fn databases_in_use(&self) -> impl Iterator<Item = u32> {
        self.spaces.iter().filter(|(_, space)| space.count > 0).map(|(db, _)| *db)
    }

    /// The last database with keys that clients cannot select, as there are only so many.
    pub fn last_beyond(&self, databases: usize) -> Option<usize> {
        let named = self.catalog.from(databases).iter().rposition(|db| self.space(*db).count > 0);
        let unnamed = self.databases_in_use().filter_map(|db| self.catalog.beyond(db)).max();
        named.map(|i| databases + i).max(unnamed)
    }

    /// Dooms databases again that were cleared, and in which a crash left keys: a store that makes its last changes again brings back
    /// those that were not durable before the database was cleared.
    pub fn doom_forgotten(&mut self) {
        let forgotten: Vec<u32> =
            self.databases_in_use().filter(|db| self.catalog.has_forgotten(*db)).collect();
        forgotten.into_iter().for_each(|db| self.catalog.doom(db));
    }
}

#[cfg(test)]
mod tests {
    use super::Catalog;

    #[test]
    fn a_catalog_outlasts_its_bytes() {
        let mut catalog = Catalog::new(4);
        catalog.swap(0, 3);
        let fresh = catalog.fresh();
        assert_eq!((fresh, catalog.replace(1, fresh)), (4, 1));
        assert_eq!((catalog.index(4), catalog.index(1), catalog.index(3)), (Some(1), None, Some(0)));
        let bytes = catalog.encode();
        let mut read = Catalog::decode(&bytes, 6).unwrap();
        assert_eq!((read.of(4), read.of(5), read.doomed()), (5, 6, &[1][..]));
        read.cleared(1);
        assert_eq!(read.doomed(), &[]);
        for end in 0..bytes.len() {
            assert_eq!(Catalog::decode(&bytes[..end], 4), None);
        }
    }
}

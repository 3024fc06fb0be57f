//! The historical store: a file for each key, found by the SHA-1 of its name.
//!
//! ```text
//! path/a9/4a/0_a94a8fe5ccb19ba61c4c0873d391e987982fbbd3
//! ```
//!
//! are the hash's first two pairs of digits, the database's number, and the whole hash. A second key of the same hash has
//! `-1` behind it, a third `-2`: a file holds its key, which tells them apart. [`record`] says what is in a file. A file is
//! written under another name and renamed, so it is there wholly or not at all; changes of several keys go through a
//! [`journal`], which is replayed at the start.

mod folder;
mod journal;
mod record;

use super::{Counts, Page, Store, Walk, lock};
use crate::options::reason;
use crate::{disk, start};
use folder::{Folder, Keeping, Place};
use nuthatch_core::{StoreEntry, StoreOp, store_record};
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

#[cfg(test)]
pub fn write_journal(path: &Path, number: u64, batch: &[StoreOp]) -> io::Result<()> {
    journal::write(path, number, batch)
}

/// How many keys each database had when the store was last closed; not there while it is open.
const COUNTS: &str = "counts";
/// Where a database is cleared, a step looks into so many folders, or removes so many files: it takes some milliseconds.
const FOLDERS_AT_ONCE: usize = 512;
const FILES_AT_ONCE: usize = 64;

/// Where a key stands in a walk: the beginning of its hash.
pub fn place(key: &[u8]) -> u64 {
    Place::new(0, key).walk_place()
}

/// The store.
pub struct Files {
    folder: Folder,
    counts: Mutex<BTreeMap<u32, u64>>,
    /// Readers of a chain of files with one hash must not see it while its last one is moved.
    chains: RwLock<()>,
    journals: Mutex<Journals>,
    /// Held as long as the store is used.
    _lock: File,
}

/// Journals that are there, by number: from `first` to before `made` those of batches that were made and may not be durable yet,
/// from there to before `next` that of one that a failure interrupted.
#[derive(Debug, Clone, Copy, Default)]
struct Journals {
    first: u64,
    made: u64,
    next: u64,
    /// One of the number `next` may be there too: it could not be written, or could not be made durable, and nothing of it was made.
    /// The next batch's takes its place.
    doubtful: bool,
}

/// Whose a file is.
enum Owner {
    Nobody,
    This,
    Other,
}

impl Files {
    /// Opens the store in this folder: finishes what a crash interrupted, and counts the files if it has to.
    ///
    /// # Errors
    /// Those of the files.
    pub fn open(path: &Path, lock: File) -> io::Result<Self> {
        let folder = Folder::new(path);
        journal::remove_unfinished(path)?;
        let counts = read_counts(&path.join(COUNTS))?;
        let counts = match counts {
            Some(counts) if journal::numbers(path)?.is_empty() => counts,
            _ => folder.count()?,
        };
        let store = Self {
            folder,
            counts: Mutex::new(counts),
            chains: RwLock::default(),
            journals: Mutex::default(),
            _lock: lock,
        };
        store.finish().map_err(|error| {
            let what = format!("{}: changes that a crash interrupted have to be made again; see that the folder can be written to and has room", reason(&error));
            io::Error::new(error.kind(), what)
        })?;
        Ok(store)
    }

    /// Makes the batch that a failure interrupted: its journal must not be made again after the next one's. Those before it were made,
    /// and must not be again, as clients read meanwhile.
    fn make_interrupted(&self) -> io::Result<()> {
        let Journals { made, next, .. } = *self.journals();
        for number in made..next {
            self.make(number)?;
            self.journals().made = number + 1;
        }
        Ok(())
    }

    /// How many keys each database has.
    fn tally(&self) -> MutexGuard<'_, BTreeMap<u32, u64>> {
        lock(&self.counts)
    }

    /// The file of this key, if it has one.
    fn find(&self, db: u32, key: &[u8]) -> io::Result<Option<(Place, Vec<u8>)>> {
        let mut place = Place::new(db, key);
        while let Some(content) = self.folder.read(&place)? {
            // A damaged file belongs to the key whose hash it has, so that it is told and not lost.
            match record::key(&content) {
                Some(found) if found != key && is_of_another(&place, found, &content) => place.number += 1,
                _ => return Ok(Some((place, content))),
            }
        }
        Ok(None)
    }

    fn put(&self, db: u32, key: &[u8], bytes: &[u8], keeping: Keeping) -> io::Result<bool> {
        let content = record::content(key, bytes)
            .ok_or_else(|| io::Error::other("the record is shorter than any that this store can keep"))?;
        let mut place = Place::new(db, key);
        loop {
            match self.owner(&place, key)? {
                Owner::Nobody => break,
                Owner::This => {
                    self.folder.write(&place, &content, keeping)?;
                    return Ok(false);
                }
                Owner::Other => place.number += 1,
            }
        }
        self.folder.write(&place, &content, keeping)?;
        Ok(true)
    }

    /// Whose file lies there, seen from this key.
    fn owner(&self, place: &Place, key: &[u8]) -> io::Result<Owner> {
        let Some(begin) = self.folder.begin(place, record::longest_head(key))? else {
            return Ok(Owner::Nobody);
        };
        if record::key(&begin) == Some(key) {
            return Ok(Owner::This);
        }
        // A longer key's head is not whole in those bytes.
        let Some(content) = self.folder.read(place)? else { return Ok(Owner::Nobody) };
        let is_another =
            record::key(&content).is_some_and(|found| found != key && is_of_another(place, found, &content));
        Ok(if is_another { Owner::Other } else { Owner::This })
    }

    fn delete(&self, db: u32, key: &[u8]) -> io::Result<bool> {
        let Some((place, _)) = self.find(db, key)? else { return Ok(false) };
        let mut last = place.clone();
        while self.folder.exists(&last.next())? {
            last.number += 1;
        }
        let _alone = self.chains.write().unwrap_or_else(PoisonError::into_inner);
        if last.number == place.number {
            self.folder.remove(&place)?;
        } else {
            self.folder.rename(&last, &place)?;
        }
        Ok(true)
    }

    fn journals(&self) -> MutexGuard<'_, Journals> {
        lock(&self.journals)
    }

    /// Makes the changes of all journals that a crash left.
    fn finish(&self) -> io::Result<()> {
        let numbers = journal::numbers(self.folder.path())?;
        let (Some(&first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(()) };
        numbers.iter().try_for_each(|number| self.make(*number))?;
        *self.journals() = Journals { first, made: last + 1, next: last + 1, doubtful: false };
        self.sync()
    }

    /// Makes the changes of a journal.
    fn make(&self, number: u64) -> io::Result<()> {
        if let Some(batch) = journal::read(self.folder.path(), number)? {
            self.apply(&batch, Keeping::ByJournal)?;
        }
        Ok(())
    }

    /// Makes these changes, one after another; made twice they are as made once.
    fn apply(&self, batch: &[StoreOp], keeping: Keeping) -> io::Result<Counts> {
        let mut changed = BTreeMap::new();
        for op in batch {
            let (db, by) = match op {
                StoreOp::Put { db, key, record } => (*db, i64::from(self.put(*db, key, record, keeping)?)),
                StoreOp::Delete { db, key } => (*db, -i64::from(self.delete(*db, key)?)),
            };
            let mut counts = self.tally();
            let count = counts.entry(db).or_default();
            *count = count.saturating_add_signed(by);
            changed.insert(db, *count);
        }
        Ok(changed.into_iter().collect())
    }
}

/// Whether the key that is in a file is not just another one damaged: it has the place's hash, or the record is whole.
fn is_of_another(place: &Place, found: &[u8], content: &[u8]) -> bool {
    let is_whole =
        || record::parts(content).is_some_and(|(key, record)| store_record::open(&key, &record).is_ok());
    place.is_of(found) || is_whole()
}

impl Store for Files {
    fn counts(&self) -> io::Result<Counts> {
        let counts = self.tally();
        Ok(counts.iter().filter(|(_, count)| **count > 0).map(|(db, count)| (*db, *count)).collect())
    }

    fn get(&self, db: u32, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let _still = self.chains.read().unwrap_or_else(PoisonError::into_inner);
        let Some((_, content)) = self.find(db, key)? else { return Ok(None) };
        let (_, record) = record::parts(&content).ok_or_else(record::damaged)?;
        Ok(Some(record))
    }

    fn write(&self, batch: &[StoreOp], durable: bool) -> io::Result<Counts> {
        self.make_interrupted()?;
        let Journals { first, next, doubtful, .. } = *self.journals();
        // One change that is made durable at once is there wholly or not at all; unless a journal of before is made again on top of it.
        if durable && batch.len() == 1 && first == next && !doubtful {
            let counts = self.apply(batch, Keeping::BySync)?;
            self.folder.sync()?;
            return Ok(counts);
        }
        self.journals().doubtful = true;
        journal::write(self.folder.path(), next, batch)?;
        {
            let mut journals = self.journals();
            (journals.next, journals.doubtful) = (next + 1, false);
        }
        let counts = self.apply(batch, Keeping::ByJournal)?;
        self.journals().made = next + 1;
        if durable {
            self.sync()?;
        }
        Ok(counts)
    }

    fn sync(&self) -> io::Result<()> {
        let made = self.journals().made;
        self.folder.sync()?;
        let mut journals = self.journals();
        while journals.first < made {
            journal::remove(self.folder.path(), journals.first)?;
            journals.first += 1;
        }
        Ok(())
    }

    fn scan(&self, walk: Walk) -> io::Result<Page> {
        // The folders of all databases are the same ones, and many: one without keys is not looked for in them.
        if self.tally().get(&walk.db).is_none_or(|count| *count == 0) {
            return Ok((Vec::new(), None));
        }
        let _still = self.chains.read().unwrap_or_else(PoisonError::into_inner);
        let mut entries: Vec<StoreEntry> = Vec::new();
        let mut last = 0;
        let mut pair = (walk.from >> 48) as u16;
        loop {
            for place in self.folder.list(walk.db, pair)? {
                let at = place.walk_place();
                if at < walk.from {
                    continue;
                }
                if entries.len() >= walk.limit && at != last {
                    return Ok((entries, Some(at)));
                }
                // One that has been removed meanwhile is left out.
                let Some(content) = self.folder.read(&place)? else { continue };
                let parts = record::parts(&content).filter(|(key, _)| place.is_of(key));
                let Some((key, mut record)) = parts else {
                    // Nothing tells whose it is. A walk that copies records is a backup, which lacks none in silence.
                    if walk.record_bytes > store_record::HEAD {
                        return Err(io::Error::other(self.folder.damage(&place)));
                    }
                    self.folder.warn(&place);
                    continue;
                };
                record.truncate(walk.record_bytes);
                last = at;
                entries.push(StoreEntry { key, record });
            }
            let Some(next) = self.folder.next_pair(pair)? else { return Ok((entries, None)) };
            pair = next;
        }
    }

    fn clear(&self, db: u32, from: u64) -> io::Result<Option<u64>> {
        // Made later, its keys would be there again.
        if from == 0 {
            self.make_interrupted()?;
        }
        let mut pair = (from >> 48) as u16;
        let (mut folders, mut files) = (0, 0);
        loop {
            for place in self.folder.list(db, pair)? {
                self.folder.remove(&place)?;
                files += 1;
            }
            folders += 1;
            let Some(next) = self.folder.next_pair(pair)? else { break };
            pair = next;
            if folders >= FOLDERS_AT_ONCE || files >= FILES_AT_ONCE {
                return Ok(Some(u64::from(pair) << 48));
            }
        }
        self.tally().remove(&db);
        Ok(None)
    }
}

impl Drop for Files {
    /// Leaves the counts for the next start; without them it counts for itself.
    fn drop(&mut self) {
        let mut text = String::new();
        for (db, count) in self.tally().iter() {
            text.push_str(&format!("{db} {count}\n"));
        }
        text.push_str(&check_of(&text));
        let path = self.folder.path();
        if self.sync().is_ok() && journal::numbers(path).is_ok_and(|left| left.is_empty()) {
            let _ = start::replace_file(&path.join(COUNTS), text.as_bytes());
        }
    }
}

/// The last line of the counts: what tells whether those before it are as they were written.
fn check_of(lines: &str) -> String {
    format!("sha1 {:x}\n", Sha1::digest(lines))
}

/// The counts that the last one left, unless they are damaged; they are removed, for they hold only until something changes.
fn read_counts(path: &Path) -> io::Result<Option<BTreeMap<u32, u64>>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        outcome => String::from_utf8(outcome?).unwrap_or_default(),
    };
    disk::remove(path)?;
    let Some((lines, check)) = text.rfind("sha1 ").and_then(|at| text.split_at_checked(at)) else {
        return Ok(None);
    };
    if check != check_of(lines) {
        return Ok(None);
    }
    let pair = |line: &str| {
        let (db, count) = line.split_once(' ')?;
        Some((db.parse().ok()?, count.parse().ok()?))
    };
    Ok(lines.lines().map(pair).collect())
}

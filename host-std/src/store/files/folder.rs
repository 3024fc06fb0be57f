//! The tree of folders: names, and files under them.

use crate::store::lock;
use crate::{disk, log};
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A file that is being written; only one thread writes.
const UNFINISHED: &str = "record.new";
const HASH: usize = 20;
/// The log names so many damaged files.
const MOST_WARNED: usize = 1000;

/// Where a key's file lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    hash: [u8; HASH],
    /// Which of the keys of this hash.
    pub number: u32,
    db: u32,
}

/// The hash that names a key's file.
pub fn hash_of(key: &[u8]) -> [u8; HASH] {
    // Two texts of one hash are known, but they are long: tests take these for some.
    #[cfg(test)]
    let key = if key.starts_with(b"one hash ") { b"one hash" } else { key };
    Sha1::digest(key).into()
}

impl Place {
    /// Where a key lies if no other key has its hash.
    pub fn new(db: u32, key: &[u8]) -> Self {
        Self { hash: hash_of(key), number: 0, db }
    }

    /// The next key's of the same hash.
    pub fn next(&self) -> Self {
        Self { number: self.number + 1, ..self.clone() }
    }

    /// Whether a key lies here, or at another number.
    pub fn is_of(&self, key: &[u8]) -> bool {
        self.hash == hash_of(key)
    }

    /// The key's place in a walk.
    pub fn walk_place(&self) -> u64 {
        self.hash[..8].iter().fold(0, |place, byte| place << 8 | u64::from(*byte))
    }

    fn pair(&self) -> u16 {
        u16::from_be_bytes([self.hash[0], self.hash[1]])
    }

    fn name(&self) -> String {
        let mut name = format!("{}_", self.db);
        for byte in self.hash {
            name.push_str(&format!("{byte:02x}"));
        }
        if self.number > 0 {
            name.push_str(&format!("-{}", self.number));
        }
        name
    }

    /// The place that a file's name tells.
    fn from_name(name: &str) -> Option<Self> {
        let (db, rest) = name.split_once('_')?;
        let (digits, number) = match rest.split_once('-') {
            Some((digits, number)) => (digits, number.parse().ok()?),
            None => (rest, 0),
        };
        let mut hash = [0; HASH];
        if digits.len() != HASH * 2 {
            return None;
        }
        for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self { hash, number, db: db.parse().ok()? })
    }
}

/// Why a power cut cannot take what the file was before along with what it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// A journal has what it becomes.
    ByJournal,
    /// Its content is durable before it gets its name.
    BySync,
}

/// The store's folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Damaged files that the log has named.
    warned: Mutex<BTreeSet<PathBuf>>,
}

fn pair_path(root: &Path, pair: u16) -> PathBuf {
    let [first, second] = pair.to_be_bytes();
    root.join(format!("{first:02x}")).join(format!("{second:02x}"))
}

/// Nothing where there is none of that name.
pub fn if_there<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Folder {
    /// The tree under this folder.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), warned: Mutex::default() }
    }

    /// The folder at the top.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn path_of(&self, place: &Place) -> PathBuf {
        pair_path(&self.path, place.pair()).join(place.name())
    }

    /// The whole file, if there is one.
    pub fn read(&self, place: &Place) -> io::Result<Option<Vec<u8>>> {
        if_there(fs::read(self.path_of(place)))
    }

    /// The first bytes of the file, if there is one.
    pub fn begin(&self, place: &Place, most: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = if_there(File::open(self.path_of(place)))? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Logs that a walk leaves this file out.
    pub fn warn(&self, place: &Place) {
        // Walks come by again and again.
        let mut warned = lock(&self.warned);
        if warned.len() < MOST_WARNED && warned.insert(self.path_of(place)) {
            log::warning(&format!("{}; it is left out until then", self.damage(place)));
        }
    }

    /// What is wrong with a file that has no key's record.
    pub fn damage(&self, place: &Place) -> String {
        format!(
            "The record in '{}' is damaged, or of another key than that whose name the file has: remove the file, or bring it back from a copy",
            self.path_of(place).display()
        )
    }

    /// Whether there is a file.
    pub fn exists(&self, place: &Place) -> io::Result<bool> {
        fs::exists(self.path_of(place))
    }

    /// Puts the file there, whole or not at all.
    pub fn write(&self, place: &Place, content: &[u8], keeping: Keeping) -> io::Result<()> {
        let new = self.path.join(UNFINISHED);
        let mut file = disk::create(&new)?;
        disk::write(&mut file, content)?;
        if keeping == Keeping::BySync {
            disk::sync(&file)?;
        }
        let path = self.path_of(place);
        match disk::rename(&new, &path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                disk::make_folders(&pair_path(&self.path, place.pair()))?;
                disk::rename(&new, &path)
            }
            outcome => outcome,
        }
    }

    /// Removes the file if it is there.
    pub fn remove(&self, place: &Place) -> io::Result<()> {
        if_there(disk::remove(&self.path_of(place))).map(drop)
    }

    /// Puts the file `from` in the place of `to`.
    pub fn rename(&self, from: &Place, to: &Place) -> io::Result<()> {
        disk::rename(&self.path_of(from), &self.path_of(to))
    }

    /// Makes everything durable that was written.
    pub fn sync(&self) -> io::Result<()> {
        disk::sync_all(&self.path)
    }

    /// The files of a database in one folder, in the walk's order.
    pub fn list(&self, db: u32, pair: u16) -> io::Result<Vec<Place>> {
        let mut places = self.places(pair)?;
        places.retain(|place| place.db == db);
        places.sort_unstable();
        Ok(places)
    }

    fn places(&self, pair: u16) -> io::Result<Vec<Place>> {
        let Some(entries) = if_there(fs::read_dir(pair_path(&self.path, pair)))? else {
            return Ok(Vec::new());
        };
        let mut places = Vec::new();
        for entry in entries {
            places.extend(entry?.file_name().to_str().and_then(Place::from_name));
        }
        Ok(places)
    }

    /// The next folder in which there may be files.
    ///
    /// # Errors
    /// Those of looking for it.
    pub fn next_pair(&self, pair: u16) -> io::Result<Option<u16>> {
        let Some(next) = pair.checked_add(1) else { return Ok(None) };
        if !next.is_multiple_of(256) {
            return Ok(Some(next));
        }
        for first in next >> 8..256 {
            if fs::exists(self.path.join(format!("{first:02x}")))? {
                return Ok(Some(first << 8));
            }
        }
        Ok(None)
    }

    /// Counts the files of each database, and removes one that was never finished.
    pub fn count(&self) -> io::Result<BTreeMap<u32, u64>> {
        if_there(disk::remove(&self.path.join(UNFINISHED)))?;
        let mut counts = BTreeMap::new();
        let mut pair = Some(0);
        while let Some(number) = pair {
            for place in self.places(number)? {
                *counts.entry(place.db).or_default() += 1;
            }
            pair = self.next_pair(number)?;
        }
        Ok(counts)
    }
}

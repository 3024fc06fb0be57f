//! fjall's journals, looked through before it opens them. It ends one without a word where it cannot read on, so that a damaged byte
//! took every later write with it, and refuses a checksum that is wrong, which a power cut leaves behind where pages of one
//! write reached the disk and others did not. Here the first is refused, and the second is the journal's end.
//!
//! A journal is a row of batches and then zeros: a start (1, u32 items, u64 number), items (2, a type, a compression, u64 tree, u16, u32
//! and u32 bytes of key, value, and value as stored, both), clears (4, u64 tree), an end (3, XXH3 of what lies between, `FJL\3`).

use crate::log;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// How the names of fjall's journals end.
pub const EXTENSION: &str = "jnl";
/// A folder with this file is a store whose first journal was made before it. It holds [`MAGIC`].
pub const VERSION: &str = "version";
const FIRST: &str = "0.jnl";
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const MAGIC: [u8; 4] = *b"FJL\x03";
/// What a file system writes at once.
const PAGE: u64 = 4096;

/// Cuts off the last journal's end where it was not written wholly; whether anything was ever written to the store.
///
/// # Errors
/// Those of the files; a journal is missing or damaged.
pub fn mend(folder: &Path) -> io::Result<bool> {
    let journals = journals(folder)?;
    let Some((last, sealed)) = journals.split_last() else {
        return if folder.join(VERSION).exists() {
            Err(unusable("its journal is missing"))
        } else {
            Ok(false)
        };
    };
    for path in sealed {
        let journal = Journal::open(path)?;
        if journal.rest.is_some() {
            return Err(journal.damaged(path));
        }
    }
    let journal = Journal::open(last)?;
    // A journal that is full is removed once all of it is in files, but its successor has a higher number.
    let is_first = last.file_name().is_some_and(|name| name == FIRST);
    let is_written = !is_first || !sealed.is_empty() || journal.whole > 0;
    match &journal.rest {
        None => Ok(is_written),
        Some(rest) if rest.is_cut_short() => {
            let file = File::options().write(true).open(last)?;
            file.set_len(journal.whole)?;
            file.sync_all()?;
            log::warning(&format!(
                "The last {} bytes of the journal '{}' are of a write that was cut short, and are dropped",
                rest.end - journal.whole,
                last.display()
            ));
            Ok(is_written)
        }
        Some(_) => Err(journal.damaged(last)),
    }
}

/// Removes what a kill left of a store that was being made: fjall makes its first journal and then the file `version`, and takes
/// neither where the second is not whole.
///
/// # Errors
/// Those of the files.
pub fn begin_anew(folder: &Path) -> io::Result<()> {
    let version = folder.join(VERSION);
    if version.try_exists()? {
        if fs::read(&version)? == MAGIC {
            return Ok(());
        }
        // Before the journal: a version without one is a journal that is missing.
        fs::remove_file(version)?;
        File::open(folder)?.sync_all()?;
    }
    let first = folder.join(FIRST);
    if first.try_exists()? { fs::remove_file(first) } else { Ok(()) }
}

/// In the order in which they were written.
fn journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number =
            path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|end| end == EXTENSION)) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The error of a store whose files cannot be used as they are.
pub fn unusable(what: &str) -> io::Error {
    io::Error::other(format!(
        "{what}; bring the folder back from a copy, or set diskstore-path to a new one and load a snapshot there with 'nuthatch import'"
    ))
}

/// A journal that was looked through.
struct Journal {
    /// Bytes of the batches that are whole.
    whole: u64,
    /// What lies behind them.
    rest: Option<Rest>,
}

/// What is no whole batch.
struct Rest {
    /// Where zeros begin.
    end: u64,
    /// Where zeros lie before that, to a page's end: that page, or its last version, never reached the disk.
    hole: Option<u64>,
    /// Where the first whole batch begins again, or the last one that is not whole has its end.
    goes_on: Option<u64>,
}

impl Rest {
    /// Whether the write never came to its end, in place of having been whole once.
    fn is_cut_short(&self) -> bool {
        self.goes_on.is_none_or(|there| self.hole.is_some_and(|hole| hole < there))
    }
}

impl Journal {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut batches = Batches { file: BufReader::with_capacity(64 << 10, file), at: 0, len };
        let mut whole = 0;
        while batches.next()? {
            whole = batches.at;
        }
        Ok(Self { whole, rest: batches.rest(whole)? })
    }

    fn damaged(&self, path: &Path) -> io::Error {
        unusable(&format!("its journal '{}' is damaged behind byte {}", path.display(), self.whole))
    }
}

/// Reads a journal batch by batch.
struct Batches {
    file: BufReader<File>,
    at: u64,
    len: u64,
}

impl Batches {
    /// Reads a batch; false: what lies here is none, or its checksum is wrong.
    fn next(&mut self) -> io::Result<bool> {
        let mut hash = Xxh3::new();
        let Some([START, a, b, c, d, _number @ ..]) = self.take::<13>()? else { return Ok(false) };
        for _ in 0..u32::from_le_bytes([a, b, c, d]) {
            if !self.entry(&mut hash)? {
                return Ok(false);
            }
        }
        let Some([END, sum @ .., m, a, g, i]) = self.take::<13>()? else { return Ok(false) };
        Ok([m, a, g, i] == MAGIC && sum == hash.digest().to_le_bytes())
    }

    fn entry(&mut self, hash: &mut Xxh3) -> io::Result<bool> {
        match self.take::<1>()? {
            Some([CLEAR]) => {
                hash.update(&[CLEAR]);
                self.hashed(8, hash)
            }
            Some([ITEM]) => {
                let Some(head) = self.take::<20>()? else { return Ok(false) };
                hash.update(&[ITEM]);
                hash.update(&head);
                let [.., k, l, _, _, _, _, a, b, c, d] = head;
                let key = u64::from(u16::from_le_bytes([k, l]));
                self.hashed(key + u64::from(u32::from_le_bytes([a, b, c, d])), hash)
            }
            _ => Ok(false),
        }
    }

    fn take<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        if self.len - self.at < N as u64 {
            return Ok(None);
        }
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(Some(bytes))
    }

    fn hashed(&mut self, len: u64, hash: &mut Xxh3) -> io::Result<bool> {
        if self.len - self.at < len {
            return Ok(false);
        }
        let mut left = len;
        while left > 0 {
            let there = self.file.fill_buf()?;
            let now = left.min(there.len() as u64);
            hash.update(&there[..now as usize]);
            self.file.consume(now as usize);
            left -= now;
            if now == 0 {
                return Ok(false);
            }
        }
        self.at += len;
        Ok(true)
    }

    fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.at = at;
        Ok(())
    }

    /// What lies behind the whole batches.
    fn rest(&mut self, whole: u64) -> io::Result<Option<Rest>> {
        self.go_to(whole)?;
        let (mut end, mut empty, mut hole) = (whole, None, None);
        let mut ends = Vec::new();
        let mut page = Vec::new();
        while self.at < self.len {
            let from = self.at;
            let now = (PAGE - from % PAGE).min(self.len - from);
            // The end of one page is looked at with the next: a batch's last bytes may lie across.
            page.drain(..page.len().saturating_sub(MAGIC.len() - 1));
            let before = page.len();
            page.resize(before + now as usize, 0);
            self.file.read_exact(&mut page[before..])?;
            self.at += now;
            if page[before..] == [0; PAGE as usize][..now as usize] {
                // No batch begins with zeros; within one, less than a page of them may be a value's.
                if now == PAGE || from == whole {
                    empty = empty.or(Some(from));
                }
                continue;
            }
            let zeros = page.iter().rev().take_while(|byte| **byte == 0).count();
            end = self.at - zeros as u64;
            hole = hole.or(empty);
            let found = page.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
            ends.extend(found.map(|(at, _)| from - before as u64 + (at + MAGIC.len()) as u64));
        }
        if end == whole {
            return Ok(None);
        }
        let mut goes_on = None;
        for at in ends {
            self.go_to(at)?;
            if at == end || self.next()? {
                goes_on = Some(at);
                break;
            }
        }
        Ok(Some(Rest { end, hole, goes_on }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{BOTH, Scratch};
    use nuthatch_core::StoreOp;

    const KEYS: u8 = 40;

    /// A store with some batches in its journal; where they end.
    fn written() -> (Scratch, PathBuf, Vec<u64>) {
        let folder = Scratch::new();
        let store = BOTH[1](&folder.0).0;
        for n in 0..KEYS {
            let record = vec![n | 1; 100 + usize::from(n) * 400];
            store.write(&[StoreOp::Put { db: 0, key: vec![b'k', n], record }], true).unwrap();
        }
        drop(store);
        let path = journals(&folder.0).unwrap().pop().unwrap();
        let file = File::open(&path).unwrap();
        let len = file.metadata().unwrap().len();
        let mut batches = Batches { file: BufReader::new(file), at: 0, len };
        let mut ends = vec![];
        while batches.next().unwrap() {
            ends.push(batches.at);
        }
        // Fewer zeros do.
        File::options().write(true).open(&path).unwrap().set_len(ends[ends.len() - 1] + 2 * PAGE).unwrap();
        (folder, path, ends)
    }

    fn keys_there(folder: &Scratch) -> usize {
        let store = BOTH[1](&folder.0).0;
        (0..KEYS).filter(|n| store.get(0, &[b'k', *n]).unwrap().is_some()).count()
    }

    fn change(path: &Path, at: u64, change: impl FnOnce(&mut [u8])) {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes[at as usize..]);
        fs::write(path, bytes).unwrap();
    }

    /// A flipped byte in the journal took all that had been written after it, and nothing was said. (In the last four there are it
    /// still looks like a write that was cut short, and the number of a batch has no checksum.)
    #[test]
    fn a_flipped_byte_is_refused_wherever_it_is() {
        let (folder, path, ends) = written();
        let [.., before, last] = ends[..] else { panic!("{ends:?}") };
        let is_number = |at| ends.iter().any(|end| (end + 5..end + 13).contains(&at));
        for at in (0..last).step_by(997).chain([before, before + 1, last - 9]).filter(|at| !is_number(*at)) {
            change(&path, at, |bytes| bytes[0] ^= 0x10);
            let refused = mend(&folder.0).expect_err(&at.to_string()).to_string();
            assert!(refused.contains("0.jnl' is damaged behind byte"), "{at}: {refused}");
            change(&path, at, |bytes| bytes[0] ^= 0x10);
        }
        mend(&folder.0).unwrap();
        assert_eq!(keys_there(&folder), usize::from(KEYS));
    }

    /// A power cut left a write of which pages in the middle were missing: its checksum was wrong, and the store did not start.
    #[test]
    fn a_write_that_was_cut_short_is_the_end() {
        let (folder, path, ends) = written();
        let good = fs::read(&path).unwrap();
        let [.., before, last] = ends[..] else { panic!("{ends:?}") };
        for cut in [before + 1, before + 13, before + 60, last - 13, last - 1] {
            fs::write(&path, &good).unwrap();
            change(&path, cut, |bytes| bytes[..(last - cut) as usize].fill(0));
            mend(&folder.0).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().len(), before, "{cut}");
        }
        fs::write(&path, &good).unwrap();
        change(&path, before.next_multiple_of(PAGE), |bytes| bytes[..PAGE as usize].fill(0));
        mend(&folder.0).unwrap();
        assert_eq!(keys_there(&folder), usize::from(KEYS) - 1);
        // What was synced ended within a page, whose later version was lost while later pages were not.
        let page_end =
            ends.iter().copied().find(|end| end % PAGE != 0 && end.next_multiple_of(PAGE) < last).unwrap();
        fs::write(&path, &good).unwrap();
        change(&path, page_end, |bytes| {
            bytes[..(page_end.next_multiple_of(PAGE) - page_end) as usize].fill(0);
        });
        mend(&folder.0).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), page_end);
    }

    /// A page of zeros in some later value made damage before it look like a write that was cut short: all behind it was dropped.
    #[test]
    fn zeros_behind_the_damage_do_not_excuse_it() {
        let (folder, path, _) = written();
        let store = BOTH[1](&folder.0).0;
        store
            .write(&[StoreOp::Put { db: 0, key: b"zeros".to_vec(), record: vec![0; 12_000] }], true)
            .unwrap();
        drop(store);
        change(&path, 100, |bytes| bytes[0] ^= 0x10);
        assert!(mend(&folder.0).is_err());
    }

    #[test]
    fn a_missing_journal_is_told() {
        let (folder, path, _) = written();
        fs::remove_file(path).unwrap();
        assert!(mend(&folder.0).unwrap_err().to_string().contains("its journal is missing"));
    }
}

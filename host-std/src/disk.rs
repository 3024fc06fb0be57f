//! The calls that change files whose content a crash must not undo or tear. Tests let each of them fail.

use rustix::fs::syncfs;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Makes an empty file, or empties the one that is there.
pub fn create(path: &Path) -> io::Result<File> {
    attempt()?;
    File::create(path)
}

/// Writes all of it.
pub fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    attempt()?;
    file.write_all(bytes)
}

/// Makes a file's content durable.
pub fn sync(file: &File) -> io::Result<()> {
    attempt()?;
    if is_trial() { Ok(()) } else { file.sync_all() }
}

/// Makes the names in a folder durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    sync(&File::open(path)?)
}

/// Makes everything durable that was written to the file system of a folder: one call for any number of files.
pub fn sync_all(path: &Path) -> io::Result<()> {
    attempt()?;
    if is_trial() { Ok(()) } else { syncfs(File::open(path)?).map_err(io::Error::from) }
}

/// Gives a file another name, which may be that of one that is there.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    attempt()?;
    fs::rename(from, to)
}

/// Removes a file.
pub fn remove(path: &Path) -> io::Result<()> {
    attempt()?;
    fs::remove_file(path)
}

/// Makes a folder, and those above it.
pub fn make_folders(path: &Path) -> io::Result<()> {
    attempt()?;
    fs::create_dir_all(path)
}

#[cfg(not(test))]
fn attempt() -> io::Result<()> {
    Ok(())
}

#[cfg(not(test))]
fn is_trial() -> bool {
    false
}

#[cfg(test)]
use faults::{attempt, is_trial};

/// Failures on demand, for each thread by itself.
#[cfg(test)]
pub mod faults {
    use std::cell::Cell;
    use std::io;
    use std::ops::Range;

    thread_local! {
        static CALLS: Cell<usize> = const { Cell::new(0) };
        static FAIL: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    }

    /// From now on the calls of these numbers fail, counted from 0; and nothing is made durable, as that is slow, and only a power cut
    /// could tell.
    pub fn begin(fail: Range<usize>) {
        CALLS.set(0);
        FAIL.set(Some((fail.start, fail.end)));
    }

    /// Nothing fails any more; tells how many calls there were.
    pub fn end() -> usize {
        FAIL.set(None);
        CALLS.get()
    }

    pub(super) fn is_trial() -> bool {
        FAIL.get().is_some()
    }

    pub(super) fn attempt() -> io::Result<()> {
        let Some((from, to)) = FAIL.get() else { return Ok(()) };
        let call = CALLS.get();
        CALLS.set(call + 1);
        if (from..to).contains(&call) { Err(io::Error::other("a call that fails")) } else { Ok(()) }
    }
}

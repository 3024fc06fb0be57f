//! Whose folder it is: a store is used by one process, and by a program that knows its layout.

use crate::options::reason;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The file that says what the folder holds.
const MARK: &str = "nuthatch.store";
/// The layout's version. A program refuses those that it does not know.
const VERSION: &str = "2";
const ENGINES: [&str; 2] = ["default", "files"];

/// A line for the operator about this folder.
pub fn told(path: &Path, error: &io::Error) -> String {
    line(path, &reason(error))
}

fn line(path: &Path, what: &str) -> String {
    format!("Can't use the diskstore in '{}': {what}", path.display())
}

fn content(engine: &str) -> String {
    format!("nuthatch diskstore\nversion {VERSION}\nengine {engine}\n")
}

/// Makes the folder a store of this engine, or finds that it is one; it is locked as long as the file given is open.
///
/// # Errors
/// One line that says where, what is wrong and what to do.
pub fn claim(path: &Path, engine: &str) -> Result<File, String> {
    let here = |error: io::Error| told(path, &error);
    if path.as_os_str().is_empty() || path.exists() && !path.is_dir() {
        return Err(line(path, "diskstore-path has to be a folder, one that is there or a new one"));
    }
    fs::create_dir_all(path).map_err(here)?;
    let folder = File::open(path).map_err(here)?;
    flock(&folder, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        line(path, "another process uses it; stop that one, or give each server its own diskstore-path")
    })?;
    let text = match fs::read(path.join(MARK)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if !is_new(path).map_err(here)? {
                let what = format!(
                    "the folder is not empty and has no file {MARK}, so it is no store of Nuthatch's; set \
                     diskstore-path to a new folder"
                );
                return Err(line(path, &what));
            }
            make(path, engine).map_err(here)?;
            return Ok(folder);
        }
        outcome => outcome.map_err(here)?,
    };
    check(path, &String::from_utf8_lossy(&text), engine)?;
    Ok(folder)
}

/// Whether there is nothing in it but what a crash at its first use left.
fn is_new(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        if entry?.file_name() != unfinished().as_str() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unfinished() -> String {
    format!("{MARK}.new")
}

/// The mark comes whole or not at all: a crash must not leave a folder that is nobody's.
fn make(path: &Path, engine: &str) -> io::Result<()> {
    let new = path.join(unfinished());
    fs::write(&new, content(engine))?;
    File::open(&new)?.sync_all()?;
    fs::rename(&new, path.join(MARK))?;
    File::open(path)?.sync_all()
}

fn check(path: &Path, text: &str, engine: &str) -> Result<(), String> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let damaged =
        || Err(line(path, &format!("its file {MARK} is damaged; bring it back from a copy of the folder")));
    let Some(version) = field("version") else { return damaged() };
    let other = field("engine").unwrap_or("(none)");
    if version != VERSION {
        return Err(line(
            path,
            &format!(
                "its version is {version}, this program knows version {VERSION}; start the program that wrote it, save \
                 an RDB there and import it here with 'nuthatch import'"
            ),
        ));
    }
    if !ENGINES.contains(&other) {
        return damaged();
    }
    if other != engine {
        return Err(line(
            path,
            &format!(
                "it was made with diskstore-engine {other}; set that, or set diskstore-path to a new folder for \
                 diskstore-engine {engine}"
            ),
        ));
    }
    Ok(())
}

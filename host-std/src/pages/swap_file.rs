//! The swap file: opened, locked, emptied.

use crate::log;
use crate::options::reason;
use nuthatch_core::Config;
use rustix::fs::{Advice, FlockOperation, fadvise, flock, fstatvfs};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::thread;

/// A disk with less room than this is no page device.
const LEAST_ROOM: u64 = 1 << 20;

/// An old swap file of so many bytes is replaced; a smaller one is cut off.
const LARGE: u64 = 1 << 20;

/// What the room that a file takes is counted in.
const BLOCK: u64 = 512;

/// A swap file whose place another took.
#[derive(Debug)]
pub struct OldFile(File);

impl OldFile {
    /// Has a thread let go of what it holds. That keeps a processor busy for a tenth of a second with half a gigabyte, so it is for
    /// when the dataset has been loaded. Without a thread it goes here.
    pub fn let_go(self) {
        let _ = thread::Builder::new().name("old swap file".into()).spawn(move || drop(self.0));
    }
}

/// Opens the swap file, empty, and locks it against a second server. What an older server left there is of no use: values
/// are found by keys in memory.
///
/// # Errors
/// One line that names the file, what is wrong, and what to do.
pub fn open(config: &Config) -> Result<(File, Option<OldFile>), String> {
    let path = Path::new(OsStr::from_bytes(&config.vm_swap_file));
    let named = |what: &str| format!("Can't use the swap file '{}': {what}", path.display());
    let elsewhere =
        |what: &str| named(&format!("{what}; set vm-swap-file to another path, or vm-enabled no"));
    let failed = |error: io::Error| elsewhere(&reason(&error));
    if path.is_dir() {
        return Err(elsewhere("it is a directory"));
    }
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(elsewhere("it is not a regular file"));
    }
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| named("another server has it locked; give each server its own vm-swap-file"))?;
    if let Some(what) = foreign(&file) {
        return Err(elsewhere(&format!("it holds {what}, which would be lost")));
    }
    check_room(config, &file).map_err(|what| named(&what))?;
    let (file, old) = emptied(path, file).map_err(failed)?;
    // What lies beside a value belongs to others. Where the system takes no advice, it reads too much.
    let _ = fadvise(&file, 0, None, Advice::Random);
    Ok((file, old))
}

/// What a file holds that no server has paged out, as far as its first bytes tell. A value's frame begins with a checksum.
fn foreign(file: &File) -> Option<&'static str> {
    let mut head = [0; 64];
    let read = file.read_at(&mut head, 0).unwrap_or(0);
    let head = &head[..read];
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    match head {
        [b'R', b'E', b'D', b'I', b'S', ..] => Some("a snapshot"),
        [_, ..] if head.iter().all(is_text) => Some("text"),
        _ => None,
    }
}

/// The file without what it held. To cut off what is still on its way to the disk takes until it is there, seconds for a large
/// file, so a new one takes its place, and a thread lets go of the old one later. On a disk where both together may not find room, or
/// in a folder that takes no new file, it is cut off all the same.
fn emptied(path: &Path, old: File) -> io::Result<(File, Option<OldFile>)> {
    let size = old.metadata()?.len();
    let has_room = free_bytes(&old).is_some_and(|free| free / 2 >= size);
    if size >= LARGE
        && has_room
        && let Ok(new) = replace(path, &old)
    {
        return Ok((new, Some(OldFile(old))));
    }
    old.set_len(0)?;
    Ok((old, None))
}

/// Puts an empty file, locked, in the place of the old one.
fn replace(path: &Path, old: &File) -> io::Result<File> {
    // The name may be a link to another disk.
    let path = path.canonicalize()?;
    let mut beside = path.clone().into_os_string();
    beside.push(".new");
    let new = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&beside)?;
    let replaced = flock(&new, FlockOperation::NonBlockingLockExclusive)
        .map_err(io::Error::from)
        .and_then(|()| new.set_permissions(old.metadata()?.permissions()))
        .and_then(|()| fs::rename(&beside, &path));
    if replaced.is_err() {
        let _ = fs::remove_file(&beside);
    }
    replaced.map(|()| new)
}

fn free_bytes(file: &File) -> Option<u64> {
    let disk = fstatvfs(file).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether the disk has room for the pages that were asked for. By default more are allowed than most disks have room for,
/// and the file takes what it needs. What it holds already counts as room, for that is let go of.
fn check_room(config: &Config, file: &File) -> Result<(), String> {
    let Some(free) = free_bytes(file) else { return Ok(()) };
    let own = file.metadata().map_or(0, |found| found.blocks() * BLOCK);
    let free = free.saturating_add(own);
    let size = |config: &Config| config.vm_pages.saturating_mul(config.vm_page_size).cast_unsigned();
    let (wanted, default) = (size(config), size(&Config::default()));
    if free >= wanted {
        return Ok(());
    }
    // Who did not ask for virtual memory is not kept from the data by a full disk: values stay in memory.
    if wanted == default && (free >= LEAST_ROOM || !config.vm_given) {
        log::notice(&format!(
            "The disk of the swap file has room for {free} bytes, which is less than the {wanted} of vm-pages: when it is full, values stay in memory"
        ));
        return Ok(());
    }
    Err(format!(
        "its disk has room for {free} bytes, and {} are needed; make room there, lower vm-pages, set vm-swap-file to another path, or vm-enabled no",
        if wanted == default { LEAST_ROOM } else { wanted }
    ))
}

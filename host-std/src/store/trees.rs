//! fjall's folders of trees, looked at before it opens them.

use super::journal;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// fjall's folder of trees, and in it the tree that names the others.
const TREES: &str = "keyspaces";
const NAMES: &str = "0";
/// The file that makes a folder a tree: the number of its version, u64, and a checksum.
const CURRENT: &str = "current";
/// A tree's folder of large values, which lie apart from their keys.
const LARGE: &str = "blobs";

/// fjall takes a tree without its file `current` for one that was never finished, and removes it; without the tree of names, all.
///
/// # Errors
/// There were trees once, and nothing names them; a tree's large values are gone.
pub fn find_lost(folder: &Path, is_written: bool) -> io::Result<()> {
    let trees = folder.join(TREES);
    if trees.join(NAMES).join(CURRENT).try_exists()? {
        let is_versioned = folder.join(journal::VERSION).try_exists()?;
        return if is_versioned {
            find_large(&trees)
        } else {
            Err(journal::unusable("its file 'version' is missing"))
        };
    }
    let others =
        || fs::read_dir(&trees).is_ok_and(|entries| entries.flatten().any(|e| e.file_name() != NAMES));
    if is_written || others() {
        return Err(lost("the names of its databases are gone"));
    }
    journal::begin_anew(folder)
}

/// A tree without its folder of large values is to fjall one that never had any, and a read of one of them ends the process.
fn find_large(trees: &Path) -> io::Result<()> {
    for tree in fs::read_dir(trees)? {
        let tree = tree?.path();
        let large = tree.join(LARGE);
        if !large.try_exists()? && files_of_large(&tree).is_ok_and(|files| files > 0) {
            return Err(journal::unusable(&format!("its folder '{}' is missing", large.display())));
        }
    }
    Ok(())
}

/// How many files of large values a tree's version names. What is wrong with it otherwise is told when it is opened.
fn files_of_large(tree: &Path) -> io::Result<u32> {
    let mut version = [0; 8];
    File::open(tree.join(CURRENT))?.read_exact(&mut version)?;
    let path = tree.join(format!("v{}", u64::from_le_bytes(version)));
    let archive = sfa::Reader::new(&path).map_err(io::Error::other)?;
    let Some(section) = archive.toc().section(b"blob_files") else { return Ok(0) };
    let mut files = [0; 4];
    section.buf_reader(&path)?.read_exact(&mut files)?;
    Ok(u32::from_le_bytes(files))
}

/// The error of a store that lacks a tree.
pub fn lost(what: &str) -> io::Error {
    journal::unusable(&format!(
        "{what}: a folder in '{TREES}' of it, or the file '{CURRENT}' there, was missing"
    ))
}

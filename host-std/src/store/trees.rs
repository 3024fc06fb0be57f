//! fjall's folders of trees, looked at before it opens them.

use super::journal;
use std::fs;
use std::io;
use std::path::Path;

/// fjall's folder of trees, and in it the tree that names the others.
const TREES: &str = "keyspaces";
const NAMES: &str = "0";
/// The file that makes a folder a tree.
const CURRENT: &str = "current";

/// fjall takes a tree without its file `current` for one that was never finished, and removes it; without the tree of names, all.
///
/// # Errors
/// There were trees once, and nothing names them.
pub fn find_names(folder: &Path, is_written: bool) -> io::Result<()> {
    let trees = folder.join(TREES);
    if trees.join(NAMES).join(CURRENT).try_exists()? {
        let is_versioned = folder.join(journal::VERSION).try_exists()?;
        return if is_versioned { Ok(()) } else { Err(journal::unusable("its file 'version' is missing")) };
    }
    let others =
        || fs::read_dir(&trees).is_ok_and(|entries| entries.flatten().any(|e| e.file_name() != NAMES));
    if is_written || others() { Err(lost("the names of its databases are gone")) } else { Ok(()) }
}

/// The error of a store that lacks a tree.
pub fn lost(what: &str) -> io::Error {
    journal::unusable(&format!(
        "{what}: a folder in '{TREES}' of it, or the file '{CURRENT}' there, was missing"
    ))
}

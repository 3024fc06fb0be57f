//! fjall's folders of trees, looked at before it opens them.

use super::journal;
use fjall::AbstractTree;
use lsm_tree::{Config, Guard, SequenceNumberCounter};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// fjall's folder of trees, and in it the tree that names the others, each under this letter and its number, u64.
const TREES: &str = "keyspaces";
const NAMES: &str = "0";
const NAME: u8 = b'n';
/// The file that makes a folder a tree: the number of its version, u64, and a checksum.
const CURRENT: &str = "current";
/// A tree's folder of large values, which lie apart from their keys.
const LARGE: &str = "blobs";

/// Whether there is a tree of names. Without it fjall removes all trees.
///
/// # Errors
/// Those of the files; there were trees once, and nothing names them; a file is missing that says what made them.
pub fn find_names(folder: &Path, is_written: bool) -> io::Result<bool> {
    let trees = folder.join(TREES);
    if trees.join(NAMES).join(CURRENT).try_exists()? {
        let is_versioned = folder.join(journal::VERSION).try_exists()?;
        return if is_versioned { Ok(true) } else { Err(journal::unusable("its file 'version' is missing")) };
    }
    if is_written || has_others(&trees)? {
        return Err(lost("the names of its databases are gone"));
    }
    Ok(false)
}

fn has_others(trees: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(trees) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        if entry?.file_name() != NAMES {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Looks for the trees that have names. fjall takes one without its file `current` for one that was never finished, and removes it; one
/// without its folder of large values is to it one that never had any, and a read of one of them ends the process. What has no name is
/// being removed: a kill may have left anything of it.
///
/// # Errors
/// Those of the files; a tree or its large values are missing.
pub fn find_lost(folder: &Path) -> fjall::Result<()> {
    let trees = folder.join(TREES);
    let numbers = SequenceNumberCounter::default();
    let names = Config::new(trees.join(NAMES), numbers.clone(), numbers).open()?;
    for entry in names.prefix([NAME], u64::MAX, None) {
        let key = entry.key()?;
        let number = key.get(1..).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
        let tree = trees.join(number.to_string());
        if !tree.join(CURRENT).try_exists()? {
            return Err(lost("keys of a database are gone").into());
        }
        let large = tree.join(LARGE);
        if !large.try_exists()? && files_of_large(&tree).is_ok_and(|files| files > 0) {
            return Err(journal::unusable(&format!("its folder '{}' is missing", large.display())).into());
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

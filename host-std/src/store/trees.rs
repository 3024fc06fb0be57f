//! fjall's folders of trees, looked at before it opens them.

use super::journal;
use fjall::AbstractTree;
use lsm_tree::{Config, SequenceNumberCounter};
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

/// Looks for trees without their folder of large values. To fjall such a one never had any, and a read of one ends the process.
///
/// # Errors
/// Those of the files; there is one.
pub fn find_lost(folder: &Path) -> fjall::Result<()> {
    let trees = folder.join(TREES);
    for tree in fs::read_dir(&trees)? {
        let tree = tree?.path();
        let large = tree.join(LARGE);
        let lacks_large = !large.try_exists()? && files_of_large(&tree).is_ok_and(|files| files > 0);
        if lacks_large && has_name(&trees, &tree)? {
            return Err(journal::unusable(&format!("its folder '{}' is missing", large.display())).into());
        }
    }
    Ok(())
}

/// Whether fjall will open the tree. Others are being removed: a kill may have left anything of them.
fn has_name(trees: &Path, tree: &Path) -> fjall::Result<bool> {
    let number = tree.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
    let Some(number) = number else { return Ok(false) };
    let numbers = SequenceNumberCounter::default();
    let names = Config::new(trees.join(NAMES), numbers.clone(), numbers).open()?;
    let key = [&[NAME][..], &number.to_be_bytes()].concat();
    Ok(names.get(key, u64::MAX)?.is_some())
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

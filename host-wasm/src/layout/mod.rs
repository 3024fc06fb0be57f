//! The engine's files and pages as records of a key-value store, such as IndexedDB is.
//!
//! A file is a row of chunks of at most 64 KiB whose keys tell the file and the offset; pages are kept as the runs in
//! which they were written. What a turn of the engine asks for becomes one *commit*: puts and deletes that reach the
//! store in one transaction or not at all. At most one commit of files is on its way, so that nothing is ever written
//! behind a hole; a part of a file is read when no commit is on its way.

mod extents;
mod files;

pub(crate) use extents::Extents;
pub(crate) use files::{BROKEN, Directory, NO_FILE, Span};

/// The object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// Runs of pages, by number. Emptied at each start.
    Pages = 0,
    /// Chunks of files.
    Chunks = 1,
    /// The directory, and what sessions are owed.
    Meta = 2,
    /// No object store: the package's file of texts, which is read whole.
    Package = 3,
}

/// A part of a commit.
#[derive(Debug)]
pub(crate) enum Op {
    /// Puts a record.
    Put { store: Store, key: u64, bytes: Vec<u8> },
    /// Removes the records whose keys lie between these, both included.
    Remove { store: Store, from: u64, to: u64 },
}

impl Op {
    pub(crate) fn store(&self) -> Store {
        match self {
            Self::Put { store, .. } | Self::Remove { store, .. } => *store,
        }
    }
}

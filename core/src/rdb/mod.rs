//! Snapshots: reading and writing RDB files, in pieces and without I/O.
//!
//! A file is a header, items that each begin with an opcode or a value's type byte, and a footer with a checksum.
//! [`Loader`] is fed the file in any portions and gives out the items; [`Writer`] collects a file's bytes until they
//! are taken. Values are encoded and decoded by [`codec`](crate::types::codec).

mod beside;
mod commands;
mod error;
mod item;
mod loader;
mod opcode;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

/// The fact, the last before a file's end, that tells the checksum of all before it, in hexadecimal digits. Redis passes over
/// facts that it does not know. A file whose checksum at the end was lost, as by a tool that sets it to 0, is checked all the
/// same.
const SEAL: &[u8] = b"nuthatch-crc";

pub use beside::{BESIDE, Noted, PlaceOf, id};
pub use error::{Cause, RdbError};
pub use item::{Checksum, Entry, Item, module_name};
pub use loader::Loader;
pub use snapshot::{Access, PagedEntry, Snapshot};
pub use writer::{EntryMeta, Facts, Options, Writer};

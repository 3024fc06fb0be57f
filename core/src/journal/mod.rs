//! The journal: append-only files as Redis 7 lays them out, written and read in pieces and without I/O.
//!
//! A file is a sequence of commands in RESP. [`Encoder`] collects what one turn of the engine wrote into a batch, with a
//! line before it that Redis takes for an annotation and skips: `#CRC:` with the batch's checksum and length, and how much
//! of the file before it was not yet known to be durable. With it [`Reader`] tells bit rot from the torn end that a power
//! cut leaves. A [`Manifest`] names the files that make up a dataset.

mod batch;
mod encoder;
mod manifest;
mod reader;
#[cfg(test)]
mod tests;

pub use batch::seal;
pub use encoder::{Encoder, Piece};
pub use manifest::{BASE_SUFFIX, Manifest, Part};
pub use reader::{Event, Fault, FaultKind, Reader};

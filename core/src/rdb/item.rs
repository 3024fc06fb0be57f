//! What a file holds, item by item.

use super::error::RdbError;
use crate::types::Limits;
use crate::types::codec::{Form, Reason, decode, dump_raw};
use crate::words::hash::HashKey;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;

/// An item of a file, in the file's order.
#[derive(Debug, PartialEq)]
pub enum Item<'a> {
    /// A fact about the file or the server that wrote it.
    Aux {
        /// Its name, as `redis-ver`.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// How many keys a database is going to have, and how many of them with deadlines. A hint.
    Resize {
        /// The database.
        db: u32,
        /// All keys.
        keys: u64,
        /// Those with deadlines.
        deadlines: u64,
    },
    /// A library of functions; its source.
    Function(&'a [u8]),
    /// Data that a module stored beside the keys; its name.
    ModuleAux([u8; 9]),
    /// A key with its value.
    Entry(Entry<'a>),
    /// The end, after which nothing is read.
    End(Checksum),
}

/// What the end of a file told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// It is right.
    Right,
    /// The file was written with `rdbchecksum no`.
    Off,
    /// The file's version has none.
    None,
}

/// A key with its metadata and its value's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The database.
    pub db: u32,
    /// The key.
    pub key: &'a [u8],
    /// How the value is laid out.
    pub form: Form,
    /// The value's bytes; their lengths are sound, the rest is not yet looked at.
    pub body: &'a [u8],
    /// Where in the file `body` begins, in bytes.
    pub offset: u64,
    /// When the key expires.
    pub deadline: Option<UnixMillis>,
    /// For how long the key was idle, in seconds.
    pub idle: Option<u64>,
    /// The key's logarithmic access counter.
    pub freq: Option<u8>,
}

impl Entry<'_> {
    /// Decodes the value and lets it go. Fine too are values of types that this engine has not: their lengths are sound.
    pub fn check(&self) -> Result<(), RdbError> {
        let limits = Limits::new(HashKey::new([0; 2]));
        match decode(self.form, self.body, &limits) {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.reason, Reason::Unsupported(_) | Reason::Empty) => Ok(()),
            Err(error) => Err(self.error(error.at, error.reason)),
        }
    }

    /// Appends the value as the payload of DUMP, for RESTORE. Values of types that this engine has not are refused there.
    pub fn dump(&self, out: &mut Vec<u8>) {
        dump_raw(self.form, self.body, out);
    }

    /// The error that the value could not be decoded, `at` bytes into its body.
    pub fn error(&self, at: usize, reason: Reason) -> RdbError {
        RdbError::in_value(self.offset + at as u64, self.key, reason)
    }
}

/// The name of a module from the number under which it stored data: nine characters of six bits and a version.
pub fn module_name(number: u64) -> [u8; 9] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut name = [0; 9];
    for (i, byte) in name.iter_mut().enumerate() {
        *byte = ALPHABET[(number >> (58 - 6 * i) & 63) as usize];
    }
    name
}

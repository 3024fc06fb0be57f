//! A dump.rdb from elsewhere, portion by portion, as RESTORE commands: its values are journalled and may leave memory while
//! the rest still comes.

use nuthatch_core::{RdbItem, RdbLoader};

/// Bytes of commands that are made at once, more or less: a value is never cut.
const BATCH: usize = 64 << 10;

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Import {
    loader: RdbLoader,
    db: u32,
    payload: Vec<u8>,
    /// Keys that were read.
    pub(crate) keys: u32,
    pub(crate) done: bool,
}

impl Import {
    pub(crate) fn new() -> Self {
        Self { loader: RdbLoader::new(true), db: 0, payload: Vec::new(), keys: 0, done: false }
    }

    /// Takes a portion; an empty one ends the file.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.loader.finish();
        } else {
            self.loader.feed(bytes);
        }
    }

    /// Appends commands for what was fed, up to a batch. Nothing was appended: more is wanted, or the file is done.
    pub(crate) fn commands(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        while out.len() < BATCH {
            let item = self.loader.poll_item().map_err(|error| error.to_string())?;
            match item {
                None => break,
                Some(RdbItem::Entry(entry)) => {
                    self.keys += 1;
                    if entry.db != self.db {
                        self.db = entry.db;
                        command(out, &[b"SELECT", entry.db.to_string().as_bytes()]);
                    }
                    self.payload.clear();
                    entry.dump(&mut self.payload);
                    let deadline = entry.deadline.unwrap_or(0).to_string();
                    let (key, deadline) = (entry.key, deadline.as_bytes());
                    command(out, &[b"RESTORE", key, deadline, &self.payload, b"REPLACE", b"ABSTTL"]);
                }
                Some(RdbItem::End(_)) => {
                    self.done = true;
                    break;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

//! The manifest: a line for each file, as Redis 7 writes it.

use crate::words::config::{quote, split_args};
use crate::words::number::parse_i64;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What the names of bases end with that are RDB files.
pub const BASE_SUFFIX: &str = ".base.rdb";

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name in the journal's directory.
    pub name: Vec<u8>,
    /// Its number among those of its kind.
    pub seq: i64,
}

/// The files that make up a dataset, in the order in which they are loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The dataset as it was when the increments began.
    pub base: Option<Part>,
    /// What was written since.
    pub increments: Vec<Part>,
    /// Files that newer ones have replaced and that are to be removed.
    pub history: Vec<Part>,
    /// The highest number of a base so far.
    pub base_seq: i64,
    /// The highest number of an increment so far.
    pub increment_seq: i64,
}

impl Manifest {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong, with the line's number.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let mut manifest = Self::default();
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let mut some = false;
        for (number, line) in lines.enumerate() {
            let wrong =
                |reason: &str| format!("Invalid AOF manifest file format, line {}: {reason}", number + 1);
            let Some(line) = line.strip_suffix(b"\n") else { return Err(wrong("the line does not end")) };
            let line = line.trim_ascii();
            if line.first() == Some(&b'#') {
                continue;
            }
            some = true;
            manifest.take_line(line).map_err(wrong)?;
        }
        if some { Ok(manifest) } else { Err(String::from("Found an empty AOF manifest")) }
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let words = split_args(line).ok_or("unbalanced quotes")?;
        let (mut name, mut seq, mut kind) = (None, None, None);
        if words.len() < 6 || !words.len().is_multiple_of(2) {
            return Err("a line has a file, a seq and a type");
        }
        for pair in words.chunks_exact(2) {
            match pair[0].to_ascii_lowercase().as_slice() {
                b"file" => name = Some(pair[1].clone()),
                b"seq" => seq = parse_i64(&pair[1]).filter(|seq| *seq > 0),
                b"type" => kind = pair[1].first().copied(),
                _ => {}
            }
        }
        let (Some(name), Some(seq), Some(kind)) = (name, seq, kind) else {
            return Err("a line has a file, a seq and a type");
        };
        if name.is_empty() || name.contains(&b'/') || name.contains(&0) {
            return Err("a file can't be a path, just a filename");
        }
        self.add(Part { name, seq }, kind)
    }

    fn add(&mut self, part: Part, kind: u8) -> Result<(), &'static str> {
        match kind {
            b'b' if self.base.is_some() => return Err("found duplicate base file information"),
            b'b' => {
                self.base_seq = part.seq;
                self.base = Some(part);
            }
            b'h' => self.history.push(part),
            b'i' if part.seq <= self.increment_seq => return Err("found a non-monotonic sequence number"),
            b'i' => {
                self.increment_seq = part.seq;
                self.increments.push(part);
            }
            _ => return Err("unknown AOF file type"),
        }
        Ok(())
    }

    /// The file's text.
    pub fn text(&self) -> Vec<u8> {
        let base = self.base.iter().map(|part| (part, 'b'));
        let history = self.history.iter().map(|part| (part, 'h'));
        let increments = self.increments.iter().map(|part| (part, 'i'));
        let mut out = Vec::new();
        for (part, kind) in base.chain(history).chain(increments) {
            out.extend_from_slice(b"file ");
            if part.name.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte)) {
                out.extend_from_slice(&part.name);
            } else {
                quote(&mut out, &part.name);
            }
            out.extend_from_slice(format!(" seq {} type {kind}\n", part.seq).as_bytes());
        }
        out
    }

    /// A new base of the given kind, named after `prefix` (`appendfilename`); the files so far become history.
    pub fn new_base(&mut self, prefix: &[u8], rdb: bool) -> Part {
        self.history.extend(self.base.take());
        self.base_seq += 1;
        let part = named(prefix, self.base_seq, if rdb { BASE_SUFFIX } else { ".base.aof" });
        self.base = Some(part.clone());
        part
    }

    /// A new increment behind the others, named after `prefix` (`appendfilename`).
    pub fn new_increment(&mut self, prefix: &[u8]) -> Part {
        self.increment_seq += 1;
        let part = named(prefix, self.increment_seq, ".incr.aof");
        self.increments.push(part.clone());
        part
    }
}

fn named(prefix: &[u8], seq: i64, suffix: &str) -> Part {
    let mut name = prefix.to_vec();
    name.extend_from_slice(format!(".{seq}{suffix}").as_bytes());
    Part { name, seq }
}

//! Commands into a batch.

use super::batch::seal;
use alloc::vec::Vec;

/// Collects commands; [`seal`](Self::seal) gives them as one batch.
///
/// The names of the SELECTs that it writes are in lower case: Redis writes its own in upper case, and by that the reader
/// knows that Redis has written to a file after us.
#[derive(Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
    /// The database that the last command belongs to; `None` where the next one has to say its own.
    db: Option<usize>,
    /// The second of the last timestamp.
    second: i64,
}

impl Encoder {
    /// A command, its name first, for this database.
    pub fn command<'a>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        if self.db != Some(db) {
            self.db = Some(db);
            let number = itoa::Buffer::new().format(db).as_bytes().to_vec();
            self.array([&b"select"[..], &number].into_iter());
        }
        self.array(words);
    }

    fn array<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.length(b'*', words.len());
        for word in words {
            self.length(b'$', word.len());
            self.out.extend_from_slice(word);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn length(&mut self, kind: u8, length: usize) {
        self.out.push(kind);
        self.out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// Redis's annotation of the hour (`aof-timestamp-enabled`), once a second.
    pub fn timestamp(&mut self, second: i64) {
        if second > self.second {
            self.second = second;
            self.out.extend_from_slice(b"#TS:");
            self.out.extend_from_slice(itoa::Buffer::new().format(second).as_bytes());
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// The next command begins a file.
    pub fn begin_file(&mut self) {
        self.db = None;
    }

    /// Bytes collected.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// What was collected, as a batch for the file's offset `at`, of which `behind` bytes are not known to be durable.
    pub fn seal(&mut self, at: u64, behind: u64) -> Vec<u8> {
        let sealed = seal(&self.out, at, behind);
        self.out.clear();
        self.out.shrink_to(64 << 10);
        sealed
    }
}

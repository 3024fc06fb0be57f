//! Commands into a batch.

use super::batch::{LONGEST, seal_in_place};
use crate::words::crc64::{Crc64, crc64};
use alloc::vec::Vec;
use core::mem;

/// Buffers of batches that were written are kept for the next ones up to this capacity, in bytes.
const KEPT: usize = 256 << 10;
/// What begins a transaction.
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";

/// Collects commands; [`seal`](Self::seal) gives them as one batch.
///
/// The names of the SELECTs that it writes are in lower case: Redis writes its own in upper case, and by that the reader
/// knows that Redis has written to a file after us.
#[derive(Debug, Default)]
pub struct Encoder {
    /// Room for the batch's line, and the commands.
    out: Vec<u8>,
    /// The database that the last command belongs to; `None` where the next one has to say its own.
    db: Option<usize>,
    /// Where the turn's commands begin.
    turn: usize,
    /// The second of the last timestamp.
    second: i64,
    transaction: Option<Transaction>,
    /// A buffer to be used again.
    spare: Vec<u8>,
    /// What computes the batches' checksums, if the host has something better than the core.
    sum: Option<Crc64>,
}

/// EXEC is running.
#[derive(Debug, Clone, Copy)]
struct Transaction {
    /// Where the encoder stood when it began.
    at: usize,
    from: Option<usize>,
    /// The database that was selected then.
    db: usize,
    /// Where MULTI was written, with the first command.
    multi: Option<usize>,
    /// Commands behind it.
    commands: usize,
}

/// What a transaction that stands still has written so far.
#[derive(Debug, Default)]
pub struct Piece {
    bytes: Vec<u8>,
    from: Option<usize>,
    to: Option<usize>,
    multi: Option<usize>,
    commands: usize,
}

impl Encoder {
    /// The batches' checksums are computed by this, if the host has it.
    pub fn sum_by(&mut self, sum: Option<Crc64>) {
        self.sum = sum;
    }

    /// A command, its name first, for this database.
    pub fn command<'a>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.enter();
        self.alone(db, words);
    }

    /// A command that is an array already, just as [`command`](Self::command) would write it.
    pub fn whole(&mut self, db: usize, array: &[u8]) {
        self.enter();
        self.make_room();
        self.select(db);
        self.out.extend_from_slice(array);
    }

    /// A transaction begins with its first command.
    fn enter(&mut self) {
        let Some(transaction) = &mut self.transaction else { return };
        transaction.commands += 1;
        if transaction.multi.is_none() {
            let db = transaction.db;
            self.make_room();
            self.select(db);
            if let Some(transaction) = &mut self.transaction {
                transaction.multi = Some(self.out.len());
            }
            self.out.extend_from_slice(MULTI);
        }
    }

    /// A key that time removed: what goes before a transaction's first command need not be in it.
    pub fn removal(&mut self, db: usize, key: &[u8]) {
        if let Some(transaction) = &mut self.transaction
            && transaction.multi.is_some()
        {
            transaction.commands += 1;
        }
        self.alone(db, [&b"DEL"[..], key].into_iter());
    }

    /// Commands that follow are a transaction, if there are any.
    pub fn begin_transaction(&mut self, db: usize) {
        let (at, from) = (self.out.len(), self.db);
        self.transaction = Some(Transaction { at, from, db, multi: None, commands: 0 });
    }

    /// The transaction's end. One of a single command is written as that command, as Redis does.
    pub fn end_transaction(&mut self, db: usize) {
        let Some(Transaction { multi: Some(multi), commands, .. }) = self.transaction.take() else { return };
        let range = multi..multi + MULTI.len();
        if commands == 1 && self.out.get(range.clone()) == Some(MULTI) {
            self.out.drain(range);
        } else {
            self.alone(db, [&b"EXEC"[..]].into_iter());
        }
    }

    /// Takes what the transaction has written out again, until it goes on: it must not be torn into two batches.
    pub fn suspend_transaction(&mut self) -> Piece {
        let Some(Transaction { at, from, multi, commands, .. }) = self.transaction.take() else {
            return Piece::default();
        };
        let at = at.max(LONGEST).min(self.out.len());
        let bytes = self.out.split_off(at);
        let multi = multi.map(|multi| multi - at);
        Piece { bytes, from, to: mem::replace(&mut self.db, from), multi, commands }
    }

    /// The transaction, which began on database `db`, goes on.
    pub fn resume_transaction(&mut self, db: usize, piece: &Piece) {
        self.begin_transaction(db);
        if piece.bytes.is_empty() {
            return;
        }
        if let Some(from) = piece.from {
            self.select(from);
        }
        self.make_room();
        let at = self.out.len();
        self.out.extend_from_slice(&piece.bytes);
        self.db = piece.to;
        if let Some(transaction) = &mut self.transaction {
            transaction.multi = piece.multi.map(|multi| at + multi);
            transaction.commands = piece.commands;
        }
    }

    fn alone<'a>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.make_room();
        self.select(db);
        self.array(words);
    }

    fn select(&mut self, db: usize) {
        if self.db != Some(db) {
            self.make_room();
            self.db = Some(db);
            self.array([&b"select"[..], itoa::Buffer::new().format(db).as_bytes()].into_iter());
        }
    }

    /// A batch begins with room for its line.
    fn make_room(&mut self) {
        if self.out.is_empty() {
            self.out = mem::take(&mut self.spare);
            self.out.resize(LONGEST, 0);
            self.turn = LONGEST;
        }
    }

    fn array<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        let mut head = Head::new();
        head.length(b'*', words.len());
        for word in words {
            head.length(b'$', word.len());
            self.out.extend_from_slice(head.take());
            self.out.extend_from_slice(word);
            head.end();
        }
        self.out.extend_from_slice(head.take());
    }

    /// Redis's annotation of the hour (`aof-timestamp-enabled`) before the turn's commands, once a second.
    pub fn timestamp(&mut self, second: i64) {
        if second > self.second && self.out.len() > self.turn {
            self.second = second;
            let line = [b"#TS:", itoa::Buffer::new().format(second).as_bytes(), b"\r\n"].concat();
            self.out.splice(self.turn..self.turn, line);
        }
    }

    /// Whether something was collected since the last call.
    pub fn end_turn(&mut self) -> bool {
        let wrote = self.out.len() > self.turn;
        self.turn = self.out.len();
        wrote
    }

    /// The next command begins a file.
    pub fn begin_file(&mut self) {
        self.db = None;
    }

    /// Bytes collected.
    pub fn len(&self) -> usize {
        self.out.len().saturating_sub(LONGEST)
    }

    /// Whether nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was collected, as a batch for the file's offset `at`, of which `behind` bytes are not known to be durable.
    pub fn seal(&mut self, at: u64, behind: u64) -> Vec<u8> {
        self.make_room();
        let mut out = mem::take(&mut self.out);
        self.turn = 0;
        seal_in_place(self.sum.unwrap_or(crc64), &mut out, at, behind);
        out
    }

    /// Gives a batch's buffer back when it was written.
    pub fn reuse(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() > self.spare.capacity() && buffer.capacity() <= KEPT {
            buffer.clear();
            self.spare = buffer;
        }
    }

    /// Forgets what was collected.
    pub fn clear(&mut self) {
        self.out.clear();
        self.turn = 0;
        self.db = None;
    }

    /// What was collected, without a batch's line.
    #[cfg(test)]
    pub(crate) fn collected(&self) -> &[u8] {
        self.out.get(LONGEST..).unwrap_or_default()
    }
}

/// What stands between two words: the end of one, the length of the next. Collected first, so that each command costs two
/// short copies a word.
struct Head {
    bytes: [u8; 48],
    len: usize,
}

impl Head {
    fn new() -> Self {
        Self { bytes: [0; 48], len: 0 }
    }

    #[inline]
    fn put(&mut self, part: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + part.len()) {
            room.copy_from_slice(part);
            self.len += part.len();
        }
    }

    #[inline]
    fn end(&mut self) {
        self.put(b"\r\n");
    }

    #[inline]
    fn length(&mut self, kind: u8, length: usize) {
        match length {
            0..10 => self.put(&[kind, b'0' + length as u8, b'\r', b'\n']),
            10..100 => {
                self.put(&[kind, b'0' + (length / 10) as u8, b'0' + (length % 10) as u8, b'\r', b'\n']);
            }
            _ => {
                self.put(&[kind]);
                self.put(itoa::Buffer::new().format(length).as_bytes());
                self.end();
            }
        }
    }

    #[inline]
    fn take(&mut self) -> &[u8] {
        &self.bytes[..mem::take(&mut self.len)]
    }
}

//! Writing a file: entries in, bytes out.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::beside::{Beside, Head, PlaceOf};
use super::{SEAL, commands, opcode};
use crate::types::codec::{DecodeError, Encoder, Form, OLDEST_VERSION, decode, put_len};
use crate::types::{Limits, ValueRef};
use crate::words::codec::Put;
use crate::words::crc64::{Crc64, crc64};
use crate::words::time::UnixMillis;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// 10, or 11 for listpacks of set members.
    pub version: u16,
    /// `rdbcompression`: whether strings are compressed.
    pub compress: bool,
    /// `rdbchecksum`: whether the file ends with its checksum, or with 0.
    pub checksum: bool,
    /// Not an RDB file at all but the commands that make the dataset.
    pub commands: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { version: OLDEST_VERSION, compress: true, checksum: true, commands: false }
    }
}

/// What a file says about its writer.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The version of Redis that the writer speaks.
    pub redis_version: &'a [u8],
    /// Seconds since 1970.
    pub ctime: i64,
    /// The memory in use, in bytes.
    pub used_memory: u64,
    /// Whether the file is the base of an append-only file.
    pub aof_base: bool,
}

/// A key's metadata, as far as it is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct EntryMeta {
    /// When the key expires.
    pub deadline: Option<UnixMillis>,
    /// For how long the key was idle, in seconds; under an LRU policy.
    pub idle: Option<u64>,
    /// The key's logarithmic access counter; under an LFU policy.
    pub freq: Option<u8>,
}

/// Collects a file's bytes, in the file's order: [`header`](Self::header), for each database
/// [`database`](Self::database) and its entries, [`finish`](Self::finish). What has been collected is taken with
/// [`take`](Self::take) whenever the caller likes.
#[derive(Debug)]
pub struct Writer {
    options: Options,
    encoder: Encoder,
    out: Vec<u8>,
    /// How much of `out` is in `crc`.
    summed: usize,
    crc: u64,
    sum: Crc64,
    taken: u64,
    beside: Option<Box<Beside>>,
}

/// The checksum goes on after so many bytes, while they are in the nearest cache.
const SUMMED_AT_ONCE: usize = 16 << 10;

impl Writer {
    /// A file without any bytes yet.
    pub fn new(options: Options) -> Self {
        let encoder = Encoder::new(options.version, options.compress);
        Self { options, encoder, out: Vec::new(), summed: 0, crc: 0, sum: crc64, taken: 0, beside: None }
    }

    /// The checksum is computed by this, if the host has it.
    #[must_use]
    pub fn summed_by(self, sum: Option<Crc64>) -> Self {
        Self { sum: sum.unwrap_or(crc64), ..self }
    }

    /// The keys are collected too, for a file beside this one, which [`beside`](Self::beside) gives out. Only a file with a
    /// checksum can have one: it tells the two belong together.
    #[must_use]
    pub fn with_beside(mut self, place_of: PlaceOf, limits: Limits) -> Self {
        let Options { version, checksum, commands, .. } = self.options;
        if checksum && !commands {
            let options = Options { version, compress: false, checksum, commands };
            let writer = Self::new(options).summed_by(Some(self.sum));
            self.beside = Some(Box::new(Beside::new(writer, place_of, limits)));
        }
        self
    }

    /// The file beside this one, as far as it was not taken.
    pub fn beside(&mut self) -> Option<&mut Self> {
        self.beside.as_mut().map(|beside| &mut beside.writer)
    }

    /// There is to be no file beside this one after all.
    pub fn drop_beside(&mut self) {
        self.beside = None;
    }

    /// The magic, the version and the facts.
    pub fn header(&mut self, facts: &Facts<'_>) {
        if self.options.commands {
            return;
        }
        let version = self.encoder.version();
        self.out.extend_from_slice(b"REDIS00");
        self.out.extend_from_slice(&[b'0' + (version / 10) as u8, b'0' + (version % 10) as u8]);
        self.aux(b"redis-ver", facts.redis_version);
        self.aux_number(b"redis-bits", usize::BITS.into());
        self.aux_number(b"ctime", facts.ctime);
        self.aux_number(b"used-mem", facts.used_memory as i64);
        self.aux_number(b"aof-base", facts.aof_base.into());
        if let Some(beside) = self.beside() {
            beside.header(facts);
        }
    }

    fn aux_number(&mut self, name: &[u8], value: i64) {
        self.aux(name, itoa::Buffer::new().format(value).as_bytes());
    }

    /// A fact: a name and its value.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.out.put_u8(opcode::AUX);
        self.encoder.text(name, &mut self.out);
        self.encoder.text(value, &mut self.out);
    }

    /// A library of functions.
    pub fn function(&mut self, source: &[u8]) {
        self.out.put_u8(opcode::FUNCTION);
        self.encoder.text(source, &mut self.out);
    }

    /// The entries that follow belong to this database, of so many keys, so many of them with deadlines.
    pub fn database(&mut self, number: u32, keys: u64, deadlines: u64) {
        self.put_select(number);
        if !self.options.commands {
            self.out.put_u8(opcode::RESIZE_DB);
            put_len(&mut self.out, keys);
            put_len(&mut self.out, deadlines);
        }
        if let Some(beside) = self.beside() {
            beside.database(number, keys, deadlines);
        }
    }

    /// The entries that follow belong to this database, which may have been selected before.
    pub fn select(&mut self, number: u32) {
        self.put_select(number);
        if let Some(beside) = self.beside() {
            beside.put_select(number);
        }
    }

    fn put_select(&mut self, number: u32) {
        if self.options.commands {
            return commands::put_select(&mut self.out, number);
        }
        self.out.put_u8(opcode::SELECT_DB);
        put_len(&mut self.out, number.into());
    }

    /// A key with its value.
    pub fn entry(&mut self, key: &[u8], meta: &EntryMeta, value: ValueRef<'_>) {
        if self.options.commands {
            return commands::put_entry(&mut self.out, key, meta, value);
        }
        let form = self.encoder.form(value);
        let head = self.entry_head(key, meta, form);
        self.encoder.body(value, &mut self.out);
        self.end_entry(head, form);
    }

    /// A key with its value's body as it lies on a page device or in another file. The form's numbering must be
    /// Redis's, and known to readers of the version written.
    ///
    /// # Errors
    /// Where commands are written: the body is none of a value.
    pub fn entry_raw(
        &mut self,
        key: &[u8],
        meta: &EntryMeta,
        (form, body): (Form, &[u8]),
        limits: &Limits,
    ) -> Result<(), DecodeError> {
        if self.options.commands {
            let value = decode(form, body, limits)?;
            commands::put_entry(&mut self.out, key, meta, value.as_ref());
        } else {
            let head = self.entry_head(key, meta, form);
            self.out.extend_from_slice(body);
            self.end_entry(head, form);
        }
        Ok(())
    }

    /// A string of which the metadata, the key and then the body are at hand as bytes of the file.
    pub(super) fn entry_text(&mut self, meta: &[u8], key: &[u8], body: &mut dyn FnMut(&mut Vec<u8>)) {
        self.out.extend_from_slice(meta);
        self.out.put_u8(Form::String.byte());
        self.out.extend_from_slice(key);
        body(&mut self.out);
        self.sum_if_much();
    }

    fn end_entry(&mut self, head: Head, form: Form) {
        if let Some(beside) = &mut self.beside {
            beside.note(&self.out, head, form, self.taken + head.body as u64);
        }
        self.sum_if_much();
    }

    fn entry_head(&mut self, key: &[u8], meta: &EntryMeta, form: Form) -> Head {
        let start = self.out.len();
        if let Some(deadline) = meta.deadline {
            self.out.put_u8(opcode::DEADLINE_MS);
            self.out.put_i64le(deadline);
        }
        if let Some(idle) = meta.idle {
            self.out.put_u8(opcode::IDLE);
            put_len(&mut self.out, idle);
        }
        if let Some(freq) = meta.freq {
            self.out.put_u8(opcode::FREQ);
            self.out.put_u8(freq);
        }
        let at = self.out.len();
        self.out.put_u8(form.byte());
        self.encoder.text(key, &mut self.out);
        Head { meta: start, form: at, body: self.out.len() }
    }

    /// The checksum of all so far.
    fn sum(&mut self) -> u64 {
        if self.options.checksum {
            self.crc = (self.sum)(self.crc, &self.out[self.summed..]);
        }
        self.summed = self.out.len();
        self.crc
    }

    fn sum_if_much(&mut self) {
        if self.out.len() - self.summed >= SUMMED_AT_ONCE {
            self.sum();
        }
    }

    /// The end and the checksum. Nothing may follow.
    pub fn finish(&mut self) {
        if self.options.commands {
            return;
        }
        if self.options.checksum {
            let digits = format!("{:016x}", self.sum());
            self.aux(SEAL, digits.as_bytes());
        }
        self.out.put_u8(opcode::EOF);
        let crc = self.sum();
        self.out.put_u64le(crc);
        let len = self.len();
        if let Some(beside) = &mut self.beside {
            beside.finish(len, crc);
        }
    }

    /// How many bytes are collected and not taken.
    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// How long the file is so far, what is pending included, in bytes.
    pub fn len(&self) -> u64 {
        self.taken + self.out.len() as u64
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what is collected; `spare`, an earlier portion that has been written, is emptied and used again.
    pub fn take(&mut self, mut spare: Vec<u8>) -> Vec<u8> {
        spare.clear();
        self.sum();
        self.summed = 0;
        self.taken += self.out.len() as u64;
        core::mem::replace(&mut self.out, spare)
    }
}

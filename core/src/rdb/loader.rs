//! Reading a file: bytes in, items out.

use alloc::vec::Vec;
use core::mem;

use super::SEAL;
use super::error::{Cause, RdbError};
use super::item::{Checksum, Entry, Item, module_name};
use super::opcode;
use crate::types::codec::{Dialect, Form, Reason, Text, Walker, read_len, read_text};
use crate::words::codec::Reader;
use crate::words::crc64::{Crc64, crc64};
use crate::words::time::UnixMillis;

/// An item that is not whole is looked at again with so many bytes more, or twice what it had.
const LEAST_MOVED: usize = 4096;
/// What is put together keeps so many bytes of memory.
const KEPT: usize = 1 << 20;
/// The magic and the version.
const HEADER: usize = 9;
/// The newest version of Redis's own numbering of which the old types are read.
const NEWEST_REDIS: u32 = 15;
/// The versions of Valkey's own numbering.
const VALKEY: core::ops::RangeInclusive<u32> = 80..=81;
/// From this version on a checksum follows the end.
const FIRST_WITH_CHECKSUM: u32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Items,
    Footer,
    Done,
}

/// What was read before a key and belongs to it.
#[derive(Debug, Clone, Copy, Default)]
struct Meta {
    deadline: Option<UnixMillis>,
    idle: Option<u64>,
    freq: Option<u8>,
}

/// An entry of which a part has arrived: what need not be read again. Offsets count from the entry's first byte.
#[derive(Debug)]
struct Partial {
    form: Form,
    body: usize,
    walker: Walker,
}

/// Reads a file. In: [`feed`](Self::feed), and [`finish`](Self::finish) when the file ends. Out:
/// [`poll_item`](Self::poll_item). It holds the bytes of the item being read and of one portion, no more. Items are read where a portion
/// lies; only one that two portions share is put together first.
///
/// An entry is given out as the bytes of its value, so a caller that keeps only places in the file need not decode.
#[derive(Debug)]
pub struct Loader {
    buf: Vec<u8>,
    /// The portion behind `buf`. While the first item that needs some of it is read, `buf` is the end of the portion before, `carried`
    /// bytes, and as much of this one as was needed so far, `moved` bytes.
    next: Vec<u8>,
    carried: usize,
    moved: usize,
    /// How much of `buf` was given out.
    at: usize,
    /// How much of `buf` is in `crc`; at most `at`.
    summed: usize,
    /// The file's offset of `buf`'s first byte.
    base: u64,
    crc: u64,
    sum: Crc64,
    check: bool,
    finished: bool,
    stage: Stage,
    dialect: Dialect,
    version: u32,
    db: u32,
    meta: Meta,
    partial: Option<Partial>,
    /// Whether `name` is the key of an entry whose value is being read.
    in_entry: bool,
    name: Vec<u8>,
    text: Vec<u8>,
}

impl Loader {
    /// At the beginning of a file. `check`: whether its checksum is computed and compared.
    pub fn new(check: bool) -> Self {
        Self {
            buf: Vec::new(),
            next: Vec::new(),
            carried: 0,
            moved: 0,
            at: 0,
            summed: 0,
            base: 0,
            crc: 0,
            sum: crc64,
            check,
            finished: false,
            stage: Stage::Header,
            dialect: Dialect::Redis,
            version: 0,
            db: 0,
            meta: Meta::default(),
            partial: None,
            in_entry: false,
            name: Vec::new(),
            text: Vec::new(),
        }
    }

    /// The checksum is computed by this, if the host has it.
    #[must_use]
    pub fn summed_by(self, sum: Option<Crc64>) -> Self {
        Self { sum: sum.unwrap_or(crc64), ..self }
    }

    /// As [`feed_owned`](Self::feed_owned), for bytes that the caller keeps.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.feed_owned(bytes.to_vec());
    }

    /// The next portion of the file; an old one's buffer, to be used again. Cheapest when all items of the portion before were
    /// polled.
    pub fn feed_owned(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.move_on(usize::MAX);
        self.sum();
        let mut old = mem::replace(&mut self.next, bytes);
        if self.buf.len() - self.at <= LEAST_MOVED {
            old.clear();
            old.extend_from_slice(&self.buf[self.at..]);
            mem::swap(&mut old, &mut self.buf);
        } else {
            // The beginning of a long value stays where it is.
            self.buf.drain(..self.at);
        }
        self.base += self.at as u64;
        (self.at, self.summed) = (0, 0);
        (self.carried, self.moved) = (self.buf.len(), 0);
        self.leave_carried();
        if self.is_done() {
            self.move_on(usize::MAX);
        }
        old
    }

    /// Adds up to so many bytes of the portion behind; false: there are none left.
    fn move_on(&mut self, most: usize) -> bool {
        let rest = &self.next[self.moved..];
        let count = rest.len().min(most);
        self.buf.extend_from_slice(&rest[..count]);
        self.moved += count;
        count > 0
    }

    /// Goes on in the portion itself where what was carried has been given out.
    fn leave_carried(&mut self) {
        if self.next.is_empty() || self.at < self.carried {
            return;
        }
        self.sum();
        self.base += self.carried as u64;
        self.at -= self.carried;
        self.summed = self.at;
        mem::swap(&mut self.buf, &mut self.next);
        self.next.clear();
        // What a long value needed is not needed by those behind it.
        self.next.shrink_to(KEPT);
        (self.carried, self.moved) = (0, 0);
    }

    /// There are no more portions: an item that is not complete now never will be.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// How much of the file was given out as items, in bytes.
    pub fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The file's version; 0 before it was read.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Whether the file's end was read.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// What was fed and lies behind the file's end, as an append-only file after its preamble.
    pub fn rest(&self) -> &[u8] {
        if self.is_done() { &self.buf[self.at..] } else { &[] }
    }

    /// The next item. `None`: feed more; after the end and after an error, always `None`.
    pub fn poll_item(&mut self) -> Result<Option<Item<'_>>, RdbError> {
        loop {
            self.leave_carried();
            let step = match self.stage {
                Stage::Header => self.header(),
                Stage::Items => self.item(),
                Stage::Footer => self.footer(),
                Stage::Done => return Ok(None),
            };
            match step {
                Ok(Step::On) => {}
                Ok(Step::Out(found)) => return Ok(Some(self.present(found))),
                Err(Cause::Value(Reason::Truncated)) if self.move_on(self.buf.len().max(LEAST_MOVED)) => {}
                Err(Cause::Value(Reason::Truncated)) if !self.finished => return Ok(None),
                Err(cause) => return Err(self.fail(cause)),
            }
        }
    }

    fn fail(&mut self, cause: Cause) -> RdbError {
        self.stage = Stage::Done;
        let into = self.partial.as_ref().map_or(0, |partial| partial.body + partial.walker.position());
        let key = self.in_entry.then(|| self.name.clone());
        RdbError { offset: self.position() + into as u64, key, cause }
    }

    fn sum(&mut self) {
        if self.check {
            self.crc = (self.sum)(self.crc, &self.buf[self.summed..self.at]);
        }
        self.summed = self.at;
    }

    fn header(&mut self) -> Result<Step, Cause> {
        let mut reader = Reader::new(&self.buf);
        let header: [u8; HEADER] = reader.array().map_err(Reason::from)?;
        let (dialect, digits) = match (header.strip_prefix(b"REDIS"), header.strip_prefix(b"VALKEY")) {
            (Some(digits), _) => (Dialect::Redis, digits),
            (_, Some(digits)) => (Dialect::Valkey, digits),
            _ => return Err(Cause::Magic),
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(Cause::Magic);
        }
        let version = digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'));
        let known = match dialect {
            Dialect::Redis => (1..=NEWEST_REDIS).contains(&version),
            Dialect::Valkey => VALKEY.contains(&version),
        };
        if !known {
            return Err(Cause::Version(version));
        }
        self.dialect = dialect;
        self.version = version;
        self.stage = Stage::Items;
        self.at = HEADER;
        Ok(Step::On)
    }

    fn item(&mut self) -> Result<Step, Cause> {
        if self.partial.is_some() {
            return self.entry();
        }
        let mut reader = Reader::new(&self.buf[self.at..]);
        let byte = reader.u8().map_err(Reason::from)?;
        if byte < opcode::FIRST {
            return self.entry_head(byte);
        }
        let step = match byte {
            opcode::AUX | opcode::FUNCTION => self.texts(byte)?,
            opcode::MODULE_AUX => self.module_aux()?,
            opcode::EOF => {
                self.stage = Stage::Footer;
                (1, Step::On)
            }
            _ => self.number_item(byte)?,
        };
        self.at += step.0;
        Ok(step.1)
    }

    /// The opcodes that numbers follow.
    fn number_item(&mut self, byte: u8) -> Result<(usize, Step), Cause> {
        let mut reader = Reader::new(&self.buf[self.at + 1..]);
        let mut step = Step::On;
        match byte {
            opcode::SELECT_DB => {
                let db = read_len(&mut reader)?;
                self.db =
                    u32::try_from(db).ok().filter(|&db| db < i32::MAX as u32).ok_or(Cause::Database(db))?;
            }
            opcode::RESIZE_DB => {
                let keys = read_len(&mut reader)?;
                step = Step::Out(Found::Resize { keys, deadlines: read_len(&mut reader)? });
            }
            opcode::SLOT_INFO => {
                for _ in 0..3 {
                    read_len(&mut reader)?;
                }
            }
            opcode::DEADLINE_S => {
                let seconds = reader.i32le().map_err(Reason::from)?;
                self.meta.deadline = Some(i64::from(seconds) * 1000);
            }
            opcode::DEADLINE_MS => self.meta.deadline = Some(reader.i64le().map_err(Reason::from)?),
            opcode::IDLE => self.meta.idle = Some(read_len(&mut reader)?),
            opcode::FREQ => self.meta.freq = Some(reader.u8().map_err(Reason::from)?),
            _ => return Err(Cause::Opcode(byte)),
        }
        Ok((1 + reader.position(), step))
    }

    /// The opcodes that strings follow.
    fn texts(&mut self, byte: u8) -> Result<(usize, Step), Cause> {
        let mut reader = Reader::new(&self.buf[self.at + 1..]);
        let name = if byte == opcode::AUX { read_text(&mut reader)? } else { Text::Raw(&[]) };
        let text = read_text(&mut reader)?;
        name.copy_to(&mut self.name)?;
        text.copy_to(&mut self.text)?;
        let len = 1 + reader.position();
        if byte == opcode::AUX && self.name == SEAL {
            self.check_seal()?;
        }
        let found = if byte == opcode::AUX { Found::Aux } else { Found::Function };
        Ok((len, Step::Out(found)))
    }

    /// The seal's checksum is that of all before it.
    fn check_seal(&mut self) -> Result<(), Cause> {
        self.sum();
        let stored =
            core::str::from_utf8(&self.text).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
        let stored = stored.ok_or(Reason::StringEncoding)?;
        let computed = self.crc;
        if self.check && stored != computed { Err(Cause::Checksum { stored, computed }) } else { Ok(()) }
    }

    fn module_aux(&mut self) -> Result<(usize, Step), Cause> {
        let mut reader = Reader::new(&self.buf[self.at + 1..]);
        let module = read_len(&mut reader)?;
        let start = 1 + reader.position();
        let mut walker = Walker::module_aux();
        if !walker.walk(&self.buf[self.at + start..])? {
            return Err(Reason::Truncated.into());
        }
        Ok((start + walker.position(), Step::Out(Found::ModuleAux(module_name(module)))))
    }

    /// An entry's type byte and key; its value goes on from here.
    fn entry_head(&mut self, byte: u8) -> Result<Step, Cause> {
        let form = Form::from_byte(byte, self.dialect).ok_or(Reason::UnknownType(byte))?;
        let mut reader = Reader::new(&self.buf[self.at + 1..]);
        read_text(&mut reader)?.copy_to(&mut self.name)?;
        self.in_entry = true;
        let body = 1 + reader.position();
        // Most values are one string: no walk is needed to find its end.
        if form == Form::String && read_text(&mut reader).is_ok() {
            let (body, end) = (self.at + body, self.at + 1 + reader.position());
            return Ok(self.found(form, body, end));
        }
        self.partial = Some(Partial { form, body, walker: Walker::new(form)? });
        self.entry()
    }

    fn entry(&mut self) -> Result<Step, Cause> {
        let Some(partial) = &mut self.partial else { return Ok(Step::On) };
        let body = self.at + partial.body;
        if !partial.walker.walk(&self.buf[body..])? {
            return Err(Reason::Truncated.into());
        }
        let form = partial.form;
        let end = body + partial.walker.position();
        Ok(self.found(form, body, end))
    }

    fn found(&mut self, form: Form, body: usize, end: usize) -> Step {
        self.partial = None;
        self.in_entry = false;
        self.at = end;
        Step::Out(Found::Entry { form, body, end })
    }

    fn footer(&mut self) -> Result<Step, Cause> {
        self.sum();
        let mut checksum = Checksum::None;
        if self.version >= FIRST_WITH_CHECKSUM {
            let mut reader = Reader::new(&self.buf[self.at..]);
            let stored = reader.u64le().map_err(Reason::from)?;
            if stored != 0 && self.check && stored != self.crc {
                return Err(Cause::Checksum { stored, computed: self.crc });
            }
            checksum = if stored == 0 || !self.check { Checksum::Off } else { Checksum::Right };
            self.at += 8;
            self.summed = self.at;
        }
        self.stage = Stage::Done;
        // What lies behind the end is given out in one piece.
        self.move_on(usize::MAX);
        Ok(Step::Out(Found::End(checksum)))
    }

    /// The item itself, which borrows from the buffers.
    fn present(&mut self, found: Found) -> Item<'_> {
        match found {
            Found::Aux => Item::Aux { name: &self.name, value: &self.text },
            Found::Function => Item::Function(&self.text),
            Found::Resize { keys, deadlines } => Item::Resize { db: self.db, keys, deadlines },
            Found::ModuleAux(name) => Item::ModuleAux(name),
            Found::End(checksum) => Item::End(checksum),
            Found::Entry { form, body, end } => {
                let meta = mem::take(&mut self.meta);
                Item::Entry(Entry {
                    db: self.db,
                    key: &self.name,
                    form,
                    body: &self.buf[body..end],
                    offset: self.base + body as u64,
                    deadline: meta.deadline,
                    idle: meta.idle,
                    freq: meta.freq,
                })
            }
        }
    }
}

/// What one step found.
enum Step {
    /// Nothing to give out.
    On,
    Out(Found),
}

/// An item before it borrows.
#[derive(Clone, Copy)]
enum Found {
    Aux,
    Function,
    Resize { keys: u64, deadlines: u64 },
    ModuleAux([u8; 9]),
    Entry { form: Form, body: usize, end: usize },
    End(Checksum),
}

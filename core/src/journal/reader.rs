//! Bytes in, commands out, and a judgement of what is not in order.
//!
//! A power cut leaves the end of a file torn: cut short, or with holes where blocks had not reached the disk. Rot and
//! mishaps damage it anywhere. Both look alike where they begin, so the rest of the file is searched: a whole batch behind
//! the fault that says that the file was durable beyond it proves damage. Where Redis has written to the file, it is
//! Redis's rule: an unexpected end is a torn one, anything else is damage.

use super::batch::{Header, LONGEST, MARK};
use crate::resp::parse::{ParseLimits, ParseState, Parsed, Span, parse};
use alloc::vec::Vec;

/// The longest annotation that Redis takes.
const LONGEST_ANNOTATION: usize = 128;
/// The first bytes that Redis writes to a file that it goes on with.
const REDIS_BEGINS: &[u8] = b"*2\r\n$6\r\nSELECT\r\n";
/// What Redis takes for the longest argument.
const LIMITS: ParseLimits = ParseLimits { max_bulk_len: u32::MAX as u64 / 2, authenticated: true };

/// Where a mark begins.
fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    memchr::memchr_iter(first, bytes).find(|&at| bytes[at..].starts_with(mark))
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It ends within a command, a batch or a transaction, or nothing behind the fault was ever made durable.
    Torn,
    /// There is something that is no command.
    Format,
    /// A batch is not the one that was written.
    Checksum,
}

impl core::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Torn => "unexpected end of file",
            Self::Format => "bad file format",
            Self::Checksum => "bad checksum",
        })
    }
}

/// Where a file is not in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The file is good up to here, in bytes.
    pub at: u64,
    /// What follows there.
    pub kind: FaultKind,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} at offset {}", self.kind, self.at)
    }
}

impl core::error::Error for Fault {}

/// What a step of the reader gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A command: [`Reader::command`].
    Command,
    /// The next portion is needed.
    Pause,
    /// The file's end, in good order.
    End,
}

/// A command in the reader's buffer: its bytes, and which of the words are its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    pub(crate) begin: usize,
    pub(crate) end: usize,
    pub(crate) first_span: usize,
    pub(crate) end_span: usize,
}

/// Reads a file. In: [`feed`](Self::feed), and [`finish`](Self::finish) when the file ends. Out: [`step`](Self::step). It
/// holds the bytes of one batch and of one portion, no more.
#[derive(Debug)]
pub struct Reader {
    buf: Vec<u8>,
    /// How much of `buf` was read.
    at: usize,
    /// The file's offset of `buf`'s first byte.
    base: u64,
    finished: bool,
    state: ParseState,
    /// The commands that were given out last, and their words.
    commands: Vec<Command>,
    spans: Vec<Span>,
    /// The batch that is being read ends here, at an offset of the file.
    batch_end: Option<u64>,
    /// Batches were found: the file is one of ours.
    ours: bool,
    /// The transaction that is open began here.
    transaction: Option<u64>,
    fault: Option<Fault>,
    /// Redis has written behind the fault.
    redis_follows: bool,
}

impl Reader {
    /// At the offset `base` of a file, where a command or an annotation begins.
    pub fn new(base: u64) -> Self {
        Self {
            buf: Vec::new(),
            at: 0,
            base,
            finished: false,
            state: ParseState::default(),
            commands: Vec::new(),
            spans: Vec::new(),
            batch_end: None,
            ours: false,
            transaction: None,
            fault: None,
            redis_follows: false,
        }
    }

    /// The next portion of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buf.drain(..self.at);
        self.base += self.at as u64;
        self.at = 0;
        self.buf.extend_from_slice(bytes);
    }

    /// There are no more portions.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// How far the file was read, in bytes.
    pub fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Whether the file has checksums.
    pub fn is_ours(&self) -> bool {
        self.ours
    }

    /// The command that was read last: its bytes and where its words lie in them.
    pub fn command(&self) -> (&[u8], &[Span]) {
        self.nth(self.commands.len().wrapping_sub(1)).unwrap_or_default()
    }

    /// Reads on.
    ///
    /// # Errors
    /// What is not in order, once enough was read to judge it.
    pub fn step(&mut self) -> Result<Event, Fault> {
        self.forget();
        self.read_on()
    }

    /// Reads up to so many commands, [`commands`](Self::commands), and says what stopped it: [`Event::Command`] means that
    /// there were as many. Where it was something else, those before it were read all the same.
    ///
    /// # Errors
    /// As those of [`step`](Self::step).
    pub(crate) fn steps(&mut self, most: usize) -> Result<Event, Fault> {
        self.forget();
        let mut event = Ok(Event::Command);
        while event == Ok(Event::Command) && self.commands.len() < most {
            event = self.read_on();
        }
        event
    }

    /// The commands that were read last: all bytes, all words, and which of them are whose.
    pub(crate) fn commands(&self) -> (&[u8], &[Span], &[Command]) {
        (&self.buf, &self.spans, &self.commands)
    }

    /// One of them: its bytes and where its words lie in them.
    pub(crate) fn nth(&self, index: usize) -> Option<(&[u8], &[Span])> {
        let command = self.commands.get(index)?;
        Some((&self.buf[command.begin..command.end], &self.spans[command.first_span..command.end_span]))
    }

    fn forget(&mut self) {
        self.commands.clear();
        self.spans.clear();
    }

    fn read_on(&mut self) -> Result<Event, Fault> {
        loop {
            if self.fault.is_some() {
                return self.judge();
            }
            if self.batch_end == Some(self.position()) {
                self.batch_end = None;
            }
            match self.buf.get(self.at) {
                None if !self.finished => return Ok(Event::Pause),
                None if self.transaction.is_some() => self.fail(FaultKind::Torn),
                None => return Ok(Event::End),
                Some(b'#') => {
                    if !self.annotation() {
                        return Ok(Event::Pause);
                    }
                }
                Some(b'*') => {
                    if let Some(event) = self.take_command() {
                        return Ok(event);
                    }
                }
                Some(_) => self.fail(FaultKind::Format),
            }
        }
    }

    fn fail(&mut self, kind: FaultKind) {
        self.fault = Some(Fault { at: self.transaction.unwrap_or(self.position()), kind });
    }

    /// Something does not go on in this portion: whether there will be another.
    fn lacking(&mut self) -> bool {
        if self.finished {
            self.fail(FaultKind::Torn);
        }
        !self.finished
    }

    /// Takes an annotation, and with it sees that its batch is whole; false: more bytes are needed.
    fn annotation(&mut self) -> bool {
        let rest = &self.buf[self.at..];
        let Some(end) = memchr::memchr(b'\n', &rest[..rest.len().min(LONGEST_ANNOTATION)]) else {
            if rest.len() >= LONGEST_ANNOTATION {
                self.fail(FaultKind::Format);
                return true;
            }
            return !self.lacking();
        };
        let line = rest[..end].trim_ascii_end();
        let Some(header) = Header::read(line).filter(|_| self.batch_end.is_none()) else {
            self.at += end + 1;
            return true;
        };
        let Some(batch) = rest.get(end + 1..).and_then(|rest| rest.get(..header.len as usize)) else {
            return !self.lacking();
        };
        if header.fits(line, batch, self.position()) {
            self.ours = true;
            self.at += end + 1;
            self.batch_end = Some(self.position() + header.len);
        } else {
            self.fail(FaultKind::Checksum);
        }
        true
    }

    fn take_command(&mut self) -> Option<Event> {
        let first_span = self.spans.len();
        match parse(&self.buf[self.at..], &mut self.state, &LIMITS, &mut self.spans) {
            Ok(Parsed::Complete { consumed }) if self.spans.len() > first_span => {
                let (begin, position) = (self.at, self.position());
                self.at += consumed;
                self.note_transaction(begin, position, first_span);
                let end_span = self.spans.len();
                self.commands.push(Command { begin, end: self.at, first_span, end_span });
                return Some(Event::Command);
            }
            Ok(Parsed::Incomplete) if self.batch_end.is_none() => {
                self.spans.truncate(first_span);
                return self.lacking().then_some(Event::Pause);
            }
            Ok(_) | Err(_) => {
                self.spans.truncate(first_span);
                self.fail(FaultKind::Format);
            }
        }
        None
    }

    fn note_transaction(&mut self, begin: usize, position: u64, first_span: usize) {
        if let [name] = self.spans[first_span..] {
            let name = name.of(&self.buf[begin..]);
            if name.eq_ignore_ascii_case(b"multi") {
                self.transaction = Some(position);
            } else if name.eq_ignore_ascii_case(b"exec") {
                self.transaction = None;
            }
        }
    }

    /// Searches what follows a fault for proof that it is damage.
    fn judge(&mut self) -> Result<Event, Fault> {
        let Some(fault) = self.fault else { return Ok(Event::Pause) };
        if !self.ours {
            return Err(fault);
        }
        while let Some(place) = find(&self.buf[self.at..], MARK) {
            self.note_redis(self.at + place);
            self.at += place;
            match self.proof(fault.at) {
                Some(true) => {
                    let kind = if fault.kind == FaultKind::Torn { FaultKind::Format } else { fault.kind };
                    return Err(Fault { kind, ..fault });
                }
                Some(false) => self.at += MARK.len(),
                None => return Ok(Event::Pause),
            }
        }
        self.note_redis(self.buf.len());
        if self.finished {
            let kind = if self.redis_follows { fault.kind } else { FaultKind::Torn };
            return Err(Fault { kind, ..fault });
        }
        self.at = self.at.max(self.buf.len().saturating_sub(REDIS_BEGINS.len() - 1));
        Ok(Event::Pause)
    }

    fn note_redis(&mut self, until: usize) {
        let passed = &self.buf[self.at..until];
        self.redis_follows |= find(passed, REDIS_BEGINS).is_some();
    }

    /// Whether a good batch begins here that knows of durable bytes behind `fault`; `None`: more bytes are needed.
    fn proof(&self, fault: u64) -> Option<bool> {
        let rest = &self.buf[self.at..];
        let end = memchr::memchr(b'\n', &rest[..rest.len().min(LONGEST)]);
        let Some(end) = end else {
            return (self.finished || rest.len() >= LONGEST).then_some(false);
        };
        let line = rest[..end].trim_ascii_end();
        let Some(header) = Header::read(line) else { return Some(false) };
        if self.position().saturating_sub(header.behind) <= fault {
            return Some(false);
        }
        match rest.get(end + 1..).and_then(|rest| rest.get(..header.len as usize)) {
            Some(batch) => Some(header.fits(line, batch, self.position())),
            None if self.finished => Some(false),
            None => None,
        }
    }
}

//! Finding where a value's body ends, piece by piece, without decoding it.

use super::form::Form;
use super::wire::{Reason, read_len, read_text};
use crate::words::codec::Reader;

/// What stands next in a body. Every form is a short program of these.
#[derive(Debug)]
enum Op {
    /// A string.
    Text,
    /// A length or other unsigned number.
    Number,
    /// So many bytes.
    Bytes(usize),
    /// A score as text: a length byte and that many characters; 253, 254 and 255 stand for themselves.
    Score,
    /// A count, and that many times the program.
    Times(&'static [Op]),
    /// Tagged items up to the tag 0.
    ModuleItems,
}

use Op::{Bytes, ModuleItems, Number, Score, Text, Times};

const ONE_TEXT: &[Op] = &[Text];
const TEXTS: &[Op] = &[Times(&[Text])];
const PAIRS: &[Op] = &[Times(&[Text, Text])];
const SCORED_TEXT: &[Op] = &[Times(&[Text, Score])];
const SCORED: &[Op] = &[Times(&[Text, Bytes(8)])];
const NODES: &[Op] = &[Times(&[Number, Text])];
const MODULE: &[Op] = &[Number, ModuleItems];
const DEADLINES_EARLY: &[Op] = &[Times(&[Number, Text, Text])];
const DEADLINES: &[Op] = &[Bytes(8), Times(&[Number, Text, Text])];
const DEADLINES_VALKEY: &[Op] = &[Times(&[Text, Text, Bytes(8)])];
const LISTPACK_DEADLINES: &[Op] = &[Bytes(8), Text];

/// A stream entry's number is two lengths here; in a pending list it is 16 raw bytes, then the time of delivery and
/// how often it was delivered.
const PENDING: Op = Times(&[Bytes(16), Bytes(8), Number]);
const STREAM: &[Op] = &[
    Times(&[Text, Text]),
    Number,
    Number,
    Number,
    Times(&[Text, Number, Number, PENDING, Times(&[Text, Bytes(8), Times(&[Bytes(16)])])]),
];
const STREAM_2: &[Op] = &[
    Times(&[Text, Text]),
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Times(&[Text, Number, Number, Number, PENDING, Times(&[Text, Bytes(8), Times(&[Bytes(16)])])]),
];
const STREAM_3: &[Op] = &[
    Times(&[Text, Text]),
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Times(&[Text, Number, Number, Number, PENDING, Times(&[Text, Bytes(16), Times(&[Bytes(16)])])]),
];
/// Deepest nesting of [`Op::Times`] and the program itself: groups of consumers with pending entries.
const MAX_DEPTH: usize = 4;

fn program(form: Form) -> Result<&'static [Op], Reason> {
    Ok(match form {
        Form::List | Form::Set | Form::ListZiplists => TEXTS,
        Form::ZsetText => SCORED_TEXT,
        Form::Zset => SCORED,
        Form::Hash => PAIRS,
        Form::ListQuicklist => NODES,
        Form::ModuleUnbounded => return Err(Reason::Unsupported("module (pre-release)")),
        Form::Module => MODULE,
        Form::Stream => STREAM,
        Form::Stream2 => STREAM_2,
        Form::Stream3 => STREAM_3,
        Form::HashDeadlinesEarly => DEADLINES_EARLY,
        Form::HashDeadlines => DEADLINES,
        Form::HashDeadlinesValkey => DEADLINES_VALKEY,
        Form::HashListpackDeadlines => LISTPACK_DEADLINES,
        Form::String
        | Form::HashZipmap
        | Form::ListZiplist
        | Form::SetIntset
        | Form::ZsetZiplist
        | Form::HashZiplist
        | Form::HashListpack
        | Form::ZsetListpack
        | Form::SetListpack
        | Form::HashListpackDeadlinesEarly => ONE_TEXT,
    })
}

/// One running program.
#[derive(Debug, Clone, Copy)]
struct Frame {
    ops: &'static [Op],
    next: usize,
    /// How often the program is still to run, this time included.
    left: u64,
}

/// The walk over one body. Bytes may arrive in any portions; no byte is looked at twice, except those of the string
/// or number that was cut by a portion's end.
#[derive(Debug)]
pub struct Walker {
    frames: [Frame; MAX_DEPTH],
    depth: usize,
    at: usize,
}

impl Walker {
    /// A walk over a body of this form; an error if there is no way to find such a body's end.
    pub fn new(form: Form) -> Result<Self, Reason> {
        Ok(Self::run(program(form)?))
    }

    /// A walk over what a module stored beside the keys, after its number.
    pub fn module_aux() -> Self {
        Self::run(&[ModuleItems])
    }

    fn run(ops: &'static [Op]) -> Self {
        let frame = Frame { ops, next: 0, left: 1 };
        Self { frames: [frame; MAX_DEPTH], depth: 1, at: 0 }
    }

    /// How many bytes were walked; after the end, the body's length.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Walks on. `body` is all that has arrived, from the body's first byte. True: the end was found. False: more
    /// bytes are needed.
    pub fn walk(&mut self, body: &[u8]) -> Result<bool, Reason> {
        let mut reader = Reader::new(body.get(self.at..).unwrap_or_default());
        let base = self.at;
        loop {
            let Some(frame) = self.depth.checked_sub(1).map(|top| &mut self.frames[top]) else {
                break Ok(true);
            };
            let Some(op) = frame.ops.get(frame.next) else {
                frame.next = 0;
                frame.left -= 1;
                self.depth -= usize::from(frame.left == 0);
                continue;
            };
            match self.step(op, &mut reader) {
                Ok(()) => self.at = base + reader.position(),
                Err(Reason::Truncated) => break Ok(false),
                Err(reason) => break Err(reason),
            }
        }
    }

    fn step(&mut self, op: &'static Op, reader: &mut Reader<'_>) -> Result<(), Reason> {
        match *op {
            Text => drop(read_text(reader)?),
            Number => drop(read_len(reader)?),
            Bytes(len) => drop(reader.take(len)?),
            Score => skip_score(reader)?,
            Times(ops) => {
                let left = read_len(reader)?;
                self.frames[self.depth - 1].next += 1;
                if left > 0 {
                    self.frames[self.depth] = Frame { ops, next: 0, left };
                    self.depth += 1;
                }
                return Ok(());
            }
            ModuleItems => {
                if !skip_module_item(reader)? {
                    return Ok(());
                }
            }
        }
        self.frames[self.depth - 1].next += 1;
        Ok(())
    }
}

fn skip_score(reader: &mut Reader<'_>) -> Result<(), Reason> {
    let len = reader.u8()?;
    if len < 253 {
        reader.take(len as usize)?;
    }
    Ok(())
}

/// Skips an item; true: it was the end.
fn skip_module_item(reader: &mut Reader<'_>) -> Result<bool, Reason> {
    match read_len(reader)? {
        0 => return Ok(true),
        1 | 2 => drop(read_len(reader)?),
        3 => drop(reader.take(4)?),
        4 => drop(reader.take(8)?),
        5 => drop(read_text(reader)?),
        _ => return Err(Reason::Module),
    }
    Ok(false)
}

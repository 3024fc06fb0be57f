//! The keys of a file, in a smaller file beside it: a start that leaves values where they lie need not read them.
//!
//! It is an RDB file of strings. Each stands for an entry of the file it lies beside, under the same key and with the same
//! metadata: a byte and what it announces, either a value's form and its body, or [`PLACE`] and where the body lies. The
//! fact [`BESIDE`], the last before the end, tells which file it lies beside.

use super::writer::Writer;
use crate::keyspace::record::PLACE_LEN;
use crate::types::Limits;
use crate::types::codec::{Dialect, Form, Reason, Text, put_len, read_text};
use crate::words::codec::{Put, Reader};
use alloc::format;
use alloc::string::String;

/// The fact's name.
pub const BESIDE: &[u8] = b"nuthatch-beside";
/// A place follows; no form has this type byte.
const PLACE: u8 = 0xff;

/// What tells a file from others: its length in bytes and the checksum at its end.
pub fn id(len: u64, sum: u64) -> String {
    format!("{len}-{sum:016x}")
}

/// Where a body lies, from its offset in the file; `None`: the value itself is noted.
pub type PlaceOf = fn(u64, Form, &[u8], &Limits) -> Option<[u8; PLACE_LEN]>;

/// What stands for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted<'a> {
    /// The value itself, which is short.
    Value(Form, &'a [u8]),
    /// Where it lies in the other file.
    At(&'a [u8]),
}

impl<'a> Noted<'a> {
    /// Reads it from the body of a string, of which nothing is compressed.
    ///
    /// # Errors
    /// It is none.
    pub fn read(body: &'a [u8]) -> Result<Self, Reason> {
        let Ok(Text::Raw(text)) = read_text(&mut Reader::new(body)) else {
            return Err(Reason::StringEncoding);
        };
        let (tag, rest) = text.split_first().ok_or(Reason::Truncated)?;
        if *tag == PLACE {
            return Ok(Self::At(rest));
        }
        let form = Form::from_byte(*tag, Dialect::Redis).ok_or(Reason::UnknownType(*tag))?;
        Ok(Self::Value(form, rest))
    }
}

/// Where an entry's parts begin in what its writer has collected, as counts of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) meta: usize,
    pub(super) form: usize,
    pub(super) body: usize,
}

/// Notes the entries of a file while that is written.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) writer: Writer,
    place_of: PlaceOf,
    limits: Limits,
}

impl Beside {
    pub(super) fn new(writer: Writer, place_of: PlaceOf, limits: Limits) -> Self {
        Self { writer, place_of, limits }
    }

    /// Notes the entry that ends `written`; its body lies at `offset` of the file.
    pub(super) fn note(&mut self, written: &[u8], head: Head, form: Form, offset: u64) {
        let (meta, key) = (&written[head.meta..head.form], &written[head.form + 1..head.body]);
        let body = &written[head.body..];
        let place = (self.place_of)(offset, form, body, &self.limits);
        let (tag, rest) = place.as_ref().map_or((form.byte(), body), |place| (PLACE, &place[..]));
        self.writer.entry_text(meta, key, &mut |out| {
            put_len(out, 1 + rest.len() as u64);
            out.put_u8(tag);
            out.extend_from_slice(rest);
        });
    }

    /// The file that it lies beside has this length and checksum: nothing follows.
    pub(super) fn finish(&mut self, len: u64, sum: u64) {
        self.writer.aux(BESIDE, id(len, sum).as_bytes());
        self.writer.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::{Entry, EntryMeta, Facts, Item, Loader, Options};
    use crate::types::ValueRef;
    use crate::types::string::StrRef;
    use crate::words::hash::HashKey;
    use alloc::vec::Vec;

    const FACTS: Facts<'static> = Facts { redis_version: b"7.2.0", ctime: 1, used_memory: 2, aof_base: true };

    fn limits() -> Limits {
        Limits::new(HashKey::new([1, 2]))
    }

    /// A place of nothing but the offset, for bodies of 100 bytes and more.
    fn place_of(offset: u64, _: Form, body: &[u8], _: &Limits) -> Option<[u8; PLACE_LEN]> {
        let mut place = [7; PLACE_LEN];
        place[..8].copy_from_slice(&offset.to_le_bytes());
        (body.len() >= 100).then_some(place)
    }

    fn entries(file: &[u8], each: &mut dyn FnMut(&Entry<'_>)) -> Vec<Vec<u8>> {
        let mut loader = Loader::new(true);
        loader.feed(file);
        loader.finish();
        let mut facts = Vec::new();
        while let Some(item) = loader.poll_item().unwrap() {
            match item {
                Item::Entry(entry) => each(&entry),
                Item::Aux { name: BESIDE, value } => facts.push(value.to_vec()),
                _ => {}
            }
        }
        assert!(loader.is_done());
        facts
    }

    #[test]
    fn it_tells_of_every_entry_what_the_file_itself_tells() {
        let mut writer =
            Writer::new(Options { compress: false, ..Options::default() }).with_beside(place_of, limits());
        writer.header(&FACTS);
        let values: Vec<Vec<u8>> = (0..200).map(|n| (0..n).map(|i| (i * n) as u8).collect()).collect();
        for (db, half) in values.chunks(100).enumerate() {
            writer.database(db as u32, 100, 50);
            for (n, value) in half.iter().enumerate() {
                let deadline = (n % 2 == 0).then_some(n as i64);
                let meta = EntryMeta { deadline, idle: Some(7), freq: None };
                writer.entry(value, &meta, ValueRef::Str(StrRef::from_bytes(value)));
            }
        }
        writer.finish();
        let keys = writer.beside().unwrap().take(Vec::new());
        let file = writer.take(Vec::new());

        let mut all = Vec::new();
        entries(&file, &mut |entry| {
            let meta = (entry.db, entry.key.to_vec(), entry.deadline, entry.idle, entry.freq);
            all.push((meta, entry.form, entry.body.to_vec(), entry.offset));
        });
        let (mut seen, mut places) = (0, 0);
        let facts = entries(&keys, &mut |entry| {
            let meta = (entry.db, entry.key.to_vec(), entry.deadline, entry.idle, entry.freq);
            let (of, form, body, offset) = &all[seen];
            assert_eq!(meta, *of);
            match Noted::read(entry.body).unwrap() {
                Noted::Value(noted, bytes) => assert_eq!((noted, bytes), (*form, &body[..])),
                Noted::At(place) => {
                    places += 1;
                    assert_eq!(
                        Some(place),
                        place_of(*offset, *form, body, &limits()).as_ref().map(|place| &place[..])
                    );
                }
            }
            seen += 1;
        });
        assert_eq!((seen, all.len()), (200, 200));
        assert!((80..200).contains(&places), "{places}");
        let sum = u64::from_le_bytes(file[file.len() - 8..].try_into().unwrap());
        assert_eq!(facts, [id(file.len() as u64, sum).into_bytes()]);
    }

    #[test]
    fn other_strings_are_refused() {
        let texts: [&[u8]; 4] = [b"", b"\x00", b"\x01\x63", b"\xc0\x07"];
        for text in texts {
            assert!(Noted::read(text).is_err(), "{text:?}");
        }
    }
}

//! What the fuzz targets for snapshots do with their input; see [`fuzz`](crate::fuzz).

use nuthatch_core::rdb::{Item, Loader, RdbError};
use nuthatch_core::types::codec::{Dialect, Encoder, Form, decode};
use nuthatch_core::types::{Limits, Value};
use nuthatch_core::words::hash::HashKey;

fn limits() -> Limits {
    let mut limits = Limits::new(HashKey::new([3, 4]));
    // Small inputs reach the full encodings too.
    limits.hash_max_listpack_entries = 4;
    limits.set_max_intset_entries = 4;
    limits.set_max_listpack_entries = 4;
    limits.zset_max_listpack_entries = 4;
    limits
}

/// What a file gives: each item printed, each value decoded and tried.
fn loaded(file: &[u8], portion: usize) -> Result<Vec<String>, RdbError> {
    // A fuzzer guesses no checksum.
    let mut loader = Loader::new(false);
    let mut out = Vec::new();
    let mut portions = file.chunks(portion.max(1));
    loop {
        while let Some(item) = loader.poll_item()? {
            if let Item::Entry(entry) = &item {
                tried(entry.form, entry.body);
            }
            out.push(format!("{item:?}"));
        }
        match portions.next() {
            Some(bytes) => loader.feed(bytes),
            None if out.last().is_some_and(|item| item.starts_with("End")) => return Ok(out),
            None => loader.finish(),
        }
    }
}

/// A value that is decoded is sound: what it is encoded to decodes to the same.
fn tried(form: Form, body: &[u8]) {
    let limits = limits();
    let Ok(value) = decode(form, body, &limits) else { return };
    assert!(value.kind() == nuthatch_core::types::Kind::String || !value.as_ref().is_empty(), "empty");
    for (version, compress) in [(10, true), (11, false)] {
        let mut encoder = Encoder::new(version, compress);
        let mut bytes = Vec::new();
        encoder.body(value.as_ref(), &mut bytes);
        let again = decode(encoder.form(value.as_ref()), &bytes, &limits);
        #[expect(clippy::panic, reason = "this is what the fuzzer looks for")]
        let again =
            again.unwrap_or_else(|error| panic!("{form:?} {body:?}: own encoding refused: {error:?}"));
        assert_eq!(printed(&value), printed(&again), "{form:?} {body:?}");
    }
}

/// A value's elements, in an order of their own where the value has none.
pub fn printed(value: &Value) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut text = |element: nuthatch_core::types::listpack::Element<'_>| out.push(element.to_vec());
    match value {
        Value::Str(value) => out.push(value.as_ref().to_vec()),
        Value::List(list) => list.as_ref().iter().for_each(&mut text),
        Value::Set(set) => set.as_ref().iter().for_each(&mut text),
        Value::Hash(hash) => hash.as_ref().iter().for_each(|(field, value)| {
            let pair = [field.to_vec(), value.to_vec()];
            out.push(pair.join(&b'='));
        }),
        Value::Zset(zset) => zset.as_ref().iter().for_each(|(member, score)| {
            out.push([member.to_vec(), score.to_bits().to_be_bytes().to_vec()].join(&b'='));
        }),
    }
    if !matches!(value, Value::List(_)) {
        out.sort();
    }
    out
}

/// A file gives the same items whatever way it was cut. The first byte decides the cut.
pub fn rdb(input: &[u8]) {
    let Some((&cut, file)) = input.split_first() else { return };
    let whole = loaded(file, file.len());
    let pieces = loaded(file, usize::from(cut));
    assert_eq!(whole, pieces, "the cut changes what is found");
}

/// One value of the form that the first byte names.
pub fn value(input: &[u8]) {
    let Some((&byte, body)) = input.split_first() else { return };
    for dialect in [Dialect::Redis, Dialect::Valkey] {
        if let Some(form) = Form::from_byte(byte, dialect) {
            tried(form, body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Dice;
    use std::{fs, path::Path};

    fn files() -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rdb-corpus/data");
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut files: Vec<_> = paths.flat_map(fs::read).filter(|file| file.len() < 6_000).collect();
        files.sort();
        files
    }

    fn spoil(bytes: &mut Vec<u8>, dice: &mut Dice) {
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len());
            match dice.below(5) {
                0 => bytes[at] ^= 1 << dice.below(8),
                1 => bytes[at] = *dice.pick(&[0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xfe, 0xff]),
                2 => bytes.truncate(at.max(10)),
                3 => bytes.insert(at, dice.below(256) as u8),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
    }

    #[test]
    fn spoiled_files() {
        let files = files();
        assert!(files.len() > 30, "the corpus");
        let mut dice = Dice::new(1);
        for _ in 0..4_000 {
            let mut input = vec![dice.below(256) as u8];
            input.extend_from_slice(dice.pick::<Vec<u8>>(&files));
            spoil(&mut input, &mut dice);
            rdb(&input);
        }
    }

    #[test]
    fn spoiled_values() {
        let mut bodies = Vec::new();
        for file in files() {
            let mut loader = Loader::new(false);
            loader.feed(&file);
            while let Ok(Some(item)) = loader.poll_item() {
                if let Item::Entry(entry) = item {
                    bodies.push([&[entry.form.byte()], entry.body].concat());
                }
            }
        }
        let mut dice = Dice::new(2);
        for _ in 0..30_000 {
            let mut input = dice.pick::<Vec<u8>>(&bodies).clone();
            spoil(&mut input, &mut dice);
            value(&input);
        }
    }
}

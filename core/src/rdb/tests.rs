//! Files in pieces: what the loader gives out must not depend on how the file arrives.

use super::{Cause, Checksum, EntryMeta, Facts, Item, Loader, Options, RdbError, Writer};
use crate::types::Limits;
use crate::types::codec::{Form, Reason};
use crate::words::hash::HashKey;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

fn raw(writer: &mut Writer, key: &[u8], meta: &EntryMeta, value: (Form, &[u8])) {
    writer.entry_raw(key, meta, value, &Limits::new(HashKey::new([0; 2]))).unwrap();
}

/// Two databases, a deadline, an idle time, a frequency, a function, and values of three forms.
fn sample(options: Options) -> Vec<u8> {
    let mut writer = Writer::new(options);
    let facts =
        Facts { redis_version: b"7.0.15", ctime: 1_700_000_000, used_memory: 1 << 20, aof_base: false };
    writer.header(&facts);
    writer.function(b"#!lua name=lib\nreturn 1");
    writer.database(0, 3, 1);
    let none = EntryMeta::default();
    raw(&mut writer, b"a key", &none, (Form::String, b"\x05hello"));
    raw(&mut writer, b"12", &EntryMeta { deadline: Some(-7), ..none }, (Form::Set, b"\x02\xc0\x07\x01x"));
    raw(&mut writer, &[b'k'; 100], &EntryMeta { idle: Some(99), ..none }, (Form::String, b"\xc1\x2c\x01"));
    writer.database(11, 1, 0);
    raw(
        &mut writer,
        b"m",
        &EntryMeta { freq: Some(9), ..none },
        (Form::Module, b"\x01\x05\x02ab\x02\x07\x00"),
    );
    writer.finish();
    writer.take(Vec::new())
}

/// Everything that comes out, each item printed, when the file arrives in portions of `portion` bytes.
fn read(file: &[u8], portion: usize) -> Result<Vec<String>, RdbError> {
    let mut loader = Loader::new(true);
    let mut seen = Vec::new();
    for bytes in file.chunks(portion) {
        loader.feed(bytes);
        while let Some(item) = loader.poll_item()? {
            seen.push(format!("{item:?}"));
        }
    }
    loader.finish();
    while let Some(item) = loader.poll_item()? {
        seen.push(format!("{item:?}"));
    }
    Ok(seen)
}

#[test]
fn what_was_written_is_read() {
    let file = sample(Options::default());
    let mut loader = Loader::new(true);
    loader.feed(&file);
    let mut entries = Vec::new();
    let mut end = None;
    while let Some(item) = loader.poll_item().unwrap() {
        match item {
            Item::Entry(e) => {
                assert_eq!(&file[e.offset as usize..][..e.body.len()], e.body);
                entries.push((e.db, e.key.to_vec(), e.form, e.deadline, e.idle, e.freq));
            }
            Item::End(checksum) => end = Some(checksum),
            _ => {}
        }
    }
    let expected = [
        (0, b"a key".to_vec(), Form::String, None, None, None),
        (0, b"12".to_vec(), Form::Set, Some(-7), None, None),
        (0, std::vec![b'k'; 100], Form::String, None, Some(99), None),
        (11, b"m".to_vec(), Form::Module, None, None, Some(9)),
    ];
    assert_eq!(entries, expected);
    assert_eq!(end, Some(Checksum::Right));
}

#[test]
fn portions_do_not_matter() {
    let file = sample(Options::default());
    let whole = read(&file, file.len()).unwrap();
    assert_eq!(whole.len(), 5 + 1 + 2 + 4 + 2);
    for portion in 1..40 {
        assert_eq!(read(&file, portion).as_ref(), Ok(&whole), "portions of {portion}");
    }
}

#[test]
fn every_cut_is_an_error() {
    let file = sample(Options::default());
    for cut in 0..file.len() {
        let error = read(&file[..cut], 7).unwrap_err();
        assert_eq!(error.cause, Cause::Value(Reason::Truncated), "cut at {cut}");
        assert!(error.offset <= cut as u64);
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    let file = sample(Options::default());
    // The version is not summed with a meaning of its own: 10 may become another known one, the sum is then wrong.
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&damaged, 64).is_err(), "bit {bit}");
    }
}

#[test]
fn without_a_checksum() {
    let file = sample(Options { checksum: false, ..Options::default() });
    assert!(file.ends_with(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(read(&file, 9).unwrap().last().map(String::as_str), Some("End(Off)"));
}

#[test]
fn an_error_names_its_key_and_place() {
    let mut writer = Writer::new(Options::default());
    writer.header(&Facts { redis_version: b"7", ctime: 0, used_memory: 0, aof_base: true });
    raw(&mut writer, b"good", &EntryMeta::default(), (Form::String, b"\x01x"));
    let start = writer.len();
    raw(&mut writer, b"b\x00d", &EntryMeta::default(), (Form::List, b"\x02\x01x\xc7"));
    writer.finish();
    let error = read(&writer.take(Vec::new()), 1000).unwrap_err();
    assert_eq!(error.key.as_deref(), Some(&b"b\x00d"[..]));
    assert_eq!(error.offset, start + 1 + 4 + 3);
    assert_eq!(
        format!("{error}"),
        format!("offset {}, key 'b\\x00d': a string has an unknown encoding", error.offset)
    );
}

#[test]
fn other_files_are_refused() {
    let cause = |bytes: &[u8]| read(bytes, 100).unwrap_err().cause;
    assert_eq!(cause(b"*2\r\n$6\r\nSELECT"), Cause::Magic);
    assert_eq!(cause(b"REDIS00x1"), Cause::Magic);
    assert_eq!(cause(b"REDIS0099\xff"), Cause::Version(99));
    assert_eq!(cause(b"REDIS0000\xff"), Cause::Version(0));
    assert_eq!(cause(b"VALKEY012\xff"), Cause::Version(12));
    assert_eq!(cause(b"REDIS0013\xf3"), Cause::Opcode(0xf3));
    assert_eq!(cause(b"REDIS0011\x1a\x01k"), Cause::Value(Reason::UnknownType(26)));
    assert_eq!(cause(b"REDIS0011\xfe\x81\x00\x00\x00\x01\x00\x00\x00\x00"), Cause::Database(1 << 32));
}

#[test]
fn valkey_has_another_22() {
    let hash = b"VALKEY080\x16\x01k\x01\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0";
    let seen = read(hash, 3).unwrap();
    assert!(seen[0].contains("HashDeadlinesValkey"), "{seen:?}");
    assert_eq!(seen.len(), 2);
}

/// A value much longer than a portion was copied anew with each, and each copy's buffer went back to be read into: six times the
/// value in memory, and half a terabyte of copies for one of 512 MB.
#[test]
fn a_long_value_is_put_together_once() {
    let mut writer = Writer::new(Options { compress: false, ..Options::default() });
    let long = vec![b'x'; 1 << 20];
    writer.header(&Facts { redis_version: b"7.0.15", ctime: 0, used_memory: 0, aof_base: false });
    writer.database(0, 2, 0);
    for key in [b"a", b"b"] {
        let body = [&b"\x80\x00\x10\x00\x00"[..], &long].concat();
        raw(&mut writer, key, &EntryMeta::default(), (Form::String, &body));
    }
    writer.finish();
    let file = writer.take(Vec::new());
    let (mut loader, mut entries) = (Loader::new(true), 0);
    for portion in file.chunks(4096) {
        let spare = loader.feed_owned(portion.to_vec());
        assert!(spare.capacity() <= 2 * 4096, "{}", spare.capacity());
        while let Some(item) = loader.poll_item().unwrap() {
            if let Item::Entry(entry) = item {
                assert!(entry.body.ends_with(&long));
                entries += 1;
            }
        }
    }
    assert!(loader.is_done() && entries == 2);
}

#[test]
fn what_follows_the_end_is_left() {
    let mut file = sample(Options::default());
    let len = file.len();
    file.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let mut loader = Loader::new(true);
    loader.feed(&file);
    while loader.poll_item().unwrap().is_some() {}
    assert!(loader.is_done());
    assert_eq!(loader.position(), len as u64);
    assert_eq!(loader.rest(), b"*1\r\n$4\r\nPING\r\n");
}

/// A tool that changes a file and sets its checksum to 0 does not hide what else it did: the seal before the end tells.
#[test]
fn a_lost_checksum_hides_nothing() {
    let mut file = sample(Options::default());
    let footer = file.len() - 8;
    file[footer..].fill(0);
    assert_eq!(read(&file, 50).unwrap().last().map(String::as_str), Some("End(Off)"));
    let at = file.windows(5).position(|part| part == b"hello").unwrap();
    file[at] ^= 1;
    assert!(matches!(read(&file, 50).unwrap_err().cause, Cause::Checksum { .. }));
}

/// Where commands are written there is no header, no end, and what was encoded is decoded.
#[test]
fn commands_that_make_the_dataset() {
    let mut writer = Writer::new(Options { commands: true, checksum: false, ..Options::default() });
    writer.header(&Facts { redis_version: b"7", ctime: 0, used_memory: 0, aof_base: true });
    writer.database(3, 2, 1);
    raw(
        &mut writer,
        b"k",
        &EntryMeta { deadline: Some(5), ..EntryMeta::default() },
        (Form::String, b"\xc0\x07"),
    );
    raw(&mut writer, b"l", &EntryMeta::default(), (Form::List, b"\x02\x01x\x01y"));
    writer.finish();
    let expected =
        "*2 $6 select $1 3 *3 $3 SET $1 k $1 7 *3 $9 PEXPIREAT $1 k $1 5 *4 $5 RPUSH $1 l $1 x $1 y ";
    assert_eq!(String::from_utf8(writer.take(Vec::new())).unwrap().replace("\r\n", " "), expected);
}

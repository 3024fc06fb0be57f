//! Every cut and every flipped bit of a small file, and the manifest's lines.

use super::{Encoder, Event, Fault, FaultKind, Manifest, Reader, seal};
use crate::args::Args;
use crate::resp::parse::{ParseLimits, ParseState, parse};
use alloc::vec::Vec;
use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};

/// The commands of a file, one a line, and what is wrong with it; fed in portions of `portion` bytes.
fn read(file: &[u8], portion: usize) -> (Vec<String>, Option<Fault>) {
    let mut reader = Reader::new(0);
    let mut commands = Vec::new();
    let mut portions = file.chunks(portion);
    loop {
        match reader.step() {
            Ok(Event::Command) => {
                let (bytes, spans) = reader.command();
                let words: Vec<String> =
                    spans.iter().map(|span| String::from_utf8_lossy(span.of(bytes)).into()).collect();
                commands.push(words.join(" "));
            }
            Ok(Event::Pause) => match portions.next() {
                Some(bytes) => reader.feed(bytes),
                None => reader.finish(),
            },
            Ok(Event::End) => return (commands, None),
            Err(fault) => return (commands, Some(fault)),
        }
    }
}

/// Three batches with their beginnings, each durable when the next was written, and a closing line.
fn file() -> (Vec<u8>, Vec<usize>) {
    let mut encoder = Encoder::default();
    let (mut out, mut starts) = (seal(b"", 0, 0), Vec::new());
    for turn in 0..3 {
        for key in 0..2 {
            let (key, value) = (format!("k{turn}{key}"), format!("v{turn}"));
            let words = [&b"SET"[..], key.as_bytes(), value.as_bytes()];
            encoder.command(turn / 2, words.into_iter());
        }
        starts.push(out.len());
        out.extend(encoder.seal(out.len() as u64, 0));
    }
    starts.push(out.len());
    (out, starts)
}

const ALL: [&str; 8] = [
    "select 0",
    "SET k00 v0",
    "SET k01 v0",
    "SET k10 v1",
    "SET k11 v1",
    "select 1",
    "SET k20 v2",
    "SET k21 v2",
];

#[test]
fn any_portions_give_the_same_commands() {
    let (file, _) = file();
    for portion in [1, 2, 7, 64, 4096] {
        let (commands, fault) = read(&file, portion);
        assert_eq!((commands, fault), (ALL.map(String::from).into(), None), "{portion}");
    }
}

/// However many commands are asked for at once, and whatever stops the reader among them, they are the same.
#[test]
fn many_steps_at_once_give_the_same_commands() {
    let (file, _) = file();
    for (len, most) in (0..=file.len()).flat_map(|len| (1..6).map(move |most| (len, most))) {
        let (alone, fault) = read(&file[..len], 64);
        let (mut reader, mut portions) = (Reader::new(0), file[..len].chunks(64));
        let mut commands = Vec::new();
        let end = loop {
            let event = reader.steps(most);
            for (bytes, spans) in (0..).map_while(|at| reader.nth(at)) {
                let words: Vec<String> =
                    spans.iter().map(|span| String::from_utf8_lossy(span.of(bytes)).into()).collect();
                commands.push(words.join(" "));
            }
            match event {
                Ok(Event::Command) => {}
                Ok(Event::Pause) => match portions.next() {
                    Some(bytes) => reader.feed(bytes),
                    None => reader.finish(),
                },
                Ok(Event::End) => break None,
                Err(fault) => break Some(fault),
            }
        };
        assert_eq!((commands, end), (alone, fault), "{len} bytes, {most} at once");
    }
}

/// A transaction of one command was written between MULTI and EXEC, which Redis leaves away: whoever compares or counts
/// what both wrote found three commands for one.
#[test]
fn a_transaction_of_one_command_is_that_command() {
    let set = |encoder: &mut Encoder, db| encoder.command(db, [&b"SET"[..], b"k", b"v"].into_iter());
    for (count, removals, stands_still) in
        [(0, 0, false), (1, 0, false), (2, 0, false), (1, 1, false), (1, 0, true), (2, 0, true), (1, 1, true)]
    {
        let mut encoder = Encoder::default();
        set(&mut encoder, 0);
        encoder.begin_transaction(1);
        for n in 0..count {
            if stands_still {
                let piece = encoder.suspend_transaction();
                set(&mut encoder, 2);
                encoder.resume_transaction(1, &piece);
            }
            set(&mut encoder, n);
        }
        (0..removals).for_each(|_| encoder.removal(0, b"gone"));
        if stands_still {
            let piece = encoder.suspend_transaction();
            set(&mut encoder, 2);
            encoder.resume_transaction(1, &piece);
        }
        encoder.end_transaction(1);
        set(&mut encoder, 3);
        let (commands, fault) = read(&encoder.seal(0, 0), 64);
        assert_eq!(fault, None);
        let named = |name: &str| commands.iter().filter(|command| *command == name).count();
        let whole = usize::from(count + removals > 1);
        assert_eq!((named("MULTI"), named("EXEC")), (whole, whole), "{commands:?}");
        let mut db = 0;
        let mut written = Vec::new();
        for command in &commands {
            match command.strip_prefix("select ") {
                Some(number) => db = number.parse().unwrap(),
                None if command == "SET k v" => written.push(db),
                None => {}
            }
        }
        let between = |n: usize| if stands_still { n } else { 0 };
        let others = between(count + 1);
        assert_eq!(written.len(), 1 + count + others + 1, "{commands:?}");
        let own: Vec<usize> = (0..count).chain([3]).collect();
        assert_eq!(written[1 + others..], own, "each in its database: {commands:?}");
    }
}

/// What a client sent is copied only where it is just what would be written; everything else is written anew.
#[test]
fn commands_as_received_are_written_as_any_other() {
    let long = "x".repeat(1234);
    let same = [
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n".into(),
        format!("*2\r\n$10\r\nabcdefghij\r\n$1234\r\n{long}\r\nPING\r\n"),
        "*12\r\n".to_owned() + &"$1\r\na\r\n".repeat(12),
    ];
    let other = ["        SET      k      v\r\n", "SET k v\r\n"];
    for (text, copied) in same.iter().map(|text| (&text[..], true)).chain(other.map(|text| (text, false))) {
        let (mut state, mut spans) = (ParseState::default(), Vec::new());
        let limits = ParseLimits { max_bulk_len: 1 << 20, authenticated: true };
        parse(text.as_bytes(), &mut state, &limits, &mut spans).unwrap();
        let args = Args::new(text.as_bytes(), &spans);
        let (mut whole, mut words) = (Encoder::default(), Encoder::default());
        assert_eq!(args.as_array().is_some(), copied, "{text:?}");
        if let Some(array) = args.as_array() {
            whole.whole(3, array);
            words.command(3, args.iter());
            assert_eq!(
                whole.seal(0, 0).escape_ascii().to_string(),
                words.seal(0, 0).escape_ascii().to_string()
            );
        }
    }
}

#[test]
fn a_file_that_is_cut_is_good_up_to_its_last_whole_batch() {
    let (file, starts) = file();
    for cut in 1..file.len() {
        let (_, fault) = read(&file[..cut], 16);
        let good = starts.iter().rev().find(|start| **start <= cut).copied().unwrap_or(0);
        if cut < starts[0] || good != cut {
            let fault = fault.unwrap_or_else(|| std::panic!("no fault at {cut}"));
            assert_eq!(fault, Fault { at: good as u64, kind: FaultKind::Torn }, "{cut}");
        } else {
            assert_eq!(fault, None, "{cut}");
        }
    }
}

#[test]
fn no_flipped_bit_is_loaded_once_the_file_was_closed() {
    let (mut file, _) = file();
    let end = file.len();
    file.extend(seal(b"", end as u64, 0));
    for bit in 0..end * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (commands, fault) = read(&flipped, 4096);
        let harmless = fault.is_none() && commands == ALL;
        let found = fault.is_some_and(|fault| fault.kind != FaultKind::Torn);
        assert!(harmless || found, "bit {bit}: {fault:?} {commands:?}");
    }
}

#[test]
fn holes_in_what_was_not_durable_are_a_torn_end() {
    let (file, starts) = file();
    let end = file.len();
    let mut holed = file.clone();
    // A batch that does not know that the one before it was durable.
    holed.extend(seal(b"*1\r\n$4\r\nPING\r\n", end as u64, (end - starts[2]) as u64));
    holed[starts[2] + 40] = 0;
    let (_, fault) = read(&holed, 4096);
    assert_eq!(fault, Some(Fault { at: starts[2] as u64, kind: FaultKind::Torn }));
    // The same fault, after which the file was made durable.
    let at = holed.len() as u64;
    holed.extend(seal(b"", at, 0));
    let (_, fault) = read(&holed, 4096);
    assert_eq!(fault, Some(Fault { at: starts[2] as u64, kind: FaultKind::Checksum }));
}

#[test]
fn what_redis_appended_is_read_by_its_rules() {
    let (mut file, _) = file();
    let end = file.len() as u64;
    file.extend_from_slice(
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n#TS:1700000000\r\n*2\r\n$3\r\nDEL\r\n$3\r\nk00\r\n",
    );
    let (commands, fault) = read(&file, 4096);
    assert_eq!((commands.len(), fault), (10, None));
    let whole = file.len() as u64;
    file.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$3\r\nk01\r\n");
    assert_eq!(read(&file, 4096).1, Some(Fault { at: whole, kind: FaultKind::Torn }));
    // Redis cut a torn batch of ours and went on: nothing of its work may be cut off as a torn end.
    let mut cut = file[..end as usize - 4].to_vec();
    cut.extend_from_slice(&file[end as usize..]);
    assert_eq!(read(&cut, 4096).1.map(|fault| fault.kind), Some(FaultKind::Checksum));
}

#[test]
fn manifests_are_redis_s() {
    let text = b"file a.aof.2.base.rdb seq 2 type b\nfile a.aof.1.incr.aof seq 1 type h\n\
        file a.aof.3.incr.aof seq 3 type i\nfile \"a b.4.incr.aof\" seq 4 type i\n";
    let mut manifest = Manifest::read(text).unwrap();
    assert_eq!(manifest.text(), text);
    assert_eq!((manifest.base_seq, manifest.increment_seq), (2, 4));
    assert_eq!(manifest.new_increment(b"a.aof").name, b"a.aof.5.incr.aof");
    assert_eq!(manifest.new_base(b"a.aof", false).name, b"a.aof.3.base.aof");
    assert_eq!(manifest.history.len(), 2);
    for wrong in [
        "",
        "file a seq 1 type b",
        "file a/b seq 1 type b\n",
        "file a seq 0 type b\n",
        "file a seq 1 type x\n",
    ] {
        assert!(Manifest::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

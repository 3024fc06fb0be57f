//! What the commands put into the journal. Replies, encodings and events are compared with the reference's from outside.

use crate::engine::trial::Trial;

#[test]
fn relative_expiries_become_unix_time() {
    let mut trial = Trial::new();
    for (line, journal) in [
        ("SET k v", "SET k v"),
        ("set k v ex 10", "SET k v PXAT 1010000"),
        ("SET k v PX 10 GET", "SET k v PXAT 1000010"),
        ("SET k v EXAT 2000", "SET k v PXAT 2000000"),
        ("SET k v PXAT 2000000 NX", ""),
        ("SET k v PXAT 2000000", "SET k v PXAT 2000000"),
        ("SETEX k 10 v", "SET k v PXAT 1010000"),
        ("PSETEX k 10 v", "SET k v PXAT 1000010"),
        ("GETEX k EX 10", "PEXPIREAT k 1010000"),
        ("GETEX k", ""),
        ("GETEX k PERSIST", "PERSIST k"),
        ("GETEX k PERSIST", ""),
        ("GETEX k PXAT 1", "DEL k"),
        ("GETEX k PXAT 1", ""),
        ("SET k v", "SET k v"),
        ("EXPIRE k 10", "PEXPIREAT k 1010000"),
        ("PEXPIRE k 20000 gt", "PEXPIREAT k 1020000 gt"),
        ("EXPIREAT k 1015 XX LT", "PEXPIREAT k 1015000 XX LT"),
        ("EXPIRE k 30 NX", ""),
    ] {
        assert_eq!(trial.journal_of(line), journal, "{line}");
    }
}

#[test]
fn what_depends_on_the_moment_is_journaled_as_its_result() {
    let mut trial = Trial::new();
    for (line, journal) in [
        ("INCRBYFLOAT f 3.0e0", "SET f 3 KEEPTTL"),
        ("INCRBYFLOAT f 0.1", "SET f 3.1 KEEPTTL"),
        ("GETSET f x", "SET f x"),
        ("SET f y GET XX KEEPTTL", "SET f y XX KEEPTTL"),
        ("GETDEL f", "DEL f"),
        ("GETDEL f", ""),
        ("MSETNX a 1 b 2", "MSETNX a 1 b 2"),
        ("MSETNX a 1 c 2", ""),
        ("SETNX a 1", ""),
        ("SETRANGE none 5 \"\"", ""),
        ("BITOP AND d e", ""),
        ("BITOP OR d a", "BITOP OR d a"),
        ("BITOP AND d e", "BITOP AND d e"),
    ] {
        assert_eq!(trial.journal_of(line), journal, "{line}");
    }
}

#[test]
fn bits_that_stay_as_they_are_are_no_change() {
    let mut trial = Trial::new();
    for (line, journal) in [
        ("SETBIT b 7 0", "SETBIT b 7 0"),
        ("SETBIT b 7 0", ""),
        ("SETBIT b 8 0", "SETBIT b 8 0"),
        ("BITFIELD b SET u8 0 0", ""),
        (
            "BITFIELD b SET u8 0 1 OVERFLOW FAIL INCRBY u8 0 255",
            "BITFIELD b SET u8 0 1 OVERFLOW FAIL INCRBY u8 0 255",
        ),
        ("BITFIELD b OVERFLOW FAIL INCRBY u8 0 255", ""),
        ("BITFIELD b GET u8 0", ""),
    ] {
        assert_eq!(trial.journal_of(line), journal, "{line}");
    }
}

/// A field that fails to be written leaves the string that was made for it, uncounted, as in the reference.
#[test]
fn a_failed_field_still_makes_room() {
    let mut trial = Trial::new();
    assert_eq!(trial.journal_of("BITFIELD b OVERFLOW FAIL SET u8 8 300"), "");
    assert_eq!(trial.call(0, "STRLEN b"), ":2");
}

/// An edit that is refused leaves the value, its encoding and its deadline alone.
#[test]
fn refused_edits_change_nothing() {
    let mut trial = Trial::new();
    trial.call(0, "SET n 9223372036854775807");
    trial.call(0, "SET s abc");
    for line in [
        "INCR n",
        "INCR s",
        "INCRBYFLOAT s 1",
        "INCRBYFLOAT n inf",
        "SETRANGE s 536870910 abc",
        "SETBIT s 4294967296 1",
    ] {
        assert!(trial.call(0, line).starts_with("-ERR"), "{line}");
    }
    assert_eq!(trial.call(0, "MGET n s"), "*2 9223372036854775807 abc");
}

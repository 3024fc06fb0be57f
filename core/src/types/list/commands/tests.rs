//! What the commands put into the journal, and who is served when several wait. The expectations are what
//! redis-server 7.0.15 did; replies, encodings and events are compared with it from outside.

use crate::engine::trial::Trial;

#[test]
fn the_journal_has_no_blocking_command_and_no_numkeys() {
    let mut trial = Trial::new();
    for (line, journal) in [
        ("rpush l a b", "rpush l a b"),
        ("lpushx no d", ""),
        ("linsert l before nope z", ""),
        ("lrem l 1 nope", ""),
        ("ltrim l 0 100", ""),
        ("lmove l m left right", "lmove l m left right"),
        ("rpoplpush l n", "rpoplpush l n"),
        ("lpop n", "lpop n"),
        ("lpop n 5", ""),
        ("rpush q 1 2 3", "rpush q 1 2 3"),
        ("lmpop 2 p q left count 9", "LPOP q 3"),
        ("rpush q 1", "rpush q 1"),
        ("blpop q 1", "LPOP q"),
        ("rpush q 1", "rpush q 1"),
        ("brpoplpush q w 1", "RPOPLPUSH q w"),
        ("blmove w w left left 1", "LMOVE w w left left"),
        ("blmpop 1 1 w left", "LPOP w 1"),
        ("lpop w 0", ""),
    ] {
        trial.call(0, line);
        assert_eq!(trial.journal(), journal, "{line}");
    }
}

#[test]
fn a_served_wait_is_journaled_behind_the_push() {
    for (wait, push, journal) in [
        ("blpop z 0", "rpush z a", "rpush z a|LPOP z"),
        ("brpop x z 0", "rpush z a b", "rpush z a b|RPOP z"),
        ("blmove z d left right 0", "rpush z a", "rpush z a|LMOVE z d left right"),
        ("brpoplpush z d 0", "rpush z a", "rpush z a|RPOPLPUSH z d"),
        ("blmpop 0 2 x z left count 2", "rpush z 1 2 3", "rpush z 1 2 3|LPOP z 2"),
    ] {
        let mut trial = Trial::new();
        assert_eq!(trial.call(1, wait), "");
        trial.call(0, push);
        assert_ne!(trial.hear(1), "");
        assert_eq!(trial.journal(), journal);
    }
}

#[test]
fn the_longest_wait_is_served_first() {
    let mut trial = Trial::new();
    trial.call(1, "brpop q 0");
    trial.call(2, "blpop q 0");
    assert_eq!(trial.call(0, "rpush q 1 2 3"), ":3");
    assert_eq!((trial.hear(1), trial.hear(2)), ("*2 q 3".into(), "*2 q 1".into()));
    assert_eq!(trial.call(0, "lrange q 0 -1"), "*1 2");
}

/// A wait for several keys ends with the key that became ready, whatever the others hold by now: running the command
/// again over all its keys answered WRONGTYPE, or took from a key whose turn had not come.
#[test]
fn a_wait_ends_with_the_key_that_became_ready() {
    let mut trial = Trial::new();
    trial.call(1, "blpop k1 k2 0");
    assert_eq!(trial.call(0, "set k1 x"), "+OK");
    assert_eq!(trial.call(0, "lpush k2 v"), ":1");
    assert_eq!(trial.hear(1), "*2 k2 v");

    let mut trial = Trial::new();
    trial.call(1, "blpop k1 k2 0");
    trial.call(0, "multi");
    trial.call(0, "lpush k2 v");
    trial.call(0, "lpush k1 w");
    trial.call(0, "exec");
    assert_eq!(trial.hear(1), "*2 k2 v");
    assert_eq!(trial.call(0, "lrange k1 0 -1"), "*1 w");
}

/// A key that was a set first and is a list at the end of the transaction was served before one that became a list in between:
/// any value had counted as ready.
#[test]
fn a_key_has_its_turn_by_when_it_became_a_list() {
    let mut trial = Trial::new();
    trial.call(1, "blpop k1 k2 0");
    for line in ["multi", "sadd k1 m", "lpush k2 v", "del k1", "lpush k1 w", "exec"] {
        trial.call(0, line);
    }
    assert_eq!(trial.hear(1), "*2 k2 v");
}

#[test]
fn another_type_does_not_end_a_wait() {
    let mut trial = Trial::new();
    trial.call(1, "blpop m 0");
    trial.call(0, "zadd m 1 a");
    assert_eq!(trial.hear(1), "");
    trial.call(0, "del m");
    trial.call(0, "rpush n 5");
    trial.call(0, "rename n m");
    assert_eq!(trial.hear(1), "*2 m 5");
}

#[test]
fn a_chain_of_waits_is_served_in_one_go() {
    let mut trial = Trial::new();
    trial.call(1, "blmove s d left right 0");
    trial.call(2, "blpop d 0");
    trial.call(0, "rpush s z");
    assert_eq!((trial.hear(1), trial.hear(2)), ("z".into(), "*2 d z".into()));
}

#[test]
fn a_destination_of_another_type_ends_the_wait_and_takes_nothing() {
    let mut trial = Trial::new();
    trial.call(0, "set d string");
    trial.call(1, "brpoplpush s d 0");
    trial.call(0, "rpush s z");
    assert!(trial.hear(1).starts_with("-WRONGTYPE"));
    assert_eq!(trial.call(0, "lrange s 0 -1"), "*1 z");
}

#[test]
fn nothing_waits_inside_a_transaction() {
    let mut trial = Trial::new();
    for line in ["multi", "blpop x 0", "blmove x y left left 0", "blmpop 0 1 x left"] {
        trial.call(0, line);
    }
    assert_eq!(trial.call(0, "exec"), "*3 *-1 $-1 *-1");
}

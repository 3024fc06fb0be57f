//! What the commands put into the journal. The expectations are what redis-server 7.0.15 did; replies, encodings and
//! events are compared with it from outside.

use crate::engine::trial::Trial;
use std::format;
use std::string::String;

#[test]
fn the_journal_names_the_members_that_chance_chose() {
    let mut trial = Trial::new();
    for (line, journal) in [
        ("SADD s 1", "SADD s 1"),
        ("SADD s 1", ""),
        ("SPOP s", "SREM s 1"),
        ("SPOP s", ""),
        ("SADD s 1 2", "SADD s 1 2"),
        ("SPOP s 0", ""),
        ("SPOP s 2", "DEL s"),
        ("SPOP s 2", ""),
        ("SADD s a a", "SADD s a a"),
        ("SPOP s 9", "DEL s"),
        ("SADD s a", "SADD s a"),
        ("SREM s b", ""),
        ("SMOVE s t b", ""),
        ("SMOVE s t a", "SMOVE s t a"),
        ("SMOVE t t a", ""),
        ("SUNIONSTORE u t s", "SUNIONSTORE u t s"),
        ("SINTERSTORE u t s", "SINTERSTORE u t s"),
        ("SINTERSTORE u t s", ""),
        ("SRANDMEMBER t", ""),
        ("SREM t a", "SREM t a"),
    ] {
        assert_eq!(trial.journal_of(line), journal, "{line}");
    }
}

#[test]
fn some_of_several_are_journaled_by_name() {
    let mut trial = Trial::new();
    trial.call(0, "SADD s 1 2 3");
    trial.journal();
    let reply = trial.call(0, "SPOP s 2");
    let taken = reply.strip_prefix("*2 ").expect("two members").split(' ').collect::<alloc::vec::Vec<_>>();
    assert_eq!(trial.journal(), format!("SREM s {}", taken.join(" ")));
}

/// A journal that ends between two parts of one SPOP would bring back some of its members.
#[test]
fn more_than_one_srem_takes_are_journaled_together() {
    let mut trial = Trial::new();
    let members: String = (0..5000).map(|n| format!(" {n}")).collect();
    let lines = |journal: &str| -> alloc::vec::Vec<(String, usize)> {
        let commands = journal.split('|');
        commands.map(|c| (c.chars().take(4).collect(), c.split(' ').count())).collect()
    };
    trial.call(0, &format!("SADD s{members}"));
    trial.journal();
    let words = |name: &str, n| (String::from(name), n);
    assert_eq!(
        lines(&trial.journal_of("SPOP s 2100")),
        [words("MULT", 1), words("SREM", 1026), words("SREM", 1026), words("SREM", 54), words("EXEC", 1)]
    );
    trial.call(0, "MULTI");
    trial.call(0, "SPOP s 1025");
    assert_eq!(
        lines(&trial.journal_of("EXEC")),
        [words("MULT", 1), words("SREM", 1026), words("SREM", 3), words("EXEC", 1)]
    );
}

//! What the commands put into the journal, and who is served when several wait. The expectations are what
//! redis-server 7.0.15 did; replies, encodings and events are compared with it from outside.

use crate::engine::{Engine, Options};
use crate::server::HostFacts;
use crate::session::{SessionId, SessionInfo};
use crate::table::{GENERIC, LIST, STRING, TRANSACTIONS, ZSET};
use crate::words::config::Config;
use alloc::string::String;
use alloc::vec::Vec;
use std::format;

const NOW: i64 = 1_000_000;

struct World {
    engine: Engine,
    clients: Vec<SessionId>,
}

impl World {
    fn new() -> Self {
        let mut engine = Engine::new(Options {
            commands: &[LIST, STRING, ZSET, GENERIC, TRANSACTIONS],
            config: Config::default(),
            host: HostFacts::UNKNOWN,
            seed: [1, 2, 3, 4],
            now: NOW,
        });
        engine.server_mut().journaling = true;
        let clients = (0..3).map(|_| engine.open_session(SessionInfo::default(), NOW)).collect();
        Self { engine, clients }
    }

    /// Sends a line as one of the clients; its reply's bytes without the line ends.
    fn call(&mut self, client: usize, line: &str) -> String {
        self.engine.handle_bytes(self.clients[client], format!("{line}\r\n").as_bytes(), NOW);
        self.hear(client)
    }

    /// What a client got meanwhile.
    fn hear(&mut self, client: usize) -> String {
        let id = self.clients[client];
        let output = String::from_utf8_lossy(self.engine.output(id)).into_owned();
        self.engine.consume_output(id, output.len());
        output
            .split("\r\n")
            .filter(|line| !line.is_empty() && !line.starts_with('$'))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// What was journaled meanwhile; commands are divided by bars.
    fn journal(&mut self) -> String {
        let words = |command: Vec<Vec<u8>>| String::from_utf8_lossy(&command.join(&b' ')).into_owned();
        let journal = self.engine.server_mut().journal.drain(..);
        journal.map(|(_, command)| words(command)).collect::<Vec<_>>().join("|")
    }
}

#[test]
fn the_journal_has_no_blocking_command_and_no_numkeys() {
    let mut world = World::new();
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
        world.call(0, line);
        assert_eq!(world.journal(), journal, "{line}");
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
        let mut world = World::new();
        assert_eq!(world.call(1, wait), "");
        world.call(0, push);
        assert_ne!(world.hear(1), "");
        assert_eq!(world.journal(), journal);
    }
}

#[test]
fn the_longest_wait_is_served_first() {
    let mut world = World::new();
    world.call(1, "brpop q 0");
    world.call(2, "blpop q 0");
    assert_eq!(world.call(0, "rpush q 1 2 3"), ":3");
    assert_eq!((world.hear(1), world.hear(2)), ("*2 q 3".into(), "*2 q 1".into()));
    assert_eq!(world.call(0, "lrange q 0 -1"), "*1 2");
}

/// A wait for several keys ends with the key that became ready, whatever the others hold by now: running the command
/// again over all its keys answered WRONGTYPE, or took from a key whose turn had not come.
#[test]
fn a_wait_ends_with_the_key_that_became_ready() {
    let mut world = World::new();
    world.call(1, "blpop k1 k2 0");
    assert_eq!(world.call(0, "set k1 x"), "+OK");
    assert_eq!(world.call(0, "lpush k2 v"), ":1");
    assert_eq!(world.hear(1), "*2 k2 v");

    let mut world = World::new();
    world.call(1, "blpop k1 k2 0");
    world.call(0, "multi");
    world.call(0, "lpush k2 v");
    world.call(0, "lpush k1 w");
    world.call(0, "exec");
    assert_eq!(world.hear(1), "*2 k2 v");
    assert_eq!(world.call(0, "lrange k1 0 -1"), "*1 w");
}

#[test]
fn another_type_does_not_end_a_wait() {
    let mut world = World::new();
    world.call(1, "blpop m 0");
    world.call(0, "zadd m 1 a");
    assert_eq!(world.hear(1), "");
    world.call(0, "del m");
    world.call(0, "rpush n 5");
    world.call(0, "rename n m");
    assert_eq!(world.hear(1), "*2 m 5");
}

#[test]
fn a_chain_of_waits_is_served_in_one_go() {
    let mut world = World::new();
    world.call(1, "blmove s d left right 0");
    world.call(2, "blpop d 0");
    world.call(0, "rpush s z");
    assert_eq!((world.hear(1), world.hear(2)), ("z".into(), "*2 d z".into()));
}

#[test]
fn a_destination_of_another_type_ends_the_wait_and_takes_nothing() {
    let mut world = World::new();
    world.call(0, "set d string");
    world.call(1, "brpoplpush s d 0");
    world.call(0, "rpush s z");
    assert!(world.hear(1).starts_with("-WRONGTYPE"));
    assert_eq!(world.call(0, "lrange s 0 -1"), "*1 z");
}

#[test]
fn nothing_waits_inside_a_transaction() {
    let mut world = World::new();
    for line in ["multi", "blpop x 0", "blmove x y left left 0", "blmpop 0 1 x left"] {
        world.call(0, line);
    }
    world.engine.handle_bytes(world.clients[0], b"exec\r\n", NOW);
    assert_eq!(world.engine.output(world.clients[0]), b"*3\r\n*-1\r\n$-1\r\n*-1\r\n");
}

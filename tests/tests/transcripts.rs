//! Replies recorded from redis-server 7.0 for what the differential fuzzer does not generate, replayed against ours.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use nuthatch_core::{Config, Engine, HostFacts, Options, SessionInfo};
use nuthatch_tests::server::{Server, workspace};
use nuthatch_tests::transcript::check;

#[track_caller]
fn replay(name: &str) {
    let file = workspace().join("tests/data").join(format!("{name}.transcript"));
    let text = fs::read_to_string(&file).expect("the transcript");
    let server = Server::start(&[]).expect("the server");
    let differences = check(&text, server.port);
    assert!(differences.is_empty(), "{name}: {} differ\n{}", differences.len(), differences.join("\n"));
}

/// A browser fetches the texts when they are asked for; the server has them built in.
#[test]
fn command_docs_are_the_same_bytes_on_every_host() {
    let mut engine = Engine::new(Options {
        commands: nuthatch_core::ALL_COMMANDS,
        config: Config::default(),
        host: HostFacts { docs: nuthatch_core::COMMAND_DOCS, ..HostFacts::UNKNOWN },
        seed: [0; 4],
        now: 0,
    });
    let session = engine.open_session(SessionInfo::default(), 0);
    let ask = b"COMMAND DOCS\r\nMULTI\r\nCOMMAND DOCS get client\r\nEXEC\r\n";
    engine.handle_bytes(session, ask, 0);
    let expected = engine.output(session);
    let server = Server::start(&[]).expect("the server");
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
    socket.write_all(ask).expect("a request");
    let mut came = vec![0; expected.len()];
    socket.read_exact(&mut came).expect("as many bytes");
    assert_eq!(String::from_utf8_lossy(&came), String::from_utf8_lossy(expected));
}

/// A recorded `OBJECT IDLETIME` of 0 was 1 on a machine where a second ended between the write and the question.
#[test]
fn what_a_clock_tells_counts_by_its_kind_only() {
    const TELLS: [&str; 6] = ["OBJECT IDLETIME", "TTL", "PTTL", "EXPIRETIME", "LASTSAVE", "TIME"];
    for entry in fs::read_dir(workspace().join("tests/data")).expect("the data") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|ending| ending != "transcript") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("the transcript");
        for (step, reply) in text.lines().zip(text.lines().skip(1)) {
            let asks = step
                .split_once("] ")
                .is_some_and(|(_, command)| TELLS.iter().any(|name| command.starts_with(name)));
            let exact =
                step.as_bytes().get(2) == Some(&b']') && reply.starts_with(':') && !reply.starts_with(":-");
            assert!(!(asks && exact), "{}: `{step}` depends on the clock: write it `[1?]`", path.display());
        }
    }
}

macro_rules! transcripts {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_file_is_replayed() {
            let named = [$(concat!(stringify!($name), ".transcript")),*];
            for entry in fs::read_dir(workspace().join("tests/data")).expect("the data") {
                let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
                let known = !name.ends_with(".transcript") || named.contains(&name.as_str());
                assert!(known, "tests/data/{name} is in no test: add it to the list in transcripts.rs");
            }
        }
    };
}

transcripts!(
    bitmaps,
    client,
    config,
    command,
    connection,
    debug,
    introspection,
    keyspace_events,
    object,
    peer_suite,
    protocol,
    pubsub,
    sets,
    strings,
    transactions,
    zsets
);

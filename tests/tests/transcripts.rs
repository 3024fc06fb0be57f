//! Replies recorded from redis-server 7.0 for what the differential fuzzer does not generate, replayed against ours.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::fs;

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

//! What the reference and ours say of themselves, side by side.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use nuthatch_tests::resp::Value;
use nuthatch_tests::server::{Server, ours, reference};

fn both(flags: &[&str]) -> (Server, Server) {
    let theirs = Server::start_program(&reference(), flags).expect("redis-server");
    let ours = Server::start_program(&ours(), flags).expect("the server");
    (theirs, ours)
}

/// The names of INFO's fields with the sections they stand in; counters of single commands and errors aside.
fn fields(server: &Server) -> Vec<String> {
    let text = server.call(&["INFO", "everything"]).expect("a reply").text().expect("a text");
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            section = name;
        } else if let Some((field, _)) = line.split_once(':')
            && !matches!(section, "Commandstats" | "Latencystats" | "Errorstats" | "Keyspace")
        {
            found.push(format!("{section}: {field}"));
        }
    }
    found
}

/// Monitoring tools read fields by name and stop at the first that is missing.
#[test]
fn info_has_every_field_of_the_reference_in_its_order() {
    let (theirs, ours) = both(&["--appendonly", "yes"]);
    let (wanted, mut had) = (fields(&theirs), fields(&ours));
    assert!(wanted.len() > 150, "the reference tells all: {wanted:?}");
    had.retain(|field| wanted.contains(field));
    assert_eq!(had, wanted);
}

/// Every directive with its value.
fn settings(server: &Server) -> Vec<(String, String)> {
    let reply = server.call(&["CONFIG", "GET", "*"]).expect("a reply");
    let words: Vec<String> = reply.elements().iter().filter_map(Value::text).collect();
    let mut pairs: Vec<_> = words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    pairs.sort();
    pairs
}

/// A stock redis.conf names directives of features that are not here; CONFIG GET * is what tools compare.
#[test]
fn configuration_has_every_directive_and_default_of_the_reference() {
    let (theirs, ours) = both(&[]);
    let own = ["bind", "dir", "port", "pidfile", "logfile"];
    let (mut wanted, mut had) = (settings(&theirs), settings(&ours));
    assert!(wanted.len() > 150, "the reference tells all: {wanted:?}");
    wanted.retain(|(name, _)| !own.contains(&name.as_str()));
    had.retain(|(name, _)| wanted.iter().any(|(known, _)| known == name));
    assert_eq!(had, wanted);
}

/// Client libraries and test suites match on the words of a refusal.
#[test]
fn configuration_refuses_in_the_words_of_the_reference() {
    const VALUES: [&str; 9] =
        ["", "abc", "-1", "0", "99999999999999999999", "1.5", "-99999999999999", "normal 1 2 3", "12xb"];
    // A huge maxmemory is taken as unsigned there; a directive without effect here is not checked for sense.
    let own = [
        "bind",
        "cluster-announce-hostname",
        "cluster-link-sendbuf-limit",
        "dir",
        "maxmemory",
        "maxmemory-clients",
        "port",
        "proc-title-template",
        "tls-port",
    ];
    let (theirs, ours) = both(&["--enable-protected-configs", "yes"]);
    let (mut at_theirs, mut at_ours) = (theirs.connect().expect("one"), ours.connect().expect("the other"));
    let mut compared = 0;
    for (name, default) in settings(&theirs).iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        for value in VALUES.iter().chain([&default.as_str()]) {
            let command = ["CONFIG", "SET", name, value];
            let (wanted, had) = (at_theirs.call(&command), at_ours.call(&command));
            let (wanted, had) = (wanted.expect("a reply").render(), had.expect("a reply").render());
            assert_eq!(had, wanted, "CONFIG SET {name} {value:?}");
            compared += 1;
        }
    }
    assert!(compared > 1500, "{compared} were compared");
}

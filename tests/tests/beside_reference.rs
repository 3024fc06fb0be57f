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
    const VALUES: [&str; 11] = [
        "",
        "abc",
        "a/b",
        "a\\b",
        "-1",
        "0",
        "99999999999999999999",
        "1.5",
        "-99999999999999",
        "normal 1 2 3",
        "12xb",
    ];
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

/// What COMMAND INFO tells of a command, without notes (ours are in our own words) and without subcommands of which the other
/// does not know.
fn told(value: &Value, known: &[String]) -> Value {
    let Value::Many(marker, elements) = value else { return value.clone() };
    let strange = |value: &&Value| {
        let name = value.elements().first().and_then(Value::text);
        name.is_some_and(|name| name.contains('|') && !known.contains(&name))
    };
    let mut left: Vec<Value> =
        elements.iter().filter(|value| !strange(value)).map(|v| told(v, known)).collect();
    if let Some(at) = left.iter().position(|value| value.text().as_deref() == Some("notes")) {
        left.drain(at..at + 2);
    }
    if left.iter().all(|value| value.elements().len() == 10) {
        left.sort();
    }
    Value::Many(*marker, left)
}

fn names(value: &Value, found: &mut Vec<String>) {
    found.extend(value.elements().first().and_then(Value::text));
    value.elements().last().into_iter().flat_map(Value::elements).for_each(|sub| names(sub, found));
}

/// Clients that send commands to one server of many take from it where the keys are; 90 commands had only a guess there.
#[test]
fn every_command_is_described_as_the_reference_does() {
    let (theirs, ours) = both(&[]);
    let all = ["COMMAND"];
    let (all_theirs, all_ours) = (theirs.call(&all).expect("a reply"), ours.call(&all).expect("a reply"));
    let (mut known, mut own) = (Vec::new(), Vec::new());
    all_theirs.elements().iter().for_each(|command| names(command, &mut known));
    all_ours.elements().iter().for_each(|command| names(command, &mut own));
    let mut compared = 0;
    for name in own.iter().filter(|name| known.contains(name)) {
        let command = ["COMMAND", "INFO", name];
        let wanted = told(&theirs.call(&command).expect("a reply"), &own);
        let had = told(&ours.call(&command).expect("a reply"), &known);
        assert_eq!(had.render(), wanted.render(), "{name}");
        compared += 1;
    }
    assert!(compared > 200, "{compared} were compared");
}

/// What a file for Redis hides or renames need not be here.
#[test]
fn renames_of_the_reference_s_other_commands_are_taken() {
    let theirs = Server::start_program(&reference(), &[]).expect("redis-server");
    let list = theirs.call(&["COMMAND", "LIST"]).expect("a reply");
    let names: Vec<String> = list.elements().iter().filter_map(Value::text).collect();
    let keep = ["ping", "config", "client", "shutdown", "select", "command", "info", "hello"];
    // Subcommands are listed too, and have no names of their own that could be changed.
    let hidden = names.iter().filter(|name| !keep.contains(&name.as_str()) && !name.contains('|'));
    let flags: Vec<&str> = hidden.flat_map(|name| ["--rename-command", name, ""]).collect();
    assert!(flags.len() > 600, "{}", flags.len());
    let ours = Server::start(&flags).expect("the server");
    let refusal = ours.call(&["GET", "k"]).expect("a reply");
    assert!(refusal.error().is_some_and(|text| text.starts_with("ERR unknown command")), "{refusal:?}");
}

//! What the reference and ours say of themselves, side by side.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

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

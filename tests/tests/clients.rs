//! redis-py against the server: tests/python/*.py, each with RESP2 and RESP3.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::process::Command;

use nuthatch_tests::server::{Server, python, workspace};

#[track_caller]
fn script(name: &str) {
    let server = Server::start(&[]).expect("the server");
    for protocol in ["2", "3"] {
        let file = workspace().join("tests/python").join(name);
        let mut command = Command::new(python());
        let out = command
            .arg(&file)
            .args([&server.port.to_string(), protocol])
            .output()
            .expect("python with redis-py");
        let told =
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{name} with RESP{protocol}:\n{told}");
    }
}

#[test]
fn types_and_keys() {
    script("types_and_keys.py");
}

#[test]
fn pipelines_and_transactions() {
    script("pipelines.py");
}

#[test]
fn publish_and_subscribe() {
    script("pubsub.py");
}

#[test]
fn blocking_and_many_connections() {
    script("blocking.py");
}

//! Disks that fail, fill up or rot, and memory that ends: nothing that was acknowledged is lost, nothing wrong is loaded
//! silently, the server lives on and takes writes again.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use nuthatch_tests::server::{TempDir, free_port, ours, workspace};

/// The tools in a directory of their own, with the library that lets calls fail.
fn tools() -> TempDir {
    let dir = TempDir::new().expect("a directory");
    let oracle = workspace().join("tests/oracle");
    for name in ["faults.py", "diff_fuzz.py"] {
        fs::copy(oracle.join(name), dir.path().join(name)).expect("a copy");
    }
    fs::create_dir(dir.path().join("bin")).expect("a folder");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(dir.path().join("bin/iofault.so"));
    let built = cc.arg(oracle.join("iofault.c")).arg("-ldl").status().expect("a C compiler: cc");
    assert!(built.success());
    dir
}

/// What the tool prints of the faults `what`.
fn run(dir: &Path, what: &str, more: &[&str]) -> String {
    let port = free_port().expect("a port").to_string();
    let mut command = Command::new("python3");
    command.arg(dir.join("faults.py")).arg("--bin").arg(ours()).args(["--port", &port, "--what", what]);
    let out = command.args(more).env("TMPDIR", dir).output().expect("python3");
    let (said, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && !said.is_empty(), "{said}{errors}");
    said.into_owned()
}

fn assert_none(said: &str, bad: &[&str]) {
    for word in bad {
        assert!(!said.contains(word), "{said}");
    }
}

#[test]
fn calls_that_fail_lose_nothing() {
    let dir = tools();
    let said = run(dir.path(), "io", &["--io-max", "8"]);
    assert_none(&said, &["LOST", "NOT STARTABLE", "died"]);
}

/// Of a file without checksum a value may be wrong, and there is no way to know; all else is found.
#[test]
fn flipped_bits_are_found() {
    let dir = tools();
    let said = run(dir.path(), "aofflip,rdbflip", &["--n", "40"]);
    let summed: String = said.lines().filter(|line| !line.contains("without checksum")).collect();
    assert_none(&summed, &["WRONG DATA", "CRASH", "hang"]);
    assert_none(&said, &["CRASH", "hang"]);
}

#[test]
fn where_memory_ends_the_server_lives() {
    let dir = tools();
    let said = run(dir.path(), "oom", &[]);
    assert_none(&said, &["died", "does not start"]);
    assert!(said.contains("error reply, lives"), "{said}");
}

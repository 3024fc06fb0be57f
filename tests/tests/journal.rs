//! The journal from outside: files that go both ways with the reference, kills at random moments, ends that were torn,
//! bytes that rotted.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nuthatch_tests::resp::{Conn, encode, words};
use nuthatch_tests::server::{Server, TempDir, ours, reference, run_ours, workspace};

/// Kills under each policy; `NUTHATCH_KILLS` asks for more.
const KILLS: u64 = 12;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    fn flags<'a>(&'a self, policy: &'a str) -> Vec<&'a str> {
        let dir = self.0.path().to_str().expect("a path in UTF-8");
        vec!["--dir", dir, "--appendonly", "yes", "--appendfsync", policy]
    }

    fn start(&self, program: &Path, policy: &str) -> Server {
        Server::start_program(program, &self.flags(policy)).expect("the server")
    }

    fn ours(&self) -> Server {
        self.start(&ours(), "always")
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("appendonlydir")
    }

    /// The last increment.
    fn increment(&self) -> PathBuf {
        let manifest =
            fs::read_to_string(self.folder().join("appendonly.aof.manifest")).expect("the manifest");
        let line = manifest.lines().last().expect("a line");
        self.folder().join(line.split(' ').nth(1).expect("a name"))
    }

    /// Starts ours where it must refuse, and gives what it says.
    fn refusal(&self) -> String {
        let port = nuthatch_tests::server::free_port().expect("a port").to_string();
        let mut arguments: Vec<OsString> = vec!["--port".into(), port.into(), "--save".into(), "".into()];
        arguments.extend(self.flags("always").into_iter().map(OsString::from));
        let ended = run_ours(&arguments).expect("the server");
        assert_ne!(ended.code, Some(0), "{}", ended.output);
        ended.output
    }
}

fn text(server: &Server, line: &str) -> String {
    let mut conn = server.connect().expect("a connection");
    conn.call(&words(line)).expect("a reply").render().trim_end().to_owned()
}

fn digest(server: &Server) -> String {
    text(server, "DEBUG DIGEST")
}

/// Values of every type and encoding, deadlines, transactions, other databases.
fn fill(server: &Server, tag: &str) {
    let mut conn = server.connect().expect("a connection");
    let mut call = |line: &str| drop(conn.call(&words(line)).expect("a reply"));
    for i in 0..300 {
        call(&format!("SET {tag}:s{i} value-{i}"));
        call(&format!("RPUSH {tag}:list{} {i} item-{i}", i % 3));
        call(&format!("HSET {tag}:hash{} f{i} {i}", i % 2));
        call(&format!("ZADD {tag}:zset{} {i}.5 m{i}", i % 2));
        call(&format!("SADD {tag}:ints{} {i}", i % 2));
        call(&format!("SADD {tag}:words{} w{i}", i % 2));
    }
    let large = "x".repeat(70_000);
    for line in [
        "SELECT 3",
        &format!("SET {tag}:large {large}"),
        &format!("INCRBYFLOAT {tag}:float 1.1"),
        &format!("SPOP {tag}:none"),
        &format!("SADD {tag}:few a b c d"),
        &format!("SPOP {tag}:few 2"),
        &format!("EXPIRE {tag}:few 1000"),
        "MULTI",
        &format!("SET {tag}:m1 1 EX 500"),
        "SELECT 5",
        &format!("SET {tag}:m2 2"),
        "EXEC",
        &format!("RENAME {tag}:m2 {tag}:m3"),
        &format!("SET {tag}:short 1 PX 1"),
    ] {
        call(line);
    }
    sleep(Duration::from_millis(5));
    call(&format!("GET {tag}:short"));
}

fn check_aof(place: &Place) {
    let manifest = place.folder().join("appendonly.aof.manifest");
    let out = Command::new("redis-check-aof").arg(manifest).output().expect("redis-check-aof");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

fn rewrite(server: &Server) {
    text(server, "BGREWRITEAOF");
    let until = Instant::now() + Duration::from_secs(20);
    while text(server, "INFO persistence").contains("aof_rewrite_in_progress:1") {
        assert!(Instant::now() < until, "the rewrite does not end");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn journals_go_both_ways_with_the_reference() {
    let place = Place::new();
    let mut last = None;
    for round in 0..3 {
        for program in [ours(), reference()] {
            let mut server = place.start(&program, "everysec");
            if let Some(last) = &last {
                assert_eq!(digest(&server), *last, "round {round}, loaded by {}", program.display());
            }
            fill(&server, &format!("{round}{}", program == ours()));
            if round == 1 {
                rewrite(&server);
                fill(&server, "behind");
            }
            last = Some(digest(&server));
            server.end_by("TERM").expect("the end");
            check_aof(&place);
        }
    }
}

#[test]
fn a_journal_from_before_redis_7_is_taken_over() {
    let place = Place::new();
    let mut file = encode(&["SELECT", "2"]);
    file.extend(encode(&["SET", "k", "v"]));
    fs::write(place.0.path().join("appendonly.aof"), file).expect("to write");
    let mut server = place.ours();
    let mut conn = server.connect().expect("a connection");
    conn.call(&["SELECT", "2"]).expect("a reply");
    assert_eq!(conn.call(&["GET", "k"]).expect("a reply").text().as_deref(), Some("v"));
    conn.call(&["SET", "k", "w"]).expect("a reply");
    server.end_by("KILL").expect("the end");
    let again = place.start(&reference(), "always");
    let mut conn = again.connect().expect("a connection");
    conn.call(&["SELECT", "2"]).expect("a reply");
    assert_eq!(conn.call(&["GET", "k"]).expect("a reply").text().as_deref(), Some("w"));
}

#[test]
fn switching_to_the_journal_loses_nothing() {
    let place = Place::new();
    let dir = place.0.path().to_str().expect("a path").to_owned();
    let mut server = Server::start(&["--dir", &dir]).expect("the server");
    fill(&server, "before");
    text(&server, "CONFIG SET appendonly yes");
    fill(&server, "after");
    rewrite(&server);
    let digest_before = digest(&server);
    // Under everysec the last second may still be on its way.
    sleep(Duration::from_millis(1_300));
    server.end_by("KILL").expect("the end");
    assert_eq!(digest(&place.ours()), digest_before);
}

/// DEBUG LOADAOF finds everything that was answered, also right behind it and behind a rewrite, and writes go on.
#[test]
fn the_dataset_is_read_again_from_the_journal() {
    for policy in ["always", "everysec", "no"] {
        let place = Place::new();
        let mut server = place.start(&ours(), policy);
        fill(&server, "one");
        assert_eq!(text(&server, "DEBUG LOADAOF"), "+OK");
        fill(&server, "two");
        rewrite(&server);
        text(&server, "SET behind it");
        let before = digest(&server);
        assert_eq!(text(&server, "DEBUG LOADAOF"), "+OK");
        assert_eq!(digest(&server), before, "{policy}");
        text(&server, "SET last one");
        let before = digest(&server);
        server.end_by("TERM").expect("the end");
        assert_eq!(digest(&place.ours()), before, "{policy}");
    }
}

#[test]
fn a_torn_end_is_cut_and_damage_is_refused() {
    let place = Place::new();
    let mut server = place.ours();
    for i in 0..20 {
        text(&server, &format!("SET k{i} value-{i}"));
    }
    server.end_by("KILL").expect("the end");
    let path = place.increment();
    let good = fs::read(&path).expect("the increment");
    fs::write(&path, &good[..good.len() - 3]).expect("to write");
    let mut server = place.ours();
    assert_eq!(text(&server, "DBSIZE"), ":19");
    assert!(server.log().contains("truncating the AOF at offset"), "{}", server.log());
    server.end_by("TERM").expect("the end");
    let mut bad = fs::read(&path).expect("the increment");
    let at = bad.windows(7).position(|window| window == b"value-9").expect("the value");
    bad[at] ^= 1;
    fs::write(&path, &bad).expect("to write");
    let said = place.refusal();
    assert!(said.contains("Bad checksum reading the append only file"), "{said}");
    let checked = run_ours(&["check-aof".into(), path.clone().into()]).expect("the program");
    assert!(
        checked.code == Some(1) && checked.output.contains("bad checksum at offset"),
        "{}",
        checked.output
    );
    let mut fixing = Command::new(ours());
    fixing.args(["check-aof", "--fix"]).arg(&path).stdin(fs::File::open(yes(&place)).expect("an answer"));
    assert!(fixing.status().expect("the program").success());
    assert_eq!(text(&place.ours(), "DBSIZE"), ":9");
}

/// A server that was killed between a rewrite's end and the removal of the old files left them there until the next rewrite.
#[test]
fn what_newer_files_replaced_goes_at_the_start() {
    let place = Place::new();
    let mut server = place.ours();
    text(&server, "SET key value");
    server.end_by("TERM").expect("the end");
    let (manifest, old) =
        (place.folder().join("appendonly.aof.manifest"), place.folder().join("appendonly.aof.7.incr.aof"));
    let listed = fs::read_to_string(&manifest).expect("the manifest");
    fs::write(&manifest, format!("file appendonly.aof.7.incr.aof seq 7 type h\n{listed}")).expect("to write");
    fs::write(&old, "what was").expect("to write");
    let server = place.ours();
    assert_eq!(text(&server, "GET key"), "\"value\"");
    text(&server, "SET key other");
    let until = Instant::now() + Duration::from_secs(10);
    while old.exists() || fs::read_to_string(&manifest).expect("the manifest") != listed {
        assert!(Instant::now() < until, "{}", fs::read_to_string(&manifest).expect("the manifest"));
        sleep(Duration::from_millis(10));
    }
}

/// A file with the answer to `--fix`'s question.
fn yes(place: &Place) -> PathBuf {
    let path = place.0.path().join("answer");
    fs::write(&path, "y\n").expect("to write");
    path
}

/// Increments a counter until the server is gone; the last answer.
fn count(mut conn: Conn) -> i64 {
    let mut last = 0;
    while let Ok(value) = conn.call(&["INCR", "counter"]) {
        last = value.int().unwrap_or(last);
    }
    last
}

fn kills(policy: &'static str, may_lose: Duration) {
    let place = Place::new();
    let rounds = std::env::var("NUTHATCH_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    for round in 0..rounds {
        let mut server = place.start(&ours(), policy);
        let conn = server.connect().expect("a connection");
        let counting = std::thread::spawn(move || count(conn));
        sleep(Duration::from_millis(20 + round * 37 % 150));
        if round % 3 == 1 {
            text(&server, "BGREWRITEAOF");
        }
        server.end_by("KILL").expect("the end");
        let acknowledged = counting.join().expect("the client");
        let mut server = place.start(&ours(), policy);
        let kept = text(&server, "GET counter").trim_matches('"').parse::<i64>().unwrap_or(0);
        assert!(
            kept >= acknowledged || !may_lose.is_zero(),
            "round {round}: {kept} of {acknowledged} are there"
        );
        server.end_by("KILL").expect("the end");
    }
}

#[test]
fn kills_lose_nothing_under_always() {
    kills("always", Duration::ZERO);
}

#[test]
fn after_kills_under_everysec_the_server_starts() {
    kills("everysec", Duration::from_secs(2));
}

/// Under `everysec` batches gather while one request follows the other, but no longer: what was answered to a client that then
/// said nothing for a moment stayed in memory once, and a kill lost it.
#[test]
fn a_quiet_moment_hands_over_what_was_written() {
    for policy in ["everysec", "no"] {
        let place = Place::new();
        let mut server = place.start(&ours(), policy);
        let mut conn = server.connect().expect("a connection");
        for n in 1..=100 {
            conn.call(&["SET", "key", &n.to_string()]).expect("a reply");
        }
        sleep(Duration::from_millis(50));
        server.end_by("KILL").expect("the end");
        assert_eq!(text(&place.start(&ours(), policy), "GET key"), "\"100\"", "{policy}");
    }
}

#[test]
fn power_cuts_lose_nothing_acknowledged() {
    if Command::new("strace").arg("-V").output().is_err() {
        return;
    }
    for policy in ["always", "everysec"] {
        let port = nuthatch_tests::server::free_port().expect("a port").to_string();
        let start = format!(
            "{} --port {{port}} --bind 127.0.0.1 --dir {{dir}} --appendonly yes --appendfsync {policy} --save ''",
            ours().display()
        );
        let mut command = Command::new("python3");
        command.arg(workspace().join("tests/oracle/powercut.py"));
        command.args(["--start", &start, "--port", &port, "--policy", policy, "--rewrite"]);
        command.args(["--txns", "60", "--states", "100", "--pad", "1500"]);
        let out = command.output().expect("python3");
        let (said, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{said}{errors}");
    }
}

/// With `aof-use-rdb-preamble no` the base holds commands, in batches with checksums.
#[test]
fn a_base_of_commands_goes_both_ways() {
    let place = Place::new();
    let mut flags = place.flags("always");
    flags.extend(["--aof-use-rdb-preamble", "no"]);
    let start = |program: &Path| Server::start_program(program, &flags).expect("the server");
    let mut server = start(&ours());
    fill(&server, "before");
    text(&server, "HSET large f v");
    for i in 0..200 {
        text(&server, &format!("HSET large f{i} {i}"));
        text(&server, &format!("ZADD ranked {i}.125 m{i}"));
    }
    rewrite(&server);
    fill(&server, "behind");
    let digest_before = digest(&server);
    server.end_by("KILL").expect("the end");
    let entries = fs::read_dir(place.folder()).expect("the folder").flatten();
    let base = entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(".base.aof"));
    let base = base.expect("a base of commands");
    assert!(fs::read(&base).expect("the base").starts_with(b"#CRC:"));
    check_aof(&place);
    let mut theirs = start(&reference());
    assert_eq!(digest(&theirs), digest_before);
    theirs.end_by("KILL").expect("the end");
    let mut server = start(&ours());
    assert_eq!(digest(&server), digest_before);
    server.end_by("KILL").expect("the end");
    let mut bytes = fs::read(&base).expect("the base");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&base, &bytes).expect("to write");
    assert!(place.refusal().contains("Bad checksum reading the append only file"));
}

/// With `no` nothing was ever asked to be made durable, and after `always` every reply waited until somebody wrote again.
#[test]
fn another_policy_leaves_nobody_waiting() {
    let place = Place::new();
    for (before, after) in [("no", "always"), ("everysec", "always"), ("always", "no")] {
        let server = place.start(&ours(), before);
        assert_eq!(text(&server, "SET k v"), "+OK");
        assert_eq!(text(&server, &format!("CONFIG SET appendfsync {after}")), "+OK", "{before} to {after}");
        assert_eq!(text(&server, "GET k"), "\"v\"");
        assert_eq!(text(&server, "SET k w"), "+OK");
    }
}

/// A batch that could not be written stood before all that came, also in the journal that was begun anew: nothing reached its file.
#[test]
fn a_journal_begun_anew_waits_for_nothing_of_before() {
    for policy in ["everysec", "always"] {
        let place = Place::new();
        let limited = place.0.path().join("limited");
        // 100 KB, in blocks of 512 bytes.
        let script = format!("#!/bin/sh\nulimit -S -f 200\nexec {} \"$@\"\n", ours().display());
        fs::write(&limited, script).expect("a script");
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&limited, all).expect("to make it one");
        let mut server = place.start(&limited, policy);
        let value = "v".repeat(5_000);
        let refused = (0..200).map(|n| text(&server, &format!("SET key:{} {value}", n % 10)));
        assert!(refused.into_iter().any(|reply| reply.starts_with("-MISCONF")), "the file is full: {policy}");
        assert_eq!(text(&server, "CONFIG SET appendonly no"), "+OK");
        let raised =
            Command::new("prlimit").args(["--pid", &server.pid().to_string(), "--fsize=unlimited"]).status();
        assert!(raised.expect("prlimit").success());
        assert_eq!(text(&server, "CONFIG SET appendonly yes"), "+OK");
        let until = Instant::now() + Duration::from_secs(20);
        while !text(&server, "INFO persistence").contains("aof_rewrite_in_progress:0") {
            assert!(Instant::now() < until, "{}", server.log());
            sleep(Duration::from_millis(20));
        }
        assert_eq!(text(&server, "SET later 1"), "+OK", "{policy}");
        sleep(Duration::from_millis(if policy == "always" { 0 } else { 1_500 }));
        server.end_by("KILL").expect("the end");
        let server = place.ours();
        assert_eq!(text(&server, "GET later"), "\"1\"", "{policy}");
    }
}

/// What was written while SIGTERM's snapshot was being made was acknowledged, and in no file.
#[test]
fn what_is_acknowledged_before_the_end_is_saved() {
    let dir = TempDir::new().expect("a directory");
    let flags =
        ["--dir", dir.path().to_str().expect("a path"), "--save", "3600 1", "--enable-debug-command", "yes"];
    let mut server = Server::start(&flags).expect("the server");
    assert_eq!(text(&server, "DEBUG POPULATE 400000 key 100"), "+OK");
    let mut conn = server.connect().expect("a connection");
    let writer = std::thread::spawn(move || {
        (0..1_000_000).take_while(|n| conn.call(&words(&format!("SET new:{n} 1"))).is_ok()).count()
    });
    sleep(Duration::from_millis(100));
    server.end_by("TERM").expect("the end");
    let written = writer.join().expect("the writer");
    let server = Server::start(&flags).expect("the server");
    assert!(written > 0, "there was time to write");
    assert_eq!(text(&server, "DBSIZE"), format!(":{}", 400_000 + written));
}

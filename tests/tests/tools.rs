//! redis-cli and redis-benchmark in their ordinary use.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nuthatch_tests::resp::{Value, encode};
use nuthatch_tests::server::{Server, python, reference, wait, workspace};

fn tool(name: &str, server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(["-h", "127.0.0.1", "-p", &server.port.to_string()]).args(arguments);
    command
}

#[track_caller]
fn output(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the tool");
    let text = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{command:?}: {status}: {text}{}", String::from_utf8_lossy(&stderr));
    text
}

fn cli(server: &Server, arguments: &[&str]) -> String {
    output(tool("redis-cli", server, arguments))
}

fn piped(mut command: Command, input: &[u8]) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the tool");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input).expect("to write");
    drop(stdin);
    let out = child.wait_with_output().expect("its output");
    assert!(out.status.success(), "{command:?}: {}", out.status);
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn cli_commands_and_scripts() {
    let server = Server::start(&[]).expect("the server");
    assert_eq!(cli(&server, &["set", "bird", "nut hatch"]), "OK\n");
    assert_eq!(cli(&server, &["--no-raw", "get", "bird"]), "\"nut hatch\"\n");
    assert_eq!(cli(&server, &["-3", "--no-raw", "hset", "h", "a", "1"]), "(integer) 1\n");
    assert_eq!(cli(&server, &["-3", "--no-raw", "hgetall", "h"]), "1# \"a\" => \"1\"\n");
    assert_eq!(cli(&server, &["-n", "2", "dbsize"]), "0\n");
    assert_eq!(cli(&server, &["-r", "3", "incr", "n"]), "1\n2\n3\n");
    assert_eq!(
        piped(tool("redis-cli", &server, &[]), b"incr n\nget bird\nmulti\nincr n\nexec\n"),
        "4\nnut hatch\nOK\nQUEUED\n5\n"
    );
    assert!(cli(&server, &["nosuch"]).starts_with("ERR unknown command 'nosuch'"));
    assert!(cli(&server, &["--csv", "rpush", "l", "a", "b"]).starts_with('2'));
    assert_eq!(cli(&server, &["--json", "lrange", "l", "0", "-1"]), "[\"a\",\"b\"]\n");
}

#[test]
fn cli_mass_insertion() {
    let server = Server::start(&[]).expect("the server");
    let mut input = Vec::new();
    for i in 0..20_000 {
        input.extend(encode(&["SET".to_owned(), format!("key:{i}"), format!("value:{i}")]));
    }
    let told = piped(tool("redis-cli", &server, &["--pipe"]), &input);
    assert!(told.contains("errors: 0, replies: 20000"), "{told}");
    assert_eq!(cli(&server, &["dbsize"]), "20000\n");
}

#[test]
fn cli_scans_and_key_statistics() {
    let server = Server::start(&[]).expect("the server");
    let mut conn = server.connect().expect("a connection");
    for i in 0..1000 {
        conn.call(&["SET", &format!("s:{i:04}"), "x"]).expect("a reply");
    }
    conn.call(&["RPUSH", "list", "a", "b", "c"]).expect("a reply");
    conn.call(&["ZADD", "zset", "1", "a"]).expect("a reply");
    let scanned = cli(&server, &["--scan", "--pattern", "s:*"]);
    let mut keys: Vec<&str> = scanned.lines().collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((keys.len(), keys[0], keys[999]), (1000, "s:0000", "s:0999"));
    let big = cli(&server, &["--bigkeys"]);
    assert!(big.contains("Sampled 1002 keys") && big.contains("Biggest   list found"), "{big}");
    let memory = cli(&server, &["--memkeys"]);
    assert!(memory.contains("Sampled 1002 keys"), "{memory}");
}

#[test]
fn cli_statistics_and_latency() {
    let server = Server::start(&[]).expect("the server");
    // Its output would stay in its buffer when it is stopped.
    let mut stat = Command::new("stdbuf");
    stat.args(["-oL", "redis-cli", "-p", &server.port.to_string(), "--stat", "-i", "0.1"]);
    let mut child = stat.stdout(Stdio::piped()).spawn().expect("the tool");
    std::thread::sleep(Duration::from_millis(700));
    child.kill().expect("to stop it");
    let told = child.wait_with_output().expect("its output");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("keys") && told.lines().count() >= 3, "{told}");
    let info = cli(&server, &["info"]);
    for field in [
        "redis_version:7",
        "used_memory:",
        "connected_clients:",
        "instantaneous_ops_per_sec:",
        "keyspace_hits:",
    ] {
        assert!(info.contains(field), "INFO has {field}: {info}");
    }
}

#[test]
fn cli_subscribes_and_monitors() {
    let server = Server::start(&[]).expect("the server");
    for (arguments, sends, sees) in [
        (&["subscribe", "news"][..], &["PUBLISH", "news", "hello"][..], "hello"),
        (&["monitor"], &["SET", "seen", "by monitor"], "\"SET\" \"seen\" \"by monitor\""),
    ] {
        let mut child =
            tool("redis-cli", &server, arguments).stdout(Stdio::piped()).spawn().expect("the tool");
        std::thread::sleep(Duration::from_millis(300));
        server.call(sends).expect("a reply");
        std::thread::sleep(Duration::from_millis(200));
        child.kill().expect("to stop it");
        let told = child.wait_with_output().expect("its output");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains(sees), "{arguments:?}: {told}");
    }
}

#[test]
fn benchmark_runs_its_whole_list() {
    let server = Server::start(&[]).expect("the server");
    for arguments in [
        &["-q", "-n", "2000", "-c", "20"][..],
        &[
            "-q",
            "-n",
            "20000",
            "-P",
            "16",
            "-r",
            "1000",
            "-t",
            "set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset",
        ],
        &["-q", "-3", "-n", "1000", "-t", "get,set"],
    ] {
        let mut command = tool("redis-benchmark", &server, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the tool");
        let status = wait(&mut child, Duration::from_secs(120)).expect("its end");
        let out = child.wait_with_output().expect("its output");
        let told =
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(status.success() && told.contains("requests per second"), "{arguments:?}: {told}");
        assert!(!told.contains("ERR") && !told.contains("rror"), "{arguments:?}: {told}");
    }
}

/// The value of a field of a map in RESP2's form.
fn field(map: &Value, name: &str) -> Option<Value> {
    map.elements().chunks(2).find(|pair| pair[0].text().as_deref() == Some(name)).map(|pair| pair[1].clone())
}

/// redis-cli makes its hints of them.
#[test]
fn command_docs_tell_the_references_arguments() {
    let ours = Server::start(&[]).expect("the server");
    let theirs = Server::start_program(&reference(), &[]).expect("redis-server");
    let docs = |server: &Server| server.call(&["COMMAND", "DOCS"]).expect("the docs");
    let (our_docs, their_docs) = (docs(&ours), docs(&theirs));
    let mut compared = 0;
    for pair in our_docs.elements().chunks(2) {
        let name = pair[0].text().expect("a name");
        let Some(their_doc) = field(&their_docs, &name) else { continue };
        for part in ["since", "group", "arguments"] {
            assert_eq!(field(&pair[1], part), field(&their_doc, part), "{part} of {name}");
        }
        compared += 1;
    }
    assert!(compared > 150, "{compared} commands compared");
}

/// `--only` with a name that is not there once measured nothing, said nothing and succeeded, after minutes of building.
#[test]
fn a_benchmark_that_is_not_there_is_an_error_that_lists_the_names() {
    let asked = |words: &[&str]| {
        let mut command = Command::new(python());
        command
            .arg(workspace().join("tests/bench/bench.py"))
            .args(["--ours", "-", "--target", "-", "--check"]);
        let out = command.args(words).output().expect("python");
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    for (words, name) in [(["--only", "vm,diskstor"], "diskstore"), (["--steps", "mises"], "misses")] {
        let (code, told) = asked(&words);
        assert_eq!(code, Some(2), "{words:?}: {told}");
        assert!(told.contains("there is no '") && told.contains(name), "{words:?}: {told}");
    }
    assert_eq!(asked(&["--only", "vm,diskstore", "--steps", "misses"]).0, Some(0));
}

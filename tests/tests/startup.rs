//! How the server starts, refuses to start, and ends.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::ffi::OsString;
use std::fs;

use nuthatch_tests::server::{Ended, Server, TempDir, free_port, run_ours, workspace};

fn run(arguments: &[&str]) -> Ended {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    run_ours(&arguments).expect("the server to end by itself")
}

#[track_caller]
fn refused(arguments: &[&str], says: &[&str]) {
    let ended = run(arguments);
    assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.output);
    for part in says {
        assert!(ended.output.contains(part), "{arguments:?} should say {part:?}: {}", ended.output);
    }
    assert!(!ended.output.contains("panicked"), "{arguments:?}: {}", ended.output);
}

#[test]
fn a_config_file_is_the_first_argument_and_the_start_is_told() {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("server.conf");
    fs::write(&file, "# a comment\nmaxmemory 10mb\nmaxmemory-policy \"allkeys-lru\"\n").expect("the file");
    let server = Server::start_with_file(&file).expect("the server");
    let reply = server.call(&["CONFIG", "GET", "maxmemory"]).expect("a reply");
    assert_eq!(reply.render(), "*2\n  \"maxmemory\"\n  \"10485760\"\n");
    let log = server.log();
    let (pid, ready) = (log.find(&format!("PID: {}", server.pid())), log.find("Ready to accept connections"));
    assert!(pid.is_some() && ready > pid, "PID and then readiness are logged: {log}");
}

/// The limit by default is a share of this machine's memory: written down as a number, it stayed when the machine changed.
#[test]
fn a_rewritten_file_says_what_was_said() {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("server.conf");
    fs::write(&file, "# a comment\n").expect("the file");
    let server = Server::start_with_file(&file).expect("the server");
    let rewritten = || {
        assert_eq!(server.call(&["CONFIG", "REWRITE"]).expect("a reply").render(), "+OK\n");
        fs::read_to_string(&file).expect("the file")
    };
    let text = rewritten();
    assert!(text.starts_with("# a comment\n") && !text.contains("vm-"), "{text}");
    server.call(&["CONFIG", "SET", "vm-max-memory", "100mb"]).expect("a reply");
    assert!(rewritten().contains("\nvm-max-memory 100mb\n"));
}

#[test]
fn bad_flags_are_named() {
    refused(&["--nosuch", "1"], &["nosuch"]);
    refused(&["--port", "abc"], &["port"]);
    refused(&["--port", "99999"], &["port"]);
    refused(&["--maxmemory", "12xb"], &["maxmemory"]);
    refused(&["--appendfsync", "sometimes"], &["appendfsync"]);
}

/// A name that was spelt wrongly left the command that it was to hide open to everybody, and nothing said so.
#[test]
fn renames_that_hide_nothing_are_named() {
    refused(&["--rename-command", "FLUSHAL", ""], &["FLUSHAL", "No such command in rename-command"]);
    refused(&["--rename-command", "FLUSHALL", "get"], &["FLUSHALL", "Target command name already exists"]);
    refused(
        &["--rename-command", "FLUSHALL", "x", "--rename-command", "FLUSHDB", "X"],
        &["FLUSHDB", "Target command name already exists"],
    );
}

/// A web page can make a browser send commands to a server on its user's machine, in the body of a request.
#[test]
fn a_browser_s_request_runs_no_command() {
    let server = Server::start(&[]).expect("the server");
    for request in [
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET evil 1\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET evil 1\r\n",
        "*1\r\n$4\r\nPoSt\r\nSET evil 1\r\n",
    ] {
        let mut conn = server.connect().expect("a connection");
        conn.send(request.as_bytes()).expect("to send");
        assert!(conn.at_end().expect("the end"), "{request}");
    }
    assert_eq!(server.call(&["EXISTS", "evil"]).expect("a reply").int(), Some(0));
    assert!(server.log().contains("SECURITY ATTACK"), "{}", server.log());
}

#[test]
fn bad_lines_of_a_file_are_named() {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("bad.conf");
    let name = file.to_str().expect("a name");
    fs::write(&file, "port 0\n\nnosuch-directive yes\n").expect("the file");
    refused(&[name], &["3", "nosuch-directive"]);
    fs::write(&file, "maxmemory-policy sometimes\n").expect("the file");
    refused(&[name], &["1", "maxmemory-policy"]);
    fs::write(&file, "requirepass \"unbalanced\n").expect("the file");
    refused(&[name], &["1"]);
}

#[test]
fn an_unreadable_file_and_a_missing_directory_are_named() {
    let dir = TempDir::new().expect("a directory");
    let missing = dir.path().join("missing.conf");
    refused(&[missing.to_str().expect("a name")], &["missing.conf"]);
    let nowhere = dir.path().join("nowhere");
    let port = free_port().expect("a port").to_string();
    refused(&["--port", &port, "--dir", &nowhere.to_string_lossy()], &["nowhere"]);
}

#[test]
fn a_port_in_use_is_named() {
    let server = Server::start(&[]).expect("the server");
    let port = server.port.to_string();
    refused(&["--port", &port, "--bind", "127.0.0.1"], &[&port]);
}

#[test]
fn signals_end_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]).expect("the server");
        server.call(&["SET", "k", "v"]).expect("a reply");
        let status = server.end_by(signal).expect("the end");
        assert_eq!(status.code(), Some(0), "{signal}: {}", server.log());
    }
}

#[test]
fn shutdown_ends_it_and_closes_the_connection() {
    let mut server = Server::start(&[]).expect("the server");
    let mut conn = server.connect().expect("a connection");
    conn.send(b"SHUTDOWN NOSAVE\r\n").expect("to send");
    assert!(conn.at_end().expect("the connection"), "SHUTDOWN answers nothing");
    assert_eq!(server.wait().expect("the end").code(), Some(0));
}

#[test]
fn maxclients_and_timeouts_are_kept() {
    let server = Server::start(&["--maxclients", "3", "--timeout", "1"]).expect("the server");
    let mut open: Vec<_> = (0..3).map(|_| server.connect().expect("a connection")).collect();
    for conn in &mut open {
        conn.call(&["PING"]).expect("a reply");
    }
    let mut refused = server.connect().expect("a connection");
    let reply = refused.read().expect("the refusal");
    assert_eq!(reply.error(), Some("ERR max number of clients reached"));
    assert!(refused.at_end().expect("the end"));
    assert!(open[0].at_end().expect("the end"), "an idle connection is closed after its timeout");
}

#[test]
fn a_password_and_a_renamed_command() {
    let server = Server::start(&["--requirepass", "secret", "--rename-command", "FLUSHALL", "gone"])
        .expect("the server");
    let mut conn = server.connect().expect("a connection");
    assert_eq!(conn.call(&["GET", "k"]).expect("a reply").error(), Some("NOAUTH Authentication required."));
    assert_eq!(conn.call(&["AUTH", "secret"]).expect("a reply").render(), "+OK\n");
    let unknown = conn.call(&["FLUSHALL"]).expect("a reply");
    assert!(
        unknown.error().is_some_and(|text| text.starts_with("ERR unknown command 'FLUSHALL'")),
        "{unknown:?}"
    );
    assert_eq!(conn.call(&["GONE"]).expect("a reply").render(), "+OK\n");
}

#[test]
fn a_unix_socket_serves_too() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("socket");
    let server = Server::start(&["--unixsocket", &path.to_string_lossy()]).expect("the server");
    let mut stream = UnixStream::connect(&path).expect("the socket");
    stream.write_all(b"PING\r\n").expect("to send");
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).expect("a reply");
    assert_eq!(&reply, b"+PONG\r\n");
    drop(server);
}

/// SIGTERM wrote the dataset over dump.rdb whatever shutdown-on-sigterm said.
#[test]
fn what_a_signal_saves_is_configured() {
    for (value, saved) in [("nosave", false), ("save", true), ("default", false)] {
        let mut server = Server::start(&["--shutdown-on-sigterm", value]).expect("the server");
        server.call(&["SET", "k", "v"]).expect("a reply");
        server.end_by("TERM").expect("the end");
        assert_eq!(server.dir().join("dump.rdb").exists(), saved, "{value}");
    }
}

/// A file of users was accepted, and nobody needed a password.
#[test]
fn what_would_be_an_open_server_is_refused() {
    refused(&["--aclfile", "users.acl"], &["aclfile", "ACLs are not supported", "requirepass"]);
}

#[test]
fn what_has_no_effect_is_told() {
    let server = Server::start(&["--active-expire-effort", "10", "--io-threads", "1"]).expect("the server");
    let log = server.log();
    assert!(log.contains("without effect here: active-expire-effort\n"), "{log}");
}

/// Any file that vm-swap-file named was emptied, a snapshot too.
#[test]
fn a_swap_file_takes_no_other_file_s_place() {
    let dir = TempDir::new().expect("a directory");
    for (name, content, what) in
        [("dump.rdb", &b"REDIS0010\xfa\x09redis-ver"[..], "a snapshot"), ("a.conf", b"port 7000\n", "text")]
    {
        let path = dir.path().join(name);
        fs::write(&path, content).expect("the file");
        let path = path.to_str().expect("a name");
        refused(&["--vm-swap-file", path], &[name, what, "set vm-swap-file to another path"]);
        assert_eq!(fs::read(path).expect("the file"), content);
    }
}

/// The streams of a Redis that was left for this server were gone with its first save.
#[test]
fn a_snapshot_that_was_not_wholly_understood_is_kept() {
    let dir = TempDir::new().expect("a directory");
    let corpus = workspace().join("tests/data/rdb-corpus/data");
    let (dump, kept) = (dir.path().join("dump.rdb"), dir.path().join("dump.rdb.original"));
    fs::copy(corpus.join("librdb__misc_with_stream.rdb"), &dump).expect("a copy");
    let original = fs::read(&dump).expect("the file");
    for _ in 0..2 {
        let server = Server::start(&["--dir", dir.path().to_str().expect("a name")]).expect("the server");
        server.call(&["SET", "k", "v"]).expect("a reply");
        for _ in 0..2 {
            assert_eq!(server.call(&["SAVE"]).expect("a reply").render(), "+OK\n");
            assert_eq!(fs::read(&kept).expect("the file"), original);
            assert_ne!(fs::read(&dump).expect("the file"), original);
        }
    }
}

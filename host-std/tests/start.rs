//! The program from outside: how it starts, how it refuses to, how it ends.
#![expect(clippy::unwrap_used, reason = "a test that cannot start a server fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_nuthatch");

/// A fresh directory for one test.
fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("nuthatch-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A port that nobody has right now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The program with words that it refuses. One that takes them for good and serves is ended after a while.
fn run(words: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let mut serves = false;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            serves = true;
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(!serves, "{words:?} was not refused: {output:?}");
    output
}

/// A server that has said that it is ready, and what it said until then.
struct Server {
    child: Child,
    port: u16,
    log: String,
}

impl Server {
    fn start(name: &str, words: &[&str]) -> Self {
        let port = free_port();
        let mut child = Command::new(PROGRAM)
            .args(words)
            .args(["--port", &port.to_string(), "--dir"])
            .arg(scratch(name))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut log = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            log.push_str(&line);
            log.push('\n');
            if line.contains("Ready to accept connections") {
                break;
            }
        }
        // The rest is read away, so that the server never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port, log }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    fn ask(&self, line: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn says_who_it_is_and_when_it_is_ready() {
    let server = Server::start("ready", &[]);
    let pid = format!("PID: {}", server.child.id());
    assert!(server.log.contains(&pid), "{}", server.log);
    assert_eq!(server.ask("PING"), "+PONG\r\n+OK\r\n");
    assert_eq!(
        server.ask("CONFIG GET port"),
        format!("*2\r\n$4\r\nport\r\n$5\r\n{}\r\n+OK\r\n", server.port)
    );
}

#[test]
fn ends_cleanly_by_signal_and_by_command() {
    for (name, end) in [("term", "-TERM"), ("int", "-INT"), ("shutdown", "SHUTDOWN NOSAVE")] {
        let mut server = Server::start(name, &[]);
        match end {
            "-TERM" | "-INT" => server.signal(end),
            command => assert_eq!(server.ask(command), ""),
        }
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{end}");
    }
}

#[test]
fn hangup_is_no_reason_to_end() {
    let server = Server::start("hup", &[]);
    server.signal("-HUP");
    assert_eq!(server.ask("PING"), "+PONG\r\n+OK\r\n");
}

#[test]
fn a_bad_line_of_the_file_is_named() {
    let path = scratch("bad").join("bad.conf");
    for (text, reason) in [
        ("port 7000\nfoo bar\n", "line 2\n>>> 'foo bar'\nBad directive or wrong number of arguments"),
        ("maxmemory lots\n", "line 1\n>>> 'maxmemory lots'\nargument must be a memory value"),
        ("# fine\n\nappendonly maybe\n", "line 3\n>>> 'appendonly maybe'\nargument must be 'yes' or 'no'"),
        ("port \"1\n", "line 1\n>>> 'port \"1'\nUnbalanced quotes in configuration line"),
        ("cluster-enabled yes\n", "line 1\n>>> 'cluster-enabled yes'\ncluster mode is not supported"),
    ] {
        std::fs::write(&path, text).unwrap();
        let output = run(&[path.to_str().unwrap()]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(reason), "{error}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn bad_options_are_named() {
    for (words, reason) in [
        (&["--porto", "1"][..], "Bad directive"),
        (&["--port", "x"], "argument couldn't be parsed into an integer"),
        (&["--port", "1", "2"], "wrong number of arguments"),
    ] {
        refused(words, reason);
    }
    let file = scratch("no-file").join("nuthatch.conf");
    let file = file.to_str().unwrap();
    refused(&[file], &format!("can't open config file '{file}': No such file or directory"));
}

fn refused(words: &[&str], reason: &str) {
    let output = run(words);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(reason), "{error}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_port_in_use_and_a_missing_directory_are_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = scratch("taken");
    let output = run(&["--port", &port, "--dir", dir.to_str().unwrap()]);
    let log = String::from_utf8(output.stdout).unwrap();
    let reason = format!(
        "Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in use"
    );
    assert!(log.contains(&reason), "{log}");
    assert_eq!(output.status.code(), Some(1));

    // A directory of a fixed name was there on one machine, and the server that was to be refused served for hours.
    let gone = dir.join("gone");
    let gone = gone.to_str().unwrap();
    let output = run(&["--port", &free_port().to_string(), "--dir", gone]);
    assert!(String::from_utf8(output.stdout).unwrap().contains(&format!("Can't chdir to '{gone}'")));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn options_override_the_file_and_the_file_may_include_another() {
    let dir = scratch("include");
    std::fs::write(dir.join("more-1.conf"), "maxmemory-samples 7\n").unwrap();
    let file = dir.join("main.conf");
    std::fs::write(&file, format!("hz 50\nmaxmemory-samples 3\ninclude {}/more-*.conf\n", dir.display()))
        .unwrap();
    let server = Server::start("override", &[file.to_str().unwrap(), "--hz", "99"]);
    assert!(server.ask("CONFIG GET hz").contains("99"));
    assert!(server.ask("CONFIG GET maxmemory-samples").contains("\r\n7\r\n"));
}

#[test]
fn config_rewrite_keeps_the_files_comments() {
    let file = scratch("rewrite-file").join("nuthatch.conf");
    std::fs::write(&file, "# mine\nmaxmemory 1mb\n").unwrap();
    let server = Server::start("rewrite", &[file.to_str().unwrap()]);
    assert!(server.ask("CONFIG SET maxmemory 2mb").starts_with("+OK"));
    assert!(server.ask("CONFIG REWRITE").starts_with("+OK"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# mine\nmaxmemory 2mb\n"), "{text}");
    assert!(server.ask("INFO server").contains(&format!("config_file:{}", file.display())));
}

#[test]
fn maxclients_refuses_the_next_one() {
    let server = Server::start("maxclients", &["--maxclients", "1"]);
    let mut first = server.connect();
    first.write_all(b"PING\r\n").unwrap();
    let mut pong = [0; 7];
    first.read_exact(&mut pong).unwrap();
    let mut refusal = String::new();
    server.connect().read_to_string(&mut refusal).unwrap();
    assert_eq!(refusal, "-ERR max number of clients reached\r\n");
}

#[test]
fn a_unix_socket_has_its_permissions_and_goes_with_the_server() {
    use std::os::unix::fs::PermissionsExt;
    let path = scratch("unix-socket").join("nuthatch.sock");
    let words = ["--unixsocket", path.to_str().unwrap(), "--unixsocketperm", "700"];
    let mut server = Server::start("unix", &words);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.write_all(b"PING\r\nQUIT\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert_eq!(reply, "+PONG\r\n+OK\r\n");
    server.signal("-TERM");
    server.child.wait().unwrap();
    assert!(!path.exists());
}

#[test]
fn the_port_can_be_changed_while_it_runs() {
    let server = Server::start("moved", &[]);
    let port = free_port();
    assert!(server.ask(&format!("CONFIG SET port {port}")).starts_with("+OK"));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"PING\r\nQUIT\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert_eq!(reply, "+PONG\r\n+OK\r\n");
}

#[test]
fn large_replies_reach_a_slow_reader_whole() {
    // A reply larger than the socket's buffer is written in pieces, as the poll tells that there is room again.
    const LEN: usize = 20 << 20;
    let server = Server::start("slow", &[]);
    let mut stream = server.connect();
    let mut request = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${LEN}\r\n").into_bytes();
    request.resize(request.len() + LEN, b'x');
    request.extend_from_slice(b"\r\nGET k\r\nQUIT\r\n");
    stream.write_all(&request).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert_eq!(reply.len(), "+OK\r\n".len() * 2 + format!("${LEN}\r\n").len() + LEN + 2);
}

#[test]
fn version_and_help() {
    assert!(String::from_utf8(run(&["--version"]).stdout).unwrap().starts_with("Nuthatch server v="));
    assert!(String::from_utf8(run(&["-h"]).stdout).unwrap().starts_with("Usage: nuthatch"));
}

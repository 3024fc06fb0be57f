//! Diskstore from outside: datasets larger than the cache, kills at random moments, starts that are refused, records
//! that rot, imports; and the same commands as to redis-server, with a cache of a megabyte and of next to nothing.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nuthatch_tests::resp::{Conn, Value, encode, words};
use nuthatch_tests::seed;
use nuthatch_tests::server::{
    Ended, Server, TempDir, free_port, ours, python, reference, run_ours, workspace,
};
use nuthatch_tests::sim::Dice;

/// Kills for each promise; `NUTHATCH_KILLS` asks for more.
const KILLS: u64 = 6;

/// A folder in which servers start one after another.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn flags<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let dir = self.0.path().to_str().expect("a path in UTF-8");
        let mut flags = vec!["--dir", dir, "--diskstore-enabled", "yes"];
        flags.extend(more);
        flags
    }

    fn start(&self, more: &[&str]) -> Server {
        Server::start_program(&ours(), &self.flags(more)).expect("the server")
    }

    fn run(&self, command: &[&str], more: &[&str]) -> Ended {
        let all = command.iter().copied().chain(self.flags(more));
        let arguments: Vec<OsString> = all.map(OsString::from).collect();
        run_ours(&arguments).expect("the server to end by itself")
    }

    /// Starts ours where it must refuse, and gives what it says.
    fn refusal(&self, more: &[&str]) -> String {
        let port = free_port().expect("a port").to_string();
        let ended = self.run(&[], &[&["--port", &port][..], more].concat());
        assert_eq!(ended.code, Some(1), "{}", ended.output);
        assert!(!ended.output.contains("panicked"), "{}", ended.output);
        ended.output
    }
}

fn text(server: &Server, line: &str) -> String {
    server
        .call(&words(line).iter().map(|word| std::str::from_utf8(word).expect("text")).collect::<Vec<_>>())
        .expect("a reply")
        .render()
        .trim_end()
        .to_owned()
}

/// What GET answers in a database.
fn value_in(server: &Server, database: &str, key: &str) -> String {
    let mut conn = server.connect().expect("a connection");
    conn.call(&["SELECT", database]).expect("a reply");
    conn.call(&["GET", key]).expect("a reply").render().trim_end().to_owned()
}

fn kills() -> u64 {
    std::env::var("NUTHATCH_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(KILLS)
}

fn larger_than_its_cache(engine: &str, keys: usize) {
    let place = Place::new();
    let flags = ["--diskstore-engine", engine, "--cache-max-memory", "1mb", "--cache-flush-delay", "1"];
    let mut server = place.start(&flags);
    let mut conn = server.connect().expect("a connection");
    let value = "v".repeat(300);
    for first in (0..keys).step_by(1000) {
        let mut batch = Vec::new();
        for i in first..first + 1000 {
            batch.extend(encode(&["SET", &format!("key:{i}"), &format!("{value}{i}")]));
        }
        conn.send(&batch).expect("to send");
        (0..1000).for_each(|_| assert_eq!(conn.read().expect("a reply").render(), "+OK\n"));
    }
    assert_eq!(text(&server, "DBSIZE"), format!(":{keys}"));
    assert_eq!(server.end_by("TERM").expect("its end").code(), Some(0), "{}", server.log());
    let server = place.start(&flags);
    let mut conn = server.connect().expect("a connection");
    assert_eq!(text(&server, "DBSIZE"), format!(":{keys}"));
    for i in (0..keys).step_by(keys / 500) {
        let got = conn.call(&["GET", &format!("key:{i}")]).expect("a reply").text();
        assert_eq!(got, Some(format!("{value}{i}")), "key:{i}");
    }
    assert_eq!(text(&server, "GET nokey"), text(&server, "GET nokey"));
    assert_eq!(walked(&mut conn), keys);
    let used: usize = info(&server, "cache_used_memory");
    assert!(used <= 1 << 20, "the cache of 1 MB has {used} bytes");
}

/// How many keys SCAN tells of.
fn walked(conn: &mut Conn) -> usize {
    let mut found = std::collections::BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        let page = conn.call(&["SCAN", &cursor, "COUNT", "500"]).expect("a page");
        let [next, keys] = page.elements() else { panic_with(&page) };
        found.extend(keys.elements().iter().filter_map(Value::text));
        cursor = next.text().expect("a cursor");
        if cursor == "0" {
            return found.len();
        }
    }
}

#[expect(clippy::panic, reason = "test code: a failure ends the test")]
fn panic_with(reply: &Value) -> ! {
    panic!("an odd reply: {}", reply.render())
}

fn info(server: &Server, field: &str) -> usize {
    let all = server.call(&["INFO", "diskstore"]).expect("a reply").text().expect("text");
    let line = all.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|number| number.trim().parse().ok()).expect("the field")
}

#[test]
fn more_than_the_cache_in_the_tree() {
    larger_than_its_cache("default", 20_000);
}

#[test]
fn more_than_the_cache_in_files() {
    larger_than_its_cache("files", 4_000);
}

/// What a client knows of the keys that it writes: each has a number that rises, and when it was acknowledged.
struct Writer {
    acknowledged: Vec<(u64, Instant)>,
    sent: u64,
}

/// Writes pairs of keys in transactions until the server dies.
fn write_until_the_end(port: u16, stop: &AtomicBool) -> Writer {
    let mut writer = Writer { acknowledged: Vec::new(), sent: 0 };
    let Ok(mut conn) = Conn::open(port) else { return writer };
    for number in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        writer.sent = number;
        let (key, text) = (format!("n:{}", number % 50), number.to_string());
        let mut bytes = Vec::new();
        bytes.extend(encode(&["MULTI"]));
        bytes.extend(encode(&["SET", &format!("{key}:a"), &text]));
        bytes.extend(encode(&["RPUSH", "all", &text]));
        bytes.extend(encode(&["SET", &format!("{key}:b"), &text]));
        bytes.extend(encode(&["EXEC"]));
        if conn.send(&bytes).is_err() {
            break;
        }
        let replies: Result<Vec<Value>, _> = (0..5).map(|_| conn.read()).collect();
        match replies {
            Ok(replies) if replies[4].error().is_none() => writer.acknowledged.push((number, Instant::now())),
            _ => break,
        }
    }
    writer
}

/// Kills the server in the middle of writes. What was acknowledged longer than `grace` before is there, and whole
/// transactions are, or nothing of them.
fn kill_rounds(rounds: u64, engine: &str, delay: &str, grace: Duration) {
    let place = Place::new();
    let seed = seed::fresh();
    let mut dice = Dice::new(seed);
    let flags = ["--diskstore-engine", engine, "--cache-max-memory", "100kb", "--cache-flush-delay", delay];
    let mut lost = 0;
    for round in 0..rounds {
        let mut server = place.start(&flags);
        text(&server, "FLUSHALL");
        let stop = AtomicBool::new(false);
        let port = server.port;
        let (writer, killed) = thread::scope(|scope| {
            let thread = scope.spawn(|| write_until_the_end(port, &stop));
            thread::sleep(Duration::from_millis(100 + dice.below(400) as u64) + grace);
            let killed = Instant::now();
            server.end_by("KILL").expect("its end");
            stop.store(true, Ordering::Relaxed);
            (thread.join().expect("the writer"), killed)
        });
        drop(server);
        let server = place.start(&flags);
        let safe =
            writer.acknowledged.iter().rev().find(|(_, at)| *at + grace <= killed).map_or(0, |(n, _)| *n);
        assert!(!writer.acknowledged.is_empty(), "round {round}: nothing was written");
        let list = server.call(&["LRANGE", "all", "0", "-1"]).expect("the list");
        let numbers: Vec<u64> = list.elements().iter().filter_map(|v| v.text()?.parse().ok()).collect();
        let last = numbers.last().copied().unwrap_or(0);
        assert!(
            last >= safe && last <= writer.sent,
            "NUTHATCH_SEED={seed}, round {round}: {last} is there, {safe} was safe, {} was sent",
            writer.sent
        );
        assert_eq!(numbers, (1..=last).collect::<Vec<u64>>(), "NUTHATCH_SEED={seed}, round {round}: a hole");
        let mut expected = BTreeMap::new();
        expected.extend((1..=last).map(|n| (n % 50, n)));
        for (key, n) in expected {
            for half in ["a", "b"] {
                let got = server.call(&["GET", &format!("n:{key}:{half}")]).expect("a reply").text();
                assert_eq!(
                    got,
                    Some(n.to_string()),
                    "NUTHATCH_SEED={seed}, round {round}: n:{key}:{half} of {last}"
                );
            }
        }
        lost += writer.acknowledged.last().map_or(0, |(n, _)| n.saturating_sub(last));
    }
    if grace.is_zero() {
        assert_eq!(lost, 0);
    }
}

#[test]
fn nothing_acknowledged_is_lost_without_a_delay() {
    kill_rounds(kills(), "default", "0", Duration::ZERO);
}

#[test]
fn nothing_acknowledged_is_lost_without_a_delay_in_files() {
    kill_rounds(kills(), "files", "0", Duration::ZERO);
}

/// Half a second until the timer looks, and one for the write itself, beside the delay.
const UNTIL_WRITTEN: Duration = Duration::from_millis(1500);

#[test]
fn with_a_delay_at_most_that_is_lost() {
    kill_rounds(kills(), "default", "1", Duration::from_secs(1) + UNTIL_WRITTEN);
}

/// A round takes as long as its delay, so there are fewer.
#[test]
fn with_the_longer_delay_no_more_is_lost() {
    for engine in ["default", "files"] {
        kill_rounds(kills() / 5, engine, "5", Duration::from_secs(5) + UNTIL_WRITTEN);
    }
}

#[test]
fn what_cannot_be_used_is_refused_in_one_line() {
    let place = Place::new();
    for (flags, says) in [
        (&["--vm-enabled", "yes"][..], "vm-enabled cannot both"),
        (&["--appendonly", "yes"], "appendonly cannot both"),
        (&["--diskstore-engine", "rocks"], "diskstore-engine"),
    ] {
        let told = place.refusal(flags);
        assert!(told.contains(says), "{told}");
    }
    let server = place.start(&[]);
    assert!(place.refusal(&[]).contains("another process uses it"));
    assert!(
        text(&server, "CONFIG SET appendonly yes").contains("diskstore"),
        "{}",
        text(&server, "CONFIG SET appendonly yes")
    );
    drop(server);
    assert!(place.refusal(&["--diskstore-engine", "files"]).contains("made with diskstore-engine default"));
    fs::create_dir(place.path("mine")).expect("a folder");
    fs::write(place.path("mine/letter"), "dear").expect("a file");
    assert!(place.refusal(&["--diskstore-path", "mine"]).contains("not empty"));
    assert!(place.refusal(&["--diskstore-path", "mine/letter"]).contains("mine/letter"));
    let mark = place.path("nuthatch.ds/nuthatch.store");
    let old = fs::read_to_string(&mark).expect("the mark");
    fs::write(&mark, old.replace("version 2", "version 7")).expect("the mark");
    let told = place.refusal(&[]);
    assert!(told.contains("version is 7") && told.contains("nuthatch import"), "{told}");
}

/// A longer walk ends after those that were begun later. Their order was that of their ends once, and where that was not the order
/// of the databases in the commands, all were walked again, and again: DEBUG DIGEST of 20,000 keys had no end.
#[test]
fn walks_of_several_databases_end() {
    let place = Place::new();
    let server = place.start(&["--cache-max-memory", "1mb", "--cache-flush-delay", "1"]);
    let mut conn = server.connect().expect("a connection");
    let batch: Vec<u8> =
        (0..20_000).flat_map(|i| encode(&["SET", &format!("key:{i}"), &format!("value {i}")])).collect();
    conn.send(&batch).expect("to send");
    (0..20_000).for_each(|_| assert_eq!(conn.read().expect("a reply").render(), "+OK\n"));
    conn.call(&["SELECT", "1"]).expect("a reply");
    conn.call(&["SET", "other", "1"]).expect("a reply");
    conn.call(&["SELECT", "0"]).expect("a reply");
    assert_eq!(text(&server, "DEBUG FLUSHCACHE"), "+OK");
    for command in ["MULTI", "KEYS *", "SELECT 1", "RANDOMKEY", "SCAN 0"] {
        conn.call(&command.split(' ').collect::<Vec<_>>()).expect("a reply");
    }
    let told = conn.call(&["EXEC"]).expect("the replies");
    let [keys, _, random, _] = told.elements() else { panic_with(&told) };
    assert_eq!((keys.elements().len(), random.text().as_deref()), (20_000, Some("other")));
    let theirs = Server::start_program(&reference(), &[]).expect("redis-server");
    text(&server, "SAVE");
    fs::copy(place.path("dump.rdb"), theirs.dir().join("dump.rdb")).expect("our snapshot");
    text(&theirs, "DEBUG RELOAD NOSAVE");
    assert_eq!(text(&server, "DEBUG DIGEST"), text(&theirs, "DEBUG DIGEST"));
}

/// SELECT of a database that is not there, in a transaction, ended the server: its keys were looked for in that database.
#[test]
fn a_transaction_may_select_what_is_not_there() {
    let place = Place::new();
    let server = place.start(&[]);
    let mut conn = server.connect().expect("a connection");
    for command in ["SET x 1", "MULTI", "SELECT 9999", "GET x", "SELECT -1", "GET x", "EXEC"] {
        let told = conn.call(&command.split(' ').collect::<Vec<_>>()).expect("a reply");
        if command == "EXEC" {
            let lines: Vec<String> = told.elements().iter().map(Value::render).collect();
            assert!(lines[0].starts_with("-ERR DB index is out of range"), "{lines:?}");
            assert_eq!((lines[1].trim(), lines[3].trim()), ("\"1\"", "\"1\""));
        }
    }
}

/// Where the catalog had not been saved, as nothing had been flushed, a start with fewer databases was not refused. An emptied database then
/// got a number under which the store had keys: they were there again; or the keys were there for nobody ever after.
#[test]
fn keys_of_other_databases_are_not_lost_where_the_catalog_was_not_saved() {
    let place = Place::new();
    let mut server = place.start(&["--databases", "32"]);
    let mut conn = server.connect().expect("a connection");
    conn.call(&["SELECT", "16"]).expect("a reply");
    conn.call(&["SET", "ghost", "1"]).expect("a reply");
    server.end_by("TERM").expect("its end");
    drop(server);
    let line = place.refusal(&[]);
    assert!(line.contains("it has keys in database 16") && line.contains("set that to 17"), "{line}");
    let server = place.start(&["--databases", "17"]);
    text(&server, "SET own 1");
    assert_eq!(text(&server, "FLUSHDB"), "+OK");
    assert_eq!(text(&server, "KEYS *"), "*0");
    assert_eq!(value_in(&server, "16", "ghost"), "\"1\"");
}

/// A kill soon after FLUSHALL: the start made the changes of journals again that had not been durable, in a database that had been
/// cleared meanwhile and stood in no catalog any more. Their files were there for good, and counted.
#[test]
fn what_a_start_brings_back_of_a_cleared_database_goes() {
    let place = Place::new();
    let flags = ["--diskstore-engine", "files", "--diskstore-path", "store", "--cache-flush-delay", "0"];
    let mut server = place.start(&flags);
    text(&server, "SET key 1");
    let is_record =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("0_"));
    let record = || files_below(&place.path("store")).into_iter().find(is_record);
    let path = record().expect("the key's file");
    let bytes = fs::read(&path).expect("its content");
    assert_eq!(text(&server, "FLUSHALL"), "+OK");
    let until = Instant::now() + Duration::from_secs(30);
    while record().is_some() {
        assert!(Instant::now() < until, "what was flushed stays");
        thread::sleep(Duration::from_millis(20));
    }
    text(&server, "SET other 1");
    server.end_by("KILL").expect("its end");
    drop(server);
    fs::write(&path, bytes).expect("the file to be back");
    let server = place.start(&flags);
    assert_eq!(text(&server, "KEYS *"), "*1\n  \"other\"");
    while record().is_some() {
        assert!(Instant::now() < until, "what came back stays");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Microseconds that the server has run.
fn ran(server: &Server) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid())).expect("its times");
    let fields = stat.rsplit(')').next().expect("fields").split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().expect("a number") * 10_000).sum()
}

/// With each key that came for a command that waits for many, all of those were looked at that had come before: whether one of them may
/// leave, and whether one may be forgotten that is known to be absent. MGET of 20,000 keys ran for two seconds, and of 20,000 absent
/// ones for minutes.
#[test]
fn a_command_may_ask_for_more_keys_than_the_cache_holds() {
    const KEYS: usize = 20_000;
    let place = Place::new();
    let names = |prefix: &str| (0..KEYS).map(|i| format!("{prefix}:{i}")).collect::<Vec<_>>();
    let mut cost = Vec::new();
    for cache in ["100mb", "100kb"] {
        let server = place.start(&["--cache-max-memory", cache, "--cache-flush-delay", "1"]);
        let mut conn = server.connect().expect("a connection");
        let batch: Vec<u8> = names("key").iter().flat_map(|name| encode(&["SET", name, "v"])).collect();
        conn.send(&batch).expect("to send");
        (0..KEYS).for_each(|_| assert_eq!(conn.read().expect("a reply").render(), "+OK\n"));
        assert_eq!(text(&server, "DEBUG FLUSHCACHE"), "+OK");
        let before = ran(&server);
        for (prefix, there) in [("key", KEYS), ("nokey", 0)] {
            let names = names(prefix);
            let command: Vec<&str> = ["EXISTS"].into_iter().chain(names.iter().map(String::as_str)).collect();
            assert_eq!(conn.call(&command).expect("a reply").render().trim_end(), format!(":{there}"));
        }
        cost.push(ran(&server) - before);
        let used = info(&server, "cache_used_memory");
        assert!(
            cache == "100mb" || used <= 100 << 10,
            "the cache has {used} bytes when nobody waits any more"
        );
    }
    assert!(cost[1] < 4 * cost[0] + 200_000, "microseconds with a large and with a small cache: {cost:?}");
}

/// The sweep rests where a round met no deadline, and rested for a minute whatever was saved meanwhile: DBSIZE counted what was over
/// long ago.
#[test]
fn the_sweep_does_not_rest_while_deadlines_pass() {
    let place = Place::new();
    let server = place.start(&[]);
    assert_eq!(text(&server, "SET lasting 1"), "+OK");
    // A round over all databases, of which there is one a tick.
    thread::sleep(Duration::from_secs(3));
    let mut conn = server.connect().expect("a connection");
    let batch: Vec<u8> =
        (0..100).flat_map(|i| encode(&["SET", &format!("key:{i}"), "1", "PX", "2000"])).collect();
    conn.send(&batch).expect("to send");
    (0..100).for_each(|_| assert_eq!(conn.read().expect("a reply").render(), "+OK\n"));
    // From here on no one but the sweep meets them.
    assert_eq!(text(&server, "DEBUG FLUSHCACHE"), "+OK");
    let until = Instant::now() + Duration::from_secs(20);
    while text(&server, "DBSIZE") != ":1" {
        assert!(Instant::now() < until, "{} keys are swept", info(&server, "cache_swept_keys"));
        thread::sleep(Duration::from_millis(100));
    }
}

/// What was over within two seconds showed no bar at all, and of the others nobody saw the end.
#[test]
fn snapshots_and_loads_show_how_far_they_are() {
    let place = Place::new();
    let server = place.start(&["--enable-debug-command", "yes"]);
    (0..100).for_each(|i| assert_eq!(text(&server, &format!("SET key:{i} {i}")), "+OK"));
    text(&server, "BGSAVE");
    let until = Instant::now() + Duration::from_secs(10);
    while !place.path("dump.rdb").exists() {
        assert!(Instant::now() < until, "{}", server.log());
    }
    let bar = format!("[{}] 100 %, 100 keys", "#".repeat(30));
    assert!(server.log().contains(&format!("Saving {bar}")), "{}", server.log());
    assert_eq!(text(&server, "DEBUG RELOAD"), "+OK");
    assert!(server.log().contains(&format!("Loading {bar}")), "{}", server.log());
    drop(server);
    let ended = place.run(&["import", place.path("dump.rdb").to_str().expect("a name")], &[]);
    assert!(ended.output.contains(&format!("[{}] 100 %, 100 keys", "#".repeat(40))), "{}", ended.output);
}

/// What was acknowledged between the beginning of the save and that of the load was in neither, and was gone.
#[test]
fn a_reload_loses_nothing_that_was_acknowledged() {
    let place = Place::new();
    let server = place.start(&["--enable-debug-command", "yes", "--cache-max-memory", "4mb"]);
    assert_eq!(text(&server, "DEBUG POPULATE 30000 key 300"), "+OK");
    let over = AtomicBool::new(false);
    // Each write is synced: how many there are in a time is the disk's matter.
    let (counts, enough) = ([AtomicUsize::new(0), AtomicUsize::new(0)], 100);
    let written: Vec<Vec<String>> = thread::scope(|scope| {
        // One writes new keys, the other appends to such as the store has to be read for.
        let writers = [("SET new", &counts[0]), ("APPEND key", &counts[1])].map(|(command, count)| {
            let (server, over) = (&server, &over);
            scope.spawn(move || {
                let mut conn = server.connect().expect("a connection");
                let mut written = Vec::new();
                for n in 0..30_000 {
                    let answer = conn.call(&words(&format!("{command}:{n} 1"))).expect("an answer").render();
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    if answer.starts_with('-') {
                        assert!(answer.starts_with("-LOADING"), "{answer}");
                    } else {
                        written.push(format!("{}:{n}", &command[command.len() - 3..]));
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                written
            })
        });
        while counts.iter().any(|count| count.load(Ordering::Relaxed) < enough) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(text(&server, "DEBUG RELOAD"), "+OK");
        over.store(true, Ordering::Relaxed);
        writers.map(|writer| writer.join().expect("a writer")).into()
    });
    for key in written.iter().flatten() {
        let length = if key.starts_with("new") { ":1" } else { ":301" };
        assert_eq!(text(&server, &format!("STRLEN {key}")), length, "{key}");
    }
    assert!(written.iter().all(|keys| keys.len() >= enough), "there was time to write");
}

/// A limit on the size of files ended the server by a signal, at its start already, and told nobody.
#[test]
fn a_limit_on_files_is_an_error_of_the_write() {
    let place = Place::new();
    // 30 KB, in blocks of 512 bytes.
    let limited = place.path("limited");
    let script = format!("#!/bin/sh\nulimit -f 60\nexec {} \"$@\"\n", ours().display());
    fs::write(&limited, script).expect("a script");
    fs::set_permissions(&limited, fs::Permissions::from_mode(0o755)).expect("to make it one");
    // The tree's journal has 64 MB from the beginning.
    let ended = Server::start_program(&limited, &place.flags(&[])).err().expect("no start").to_string();
    assert!(ended.contains("exit status: 1") && ended.contains("File too large"), "{ended}");
    let files = ["--diskstore-engine", "files", "--diskstore-path", "files.ds", "--cache-flush-delay", "0"];
    let server = Server::start_program(&limited, &place.flags(&files)).expect("the server");
    let refused = text(&server, &format!("SET key {}", "x".repeat(40_000)));
    assert!(refused.starts_with("-MISCONF") && refused.contains("too large"), "{refused}");
    assert_eq!(text(&server, "PING"), "+PONG");
}

/// The dataset of a server that was one in memory before seemed gone, and the first SAVE wrote over it.
#[test]
fn a_snapshot_beside_a_new_store_is_told_of() {
    let place = Place::new();
    fs::write(place.path("dump.rdb"), b"REDIS0009").expect("a file");
    let server = place.start(&[]);
    let log = server.log();
    assert!(
        log.contains("'dump.rdb' is not loaded into it") && log.contains("nuthatch import dump.rdb"),
        "{log}"
    );
    assert_eq!(text(&server, "SET k v"), "+OK");
    drop(server);
    let server = place.start(&[]);
    assert!(!server.log().contains("is not loaded into it"), "{}", server.log());
}

/// A file that has the name of one key and holds another, whole, was called damaged: two keys may have one name.
#[test]
fn a_file_of_another_key_is_not_the_keys() {
    let place = Place::new();
    let flags = ["--diskstore-engine", "files", "--cache-flush-delay", "0"];
    let server = place.start(&flags);
    assert_eq!((text(&server, "SET test 1"), text(&server, "SET other 2")), ("+OK".into(), "+OK".into()));
    drop(server);
    let store = place.path("nuthatch.ds");
    // SHA-1 of the names.
    let (test, other) = (
        "a9/4a/0_a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
        "d0/94/0_d0941e68da8f38151ff86a61fc59f7c5cf9fcaa2",
    );
    fs::copy(store.join(other), store.join(test)).expect("to copy it");
    let server = place.start(&flags);
    assert_eq!((text(&server, "GET test"), text(&server, "GET other")), ("$-1".into(), "\"2\"".into()));
    assert_eq!(text(&server, "SET test 3"), "+OK");
    drop(server);
    let server = place.start(&flags);
    assert_eq!((text(&server, "GET test"), text(&server, "GET other")), ("\"3\"".into(), "\"2\"".into()));
}

/// Books that had been large once made one dirty key count as tens of kilobytes, and writers wait for less.
#[test]
fn a_dirty_key_after_many_is_one() {
    let place = Place::new();
    let server = place.start(&["--cache-flush-delay", "1"]);
    (0..3_000).for_each(|i| assert_eq!(text(&server, &format!("SET key:{i} {i}")), "+OK"));
    let until = Instant::now() + Duration::from_secs(20);
    while info(&server, "cache_dirty_keys") > 0 {
        assert!(Instant::now() < until, "{} are dirty", info(&server, "cache_dirty_keys"));
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(
        (text(&server, "CONFIG SET cache-flush-delay 100"), text(&server, "SET one 1")),
        ("+OK".into(), "+OK".into())
    );
    let (keys, bytes) = (info(&server, "cache_dirty_keys"), info(&server, "cache_dirty_bytes"));
    assert!(keys == 1 && bytes < 1_000, "{keys} keys of {bytes} bytes");
}

/// KEYS, SCAN and RANDOMKEY within a transaction missed what it had set after its FLUSHDB.
#[test]
fn a_transaction_sees_what_it_set_after_it_flushed() {
    let place = Place::new();
    let server = place.start(&["--cache-max-memory", "1mb"]);
    (0..2_000).for_each(|i| assert_eq!(text(&server, &format!("SET key:{i} {i}")), "+OK"));
    let mut conn = server.connect().expect("a connection");
    let lines =
        ["MULTI", "FLUSHDB", "SET only 1", "KEYS *", "SCAN 0 COUNT 10000", "RANDOMKEY", "DBSIZE", "EXEC"];
    let answers: Vec<String> =
        lines.iter().map(|line| conn.call(&words(line)).expect("a reply").render()).collect();
    let outcome = &answers[7];
    assert_eq!((outcome.matches("only").count(), outcome.matches("key:").count()), (3, 0), "{outcome}");
    assert!(outcome.trim_end().ends_with(":1"), "{outcome}");
}

/// The end of a load that was given up was taken for one of the next load's, which then counted fewer writes than it waited for, and
/// never ended.
#[test]
fn a_load_begins_while_another_that_was_given_up_ends() {
    let place = Place::new();
    let server = place.start(&["--enable-debug-command", "yes", "--cache-max-memory", "4mb"]);
    assert_eq!(text(&server, "DEBUG POPULATE 30000 key 300"), "+OK");
    assert_eq!(text(&server, "SAVE"), "+OK");
    let file = place.path("dump.rdb");
    let good = fs::read(&file).expect("the snapshot");
    let mut bad = good.clone();
    *bad.last_mut().expect("a checksum") ^= 1;
    for _ in 0..3 {
        fs::write(&file, &bad).expect("a damaged snapshot");
        for _ in 0..4 {
            assert!(text(&server, "DEBUG RELOAD NOSAVE").starts_with("-ERR"));
        }
        fs::write(&file, &good).expect("the snapshot");
        assert_eq!(text(&server, "DEBUG RELOAD NOSAVE"), "+OK");
        assert_eq!(text(&server, "DBSIZE"), ":30000");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Sets so many keys to values of a kilobyte, which lie apart from the tree's keys.
fn set_long_values(conn: &mut Conn, keys: usize) {
    let value = |i: usize| format!("{i:08}").repeat(125);
    for first in (0..keys).step_by(1000) {
        let range = first..first + 1000;
        let batch: Vec<u8> =
            range.clone().flat_map(|i| encode(&["SET", &format!("key:{i}"), &value(i)])).collect();
        conn.send(&batch).expect("to send");
        range.for_each(|_| assert_eq!(conn.read().expect("a reply").render(), "+OK\n"));
    }
}

/// Flips a bit in the middle of the largest file in a folder of this name.
fn damage_largest_below(store: &Path, folder: &str) {
    let files = files_below(store)
        .into_iter()
        .filter(|path| path.parent().is_some_and(|parent| parent.ends_with(folder)));
    let file = files.max_by_key(|path| fs::metadata(path).expect("its size").len()).expect("a file");
    let mut bytes = fs::read(&file).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&file, bytes).expect("to damage it");
}

/// One value of the tree was damaged, and KEYS and SCAN told of no key any more; nor did anything say whose value it was.
#[test]
fn a_damaged_value_of_the_tree_is_its_keys_error_alone() {
    let place = Place::new();
    let flags = ["--cache-flush-delay", "0", "--cache-max-memory", "1mb"];
    let mut server = place.start(&flags);
    set_long_values(&mut server.connect().expect("a connection"), 40_000);
    server.end_by("TERM").expect("its end");
    drop(server);
    damage_largest_below(&place.path("nuthatch.ds"), "blobs");
    let server = place.start(&flags);
    let keys = |ask: &str| text(&server, ask).lines().filter(|line| line.contains("key:")).count();
    assert_eq!((keys("KEYS *"), keys("SCAN 0 COUNT 100000")), (39_999, 39_999));
    let damaged: Vec<usize> =
        (0..40_000).filter(|i| text(&server, &format!("GET key:{i}")).starts_with("-IOERR")).collect();
    let [bad] = damaged[..] else { panic!("{damaged:?}") };
    assert!(text(&server, "SAVE").starts_with("-ERR"));
    let log = server.log();
    assert!(log.contains(&format!("The record of the key 'key:{bad}' is damaged and is left out")), "{log}");
    assert!(log.contains(&format!("The record of the key 'key:{bad}' is damaged; set it anew")), "{log}");
    assert_eq!(text(&server, &format!("SET key:{bad} again")), "+OK");
    assert_eq!((keys("KEYS *"), text(&server, "SAVE")), (40_000, "+OK".to_owned()));
}

/// In the tree a block holds some keys. Who wrote one of them was told OK, and from then on every write was refused: whether the
/// key was there could not be found out, and the batch was tried again for ever.
#[test]
fn keys_of_a_damaged_block_can_be_written() {
    let place = Place::new();
    let flags = ["--cache-flush-delay", "0", "--cache-max-memory", "2mb"];
    let mut server = place.start(&flags);
    let mut conn = server.connect().expect("a connection");
    set_long_values(&mut conn, 80_000);
    server.end_by("TERM").expect("its end");
    drop(server);
    damage_largest_below(&place.path("nuthatch.ds"), "tables");
    let server = place.start(&flags);
    let damaged: Vec<String> = (0..80_000)
        .map(|i| format!("key:{i}"))
        .filter(|key| text(&server, &format!("GET {key}")).starts_with("-IOERR"))
        .collect();
    assert!((1..1_000).contains(&damaged.len()), "{}", damaged.len());
    for key in &damaged {
        assert_eq!(text(&server, &format!("SET {key} again")), "+OK");
    }
    assert_eq!(text(&server, "SET another 1"), "+OK");
    for key in &damaged {
        assert_eq!(text(&server, &format!("GET {key}")), "\"again\"");
    }
}

#[test]
fn a_damaged_record_is_its_keys_error_alone() {
    let place = Place::new();
    let flags = ["--diskstore-engine", "files"];
    let mut server = place.start(&flags);
    text(&server, "SET good fine");
    text(&server, "SET bad 0123456789abcdef0123456789abcdef");
    server.end_by("TERM").expect("its end");
    drop(server);
    let holds = |path: &PathBuf| {
        fs::read(path).is_ok_and(|bytes| bytes.windows(16).any(|w| w == b"0123456789abcdef"))
    };
    let file = files_below(&place.path("nuthatch.ds")).into_iter().find(holds).expect("its file");
    let mut bytes = fs::read(&file).expect("the file");
    let at = bytes.windows(6).position(|w| w == b"abcdef").expect("its value");
    bytes[at] ^= 4;
    fs::write(&file, bytes).expect("to damage it");
    let server = place.start(&flags);
    let told = text(&server, "GET bad");
    assert!(told.starts_with("-IOERR") && told.contains("'bad'"), "{told}");
    assert_eq!(text(&server, "GET good"), "\"fine\"");
    assert_eq!(text(&server, "SET bad again"), "+OK");
    assert_eq!(text(&server, "GET bad"), "\"again\"");
    assert_eq!(info(&server, "cache_failed_reads"), 1);
}

#[test]
fn snapshots_go_both_ways() {
    let theirs = Server::start_program(&reference(), &[]).expect("redis-server");
    for i in 0..3000 {
        text(&theirs, &format!("SET s:{i} value-{i}"));
        text(&theirs, &format!("HSET h:{} f{i} {i}", i % 100));
    }
    text(&theirs, "ZADD z 1.5 a 2 b");
    text(&theirs, "SADD t 1 2 3");
    text(&theirs, "RPUSH l x y z");
    text(&theirs, "SELECT 0");
    text(&theirs, "SAVE");
    let place = Place::new();
    let dump = place.path("theirs.rdb");
    fs::copy(theirs.dir().join("dump.rdb"), &dump).expect("their snapshot");
    // It once asked for `--diskstore-enabled yes` too, which there is no other reason to import for.
    let dir = place.0.path().to_str().expect("a path in UTF-8");
    let flags = ["import", dump.to_str().expect("a name"), "--dir", dir, "--cache-max-memory", "50kb"];
    let ended = run_ours(&flags.map(OsString::from)).expect("the import to end");
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    assert!(ended.output.contains("3103 keys"), "{}", ended.output);
    let server = place.start(&["--cache-max-memory", "50kb"]);
    assert_eq!(text(&server, "DBSIZE"), ":3103");
    for key in ["s:7", "h:42", "z", "t", "l"] {
        let ask = format!("DEBUG DIGEST-VALUE {key}");
        assert_eq!(text(&server, &ask), text(&theirs, &ask), "{key}");
    }
    assert_eq!(text(&server, "SAVE"), "+OK");
    fs::copy(place.path("dump.rdb"), theirs.dir().join("dump.rdb")).expect("our snapshot");
    let before = text(&theirs, "DEBUG DIGEST");
    text(&theirs, "DEBUG RELOAD NOSAVE");
    assert_eq!(text(&theirs, "DEBUG DIGEST"), before);
    // A file that is no snapshot changes nothing.
    fs::write(&dump, "REDIS0010 and then nonsense").expect("a file");
    drop(server);
    let ended = place.run(&["import", dump.to_str().expect("a name")], &[]);
    assert_ne!(ended.code, Some(0), "{}", ended.output);
    assert_eq!(text(&place.start(&[]), "DBSIZE"), ":3103");
}

#[track_caller]
fn as_the_reference(seed: u64, sequences: &str, cache: &str) {
    let place = Place::new();
    let theirs =
        Server::start_program(&reference(), &["--enable-protected-configs", "yes"]).expect("redis-server");
    let ours = place.start(&["--enable-protected-configs", "yes", "--cache-max-memory", cache]);
    let mut command = Command::new(python());
    command.arg(workspace().join("tests/oracle/diff_fuzz.py")).arg("--exact");
    command.args(["--ref", &theirs.port.to_string(), "--sut", &ours.port.to_string()]);
    command.args([
        "--groups",
        "strings,bits,lists,sets,hashes,zsets,keys,expire,sort,scan,multi,encoding,blocking,arity,db",
    ]);
    command.args(["--seed", &seed.to_string(), "--seqs", sequences]);
    let out = command.output().expect("python");
    let told = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    println!("{}", told.lines().rev().take(4).collect::<Vec<_>>().join("\n"));
    assert!(out.status.success(), "seed {seed}, cache of {cache}:\n{told}\n{}", ours.log());
}

#[test]
fn a_cache_of_a_megabyte_answers_as_the_reference() {
    let sequences = std::env::var("NUTHATCH_SEQUENCES").unwrap_or_else(|_| "150".to_owned());
    as_the_reference(3, &sequences, "1mb");
}

#[test]
fn a_cache_of_next_to_nothing_answers_as_the_reference() {
    // A seed that met a deadline of the last hour there is, which a record once took for none.
    as_the_reference(seed::given().unwrap_or(486_825), "100", "1");
}

/// A SORT within MULTI found keys in the store alone, of which nobody knew before it ran, and failed in the middle of the transaction.
#[test]
fn a_sort_within_a_transaction_waits_for_its_keys() {
    let place = Place::new();
    let server = place.start(&["--cache-flush-delay", "0"]);
    for (key, weight) in [("a", "3"), ("b", "1"), ("c", "2")] {
        server.call(&["RPUSH", "list", key]).expect("a reply");
        server.call(&["SET", &format!("w:{key}"), weight]).expect("a reply");
    }
    assert_eq!(text(&server, "DEBUG FLUSHCACHE"), "+OK");
    let mut conn = server.connect().expect("a connection");
    let queued: [&[&str]; 4] = [
        &["INCR", "before"],
        &["SORT", "list", "BY", "w:*", "GET", "#", "GET", "w:*"],
        &["SORT", "list", "BY", "w:*", "DESC", "STORE", "sorted"],
        &["LRANGE", "sorted", "0", "-1"],
    ];
    conn.call(&["MULTI"]).expect("a reply");
    for command in queued {
        conn.call(command).expect("a reply");
    }
    let reply = conn.call(&["EXEC"]).expect("a reply").render();
    let expected = "*4\n  :1\n  *6\n    \"b\"\n    \"1\"\n    \"c\"\n    \"2\"\n    \"a\"\n    \"3\"\n  :3\n  *3\n    \"a\"\n    \"c\"\n    \"b\"";
    assert_eq!(reply.trim_end(), expected);
}

/// With fewer databases than the store has the others' keys were there for nobody, a snapshot left them out and FLUSHALL removed them.
#[test]
fn a_store_of_more_databases_is_refused() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let mut conn = server.connect().expect("a connection");
    for line in
        [&["SELECT", "5"][..], &["SET", "k", "v"], &["SELECT", "15"], &["SET", "gone", "v"], &["FLUSHDB"]]
    {
        conn.call(line).expect("a reply");
    }
    server.end_by("TERM").expect("its end");
    let line = place.refusal(&["--databases", "2"]);
    assert!(line.contains("it has keys in database 5") && line.contains("set that to 6"), "{line}");
    let server = place.start(&["--databases", "6"]);
    assert_eq!(value_in(&server, "5", "k"), "\"v\"");
}

/// A policy deleted keys from the store, for memory that the store's own tables took.
#[test]
fn maxmemory_is_refused_where_memory_is_a_cache() {
    let place = Place::new();
    let line = place.refusal(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    assert!(line.contains("cache-max-memory") && line.contains("set maxmemory to 0"), "{line}");
    let server = place.start(&[]);
    let told = text(&server, "CONFIG SET maxmemory 100mb");
    assert!(told.starts_with("-ERR CONFIG SET failed") && told.contains("cache-max-memory"), "{told}");
    assert_eq!(text(&server, "CONFIG SET maxmemory 0"), "+OK");
}

/// FLUSHALL put an empty snapshot in the place of the one that was still to be imported.
#[test]
fn flushall_leaves_the_snapshot_alone() {
    let place = Place::new();
    fs::write(place.path("dump.rdb"), b"REDIS0009").expect("a file");
    let server = place.start(&["--save", "3600 1"]);
    assert_eq!((text(&server, "SET k v"), text(&server, "FLUSHALL")), ("+OK".into(), "+OK".into()));
    thread::sleep(Duration::from_millis(300));
    assert_eq!(fs::read(place.path("dump.rdb")).expect("the file"), b"REDIS0009");
}

/// The first SAVE over an imported store wrote over the streams that the import had left out.
#[test]
fn an_import_keeps_what_it_leaves_out() {
    let place = Place::new();
    let corpus = workspace().join("tests/data/rdb-corpus/data");
    fs::copy(corpus.join("librdb__misc_with_stream.rdb"), place.path("dump.rdb")).expect("a copy");
    let original = fs::read(place.path("dump.rdb")).expect("the file");
    let ended = place.run(&["import", place.path("dump.rdb").to_str().expect("a name")], &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let server = place.start(&[]);
    assert_eq!(text(&server, "SAVE"), "+OK");
    assert_eq!(fs::read(place.path("dump.rdb.original")).expect("the file"), original);
    assert_ne!(fs::read(place.path("dump.rdb")).expect("the file"), original);
}

/// A snapshot of `files` was good without a key whose file was damaged so that nothing told whose it is.
#[test]
fn a_backup_lacks_no_key_in_silence() {
    let place = Place::new();
    let server = place.start(&["--diskstore-engine", "files", "--enable-debug-command", "yes"]);
    assert_eq!((text(&server, "SET test 1"), text(&server, "SET other 2")), ("+OK".into(), "+OK".into()));
    assert_eq!(text(&server, "DEBUG FLUSHCACHE"), "+OK");
    let file = place.path("nuthatch.ds").join("a9/4a/0_a94a8fe5ccb19ba61c4c0873d391e987982fbbd3");
    fs::write(&file, b"").expect("to empty it");
    assert!(text(&server, "SAVE").starts_with("-ERR"));
    assert!(
        server.log().contains("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3' is damaged"),
        "{}",
        server.log()
    );
    assert!(!place.path("dump.rdb").exists());
    assert!(text(&server, "KEYS *").contains("other"));
}

//! The firmware on QEMU's machine, as `cargo xtask firmware --sizes` built it: ordinary clients, the reference beside it, noise on
//! the line, memory that runs out.
#![expect(clippy::expect_used, clippy::panic, reason = "test code: a failure ends the test")]

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use nuthatch_tests::machine::{Machine, TORN, Twin, firmware};
use nuthatch_tests::resp::{Conn, Value};
use nuthatch_tests::seed;
use nuthatch_tests::server::{Server, TempDir, python, reference, workspace};

/// Every group whose commands need one client only.
const GROUPS: &str = "strings,bits,lists,sets,hashes,zsets,keys,expire,sort,scan,encoding,arity,db";
/// About 75 commands each.
const SEQUENCES: &str = "50";

fn machine(build: &str) -> (Machine, TempDir) {
    let dir = TempDir::new().expect("a directory");
    let machine = Machine::start(build, &dir.path().join("flash.bin")).expect("QEMU with the firmware");
    (machine, dir)
}

#[track_caller]
fn output(command: &mut Command) -> String {
    let out = command.output().expect("the program");
    let told = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{command:?}:\n{told}");
    told
}

fn text(conn: &mut Conn, words: &[&str]) -> String {
    conn.call(words).expect("a reply").render().trim_end().to_owned()
}

/// What a client does that comes to a line of which it knows nothing.
fn step_in(machine: &Machine) -> Conn {
    sleep(TORN);
    let mut conn = machine.connect().expect("the line");
    conn.send(b"RESET\r\nECHO in-step-now\r\n").expect("sent");
    let mut seen = Vec::new();
    while !seen.ends_with(b"$11\r\nin-step-now\r\n") {
        seen.push(conn.byte().expect("a byte"));
    }
    conn
}

#[test]
fn ordinary_clients() {
    let (machine, _dir) = machine("everything");
    let port = machine.port.to_string();
    let cli = |words: &[&str]| output(Command::new("redis-cli").args(["-p", &port]).args(words));
    assert_eq!(cli(&["SET", "a", "1"]), "OK\n");
    assert_eq!(cli(&["INCRBY", "a", "41"]), "42\n");
    assert!(cli(&["INFO", "memory"]).contains("used_memory:"));
    let told = output(Command::new("redis-benchmark").args([
        "-p",
        &port,
        "-c",
        "1",
        "-n",
        "200",
        "--csv",
        "-t",
        "ping_mbulk,set,get,lpush,hset,zadd",
    ]));
    assert_eq!(told.lines().filter(|line| line.starts_with('"')).count(), 7, "a head and six tests:\n{told}");
    for protocol in ["2", "3"] {
        let script = workspace().join("tests/python/serial.py");
        output(Command::new(python()).arg(script).args([&port, protocol]));
    }
}

/// What the build of five types has not, of the commands that the groups below send to it.
const FIVE_LACK: &str = "29: COPY HINCRBYFLOAT HRANDFIELD HSCAN INCRBYFLOAT LCS LMPOP LPOS MEMORY RANDOMKEY SINTERCARD SMOVE SSCAN \
                         SUBSTR ZDIFF ZDIFFSTORE ZINTER ZINTERCARD ZINTERSTORE ZLEXCOUNT ZMPOP ZRANDMEMBER ZRANGEBYLEX \
                         ZRANGESTORE ZREMRANGEBYLEX ZREVRANGEBYLEX ZSCAN ZUNION ZUNIONSTORE\n";

/// Runs commands of these groups against a build, which has all but `lacks`, and redis-server.
fn compare(build: &str, groups: &str, lacks: &str, how: &[&str]) {
    let theirs =
        Server::start_program(&reference(), &["--enable-protected-configs", "yes"]).expect("redis-server");
    let (machine, _dir) = machine(build);
    let seed = seed::fresh();
    let mut command = Command::new(python());
    command
        .arg(workspace().join("tests/oracle/diff_fuzz.py"))
        .args(["--single", "--timeout", "20"])
        .args(how);
    command.args(["--ref", &theirs.port.to_string(), "--sut", &machine.port.to_string()]);
    command.args(["--seed", &seed.to_string(), "--seqs", SEQUENCES, "--groups", groups]);
    let told = output(&mut command);
    assert!(
        told.contains(&format!("SUT lacks {lacks}")),
        "seed {seed}: every other command is there:\n{told}"
    );
}

#[test]
fn replies_are_the_references() {
    compare("everything", GROUPS, "0:", &["--exact"]);
}

/// A small build keeps every collection packed; here the reference has left that form long before. Encodings and the digits of
/// large scores may differ, replies not.
#[test]
fn replies_of_packed_collections_are_the_references() {
    compare("five", "strings,lists,sets,hashes,zsets,keys,expire,scan", FIVE_LACK, &["--without", "BYLEX"]);
}

/// A client went in the middle of a reply of 6,000 bytes, or of a command, or of a transaction, or sent noise: the next
/// one gets its own replies and nothing else.
#[test]
fn the_next_client_gets_its_own_replies() {
    let (machine, _dir) = machine("everything");
    let mut first = machine.connect().expect("the line");
    for i in 0..30 {
        assert_eq!(
            text(&mut first, &["RPUSH", "l", &"x".repeat(200), &i.to_string()]),
            format!(":{}", 2 * i + 2)
        );
    }
    first.send(b"LRANGE l 0 -1\r\n").expect("sent");
    first.byte().expect("the reply begins");
    let leftovers: [&[u8]; 5] = [
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000\r\nhalf of it",
        b"MULTI\r\nSET a b\r\n",
        b"\xff\x00\xfe*7\r\n$q\r\n",
        b"BLPOP nothing 0\r\n",
        b"SUBSCRIBE news\r\n",
    ];
    drop(first);
    for leftover in leftovers {
        step_in(&machine).send(leftover).expect("sent");
    }
    let mut last = step_in(&machine);
    assert_eq!(text(&mut last, &["EXISTS", "a"]), ":0");
    assert_eq!(text(&mut last, &["LLEN", "l"]), ":60");
}

/// What follows a protocol error is not taken for commands, and the reply comes when the line is clean again.
#[test]
fn a_stream_out_of_step_runs_nothing() {
    let (machine, _dir) = machine("everything");
    let mut conn = machine.connect().expect("the line");
    conn.send(b"*2\r\n!3\r\nSET a b\r\nSET a b\r\n").expect("sent");
    let reply = conn.read().expect("a reply");
    assert!(reply.error().is_some_and(|text| text.contains("Protocol error")), "{reply:?}");
    assert_eq!(text(&mut conn, &["EXISTS", "a"]), ":0");
}

fn refused(reply: &Value) -> bool {
    match reply.error() {
        None => false,
        Some(text) => {
            assert!(text.starts_with("OOM") || text.starts_with("ERR"), "{text}");
            true
        }
    }
}

/// Sets and reads back so many keys of 64 bytes, in another order, and sets them again.
fn holds(build: &str, keys: usize) {
    let (machine, _dir) = machine(build);
    let mut conn = machine.connect().expect("the line");
    for round in 0..2 {
        for i in 0..keys {
            assert_eq!(
                text(&mut conn, &["SET", &format!("key:{i:06}"), &format!("{:064}", i + round)]),
                "+OK"
            );
        }
        for i in 0..keys {
            let key = i * 7919 % keys;
            assert_eq!(
                text(&mut conn, &["GET", &format!("key:{key:06}")]),
                format!("\"{:064}\"", key + round),
                "{build}: key {key}, round {round}"
            );
        }
    }
}

/// The build for 128 KiB of memory, stack and all, code aside, holds 2,048 keys.
#[test]
fn in_128_kib_are_2048_keys() {
    holds("five", 2048);
}

/// And that for 64 KiB holds 512.
#[test]
fn in_64_kib_are_512_keys() {
    holds("light", 512);
}

/// Memory is a cache over the flash, but the index of what is there has to fit: when it does not, what adds is refused, and deletes
/// make room again.
#[test]
fn an_index_that_does_not_fit_is_refused() {
    let (machine, _dir) = machine("light");
    let mut conn = machine.connect().expect("the line");
    let mut set = |i: usize| refused(&conn.call(&["SET", &format!("k{i}"), "v"]).expect("a reply"));
    let kept = (0..3000).position(&mut set).expect("3,000 keys do not fit");
    assert!(kept > 512, "{kept}");
    assert!(set(kept), "it stays so");
    assert_eq!(text(&mut conn, &["GET", "k3"]), "\"v\"");
    for i in 0..kept / 4 {
        assert_eq!(text(&mut conn, &["DEL", &format!("k{i}")]), ":1");
    }
    assert_eq!(text(&mut conn, &["SET", "again", "works"]), "+OK");
    assert_eq!(text(&mut conn, &["GET", &format!("k{}", kept - 1)]), "\"v\"");
}

/// Every way to want more memory than there is: each is refused, and the firmware goes on. The line carries about 15,000 bytes a
/// second: with 300,000 bytes in one command and 20 s of patience the test failed every other time while the chip was still
/// listening, so the longest command is a little more than the whole memory and the patience is a multiple of what it takes.
#[test]
fn memory_that_runs_out_is_refused() {
    for build in ["five", "memory"] {
        let (machine, _dir) = machine(build);
        let mut conn = machine.connect().expect("the line");
        conn.wait_at_most(Duration::from_secs(90)).expect("a limit");
        let mut refusals = 0;
        for i in 0..600 {
            let (key, value) = (format!("key:{i}"), "v".repeat(i % 200));
            refusals += u32::from(refused(&conn.call(&["SET", &key, &value]).expect("a reply")));
        }
        assert_eq!(refusals > 0, build == "memory", "{build}: 600 keys do not fit in memory alone");
        let greedy: [&[&str]; 9] = [
            &["SETRANGE", "s", "200000", "x"],
            &["SETRANGE", "s", "536870911", "x"],
            &["APPEND", "key:1", &"x".repeat(30_000)],
            &["HSET", "h", "f", &"x".repeat(140_000)],
            &["KEYS", "*"],
            &["LRANGE", "list", "0", "-1"],
            &["COPY", "list", "copy"],
            &["SUNIONSTORE", "all", "set", "set"],
            &["ZADD", "z", "1", &"x".repeat(3000)],
        ];
        for round in 0..100 {
            conn.call(&["RPUSH", "list", &"e".repeat(round)]).expect("a reply");
            conn.call(&["SADD", "set", &round.to_string(), &"m".repeat(round)]).expect("a reply");
            conn.call(&["APPEND", "grows", &"g".repeat(50)]).expect("a reply");
        }
        for (i, words) in greedy.iter().enumerate() {
            let no = refused(&conn.call(words).expect("a reply"));
            assert!(no || i >= 4, "{build}: {:.20} is too large", words.join(" "));
            assert_eq!(text(&mut conn, &["EXISTS", "no"]), ":0", "{build}: after {:.20}", words.join(" "));
        }
        let kept = conn.call(&["EXISTS", "key:3", "key:4", "key:5"]).expect("a reply").int();
        assert_eq!(kept, Some(3), "{build}: what was there stayed");
        assert_eq!(text(&mut conn, &["DEL", "key:1", "list", "set"]).chars().next(), Some(':'));
        for i in 2..200 {
            conn.call(&["DEL", &format!("key:{i}")]).expect("a reply");
        }
        assert_eq!(text(&mut conn, &["SET", "again", "works"]), "+OK", "{build}");
    }
}

/// Neither formatted panics nor their texts are in the program: there is no path to one that the compiler kept.
#[test]
fn no_panic_is_formatted() {
    for build in ["five", "light", "memory"] {
        let program = fs::read(firmware(build)).expect("the firmware");
        let has = |text: &str| program.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("WRONGTYPE Operation"), "the texts of replies are there");
        for text in ["index out of bounds", "called `Option::unwrap()`", "attempt to ", "range end index"] {
            assert!(!has(text), "{build} has {text:?}");
        }
    }
}

/// Kills and restarts: 50, or as many as `NUTHATCH_KILLS` says.
fn kills() -> usize {
    std::env::var("NUTHATCH_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(50)
}

/// The power goes while writes come; what was acknowledged is there afterwards, and the one in flight is old or new.
#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let dir = TempDir::new().expect("a directory");
    let flash = dir.path().join("flash.bin");
    let mut rng = seed::fresh();
    let mut kept = [0_u32; 40];
    let mut in_flight = None;
    for round in 0..kills() {
        let machine = Machine::start("everything", &flash).expect("QEMU with the firmware");
        let mut conn = machine.connect().expect("the line");
        for (key, number) in kept.iter_mut().enumerate() {
            let there = conn.call(&["GET", &format!("k{key}")]).expect("a reply").text();
            let there = there.and_then(|text| text.trim_end_matches('.').parse().ok()).unwrap_or(0);
            let possible = there == *number || in_flight == Some((key, there));
            assert!(possible, "round {round}: k{key} is {there}, was {number}, in flight {in_flight:?}");
            *number = there;
        }
        for _ in 0..30 {
            rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (rng >> 33) as usize % kept.len();
            let next = kept[key] + 1;
            let value = format!("{next}{}", ".".repeat((rng >> 40) as usize % 300));
            assert_eq!(text(&mut conn, &["SET", &format!("k{key}"), &value]), "+OK");
            kept[key] = next;
        }
        let next = kept[0] + 1;
        conn.send(format!("SET k0 {next}\r\n").as_bytes()).expect("sent");
        in_flight = Some((0, next));
        machine.cut().expect("the cut");
    }
}

/// The chip's contents go to the desktop twin and back.
#[test]
fn the_flash_image_is_the_twins() {
    let dir = TempDir::new().expect("a directory");
    let flash = dir.path().join("flash.bin");
    let machine = Machine::start("everything", &flash).expect("QEMU with the firmware");
    let mut conn = machine.connect().expect("the line");
    for i in 0..200 {
        assert_eq!(text(&mut conn, &["HSET", &format!("h{i}"), "field", &"v".repeat(i)]), ":1");
    }
    assert_eq!(text(&mut conn, &["RPUSH", "log", "chip"]), ":1");
    machine.cut().expect("the cut");
    let twin = Twin::start(&flash).expect("the twin");
    let mut conn = Conn::open(twin.port).expect("the twin's port");
    assert_eq!(text(&mut conn, &["HSTRLEN", "h199", "field"]), ":199");
    assert_eq!(text(&mut conn, &["DBSIZE"]), ":201");
    assert_eq!(text(&mut conn, &["RPUSH", "log", "twin"]), ":2");
    assert_eq!(text(&mut conn, &["DEL", "h0", "h1"]), ":2");
    drop((conn, twin));
    let machine = Machine::start("everything", &flash).expect("QEMU with the firmware");
    let mut conn = machine.connect().expect("the line");
    assert_eq!(text(&mut conn, &["LRANGE", "log", "0", "-1"]), "*2\n  \"chip\"\n  \"twin\"");
    assert_eq!(text(&mut conn, &["DBSIZE"]), ":199");
    assert!(text(&mut conn, &["INFO", "flash"]).contains("flash_erases:"));
}

fn info(conn: &mut Conn, field: &str) -> i64 {
    let told = text(conn, &["INFO", "vm", "flash"]);
    let line = told
        .split("\\r\\n")
        .flat_map(str::lines)
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("{field} in {told}"))
}

/// With virtual memory six times the arena is read back whole. A start has forgotten it, its pages are dead, and keys that another
/// firmware left on the chip were never touched.
#[test]
fn values_leave_for_the_flash() {
    const KEYS: usize = 300;
    let dir = TempDir::new().expect("a directory");
    let flash = dir.path().join("flash.bin");
    let machine = Machine::start("everything", &flash).expect("QEMU with the firmware");
    let mut conn = machine.connect().expect("the line");
    for i in 0..50 {
        assert_eq!(text(&mut conn, &["SET", &format!("kept{i}"), &i.to_string()]), "+OK");
    }
    machine.cut().expect("the cut");
    let machine = Machine::start("vm", &flash).expect("QEMU with the firmware");
    let mut conn = machine.connect().expect("the line");
    assert_eq!(text(&mut conn, &["DBSIZE"]), ":0");
    let key = |i: usize| format!("key:{i}");
    let length = |i: usize| 2000 + i * 13 % 2500;
    for i in 0..KEYS {
        // A word at the beginning and one at the end, so that little goes over the line.
        assert_eq!(text(&mut conn, &["SET", &key(i), &format!("begin{i}")])[..3], *"+OK");
        let end = text(&mut conn, &["SETRANGE", &key(i), &length(i).to_string(), &format!("{i:05}")]);
        assert_eq!(end, format!(":{}", length(i) + 5), "key {i}");
    }
    for round in 0..2 {
        for n in 0..KEYS {
            let i = n * 7919 % KEYS;
            let (from, to) = (length(i).to_string(), (length(i) + 5).to_string());
            assert_eq!(
                text(&mut conn, &["GETRANGE", &key(i), &from, &to]),
                format!("\"{i:05}\""),
                "round {round}"
            );
            let begin = format!("\"begin{i}\"");
            let read = text(&mut conn, &["GETRANGE", &key(i), "0", &(begin.len() - 3).to_string()]);
            assert_eq!(read, begin, "round {round}, key {i}");
            if n % 3 == round {
                assert_eq!(text(&mut conn, &["APPEND", &key(i), ""]), format!(":{}", length(i) + 5));
                assert_eq!(
                    text(&mut conn, &["SETRANGE", &key(i), "1000", "middle"]),
                    format!(":{}", length(i) + 5)
                );
            }
        }
    }
    assert!(info(&mut conn, "vm_stats_swapped_objects") > KEYS as i64 / 2);
    assert!(info(&mut conn, "vm_stats_swappin_count") > KEYS as i64);
    assert_eq!((info(&mut conn, "vm_enabled"), info(&mut conn, "vm_stats_failed_writes")), (1, 0));
    assert_eq!(info(&mut conn, "vm_stats_damaged_frames"), 0);
    assert!(info(&mut conn, "vm_stats_used_pages") >= info(&mut conn, "vm_stats_swapped_objects"));
    machine.cut().expect("the cut");
    let machine = Machine::start("vm", &flash).expect("QEMU with the firmware");
    let mut conn = machine.connect().expect("the line");
    assert_eq!(text(&mut conn, &["DBSIZE"]), ":0");
    assert_eq!(info(&mut conn, "flash_records"), 50, "pages still count");
    assert!(info(&mut conn, "flash_dead_bytes") > 100_000);
    machine.cut().expect("the cut");
    let machine = Machine::start("everything", &flash).expect("QEMU with the firmware");
    let mut conn = machine.connect().expect("the line");
    for i in 0..50 {
        assert_eq!(text(&mut conn, &["GET", &format!("kept{i}")]), format!("\"{i}\""));
    }
}

/// `redis-cli --rdb` takes a copy, with which redis-server starts; and what redis-server has goes back, key by key.
#[test]
fn copies_go_to_the_reference_and_back() {
    let (machine, dir) = machine("everything");
    let mut conn = machine.connect().expect("the line");
    let long = "x".repeat(3000);
    let dataset: [&[&str]; 7] = [
        &["SET", "number", "12345"],
        &["SET", "long", &long],
        &["RPUSH", "list", "a", "b", "c"],
        &["SADD", "set", "1", "2", "three"],
        &["HSET", "hash", "f", "v", "g", "w"],
        &["ZADD", "zset", "1.5", "one", "2", "two"],
        &["SET", "mortal", "v", "PX", "100000000"],
    ];
    for words in dataset {
        assert_ne!(text(&mut conn, words).chars().next(), Some('-'));
    }
    assert_eq!(text(&mut conn, &["SELECT", "3"]), "+OK");
    assert_eq!(text(&mut conn, &["SET", "elsewhere", "in three"]), "+OK");
    assert_eq!(text(&mut conn, &["SELECT", "0"]), "+OK");
    drop(conn);
    let file = dir.path().join("copy.rdb");
    let port = machine.port.to_string();
    output(Command::new("redis-cli").args(["-p", &port, "--rdb"]).arg(&file));
    let flags = ["--dbfilename", "copy.rdb", "--dir", dir.path().to_str().expect("a path")];
    let theirs = Server::start_program(&reference(), &flags).expect("redis-server with the copy");
    let mut reference = theirs.connect().expect("redis-server");
    let mut ours = machine.connect().expect("the line");
    assert_eq!(text(&mut reference, &["DBSIZE"]), ":7");
    for words in
        [&["LRANGE", "list", "0", "-1"][..], &["GET", "long"], &["ZRANGE", "zset", "0", "-1", "WITHSCORES"]]
    {
        assert_eq!(text(&mut reference, words), text(&mut ours, words));
    }
    assert_eq!(text(&mut reference, &["SELECT", "3"]), "+OK");
    assert_eq!(text(&mut reference, &["KEYS", "*"]), "*1\n  \"elsewhere\"");
    assert_eq!(text(&mut reference, &["SELECT", "0"]), "+OK");
    assert!(reference.call(&["PTTL", "mortal"]).expect("a reply").int().is_some_and(|left| left > 0));
    assert_eq!(text(&mut ours, &["FLUSHALL"]), "+OK");
    for words in dataset {
        let Value::Bulk(dumped) = reference.call(&["DUMP", words[1]]).expect("a reply") else {
            panic!("{words:?}")
        };
        let restore: [&[u8]; 4] = [b"RESTORE", words[1].as_bytes(), b"0", &dumped];
        assert_eq!(ours.call(&restore).expect("a reply"), Value::Line("+OK".to_owned()));
    }
    for key in ["long", "number"] {
        assert_eq!(text(&mut reference, &["GET", key]), text(&mut ours, &["GET", key]));
    }
    assert_eq!(text(&mut ours, &["HGETALL", "hash"]), text(&mut reference, &["HGETALL", "hash"]));
}

//! Diskstore over a disk that fails: full, broken, unreadable for a while. What is acknowledged as durable is never lost,
//! and what cannot be kept is refused.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nuthatch_tests::resp::encode;
use nuthatch_tests::server::{Server, TempDir, ours, workspace};

/// How long a state may take to come: the store is tried again once a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder with a store on a disk whose faults can be switched.
struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        Self::of("faults.c")
    }

    /// One whose faults are in this file of tests/data.
    fn of(source: &str) -> Self {
        let disk = Self(TempDir::new().expect("a directory"));
        let library = disk.path("faults.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library);
        let status = compiler.arg(workspace().join("tests/data").join(source)).arg("-ldl").status();
        assert!(status.expect("a C compiler").success(), "tests/data/{source} does not compile");
        let script = format!(
            "#!/bin/sh\nFAULTS_FOLDER={} FAULTS_SWITCH={} FAULTS_CUTS={} LD_PRELOAD={} exec {} \"$@\"\n",
            disk.path("store").display(),
            disk.path("switch").display(),
            disk.path("cuts").display(),
            library.display(),
            ours().display()
        );
        fs::write(disk.path("server"), script).expect("a script");
        fs::set_permissions(disk.path("server"), fs::Permissions::from_mode(0o755)).expect("to make it run");
        disk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn start(&self, engine: &str, delay: &str) -> Server {
        let store = self.path("store");
        let store = store.to_str().expect("a path in UTF-8");
        let flags = ["--diskstore-enabled", "yes", "--diskstore-path", store, "--diskstore-engine", engine];
        let flags = [&flags[..], &["--cache-flush-delay", delay, "--cache-max-memory", "1mb"]].concat();
        Server::start_program(&self.path("server"), &flags).expect("the server")
    }

    fn fails(&self, how: &str) {
        fs::write(self.path("switch.new"), how).expect("the switch");
        fs::rename(self.path("switch.new"), self.path("switch")).expect("the switch");
    }

    fn works(&self) {
        fs::remove_file(self.path("switch")).expect("the switch");
    }

    /// How many power cuts tests/data/power.c has shown.
    fn cuts(&self) -> usize {
        fs::read_dir(self.path("cuts")).map_or(0, Iterator::count)
    }

    /// Starts over what such a cut left in place of the store.
    fn start_after(&self, cut: usize) -> Server {
        let (cut, store) = (self.path("cuts").join(cut.to_string()), self.path("store"));
        for entry in fs::read_dir(&cut).expect("what it left") {
            let length = entry.expect("a file").path();
            if length.extension().is_some_and(|extension| extension == "synced") {
                cut_short(&length.with_extension(""), &fs::read_to_string(&length).expect("a length"));
                fs::remove_file(length).expect("to remove it");
            }
        }
        fs::remove_dir_all(&store).expect("to remove the store");
        fs::rename(cut, store).expect("another in its place");
        self.start("default", "1")
    }
}

/// Makes zeros of a journal's bytes behind so many, and leaves what else is linked to it alone.
fn cut_short(journal: &Path, length: &str) {
    let mut whole = fs::File::open(journal).expect("a journal");
    let room = whole.metadata().expect("its length").len();
    fs::remove_file(journal).expect("to remove it");
    let mut short = fs::File::create(journal).expect("a journal");
    let length = length.parse().expect("a length");
    io::copy(&mut whole.by_ref().take(length), &mut short).expect("to copy it");
    short.set_len(room).expect("its length");
}

fn ask(server: &Server, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    server.call(&words).expect("a reply").render().trim_end().to_owned()
}

/// Sends these requests, many at once; each is answered with no error.
#[track_caller]
fn send_all(server: &Server, requests: impl Iterator<Item = Vec<u8>>) {
    let mut conn = server.connect().expect("a connection");
    let requests: Vec<Vec<u8>> = requests.collect();
    for some in requests.chunks(1_000) {
        conn.send(&some.concat()).expect("to send them");
        for _ in some {
            let reply = conn.read().expect("a reply").render();
            assert!(!reply.starts_with('-'), "{reply}\n{}", server.log());
        }
    }
}

/// Waits until it is so.
#[track_caller]
fn wait_until(server: &Server, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{}", server.log());
        sleep(Duration::from_millis(50));
    }
}

/// Asks again until the reply begins so.
#[track_caller]
fn comes(server: &Server, line: &str, begins: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let reply = ask(server, line);
        if reply.starts_with(begins) {
            return reply;
        }
        assert!(Instant::now() < until, "{line} still says {reply}\n{}", server.log());
        sleep(Duration::from_millis(50));
    }
}

/// Waits until the store has all that was set.
fn wait_for_saves(server: &Server) {
    wait_until(server, || ask(server, "INFO diskstore").contains("cache_dirty_keys:0"));
}

/// Without a delay an acknowledgement says that the store has it.
fn no_write_is_acknowledged_that_is_not_kept(engine: &str, fault: &str) {
    let disk = Disk::new();
    let mut server = disk.start(engine, "0");
    assert_eq!(ask(&server, "SET before 1"), "+OK");
    disk.fails(fault);
    let told = ask(&server, "SET lost 1");
    assert!(told.starts_with("-MISCONF") || told.starts_with("-IOERR"), "{engine}, {fault}: {told}");
    comes(&server, "SET refused 1", "-MISCONF");
    assert_eq!(ask(&server, "GET before"), "\"1\"");
    disk.works();
    comes(&server, "SET after 1", "+OK");
    server.end_by("KILL").expect("its end");
    drop(server);
    let server = disk.start(engine, "0");
    assert_eq!(ask(&server, "MGET before after refused"), "*3\n  \"1\"\n  \"1\"\n  $-1", "{engine}, {fault}");
}

/// With a delay what was acknowledged before the failure was seen is kept in memory until the store takes it.
fn what_is_dirty_waits_for_the_disk(engine: &str, fault: &str) {
    let disk = Disk::new();
    let mut server = disk.start(engine, "1");
    assert_eq!(ask(&server, "SET before 1"), "+OK");
    disk.fails(fault);
    for i in 0..20 {
        assert_eq!(ask(&server, &format!("SET dirty:{i} {i}")), "+OK");
    }
    comes(&server, "SET refused 1", "-MISCONF");
    assert_eq!(ask(&server, "GET dirty:7"), "\"7\"");
    // Whether a key that was overwritten unseen is new is known when it is saved: DBSIZE once waited for that until the disk
    // had room, and its client got no answer at all.
    assert!(ask(&server, "DBSIZE").starts_with(':'), "{engine}, {fault}");
    disk.works();
    comes(&server, "SET after 1", "+OK");
    assert_eq!(server.end_by("TERM").expect("its end").code(), Some(0), "{}", server.log());
    drop(server);
    let server = disk.start(engine, "1");
    for i in 0..20 {
        assert_eq!(ask(&server, &format!("GET dirty:{i}")), format!("\"{i}\""), "{engine}, {fault}");
    }
    assert_eq!(ask(&server, "MGET before after"), "*2\n  \"1\"\n  \"1\"");
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    for engine in ["default", "files"] {
        no_write_is_acknowledged_that_is_not_kept(engine, "full");
        what_is_dirty_waits_for_the_disk(engine, "full");
    }
}

#[test]
fn a_broken_disk_refuses_writes_and_loses_nothing() {
    for engine in ["default", "files"] {
        no_write_is_acknowledged_that_is_not_kept(engine, "broken");
        what_is_dirty_waits_for_the_disk(engine, "broken");
    }
}

/// Reads of what is in memory go on; a key that has to be read says what is wrong, and comes when the disk does. So many keys
/// are written before that their values lie in the engine's files.
fn a_key_on_it_is_an_error(engine: &str, keys: usize, bytes: usize) {
    let disk = Disk::new();
    let mut server = disk.start(engine, "1");
    let value = "v".repeat(bytes);
    for i in 0..keys {
        assert_eq!(ask(&server, &format!("SET key:{i} {value}{i}")), "+OK");
    }
    assert_eq!(server.end_by("TERM").expect("its end").code(), Some(0), "{}", server.log());
    drop(server);
    let server = disk.start(engine, "1");
    let is =
        |i: usize| assert_eq!(ask(&server, &format!("GET key:{i}")), format!("\"{value}{i}\""), "{engine}");
    is(1);
    disk.fails("unreadable");
    let told = ask(&server, "GET key:2");
    assert!(told.starts_with("-IOERR") && told.contains("key:2"), "{engine}: {told}");
    assert_eq!(ask(&server, "EXISTS key:1 nokey"), ":1", "{engine}");
    is(1);
    // Nothing is refused that needs no read.
    assert_eq!(ask(&server, "SET new 1"), "+OK", "{engine}");
    disk.works();
    (2..12).for_each(is);
}

#[test]
fn a_disk_that_does_not_read_is_the_error_of_the_keys_on_it() {
    a_key_on_it_is_an_error("files", 20, 1);
    a_key_on_it_is_an_error("default", 6_000, 8_000);
}

/// The journal's file has its room, those of the tree find none: the thread that writes them ends at that, and writes waited for
/// it. They must be refused in time instead, and go on when there is room.
#[test]
fn a_disk_too_full_for_the_trees_files_holds_no_write_for_ever() {
    let disk = Disk::new();
    let mut server = disk.start("default", "1");
    // The database is made by the first save.
    assert_eq!(ask(&server, "SET before 1"), "+OK");
    wait_for_saves(&server);
    disk.fails("tight");
    let value = "v".repeat(8_000);
    let set = |i: usize| ask(&server, &format!("SET key:{i} {value}{i}"));
    let mut kept = 0;
    while kept < 40_000 && set(kept) == "+OK" {
        kept += 1;
    }
    // It was the first file that failed, not the journal.
    assert!((1_900..40_000).contains(&kept), "{kept} keys\n{}", server.log());
    comes(&server, "SET refused 1", "-MISCONF");
    disk.works();
    comes(&server, "SET after 1", "+OK");
    for i in kept..kept + 3_000 {
        assert_eq!(ask(&server, &format!("SET key:{i} {value}{i}")), "+OK", "{}", server.log());
    }
    assert_eq!(server.end_by("TERM").expect("its end").code(), Some(0), "{}", server.log());
    drop(server);
    let server = disk.start("default", "1");
    for i in 0..kept + 3_000 {
        assert_eq!(ask(&server, &format!("STRLEN key:{i}")), format!(":{}", 8_000 + i.to_string().len()));
    }
}

/// SHUTDOWN was never answered where the store failed, and SHUTDOWN NOSAVE did not end the server.
#[test]
fn shutdown_over_a_disk_that_fails_is_refused_and_nosave_ends() {
    for engine in ["default", "files"] {
        let disk = Disk::new();
        let mut server = disk.start(engine, "1");
        assert_eq!(ask(&server, "SET before 1"), "+OK");
        disk.fails("full");
        assert_eq!(ask(&server, "SET dirty 1"), "+OK");
        comes(&server, "SET refused 1", "-MISCONF");
        assert_eq!(ask(&server, "SHUTDOWN"), "-ERR Errors trying to SHUTDOWN. Check logs.", "{engine}");
        assert_eq!(ask(&server, "GET dirty"), "\"1\"", "{engine}: it goes on");
        assert!(server.log().contains("SHUTDOWN NOSAVE"), "{engine}: {}", server.log());
        assert!(server.call(&["SHUTDOWN", "NOSAVE"]).is_err(), "{engine}: it ends");
        assert_eq!(server.wait().expect("its end").code(), Some(0), "{engine}: {}", server.log());
    }
}

/// A BGSAVE that failed refused every write, though the store has them all.
#[test]
fn a_snapshot_that_fails_refuses_no_writes() {
    let disk = Disk::new();
    let server = disk.start("default", "1");
    assert_eq!(ask(&server, "SET before 1"), "+OK");
    fs::create_dir_all(server.dir().join("dump.rdb/in the way")).expect("a directory");
    assert!(ask(&server, "BGSAVE").starts_with('+'));
    wait_until(&server, || ask(&server, "INFO persistence").contains("rdb_last_bgsave_status:err"));
    assert_eq!(ask(&server, "SET after 1"), "+OK", "{}", server.log());
}

/// CONFIG RESETSTAT left the cache's counts as they were.
#[test]
fn reset_counts_are_the_caches_too() {
    let disk = Disk::new();
    let server = disk.start("default", "0");
    assert_eq!(ask(&server, "SET key 1"), "+OK");
    assert_eq!(ask(&server, "DEBUG FLUSHCACHE"), "+OK");
    assert_eq!(ask(&server, "GET key"), "\"1\"");
    let told = |field: &str| ask(&server, "INFO diskstore").contains(field);
    assert!(told("cache_loads:1") && told("cache_saves:1"), "{}", ask(&server, "INFO diskstore"));
    assert_eq!(ask(&server, "CONFIG RESETSTAT"), "+OK");
    assert!(told("cache_loads:0") && told("cache_saves:0"), "{}", ask(&server, "INFO diskstore"));
    assert!(told("cache_resident_keys:1"), "what is there is not counted anew");
}

/// The thread that writes made files of memtables whose journal was not on the disk yet. A power cut left the keys in the files
/// without their number, which was only in the journal: DBSIZE was too small from then on.
#[test]
fn after_a_power_cut_all_keys_are_counted() {
    let disk = Disk::of("power.c");
    let mut server = disk.start("default", "1");
    let value = "v".repeat(8_000);
    disk.fails("when the power does");
    send_all(&server, (0..12_000).map(|i| encode(&["SET", &format!("key:{i}"), &value])));
    server.end_by("KILL").expect("its end");
    disk.works();
    let mut most = 0;
    for cut in 0..disk.cuts() {
        let server = disk.start_after(cut);
        let counted = ask(&server, "DBSIZE");
        let there = server.call(&["KEYS", "*"]).expect("the keys").elements().len();
        assert_eq!(counted, format!(":{there}"), "cut {cut}");
        most = most.max(there);
    }
    // Some files were made.
    assert!(most > 4_000, "{most} keys");
}

/// The files of a database that was flushed were removed while the record that nobody wants them was not on the disk yet. A power cut
/// left the number of its keys without them, and the next start was refused.
#[test]
fn after_a_power_cut_during_flushall_it_starts() {
    let disk = Disk::of("power.c");
    let mut server = disk.start("default", "1");
    for db in ["0", "1", "2"] {
        let mut conn = server.connect().expect("a connection");
        conn.call(&["SELECT", db]).expect("a reply");
        conn.call(&["SET", "key", "1"]).expect("a reply");
    }
    wait_for_saves(&server);
    // What is saved is synced once a second.
    sleep(Duration::from_secs(2));
    let trees = || fs::read_dir(disk.path("store/keyspaces")).expect("the trees").count();
    let before = trees();
    disk.fails("when the power does");
    assert_eq!(ask(&server, "FLUSHALL"), "+OK");
    // One is made for the record.
    wait_until(&server, || trees() == before - 3 + 1);
    server.end_by("KILL").expect("its end");
    disk.works();
    let cuts = disk.cuts();
    assert!(cuts > 3, "{cuts} cuts");
    for cut in 0..cuts {
        drop(disk.start_after(cut));
    }
}

/// A disk that could not be read for a while: writes took each key for one that was there, so that the numbers of keys were too low for
/// good, and a database whose others were deleted had none by them: what had been acknowledged was not looked for any more.
#[test]
fn keys_written_while_the_disk_is_unreadable_are_there() {
    let disk = Disk::new();
    let mut server = disk.start("default", "5");
    // So many that the filters of their files are not all in memory after the next start.
    let old = |command: &'static [&str]| {
        (0..400_000).map(move |i| encode(&[&[command[0], &format!("old{i}")], &command[1..]].concat()))
    };
    send_all(&server, old(&["SET", "v"]));
    server.end_by("TERM").expect("its end");
    drop(server);
    let mut server = disk.start("default", "0");
    disk.fails("unreadable");
    for i in 0..200 {
        assert_eq!(ask(&server, &format!("SET new{i} v")), "+OK");
    }
    disk.works();
    send_all(&server, old(&["DEL"]));
    comes(&server, "GET new7", "\"v\"");
    assert_eq!(ask(&server, "DBSIZE"), ":200");
    server.end_by("TERM").expect("its end");
    drop(server);
    let server = disk.start("default", "0");
    assert_eq!(ask(&server, "GET new7"), "\"v\"");
    assert_eq!(ask(&server, "DBSIZE"), ":200");
}

/// Keys of clients that had gone were read before everybody else's, and a server that was told to end waited for a page of the sweep.
#[test]
fn nobody_waits_for_those_who_have_gone() {
    let disk = Disk::new();
    let mut server = disk.start("default", "1");
    // So much that the first of it is not in the journal any more, from which a start takes it into memory.
    let value = "v".repeat(4_000);
    send_all(&server, (0..40_000).map(|i| encode(&["SET", &format!("key{i}"), &value])));
    server.end_by("TERM").expect("its end");
    drop(server);
    let mut server = disk.start("default", "1");
    disk.fails("slow");
    let mut gone = server.connect().expect("a connection");
    let keys: Vec<String> = (0..10_000).map(|i| format!("key{i}")).collect();
    let words: Vec<&str> = ["MGET"].into_iter().chain(keys.iter().map(String::as_str)).collect();
    gone.send(&encode(&words)).expect("a request");
    sleep(Duration::from_millis(300));
    drop(gone);
    sleep(Duration::from_millis(300));
    let begun = Instant::now();
    assert_eq!(ask(&server, "EXISTS key10001 key10002"), ":2");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let begun = Instant::now();
    server.end_by("TERM").expect("its end");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

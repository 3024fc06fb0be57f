//! Virtual memory from outside: starts that are refused, kills, disks that are full, frames that rot, and what INFO, OBJECT and
//! MEMORY DOCTOR say; and that metadata commands never read the device.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nuthatch_core::{ALL_COMMANDS, Config, Done, Engine, HostFacts, Job, Options, SessionId, SessionInfo};
use nuthatch_tests::resp::{encode, words};
use nuthatch_tests::server::{Ended, Server, TempDir, free_port, ours, run_ours, workspace};

/// How long a state may take to come: a full disk is tried again after ten seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const VALUE: usize = 1000;

fn value(i: usize) -> String {
    format!("{i:0>VALUE$}")
}

#[track_caller]
fn ask(server: &Server, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    server.call(&words).expect("a reply").render().trim_end().to_owned()
}

fn info(server: &Server, section: &str) -> BTreeMap<String, String> {
    let text = server.call(&["INFO", section]).expect("a reply").text().expect("text");
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn number(server: &Server, field: &str) -> u64 {
    info(server, "vm").get(field).and_then(|text| text.parse().ok()).expect(field)
}

/// Waits until it is so.
#[track_caller]
fn until(server: &Server, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what} does not come\n{}", server.log());
        sleep(Duration::from_millis(20));
    }
}

/// SETs `count` values in a pipeline; how many were refused with `-OOM`.
fn fill(server: &Server, count: usize) -> usize {
    let mut conn = server.connect().expect("a connection");
    let mut refused = 0;
    for first in (0..count).step_by(100) {
        let last = count.min(first + 100);
        let bytes: Vec<u8> =
            (first..last).flat_map(|i| encode(&["SET", &format!("key:{i}"), &value(i)])).collect();
        conn.send(&bytes).expect("to send");
        for _ in first..last {
            let reply = conn.read().expect("a reply").render();
            assert!(reply == "+OK\n" || reply.starts_with("-OOM"), "{reply}");
            refused += usize::from(reply.starts_with("-OOM"));
        }
    }
    refused
}

/// Every key of `fill` that is there has its value; how many are there.
fn check(server: &Server, count: usize) -> usize {
    let mut conn = server.connect().expect("a connection");
    let found = (0..count).filter(|i| {
        let got = conn.call(&["GET", &format!("key:{i}")]).expect("a reply");
        assert!(got.error().is_none(), "key:{i}: {}", got.render());
        got.text().inspect(|text| assert_eq!(*text, value(*i), "key:{i}")).is_some()
    });
    found.count()
}

/// A folder with a swap file in which servers start one after another.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn flags(&self, more: &[&str]) -> Vec<String> {
        let dir = self.0.path().to_str().expect("a path in UTF-8");
        let usual = ["--dir", dir, "--vm-enabled", "yes", "--vm-max-memory", "1mb"];
        usual.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    fn start(&self, more: &[&str]) -> Server {
        self.start_program(&ours(), more)
    }

    fn start_program(&self, program: &Path, more: &[&str]) -> Server {
        let flags = self.flags(more);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        Server::start_program(program, &flags).expect("the server")
    }

    /// Starts ours where it must refuse: one line of warning, which names the file and says these words.
    #[track_caller]
    fn refused(&self, file: &str, more: &[&str], says: &[&str]) {
        let port = free_port().expect("a port").to_string();
        let more = [&["--port", &port, "--vm-swap-file", file][..], more].concat();
        let arguments: Vec<OsString> = self.flags(&more).into_iter().map(OsString::from).collect();
        let Ended { code, output } = run_ours(&arguments).expect("the server to end by itself");
        assert_eq!(code, Some(1), "{output}");
        let warnings: Vec<&str> = output.lines().filter(|line| line.contains(" # ")).collect();
        let [line] = warnings[..] else { return assert_eq!(warnings.len(), 1, "{output}") };
        assert!(line.contains(&format!("Can't use the swap file '{file}': ")), "{line}");
        says.iter().for_each(|word| assert!(line.contains(word), "'{word}' is not in: {line}"));
        assert!(line.contains("vm-swap-file"), "it says what to do: {line}");
    }
}

/// What an older server left in the swap file belongs to no key of the new one.
#[test]
fn an_old_swap_file_is_no_harm() {
    let place = Place::new();
    let mut length = 0;
    for threads in ["4", "0", "4"] {
        let mut server = place.start(&["--vm-max-threads", threads]);
        assert_eq!(ask(&server, "DBSIZE"), ":0");
        assert_eq!(fill(&server, 4000), 0);
        until(&server, "paging", || number(&server, "vm_stats_swapped_objects") > 2000);
        assert_eq!(check(&server, 4000), 4000);
        server.end_by("KILL").expect("its end");
        length = fs::metadata(place.path("nuthatch.swap")).expect("the swap file").len();
        assert!(length > 2000 * VALUE as u64, "the swap file has {length} bytes");
    }
    // Half of it is lost, the rest is garbage: just as well.
    let file = File::options().write(true).open(place.path("nuthatch.swap")).expect("the swap file");
    file.set_len(length / 2).expect("to shorten it");
    file.write_all_at(&[0xa5; 100_000], 0).expect("to spoil it");
    let server = place.start(&[]);
    assert_eq!(fill(&server, 4000), 0);
    assert_eq!(check(&server, 4000), 4000);
    assert_eq!(number(&server, "vm_stats_damaged_frames"), 0);
}

/// A start once cut off the old swap file, which took until all of it was on the disk: up to eleven seconds. Now a new file takes
/// its place, also where its name is a link.
#[test]
fn a_large_old_swap_file_is_replaced() {
    let place = Place::new();
    let there = place.path("elsewhere");
    File::create(&there).and_then(|file| file.set_len(64 << 20)).expect("an old file");
    fs::set_permissions(&there, fs::Permissions::from_mode(0o600)).expect("its permissions");
    std::os::unix::fs::symlink(&there, place.path("nuthatch.swap")).expect("a link");
    let old = fs::metadata(&there).expect("the old file").ino();
    let server = place.start(&[]);
    let new = fs::metadata(&there).expect("the new file");
    assert!(new.ino() != old && new.len() == 0 && new.mode() & 0o777 == 0o600, "{new:?}");
    assert!(fs::symlink_metadata(place.path("nuthatch.swap")).expect("the link").is_symlink());
    assert!(!place.path("elsewhere.new").exists());
    assert_eq!(fill(&server, 4000), 0);
    assert_eq!(check(&server, 4000), 4000);
    let file = place.path("nuthatch.swap");
    place.refused(file.to_str().expect("a path in UTF-8"), &[], &["another server has it locked"]);
}

#[test]
fn a_second_server_on_the_swap_file_is_refused() {
    let place = Place::new();
    let mut server = place.start(&[]);
    fill(&server, 3000);
    let file = place.path("nuthatch.swap");
    let file = file.to_str().expect("a path in UTF-8");
    place.refused(file, &[], &["another server has it locked"]);
    assert_eq!(check(&server, 3000), 3000, "the first one has lost nothing by it");
    server.end_by("KILL").expect("its end");
    place.start(&[]);
}

#[test]
fn what_is_no_place_for_a_swap_file_is_refused() {
    let place = Place::new();
    let top = place.0.path().to_str().expect("a path in UTF-8");
    place.refused(top, &[], &["it is a directory"]);
    place.refused(&format!("{top}/none/swap"), &[], &["No such file or directory"]);
    place.refused("/dev/null", &[], &["it is not a regular file"]);
    place.refused("/sys/nuthatch.swap", &[], &[]);
    fs::write(place.path("kept"), "no swap file").expect("a file");
    fs::set_permissions(place.path("kept"), fs::Permissions::from_mode(0o444)).expect("to protect it");
    // Permissions do not bind root.
    if File::options().write(true).open(place.path("kept")).is_err() {
        place.refused(&format!("{top}/kept"), &[], &["Permission denied"]);
    }
    place.refused(&format!("{top}/swap"), &["--vm-pages", "1000000000000"], &["room for", "are needed"]);
}

/// A file system in memory, where this process may mount one.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(path: PathBuf, how: &str) -> Option<Self> {
        fs::create_dir_all(&path).expect("a directory");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", how, "tmpfs"]).arg(&path).output();
        let mounted = mounted.is_ok_and(|out| out.status.success());
        if !mounted {
            println!("no file system can be mounted here: the preloaded faults have to do");
        }
        mounted.then_some(Self(path))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_file_system_that_is_read_only_or_small_is_refused() {
    let place = Place::new();
    if let Some(disk) = Tmpfs::mount(place.path("protected"), "ro") {
        place.refused(&format!("{}/swap", disk.0.display()), &[], &["Read-only file system"]);
    }
    if let Some(disk) = Tmpfs::mount(place.path("small"), "size=512k") {
        let file = format!("{}/swap", disk.0.display());
        place.refused(&file, &[], &["room for", "1048576 are needed"]);
        place.refused(&file, &["--vm-pages", "10000", "--vm-page-size", "256"], &["2560000 are needed"]);
    }
    // By default a full disk once kept a server from starting, and its journal with it.
    if let Some(disk) = Tmpfs::mount(place.path("full"), "size=64k") {
        let dir = disk.0.to_str().expect("a path in UTF-8");
        let server = Server::start_program(&ours(), &["--dir", dir]).expect("the server");
        assert_eq!(info(&server, "vm")["vm_enabled"], "1");
    }
    // Once a restart was refused where the pages had room only together with what the old file still held.
    if let Some(disk) = Tmpfs::mount(place.path("shared"), "size=64m") {
        let file = format!("{}/swap", disk.0.display());
        fs::write(&file, vec![0xa5; 20 << 20]).expect("an old file");
        place.start(&["--vm-swap-file", &file, "--vm-pages", "60000", "--vm-page-size", "1024"]);
    }
}

/// Swap-out stops, once it is said, reads and what is in memory are as before; then the eviction policy or `-OOM` keeps
/// memory at its limit. When there is room, paging goes on.
fn a_full_disk(server: &Server, relieve: impl FnOnce()) {
    until(server, "OOM", || fill(server, 10_000) > 0);
    assert_eq!(info(server, "vm").get("vm_state").map(String::as_str), Some("full"));
    assert!(check(server, 10_000) > 1000);
    // It goes on for a while.
    sleep(Duration::from_millis(500));
    assert!(fill(server, 10_000) > 0);
    let told = server.log().lines().filter(|line| line.contains(" # ")).count();
    assert_eq!(told, 1, "{}", server.log());
    assert_eq!(ask(server, "CONFIG SET maxmemory-policy allkeys-lru"), "+OK");
    assert_eq!(fill(server, 10_000), 0, "the policy makes room");
    let stats = info(server, "stats");
    assert!(stats.get("evicted_keys").is_some_and(|count| count != "0"), "{stats:?}");
    check(server, 10_000);
    assert_eq!(ask(server, "CONFIG SET maxmemory-policy noeviction"), "+OK");
    relieve();
    until(server, "paging", || {
        fill(server, 10_000) == 0 && info(server, "vm").get("vm_state").is_some_and(|state| state == "ok")
    });
    assert_eq!(check(server, 10_000), 10_000);
    assert_eq!(number(server, "vm_stats_damaged_frames"), 0);
}

/// A server whose swap file lies on a disk with faults, and the lever that switches them.
fn on_a_bad_disk(place: &Place) -> (Server, PathBuf) {
    let library = place.path("faults.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library);
    let status = compiler.arg(workspace().join("tests/data/faults.c")).arg("-ldl").status();
    assert!(status.expect("a C compiler").success(), "tests/data/faults.c does not compile");
    let (folder, lever) = (place.path("disk"), place.path("lever"));
    fs::create_dir(&folder).expect("a directory");
    let script = format!(
        "#!/bin/sh\nFAULTS_FOLDER={} FAULTS_SWITCH={} LD_PRELOAD={} exec {} \"$@\"\n",
        folder.display(),
        lever.display(),
        library.display(),
        ours().display()
    );
    fs::write(place.path("server"), script).expect("a script");
    fs::set_permissions(place.path("server"), fs::Permissions::from_mode(0o755)).expect("to make it run");
    let swap = folder.join("swap");
    let swap = swap.to_str().expect("a path in UTF-8");
    let server = place.start_program(&place.path("server"), &["--vm-swap-file", swap]);
    assert_eq!(fill(&server, 3000), 0);
    until(&server, "paging", || number(&server, "vm_stats_swapped_objects") > 1000);
    (server, lever)
}

#[test]
fn a_full_disk_stops_paging_and_nothing_else() {
    let place = Place::new();
    let (server, lever) = on_a_bad_disk(&place);
    fs::write(&lever, "full").expect("the lever");
    a_full_disk(&server, || fs::remove_file(&lever).expect("the lever"));
}

/// Values stay in memory; after some writes in a row that failed paging stops, which INFO tells, and it goes on when the disk
/// does.
#[test]
fn a_broken_disk_stops_paging_for_a_while() {
    let place = Place::new();
    let (server, lever) = on_a_bad_disk(&place);
    fs::write(&lever, "broken").expect("the lever");
    until(&server, "OOM", || fill(&server, 10_000) > 0);
    until(&server, "the stop", || info(&server, "vm")["vm_state"] == "stopped");
    assert!(number(&server, "vm_stats_failed_writes") >= 8);
    assert!(check(&server, 10_000) >= 3000, "what was paged is read, what stayed is there");
    let warnings = server.log().lines().filter(|line| line.contains(" # ")).count();
    assert!(warnings <= 2, "that writing fails, and that paging stops: {}", server.log());
    fs::remove_file(&lever).expect("the lever");
    until(&server, "paging", || fill(&server, 10_000) == 0 && info(&server, "vm")["vm_state"] == "ok");
    assert_eq!(check(&server, 10_000), 10_000);
}

#[test]
fn a_small_file_system_fills_up() {
    let place = Place::new();
    let Some(disk) = Tmpfs::mount(place.path("disk"), "size=4m") else { return };
    let swap = disk.0.join("swap");
    let server = place.start(&["--vm-swap-file", swap.to_str().expect("a path in UTF-8")]);
    // The start says that less fits than vm-pages allows, which is no warning.
    assert!(server.log().contains("has room for"), "{}", server.log());
    until(&server, "OOM", || fill(&server, 10_000) > 0);
    let warnings = server.log().lines().filter(|line| line.contains("the swap file is full")).count();
    assert_eq!(warnings, 1, "{}", server.log());
    // What is deleted makes room in the file, though the file does not shrink. All of it goes: how much was in memory when the disk
    // turned out to be full, more than the limit where the thread that writes is late, is not to matter.
    (0..10_000).for_each(|i| drop(ask(&server, &format!("DEL key:{i}"))));
    until(&server, "room", || fill(&server, 2500) == 0);
    assert_eq!(check(&server, 10_000), 2500);
    until(&server, "paging", || number(&server, "vm_stats_swapped_objects") > 500);
}

/// A start held the whole dataset in memory while the journal was read, however low the limit was, and commands in the journal
/// ran on values that had not been there. Base and increment are several times the limit here, and the increment changes values
/// of the base: alone, in transactions, through another database and by patterns.
#[test]
fn a_journal_larger_than_memory_is_read_within_the_limit() {
    let place = Place::new();
    let journaled = ["--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"];
    let flags = [&journaled[..], &["--vm-max-memory", "4mb", "--save", ""]].concat();
    let server = place.start(&flags);
    assert_eq!(fill(&server, 30_000), 0);
    ask(&server, "BGREWRITEAOF");
    until(&server, "the base", || info(&server, "persistence")["aof_rewrite_in_progress"] == "0");
    let mut conn = server.connect().expect("a connection");
    for i in (0..30_000).step_by(7) {
        let lines = [
            format!("APPEND key:{i} more"),
            format!("RENAME key:{} renamed:{i}", i + 1),
            "MULTI".to_owned(),
            format!("SETRANGE key:{} 5 part", i + 2),
            format!("RPUSH list:{} {i} {}", i % 50, "x".repeat(200)),
            "EXEC".to_owned(),
            format!("COPY key:{} copy:{i} DB 3", i + 3),
        ];
        conn.send(&lines.iter().flat_map(|line| encode(&words(line))).collect::<Vec<_>>()).expect("to send");
        for _ in &lines {
            assert!(conn.read().expect("a reply").error().is_none());
        }
    }
    ask(&server, "SORT list:0 ALPHA STORE sorted");
    let digest = ask(&server, "DEBUG DIGEST");
    drop(conn);
    let mut server = server;
    for round in 0..2 {
        drop(server);
        server = place.start(&flags);
        until(&server, "the dataset", || info(&server, "persistence")["loading"] == "0");
        let peak: u64 = info(&server, "memory")["used_memory_peak"].parse().expect("a number");
        assert!(peak < 20 << 20, "round {round}: {peak} bytes, the limit is 4 MB");
        assert_eq!(ask(&server, "DEBUG DIGEST"), digest, "round {round}");
        ask(&server, "BGREWRITEAOF");
        until(&server, "a base", || info(&server, "persistence")["aof_rewrite_in_progress"] == "0");
    }
}

#[test]
fn a_damaged_frame_is_the_error_of_its_key() {
    let place = Place::new();
    let server = place.start(&["--vm-max-memory", "100mb"]);
    fill(&server, 10);
    for i in [3, 4] {
        assert_eq!(ask(&server, &format!("DEBUG SWAPOUT key:{i}")), "+OK");
        until(&server, "paging", || number(&server, "vm_stats_swapped_objects") == i - 2);
    }
    let told = ask(&server, "DEBUG OBJECT key:3");
    let page = told.strip_prefix("+Value swapped at: page ").and_then(|rest| rest.split(' ').next());
    let page: u64 = page.and_then(|page| page.parse().ok()).expect(&told);
    assert_eq!(ask(&server, "OBJECT WHERE key:3"), format!("\"swap file, page {page}, 4 pages\""));
    let file = File::options().write(true).open(place.path("nuthatch.swap")).expect("the swap file");
    file.write_all_at(b"!", page * 256 + 500).expect("to spoil it");
    for _ in 0..2 {
        let told = ask(&server, "GET key:3");
        assert!(told.starts_with("-IOERR") && told.contains("key:3"), "{told}");
    }
    assert_eq!(number(&server, "vm_stats_damaged_frames"), 2);
    assert!(ask(&server, "MGET key:2 key:3").starts_with("-IOERR"));
    assert_eq!(ask(&server, "STRLEN key:3"), format!(":{VALUE}"), "its metadata is in memory");
    assert_eq!(ask(&server, "GET key:4"), format!("\"{}\"", value(4)), "its neighbour is well");
    assert_eq!(ask(&server, "SET key:3 new"), "+OK");
    assert_eq!(ask(&server, "GET key:3"), "\"new\"");
    assert_eq!(number(&server, "vm_stats_used_pages"), 4, "those of key:4's copy");
}

#[test]
fn where_a_value_is() {
    let place = Place::new();
    let server = place.start(&["--vm-max-memory", "100mb"]);
    fill(&server, 3);
    assert_eq!(ask(&server, "OBJECT WHERE key:1"), "\"memory\"");
    assert_eq!(ask(&server, "OBJECT WHERE none"), "$-1");
    assert!(ask(&server, "DEBUG OBJECT key:1").contains("serializedlength"));
    assert_eq!(ask(&server, "DEBUG SWAPOUT key:1"), "+OK");
    until(&server, "paging", || number(&server, "vm_stats_swappout_count") == 1);
    assert!(ask(&server, "OBJECT WHERE key:1").starts_with("\"swap file, page "));
    assert!(ask(&server, "DEBUG OBJECT key:1").starts_with("+Value swapped at: page "));
    assert_eq!(ask(&server, "DEBUG SWAPOUT key:1"), "-ERR This key is not in memory");
    assert_eq!(number(&server, "vm_stats_swappin_count"), 0, "nothing of this reads");
    assert_eq!(ask(&server, "DEBUG SWAPIN key:1"), "+OK");
    assert_eq!(number(&server, "vm_stats_swappin_count"), 1);
    assert!(ask(&server, "OBJECT WHERE key:1").starts_with("\"memory, and a copy in the swap file, page "));
    assert!(ask(&server, "DEBUG OBJECT key:1").contains("serializedlength"), "it is in memory");
    assert_eq!(ask(&server, "APPEND key:1 x"), format!(":{}", VALUE + 1));
    assert_eq!(ask(&server, "OBJECT WHERE key:1"), "\"memory\"", "the copy is another value now");
    assert_eq!(number(&server, "vm_stats_used_pages"), 0);
    assert_eq!(ask(&server, "DEBUG SWAPOUT none"), "-ERR no such key");
    assert_eq!(ask(&server, "DEBUG SWAPIN none"), "+OK");
}

/// Values leave, keys do not: who has more keys than memory should hear of it.
#[test]
fn the_doctor_finds_keys_that_fill_memory() {
    let place = Place::new();
    let server = place.start(&["--vm-max-memory", "2mb"]);
    let doctor = || ask(&server, "MEMORY DOCTOR");
    fill(&server, 3000);
    assert!(!doctor().contains("Keys fill memory"), "{}", doctor());
    let mut conn = server.connect().expect("a connection");
    let bytes: Vec<u8> = (0..20_000)
        .flat_map(|i| encode(&["SET", &format!("a long key with a number:{i:0>30}"), "v"]))
        .collect();
    conn.send(&bytes).expect("to send");
    (0..20_000).for_each(|_| assert_eq!(conn.read().expect("a reply").render(), "+OK\n"));
    assert!(doctor().contains("Keys fill memory: 23000 keys take about "), "{}", doctor());
}

#[test]
fn without_configuration_memory_has_a_limit() {
    let server = Server::start(&[]).expect("the server");
    let limit = server.call(&["CONFIG", "GET", "vm-max-memory"]).expect("a reply").elements()[1].text();
    let limit: u64 = limit.and_then(|text| text.parse().ok()).expect("a number");
    let machine: u64 = info(&server, "memory")["total_system_memory"].parse().expect("a number");
    assert!(limit > 0 && limit <= machine / 10 * 7, "{limit} of {machine}");
    assert_eq!(info(&server, "vm")["vm_enabled"], "1");
    drop(server);
    // In a control group of the old kind, where this process may make one.
    let group = PathBuf::from(format!("/sys/fs/cgroup/memory/nuthatch-test-{}", std::process::id()));
    if fs::create_dir(&group).is_err() {
        println!("no control group can be made here");
        return;
    }
    let place = Place::new();
    let script =
        format!("#!/bin/sh\necho $$ > {}/tasks\nexec {} \"$@\"\n", group.display(), ours().display());
    fs::write(place.path("server"), script).expect("a script");
    fs::set_permissions(place.path("server"), fs::Permissions::from_mode(0o755)).expect("to make it run");
    let limited = fs::write(group.join("memory.limit_in_bytes"), "209715200").is_ok();
    let told = limited.then(|| {
        let server = Server::start_program(&place.path("server"), &[]).expect("the server");
        server.call(&["CONFIG", "GET", "vm-max-memory"]).expect("a reply").elements()[1].text()
    });
    // The group is empty a moment after its last process has ended.
    let end = Instant::now() + PATIENCE;
    while fs::remove_dir(&group).is_err() && Instant::now() < end {
        sleep(Duration::from_millis(20));
    }
    assert!(told.is_none_or(|told| told.as_deref() == Some("146800640")), "70 % of the group's 200 MB");
}

/// A page device in memory that counts what is read.
struct Device {
    engine: Engine,
    session: SessionId,
    bytes: Vec<u8>,
    reads: usize,
    now: i64,
}

impl Device {
    fn new() -> Self {
        fn plenty() -> usize {
            1 << 30
        }
        let now = 1_700_000_000_000;
        let mut config = Config::default();
        (config.vm_enabled, config.vm_max_memory) = (true, 1);
        let host = HostFacts { used_memory: plenty, ..HostFacts::UNKNOWN };
        let mut engine =
            Engine::new(Options { commands: ALL_COMMANDS, config, host, seed: [1, 2, 3, 4], now });
        engine.carries_pages();
        let session = engine.open_session(SessionInfo::default(), now);
        Self { engine, session, bytes: Vec::new(), reads: 0, now }
    }

    fn ask(&mut self, line: &str) -> String {
        self.engine.handle_bytes(self.session, &encode(&words(line)), self.now);
        self.work();
        let reply = self.engine.output(self.session).to_vec();
        self.engine.consume_output(self.session, reply.len());
        String::from_utf8_lossy(&reply).into_owned()
    }

    fn work(&mut self) {
        while let Some((id, job)) = self.engine.poll_job() {
            let done = match job {
                Job::PageWrite { offset, bytes } => {
                    let (from, to) = (offset as usize, offset as usize + bytes.len());
                    self.bytes.resize(self.bytes.len().max(to), 0);
                    self.bytes[from..to].copy_from_slice(&bytes);
                    Done::Appended(bytes)
                }
                Job::PageRead { offset, len, mut into, .. } => {
                    self.reads += 1;
                    into.clear();
                    into.extend_from_slice(&self.bytes[offset as usize..offset as usize + len]);
                    Done::Read { bytes: into, size: 0 }
                }
                other => unreachable!("{other:?}"),
            };
            self.engine.handle_completion(id, done, self.now);
        }
    }

    /// A value of each type under six names each, all on the device.
    fn fill(&mut self) {
        self.ask("FLUSHALL");
        let long = "x".repeat(100);
        for i in 0..6 {
            self.ask(&format!("SET s{i} {long}"));
            self.ask(&format!("RPUSH l{i} {long} b c"));
            self.ask(&format!("SADD t{i} {long} b"));
            self.ask(&format!("HSET h{i} f {long} g 2"));
            self.ask(&format!("ZADD z{i} 1 {long} 2 b 3 c 4 d"));
        }
        for _ in 0..10 {
            self.now += 1000;
            self.engine.handle_timeout(self.now);
            self.work();
        }
        let told = self.ask("INFO vm");
        assert!(told.contains("vm_stats_swapped_objects:30\r\n"), "{told}");
        self.reads = 0;
    }
}

/// Metadata never leaves memory: what needs no more, and what only overwrites, reads nothing.
#[test]
fn metadata_commands_read_no_device() {
    let answers = [
        ("EXISTS s0 l0 t0 h0 z0 none", ":5\r\n"),
        ("TYPE z0", "+zset\r\n"),
        ("STRLEN s0", ":100\r\n"),
        ("LLEN l0", ":3\r\n"),
        ("SCARD t0", ":2\r\n"),
        ("HLEN h0", ":2\r\n"),
        ("ZCARD z0", ":4\r\n"),
        ("OBJECT ENCODING s0", "$3\r\nraw\r\n"),
        ("TOUCH s0 l0", ":2\r\n"),
        ("EXPIRE s0 100", ":1\r\n"),
        ("TTL s0", ":100\r\n"),
        ("PTTL s0", ":100000\r\n"),
        ("PERSIST s0", ":1\r\n"),
        ("PEXPIREAT l0 99999999999999", ":1\r\n"),
        ("EXPIRETIME l0", ":100000000000\r\n"),
        ("RENAME s0 s9", "+OK\r\n"),
        ("RENAMENX l0 l9", ":1\r\n"),
        ("RENAME t0 t1", "+OK\r\n"),
        ("MOVE h0 1", ":1\r\n"),
        ("SET s1 new", "+OK\r\n"),
        ("SET s2 new XX KEEPTTL", "+OK\r\n"),
        ("SETNX s3 new", ":0\r\n"),
        ("SETEX s3 100 new", "+OK\r\n"),
        ("MSET s4 a z1 b", "+OK\r\n"),
        ("MSETNX s5 a new b", ":0\r\n"),
        ("DEL l1 t2", ":2\r\n"),
        ("UNLINK z2", ":1\r\n"),
        ("DBSIZE", ":25\r\n"),
        ("SWAPDB 0 2", "+OK\r\n"),
        ("SWAPDB 0 2", "+OK\r\n"),
    ];
    let others = [
        "OBJECT IDLETIME s5",
        "OBJECT WHERE s5",
        "MEMORY DOCTOR",
        "RANDOMKEY",
        "KEYS *",
        "SCAN 0 COUNT 100",
        "SCAN 0 TYPE zset COUNT 100",
        "WATCH s5",
        "UNWATCH",
        "PEXPIRE z3 1",
    ];
    let mut device = Device::new();
    device.fill();
    for (line, answer) in answers {
        assert_eq!(device.ask(line), answer, "{line}");
        assert_eq!(device.reads, 0, "{line} reads the device");
    }
    for line in others {
        let told = device.ask(line);
        assert!(!told.starts_with('-'), "{line}: {told}");
        assert_eq!(device.reads, 0, "{line} reads the device");
    }
    device.now += 1000;
    assert_eq!(device.ask("EXISTS z3"), ":0\r\n", "its time is over");
    assert_eq!(device.ask("GET s5").len(), "$100\r\n\r\n".len() + 100);
    assert_eq!(device.reads, 1, "and so reads are counted");
    assert_eq!(device.ask("FLUSHALL"), "+OK\r\n");
    assert_eq!(device.reads, 1);
    let told = device.ask("INFO vm");
    assert!(told.contains("vm_stats_used_pages:0\r\n"), "{told}");
    device.engine.audit().expect("an engine that is in order");
}

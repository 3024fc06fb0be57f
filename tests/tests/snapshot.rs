//! A snapshot is the dataset of one instant, whatever is written while it is being written, and whatever becomes of its
//! file nothing half-done takes an old one's place.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

use nuthatch_core::rdb::{Item, Loader};
use nuthatch_core::types::Limits;
use nuthatch_core::types::codec::{Form, decode, open_dump};
use nuthatch_core::words::hash::HashKey;
use nuthatch_core::{
    ALL_COMMANDS, Config, Device, Done, Engine, HostFacts, Job, JobError, JobId, Options, Request, SessionId,
    SessionInfo,
};
use nuthatch_tests::fuzz_rdb::printed;
use nuthatch_tests::sim::Dice;

type Bytes = Vec<u8>;
/// By database and key: the value's elements, and its deadline.
type Dataset = BTreeMap<(u32, Bytes), (Vec<Bytes>, Option<i64>)>;

const START: i64 = 1_700_000_000_000;
const KEYS: usize = 4_000;

thread_local! {
    static MICROS: Cell<u64> = const { Cell::new(0) };
}

/// Every look at the clock takes so long that a step of the snapshot is a part of a segment.
fn monotonic() -> u64 {
    MICROS.set(MICROS.get() + 30);
    MICROS.get()
}

fn facts() -> HostFacts {
    HostFacts { monotonic, used_memory: || 1 << 30, ..HostFacts::UNKNOWN }
}

/// An engine with files in memory, whose jobs are done when the test says so.
struct World {
    engine: Engine,
    sessions: Vec<SessionId>,
    now: i64,
    files: BTreeMap<Bytes, Bytes>,
    /// Milliseconds that a turn takes.
    tick: i64,
    /// The page device.
    pages: Bytes,
    /// The snapshots that are kept open.
    kept: [Bytes; 2],
    jobs: VecDeque<(JobId, Job)>,
    /// Jobs that write from here on fail.
    full: bool,
    log: Vec<String>,
}

impl World {
    fn new(files: BTreeMap<Bytes, Bytes>) -> Self {
        Self::with(files, false)
    }

    /// `paging`: memory is always short, so whatever can lies on the page device.
    fn with(files: BTreeMap<Bytes, Bytes>, paging: bool) -> Self {
        Self::set_up(files, paging, false)
    }

    fn set_up(files: BTreeMap<Bytes, Bytes>, paging: bool, appendonly: bool) -> Self {
        let mut config = Config::default();
        config.save.clear();
        config.appendonly = appendonly;
        config.databases = 4;
        config.hash_max_listpack_entries = 8;
        config.enable_debug_command = nuthatch_core::words::config::Allowance::Yes;
        config.enable_protected_configs = nuthatch_core::words::config::Allowance::Yes;
        config.zset_max_listpack_entries = 8;
        config.vm_enabled = paging;
        config.vm_max_memory = 1 << 20;
        config.vm_pages = 1 << 20;
        let options =
            Options { commands: ALL_COMMANDS, config, host: facts(), seed: [1, 2, 3, 4], now: START };
        let mut engine = Engine::new(options);
        engine.carries_files();
        if paging {
            engine.carries_pages();
            engine.keeps_snapshots();
            engine.reads_runs(4096);
        }
        engine.load_at_start();
        let mut sessions = Vec::new();
        let mut world = Self {
            engine,
            sessions: Vec::new(),
            now: START,
            files,
            tick: 1,
            pages: Bytes::new(),
            kept: [Bytes::new(), Bytes::new()],
            jobs: VecDeque::new(),
            full: false,
            log: Vec::new(),
        };
        world.finish_jobs();
        for db in 0..4 {
            let id = world.engine.open_session(SessionInfo::default(), START);
            world.run(id, &[b"SELECT", format!("{db}").as_bytes()]);
            sessions.push(id);
        }
        world.sessions = sessions;
        world
    }

    fn send(&mut self, id: SessionId, words: &[&[u8]]) {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        self.engine.handle_bytes(id, &bytes, self.now);
    }

    fn output(&mut self, id: SessionId) -> Bytes {
        let out = self.engine.output(id).to_vec();
        self.engine.consume_output(id, out.len());
        out
    }

    /// The answer to a command; what it needs from the page device is fetched.
    fn run(&mut self, id: SessionId, words: &[&[u8]]) -> Bytes {
        self.send(id, words);
        for _ in 0..10_000 {
            let out = self.output(id);
            if !out.is_empty() {
                return out;
            }
            self.turn();
            self.do_job();
        }
        panic!("no answer to {:?}", words[0].escape_ascii());
    }

    fn turn(&mut self) {
        self.now += self.tick;
        self.engine.handle_timeout(self.now);
        while let Some(request) = self.engine.poll_request() {
            match request {
                Request::Log(line) | Request::Fatal(line) => self.log.push(line),
                _ => {}
            }
        }
        while let Some(job) = self.engine.poll_job() {
            self.jobs.push_back(job);
        }
    }

    fn do_job(&mut self) {
        let Some((id, job)) = self.jobs.pop_front() else { return };
        let missing = || Done::Failed(JobError { missing: true, full: false, text: "no such file".into() });
        let full =
            || Done::Failed(JobError { missing: false, full: true, text: "No space left on device".into() });
        let done = match job {
            Job::Create { .. } | Job::Append { .. } | Job::Publish { .. } if self.full => full(),
            Job::Create { file } => {
                self.files.insert(file, Bytes::new());
                Done::Finished
            }
            Job::Append { file, bytes } => {
                self.files.get_mut(&file).unwrap().extend_from_slice(&bytes);
                Done::Appended(bytes)
            }
            Job::Folder { .. } | Job::Sync { .. } => Done::Finished,
            Job::Truncate { file, len } => {
                self.files.entry(file).or_default().resize(len as usize, 0);
                Done::Finished
            }
            Job::Publish { file, name, .. } => {
                let content = self.files.remove(&file).unwrap();
                self.files.insert(name, content);
                Done::Finished
            }
            Job::Remove { file } => {
                self.files.remove(&file);
                Done::Finished
            }
            Job::PageWrite { offset, bytes } => {
                let end = offset as usize + bytes.len();
                self.pages.resize(self.pages.len().max(end), 0);
                self.pages[offset as usize..end].copy_from_slice(&bytes);
                Done::Appended(bytes)
            }
            Job::PageRead { from, offset, len, mut into } => {
                let device = match from {
                    Device::Pages => &self.pages,
                    Device::Snapshot { odd } => &self.kept[usize::from(odd)],
                };
                into.clear();
                into.extend_from_slice(&device[offset as usize..][..len]);
                Done::Read { bytes: into, size: device.len() as u64 }
            }
            Job::Keep { file, odd } => {
                self.kept[usize::from(odd)] = self.files.get(&file).cloned().unwrap_or_default();
                Done::Finished
            }
            Job::Forget { odd } => {
                self.kept[usize::from(odd)].clear();
                Done::Finished
            }
            Job::Read { file, offset, len, mut into } => match self.files.get(&file) {
                None => missing(),
                Some(content) => {
                    let from = content.len().min(offset as usize);
                    into.clear();
                    into.extend_from_slice(&content[from..content.len().min(from + len)]);
                    Done::Read { bytes: into, size: content.len() as u64 }
                }
            },
            other => panic!("a snapshot has no use for {other:?}"),
        };
        self.engine.handle_completion(id, done, self.now);
    }

    fn finish_jobs(&mut self) {
        self.turn();
        while !self.jobs.is_empty() || self.engine.server().persistence.saving_since.is_some() {
            self.do_job();
            self.turn();
        }
    }

    /// Past every deadline that was given; what was to expire is removed.
    fn expire(&mut self) {
        self.now += 1_000;
        for id in self.sessions.clone() {
            for n in 0..KEYS {
                self.run(id, &[b"EXISTS", format!("key:{n}").as_bytes()]);
            }
        }
    }

    /// The dataset as commands show it.
    fn dataset(&mut self) -> Dataset {
        let mut out = Dataset::new();
        for (db, id) in self.sessions.clone().into_iter().enumerate() {
            for key in array(&self.run(id, &[b"KEYS", b"*"])) {
                let payload = bulk(&self.run(id, &[b"DUMP", &key])).unwrap();
                let deadline = int(&self.run(id, &[b"PEXPIRETIME", &key]));
                let (form, body) = open_dump(&payload).unwrap().unwrap();
                out.insert((db as u32, key), (elements(form, body), (deadline >= 0).then_some(deadline)));
            }
        }
        out
    }
}

fn int(reply: &[u8]) -> i64 {
    std::str::from_utf8(&reply[1..reply.len() - 2]).unwrap().parse().unwrap()
}

fn line(reply: &[u8]) -> (&[u8], &[u8]) {
    let end = reply.windows(2).position(|w| w == b"\r\n").unwrap();
    (&reply[..end + 2], &reply[end + 2..])
}

fn bulk(reply: &[u8]) -> Option<Bytes> {
    let (head, rest) = line(reply);
    usize::try_from(int(head)).ok().map(|len| rest[..len].to_vec())
}

fn array(reply: &[u8]) -> Vec<Bytes> {
    let (head, mut rest) = line(reply);
    let mut out = Vec::new();
    for _ in 0..int(head) {
        let element = bulk(rest).unwrap();
        rest = &rest[line(rest).0.len() + element.len() + 2..];
        out.push(element);
    }
    out
}

fn elements(form: Form, body: &[u8]) -> Vec<Bytes> {
    printed(&decode(form, body, &Limits::new(HashKey::new([1, 2]))).unwrap())
}

/// What a file holds.
fn read(file: &[u8]) -> Dataset {
    let mut loader = Loader::new(true);
    loader.feed(file);
    loader.finish();
    let mut out = Dataset::new();
    while let Some(item) = loader.poll_item().expect("a sound file") {
        if let Item::Entry(entry) = item {
            let value = elements(entry.form, entry.body);
            let old = out.insert((entry.db, entry.key.to_vec()), (value, entry.deadline));
            assert!(old.is_none(), "twice: {}", entry.key.escape_ascii());
        }
    }
    assert!(loader.is_done());
    out
}

fn key(dice: &mut Dice) -> Bytes {
    format!("key:{}", dice.below(KEYS)).into_bytes()
}

/// A random change, through a random database's session.
fn change(world: &mut World, dice: &mut Dice) {
    let id = world.sessions[dice.below(4)];
    let (a, b) = (key(dice), key(dice));
    let n = format!("{}", dice.below(30)).into_bytes();
    let db = format!("{}", dice.below(4)).into_bytes();
    let text = vec![b'x'; dice.below(200)];
    let soon = format!("{}", dice.below(400) + if dice.once_in(2) { 100_000_000 } else { 0 }).into_bytes();
    let words: &[&[u8]] = match dice.below(20) {
        0..4 => &[b"SET", &a, &text],
        4 => &[b"SET", &a, &n],
        5 => &[b"INCR", &a],
        6 => &[b"APPEND", &a, &n],
        7..9 => &[b"HSET", &a, &n, &text],
        9..11 => &[b"RPUSH", &a, &text, &n],
        11..13 => &[b"ZADD", &a, &n, &n],
        13 => &[b"DEL", &a],
        14 => &[b"PEXPIRE", &a, &soon],
        15 => &[b"PERSIST", &a],
        16 => &[b"RENAME", &a, &b],
        17 => &[b"MOVE", &a, &db],
        18 => &[b"COPY", &a, &b, b"REPLACE"],
        _ => &[b"LPOP", &a],
    };
    world.run(id, words);
}

fn filled(dice: &mut Dice) -> World {
    filled_with(dice, false)
}

fn filled_with(dice: &mut Dice, paging: bool) -> World {
    let mut world = World::with(BTreeMap::new(), paging);
    for _ in 0..12_000 {
        change(&mut world, dice);
    }
    world
}

#[test]
fn the_instant_of_the_command() {
    (0..6).for_each(|seed| check_instant(seed, false));
}

/// Values go to the page device and come back while the snapshot is written; most of it is copied from there.
#[test]
fn the_instant_of_the_command_with_paging() {
    (0..3).for_each(|seed| check_instant(seed, true));
}

fn check_instant(seed: u64, paging: bool) {
    let mut dice = Dice::new(seed);
    let mut world = filled_with(&mut dice, paging);
    world.expire();
    let expected = world.dataset();
    if paging {
        // Idle for a while, most of it leaves; as in a server that has more than fits, some of it always does.
        world.tick = 300;
        (0..300).for_each(|_| {
            world.turn();
            world.do_job();
        });
    }
    let first = world.sessions[0];
    assert_eq!(world.run(first, &[b"BGSAVE"]), b"+Background saving started\r\n");
    let mut changes = 0;
    while world.engine.server().persistence.saving_since.is_some() {
        for _ in 0..dice.below(200) {
            change(&mut world, &mut dice);
            changes += 1;
        }
        match dice.below(40) {
            0 => drop(world.run(first, &[b"FLUSHALL"])),
            1 => drop(world.run(first, &[b"FLUSHDB"])),
            2 => drop(world.run(first, &[b"SWAPDB", b"0", b"2"])),
            _ => {}
        }
        world.turn();
        for _ in 0..dice.below(4) {
            world.do_job();
        }
    }
    let file = read(&world.files[&b"dump.rdb"[..]]);
    assert!(
        expected.len() > 5_000 && changes > if paging { 30 } else { 200 },
        "seed {seed}: {} keys, {changes} changes",
        expected.len()
    );
    for (key, value) in &expected {
        assert_eq!(file.get(key), Some(value), "seed {seed}: {} in {}", key.1.escape_ascii(), key.0);
    }
    assert_eq!(file.len(), expected.len(), "seed {seed}");
    assert_eq!(world.files.len(), 1);
    assert!(!paging || world.pages.len() > 100_000, "seed {seed}: nothing was paged out");
}

#[test]
fn what_was_saved_is_loaded() {
    let mut dice = Dice::new(77);
    let mut world = filled(&mut dice);
    let id = world.sessions[1];
    world.send(id, &[b"SAVE"]);
    assert_eq!(world.output(id), b"", "answered when it is on the disk");
    world.finish_jobs();
    assert_eq!(world.output(id), b"+OK\r\n");
    world.expire();
    let saved = world.dataset();
    let digest = world.run(id, &[b"DEBUG", b"DIGEST"]);
    let mut again = World::new(world.files.clone());
    again.now = world.now;
    again.expire();
    let id = again.sessions[1];
    assert_eq!(again.run(id, &[b"DEBUG", b"DIGEST"]), digest);
    assert_eq!(again.dataset().len(), saved.len());
}

#[test]
fn reload_gives_the_same() {
    let mut dice = Dice::new(5);
    let mut world = filled(&mut dice);
    let id = world.sessions[0];
    world.expire();
    let before = world.run(id, &[b"DEBUG", b"DIGEST"]);
    world.send(id, &[b"DEBUG", b"RELOAD"]);
    // Others are refused while it loads, and none sees half a dataset.
    let other = world.sessions[1];
    let mut refused = 0;
    while world.output(id).is_empty() {
        world.turn();
        world.do_job();
        let answer = world.run(other, &[b"DBSIZE"]);
        refused += usize::from(answer.starts_with(b"-LOADING"));
        assert!(answer.starts_with(b"-LOADING") || int(&answer) > 500, "{}", answer.escape_ascii());
    }
    assert!(refused > 0);
    assert_eq!(world.run(id, &[b"DEBUG", b"DIGEST"]), before);
}

/// What was acknowledged while the file was written was neither in it nor, when it had been loaded, in memory.
#[test]
fn a_reload_loses_nothing_that_was_acknowledged() {
    for paging in [false, true] {
        let mut world = filled_with(&mut Dice::new(6), paging);
        let (id, other, third) = (world.sessions[0], world.sessions[1], world.sessions[2]);
        world.run(third, &[b"MULTI"]);
        world.run(third, &[b"SET", b"queued", b"1"]);
        world.send(id, &[b"DEBUG", b"RELOAD"]);
        let aborted = world.run(third, &[b"EXEC"]);
        assert!(
            aborted.starts_with(b"-EXECABORT Transaction discarded because of: LOADING"),
            "{}",
            aborted.escape_ascii()
        );
        assert!(world.run(other, &[b"DEBUG", b"POPULATE", b"1"]).starts_with(b"-LOADING"));
        let (mut acknowledged, mut refused) = (Vec::new(), 0);
        for n in 0.. {
            let name = format!("beside:{n}");
            match world.run(other, &[b"SET", name.as_bytes(), b"1"]).as_slice() {
                b"+OK\r\n" => acknowledged.push(name),
                answer => {
                    assert!(answer.starts_with(b"-LOADING"), "{}", answer.escape_ascii());
                    refused += 1;
                }
            }
            if !world.output(id).is_empty() {
                break;
            }
            world.turn();
            world.do_job();
        }
        assert!(refused > 2, "{refused} refused");
        for name in &acknowledged {
            assert_eq!(world.run(other, &[b"GET", name.as_bytes()]), b"$1\r\n1\r\n", "{name}");
        }
    }
}

/// A long load looked like a server that hangs: nothing in the log, and INFO's word for the memory that it will take was
/// always 0. A directory that changes meanwhile would take the rest of the file away.
#[test]
fn a_load_is_told_of() {
    let mut dice = Dice::new(9);
    let mut world = filled(&mut dice);
    let (id, other) = (world.sessions[0], world.sessions[1]);
    for n in 0..20 {
        let value: Bytes = (0..100_000).map(|_| dice.below(256) as u8).collect();
        world.run(id, &[b"SET", format!("big:{n}").as_bytes(), &value]);
    }
    world.tick = 400;
    world.send(id, &[b"DEBUG", b"RELOAD"]);
    let mut told = Vec::new();
    while world.output(id).is_empty() {
        world.turn();
        world.do_job();
        if world.engine.server().loading {
            let info =
                String::from_utf8(bulk(&world.run(other, &[b"INFO", b"persistence"])).unwrap()).unwrap();
            told.extend(
                info.lines().filter(|line| line.starts_with("loading_rdb_used_mem")).map(str::to_owned),
            );
            for change in [[&b"appendonly"[..], b"yes"], [b"dir", b"/tmp"], [b"maxmemory", b"0"]] {
                let answer = world.run(other, &[b"CONFIG", b"SET", change[0], change[1]]);
                assert_eq!(
                    answer.starts_with(b"-LOADING"),
                    change[0] != b"maxmemory",
                    "{:?}",
                    answer.escape_ascii()
                );
            }
        }
    }
    assert!(told.contains(&format!("loading_rdb_used_mem:{}", 1 << 30)), "{told:?}");
    let lines = world.log.iter().filter(|line| line.starts_with("Loading [") && line.contains(" %, "));
    assert!(lines.count() > 0, "{:?}", world.log);
}

#[test]
fn a_full_disk_harms_nothing() {
    let mut dice = Dice::new(6);
    let mut world = filled(&mut dice);
    let id = world.sessions[0];
    world.send(id, &[b"SAVE"]);
    world.finish_jobs();
    world.output(id);
    let old = world.files.clone();
    for jobs in 0..12 {
        change(&mut world, &mut dice);
        world.run(id, &[b"BGSAVE"]);
        world.turn();
        for _ in 0..jobs {
            world.do_job();
            world.turn();
        }
        world.full = true;
        world.finish_jobs();
        world.full = false;
        let saved = world.engine.server().persistence.last_ok;
        assert!(saved || world.files == old, "after {jobs} jobs");
    }
    world.run(id, &[b"BGSAVE"]);
    world.finish_jobs();
    assert!(world.engine.server().persistence.last_ok, "it heals by itself");
    assert_eq!(world.files.len(), 1);
}

#[test]
fn a_damaged_file_is_refused_whole() {
    let mut dice = Dice::new(8);
    let mut world = filled(&mut dice);
    let id = world.sessions[0];
    world.send(id, &[b"SAVE"]);
    world.finish_jobs();
    let mut files = world.files.clone();
    let content = files.get_mut(&b"dump.rdb"[..]).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 0x10;
    let again = World::new(files);
    assert!(again.log.iter().any(|line| line.contains("Fatal error loading the DB")), "{:?}", again.log);
    assert!(again.engine.server().loading, "nothing is served");
}

/// With paging on a start reads keys and metadata; values stay in the snapshot's file until they are used, also when
/// another snapshot has taken its name.
#[test]
fn a_start_leaves_values_in_the_file() {
    let mut dice = Dice::new(9);
    let mut world = filled(&mut dice);
    world.expire();
    let id = world.sessions[0];
    // Compressed, the values would be too short to stay in the file.
    world.run(id, &[b"CONFIG", b"SET", b"rdbcompression", b"no"]);
    world.run(id, &[b"SAVE"]);
    let saved = world.dataset();
    let mut again = World::with(world.files.clone(), true);
    assert_eq!(again.engine.server().persistence.load.keys as usize, saved.len());
    let id = again.sessions[0];
    assert!(int(&again.run(id, &[b"DBSIZE"])) > 1_000);
    let told = String::from_utf8(again.run(id, &[b"INFO", b"all"])).unwrap();
    assert!(told.contains("vm_stats_swappin_count:0"), "nothing was read: {told}");
    again.run(id, &[b"CONFIG", b"SET", b"rdbcompression", b"no"]);
    again.run(id, &[b"SAVE"]);
    assert_eq!(
        read(&again.files[&b"dump.rdb"[..]]),
        read(&world.files[&b"dump.rdb"[..]]),
        "cold values are copied"
    );
    for _ in 0..20_000 {
        again.turn();
        again.do_job();
        if again.kept[0].is_empty() {
            break;
        }
    }
    assert!(again.kept[0].is_empty(), "the old file is given up; {} jobs wait", again.jobs.len());
    assert_eq!(again.kept[1], again.files[&b"dump.rdb"[..]], "the references lead to the new one");
    let mut whole = World::new(world.files.clone());
    let mut twin = Dice::new(10);
    for _ in 0..2_000 {
        change(&mut again, &mut twin.clone());
        whole.now = again.now;
        change(&mut whole, &mut twin);
    }
    again.expire();
    whole.expire();
    let (again, whole) = (again.dataset(), whole.dataset());
    for (key, (value, _)) in &whole {
        assert_eq!(again.get(key).map(|(value, _)| value), Some(value), "{}", key.1.escape_ascii());
    }
    assert_eq!(again.len(), whole.len());
}

/// Writes the journal anew; the name of its base.
fn rewritten(world: &mut World) -> Bytes {
    let id = world.sessions[0];
    world.run(id, &[b"BGREWRITEAOF"]);
    for _ in 0..50_000 {
        world.turn();
        if world.engine.server().persistence.aof.rewriting_since.is_none() && world.jobs.is_empty() {
            break;
        }
        world.do_job();
    }
    let mut bases = world.files.keys().filter(|name| name.ends_with(b".base.rdb"));
    let base = bases.next().expect("a base").clone();
    assert_eq!(bases.next(), None, "the old one is removed");
    base
}

/// A journal whose base has values that may stay in it and a file of keys beside it.
fn journaled(dice: &mut Dice) -> (World, Bytes) {
    let mut world = World::set_up(BTreeMap::new(), true, true);
    let id = world.sessions[0];
    // Compressed, the values would be too short to stay in the file.
    world.run(id, &[b"CONFIG", b"SET", b"rdbcompression", b"no"]);
    for _ in 0..12_000 {
        change(&mut world, dice);
    }
    for n in 0..40 {
        world.run(id, &[b"SET", format!("long:{n}").as_bytes(), &vec![b'a' + n as u8 % 26; 20_000]]);
    }
    world.expire();
    let base = rewritten(&mut world);
    (world, base)
}

fn keys_beside(base: &[u8]) -> Bytes {
    [base, b".keys"].concat()
}

/// A start over a journal read all of its base, however little of it was used then: ten times as long as one over a
/// snapshot.
#[test]
fn a_start_leaves_values_in_the_journals_base() {
    let mut dice = Dice::new(31);
    let (mut world, base) = journaled(&mut dice);
    for _ in 0..300 {
        change(&mut world, &mut dice);
    }
    world.expire();
    let expected = world.dataset();
    world.finish_jobs();
    assert!(world.files[&keys_beside(&base)].len() * 2 < world.files[&base].len());

    let mut again = World::set_up(world.files.clone(), true, true);
    assert!(!again.log.iter().any(|line| line.contains("can't be used")), "{:?}", again.log);
    assert_eq!(again.kept[0], again.files[&base]);
    let id = again.sessions[0];
    let told = String::from_utf8(again.run(id, &[b"INFO", b"all"])).unwrap();
    let count = |name: &str| -> usize {
        let line = told.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.parse().unwrap()
    };
    assert!(count("vm_stats_swappin_count:") < 300, "only what later commands needed was read: {told}");
    assert!(count("vm_stats_swapped_objects:") > 1_000, "{told}");
    again.now = world.now;
    again.run(id, &[b"CONFIG", b"SET", b"rdbcompression", b"no"]);

    again.run(id, &[b"SAVE"]);
    again.finish_jobs();
    assert_eq!(read(&again.files[&b"dump.rdb"[..]]), expected, "cold values are copied");
    assert_eq!(again.kept[0], again.files[&base], "the next start reads the base, so references stay there");

    let next = rewritten(&mut again);
    for _ in 0..20_000 {
        again.turn();
        again.do_job();
        if again.kept[0].is_empty() {
            break;
        }
    }
    assert!(again.kept[0].is_empty(), "the old base is given up");
    assert_eq!(again.kept[1], again.files[&next], "the references lead to the new one");
    assert_eq!(
        again.files.keys().filter(|name| name.ends_with(b".keys")).count(),
        1,
        "{:?}",
        again.files.keys()
    );
    assert_eq!(again.dataset(), expected);

    let mut third = World::set_up(again.files.clone(), true, true);
    third.now = again.now;
    assert_eq!(third.kept[0], third.files[&next]);
    assert_eq!(third.dataset(), expected);
    let id = third.sessions[0];
    assert_eq!(third.run(id, &[b"DEBUG", b"LOADAOF"]), b"+OK\r\n");
    assert!(third.kept.iter().all(Vec::is_empty), "the dataset is a new one");
    assert_eq!(third.dataset(), expected);
}

/// The file of keys is no part of the journal: whatever becomes of it, all is there.
#[test]
fn what_stands_beside_a_base_may_be_of_no_use() {
    let mut dice = Dice::new(32);
    let (mut world, base) = journaled(&mut dice);
    let expected = world.dataset();
    let keys = keys_beside(&base);
    let whole = world.files[&keys].clone();
    let stale = {
        let id = world.sessions[0];
        let mut other = World::set_up(world.files.clone(), true, true);
        other.run(id, &[b"SET", b"long:1", b"short"]);
        let other_base = rewritten(&mut other);
        other.files[&keys_beside(&other_base)].clone()
    };
    let mut cases: Vec<(&str, Option<Bytes>)> = vec![
        ("missing", None),
        ("empty", Some(Bytes::new())),
        ("another base's", Some(stale)),
        ("an RDB file of something else", Some(world.files[&base].clone())),
    ];
    for _ in 0..6 {
        let mut damaged = whole.clone();
        let at = dice.below(damaged.len());
        damaged[at] ^= 1 << dice.below(8);
        cases.push(("damaged", Some(damaged)));
        cases.push(("cut off", Some(whole[..dice.below(whole.len())].to_vec())));
    }
    for (what, content) in cases {
        let mut files = world.files.clone();
        let missing = content.is_none();
        match content {
            Some(content) => drop(files.insert(keys.clone(), content)),
            None => drop(files.remove(&keys)),
        }
        let mut again = World::set_up(files, true, true);
        let told = again.log.iter().any(|line| line.contains("can't be used, so all of"));
        assert_eq!(told, !missing, "{what}: {:?}", again.log);
        again.now = world.now;
        assert_eq!(again.dataset(), expected, "{what}");
        assert_eq!(again.kept[0], again.files[&base], "{what}: values stay in the base all the same");
    }
}

/// It would be as long as the base itself.
#[test]
fn nothing_stands_beside_a_base_of_short_values() {
    let mut world = World::set_up(BTreeMap::new(), true, true);
    let id = world.sessions[0];
    for n in 0..30_000 {
        world.run(id, &[b"SET", format!("key:{n}").as_bytes(), b"short"]);
    }
    let base = rewritten(&mut world);
    assert!(world.files[&base].len() > 300_000, "{}", world.files[&base].len());
    assert!(!world.files.keys().any(|name| name.ends_with(b".keys")), "{:?}", world.files.keys());
    let mut again = World::set_up(world.files.clone(), true, true);
    assert!(again.kept[0].is_empty(), "no value stayed there");
    let id = again.sessions[0];
    assert_eq!(again.run(id, &[b"DBSIZE"]), b":30000\r\n");
}

/// A value that rots in the file is that key's error and nobody else's.
#[test]
fn damage_in_the_kept_file() {
    let mut world = World::new(BTreeMap::new());
    let id = world.sessions[0];
    world.run(id, &[b"SET", b"good", &[b'g'; 300]]);
    let text: Bytes = (0..300_u32).map(|i| (i * 7 % 251) as u8).collect();
    world.run(id, &[b"SET", b"bad", &text]);
    world.run(id, &[b"SAVE"]);
    let mut again = World::with(world.files.clone(), true);
    let at =
        again.kept[0].windows(8).position(|part| text[100..150].windows(8).any(|own| own == part)).unwrap();
    again.kept[0][at] ^= 4;
    let id = again.sessions[0];
    let answer = again.run(id, &[b"GET", b"bad"]);
    assert!(answer.starts_with(b"-IOERR"), "{}", answer.escape_ascii());
    assert_eq!(again.run(id, &[b"STRLEN", b"bad"]), b":300\r\n");
    assert!(again.run(id, &[b"GET", b"good"]).starts_with(b"$300"), "the other is whole");
    assert_eq!(again.run(id, &[b"DEL", b"bad"]), b":1\r\n");
}

/// DEBUG RELOAD NOFLUSH once lost the dataset when the file had a key that was there, and MERGE was read and not obeyed.
#[test]
fn a_reload_adds_to_what_is_there() {
    let mut world = World::new(BTreeMap::new());
    let id = world.sessions[0];
    world.run(id, &[b"SET", b"both", b"of the file"]);
    world.run(id, &[b"SET", b"file", b"1"]);
    world.run(id, &[b"SAVE"]);
    world.run(id, &[b"SET", b"both", b"of memory"]);
    world.run(id, &[b"DEL", b"file"]);
    world.run(id, &[b"SET", b"memory", b"1"]);
    let refused = world.run(id, &[b"DEBUG", b"RELOAD", b"NOSAVE", b"NOFLUSH"]);
    assert!(refused.starts_with(b"-"), "{}", refused.escape_ascii());
    assert_eq!(
        world.run(id, &[b"MGET", b"both", b"file", b"memory"]),
        b"*3\r\n$9\r\nof memory\r\n$-1\r\n$1\r\n1\r\n"
    );
    assert_eq!(world.run(id, &[b"DEBUG", b"RELOAD", b"NOSAVE", b"NOFLUSH", b"MERGE"]), b"+OK\r\n");
    assert_eq!(
        world.run(id, &[b"MGET", b"both", b"file", b"memory"]),
        b"*3\r\n$11\r\nof the file\r\n$1\r\n1\r\n$1\r\n1\r\n"
    );
    world.run(id, &[b"DEL", b"both", b"file"]);
    assert_eq!(world.run(id, &[b"DEBUG", b"RELOAD", b"NOSAVE", b"NOFLUSH"]), b"+OK\r\n");
    assert_eq!(world.run(id, &[b"DBSIZE"]), b":3\r\n");
}

/// A journal that was switched off and on again while its rewrite was ending took what still came of the old rewrite for
/// the new one's, and then wrote a manifest without files: the next start was refused.
#[test]
fn a_journal_is_switched_at_every_moment_of_a_rewrite() {
    let switch = |world: &mut World, to: &[u8]| {
        let id = world.sessions[0];
        assert_eq!(world.run(id, &[b"CONFIG", b"SET", b"appendonly", to]), b"+OK\r\n");
        world.turn();
    };
    let mut switched = 0;
    for (jobs, between) in (0..40).flat_map(|jobs| (0..4).map(move |between| (jobs, between))) {
        let mut world = World::set_up(BTreeMap::new(), false, true);
        world.tick = 60;
        let id = world.sessions[0];
        world.run(id, &[b"SET", b"before", b"1"]);
        world.run(id, &[b"BGREWRITEAOF"]);
        for _ in 0..jobs {
            world.turn();
            world.do_job();
        }
        switched += usize::from(world.engine.server().persistence.aof.rewriting_since.is_some());
        switch(&mut world, b"no");
        (0..between).for_each(|_| world.do_job());
        switch(&mut world, b"yes");
        for _ in 0..100 {
            world.turn();
            world.do_job();
        }
        world.run(id, &[b"SET", b"after", b"2"]);
        for _ in 0..100 {
            world.turn();
            world.do_job();
        }
        let mut again = World::set_up(world.files, false, true);
        let id = again.sessions[0];
        let values = array(&again.run(id, &[b"MGET", b"before", b"after"]));
        assert_eq!(values, [b"1", b"2"], "switched after {jobs} and {between} jobs: {:?}", again.log);
    }
    assert!(switched > 10, "{switched}");
}

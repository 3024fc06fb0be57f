//! Power is cut at every single write of the journal's files. What was not made durable is there or not, in any order, and
//! the last write may be torn; of what a folder was not asked to keep, names may be missing. At every cut the engine
//! starts, holds what the first so many transactions left, and under `always` none that was acknowledged is missing.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};

use nuthatch_core::words::config::AppendFsync;
use nuthatch_core::{
    ALL_COMMANDS, Config, Done, Engine, HostFacts, Job, JobError, JobId, Options, Request, SessionId,
    SessionInfo,
};
use nuthatch_tests::seed;
use nuthatch_tests::sim::Dice;

type Bytes = Vec<u8>;
type Files = BTreeMap<Bytes, Bytes>;

const START: i64 = 1_700_000_000_000;
/// Clients that write at once, so that one fsync serves several.
const CLIENTS: usize = 3;
/// Transactions of a life.
const TRANSACTIONS: usize = 60;

/// What the files' device was told, one write at a time.
#[derive(Debug, Clone)]
enum Act {
    Write { inode: usize, at: usize, bytes: Bytes },
    SetLen { inode: usize, len: usize },
    Sync { inode: usize },
    Link { name: Bytes, inode: usize },
    Rename { from: Bytes, to: Bytes, inode: usize },
    Unlink { name: Bytes },
    SyncFolder { folder: Bytes },
}

/// Files as programs see them.
#[derive(Debug, Clone, Default)]
struct View {
    inodes: Vec<Bytes>,
    names: BTreeMap<Bytes, usize>,
}

impl View {
    fn of(files: &Files) -> Self {
        let inodes = files.values().cloned().collect();
        Self { inodes, names: files.keys().cloned().zip(0..).collect() }
    }

    fn files(&self) -> Files {
        self.names.iter().map(|(name, inode)| (name.clone(), self.inodes[*inode].clone())).collect()
    }

    fn apply(&mut self, act: &Act) {
        match act {
            Act::Write { inode, at, bytes } => {
                let file = &mut self.inodes[*inode];
                file.resize(file.len().max(at + bytes.len()), 0);
                file[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Act::SetLen { inode, len } => self.inodes[*inode].resize(*len, 0),
            Act::Link { name, inode } => drop(self.names.insert(name.clone(), *inode)),
            Act::Rename { from, to, inode } => {
                self.names.remove(from);
                self.names.insert(to.clone(), *inode);
            }
            Act::Unlink { name } => drop(self.names.remove(name)),
            Act::Sync { .. } | Act::SyncFolder { .. } => {}
        }
    }
}

fn folder_of(name: &[u8]) -> Bytes {
    name.iter().rposition(|byte| *byte == b'/').map_or(Bytes::new(), |at| name[..at].to_vec())
}

/// The device: what is seen, and the acts that led there.
#[derive(Debug)]
struct Disk {
    first: Files,
    view: View,
    acts: Vec<Act>,
}

impl Disk {
    fn new(first: Files) -> Self {
        Self { view: View::of(&first), first, acts: Vec::new() }
    }

    fn act(&mut self, act: Act) {
        if matches!(act, Act::Link { .. }) {
            self.view.inodes.push(Bytes::new());
        }
        self.view.apply(&act);
        self.acts.push(act);
    }

    fn open(&mut self, name: Bytes, len: Option<usize>) {
        match (self.view.names.get(&name), len) {
            (Some(&inode), len) => self.act(Act::SetLen { inode, len: len.unwrap_or(0) }),
            (None, len) => {
                let inode = self.view.inodes.len();
                self.act(Act::Link { name, inode });
                self.act(Act::SetLen { inode, len: len.unwrap_or(0) });
            }
        }
    }

    fn rename(&mut self, from: Bytes, to: Bytes) {
        let (old, new) = (folder_of(&from), folder_of(&to));
        let inode = self.view.names[&from];
        self.act(Act::Rename { from, to, inode });
        self.act(Act::SyncFolder { folder: new.clone() });
        if old != new {
            self.act(Act::SyncFolder { folder: old });
        }
    }

    /// As the server's host does them.
    fn carry_out(&mut self, job: Job) -> Done {
        let missing = || Done::Failed(JobError { missing: true, full: false, text: "no such file".into() });
        match job {
            Job::Create { file } => self.open(file, None),
            Job::Truncate { file, len } => self.open(file, Some(len as usize)),
            Job::Append { file, bytes } => {
                let inode = self.view.names[&file];
                let at = self.view.inodes[inode].len();
                self.act(Act::Write { inode, at, bytes: bytes.clone() });
                return Done::Appended(bytes);
            }
            Job::Sync { file } => self.act(Act::Sync { inode: self.view.names[&file] }),
            Job::Folder { .. } => self.act(Act::SyncFolder { folder: Bytes::new() }),
            Job::Rename { file, name } => self.rename(file, name),
            Job::Publish { file, name, .. } => {
                self.act(Act::Sync { inode: self.view.names[&file] });
                self.act(Act::SyncFolder { folder: folder_of(&name) });
                self.rename(file, name);
            }
            Job::Remove { file } => self.act(Act::Unlink { name: file }),
            Job::Read { file, offset, len, mut into } => {
                let Some(inode) = self.view.names.get(&file) else { return missing() };
                let content = &self.view.inodes[*inode];
                let from = content.len().min(offset as usize);
                into.clear();
                into.extend_from_slice(&content[from..content.len().min(from + len)]);
                return Done::Read { bytes: into, size: content.len() as u64 };
            }
            other => panic!("a journal has no use for {other:?}"),
        }
        Done::Finished
    }

    /// The files after a cut behind so many acts.
    fn cut(&self, acts: usize, dice: &mut Dice) -> Files {
        let mut durable = View::of(&self.first);
        let mut loose: Vec<&Act> = Vec::new();
        for act in &self.acts[..acts] {
            let kept = |one: &Act| match (act, one) {
                (Act::Sync { inode }, Act::Write { inode: of, .. } | Act::SetLen { inode: of, .. }) => {
                    inode == of
                }
                (Act::SyncFolder { folder }, Act::Link { name, .. } | Act::Unlink { name }) => {
                    *folder == folder_of(name)
                }
                (Act::SyncFolder { folder }, Act::Rename { to, .. }) => *folder == folder_of(to),
                _ => false,
            };
            if let Act::Link { .. } = act {
                durable.inodes.push(Bytes::new());
            }
            loose.retain(|one| {
                let kept = kept(one);
                if kept {
                    durable.apply(one);
                }
                !kept
            });
            loose.push(act);
        }
        let mode = dice.below(4);
        let last = loose.len().saturating_sub(1);
        for (i, act) in loose.into_iter().enumerate() {
            match (act, mode) {
                (_, 0) => {}
                (Act::Write { inode, at, bytes }, _) if i == last || dice.below(8) == 0 => {
                    let torn = bytes[..dice.below(bytes.len() + 1)].to_vec();
                    durable.apply(&Act::Write { inode: *inode, at: *at, bytes: torn });
                }
                (act, 1) => durable.apply(act),
                (act, _) if dice.below(2) == 0 => durable.apply(act),
                _ => {}
            }
        }
        durable.files()
    }
}

/// An engine over such files, and clients that know what was acknowledged.
struct World {
    engine: Engine,
    disk: Disk,
    jobs: VecDeque<(JobId, Job)>,
    now: i64,
    clients: Vec<SessionId>,
    /// The transaction that each waits for.
    waits: [Option<usize>; CLIENTS],
    sent: usize,
    /// Transactions with how many acts there were when each was acknowledged.
    acknowledged: Vec<(usize, usize)>,
    fatal: Option<String>,
}

impl World {
    fn start(files: Files, policy: AppendFsync) -> Self {
        let mut config = Config::default();
        config.save.clear();
        config.appendonly = true;
        config.appendfsync = policy;
        let host = HostFacts::UNKNOWN;
        let mut engine =
            Engine::new(Options { commands: ALL_COMMANDS, config, host, seed: [1, 2, 3, 4], now: START });
        engine.carries_files();
        engine.gathers_batches();
        engine.load_at_start();
        let clients = (0..=CLIENTS).map(|_| engine.open_session(SessionInfo::default(), START)).collect();
        let mut world = Self {
            engine,
            disk: Disk::new(files),
            jobs: VecDeque::new(),
            now: START,
            clients,
            waits: [None; CLIENTS],
            sent: 0,
            acknowledged: Vec::new(),
            fatal: None,
        };
        world.turn();
        while world.engine.server().loading && world.fatal.is_none() {
            world.do_job();
            world.turn();
        }
        world
    }

    fn turn(&mut self) {
        self.now += 3;
        self.engine.handle_timeout(self.now);
        while let Some(request) = self.engine.poll_request() {
            if let Request::Fatal(line) = request {
                self.fatal = Some(line);
            }
        }
        // Now and then the host sleeps between two turns.
        if self.now % 5 == 0 {
            self.engine.hand_over();
        }
        while let Some(job) = self.engine.poll_job() {
            self.jobs.push_back(job);
        }
        self.engine.poll_pending(&mut Vec::new());
        for client in 0..CLIENTS {
            let reply = self.take(client);
            if reply.starts_with(b"+OK") {
                let transaction = self.waits[client].take().unwrap();
                self.acknowledged.push((transaction, self.disk.acts.len()));
            } else {
                assert!(reply.is_empty(), "{}", reply.escape_ascii());
            }
        }
    }

    fn do_job(&mut self) {
        let Some((id, job)) = self.jobs.pop_front() else { return };
        let done = self.disk.carry_out(job);
        self.engine.handle_completion(id, done, self.now);
    }

    fn take(&mut self, client: usize) -> Bytes {
        let out = self.engine.output(self.clients[client]).to_vec();
        self.engine.consume_output(self.clients[client], out.len());
        out
    }

    /// Sends the next transaction, all of it at once.
    fn send(&mut self, client: usize, dice: &mut Dice) {
        self.sent += 1;
        let n = self.sent;
        self.waits[client] = Some(n);
        let pad = "x".repeat([10, 10, 300, 1_500, 70_000][dice.below(5)]);
        let line = format!(
            "MULTI\r\nRPUSH log {n}\r\nSET k{} {n}:{pad}\r\nSELECT 1\r\nSET n {n}\r\nSELECT 0\r\nEXEC\r\n",
            n % 5
        );
        self.engine.handle_bytes(
            self.clients[client],
            format!("CLIENT REPLY OFF\r\n{line}CLIENT REPLY ON\r\n").as_bytes(),
            self.now,
        );
    }

    fn ask(&mut self, line: &str) -> String {
        self.engine.handle_bytes(self.clients[CLIENTS], format!("{line}\r\n").as_bytes(), self.now);
        for _ in 0..10_000 {
            let out = self.take(CLIENTS);
            if !out.is_empty() {
                return String::from_utf8(out).unwrap();
            }
            self.do_job();
            self.turn();
        }
        panic!("no answer to {line}");
    }

    /// Transactions, rewrites and snapshots in any order.
    fn live(&mut self, transactions: usize, dice: &mut Dice) {
        let end = self.sent + transactions;
        while self.sent < end || self.waits.iter().any(Option::is_some) {
            let client = dice.below(CLIENTS);
            if self.sent < end && self.waits[client].is_none() {
                self.send(client, dice);
            }
            if dice.below(60) == 0 {
                let line = ["BGREWRITEAOF\r\n", "BGSAVE\r\n"][dice.below(2)];
                self.engine.handle_bytes(self.clients[CLIENTS], line.as_bytes(), self.now);
                self.take(CLIENTS);
            }
            for _ in 0..dice.below(4) {
                self.do_job();
            }
            self.turn();
        }
    }

    /// How many transactions there are; that they are the first ones, whole, and nothing else.
    fn survivors(&mut self) -> usize {
        let log = self.ask("LRANGE log 0 -1");
        let entries: Vec<&str> =
            log.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['*', '$'])).collect();
        let count = entries.len();
        let expected: Vec<String> = (1..=count).map(|n| n.to_string()).collect();
        assert_eq!(entries, expected);
        for key in 0..5 {
            let last = (1..=count).rev().find(|n| n % 5 == key);
            let value = self.ask(&format!("GET k{key}"));
            let found = value.split("\r\n").nth(1).and_then(|text| text.split(':').next()?.parse().ok());
            assert_eq!(found, last, "k{key} after {count}");
        }
        self.ask("SELECT 1");
        let n = self.ask("GET n").split("\r\n").nth(1).and_then(|text| text.parse().ok());
        self.ask("SELECT 0");
        assert_eq!(n, (count > 0).then_some(count));
        count
    }
}

/// A life, cut behind each act; of some that follow, another life and a cut at random. The number of cuts.
fn cut_everywhere(policy: AppendFsync, dice: &mut Dice) -> usize {
    let mut world = World::start(Files::new(), policy);
    world.live(TRANSACTIONS, dice);
    let mut cuts = 0;
    for acts in 0..=world.disk.acts.len() {
        let files = world.disk.cut(acts, dice);
        let mut next = World::start(files, policy);
        assert_eq!(next.fatal, None, "cut behind act {acts}: {:?}", world.disk.acts[..acts].last());
        let count = next.survivors();
        let due = world.acknowledged.iter().filter(|(_, at)| *at <= acts).map(|(n, _)| *n).max();
        let lost = policy == AppendFsync::Always && due.is_some_and(|due| due > count);
        assert!(!lost, "cut behind act {acts}: {due:?} acknowledged, {count} there");
        cuts += 1;
        if acts % 16 == 0 {
            next.sent = count;
            next.live(6, dice);
            let acts = dice.below(next.disk.acts.len() + 1);
            let mut last = World::start(next.disk.cut(acts, dice), policy);
            assert_eq!(last.fatal, None, "second cut behind act {acts}");
            let found = last.survivors();
            let due = next.acknowledged.iter().filter(|(_, at)| *at <= acts).map(|(n, _)| *n).max();
            let due = if policy == AppendFsync::Always { due.unwrap_or(count).max(count) } else { 0 };
            assert!(due <= found, "second cut: {due} acknowledged, {found} there");
            cuts += 1;
        }
    }
    cuts
}

/// `NUTHATCH_CUTS` asks for so many lives of either policy.
#[test]
fn power_is_cut_at_every_write() {
    let seed = seed::fresh();
    let mut dice = Dice::new(seed);
    let lives = std::env::var("NUTHATCH_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let mut cuts = 0;
    for _ in 0..lives {
        for policy in [AppendFsync::Always, AppendFsync::EverySec] {
            cuts += cut_everywhere(policy, &mut dice);
        }
    }
    println!("{cuts} cuts");
}

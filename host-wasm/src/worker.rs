//! The engine as JavaScript sees it.
//!
//! A turn of the host: bytes go into sessions (`send`), completions come back (`committed`, `read_part` and `read_end`,
//! `page_job_done`), the hour is told (`tick`); then `turn` is called, and what it leaves is carried out: commits, reads,
//! page jobs, sessions with something to receive.
//!
//! Every function takes and gives numbers only, so that JavaScript calls the module's exports as they are and needs no
//! glue: bytes and texts go in through one buffer (`input`) and come out at `reply`, rows of numbers at `numbers`.

use crate::carrier::{Carrier, Commit, DOCS, PageJob};
use crate::clock;
use crate::import::Import;
use crate::layout::Op;
use crate::memory;
use nuthatch_core::{Config, Engine, HostFacts, Options, Request, SessionId, SessionInfo};
use wasm_bindgen::prelude::wasm_bindgen;

/// Bytes for files that may wait for the store before no more commands are taken.
const BACKLOG: usize = 4 << 20;

/// Bytes of neighbours that a snapshot reads from a page device by one call.
const RUN: usize = 16 << 10;

/// What `watch` and `live` listen to besides keys' events: `lanes.js` has the same name.
const FLUSHED: &[u8] = b"__nuthatch__:flush";

/// The buffer of `ask` is kept up to this size.
const KEPT_REPLY: usize = 4096;

/// An engine, its sessions and its jobs. Sessions are numbers that `open` gives.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Worker {
    engine: Engine,
    sessions: Vec<Option<SessionId>>,
    carrier: Carrier,
    commit: Commit,
    /// The read that `poll_read` gave last: its number, store, first key, last key, bytes to leave out, bytes wanted.
    read: [f64; 6],
    page_job: Option<PageJob>,
    input: Vec<u8>,
    reply: Vec<u8>,
    numbers: Vec<f64>,
    pending: Vec<SessionId>,
    import: Option<Import>,
    /// It was told to end.
    ends: bool,
}

impl Default for Worker {
    fn default() -> Self {
        Self::new()
    }
}

#[wasm_bindgen]
impl Worker {
    /// An empty engine, which wants to be configured first.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Worker {
        Worker {
            engine: Engine::new(options([0; 4], 0)),
            sessions: Vec::new(),
            carrier: Carrier::default(),
            commit: Commit::default(),
            read: [0.0; 6],
            page_job: None,
            input: Vec::new(),
            reply: Vec::new(),
            numbers: Vec::new(),
            pending: Vec::new(),
            import: None,
            ends: false,
        }
    }

    /// Begins anew with what lies in the input: 32 bytes from `crypto.getRandomValues`, and then directives as a
    /// configuration file has, `len` bytes in all. `now` is `Date.now()`. Returns 0, or how long the text at `reply` is
    /// that says which directive is wrong, and why.
    pub fn configure(&mut self, len: usize, now: f64) -> usize {
        let (seed, config) = self.input[..len].split_at(len.min(SEED));
        let mut options = options(words(seed), now as i64);
        for line in DIRECTIVES.lines().chain(String::from_utf8_lossy(config).lines()) {
            if let Err(reason) = options.config.parse_line(line.as_bytes()) {
                return self.say(&format!("'{line}': {reason}"));
            }
        }
        self.engine = Engine::new(options);
        self.engine.carries_docs(DOCS);
        self.engine.tells_flushes(FLUSHED);
        0
    }

    /// Tells which records the store has: the directory's and the keys of the chunks. `raw_pages`: the page device takes
    /// bytes at offsets. In the input lie the directory's record, `directory` bytes, and behind it `chunks` keys of 8 bytes
    /// each. Returns how many keys lie at `numbers`: those of the chunks that `set_tail` wants before `start`.
    pub fn mount(&mut self, directory: usize, chunks: usize, raw_pages: bool) -> usize {
        let (record, keys) = self.input[..directory + 8 * chunks].split_at(directory);
        let keys: Vec<f64> = keys.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        self.carrier = Carrier::new(record, &keys, raw_pages);
        self.numbers = self.carrier.tails();
        self.numbers.len()
    }

    /// A chunk that `mount` wanted: the first `len` bytes of the input.
    pub fn set_tail(&mut self, key: f64, len: usize) {
        self.carrier.set_tail(key, &self.input[..len]);
    }

    /// Begins to load what the store has. Needs `mount`; without it nothing outlives the engine.
    pub fn start(&mut self) {
        self.engine.carries_pages();
        if self.carrier.raw_pages {
            self.engine.reads_block();
            self.engine.reads_runs(RUN);
        }
        self.engine.carries_files();
        self.engine.load_at_start();
    }

    /// Opens a session: one for each client that must not see another's transactions, subscriptions and waits.
    pub fn open(&mut self, now: f64) -> usize {
        let id = self.engine.open_session(SessionInfo::default(), now as i64);
        let free = self.sessions.iter().position(Option::is_none);
        let index = free.unwrap_or(self.sessions.len());
        match self.sessions.get_mut(index) {
            Some(slot) => *slot = Some(id),
            None => self.sessions.push(Some(id)),
        }
        index
    }

    /// Ends a session. One that is not open is left alone.
    pub fn close(&mut self, session: usize) {
        if let Some(id) = self.sessions.get_mut(session).and_then(Option::take) {
            self.engine.close_session(id);
        }
    }

    /// Where JavaScript writes up to `len` bytes for the function that is called next.
    pub fn input(&mut self, len: usize) -> *mut u8 {
        if self.input.len() < len {
            self.input.resize(len.next_power_of_two(), 0);
        }
        self.input.as_mut_ptr()
    }

    /// Gives the buffer for input back when it is larger than `most` bytes.
    pub fn shrink_input(&mut self, most: usize) {
        if self.input.len() > most {
            self.input = Vec::new();
        }
    }

    /// Gives the first `len` bytes of the input to a session, in any split.
    pub fn send(&mut self, session: usize, len: usize, now: f64) {
        if let Some(id) = self.id(session) {
            self.engine.handle_bytes(id, &self.input[..len], now as i64);
        }
    }

    /// Gives the first `len` bytes of the input to a session and takes what it is answered at once; returns how many bytes
    /// that are. They lie at `reply` until the next call.
    pub fn ask(&mut self, session: usize, len: usize, now: f64) -> usize {
        self.reply.clear();
        self.reply.shrink_to(KEPT_REPLY);
        if let Some(id) = self.id(session) {
            self.engine.handle_bytes(id, &self.input[..len], now as i64);
            self.reply.extend_from_slice(self.engine.output(id));
            self.engine.consume_output(id, self.reply.len());
        }
        self.reply.len()
    }

    /// Where the answer of `ask` lies, or the text or bytes that another function has left.
    pub fn reply(&self) -> *const u8 {
        self.reply.as_ptr()
    }

    /// How long that is.
    pub fn reply_len(&self) -> usize {
        self.reply.len()
    }

    /// Where numbers lie that a function has left, 8 bytes each.
    pub fn numbers(&self) -> *const f64 {
        self.numbers.as_ptr()
    }

    /// Ends a turn: what commands asked for goes on its way. Returns when `tick` wants to be called, as a `Date.now()`.
    pub fn turn(&mut self, now: f64) -> f64 {
        loop {
            while let Some((id, job)) = self.engine.poll_job() {
                self.carrier.take(id, job);
            }
            let Some((id, done)) = self.carrier.poll_ended() else { break };
            self.engine.handle_completion(id, done, now as i64);
        }
        self.engine.poll_pending(&mut self.pending);
        self.pending.sort_unstable();
        self.pending.dedup();
        self.engine.poll_timeout() as f64
    }

    /// Whether jobs have ended that `turn` has not taken up: those that need no device end while they are taken.
    pub fn has_ended(&self) -> bool {
        self.carrier.has_ended()
    }

    /// The next session that has something to receive since the last `turn`, or -1.
    pub fn poll_session(&mut self) -> i32 {
        while let Some(id) = self.pending.pop() {
            if let Some(index) = self.sessions.iter().position(|open| *open == Some(id)) {
                return index as i32;
            }
        }
        -1
    }

    /// Where what is to be sent to a session's client lies.
    pub fn output(&self, session: usize) -> *const u8 {
        self.id(session).map_or(std::ptr::null(), |id| self.engine.output(id).as_ptr())
    }

    /// How many bytes that are.
    pub fn output_len(&self, session: usize) -> usize {
        self.id(session).map_or(0, |id| self.engine.output(id).len())
    }

    /// Where all lies that a session's client has not got yet, with what waits until it is committed.
    pub fn unsent(&self, session: usize) -> *const u8 {
        self.all_unsent(session).as_ptr()
    }

    /// How many bytes that are.
    pub fn unsent_len(&self, session: usize) -> usize {
        self.all_unsent(session).len()
    }

    /// Tells that they were taken. Returns whether the session is to be closed.
    pub fn consume(&mut self, session: usize, len: usize) -> bool {
        let Some(id) = self.id(session) else { return true };
        self.engine.consume_output(id, len);
        self.engine.wants_close(id)
    }

    /// Does what is due: expiry, waits that end.
    pub fn tick(&mut self, now: f64) {
        if now as i64 >= self.engine.poll_timeout() {
            self.engine.handle_timeout(now as i64);
        }
    }

    /// Whether the host should wait for its device before it takes more commands.
    pub fn is_pressed(&self) -> bool {
        self.engine.is_pressed() || self.carrier.backlog() > BACKLOG
    }

    /// Whether the dataset is still being loaded.
    pub fn is_loading(&self) -> bool {
        self.engine.server().loading
    }

    /// What the engine has to say. Returns the length of the text at `reply`, 0 where there is none. It begins with `L` for
    /// a line of the log, `F` for the reason why it cannot go on, `S` where it has ended in good order.
    pub fn poll_notice(&mut self) -> usize {
        loop {
            let Some(request) = self.engine.poll_request() else { return 0 };
            return match request {
                Request::Log(line) => self.say(&format!("L{line}")),
                Request::Fatal(line) => self.say(&format!("F{line}")),
                Request::Shutdown { .. } if self.ends => self.say("S"),
                Request::Shutdown { .. } => self.say("FCLOSED by SHUTDOWN"),
                // The package's table has no SYNC.
                Request::ConfigChanged(_) | Request::Export => continue,
            };
        }
    }

    /// Saves, makes the journal whole and ends; `poll_notice` says when that is done.
    pub fn shut_down(&mut self, now: f64) {
        self.ends = true;
        self.engine.shut_down(None, now as i64);
    }

    /// Bytes of the journal since its base.
    pub fn journal_more(&self) -> f64 {
        let aof = &self.engine.server().persistence.aof;
        aof.size.saturating_sub(aof.base_size) as f64
    }

    /// Bytes of its base.
    pub fn journal_base(&self) -> f64 {
        self.engine.server().persistence.aof.base_size as f64
    }

    /// Whether it is being written anew.
    pub fn is_rewriting(&self) -> bool {
        let aof = &self.engine.server().persistence.aof;
        aof.rewriting_since.is_some() || aof.scheduled
    }

    /// Bytes in use.
    pub fn used_memory(&self) -> usize {
        memory::used()
    }

    // ------------------------------------------------------------------------------------------------ the store

    /// Takes the next commit; returns its number, or 0 where there is none.
    pub fn poll_commit(&mut self) -> u32 {
        self.commit = self.carrier.poll_commit(|_| {}).unwrap_or_default();
        self.commit.serial
    }

    /// How many parts the commit has.
    pub fn ops(&self) -> usize {
        self.commit.ops.len()
    }

    /// The store of a part: 0 pages, 1 chunks, 2 meta.
    pub fn op_store(&self, index: usize) -> u8 {
        self.commit.ops.get(index).map_or(0, |op| op.store() as u8)
    }

    /// The record's key, or the first of those that are to be removed.
    pub fn op_key(&self, index: usize) -> f64 {
        match self.commit.ops.get(index) {
            Some(Op::Put { key, .. } | Op::Remove { from: key, .. }) => *key as f64,
            None => 0.0,
        }
    }

    /// The last key of those that are to be removed; -1: a record is put.
    pub fn op_until(&self, index: usize) -> f64 {
        match self.commit.ops.get(index) {
            Some(Op::Remove { to, .. }) => *to as f64,
            Some(Op::Put { .. }) | None => -1.0,
        }
    }

    /// Where the record's bytes lie.
    pub fn op_bytes(&self, index: usize) -> *const u8 {
        self.put(index).as_ptr()
    }

    /// How many they are.
    pub fn op_len(&self, index: usize) -> usize {
        self.put(index).len()
    }

    /// The commit is durable, or failed: why, say the first `failure` bytes of the input.
    pub fn committed(&mut self, serial: u32, failure: usize) {
        self.carrier.committed(serial, reason(&self.input[..failure]).as_deref());
    }

    /// Takes the next read; returns its number, or 0 where there is none. One of store 3 is of the package's texts, whole.
    pub fn poll_read(&mut self) -> u32 {
        let Some((number, reading)) = self.carrier.poll_read() else { return 0 };
        let span = reading.span;
        self.read = [
            f64::from(number),
            f64::from(reading.store as u8),
            span.from as f64,
            span.to as f64,
            span.skip as f64,
            reading.len as f64,
        ];
        number
    }

    /// About the read: 1 its store, 2 its first key, 3 its last key, 4 the bytes to leave out, 5 the bytes that are wanted.
    pub fn read_fact(&self, which: usize) -> f64 {
        self.read.get(which).copied().unwrap_or(0.0)
    }

    /// A piece of what is read: the first `len` bytes of the input.
    pub fn read_part(&mut self, number: u32, len: usize) {
        self.carrier.read_part(number, &self.input[..len]);
    }

    /// The read has ended, or failed: why, say the first `failure` bytes of the input.
    pub fn read_end(&mut self, number: u32, failure: usize) {
        self.carrier.read_end(number, reason(&self.input[..failure]).as_deref());
    }

    /// Takes the next job of a page device that takes bytes at offsets: 0 none, 1 a read, 2 a write.
    pub fn poll_page_job(&mut self) -> u8 {
        self.page_job = self.carrier.poll_page_job();
        if let Some(job) = self.page_job.as_mut().filter(|job| !job.write) {
            job.bytes.resize(job.len, 0);
        }
        self.page_job.as_ref().map_or(0, |job| 1 + u8::from(job.write))
    }

    /// Where on the device the job's part begins.
    pub fn page_offset(&self) -> f64 {
        self.page_job.as_ref().map_or(0.0, |job| job.offset as f64)
    }

    /// Where the bytes to be written lie, or those read are to lie.
    pub fn page_bytes(&mut self) -> *mut u8 {
        self.page_job.as_mut().map_or(std::ptr::null_mut(), |job| job.bytes.as_mut_ptr())
    }

    /// How many they are.
    pub fn page_len(&self) -> usize {
        self.page_job.as_ref().map_or(0, |job| job.len)
    }

    /// The job is done, or failed: why, say the first `failure` bytes of the input.
    pub fn page_job_done(&mut self, failure: usize) {
        if let Some(job) = self.page_job.take() {
            self.carrier.page_job_done(job, reason(&self.input[..failure]).as_deref());
        }
    }

    /// A picture of the page device: `[page size, pages that were ever used, n, n × (first page, pages, 1 if written),
    /// one bit a page]`, in words of 4 bytes at `reply`; returns how many bytes they are. The runs are those since the last
    /// picture.
    pub fn page_map(&mut self) -> usize {
        let (size, bits) = self.engine.page_map();
        let size64 = u64::from(size.max(1));
        let mut picture = vec![size, (bits.len() * 64) as u32, self.carrier.traffic.len() as u32];
        for (offset, len, write) in self.carrier.traffic.drain(..) {
            let run = [(offset / size64) as u32, len.div_ceil(size64) as u32, u32::from(write)];
            picture.extend(run);
        }
        for word in bits {
            picture.extend([*word as u32, (*word >> 32) as u32]);
        }
        self.reply = picture.into_iter().flat_map(u32::to_le_bytes).collect();
        self.reply.len()
    }

    // ------------------------------------------------------------------------------------------ files from elsewhere

    /// Where the file that the first `len` bytes of the input name lies among the chunks. Returns 2 where there is one: its
    /// first key and its size in bytes lie at `numbers`; else 0.
    pub fn file(&mut self, len: usize) -> usize {
        let file = self.carrier.file(&self.input[..len]);
        self.numbers = file.map_or_else(Vec::new, |(span, size)| vec![span.from as f64, size as f64]);
        self.numbers.len()
    }

    /// Removes the file that the first `len` bytes of the input name.
    pub fn remove_file(&mut self, len: usize) {
        self.carrier.remove_file(&self.input[..len]);
    }

    /// Begins to take a dump.rdb.
    pub fn import_begin(&mut self) {
        self.import = Some(Import::new());
    }

    /// A portion of it, the first `len` bytes of the input; an empty one ends it.
    pub fn import_feed(&mut self, len: usize) {
        if let Some(import) = &mut self.import {
            import.feed(&self.input[..len]);
        }
    }

    /// Restores some of what was fed, in this session. Returns how many keys were read so far, or -1 where a portion is
    /// wanted, -2 where the file is done, -3 where something is wrong with it: what, and where, says the text at `reply`.
    pub fn import_step(&mut self, session: usize, now: f64) -> i32 {
        let (Some(id), Some(import)) = (self.id(session), &mut self.import) else { return -2 };
        let mut commands = Vec::new();
        if let Err(reason) = import.commands(&mut commands) {
            self.say(&reason);
            return -3;
        }
        let (keys, done) = (import.keys, import.done);
        if !commands.is_empty() {
            self.engine.handle_bytes(id, &commands, now as i64);
            return keys as i32;
        }
        if done {
            self.import = None;
        }
        if done { -2 } else { -1 }
    }

    /// Gives up a file that is on its way.
    pub fn import_end(&mut self) {
        self.import = None;
    }

    /// Leaves a text at `reply`.
    fn say(&mut self, text: &str) -> usize {
        self.reply.clear();
        self.reply.extend_from_slice(text.as_bytes());
        self.reply.len()
    }

    fn all_unsent(&self, session: usize) -> &[u8] {
        let session = self.id(session).and_then(|id| self.engine.session(id));
        session.map_or(&[], |session| &session.output[session.taken..])
    }

    fn put(&self, index: usize) -> &[u8] {
        match self.commit.ops.get(index) {
            Some(Op::Put { bytes, .. }) => bytes,
            _ => &[],
        }
    }

    fn id(&self, session: usize) -> Option<SessionId> {
        self.sessions.get(session).copied().flatten()
    }
}

/// Bytes of the seed.
const SEED: usize = 32;

/// What holds here unless it is told otherwise: the journal, which is small where a tab is, is all that is saved.
const DIRECTIVES: &str = "save \"\"\nenable-debug-command yes\nauto-aof-rewrite-min-size 1mb";

fn options(seed: [u64; 4], now: i64) -> Options {
    Options { commands: nuthatch_core::ALL_COMMANDS, config: Config::default(), host: facts(), seed, now }
}

/// Why something failed; no bytes: it did not.
fn reason(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn words(seed: &[u8]) -> [u64; 4] {
    let mut out = [0; 4];
    for (word, bytes) in out.iter_mut().zip(seed.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(whole);
    }
    out
}

fn facts() -> HostFacts {
    HostFacts {
        used_memory: memory::used,
        peak_memory: memory::peak,
        resident_memory: memory::used,
        monotonic: clock::micros,
        sleep: clock::sleep,
        os: "browser",
        allocator: "dlmalloc",
        ..HostFacts::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(worker: &mut Worker, bytes: &[u8]) -> usize {
        worker.input(bytes.len());
        worker.input[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }

    /// One that is configured.
    fn configured(config: &str, now: f64) -> Worker {
        let mut worker = Worker::new();
        let len = lay(&mut worker, &[&[7; SEED], config.as_bytes()].concat());
        assert_eq!(worker.configure(len, now), 0);
        worker
    }

    fn ask(worker: &mut Worker, session: usize, bytes: &[u8], now: f64) -> Vec<u8> {
        lay(worker, bytes);
        worker.send(session, bytes.len(), now);
        worker.turn(now);
        let id = worker.id(session);
        let out = id.map(|id| worker.engine.output(id).to_vec()).unwrap_or_default();
        worker.consume(session, out.len());
        out
    }

    #[test]
    fn commands_run() {
        let mut worker = configured("maxmemory 8mb", 1000.0);
        let session = worker.open(1000.0);
        assert_eq!(ask(&mut worker, session, b"HSET h a 1\r\nHGET", 1001.0), b":1\r\n");
        assert_eq!(ask(&mut worker, session, b" h a\r\n", 1002.0), b"$1\r\n1\r\n");
        assert_eq!(worker.poll_commit(), 0);
        worker.tick(1002.0);
        assert!(worker.turn(1002.0) > 1002.0);
    }

    #[test]
    fn sessions_are_numbers_that_are_used_again() {
        let mut worker = configured("", 0.0);
        assert_eq!((worker.open(0.0), worker.open(0.0)), (0, 1));
        worker.close(0);
        worker.close(0);
        assert!(ask(&mut worker, 0, b"DBSIZE\r\n", 0.0).is_empty());
        assert_eq!(worker.open(0.0), 0);
        assert_eq!(ask(&mut worker, 0, b"DBSIZE\r\n", 0.0), b":0\r\n");
    }

    /// A device that is done at once makes several turns of one, and the sessions of the first were forgotten: their
    /// clients waited for ever.
    #[test]
    fn a_second_turn_forgets_no_session() {
        let mut worker = configured("", 0.0);
        let session = worker.open(0.0);
        worker.input(6);
        worker.input[..6].copy_from_slice(b"PING\r\n");
        worker.send(session, 6, 0.0);
        worker.turn(0.0);
        worker.turn(0.0);
        assert_eq!((worker.poll_session(), worker.poll_session()), (session as i32, -1));
    }

    #[test]
    fn a_wrong_directive_is_named() {
        let mut worker = Worker::new();
        let len = lay(&mut worker, &[&[7; SEED], &b"appendonly perhaps"[..]].concat());
        assert_ne!(worker.configure(len, 0.0), 0);
        let error = String::from_utf8_lossy(&worker.reply).into_owned();
        assert!(error.starts_with("'appendonly perhaps': "), "{error}");
    }
}

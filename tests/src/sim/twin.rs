//! Two engines with the same commands: one holds everything in memory, the other is a small cache over a store whose jobs
//! end late and in any order. Whatever a client is answered must be the same.

use nuthatch_core::{
    ALL_COMMANDS, Config, Engine, Job, Options, Request, SessionId, SessionInfo, store_place,
};

use super::files::MemoryFiles;
use super::races::RACERS;
use super::saves::twin_config;
use super::store::MemoryStore;
use super::told::{Past, difference, show};
use super::world::facts;
use super::{Dice, generate};

type Bytes = Vec<u8>;

/// Steps after which a reply must have come.
const PATIENCE: usize = 200_000;

/// An engine with one client.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) engine: Engine,
    pub(super) client: SessionId,
    /// Clients that do not wait for one another.
    pub(super) racers: Vec<SessionId>,
    pub(super) files: MemoryFiles,
}

impl Side {
    pub(super) fn new(config: Config, seed: [u64; 4], now: i64) -> Self {
        let options = Options { commands: ALL_COMMANDS, config, host: facts(), seed, now };
        let mut engine = Engine::new(options);
        let client = engine.open_session(SessionInfo::default(), now);
        let racers = (0..RACERS).map(|_| engine.open_session(SessionInfo::default(), now)).collect();
        engine.carries_snapshots();
        Self { engine, client, racers, files: MemoryFiles::default() }
    }

    pub(super) fn take_output(&mut self) -> Bytes {
        let mut told = Vec::new();
        self.engine.poll_pending(&mut told);
        let output = self.engine.output(self.client).to_vec();
        self.engine.consume_output(self.client, output.len());
        output
    }
}

/// Whether clients of a seed's world send pipelines. Those of half of the seeds do not, among them those that tests name: their worlds
/// are as they were when something was found in them.
pub(super) fn with_pipelines(seed: u64) -> bool {
    matches!(seed % 4, 1 | 2)
}

/// The simulation of diskstore.
#[derive(Debug)]
pub struct StoreTwin {
    pub(super) dice: Dice,
    pub(super) plain: Side,
    pub(super) stored: Side,
    store: MemoryStore,
    config: Config,
    pub(super) now: i64,
    pub(super) past: Past,
    pub(super) in_transaction: bool,
    /// The transaction's commands.
    pub(super) queued: Vec<Vec<Bytes>>,
    pipelines: bool,
    reads_together: usize,
    /// The snapshot that is being written: the digest of what it has to hold, and its hour.
    pub(super) instant: Option<(Bytes, i64)>,
    /// Snapshots that were compared.
    pub saved: usize,
    /// Commands whose replies were compared.
    pub ran: usize,
    /// Commands that the store's failures refused.
    pub refused: usize,
    /// A change was made and not saved, as its client was told: a crash may undo it.
    unsaved: bool,
}

impl StoreTwin {
    /// The most records that one job has read.
    pub fn most_read_together(&self) -> usize {
        self.store.read_together
    }

    /// A world that this seed decides.
    pub fn new(seed: u64) -> Self {
        let pipelines = with_pipelines(seed);
        let reads_together = if pipelines { [3, 16][seed as usize / 4 % 2] } else { 1 };
        let mut dice = Dice::new(seed);
        let now = 1_700_000_000_000;
        let mut config = twin_config();
        let seed = dice.seed();
        let plain = Side::new(config.clone(), seed, now);
        config.cache_max_memory = *dice.pick(&[1, 1000, 4000, 20_000, 100_000]);
        config.cache_flush_delay = *dice.pick(&[0, 0, 1, 5]);
        config.cache_io_jobs = *dice.pick(&[1, 2, 10]);
        let mut stored = Side::new(config.clone(), seed, now);
        stored.engine.carries_store(store_place);
        stored.engine.reads_together(reads_together);
        Self {
            dice,
            reads_together,
            plain,
            stored,
            store: MemoryStore::default(),
            config,
            now,
            past: Past::default(),
            in_transaction: false,
            queued: Vec::new(),
            pipelines,
            instant: None,
            saved: 0,
            ran: 0,
            refused: 0,
            unsaved: false,
        }
    }

    /// One turn: commands, or time, or the end of some jobs, or a restart.
    ///
    /// # Errors
    /// What differs, with the commands before it.
    pub fn turn(&mut self) -> Result<(), String> {
        self.open()?;
        let outcome = match self.dice.below(60) {
            0..4 => self.pass_time(),
            4..10 => self.steps(3),
            10 if self.dice.once_in(10) => self.restart(),
            11 if self.dice.once_in(4) => self.change_faults(),
            12 => self.compare_everything(),
            13 if self.dice.once_in(2) => self.begin_save(),
            14 if self.dice.once_in(20) => self.reload(),
            15..18 => self.race(),
            18 if self.pipelines => self.pipeline(),
            _ => self.talk(),
        };
        let Config { cache_max_memory, cache_flush_delay, cache_io_jobs, .. } = &self.config;
        outcome.map_err(|difference| {
            let setting =
                format!("cache of {cache_max_memory} bytes, delay {cache_flush_delay}, {cache_io_jobs} jobs");
            self.past.explain(&difference, &setting)
        })
    }

    /// Until the store has said what it holds.
    fn open(&mut self) -> Result<(), String> {
        while self.stored.engine.server().loading {
            self.steps(1)?;
        }
        Ok(())
    }

    fn pass_time(&mut self) -> Result<(), String> {
        self.now += *self.dice.pick(&[10, 100, 100, 1000, 5000, 100_000]);
        self.plain.engine.handle_timeout(self.now);
        self.stored.engine.handle_timeout(self.now);
        self.past.remember(&format!("time {}", self.now));
        self.steps(1)
    }

    /// Whether replies wait until their changes are durable.
    pub(super) fn writes_through(&self) -> bool {
        self.config.cache_flush_delay == 0
    }

    /// Lets jobs go to the store, and some of what it did come back.
    pub(super) fn steps(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            while let Some((id, job)) = self.stored.engine.poll_job() {
                match job {
                    Job::Store(job) => self.store.take(id, job),
                    other => self.stored.files.take(id, other),
                }
            }
            if let Some((id, done)) = self.store.step(&mut self.dice) {
                self.stored.engine.handle_completion(id, done, self.now);
            }
            if self.dice.once_in(3)
                && let Some((id, done)) = self.stored.files.step()
            {
                self.stored.engine.handle_completion(id, done, self.now);
            }
            self.stored.engine.audit_store()?;
        }
        while let Some(request) = self.stored.engine.poll_request() {
            match request {
                Request::Fatal(line) => return Err(line),
                Request::Log(line) => self.notice_save(&line)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn change_faults(&mut self) -> Result<(), String> {
        self.store.faulty = !self.store.faulty;
        self.past.remember(&format!("faulty {}", self.store.faulty));
        Ok(())
    }

    /// The store's faults end.
    pub(super) fn mend(&mut self) {
        self.store.faulty = false;
    }

    /// Keys that commands were told could not be read.
    fn unread(&self) -> u64 {
        self.stored.engine.server().stats.errors_by_code.get("IOERR").copied().unwrap_or(0)
    }

    fn talk(&mut self) -> Result<(), String> {
        let words = self.command();
        self.both(&words)
    }

    /// Many commands at once: what those behind one that waits need is read ahead.
    fn pipeline(&mut self) -> Result<(), String> {
        if self.in_transaction || self.store.faulty {
            return Ok(());
        }
        // What failed is saved first, and from then on nothing is refused: where a sync had failed and nothing waited to be saved,
        // no write ended that could have shown that the store works again, and all were refused for ever.
        self.settle_down()?;
        let mut bytes = Vec::new();
        for _ in 0..1 + self.dice.below(40) {
            let words = with_instants(&generate::command(&mut self.dice), self.now);
            self.past.remember(&format!("| {}", show(&words)));
            bytes.extend(crate::resp::encode(&words));
        }
        self.plain.engine.handle_bytes(self.plain.client, &bytes, self.now);
        self.plain.settle_files(self.now);
        let expected = self.plain.take_output();
        self.stored.engine.handle_bytes(self.stored.client, &bytes, self.now);
        let mut got = Vec::new();
        for _ in 0..PATIENCE {
            self.steps(1)?;
            got.extend(self.stored.take_output());
            if got.len() >= expected.len() {
                break;
            }
        }
        self.ran += 1;
        if got == expected { Ok(()) } else { Err(format!("pipeline: {}", difference(&got, &expected))) }
    }

    fn row(&mut self) -> Vec<Bytes> {
        let dice = &mut self.dice;
        let row = dice.below(24);
        if let Some(words) = generate::wide_command(dice, row) {
            return words;
        }
        let text = |text: &str| text.as_bytes().to_vec();
        match row {
            0 if self.in_transaction => vec![generate::one(dice, &["EXEC", "EXEC", "EXEC", "DISCARD"])],
            0 => vec![text("MULTI")],
            1 if !self.in_transaction => vec![text("WATCH"), generate::any_key(dice)],
            8 => vec![text("SETNX"), generate::key(dice, "s"), text("c")],
            12 => vec![
                text("SORT"),
                generate::key(dice, "t"),
                text("ALPHA"),
                text("GET"),
                text("s*"),
                text("GET"),
                text("#"),
            ],
            13 => vec![
                text("EXISTS"),
                generate::any_key(dice),
                generate::any_key(dice),
                generate::any_key(dice),
            ],
            _ => generate::command(dice),
        }
    }

    fn command(&mut self) -> Vec<Bytes> {
        let mut words = self.row();
        if words.len() == 1 && words[0] == b"EXEC" || words[0] == b"DISCARD" {
            self.in_transaction = false;
        } else if words[0] == b"MULTI" {
            self.in_transaction = true;
        } else if words[0] == b"FLUSHDB" && !self.in_transaction && self.dice.once_in(2) {
            words[0] = b"DBSIZE".to_vec();
        }
        words
    }

    /// Gives both engines a command and compares what they say.
    pub(super) fn both(&mut self, words: &[Bytes]) -> Result<(), String> {
        let words = &with_instants(words, self.now);
        let shown = show(words);
        self.past.remember(&shown);
        let bytes = crate::resp::encode(words);
        let unread = self.unread();
        let (got, ran_at) = self.ask_and_hour(&bytes, &shown)?;
        let text = String::from_utf8_lossy(&got);
        if words[0] == b"MULTI" {
            self.queued.clear();
        } else if text.starts_with("+QUEUED") {
            self.queued.push(words.clone());
        }
        // What failed did nothing; what is only not saved was done.
        if text.starts_with("-IOERR")
            || text.starts_with("-MISCONF Errors")
            || text.starts_with("-EXECABORT Transaction discarded because of: MISCONF")
            || words[0] == b"DEBUG" && text.starts_with("-ERR")
        {
            self.refused += 1;
            self.past.remember(&format!("refused: {text}"));
            if words[0] == b"EXEC" || self.in_transaction {
                // The transaction is over, or broken: both begin anew.
                self.in_transaction = false;
                self.say(b"DISCARD")?;
            }
            return Ok(());
        }
        if words[0] == b"EXEC" && text.contains("\r\n-IOERR") {
            return self.compare_partly_read(&got, ran_at);
        }
        self.plain.engine.handle_bytes(self.plain.client, &bytes, ran_at);
        if words[0] == b"DEBUG" {
            self.plain.settle_files(ran_at);
        }
        let expected = self.plain.take_output();
        self.ran += 1;
        if text.starts_with("-MISCONF The change") {
            self.unsaved = true;
            self.past.remember(&format!("unsaved: {text}"));
            return if words[0] == b"EXEC" && self.unread() > unread { self.begin_anew() } else { Ok(()) };
        }
        if got == expected {
            return Ok(());
        }
        if words[0] == b"DBSIZE" {
            // Keys whose time is over are counted until somebody meets them.
            return Ok(());
        }
        Err(format!("{shown}: {}", difference(&got, &expected)))
    }

    /// A command without its reply.
    fn say(&mut self, word: &[u8]) -> Result<(), String> {
        let bytes = crate::resp::encode(&[word]);
        self.plain.engine.handle_bytes(self.plain.client, &bytes, self.now);
        self.plain.take_output();
        self.ask(&bytes, "").map(drop)
    }

    /// Gives the engine over the store a command, and waits for the reply.
    pub(super) fn ask(&mut self, command: &[u8], shown: &str) -> Result<Bytes, String> {
        self.ask_and_hour(command, shown).map(|(reply, _)| reply)
    }

    /// The reply, and when the command ran: it may be held back until long after that.
    fn ask_and_hour(&mut self, command: &[u8], shown: &str) -> Result<(Bytes, i64), String> {
        let ran = |side: &Side| side.engine.server().stats.commands;
        let before = ran(&self.stored);
        self.stored.engine.handle_bytes(self.stored.client, command, self.now);
        let mut hour = None;
        for patience in 0..PATIENCE {
            self.steps(1)?;
            let output = self.stored.take_output();
            if !output.is_empty() {
                return Ok((output, hour.unwrap_or(self.now)));
            }
            // Where nothing happens any more, time has to.
            if patience % 50 == 49 {
                self.stored.engine.handle_timeout(self.now);
            }
            if patience % 1000 == 999 && self.store.is_idle() {
                self.store.faulty = false;
                if ran(&self.stored) != before {
                    hour.get_or_insert(self.now);
                }
                self.now += 1000;
                self.stored.engine.handle_timeout(self.now);
            }
        }
        Err(format!("{shown}: no reply comes"))
    }

    /// Every key of every database, with its value and deadline.
    pub(super) fn compare_everything(&mut self) -> Result<(), String> {
        if self.in_transaction {
            return Ok(());
        }
        self.store.faulty = false;
        self.settle_down()?;
        for db in ["0", "1", "2"] {
            self.both(&[b"SELECT".to_vec(), db.into()])?;
            let ours = self.keys()?;
            self.plain.engine.handle_bytes(self.plain.client, b"KEYS *\r\n", self.now);
            let theirs = names(&self.plain.take_output());
            if ours != theirs {
                return Err(format!("database {db} has {ours:?}, not {theirs:?}"));
            }
            for key in ours {
                self.both(&[b"DEBUG".to_vec(), b"DIGEST-VALUE".to_vec(), key.clone()])?;
                self.both(&[b"PTTL".to_vec(), key])?;
            }
        }
        self.both(&[b"DEBUG".to_vec(), b"DIGEST".to_vec()])?;
        Ok(())
    }

    /// Until everything is saved and writes are taken again.
    pub(super) fn settle_down(&mut self) -> Result<(), String> {
        for _ in 0..40 {
            self.now += 1000;
            self.plain.engine.handle_timeout(self.now);
            self.stored.engine.handle_timeout(self.now);
            while !(self.store.is_idle() && self.stored.files.is_idle()) {
                self.steps(1)?;
            }
            self.steps(1)?;
        }
        Ok(())
    }

    fn keys(&mut self) -> Result<Vec<Bytes>, String> {
        if self.dice.once_in(2) {
            return Ok(names(&self.ask(b"KEYS *\r\n", "KEYS")?));
        }
        let mut found = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            let line = format!("SCAN {cursor} COUNT {}\r\n", 1 + self.dice.below(5));
            let mut page = bulks(&self.ask(line.as_bytes(), "SCAN")?);
            cursor = String::from_utf8_lossy(&page.remove(0)).into_owned();
            found.extend(page);
            if cursor == "0" {
                break;
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// The engine ends and another begins over the same store: after an end in good order, or with every write
    /// awaited, nothing is missing.
    fn restart(&mut self) -> Result<(), String> {
        if self.in_transaction {
            return Ok(());
        }
        self.store.faulty = false;
        let through = self.config.cache_flush_delay == 0 && self.refused == 0 && !self.unsaved;
        if !through || self.dice.once_in(2) {
            self.settle_down()?;
            self.unsaved = false;
        }
        self.past.remember("restart");
        self.store.crash();
        self.stored.files.crash();
        self.instant = None;
        let seed = self.dice.seed();
        self.stored = Side::new(self.config.clone(), seed, self.now);
        self.stored.engine.carries_store(store_place);
        self.stored.engine.reads_together(self.reads_together);
        self.open()?;
        self.say(b"DISCARD")?;
        self.say(b"UNWATCH")?;
        self.compare_everything()
    }
}

/// The command with deadlines that are instants: a reply may be held back until time has gone on, and then the two engines would
/// count from different hours.
fn with_instants(words: &[Bytes], now: i64) -> Vec<Bytes> {
    let mut words = words.to_vec();
    let (command, after) = match words[0].as_slice() {
        b"PEXPIRE" => (Some(0), Some(2)),
        b"SET" | b"GETEX" => {
            let at = words.iter().position(|word| word == b"PX");
            (at, at.map(|at| at + 1))
        }
        _ => (None, None),
    };
    if let (Some(at), Some(after)) = (command, after)
        && let Some(millis) =
            words.get(after).and_then(|word| std::str::from_utf8(word).ok()?.parse::<i64>().ok())
    {
        words[at].extend_from_slice(b"AT");
        words[after] = (now + millis).to_string().into_bytes();
    }
    words
}

/// The bulk strings of a reply, whatever arrays they lie in.
fn bulks(reply: &[u8]) -> Vec<Bytes> {
    let mut out = Vec::new();
    let mut rest = reply;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if let Some(length) =
            line.strip_prefix(b"$").and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        {
            let length: usize = length;
            out.push(rest[..length].to_vec());
            rest = &rest[length + 2..];
        }
    }
    out
}

fn names(reply: &[u8]) -> Vec<Bytes> {
    let mut names = bulks(reply);
    names.sort();
    names
}

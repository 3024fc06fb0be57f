//! Two engines with the same commands: one holds everything in memory, the other has hardly any and a page device whose jobs
//! end late and in any order. Several clients share the keys; the paged engine says in which order their commands ran, and
//! in that order the other one runs them. Whatever a client is answered must be the same.

use std::cell::Cell;

use nuthatch_core::{ALL_COMMANDS, Engine, HostFacts, Job, Options, Request, SessionId, SessionInfo};

use super::files::MemoryFiles;
use super::pages::{Fault, MemoryPages};
use super::saves::twin_config;
use super::told::{Past, difference, show};
use super::twin::with_pipelines;
use super::world::facts;
use super::{Dice, generate};

type Bytes = Vec<u8>;

/// Steps after which a reply must have come.
const PATIENCE: usize = 20_000;
/// Metadata and overwriting: these never read the device.
const READ_NOTHING: [&[u8]; 14] = [
    b"EXISTS", b"TYPE", b"PTTL", b"PEXPIRE", b"PERSIST", b"DEL", b"RENAME", b"STRLEN", b"LLEN", b"HLEN",
    b"SCARD", b"ZCARD", b"SELECT", b"MSET",
];
/// Of what [`generate::command`] gives, what changes nothing and so is never refused for memory.
const READS: [&[u8]; 14] = [
    b"GET",
    b"STRLEN",
    b"LLEN",
    b"LRANGE",
    b"SCARD",
    b"SISMEMBER",
    b"HGET",
    b"HLEN",
    b"ZSCORE",
    b"ZRANGE",
    b"ZCARD",
    b"EXISTS",
    b"TYPE",
    b"PTTL",
];

thread_local! {
    /// What the paged engine is told that its memory is.
    pub(super) static MEMORY: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn memory() -> usize {
    MEMORY.get()
}

/// A client and the command that it waits for.
#[derive(Debug)]
struct Client {
    plain: SessionId,
    paged: SessionId,
    waits: Option<Vec<Bytes>>,
    /// What is still to come of a pipeline's replies.
    expects: Bytes,
    in_transaction: bool,
}

/// The simulation of virtual memory.
#[derive(Debug)]
pub struct PagedTwin {
    dice: Dice,
    plain: Engine,
    paged: Engine,
    clients: Vec<Client>,
    pipelines: bool,
    /// Sends what is for the paged engine alone.
    admin: SessionId,
    pages: MemoryPages,
    files: MemoryFiles,
    now: i64,
    past: Past,
    setting: String,
    /// Commands whose replies were compared.
    pub ran: usize,
    /// Commands that failures refused.
    pub refused: usize,
}

impl PagedTwin {
    /// A world that this seed decides.
    pub fn new(seed: u64) -> Self {
        let pipelines = with_pipelines(seed);
        let mut dice = Dice::new(seed);
        let now = 1_700_000_000_000;
        let mut config = twin_config();
        let seed = dice.seed();
        let options = Options { commands: ALL_COMMANDS, config: config.clone(), host: facts(), seed, now };
        let mut plain = Engine::new(options);
        config.vm_enabled = true;
        config.vm_max_memory = *dice.pick(&[1, 1, 1000, 100_000]);
        config.vm_page_size = *dice.pick(&[1, 32, 256, 4096]);
        config.vm_pages = *dice.pick(&[20, 500, 100_000, 10_000_000]);
        let setting =
            format!("limit {}, {} pages of {}", config.vm_max_memory, config.vm_pages, config.vm_page_size);
        let host = HostFacts { used_memory: memory, ..facts() };
        let mut paged = Engine::new(Options { commands: ALL_COMMANDS, config, host, seed, now });
        paged.carries_snapshots();
        paged.carries_pages();
        paged.reads_runs(4096);
        let count = 1 + dice.below(4);
        let clients = (0..count)
            .map(|_| Client {
                plain: plain.open_session(SessionInfo::default(), now),
                paged: paged.open_session(SessionInfo::default(), now),
                waits: None,
                expects: Vec::new(),
                in_transaction: false,
            })
            .collect();
        let admin = paged.open_session(SessionInfo::default(), now);
        let pages = MemoryPages::new(&mut dice);
        let files = MemoryFiles::default();
        let past = Past::default();
        Self {
            dice,
            plain,
            paged,
            clients,
            pipelines,
            admin,
            pages,
            files,
            now,
            past,
            setting,
            ran: 0,
            refused: 0,
        }
    }

    /// One turn: commands, or time, or the end of some jobs.
    ///
    /// # Errors
    /// What differs, with the commands before it.
    pub fn turn(&mut self) -> Result<(), String> {
        // Around the limit: so that values leave, stay, or leave a few at a time.
        let over = *self.dice.pick(&[0, 1, 2000, 50_000, 900_000, 1 << 40]);
        MEMORY.set(self.paged.config().vm_max_memory as usize + over);
        let outcome = match self.dice.below(40) {
            0 | 1 => self.pass_time(),
            2..8 => self.steps(3),
            8 if self.dice.once_in(8) => self.change_faults(),
            9 => self.compare_everything(),
            10 => self.ask_alone(),
            11 if self.pipelines && self.dice.once_in(2) => self.pipeline(),
            _ => self.talk(),
        };
        outcome.map_err(|difference| self.past.explain(&difference, &self.setting))
    }

    /// Time passes while nobody waits: what a command is answered may hang on the hour at which it runs.
    fn pass_time(&mut self) -> Result<(), String> {
        self.settle()?;
        self.now += *self.dice.pick(&[10, 100, 100, 1000, 5000, 100_000]);
        self.plain.handle_timeout(self.now);
        self.paged.handle_timeout(self.now);
        self.past.remember(&format!("time {}", self.now));
        self.steps(1)
    }

    /// Lets jobs go to the device, and some of what it did come back.
    fn steps(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            self.hear()?;
            while let Some((id, job)) = self.paged.poll_job() {
                match job {
                    Job::PageWrite { .. } | Job::PageRead { .. } => self.pages.take(id, job)?,
                    other => self.files.take(id, other),
                }
            }
            if let Some((id, done)) = self.pages.step(&mut self.dice) {
                self.paged.handle_completion(id, done, self.now);
                self.hear()?;
            }
            if self.dice.once_in(3)
                && let Some((id, done)) = self.files.step()
            {
                self.paged.handle_completion(id, done, self.now);
                self.hear()?;
            }
            self.paged.audit()?;
        }
        while let Some(request) = self.paged.poll_request() {
            if let Request::Fatal(line) = request {
                return Err(line);
            }
        }
        Ok(())
    }

    /// Takes the replies in the order in which the commands ran, and compares.
    fn hear(&mut self) -> Result<(), String> {
        let mut told = Vec::new();
        self.paged.poll_pending(&mut told);
        for id in told {
            let output = self.paged.output(id).to_vec();
            self.paged.consume_output(id, output.len());
            let who = self.clients.iter().position(|client| client.paged == id);
            if let Some(who) = who.filter(|_| !output.is_empty()) {
                self.compare(who, &output)?;
            }
        }
        Ok(())
    }

    /// Many reads at once: the values of those behind one that waits are read ahead.
    fn pipeline(&mut self) -> Result<(), String> {
        self.settle()?;
        let free = self.clients.iter().position(|client| !client.in_transaction);
        let Some(who) = free.filter(|_| self.pages.fault == Fault::None) else { return Ok(()) };
        let mut bytes = Vec::new();
        for _ in 0..1 + self.dice.below(60) {
            let words = generate::command(&mut self.dice);
            if READS.contains(&&words[0][..]) {
                self.past.remember(&format!("client {who} | {}", show(&words)));
                bytes.extend(crate::resp::encode(&words));
            }
        }
        let client = &mut self.clients[who];
        self.plain.handle_bytes(client.plain, &bytes, self.now);
        client.expects = self.plain.output(client.plain).to_vec();
        self.plain.consume_output(client.plain, client.expects.len());
        self.paged.handle_bytes(client.paged, &bytes, self.now);
        for _ in 0..PATIENCE {
            self.steps(1)?;
            if self.clients[who].expects.is_empty() {
                self.ran += 1;
                return Ok(());
            }
        }
        Err("a pipeline's replies do not come".to_owned())
    }

    fn compare(&mut self, who: usize, got: &[u8]) -> Result<(), String> {
        let expects = &mut self.clients[who].expects;
        if !expects.is_empty() {
            let rest = expects.strip_prefix(got).map(<[u8]>::to_vec);
            *expects =
                rest.ok_or_else(|| format!("client {who}'s pipeline: {}", difference(got, expects)))?;
            return Ok(());
        }
        let Some(words) = self.clients[who].waits.take() else {
            return Err(format!("client {who} was sent {:?} unasked", String::from_utf8_lossy(got)));
        };
        let text = String::from_utf8_lossy(got).into_owned();
        let shown = show(&words);
        if text.starts_with("-IOERR")
            || text.starts_with("-OOM")
            || text.starts_with("-EXECABORT Transaction discarded because of: OOM")
        {
            return self.refuse(who, &words, &text);
        }
        let client = &mut self.clients[who];
        self.plain.handle_bytes(client.plain, &crate::resp::encode(&words), self.now);
        let expected = self.plain.output(client.plain).to_vec();
        self.plain.consume_output(client.plain, expected.len());
        match &words[0][..] {
            b"MULTI" => client.in_transaction = true,
            b"EXEC" | b"DISCARD" => client.in_transaction = false,
            _ => {}
        }
        self.ran += 1;
        if got == expected {
            return Ok(());
        }
        Err(format!("client {who}: {shown}: {}", difference(got, &expected)))
    }

    /// A command that failed did nothing; a value that cannot be read is given up on both sides, which needs no read.
    fn refuse(&mut self, who: usize, words: &[Bytes], text: &str) -> Result<(), String> {
        self.refused += 1;
        self.past.remember(&format!("client {who}: refused: {text}"));
        if let Some(key) = text.split('\'').nth(1).filter(|_| text.starts_with("-IOERR")) {
            let wanted = words.iter().any(|word| word == key.as_bytes());
            if !wanted && words[0] != b"EXEC" && words[0] != b"SORT" {
                return Err(format!("{} fails for a key that it does not name: {text}", show(words)));
            }
            self.send_now(who, &[b"DEL".to_vec(), key.as_bytes().to_vec()])?;
        }
        if words[0] == b"EXEC" || self.clients[who].in_transaction {
            // The transaction is over, or broken: both begin anew. One of them has none, and says so.
            let client = &mut self.clients[who];
            client.in_transaction = false;
            self.plain.handle_bytes(client.plain, b"DISCARD\r\n", self.now);
            let length = self.plain.output(client.plain).len();
            self.plain.consume_output(client.plain, length);
            self.paged.handle_bytes(client.paged, b"DISCARD\r\n", self.now);
            let length = self.paged.output(client.paged).len();
            self.paged.consume_output(client.paged, length);
        }
        Ok(())
    }

    /// A command that is answered at once.
    fn send_now(&mut self, who: usize, words: &[Bytes]) -> Result<(), String> {
        let client = &self.clients[who];
        let bytes = crate::resp::encode(words);
        let mut replies = Vec::new();
        for (engine, id) in [(&mut self.plain, client.plain), (&mut self.paged, client.paged)] {
            engine.handle_bytes(id, &bytes, self.now);
            replies.push(engine.output(id).to_vec());
            engine.consume_output(id, replies[replies.len() - 1].len());
        }
        self.past.remember(&format!("client {who}: {}", show(words)));
        if replies[0] == replies[1] { Ok(()) } else { Err(format!("{}: {replies:?}", show(words))) }
    }

    /// Some client that waits for nothing sends a command.
    fn talk(&mut self) -> Result<(), String> {
        let free: Vec<usize> = (0..self.clients.len()).filter(|i| self.clients[*i].waits.is_none()).collect();
        if free.is_empty() {
            return self.steps(1);
        }
        let who = *self.dice.pick(&free);
        let words = self.command(who);
        let reads_nothing = READ_NOTHING.contains(&&words[0][..]);
        self.send(who, &words)?;
        if reads_nothing && self.clients[who].waits.is_some() {
            // Only a transaction of somebody else's may stand in its way.
            if !self.clients.iter().any(|client| client.waits.as_ref().is_some_and(|w| w[0] == b"EXEC")) {
                return Err(format!("{} is not answered at once", show(&words)));
            }
        }
        if self.dice.once_in(2) { self.steps(1) } else { Ok(()) }
    }

    fn send(&mut self, who: usize, words: &[Bytes]) -> Result<(), String> {
        self.past.remember(&format!("client {who}: {}", show(words)));
        self.clients[who].waits = Some(words.to_vec());
        self.paged.handle_bytes(self.clients[who].paged, &crate::resp::encode(words), self.now);
        self.hear()?;
        self.paged.audit()
    }

    fn command(&mut self, who: usize) -> Vec<Bytes> {
        let in_transaction = self.clients[who].in_transaction;
        let may_begin = matches!(self.pages.fault, Fault::None | Fault::Writes);
        let dice = &mut self.dice;
        let row = dice.below(24);
        if let Some(words) = generate::wide_command(dice, row) {
            return words;
        }
        let text = |text: &str| text.as_bytes().to_vec();
        let set = |dice: &mut Dice| generate::key(dice, "t");
        match row {
            0 if in_transaction => vec![generate::one(dice, &["EXEC", "EXEC", "EXEC", "DISCARD"])],
            0 if may_begin => vec![text("MULTI")],
            1 if !in_transaction => vec![text("WATCH"), generate::any_key(dice)],
            8 => {
                vec![text("MGET"), generate::any_key(dice), generate::any_key(dice), generate::any_key(dice)]
            }
            12 => [text("SORT"), set(dice), text("ALPHA"), text("BY"), text("s*"), text("GET"), text("s*")]
                .into(),
            13 => vec![text("SORT"), generate::key(dice, "l"), text("ALPHA"), text("GET"), text("h*->m1")],
            17 => vec![
                text("SADD"),
                set(dice),
                generate::one(dice, &["0", "1", "2"]),
                generate::one(dice, &["1", "3"]),
            ],
            18 => vec![
                text("ZUNIONSTORE"),
                generate::key(dice, "z"),
                text("2"),
                set(dice),
                generate::key(dice, "z"),
            ],
            _ => generate::command(dice),
        }
    }

    /// What only the paged engine is asked: to move values, to write a snapshot.
    fn ask_alone(&mut self) -> Result<(), String> {
        let key = generate::any_key(&mut self.dice);
        let words = match self.dice.below(4) {
            0 => vec![b"BGSAVE".to_vec()],
            1 => vec![b"DEBUG".to_vec(), b"SWAPIN".to_vec(), key],
            _ => vec![b"DEBUG".to_vec(), b"SWAPOUT".to_vec(), key],
        };
        self.past.remember(&show(&words));
        self.paged.handle_bytes(self.admin, &crate::resp::encode(&words), self.now);
        self.hear()?;
        self.paged.audit()
    }

    fn change_faults(&mut self) -> Result<(), String> {
        self.settle()?;
        let fault = *self.dice.pick(&[Fault::None, Fault::None, Fault::Writes, Fault::Reads, Fault::Rot]);
        let reads_fail = matches!(fault, Fault::Reads | Fault::Rot);
        // Half a transaction cannot be compared.
        if !(reads_fail && self.clients.iter().any(|client| client.in_transaction)) {
            self.pages.fault = fault;
            self.past.remember(&format!("fault {fault:?}"));
        }
        Ok(())
    }

    /// Until nobody waits and the device is at rest.
    fn settle(&mut self) -> Result<(), String> {
        for patience in 0..PATIENCE {
            let waits = self.clients.iter().any(|client| client.waits.is_some());
            if !waits && self.pages.is_idle() && patience > 0 {
                return Ok(());
            }
            self.steps(1)?;
            if self.pages.is_idle() {
                self.paged.handle_timeout(self.now);
                self.hear()?;
            }
        }
        let waits: Vec<String> =
            self.clients.iter().flat_map(|client| &client.waits).map(|w| show(w)).collect();
        Err(format!("no reply comes to {waits:?}"))
    }

    /// Every key of every database, with its value and deadline.
    fn compare_everything(&mut self) -> Result<(), String> {
        self.settle()?;
        if self.clients[0].in_transaction || self.pages.fault != Fault::None {
            return Ok(());
        }
        for db in ["0", "1", "2"] {
            self.ask(&[b"SELECT".to_vec(), db.into()])?;
            for prefix in ["s", "l", "t", "h", "z"] {
                for number in 0..4 {
                    let key = format!("{prefix}{number}").into_bytes();
                    self.ask(&[b"PTTL".to_vec(), key.clone()])?;
                    // The order in which a table is walked is not the value: no DUMP.
                    self.ask(&[b"DEBUG".to_vec(), b"DIGEST-VALUE".to_vec(), key.clone()])?;
                    self.ask(&[b"OBJECT".to_vec(), b"ENCODING".to_vec(), key])?;
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, words: &[Bytes]) -> Result<(), String> {
        self.send(0, words)?;
        while self.clients[0].waits.is_some() {
            self.settle()?;
        }
        Ok(())
    }
}

//! An engine over a store in which a test says when each job ends, and what the hour is.

use nuthatch_core::{
    ALL_COMMANDS, Config, Done, Engine, Job, JobId, Options, SessionId, SessionInfo, StoreJob, store_place,
};

use super::Dice;
use super::saves::twin_config;
use super::store::{MemoryStore, failure};
use super::world::facts;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// It reads keys.
    Read,
    /// It writes a batch.
    Write,
    /// Anything else.
    Other,
}

fn kind_of(job: &StoreJob) -> JobKind {
    match job {
        StoreJob::Read { .. } | StoreJob::ReadMany { .. } => JobKind::Read,
        StoreJob::Write { .. } => JobKind::Write,
        _ => JobKind::Other,
    }
}

/// So many jobs in a row without an end are a loop that never ends.
const PATIENCE: usize = 10_000;

/// The engine, its store, and the store's jobs that have not ended.
pub struct Scripted {
    engine: Engine,
    store: MemoryStore,
    dice: Dice,
    jobs: Vec<(JobId, StoreJob)>,
    clients: Vec<SessionId>,
    /// The hour in milliseconds.
    pub now: i64,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted").field("now", &self.now).field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

impl Scripted {
    /// With so many clients; the store is open.
    pub fn new(clients: usize, configure: impl FnOnce(&mut Config)) -> Self {
        let mut scripted = Self::in_memory(clients, configure);
        scripted.engine.carries_store(store_place);
        scripted.work();
        scripted
    }

    /// With so many clients, and no store.
    pub fn in_memory(clients: usize, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = twin_config();
        configure(&mut config);
        let now = 1_700_000_000_000;
        let options = Options { commands: ALL_COMMANDS, config, host: facts(), seed: [7; 4], now };
        let mut engine = Engine::new(options);
        let clients = (0..clients).map(|_| engine.open_session(SessionInfo::default(), now)).collect();
        let (store, dice) = (MemoryStore::default(), Dice::new(7));
        Self { engine, store, dice, jobs: Vec::new(), clients, now }
    }

    /// A client sends these lines.
    pub fn send(&mut self, client: usize, lines: &str) {
        self.send_too(client, lines);
        self.take_jobs();
    }

    /// As [`Scripted::send`], and what is sent next comes in the same turn of the host.
    pub fn send_too(&mut self, client: usize, lines: &str) {
        let bytes = lines.lines().map(|line| format!("{line}\r\n")).collect::<String>();
        self.engine.handle_bytes(self.clients[client], bytes.as_bytes(), self.now);
    }

    /// What a client was answered since this was asked the last time.
    pub fn answers(&mut self, client: usize) -> String {
        self.engine.poll_pending(&mut Vec::new());
        let id = self.clients[client];
        let output = String::from_utf8_lossy(self.engine.output(id)).into_owned();
        self.engine.consume_output(id, output.len());
        output
    }

    /// A client sends these lines, everything that follows is done, and this is the answer.
    pub fn call(&mut self, client: usize, lines: &str) -> String {
        self.send(client, lines);
        self.work();
        self.answers(client)
    }

    /// What a host's turn ends with.
    fn take_jobs(&mut self) {
        self.engine.handle_timeout(self.now);
        while self.engine.poll_request().is_some() {}
        // Who waits for a change to be durable is known before the store has the next job.
        self.engine.poll_pending(&mut Vec::new());
        while let Some((id, job)) = self.engine.poll_job() {
            if let Job::Store(job) = job {
                self.jobs.push((id, job));
            }
        }
    }

    /// Ends the oldest job of this kind, well or not; whether there was one.
    pub fn end(&mut self, kind: JobKind, well: bool) -> bool {
        let Some(at) = self.jobs.iter().position(|(_, job)| kind_of(job) == kind) else { return false };
        let (id, job) = self.jobs.remove(at);
        let done = match job {
            StoreJob::Write { batch, .. } if !well => {
                Done::Store(nuthatch_core::StoreDone::Unwritten { batch, error: failure() })
            }
            _ if !well => Done::Failed(failure()),
            job => self.store.carry_out(job, &mut self.dice),
        };
        self.engine.handle_completion(id, done, self.now);
        self.take_jobs();
        true
    }

    /// Ends all jobs, and those that come of them.
    ///
    /// # Panics
    /// They do not come to an end.
    pub fn work(&mut self) {
        self.take_jobs();
        let mut patience = PATIENCE;
        while [JobKind::Other, JobKind::Read, JobKind::Write].into_iter().any(|kind| self.end(kind, true)) {
            patience -= 1;
            assert!(patience > 0, "there is no end of jobs: {:?}", self.jobs);
        }
    }

    /// So many milliseconds pass, or come back, with a tick at the end.
    pub fn pass(&mut self, millis: i64) {
        self.now += millis;
        self.take_jobs();
    }

    /// Whether the host should close the client's connection.
    pub fn is_closed(&self, client: usize) -> bool {
        self.engine.wants_close(self.clients[client])
    }

    /// Bytes that the client takes.
    pub fn memory(&self, client: usize) -> usize {
        self.engine.session(self.clients[client]).map_or(0, nuthatch_core::Session::memory)
    }
}

//! The engine: it is given bytes, completions and the hour, and gives replies, jobs and the next hour it wants.
//!
//! Methods that take something in are `handle_*`, those that give something out are `poll_*` or named for what they
//! give; the rest are getters. The engine holds sequence only: what a command does stands in its room.

mod arena;
mod blocking;
mod cron;
mod docs;
mod effects;
mod execute;
mod expiry;
mod gate;
mod intake;
mod jobs;
mod journal;
mod loading;
mod moving;
mod paging;
mod parts;
mod pressure;
mod progress;
mod saving;
mod store;
#[cfg(test)]
pub(crate) mod trial;

use crate::args::Args;
use crate::command::Command;
use crate::command_index::{CommandId, CommandIndex};
use crate::db::Data;
use crate::evict::Pool;
use crate::resp::parse::Span;
use crate::server::{HostFacts, Request, Server};
use crate::session::{Peers, Session, SessionId, SessionInfo};
use crate::words::config::Config;
use crate::words::hash::HashKey;
use crate::words::ordered::OrderedSet;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;
use jobs::Jobs;
pub use jobs::{Done, Job, JobError, JobId};
use loading::Loading;
use parts::Parts;
use saving::Saving;
pub use store::{StoreDone, StoreEntry, StoreJob, StoreKey, StoreRead};

/// What an engine is made from.
#[derive(Debug)]
pub struct Options {
    /// The commands it knows; what is not named here is not linked.
    pub commands: &'static [&'static [Command]],
    /// Its configuration.
    pub config: Config,
    /// Facts about the host.
    pub host: HostFacts,
    /// 256 random bits: the key of the hashes, the seed of the random numbers.
    pub seed: [u64; 4],
    /// The hour.
    pub now: UnixMillis,
}

/// A parsed command of a batch.
#[derive(Debug, Clone, Copy)]
struct Parsed {
    /// Where its bytes begin in the buffer.
    base: usize,
    /// Where they end.
    end: usize,
    /// Its arguments among the batch's spans.
    spans: (u32, u32),
    /// The command, if there is one of that name.
    id: Option<CommandId>,
    /// The first key's place (relative to `base`) and hash, computed ahead.
    key: Option<(Span, u64)>,
    /// The hash of the member or field that it names, if that was computed ahead.
    member: Option<u64>,
    /// Its second argument names a member or a field.
    names_member: bool,
    /// The arguments lie in the engine's buffer for unquoted words, not in the client's bytes.
    unquoted: bool,
}

impl Parsed {
    /// Its words: `bytes` are its own, `spans` the batch's.
    #[inline]
    fn args<'b>(&self, bytes: &'b [u8], spans: &'b [Span]) -> Args<'b> {
        Args::new(bytes, &spans[self.spans.0 as usize..self.spans.1 as usize])
    }
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    data: Data,
    server: Server,
    parts: Parts,
    peers: Peers,
    now: UnixMillis,
    /// When blocked sessions give up.
    timers: OrderedSet<(UnixMillis, SessionId)>,
    /// Sessions that were unblocked and may have input left.
    resume: Vec<SessionId>,
    /// Sessions whose values have come.
    ready_again: Vec<SessionId>,
    /// The session whose transaction has begun and waits for a value: nobody else's commands run.
    exclusive: Option<SessionId>,
    /// Its client has gone; it is closed when the transaction is done.
    orphan: Option<SessionId>,
    /// Values on their way to and from the page device.
    traffic: paging::Traffic,
    pool: Pool,
    store: store::Store,
    /// Reused from batch to batch.
    batch: Vec<Parsed>,
    spans: Vec<Span>,
    unquoted: Vec<u8>,
    next_cron: UnixMillis,
    /// By how many bytes the clients may grow before `maxmemory-clients` has to be looked at.
    client_room: usize,
    jobs: Jobs,
    saving: Option<Saving>,
    loading: Option<Loading>,
    /// References on their way to a newer snapshot.
    moving: Option<moving::Moving>,
    journal: journal::Journal,
    /// Numbers snapshots and loads.
    serial: u32,
    docs: docs::Waiting,
}

impl Engine {
    /// An engine with empty databases: one at least, whatever the configuration names.
    pub fn new(options: Options) -> Self {
        let Options { commands, mut config, host, seed, now } = options;
        // Every session is in database 0.
        config.databases = config.databases.max(1);
        let index = CommandIndex::new(commands, &config.rename_command);
        let mut data = Data::new(config.databases as usize, HashKey::new([seed[0], seed[1]]), seed[2]);
        let mut server = Server::new(config, host, index, seed, now);
        server.apply_to(&mut data);
        Self {
            data,
            server,
            parts: Parts::default(),
            peers: Peers::default(),
            now,
            timers: OrderedSet::new(),
            resume: Vec::new(),
            ready_again: Vec::new(),
            exclusive: None,
            orphan: None,
            traffic: paging::Traffic::default(),
            pool: Pool::default(),
            store: store::Store::default(),
            batch: Vec::new(),
            spans: Vec::new(),
            unquoted: Vec::new(),
            next_cron: now,
            client_room: 0,
            jobs: Jobs::default(),
            saving: None,
            loading: None,
            moving: None,
            journal: journal::Journal::default(),
            serial: 0,
            docs: docs::Waiting::default(),
        }
    }

    /// From now on FLUSHALL, and FLUSHDB and SWAPDB of database 0, publish an empty message on this channel, as no key's
    /// event tells of them.
    pub fn tells_flushes(&mut self, channel: &'static [u8]) {
        self.server.flushes = Some(channel);
    }

    /// Opens a session.
    pub fn open_session(&mut self, info: SessionInfo, now: UnixMillis) -> SessionId {
        self.now = now;
        self.server.stats.connections += 1;
        let id = self.peers.open(info, now);
        let authenticated = self.server.config.requirepass.is_empty();
        if let Some(session) = self.peers.get_mut(id) {
            session.authenticated = authenticated;
        }
        id
    }

    /// Ends a session: its waits, watches and subscriptions go. A transaction that has begun is done first.
    pub fn close_session(&mut self, id: SessionId) {
        if self.exclusive == Some(id) {
            self.orphan = Some(id);
            return;
        }
        if let Some(mut session) = self.peers.close(id) {
            self.leave_waiters(&mut session);
            if let Some(store) = self.parts.store() {
                (store.leave)(self, &mut session);
            } else if let Some(paging) = self.parts.paging() {
                (paging.unpin)(self, &mut session);
            }
            self.server.forget_session(&session);
            crate::db::unwatch(&mut self.data, &mut session);
        }
    }

    /// What is to be sent to the session's client: nothing more to one that is to be closed at once.
    pub fn output(&self, id: SessionId) -> &[u8] {
        let open = self.peers.get(id).filter(|session| !session.close_now);
        open.map_or(&[], |s| &s.output[s.taken..s.sendable()])
    }

    /// Tells that the first `n` bytes of [`Engine::output`] were sent.
    pub fn consume_output(&mut self, id: SessionId, n: usize) {
        let Some(session) = self.peers.get_mut(id) else { return };
        if SERVER {
            session.last_active = self.now;
        }
        self.server.stats.output_bytes += n as u64;
        self.server.stats.writes += 1;
        session.taken += n;
        session.forget_sent();
        if session.taken >= session.output.len() && session.held.is_empty() {
            session.taken = 0;
            session.held_from = 0;
            session.output.clear();
            session.output.shrink_to(intake::OUTPUT_KEPT);
        }
    }

    /// Whether the host should close the connection now that its output was sent, or at once.
    pub fn wants_close(&self, id: SessionId) -> bool {
        self.peers.get(id).is_some_and(|s| s.close_now || (s.close_after_reply && s.taken >= s.output.len()))
    }

    /// Sessions whose output grew or that want to be closed, since the last call; each may come more than once.
    pub fn poll_pending(&mut self, out: &mut Vec<SessionId>) {
        match (self.parts.store(), self.parts.journal()) {
            (Some(store), _) => (store.release_pending)(self, out),
            (None, Some(journal)) => (journal.release_pending)(self, out),
            (None, None) => out.append(&mut self.peers.pending),
        }
    }

    /// What commands asked of the host.
    pub fn poll_request(&mut self) -> Option<Request> {
        if self.exclusive.is_some() {
            return None;
        }
        while !self.server.requests.is_empty() {
            match self.server.requests.remove(0) {
                Request::Shutdown { save, by } => {
                    if !self.begin_saving_all(save, by) {
                        return Some(Request::Shutdown { save, by });
                    }
                }
                Request::ConfigChanged("appendonly") => {
                    if let Some(journal) = self.parts.journal() {
                        (journal.switch)(self);
                    }
                    return Some(Request::ConfigChanged("appendonly"));
                }
                request => return Some(request),
            }
        }
        None
    }

    /// Begins to save what is to be saved before the end, which then is asked for again; false: there is nothing.
    fn begin_saving_all(&mut self, save: Option<bool>, by: Option<SessionId>) -> bool {
        self.parts.store().is_some_and(|part| (part.begin_closing)(self, save, by))
            || self.parts.snapshots().is_some_and(|part| (part.begin_last_save)(self, save, by))
            || self.parts.journal().is_some_and(|part| (part.begin_closing)(self))
    }

    /// Ends the server as SHUTDOWN does, with SAVE (`Some(true)`), NOSAVE, or neither: [`Engine::poll_request`] gives
    /// [`Request::Shutdown`] when the dataset is saved.
    pub fn shut_down(&mut self, save: Option<bool>, now: UnixMillis) {
        self.now = now;
        self.server.requests.push(Request::Shutdown { save, by: None });
    }

    /// Open sessions.
    pub fn sessions(&self) -> usize {
        self.peers.count()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.server.config
    }

    /// What belongs to no key: counters, logs, identity.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// As [`Engine::server`], for a host that sets facts of its own.
    pub fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    /// A session, for a host that looks at its state.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.peers.get(id)
    }
}

/// A session on its way through a batch.
type Running = Box<Session>;

#[cfg(test)]
mod tests {
    use super::{Engine, Options};
    use crate::server::HostFacts;
    use crate::session::SessionInfo;
    use crate::table::ALL;
    use crate::words::config::Config;

    /// `databases` is a public field: with 0 in it the first command panicked, with less the start did.
    #[test]
    fn there_is_always_a_database() {
        for databases in [0, -1] {
            let mut config = Config::default();
            config.databases = databases;
            let host = HostFacts::UNKNOWN;
            let mut engine = Engine::new(Options { commands: ALL, config, host, seed: [0; 4], now: 0 });
            let session = engine.open_session(SessionInfo::default(), 0);
            engine.handle_bytes(session, b"SET k v\r\nSELECT 1\r\n", 0);
            assert!(engine.output(session).starts_with(b"+OK\r\n-ERR"));
            assert_eq!(engine.config().databases, 1);
        }
    }
}

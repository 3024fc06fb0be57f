//! What belongs to no key and to no single connection: configuration, counters, identity.

use crate::args::Args;
use crate::call::must_time_each;
use crate::command_index::{CommandId, CommandIndex};
use crate::context::Propagation;
use crate::db::Data;
use crate::events::Event;
use crate::expire;
use crate::histogram::Histogram;
use crate::journal;
use crate::keyspace::clock::AccessClock;
use crate::latency::LatencyMonitor;
use crate::persistence::Persistence;
use crate::pubsub::{Audience, Subscriptions};
use crate::rates::Rates;
use crate::resp::parse::ParseLimits;
use crate::session::{Peers, Session, SessionId};
use crate::slow_log::SlowLog;
use crate::types::codec::Encoder;
use crate::words::config::{BufferLimit, ClientClass, Config, MaxmemoryPolicy};
use crate::words::crc64::Crc64;
use crate::words::ordered::OrderedMap;
use crate::words::reach::SERVER;
use crate::words::rng::Rng;
use crate::words::time::UnixMillis;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// Microseconds that only grow; an argument, because the core reads no clock. They measure how long commands take.
pub type MonotonicMicros = fn() -> u64;

/// What a host tells of itself and its surroundings.
#[derive(Debug, Clone, Copy)]
pub struct HostFacts {
    /// Bytes in use by the allocator.
    pub used_memory: fn() -> usize,
    /// The most that were ever in use.
    pub peak_memory: fn() -> usize,
    /// Bytes of physical memory that the process has.
    pub resident_memory: fn() -> usize,
    /// Microseconds that only grow.
    pub monotonic: MonotonicMicros,
    /// Whether reading them is cheap (some 30 ns) and they move: then commands too quick to be timed one by one are timed as
    /// they come, many of a pipeline together.
    pub times_all: bool,
    /// User and system CPU time of the process, in microseconds.
    pub cpu_times: fn() -> (u64, u64),
    /// The same of the thread that runs the engine.
    pub thread_cpu_times: fn() -> (u64, u64),
    /// The process's number.
    pub process_id: u32,
    /// The operating system's name.
    pub os: &'static str,
    /// The allocator's name.
    pub allocator: &'static str,
    /// Path of the program.
    pub executable: &'static str,
    /// How the host waits for its clients, such as `epoll`.
    pub multiplexing: &'static str,
    /// Bytes of physical memory in the machine; 0 where the host does not know.
    pub machine_memory: u64,
    /// What computes CRC-64 (Jones) faster than the core does: of the checksum so far and the bytes that follow.
    pub crc64: Option<Crc64>,
    /// Stands still for so many microseconds, as DEBUG SLEEP wants it.
    pub sleep: fn(u64),
    /// Whether the host can do what the directive of this name now says; else the reason.
    pub check: fn(&str, &Config) -> Result<(), String>,
    /// Rewrites the configuration file at this path; else the reason.
    pub rewrite: fn(&str, &Config) -> Result<(), String>,
    /// [`COMMAND_DOCS`](crate::COMMAND_DOCS), or nothing where there is no room for it or
    /// [a file has it](crate::Engine::carries_docs).
    pub docs: &'static str,
}

impl HostFacts {
    /// What a host without an operating system tells: nothing.
    pub const UNKNOWN: Self = Self {
        times_all: false,
        used_memory: || 0,
        peak_memory: || 0,
        resident_memory: || 0,
        monotonic: || 0,
        cpu_times: || (0, 0),
        thread_cpu_times: || (0, 0),
        process_id: 0,
        os: "none",
        allocator: "none",
        executable: "",
        multiplexing: "none",
        machine_memory: 0,
        crc64: None,
        sleep: |_| {},
        check: |_, _| Ok(()),
        rewrite: |_, _| Ok(()),
        docs: "",
    };
}

/// Counts for one command.
#[derive(Debug, Clone, Default)]
pub struct CommandStats {
    /// Times it ran.
    pub calls: u64,
    /// Microseconds it took.
    pub micros: u64,
    /// Times it was refused before it ran.
    pub rejected: u64,
    /// Times it answered an error.
    pub failed: u64,
    /// How long it took, where that was measured.
    pub histogram: Histogram,
}

/// Counts since the last CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub struct ServerStats {
    /// Commands run.
    pub commands: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections closed over `maxmemory-clients`.
    pub evicted_clients: u64,
    /// Connections refused over `maxclients`.
    pub rejected_connections: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// Error replies.
    pub errors: u64,
    /// Error replies by code.
    pub errors_by_code: OrderedMap<String, u64>,
    /// By command, in the order of the table.
    pub by_command: Vec<CommandStats>,
    /// The most that memory was over its limit for eviction's sake, in microseconds.
    pub over_memory_micros: u64,
    /// Values and databases that were freed in slices.
    pub freed_lazily: u64,
    /// Times that bytes came from a client.
    pub reads: u64,
    /// Times that a client took bytes.
    pub writes: u64,
    /// Microseconds that the expiry cycles took.
    pub expire_micros: u64,
    /// Expiry cycles that ran out of time.
    pub expire_timeouts: u64,
    /// Commands since the last look at the clock that were not timed one by one.
    pub untimed: Vec<CommandId>,
    /// Microseconds of those that were, ever.
    pub timed_micros: u64,
}

/// What CLIENT PAUSE holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseKind {
    /// Writes only.
    Writes,
    /// Every command.
    All,
}

/// What a command asks of the engine or host beyond data and replies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// SHUTDOWN; `save`: `Some(true)` SAVE, `Some(false)` NOSAVE.
    Shutdown {
        /// Save first, or not, or as configured.
        save: Option<bool>,
        /// The session that asked, which waits.
        by: Option<SessionId>,
    },
    /// The dataset cannot be loaded: the server ends, with this line for the operator.
    Fatal(String),
    /// CONFIG SET changed this directive.
    ConfigChanged(&'static str),
    /// A line for the log.
    Log(String),
    /// SYNC on a serial line: the dataset as an RDB file takes the place of the reply.
    Export,
}

/// The texts of COMMAND DOCS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Docs {
    /// In memory; empty where the host has none.
    Here(Cow<'static, str>),
    /// In a file of the host's that nobody has asked for yet.
    Away,
    /// The same, and the command that runs needs them.
    Wanted,
    /// The file could not be read: the error for those who waited.
    Unreadable(String),
}

/// What belongs to no key and to no single connection.
#[derive(Debug)]
pub struct Server {
    /// The configuration.
    pub config: Config,
    /// Facts about the host.
    pub host: HostFacts,
    /// The command table, and how it is searched.
    pub index: CommandIndex,
    /// Path of the configuration file, empty where there is none.
    pub config_file: String,
    /// When the server started.
    pub started: UnixMillis,
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    /// Counters.
    pub stats: ServerStats,
    /// How fast the counters grow.
    pub rates: Rates,
    /// Bytes in use when the server had just started.
    pub memory_at_start: usize,
    /// Commands go into a journal.
    pub journaling: bool,
    /// Commands on their way into the journal.
    pub journal: journal::Encoder,
    /// The count of changes before the running command.
    pub dirty_before: u64,
    /// CLIENT PAUSE, and until when.
    pub pause: Option<(PauseKind, UnixMillis)>,
    /// When a client that speaks HTTP was last logged.
    pub http_logged: UnixMillis,
    /// Active expiry is on (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: bool,
    /// What the expiry cycles remember.
    pub expire_state: expire::State,
    /// Every command is timed, not only those that may take long.
    pub time_each: bool,
    /// Commands that took long.
    pub slow_log: SlowLog,
    /// Events that took long.
    pub latency: LatencyMonitor,
    /// Sessions whose wait CLIENT UNBLOCK ends, and whether with an error.
    pub unblock: Vec<(SessionId, bool)>,
    /// Sessions that called MONITOR.
    pub monitors: Vec<SessionId>,
    /// What commands asked of the engine or host.
    pub requests: Vec<Request>,
    /// Who subscribed to what.
    pub subscriptions: Subscriptions,
    /// Where it is published that all keys of database 0 went at once.
    pub flushes: Option<&'static [u8]>,
    /// A dataset is being loaded; most commands are refused.
    pub loading: bool,
    /// The host has no more memory to give: what needs some is refused, as over `maxmemory`.
    pub short_of_memory: bool,
    /// Snapshots.
    pub persistence: Persistence,
    /// What encodes values for DUMP.
    pub encoder: Encoder,
    /// INFO's lines about the host's flash, as they are; none where it has none.
    pub host_section: Vec<u8>,
    /// The texts of COMMAND DOCS.
    pub docs: Docs,
}

impl Server {
    /// A server at its start. `seed` gives the run id.
    pub fn new(
        config: Config,
        host: HostFacts,
        index: CommandIndex,
        seed: [u64; 4],
        now: UnixMillis,
    ) -> Self {
        let mut rng = Rng::new(seed[3]);
        let run_id = (0..40).map(|_| char::from(b"0123456789abcdef"[rng.index(16)])).collect();
        let mut stats = ServerStats::default();
        if SERVER {
            stats.by_command.resize(index.len(), CommandStats::default());
        }
        Self {
            config,
            host,
            index,
            config_file: String::new(),
            started: now,
            run_id,
            stats,
            rates: Rates::default(),
            memory_at_start: (host.used_memory)(),
            journaling: false,
            journal: journal::Encoder::default(),
            dirty_before: 0,
            pause: None,
            http_logged: 0,
            active_expire: true,
            expire_state: expire::State::default(),
            time_each: false,
            slow_log: SlowLog::default(),
            latency: LatencyMonitor::default(),
            unblock: Vec::new(),
            monitors: Vec::new(),
            requests: Vec::new(),
            subscriptions: Subscriptions::default(),
            flushes: None,
            loading: false,
            short_of_memory: false,
            persistence: Persistence::new(now),
            encoder: Encoder::default(),
            host_section: Vec::new(),
            docs: Docs::Here(Cow::Borrowed(host.docs)),
        }
    }

    /// Hands the settings that concern keys and values to where they are used. Follows every change of the
    /// configuration.
    pub fn apply_to(&mut self, data: &mut Data) {
        let config = &self.config;
        let limits = &mut data.limits;
        limits.hash_max_listpack_entries = config.hash_max_listpack_entries as usize;
        limits.hash_max_listpack_value = config.hash_max_listpack_value as usize;
        limits.set_max_intset_entries = config.set_max_intset_entries as usize;
        limits.set_max_listpack_entries = config.set_max_listpack_entries as usize;
        limits.set_max_listpack_value = config.set_max_listpack_value as usize;
        limits.zset_max_listpack_entries = config.zset_max_listpack_entries as usize;
        limits.zset_max_listpack_value = config.zset_max_listpack_value as usize;
        limits.list_max_listpack_size = config.list_max_listpack_size;
        limits.list_compress_depth = config.list_compress_depth as usize;
        data.access = AccessClock {
            lfu: matches!(
                config.maxmemory_policy,
                MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu
            ),
            log_factor: config.lfu_log_factor as u32,
            decay_minutes: config.lfu_decay_time as u32,
            ..data.access
        };
        data.notify = Event(config.notify_keyspace_events);
        self.encoder.configure(config.rdb_version as u16, config.rdbcompression);
        let latency = config.latency_monitor_threshold;
        self.time_each = must_time_each(config.slowlog_log_slower_than, latency);
    }

    /// Puts the journal form of a command that has run into the journal, if it changed anything, after the keys that time
    /// removed meanwhile.
    pub fn journal_command(&mut self, data: &mut Data, db: usize, args: Args<'_>, propagation: Propagation) {
        if !SERVER || !self.journaling {
            data.removed_by_time.clear();
            return;
        }
        for (db, key) in data.removed_by_time.drain(..) {
            self.journal.removal(db, &key);
        }
        if data.dirty == self.dirty_before {
            return;
        }
        match propagation {
            Propagation::Nothing => {}
            // Most clients send just what stands in the file.
            Propagation::AsReceived => match args.as_array() {
                Some(array) => self.journal.whole(db, array),
                None => self.journal.command(db, args.iter()),
            },
            Propagation::Rewritten(commands) => {
                for command in commands {
                    self.journal.command(db, command.iter().map(Vec::as_slice));
                }
            }
        }
    }

    /// What the parser lets a client send.
    #[inline]
    pub fn parse_limits(&self, authenticated: bool) -> ParseLimits {
        ParseLimits { max_bulk_len: self.config.proto_max_bulk_len as u64, authenticated }
    }

    /// Begins the counters anew.
    pub fn reset_stats(&mut self) {
        let mut stats = ServerStats::default();
        stats.by_command.resize(self.index.len(), CommandStats::default());
        self.stats = stats;
    }

    /// Forgets a session that ends.
    pub fn forget_session(&mut self, session: &Session) {
        if SERVER {
            self.monitors.retain(|m| *m != session.id);
            self.subscriptions.forget(session);
        }
    }

    /// Sends a message to every subscriber of the channel and of the patterns that it fits; returns how many. `current` is
    /// the session whose command runs, which is not among the peers.
    pub fn publish(
        &self,
        peers: &mut Peers,
        current: Option<&mut Session>,
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        self.subscriptions.publish(self.audience(peers, current), channel, message)
    }

    /// As [`Server::publish`], for a sharded channel.
    pub fn publish_sharded(
        &self,
        peers: &mut Peers,
        current: Option<&mut Session>,
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        self.subscriptions.publish_sharded(self.audience(peers, current), channel, message)
    }

    fn audience<'a>(&self, peers: &'a mut Peers, current: Option<&'a mut Session>) -> Audience<'a> {
        let limit = self.config.client_output_buffer_limit[ClientClass::Pubsub as usize];
        Audience { peers, current, hard_limit: limit.hard }
    }

    fn output_limit(&self, session: &Session) -> BufferLimit {
        let class =
            if session.subscriptions() > 0 { ClientClass::Pubsub } else { ClientClass::Normal } as usize;
        self.config.client_output_buffer_limit[class]
    }

    /// Bytes unread with which the client is closed at once.
    pub fn hard_output_limit(&self, session: &Session) -> usize {
        match self.output_limit(session).hard {
            _ if !SERVER => usize::MAX,
            0 => usize::MAX,
            hard => usize::try_from(hard).unwrap_or(usize::MAX),
        }
    }

    /// Whether the client left more replies unread than `client-output-buffer-limit` allows.
    pub fn over_output_limit(&self, session: &mut Session, now: UnixMillis) -> bool {
        if !SERVER {
            return false;
        }
        let limit = self.output_limit(session);
        let unread = (session.output.len() - session.taken) as i64;
        if limit.hard > 0 && unread >= limit.hard {
            return true;
        }
        if limit.soft == 0 || unread < limit.soft {
            session.over_soft_limit_since = None;
            return false;
        }
        let since = *session.over_soft_limit_since.get_or_insert(now);
        now - since > limit.soft_seconds.saturating_mul(1000)
    }
}

impl ServerStats {
    /// Counts a command that ran, or that answered an error.
    #[inline]
    pub fn count_call(&mut self, id: CommandId, failed: bool) {
        if SERVER {
            let counts = &mut self.by_command[usize::from(id.0)];
            counts.calls += 1;
            counts.failed += u64::from(failed);
        }
    }

    /// Counts an error reply by the code that it begins with.
    pub fn count_error(&mut self, text: &str) {
        self.errors += 1;
        if !SERVER {
            return;
        }
        let code = text.split(' ').next().unwrap_or("ERR");
        if let Some(n) = self.errors_by_code.get_mut(code) {
            *n += 1;
        } else {
            self.errors_by_code.insert(String::from(code), 1);
        }
    }
}

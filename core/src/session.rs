//! What the engine keeps for each connection.

use crate::args::Args;
use crate::command_index::CommandId;
use crate::journal::Piece;
use crate::resp::extent::reply_extent;
use crate::resp::parse::{ParseState, Span};
use crate::resp::reply::Proto;
use crate::waiters::DbKey;
use crate::words::ordered::OrderedSet;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes that a name in a session's sets and lists takes beside its own, about.
const PER_NAME: usize = 32;
/// What was sent goes from the output of a client that always waits for a part of it, once it is so many bytes.
const SENT_KEPT: usize = 64 << 10;

/// Names a session to its host. The slot is used again after the session's end, the serial never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// Index into the engine's table of sessions.
    pub slot: u32,
    /// Tells apart the sessions that had the same slot.
    pub serial: u32,
}

impl SessionId {
    /// The session in which a journal's commands run at the start; it has no client and is in no table.
    pub(crate) const REPLAY: Self = Self { slot: u32::MAX, serial: 0 };
}

/// How a connection came in.
#[derive(Debug, Clone, Default)]
pub struct SessionInfo {
    /// The client's address as CLIENT LIST shows it (`ip:port` or a socket's path and `:0`).
    pub addr: String,
    /// Our end of it.
    pub laddr: String,
    /// The connection is a Unix socket.
    pub unix: bool,
    /// The host's file descriptor, for CLIENT LIST; -1 where there is none.
    pub fd: i32,
}

impl SessionInfo {
    /// The client runs on this machine.
    pub fn is_local(&self) -> bool {
        self.unix || self.addr.starts_with("127.") || self.addr.starts_with("[::1]")
    }
}

/// A command that outlives the bytes it came in: queued by MULTI, or waiting for a key.
#[derive(Debug, Clone)]
pub struct OwnedCommand {
    buf: Box<[u8]>,
    spans: Box<[Span]>,
}

impl OwnedCommand {
    /// Bytes of the arguments and of where each lies.
    fn memory(&self) -> usize {
        self.buf.len() + size_of_val(&*self.spans)
    }

    /// A copy of the arguments.
    pub fn new(args: Args<'_>) -> Self {
        let mut buf = Vec::with_capacity(args.iter().map(<[u8]>::len).sum());
        let mut spans = Vec::with_capacity(args.len());
        for arg in args.iter() {
            spans.push(Span { start: buf.len() as u32, len: arg.len() as u32 });
            buf.extend_from_slice(arg);
        }
        Self { buf: buf.into(), spans: spans.into() }
    }

    /// The arguments.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.buf, &self.spans)
    }
}

/// The commands queued since MULTI.
#[derive(Debug, Default)]
pub struct Queue {
    /// In the order of their arrival.
    pub commands: Vec<(CommandId, OwnedCommand)>,
    /// A command was refused while queueing: EXEC answers EXECABORT.
    pub broken: bool,
    /// How far EXEC came before a command needed a value that was not in memory.
    pub progress: Option<Progress>,
}

/// A transaction that stands still until a value is in memory. Nobody else's commands run meanwhile.
#[derive(Debug, Default)]
pub struct Progress {
    /// The database that was selected before the first command.
    pub db: usize,
    /// How many of the commands have run.
    pub done: usize,
    /// The answer so far.
    pub reply: Vec<u8>,
    /// What the journal is to be given so far.
    pub journal: Piece,
    /// The answers to commands whose values cannot be had, by their numbers.
    pub failures: Vec<(usize, String)>,
    /// What could not be read since it was last planned whose keys are still to come: the key, if it was not a walk, and the reason.
    pub unread: Vec<(Option<DbKey>, String)>,
    /// What it waits for is what the next command met while it ran.
    pub met: bool,
}

impl Progress {
    /// Whether the command of this number is answered with an error and does not run.
    pub fn fails(&self, number: usize) -> bool {
        self.failures.iter().any(|(n, _)| *n == number)
    }

    /// The next command cannot run.
    pub fn fail_next(&mut self, text: &str) {
        self.failures.push((self.done, String::from(text)));
    }

    /// The answer to the next command, if it cannot run: what was told last.
    pub fn take_failure(&mut self) -> Option<String> {
        let at = self.failures.iter().rposition(|(number, _)| *number == self.done)?;
        Some(self.failures.swap_remove(at).1)
    }
}

/// What a blocked session's client gets when the time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullKind {
    /// A null array.
    Array,
    /// A null bulk string.
    Bulk,
}

/// Why a session stands still.
#[derive(Debug)]
pub enum Blocked {
    /// A blocking command waits for one of its keys; it runs again from its start when one becomes ready.
    Keys {
        /// Which command.
        id: CommandId,
        /// The command as it came.
        command: OwnedCommand,
        /// The keys.
        keys: Vec<DbKey>,
        /// When the wait ends; `None` waits for ever.
        deadline: Option<UnixMillis>,
        /// The answer when the wait ends.
        null: NullKind,
    },
    /// Commands wait for the end of CLIENT PAUSE.
    Paused {
        /// Which command.
        id: CommandId,
        /// The command that has to wait.
        command: OwnedCommand,
    },
    /// The command waits for values on their way from a device.
    Loading {
        /// Which command.
        id: CommandId,
        /// The command as it came.
        command: OwnedCommand,
        /// How many values are still missing.
        missing: usize,
    },
    /// The command writes, and waits until the store under diskstore has taken more.
    Throttled {
        /// Which command.
        id: CommandId,
        /// The command as it came.
        command: OwnedCommand,
    },
}

/// What CLIENT REPLY asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplyMode {
    /// Every reply is sent.
    #[default]
    On,
    /// None is.
    Off,
    /// The next one is not: CLIENT REPLY SKIP has just run.
    SkipNext,
    /// This one is not.
    Skip,
}

/// A connection's state.
#[derive(Debug)]
pub struct Session {
    /// Its name to the host.
    pub id: SessionId,
    /// The number that CLIENT ID answers.
    pub client_id: u64,
    /// How it came in.
    pub info: SessionInfo,
    /// The selected database.
    pub db: usize,
    /// RESP2 or RESP3.
    pub proto: Proto,
    /// Set by CLIENT SETNAME.
    pub name: Vec<u8>,
    /// Set by CLIENT SETINFO: lib-name.
    pub lib_name: Vec<u8>,
    /// Set by CLIENT SETINFO: lib-ver.
    pub lib_version: Vec<u8>,
    /// The password was given, or none is needed.
    pub authenticated: bool,
    /// Queued commands, between MULTI and EXEC.
    pub multi: Option<Queue>,
    /// Keys whose values stay in memory until its present command has run.
    pub pinned: Vec<DbKey>,
    /// The keys under WATCH.
    pub watching: Vec<DbKey>,
    /// A watched key was changed: EXEC answers null.
    pub watch_broken: bool,
    /// Channels by SUBSCRIBE.
    pub channels: OrderedSet<Box<[u8]>>,
    /// Patterns by PSUBSCRIBE.
    pub patterns: OrderedSet<Box<[u8]>>,
    /// Channels by SSUBSCRIBE.
    pub shard_channels: OrderedSet<Box<[u8]>>,
    /// MONITOR was called.
    pub monitor: bool,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH: reads leave the access clocks alone.
    pub no_touch: bool,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// Why no further command of this session runs.
    pub blocked: Option<Blocked>,
    /// The host closes the connection when the output is written.
    pub close_after_reply: bool,
    /// The host closes the connection at once; what is not written is dropped.
    pub close_now: bool,
    /// When it was opened.
    pub created: UnixMillis,
    /// When its last command came.
    pub last_active: UnixMillis,
    /// Bytes of what the client sent that are being run.
    pub reading: usize,
    /// The name of its last command, for CLIENT LIST.
    pub last_command: &'static str,
    /// Since when the output has been over its soft limit.
    pub over_soft_limit_since: Option<UnixMillis>,
    /// Bytes received and not yet run: the rest of an incomplete command, or what came while blocked.
    pub input: Vec<u8>,
    /// How far the parser has come in `input`.
    pub parse: ParseState,
    /// Replies not yet taken by the host.
    pub output: Vec<u8>,
    /// How much of `output` the host has already taken.
    pub taken: usize,
    /// Parts of `output` that may not be sent before a turn of the journal is durable: the turn, and where the part ends.
    pub held: VecDeque<(u64, usize)>,
    /// Where the first of these parts begins.
    pub held_from: usize,
    /// Replies that tell of changes which are not durable yet: the change, where the reply begins, where it ends.
    pub marks: Vec<(u64, usize, usize)>,
    /// The deadline of a command that blocked on its keys and now waits for the store.
    pub blocked_until: Option<UnixMillis>,
}

impl Session {
    /// A fresh session.
    pub fn new(id: SessionId, client_id: u64, info: SessionInfo, now: UnixMillis) -> Self {
        Self {
            id,
            client_id,
            info,
            db: 0,
            proto: Proto::Resp2,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_version: Vec::new(),
            authenticated: false,
            multi: None,
            watching: Vec::new(),
            watch_broken: false,
            channels: OrderedSet::new(),
            patterns: OrderedSet::new(),
            shard_channels: OrderedSet::new(),
            monitor: false,
            no_evict: false,
            no_touch: false,
            reply_mode: ReplyMode::On,
            reading: 0,
            blocked: None,
            pinned: Vec::new(),
            close_after_reply: false,
            close_now: false,
            created: now,
            last_active: now,
            last_command: "NULL",
            over_soft_limit_since: None,
            input: Vec::new(),
            parse: ParseState::default(),
            output: Vec::new(),
            taken: 0,
            held: VecDeque::new(),
            held_from: 0,
            marks: Vec::new(),
            blocked_until: None,
        }
    }

    /// No further command of this session runs.
    #[inline]
    pub fn is_closing(&self) -> bool {
        self.close_after_reply || self.close_now
    }

    /// How much of `output` may be sent.
    #[inline]
    pub fn sendable(&self) -> usize {
        if self.held.is_empty() { self.output.len() } else { self.held_from }
    }

    /// Holds back what was answered until `turn` is durable.
    pub fn hold(&mut self, turn: u64) {
        let end = self.output.len();
        match self.held.back_mut() {
            // What was let go before stays so.
            None => self.held_from = self.held_from.max(self.taken),
            Some(last) if last.0 == turn => {
                last.1 = end;
                return;
            }
            Some(_) => {}
        }
        self.held.push_back((turn, end));
    }

    /// Takes back the reply that begins here, and what it told of.
    pub fn cut_reply(&mut self, start: usize) {
        self.output.truncate(start);
        while self.marks.pop_if(|(_, from, _)| *from >= start).is_some() {}
    }

    /// A client that always has a reply that is held back never has all of its output sent: what was sent goes without that.
    #[inline]
    pub fn forget_sent(&mut self) {
        if SERVER && !self.held.is_empty() && self.taken > SENT_KEPT.max(self.output.len() / 2) {
            self.cut_sent();
        }
    }

    fn cut_sent(&mut self) {
        let sent = core::mem::take(&mut self.taken);
        self.output.drain(..sent);
        self.held_from = self.held_from.saturating_sub(sent);
        for (_, end) in &mut self.held {
            *end = end.saturating_sub(sent);
        }
        // A reply of which a part was sent is durable.
        self.marks.retain_mut(|(_, start, end)| {
            let held_back = *start >= sent;
            (*start, *end) = (start.saturating_sub(sent), end.saturating_sub(sent));
            held_back
        });
    }

    /// Everything up to `turn` is durable.
    pub fn release(&mut self, turn: u64) {
        while let Some((held, end)) = self.held.front().copied() {
            if held > turn {
                break;
            }
            self.held_from = end;
            self.held.pop_front();
        }
    }

    /// Bytes of memory that the client takes, about: what it sent and was not run yet, what it is to be sent, queued commands,
    /// and what it subscribed to and watches.
    pub fn memory(&self) -> usize {
        let names = self.channels.iter().chain(&self.patterns).chain(&self.shard_channels);
        let named: usize = names.map(|name| name.len() + PER_NAME).sum();
        let watched: usize = self.watching.iter().map(|(_, key)| key.len() + PER_NAME).sum();
        size_of::<Self>()
            + self.input.capacity()
            + self.output.capacity()
            + self.queued_memory()
            + named
            + watched
    }

    /// Bytes of the commands that MULTI has queued.
    pub fn queued_memory(&self) -> usize {
        let commands = self.multi.iter().flat_map(|queue| &queue.commands);
        commands.map(|(_, command)| size_of_val(command) + command.memory()).sum()
    }

    /// Nothing that is held back became durable: `error`, a whole reply, stands in for each reply. Messages of others stay.
    pub fn fail_held(&mut self, error: &[u8]) {
        let Some((_, end)) = self.held.back().copied() else { return };
        self.held.clear();
        if self.proto == Proto::Resp2 && self.subscriptions() > 0 {
            return;
        }
        let mut rest = &self.output[self.held_from..end];
        let mut out = Vec::new();
        while !rest.is_empty() {
            let Some((len, push)) = reply_extent(rest) else {
                // A part of a reply went out before it was to be held: what follows it cannot be told apart.
                self.close_now = true;
                self.output.truncate(self.held_from);
                return;
            };
            let (reply, others) = rest.split_at(len);
            out.extend_from_slice(if push { reply } else { error });
            rest = others;
        }
        self.output.splice(self.held_from..end, out);
    }

    /// Channels, patterns and sharded channels together.
    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shard_channels.len()
    }
}

/// Every session but the one whose command runs right now.
#[derive(Debug, Default)]
pub struct Peers {
    slots: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    next_serial: u32,
    next_client_id: u64,
    count: usize,
    /// Sessions whose output grew, or that are to be closed, since the host last asked.
    pub pending: Vec<SessionId>,
}

impl Peers {
    /// Opens a session.
    pub fn open(&mut self, info: SessionInfo, now: UnixMillis) -> SessionId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.next_serial = self.next_serial.wrapping_add(1);
        self.next_client_id += 1;
        self.count += 1;
        let id = SessionId { slot, serial: self.next_serial };
        self.slots[slot as usize] = Some(Box::new(Session::new(id, self.next_client_id, info, now)));
        id
    }

    /// Forgets a session and gives back what is left of it.
    pub fn close(&mut self, id: SessionId) -> Option<Box<Session>> {
        let session = self.take(id)?;
        self.free.push(id.slot);
        self.count -= 1;
        Some(session)
    }

    /// Sessions that are open, the running one included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes a session out to run its command; [`Peers::put_back`] follows.
    #[inline]
    pub fn take(&mut self, id: SessionId) -> Option<Box<Session>> {
        self.slots.get_mut(id.slot as usize)?.take_if(|s| s.id == id)
    }

    /// Puts back a session that was taken out.
    #[inline]
    pub fn put_back(&mut self, session: Box<Session>) {
        let slot = session.id.slot as usize;
        self.slots[slot] = Some(session);
    }

    /// A session by its name; `None` for one that ended and for the one that runs.
    pub fn get(&self, id: SessionId) -> Option<&Session> {
        self.slots.get(id.slot as usize)?.as_deref().filter(|s| s.id == id)
    }

    /// As [`Peers::get`], to be changed.
    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.slots.get_mut(id.slot as usize)?.as_deref_mut().filter(|s| s.id == id)
    }

    /// Every session but the running one.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().flatten().map(|s| &**s)
    }

    /// As [`Peers::iter`], to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().flatten().map(|s| &mut **s)
    }

    /// Notes that the host should look at the session: its output grew, or it is to be closed.
    pub fn notice(&mut self, id: SessionId) {
        // A host that answers one session after the other need not look at each note.
        if self.pending.last() != Some(&id) {
            self.pending.push(id);
        }
    }
}

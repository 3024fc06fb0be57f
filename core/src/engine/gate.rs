//! What stands between a parsed command and its handler, in Redis's order: is there such a command, are the
//! arguments enough, may this client, is there memory, is it to be queued.

use super::{Engine, Running};
use crate::args::Args;
use crate::command::{Command, flags};
use crate::command_index::CommandId;
use crate::db::unwatch;
use crate::resp::parse::ProtocolError;
use crate::resp::reply::{Proto, Reply};
use crate::server::{PauseKind, Request};
use crate::session::{Blocked, OwnedCommand, ReplyMode};
use crate::words::error::{IS_LOADING, as_sent};
use crate::words::reach::{PAGES, SERVER, TYPES};
use crate::words::time::UnixMillis;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// At most so many bytes of a client's words are repeated in an error.
const ECHOED: usize = 128;

const NOT_ALLOWED_IN_MULTI: &str = "ERR Command not allowed inside a transaction";
const NO_AUTH: &str = "NOAUTH Authentication required.";
const ABORTED: &str = "EXECABORT Transaction discarded because of: ";
const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";
const DEVICE_STUCK: &str = "OOM command not allowed when used memory > 'vm-max-memory' and the swap file is full or cannot be written (INFO vm tells); free keys, raise vm-pages or vm-max-memory, or choose a maxmemory-policy that evicts";

const MISCONFIGURED: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

/// Arguments of so many bytes are only taken where the host has memory for them.
const ASKED_FOR: usize = 1 << 20;

/// Clients that speak HTTP are logged once in so many milliseconds.
const HTTP_LOG_PAUSE: UnixMillis = 60_000;

/// Before the reason why the journal cannot be written.
pub(super) const JOURNAL_FAILED: &str = "MISCONF Errors writing to the AOF file:";

/// What is to be done with a command.
pub(super) enum Verdict {
    Run(CommandId),
    Refuse(Cow<'static, str>),
    Queue(CommandId),
    Pause(CommandId),
    /// The connection is closed without a word.
    Close,
}

/// Whether the host can give memory for arguments of so many bytes: a copy for the keys, and one for the journal. Small
/// ones are not asked for.
#[inline]
fn has_room_for(bytes: usize) -> bool {
    bytes < ASKED_FOR || Vec::<u8>::new().try_reserve_exact(bytes.saturating_mul(2)).is_ok()
}

impl Engine {
    /// Judges a command before it runs.
    pub(super) fn judge(&mut self, session: &Running, id: Option<CommandId>, args: Args<'_>) -> Verdict {
        if SERVER && id.is_none() && is_http(args.get(0)) {
            return Verdict::Close;
        }
        let id = match self.resolve(id, args) {
            Ok(id) => id,
            Err(text) => return Verdict::Refuse(text),
        };
        let command = self.server.index.get(id);
        if SERVER && !session.authenticated && !command.has(flags::NO_AUTH) {
            return Verdict::Refuse(NO_AUTH.into());
        }
        if TYPES && session.multi.is_some() && command.has(flags::NO_MULTI) {
            return Verdict::Refuse(NOT_ALLOWED_IN_MULTI.into());
        }
        if self.lacks_memory(session, command, args) {
            let stuck = PAGES && self.data.paging.is_stuck();
            return Verdict::Refuse(if stuck { DEVICE_STUCK } else { OUT_OF_MEMORY }.into());
        }
        if let Some(text) = self.refusal_by_state(session, command) {
            return Verdict::Refuse(text);
        }
        if TYPES && session.multi.is_some() && !command.has(flags::NOT_QUEUED) {
            return Verdict::Queue(id);
        }
        if SERVER && self.server.pause.is_some() && self.is_paused(session, command) {
            return Verdict::Pause(id);
        }
        Verdict::Run(id)
    }

    /// The command or subcommand, if there is one and the arguments are enough for it.
    #[inline]
    fn resolve(&self, id: Option<CommandId>, args: Args<'_>) -> Result<CommandId, Cow<'static, str>> {
        let Some(mut id) = id else { return Err(unknown_command(args).into()) };
        let mut command = self.server.index.get(id);
        if !command.subcommands.is_empty() && args.len() > 1 {
            match self.server.index.find_subcommand(id, args.get(1)) {
                Some(sub) => {
                    id = sub;
                    command = self.server.index.get(id);
                }
                None => return Err(unknown_subcommand(command, args).into()),
            }
        }
        if command.takes(args.len()) {
            Ok(id)
        } else {
            Err(["ERR wrong number of arguments for '", command.name, "' command"].concat().into())
        }
    }

    /// Refuses a command that has waited for what it lacked, where a dataset is being loaded by now, or will be when it is saved; whether
    /// it did.
    pub(super) fn refuse_if_loading(&mut self, session: &mut Running, id: CommandId) -> bool {
        let text = self.loading_refusal(session, self.server.index.get(id));
        if let Some(text) = text {
            self.refuse(session, Some(id), text);
        }
        text.is_some()
    }

    /// A pause that began while a command waited for what it lacked holds it back too, but for a transaction that has begun; whether it
    /// does.
    pub(super) fn pause_if_due(&self, session: &mut Running, id: CommandId, command: &OwnedCommand) -> bool {
        let has_begun = session.multi.as_ref().is_some_and(|queue| queue.progress.is_some());
        let pauses = SERVER
            && self.server.pause.is_some()
            && !has_begun
            && self.is_paused(session, self.server.index.get(id));
        if pauses {
            session.blocked = Some(Blocked::Paused { id, command: command.clone() });
        }
        pauses
    }

    /// A transaction is refused for what is queued in it, unless it has begun.
    fn loading_refusal(&self, session: &Running, command: &Command) -> Option<&'static str> {
        if !SERVER || !(self.server.loading || self.server.persistence.reloading) {
            return None;
        }
        let is_refused = |command: &Command| !command.has(flags::LOADING);
        let queue = session.multi.as_ref().filter(|queue| command.name == "exec" && queue.progress.is_none());
        let queued = || {
            queue.is_some_and(|queue| {
                queue.commands.iter().any(|(id, _)| is_refused(self.server.index.get(*id)))
            })
        };
        (is_refused(command) || queued()).then_some(IS_LOADING)
    }

    /// Reasons that lie in the server's or the session's state.
    #[inline]
    fn refusal_by_state(&mut self, session: &Running, command: &Command) -> Option<Cow<'static, str>> {
        if SERVER && !self.server.persistence.last_ok && self.is_misconfigured(session, command) {
            return Some(MISCONFIGURED.into());
        }
        if SERVER
            && let Some(reason) = &self.server.persistence.aof.error
            && (self.asks_for(session, command, flags::WRITE) || command.name == "ping")
        {
            return Some(format!("{JOURNAL_FAILED} {reason}").into());
        }
        if let Some(text) = self.loading_refusal(session, command) {
            return Some(text.into());
        }
        if let Some(text) = self.parts.store().and_then(|store| (store.refusal)(self, session, command)) {
            return Some(text);
        }
        if SERVER
            && session.proto == Proto::Resp2
            && session.subscriptions() > 0
            && !allowed_while_subscribed(command)
        {
            return Some(
                format!(
                    "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                    command.name
                )
                .into(),
            );
        }
        None
    }

    /// Whether the command has one of these flags, or is EXEC and a queued command has.
    pub(super) fn asks_for(&self, session: &Running, command: &Command, wanted: u32) -> bool {
        let queued = || {
            let queue = session.multi.as_ref().filter(|_| TYPES && command.name == "exec");
            queue.is_some_and(|queue| {
                queue.commands.iter().any(|(id, _)| self.server.index.get(*id).has(wanted))
            })
        };
        command.has(wanted) || queued()
    }

    /// Whether memory is over its limit, or the host has none for what the command brings.
    #[inline]
    fn lacks_memory(&mut self, session: &Running, command: &Command, args: Args<'_>) -> bool {
        let full = self.eviction_limit().is_some() && !self.make_room();
        let short = full || self.server.short_of_memory || !has_room_for(args.size());
        short && self.needs_memory(session, command)
    }

    /// Whether the command is refused while memory is over its limit. Queueing takes memory too.
    fn needs_memory(&self, session: &Running, command: &Command) -> bool {
        let frees = matches!(command.name, "exec" | "discard" | "quit" | "reset");
        TYPES && session.multi.is_some() && !frees || self.asks_for(session, command, flags::DENYOOM)
    }

    /// Whether the command is held back because the last snapshot failed.
    fn is_misconfigured(&self, session: &Running, command: &Command) -> bool {
        // Under diskstore the store is where the dataset is safe, and no save point would try again.
        if self.parts.store().is_some() {
            return false;
        }
        let config = &self.server.config;
        let concerned = self.asks_for(session, command, flags::WRITE) || command.name == "ping";
        concerned && config.stop_writes_on_bgsave_error && !config.save.is_empty()
    }

    fn is_paused(&self, session: &Running, command: &Command) -> bool {
        let Some((kind, until)) = self.server.pause else { return false };
        if self.now >= until {
            return false;
        }
        if command.has(flags::NOT_QUEUED) && command.name != "exec" || command.name.starts_with("client|") {
            return false;
        }
        let writes = self.asks_for(session, command, flags::WRITE | flags::MAY_REPLICATE);
        kind == PauseKind::All || writes
    }

    /// Answers an error without running anything; a transaction that is being queued is broken by it.
    pub(super) fn refuse(&mut self, session: &mut Running, id: Option<CommandId>, text: &str) {
        if SERVER && let Some(id) = id {
            self.server.stats.by_command[usize::from(id.0)].rejected += 1;
        }
        if let Some(queue) = &mut session.multi {
            queue.broken = true;
        }
        if TYPES && id.is_some_and(|id| self.server.index.get(id).name == "exec") {
            self.abort_transaction(session, text);
            return;
        }
        self.server.stats.count_error(text);
        if wants_reply(session) {
            Reply::new(&mut session.output, session.proto).error_text(text);
        }
    }

    /// Closes the connection of a client that speaks HTTP: commands in its body are not to run.
    pub(super) fn cut_off(&mut self, session: &mut Running) {
        session.close_now = true;
        let server = &mut self.server;
        if SERVER && self.now - server.http_logged >= HTTP_LOG_PAUSE {
            server.http_logged = self.now;
            server.requests.push(Request::Log(format!(
                "Possible SECURITY ATTACK detected: the client at {} sends POST or Host: as commands, as a web page would that \
                 tries to reach this server through somebody's browser. Its connection is closed",
                session.info.addr
            )));
        }
    }

    /// EXEC was refused, which ends the transaction.
    fn abort_transaction(&mut self, session: &mut Running, reason: &str) {
        session.multi = None;
        unwatch(&mut self.data, session);
        self.server.stats.count_error(ABORTED);
        if wants_reply(session) {
            let text = [ABORTED, reason.strip_prefix("ERR ").unwrap_or(reason)].concat();
            Reply::new(&mut session.output, session.proto).error_text(&text);
        }
    }

    /// Queues the command until EXEC.
    pub(super) fn queue(&mut self, session: &mut Running, id: CommandId, args: Args<'_>) {
        let Some(queue) = &mut session.multi else { return };
        queue.commands.push((id, OwnedCommand::new(args)));
        if wants_reply(session) {
            Reply::new(&mut session.output, session.proto).simple("QUEUED");
        }
    }

    /// Answers a protocol error and lets the connection close.
    pub(super) fn refuse_protocol(&mut self, session: &mut Running, error: &ProtocolError) {
        let mut text = Vec::new();
        error.write_text(&mut text);
        self.server.stats.count_error("ERR");
        Reply::new(&mut session.output, session.proto).error_bytes(&text);
        session.close_after_reply = true;
    }
}

/// CLIENT REPLY's say, one command on.
pub(super) fn wants_reply(session: &mut Running) -> bool {
    match session.reply_mode {
        _ if !SERVER => true,
        ReplyMode::On => true,
        ReplyMode::Off => false,
        ReplyMode::SkipNext | ReplyMode::Skip => {
            session.reply_mode = ReplyMode::On;
            false
        }
    }
}

/// Whether a command's name is how a request of HTTP, or its next line, begins.
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

fn allowed_while_subscribed(command: &Command) -> bool {
    matches!(
        command.name,
        "subscribe"
            | "unsubscribe"
            | "psubscribe"
            | "punsubscribe"
            | "ssubscribe"
            | "sunsubscribe"
            | "ping"
            | "quit"
            | "reset"
    )
}

fn shown(bytes: &[u8], most: usize) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()).min(most);
    as_sent(&bytes[..end])
}

fn unknown_command(args: Args<'_>) -> String {
    let mut echoed = String::new();
    for arg in args.from(1) {
        let length = echoed.chars().count();
        if length >= ECHOED {
            break;
        }
        let shown = shown(arg, ECHOED - length);
        echoed.push('\'');
        echoed.push_str(&shown);
        echoed.push_str("' ");
    }
    ["ERR unknown command '", &shown(args.get(0), ECHOED), "', with args beginning with: ", &echoed].concat()
}

fn unknown_subcommand(command: &Command, args: Args<'_>) -> String {
    let name = command.name.to_ascii_uppercase();
    ["ERR unknown subcommand '", &shown(args.get(1), ECHOED), "'. Try ", &name, " HELP."].concat()
}

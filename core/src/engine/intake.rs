//! From bytes to commands: a batch is parsed, its keys hashed and their slots prefetched, then it runs in order.

use super::{Engine, Parsed, Running};
use crate::args::Args;
use crate::call::{batch_begins, share_time};
use crate::command::{Command, Keys, flags};
use crate::command_index::CommandId;
use crate::resp::parse::{ParseState, Parsed as ParsedCommand, Span, parse};
use crate::resp::reply::Reply;
use crate::session::{Blocked, SessionId};
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;
use core::mem;

/// Commands that are parsed and prefetched together.
pub(super) const BATCH: usize = 32;
/// The argument that names a member or a field, where the command's flags say that there is one.
const MEMBER: usize = 2;
/// An output buffer keeps at most this much memory once it is empty.
pub(super) const OUTPUT_KEPT: usize = 16 * 1024;
/// So does an input buffer.
const INPUT_KEPT: usize = 16 * 1024;

const NO_MEMORY_FOR_INPUT: &str =
    "OOM there is no memory for what the client sends: send less at once, or give the server more";
/// Room for arguments that is kept from batch to batch: one command may have a million of them.
const SPANS_KEPT: usize = 1024;
/// The most memory that a byte which a client sends may cost: names of one letter that are watched.
const CLIENT_MEMORY_PER_BYTE: usize = 16;

/// What the last command was called and which key it had: most pipelines repeat the one or the other.
#[derive(Default)]
pub(super) struct Last<'b> {
    name: &'b [u8],
    command: Option<(CommandId, &'static Command)>,
    key: &'b [u8],
    hash: u64,
}

impl Engine {
    /// Takes bytes that a client sent, in any split, and runs every complete command among them. The work is bounded by
    /// the commands that the bytes hold.
    pub fn handle_bytes(&mut self, id: SessionId, bytes: &[u8], now: UnixMillis) {
        self.now = now;
        self.server.stats.input_bytes += bytes.len() as u64;
        self.server.stats.reads += 1;
        let Some(mut session) = self.peers.take(id) else { return };
        if session.is_closing() {
            return self.peers.put_back(session);
        }
        session.last_active = now;
        if self.exclusive.is_some() || session.blocked.is_some() || !session.input.is_empty() {
            keep_input(&mut session, bytes);
            if self.exclusive.is_some() {
                self.resume.push(id);
            } else {
                self.run_input(&mut session);
            }
        } else {
            let used = self.run_bytes(&mut session, bytes);
            keep_input(&mut session, &bytes[used..]);
        }
        self.check_input_limit(&mut session);
        let grown = CLIENT_MEMORY_PER_BYTE * bytes.len() + session.output.len();
        self.finish(session);
        self.evict_clients_after(grown);
        if self.parts.store().is_none()
            && let Some(paging) = self.parts.paging()
        {
            (paging.after_bytes)(self);
        }
        self.resume_sessions();
    }

    /// Closes a session that sent more than `client-query-buffer-limit` without a complete command.
    fn check_input_limit(&self, session: &mut Running) {
        if session.input.len() as i64 > self.server.config.client_query_buffer_limit {
            session.close_now = true;
        }
    }

    /// Closes a session whose replies go beyond `client-output-buffer-limit` before any more of its commands run.
    fn check_output_limit(&self, session: &mut Running) {
        if SERVER && session.output.len() > OUTPUT_KEPT && self.server.over_output_limit(session, self.now) {
            session.close_now = true;
        }
    }

    /// Looks at `maxmemory-clients` when the clients may have come to it: they grew by `grown` bytes at most.
    #[inline]
    fn evict_clients_after(&mut self, grown: usize) {
        if SERVER && self.server.config.maxmemory_clients != 0 {
            self.client_room = self.client_room.saturating_sub(grown);
            if self.client_room == 0 {
                self.evict_clients();
            }
        }
    }

    /// Runs what lies in the session's own input buffer.
    pub(super) fn run_input(&mut self, session: &mut Running) {
        if session.blocked.is_some() {
            return;
        }
        let mut input = mem::take(&mut session.input);
        let used = self.run_bytes(session, &input);
        if used >= input.len() {
            input.clear();
            input.shrink_to(INPUT_KEPT);
        } else if used > 0 {
            input.drain(..used);
        }
        debug_assert!(session.input.is_empty(), "nothing adds input while it runs");
        session.input = input;
    }

    /// Puts the session back and tells the host of it.
    pub(super) fn finish(&mut self, session: Running) {
        if session.output.len() > session.taken || session.close_now || session.close_after_reply {
            self.peers.notice(session.id);
        }
        self.peers.put_back(session);
    }

    /// Runs the commands in `buf` and returns how many bytes they took.
    fn run_bytes(&mut self, session: &mut Running, buf: &[u8]) -> usize {
        let mut done = 0;
        session.reading = buf.len();
        while done < buf.len() && session.blocked.is_none() {
            let mut batch = mem::take(&mut self.batch);
            let mut spans = mem::take(&mut self.spans);
            let parsed_to = self.parse_batch(session, buf, done, &mut batch, &mut spans);
            let last_end = batch.last().map(|c| c.end);
            done = if last_end.is_some() { self.run_batch(session, buf, &batch, &spans) } else { parsed_to };
            batch.clear();
            spans.clear();
            spans.shrink_to(SPANS_KEPT);
            self.batch = batch;
            self.spans = spans;
            self.check_output_limit(session);
            if session.is_closing() {
                done = buf.len();
                break;
            }
            match last_end {
                None => break,
                // The session blocked in the middle: what was parsed behind that will be parsed again.
                Some(end) if done < end => session.parse = ParseState::default(),
                Some(_) => {}
            }
        }
        session.reading = 0;
        done
    }

    /// Parses up to [`BATCH`] commands from `from` on, hashes their first keys and prefetches the slots. Returns where the
    /// parser stands.
    fn parse_batch(
        &mut self,
        session: &mut Running,
        buf: &[u8],
        from: usize,
        batch: &mut Vec<Parsed>,
        spans: &mut Vec<Span>,
    ) -> usize {
        let mut at = from;
        let mut last = Last::default();
        let limits = self.server.parse_limits(session.authenticated);
        while batch.len() < BATCH && at < buf.len() {
            let first_span = spans.len();
            match parse(&buf[at..], &mut session.parse, &limits, spans) {
                Ok(ParsedCommand::Complete { consumed }) => {
                    if session.parse.is_unquoted() {
                        // Its arguments lie in the parser's own buffer until the next call: it ends the batch.
                        self.unquoted.clear();
                        self.unquoted.extend_from_slice(session.parse.source(&[]));
                        let id = self.server.index.find(spans[first_span].of(&self.unquoted));
                        let spans = (first_span as u32, spans.len() as u32);
                        batch.push(Parsed {
                            base: at,
                            end: at + consumed,
                            spans,
                            id,
                            key: None,
                            member: None,
                            names_member: false,
                            unquoted: true,
                        });
                        at += consumed;
                        break;
                    }
                    if spans.len() > first_span {
                        batch.push(self.look_ahead(&mut last, buf, (at, at + consumed), first_span, spans));
                    } else if let Some(last) = batch.last_mut() {
                        last.end = at + consumed;
                    }
                    at += consumed;
                }
                Ok(ParsedCommand::Incomplete) => {
                    spans.truncate(first_span);
                    break;
                }
                Err(error) => {
                    spans.truncate(first_span);
                    if batch.is_empty() {
                        self.refuse_protocol(session, &error);
                    } else {
                        session.parse = ParseState::default();
                    }
                    break;
                }
            }
        }
        if SERVER && batch.len() > 1 {
            self.fetch_ahead(session.db, buf, batch, spans);
        }
        at
    }

    /// Brings what the commands are going to look up from memory: first the keys' records, all together, then the members
    /// that the commands name in large sets and hashes.
    pub(super) fn fetch_ahead(&self, db: usize, buf: &[u8], batch: &mut [Parsed], spans: &[Span]) {
        let mut fetched = None;
        for (_, hash) in batch.iter().filter_map(|command| command.key) {
            if fetched != Some(hash) {
                self.data.keyspace.db(db).prefetch(hash);
                fetched = Some(hash);
            }
        }
        let mut table = None;
        for command in batch.iter_mut().filter(|command| command.names_member) {
            let Some((key, hash)) = command.key else { continue };
            let args = command.args(&buf[command.base..command.end], spans);
            if table.is_none_or(|(known, _)| known != hash) {
                table = Some((hash, self.data.table_of(db, key.of(&buf[command.base..]), hash)));
            }
            if let Some((_, Some(table))) = table {
                let member = self.data.limits.hash_key.hash(args.get(MEMBER));
                table.fetch(member);
                command.member = Some(member);
            }
        }
    }

    /// Finds the command and hashes its first key.
    #[inline]
    pub(super) fn look_ahead<'b>(
        &self,
        last: &mut Last<'b>,
        buf: &'b [u8],
        (base, end): (usize, usize),
        first_span: usize,
        spans: &[Span],
    ) -> Parsed {
        let (bytes, words) = (&buf[base..end], &spans[first_span..]);
        let name = words[0].of(bytes);
        if name != last.name {
            let id = self.server.index.find(name);
            last.command = id.map(|id| (id, self.server.index.get(id)));
            last.name = name;
        }
        let mut parsed = Parsed {
            base,
            end,
            spans: (first_span as u32, spans.len() as u32),
            id: None,
            key: None,
            member: None,
            names_member: false,
            unquoted: false,
        };
        let Some((id, command)) = last.command else { return parsed };
        parsed.id = Some(id);
        if SERVER
            && let Keys::Range { first, .. } = command.keys
            && let Some(&span) = words.get(usize::from(first))
        {
            let key = span.of(bytes);
            if key != last.key || key.is_empty() {
                (last.key, last.hash) = (key, self.data.keyspace.hash(key));
            }
            parsed.key = Some((span, last.hash));
            parsed.names_member = command.has(flags::NAMES_MEMBER) && words.len() > MEMBER;
        }
        parsed
    }

    /// The arguments of a command of a batch, whose hashes the keyspace is told.
    #[inline]
    pub(super) fn hinted<'b>(&mut self, command: &Parsed, bytes: &'b [u8], spans: &'b [Span]) -> Args<'b> {
        let args = command.args(bytes, spans);
        if let Some((span, hash)) = command.key {
            self.data.hint(span.of(bytes), hash);
        }
        if let Some(hash) = command.member {
            self.data.hint_member(args.get(MEMBER), hash);
        }
        args
    }

    /// Runs the parsed commands in order until one blocks or closes; returns the end of the last one that ran.
    fn run_batch(&mut self, session: &mut Running, buf: &[u8], batch: &[Parsed], spans: &[Span]) -> usize {
        let mut done = 0;
        let clock = batch_begins(&self.server);
        for command in batch {
            let unquoted = mem::take(&mut self.unquoted);
            let bytes = if command.unquoted { &unquoted[..] } else { &buf[command.base..command.end] };
            let args = self.hinted(command, bytes, spans);
            self.run_command(session, command.id, args);
            self.unquoted = unquoted;
            done = command.end;
            if session.blocked.is_some() || session.is_closing() {
                break;
            }
        }
        self.data.clear_hint();
        if let Some(clock) = clock {
            share_time(&mut self.server, clock);
        }
        if SERVER && matches!(session.blocked, Some(Blocked::Loading { .. })) {
            self.load_behind(session, buf, batch.iter().filter(|command| command.base >= done), spans);
        }
        done
    }

    /// A command waits for values: those of the commands behind it, as many as were parsed together, are asked for too, so that a
    /// pipeline waits once for them all and not for each.
    fn load_behind<'b>(
        &mut self,
        session: &Running,
        buf: &[u8],
        behind: impl Iterator<Item = &'b Parsed>,
        spans: &[Span],
    ) {
        let paging = self.parts.paging().filter(|_| self.data.paging.swapped > 0);
        let of_store = self.parts.store_files().map(|store| (store.note_missing, store.load_ahead));
        let ways = paging.map(|paging| (paging.note_missing, paging.load_ahead)).or(of_store);
        let Some((note_missing, load_ahead)) = ways.filter(|_| session.multi.is_none()) else { return };
        self.data.missing.clear();
        for command in behind.filter(|command| !command.unquoted) {
            let args = command.args(&buf[command.base..command.end], spans);
            let known = command.id.filter(|id| self.server.index.get(*id).takes(args.len()));
            if let Some(id) = known {
                note_missing(self, session.db, id, args);
            }
            if self.data.missing.len() > BATCH {
                break;
            }
        }
        load_ahead(self);
    }
}

/// Keeps bytes for later. Where there is no memory for them the client is told, and closed: what it sends next would not be
/// understood.
fn keep_input(session: &mut Running, bytes: &[u8]) {
    if session.input.try_reserve(bytes.len()).is_ok() {
        session.input.extend_from_slice(bytes);
        return;
    }
    session.input = Vec::new();
    Reply::new(&mut session.output, session.proto).error_text(NO_MEMORY_FOR_INPUT);
    session.close_after_reply = true;
}

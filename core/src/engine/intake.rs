//! From bytes to commands: a batch is parsed, its keys hashed and their slots prefetched, then it runs in order.

use super::{Engine, Parsed, Running};
use crate::args::Args;
use crate::command::Keys;
use crate::command_index::CommandId;
use crate::resp::parse::{ParseState, Parsed as ParsedCommand, Span, parse};
use crate::session::SessionId;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;
use core::mem;

/// Commands that are parsed and prefetched together.
const BATCH: usize = 32;
/// An output buffer keeps at most this much memory once it is empty.
pub(super) const OUTPUT_KEPT: usize = 16 * 1024;
/// So does an input buffer.
const INPUT_KEPT: usize = 16 * 1024;

impl Engine {
    /// Takes bytes that a client sent, in any split, and runs every complete command among them. The work is bounded by
    /// the commands that the bytes hold.
    pub fn handle_bytes(&mut self, id: SessionId, bytes: &[u8], now: UnixMillis) {
        self.now = now;
        self.server.stats.input_bytes += bytes.len() as u64;
        self.server.stats.reads += 1;
        let Some(mut session) = self.peers.take(id) else { return };
        session.last_active = now;
        if session.blocked.is_some() || !session.input.is_empty() {
            session.input.extend_from_slice(bytes);
            self.run_input(&mut session);
        } else {
            let used = self.run_bytes(&mut session, bytes);
            session.input.extend_from_slice(&bytes[used..]);
        }
        self.check_input_limit(&mut session);
        self.finish(session);
        if let Some(paging) = self.parts.paging {
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
        while done < buf.len() && session.blocked.is_none() {
            let mut batch = mem::take(&mut self.batch);
            let mut spans = mem::take(&mut self.spans);
            let parsed_to = self.parse_batch(session, buf, done, &mut batch, &mut spans);
            let last_end = batch.last().map(|c| c.end);
            done = if last_end.is_some() { self.run_batch(session, buf, &batch, &spans) } else { parsed_to };
            batch.clear();
            spans.clear();
            self.batch = batch;
            self.spans = spans;
            if session.is_closing() {
                return buf.len();
            }
            match last_end {
                None => return done,
                // The session blocked in the middle: what was parsed behind that will be parsed again.
                Some(end) if done < end => session.parse = ParseState::default(),
                Some(_) => {}
            }
        }
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
                            unquoted: true,
                        });
                        at += consumed;
                        break;
                    }
                    if spans.len() > first_span {
                        batch.push(self.look_ahead(buf, at, at + consumed, first_span, spans));
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
        for command in batch.iter() {
            if let Some((_, hash)) = command.key {
                self.data.keyspace.db(session.db).prefetch(hash);
            }
        }
        at
    }

    /// Finds the command and hashes its first key.
    #[inline]
    fn look_ahead(&self, buf: &[u8], base: usize, end: usize, first_span: usize, spans: &[Span]) -> Parsed {
        let args = Args::new(&buf[base..end], &spans[first_span..]);
        let id: Option<CommandId> = self.server.index.find(args.get(0));
        let key = id.and_then(|id| match self.server.index.get(id).keys {
            Keys::Range { first, .. } if first < args.len() => {
                Some((spans[first_span + first], self.data.keyspace.hash(args.get(first))))
            }
            _ => None,
        });
        Parsed { base, end, spans: (first_span as u32, spans.len() as u32), id, key, unquoted: false }
    }

    /// Runs the parsed commands in order until one blocks or closes; returns the end of the last one that ran.
    fn run_batch(&mut self, session: &mut Running, buf: &[u8], batch: &[Parsed], spans: &[Span]) -> usize {
        let mut done = 0;
        for command in batch {
            let unquoted = mem::take(&mut self.unquoted);
            let bytes = if command.unquoted { &unquoted[..] } else { &buf[command.base..command.end] };
            let args = Args::new(bytes, &spans[command.spans.0 as usize..command.spans.1 as usize]);
            if let Some((span, hash)) = command.key {
                let start = span.start as usize;
                self.data.hint(&bytes[start..start + span.len as usize], hash);
            }
            self.run_command(session, command.id, args);
            self.unquoted = unquoted;
            done = command.end;
            if session.blocked.is_some() || session.is_closing() {
                break;
            }
        }
        self.data.clear_hint();
        done
    }
}

//! Who subscribed to what, and how a message reaches them.

use crate::resp::reply::{Proto, Reply};
use crate::session::{Peers, Session, SessionId};
use crate::words::glob::glob_match;
use crate::words::ordered::{OrderedMap, OrderedSet};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Sessions by what they subscribed to.
pub type Registry = OrderedMap<Box<[u8]>, OrderedSet<SessionId>>;

/// Who subscribed to what.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// SUBSCRIBE.
    pub channels: Registry,
    /// PSUBSCRIBE.
    pub patterns: Registry,
    /// SSUBSCRIBE.
    pub shard_channels: Registry,
}

/// Whom a message can reach.
#[derive(Debug)]
pub struct Audience<'a> {
    /// All sessions but the one whose command runs.
    pub peers: &'a mut Peers,
    /// The session whose command runs; what it gets goes into its output.
    pub current: Option<&'a mut Session>,
    /// Bytes unread with which a peer is closed at once (`client-output-buffer-limit pubsub`); 0: never.
    pub hard_limit: i64,
}

/// Adds a session to a channel or pattern.
pub fn add(registry: &mut Registry, name: &[u8], who: SessionId) {
    registry.entry(name.into()).or_default().insert(who);
}

/// Removes a session from a channel or pattern.
pub fn remove(registry: &mut Registry, name: &[u8], who: SessionId) {
    if let Some(sessions) = registry.get_mut(name) {
        sessions.remove(&who);
        if sessions.is_empty() {
            registry.remove(name);
        }
    }
}

impl Subscriptions {
    /// Forgets a session that ends.
    pub fn forget(&mut self, session: &Session) {
        for name in &session.channels {
            remove(&mut self.channels, name, session.id);
        }
        for name in &session.patterns {
            remove(&mut self.patterns, name, session.id);
        }
        for name in &session.shard_channels {
            remove(&mut self.shard_channels, name, session.id);
        }
    }

    /// Sends a message to every subscriber of the channel and of the patterns that it fits; returns how many.
    pub fn publish(&self, mut to: Audience<'_>, channel: &[u8], message: &[u8]) -> usize {
        let mut receivers = 0;
        if let Some(sessions) = self.channels.get(channel) {
            to.send(sessions, &[b"message", channel, message]);
            receivers += sessions.len();
        }
        for (pattern, sessions) in &self.patterns {
            if glob_match(pattern, channel, false) {
                to.send(sessions, &[b"pmessage", pattern, channel, message]);
                receivers += sessions.len();
            }
        }
        receivers
    }

    /// As [`publish`](Self::publish), for a sharded channel.
    pub fn publish_sharded(&self, mut to: Audience<'_>, channel: &[u8], message: &[u8]) -> usize {
        let Some(sessions) = self.shard_channels.get(channel) else { return 0 };
        to.send(sessions, &[b"smessage", channel, message]);
        sessions.len()
    }
}

impl Audience<'_> {
    /// Writes a push (an array under RESP2) of bulk strings into the output of every session. It is put together once for
    /// each protocol, however many receive it.
    fn send(&mut self, who: &OrderedSet<SessionId>, parts: &[&[u8]]) {
        let (mut resp2, mut resp3) = (Vec::new(), Vec::new());
        for &id in who {
            let own = self.current.as_deref_mut().filter(|session| session.id == id);
            let is_peer = own.is_none();
            let Some(session) = own.or_else(|| self.peers.get_mut(id)) else { continue };
            if session.close_now {
                continue;
            }
            let encoded = if session.proto == Proto::Resp3 { &mut resp3 } else { &mut resp2 };
            if encoded.is_empty() {
                write_push(encoded, session.proto, parts);
            }
            session.output.extend_from_slice(encoded);
            if is_peer {
                // Here and not at the next tick: messages come faster than ticks, and the limit is there to bound memory.
                let unread = (session.output.len() - session.taken) as i64;
                session.close_now = self.hard_limit > 0 && unread >= self.hard_limit;
                self.peers.notice(id);
            }
        }
    }
}

fn write_push(output: &mut Vec<u8>, proto: Proto, parts: &[&[u8]]) {
    let mut reply = Reply::new(output, proto);
    reply.push(parts.len());
    for part in parts {
        reply.bulk(part);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::trial::Trial;
    use std::format;

    /// The limit was looked at ten times a second: a client that read nothing could be sent any amount between two looks.
    #[test]
    fn a_subscriber_that_does_not_read_is_closed_at_the_hard_limit() {
        let mut trial = Trial::new();
        trial.call(0, "CONFIG SET client-output-buffer-limit \"pubsub 1000 0 0\"");
        trial.call(1, "SUBSCRIBE news");
        trial.call(2, "PSUBSCRIBE n*");
        for _ in 0..9 {
            trial.call(0, &format!("PUBLISH news {}", "x".repeat(100)));
            trial.hear(2);
        }
        let (unread, read) = (trial.clients[1], trial.clients[2]);
        assert!(trial.engine.wants_close(unread));
        assert!(trial.engine.output(unread).len() < 1200, "the message that went beyond it was the last");
        assert!(!trial.engine.wants_close(read));
    }
}

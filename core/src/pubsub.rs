//! Who subscribed to what, and how a message reaches them.

use crate::resp::reply::{Proto, Reply};
use crate::session::{Peers, Session, SessionId};
use crate::words::glob::glob_match;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Sessions by what they subscribed to.
pub type Registry = BTreeMap<Box<[u8]>, Vec<SessionId>>;

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

/// Adds a session to a channel or pattern.
pub fn add(registry: &mut Registry, name: &[u8], who: SessionId) {
    registry.entry(name.into()).or_default().push(who);
}

/// Removes a session from a channel or pattern.
pub fn remove(registry: &mut Registry, name: &[u8], who: SessionId) {
    if let Some(sessions) = registry.get_mut(name) {
        sessions.retain(|s| *s != who);
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

    /// Sends a message to every subscriber of the channel and of the patterns that it fits; returns how many. `current`
    /// is the session whose command runs, which is not among the peers.
    pub fn publish(
        &self,
        peers: &mut Peers,
        mut current: Option<&mut Session>,
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        let mut receivers = 0;
        for who in self.channels.get(channel).into_iter().flatten() {
            deliver(peers, &mut current, *who, &[b"message", channel, message]);
            receivers += 1;
        }
        for (pattern, sessions) in &self.patterns {
            if glob_match(pattern, channel, false) {
                for who in sessions {
                    deliver(peers, &mut current, *who, &[b"pmessage", pattern, channel, message]);
                    receivers += 1;
                }
            }
        }
        receivers
    }
}

/// Writes a push (an array under RESP2) of bulk strings into a session's output.
pub fn deliver(peers: &mut Peers, current: &mut Option<&mut Session>, who: SessionId, parts: &[&[u8]]) {
    match current {
        Some(session) if session.id == who => write_push(&mut session.output, session.proto, parts),
        _ => {
            if let Some(peer) = peers.get_mut(who) {
                write_push(&mut peer.output, peer.proto, parts);
                peers.notice(who);
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

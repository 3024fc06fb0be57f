//! Who subscribed to what, and how a message reaches them.

use crate::resp::reply::{Proto, Reply};
use crate::session::{Peers, Session, SessionId};
use crate::words::glob::glob_match;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Sessions by what they subscribed to.
pub type Registry = BTreeMap<Box<[u8]>, BTreeSet<SessionId>>;

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

    /// Sends a message to every subscriber of the channel and of the patterns that it fits; returns how many. `current`
    /// is the session whose command runs, which is not among the peers; what it gets goes into its output.
    pub fn publish(
        &self,
        peers: &mut Peers,
        mut current: Option<&mut Session>,
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        let mut receivers = 0;
        if let Some(sessions) = self.channels.get(channel) {
            send(peers, current.as_deref_mut(), sessions, &[b"message", channel, message]);
            receivers += sessions.len();
        }
        for (pattern, sessions) in &self.patterns {
            if glob_match(pattern, channel, false) {
                let parts: [&[u8]; 4] = [b"pmessage", pattern, channel, message];
                send(peers, current.as_deref_mut(), sessions, &parts);
                receivers += sessions.len();
            }
        }
        receivers
    }

    /// As [`publish`](Self::publish), for a sharded channel.
    pub fn publish_sharded(
        &self,
        peers: &mut Peers,
        current: Option<&mut Session>,
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        let Some(sessions) = self.shard_channels.get(channel) else { return 0 };
        send(peers, current, sessions, &[b"smessage", channel, message]);
        sessions.len()
    }
}

/// Writes a push (an array under RESP2) of bulk strings into the output of every session. It is put together once for
/// each protocol, however many receive it.
fn send(peers: &mut Peers, mut current: Option<&mut Session>, who: &BTreeSet<SessionId>, parts: &[&[u8]]) {
    let (mut resp2, mut resp3) = (Vec::new(), Vec::new());
    for &id in who {
        let own = current.as_deref_mut().filter(|session| session.id == id);
        let is_peer = own.is_none();
        let Some(session) = own.or_else(|| peers.get_mut(id)) else { continue };
        let encoded = if session.proto == Proto::Resp3 { &mut resp3 } else { &mut resp2 };
        if encoded.is_empty() {
            write_push(encoded, session.proto, parts);
        }
        session.output.extend_from_slice(encoded);
        if is_peer {
            peers.notice(id);
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

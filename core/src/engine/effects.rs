//! What a command's changes bring about outside the keys: journal, keyspace events, MONITOR, broken limits.

use super::{Engine, Running};
use crate::args::Args;
use crate::command::flags;
use crate::command_index::CommandId;
use crate::context::Propagation;
use crate::resp::reply::Reply;
use crate::secrets;
use crate::session::SessionId;
use crate::words::config::quote;
use alloc::format;
use alloc::vec::Vec;
use core::mem;

impl Engine {
    /// Hands the command's journal form to the journal.
    pub(super) fn propagate(&mut self, db: usize, args: Args<'_>, propagation: Propagation) {
        self.server.journal_command(&mut self.data, db, args, propagation);
    }

    /// What follows from keys that expired or were evicted outside a command.
    pub(super) fn after_removals(&mut self) {
        if self.server.journaling {
            for (db, key) in mem::take(&mut self.data.removed_by_time) {
                self.server.journal.push((db, [b"DEL".to_vec(), key.into_vec()].into()));
            }
        } else {
            self.data.removed_by_time.clear();
        }
        for id in mem::take(&mut self.data.touched) {
            if let Some(peer) = self.peers.get_mut(id) {
                peer.watch_broken = true;
            }
        }
        for event in mem::take(&mut self.data.events) {
            for (channel, message) in event.messages(self.data.notify) {
                self.server.subscriptions.publish(&mut self.peers, None, &channel, &message);
            }
        }
    }

    /// Publishes the keyspace events of the running command.
    pub(super) fn publish_events(&mut self, session: &mut Running) {
        for event in mem::take(&mut self.data.events) {
            for (channel, message) in event.messages(self.data.notify) {
                self.server.subscriptions.publish(&mut self.peers, Some(session), &channel, &message);
            }
        }
    }

    /// Shows the command to the sessions that called MONITOR.
    pub(super) fn feed_monitors(&mut self, session: &Running, id: CommandId, args: Args<'_>) {
        if self.server.index.get(id).has(flags::SKIP_MONITOR | flags::ADMIN) {
            return;
        }
        let mut line = b"+".to_vec();
        let micros = self.now.rem_euclid(1000) * 1000;
        line.extend_from_slice(
            format!("{}.{micros:06} [{} {}]", self.now.div_euclid(1000), session.db, session.info.addr)
                .as_bytes(),
        );
        for i in 0..args.len() {
            line.push(b' ');
            quote(&mut line, secrets::shown(args, i));
        }
        line.extend_from_slice(b"\r\n");
        let monitors: Vec<SessionId> = self.server.monitors.clone();
        for who in monitors {
            if let Some(peer) = self.peers.get_mut(who) {
                let proto = peer.proto;
                Reply::new(&mut peer.output, proto).raw(&line);
                self.peers.notice(who);
            }
        }
    }
}

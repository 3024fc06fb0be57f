//! What a handler gets: the door to the keys, the reply, its session, the other sessions, the server.

use crate::db::Db;
use crate::resp::reply::Reply;
use crate::server::Server;
use crate::session::{NullKind, Peers, Session, SessionId};
use crate::waiters::DbKey;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;

/// How the running command goes into the journal.
#[derive(Debug, Default)]
pub enum Propagation {
    /// As it came, if it changed anything.
    #[default]
    AsReceived,
    /// As these commands, if it changed anything.
    Rewritten(Vec<Vec<Vec<u8>>>),
    /// Not at all.
    Nothing,
}

/// A wait that the running command asks for.
#[derive(Debug)]
pub struct BlockRequest {
    /// The keys, any of which ends the wait.
    pub keys: Vec<DbKey>,
    /// When the wait ends; `None` waits for ever.
    pub deadline: Option<UnixMillis>,
    /// The answer when the wait ends.
    pub null: NullKind,
}

/// What a handler gets. The fields are disjoint, so that a value read through `db` can be written into `reply`.
pub struct Ctx<'a> {
    /// The door to the keys of the selected database.
    pub db: Db<'a>,
    /// Where the answer goes.
    pub reply: Reply<'a>,
    /// The connection whose command it is.
    pub session: &'a mut Session,
    /// Every other connection.
    pub peers: &'a mut Peers,
    /// Configuration, counters, logs, subscriptions, and the rest that belongs to no key.
    pub server: &'a mut Server,
    /// How the command goes into the journal.
    pub propagation: Propagation,
    /// Set by [`Ctx::block_on`].
    pub block: Option<BlockRequest>,
    /// The command runs inside EXEC.
    pub in_exec: bool,
    /// The key that became ready, where the command waited and now runs again.
    pub ready: Option<&'a [u8]>,
}

impl Ctx<'_> {
    /// Whether the command may wait: not inside EXEC.
    pub fn may_block(&self) -> bool {
        !self.in_exec
    }

    /// Whether the command looks at this one of its keys: after a wait only at the key that became ready, for the others
    /// may hold something else by now, and their turn has not come.
    pub fn considers(&self, key: &[u8]) -> bool {
        self.ready.is_none_or(|ready| ready == key)
    }

    /// Waits for one of `keys`; the command runs again from its start when one becomes ready. The handler returns right
    /// after this without a reply.
    pub fn block_on<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k [u8]>,
        deadline: Option<UnixMillis>,
        null: NullKind,
    ) {
        let index = self.db.index;
        let keys = keys.into_iter().map(|k| (index, k.into())).collect();
        self.block = Some(BlockRequest { keys, deadline, null });
    }

    /// Puts this command into the journal instead of the one that came; several calls put several.
    pub fn propagate_as(&mut self, command: &[&[u8]]) {
        if !SERVER || !self.server.journaling {
            return;
        }
        let command = command.iter().map(|a| a.to_vec()).collect();
        match &mut self.propagation {
            Propagation::Rewritten(commands) => commands.push(command),
            other => *other = Propagation::Rewritten([command].into()),
        }
    }

    /// At which position of the reply `client-output-buffer-limit` closes the client: writing on would cost memory for nothing.
    pub fn reply_limit(&self) -> usize {
        self.server.hard_output_limit(self.session)
    }

    /// Sends a message to everybody who subscribed to the channel; returns to how many. What this session gets itself
    /// stands behind what it has of its reply by now.
    pub fn publish(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let end = self.reply.position();
        let receivers = self.server.publish(self.peers, Some(&mut *self.session), channel, message);
        self.insert_own_messages(end);
        receivers
    }

    /// As [`Ctx::publish`], for a sharded channel.
    pub fn publish_sharded(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let end = self.reply.position();
        let session = Some(&mut *self.session);
        let receivers = self.server.publish_sharded(self.peers, session, channel, message);
        self.insert_own_messages(end);
        receivers
    }

    /// Publishes the keyspace events so far. What this session gets itself goes before the reply, which begins at
    /// `start`: Redis tells of a change before it answers.
    pub fn publish_events(&mut self, start: usize) {
        let notify = self.db.data.notify;
        for event in core::mem::take(&mut self.db.data.events) {
            for (channel, message) in event.messages(notify) {
                let session = Some(&mut *self.session);
                self.server.publish(self.peers, session, &channel, &message);
            }
        }
        self.insert_own_messages(start);
    }

    /// Lets `write` add to another session's output, or to this one's.
    pub fn send_to(&mut self, id: SessionId, write: impl FnOnce(&mut Reply<'_>)) {
        if id == self.session.id {
            write(&mut self.reply);
            return;
        }
        if let Some(peer) = self.peers.get_mut(id) {
            let proto = peer.proto;
            write(&mut Reply::new(&mut peer.output, proto));
            self.peers.notice(id);
        }
    }

    /// While a command runs its session's output lies in `reply`, and messages to the session gather where it was.
    fn insert_own_messages(&mut self, position: usize) {
        if !self.session.output.is_empty() {
            self.reply.insert(position, &self.session.output);
            self.session.output.clear();
        }
    }
}

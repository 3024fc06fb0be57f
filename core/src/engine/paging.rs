//! Virtual memory's sequence: which values a command lacks, who waits for them, and that they stay until it has run.
//!
//! What leaves memory stands in `leave`, what comes back in `back`, and what must always hold in `audit`.

mod audit;
mod back;
mod held;
mod leave;

use super::gate::wants_reply;
use super::parts::PagingPart;
use super::{Engine, Running};
use crate::args::Args;
use crate::command::flags;
use crate::command_index::CommandId;
use crate::db::unwatch;
use crate::keyspace::record::Record;
use crate::page::{Device, PageQueue, Paging, Place};
use crate::resp::reply::Reply;
use crate::session::{Blocked, OwnedCommand, Session, SessionId};
use crate::types::codec::Encoder;
use crate::waiters::DbKey;
use crate::words::ordered::OrderedMap;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a command is told whose values find no room in an arena.
const OUT_OF_ROOM: &str = "OOM the values that the command needs do not fit into the memory that is free: ask for fewer keys, or lower vm-max-memory";

/// Why a value that was asked for does not come.
#[derive(Debug)]
enum Failure {
    /// An arena has no room for it.
    NoRoom,
    /// It cannot be read, for this reason.
    Unreadable(String),
}

impl Failure {
    fn reason(&self) -> &str {
        match self {
            Self::NoRoom => OUT_OF_ROOM,
            Self::Unreadable(reason) => reason,
        }
    }
}

/// A key whose value is asked for, and where that lies.
#[derive(Debug)]
struct Wanted {
    key: DbKey,
    hash: u64,
    place: Option<Place>,
}

impl Wanted {
    /// Bytes of the value, as it lies on the device.
    fn bytes(&self) -> usize {
        self.place.map_or(0, |place| place.len as usize)
    }
}

impl Traffic {
    pub(super) fn follow_clock_back(&mut self, now: UnixMillis) {
        self.failing.retry_at = self.failing.retry_at.min(now);
    }
}

/// Values on their way.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Batches on their way out, by number.
    batches: OrderedMap<u32, leave::Batch>,
    next_batch: u32,
    /// Bytes of memory that the batches free when they are written.
    in_flight: usize,
    loads: held::Loads,
    pins: held::Pins,
    /// Sessions whose values have to wait for room, and how many bytes they are.
    queue: VecDeque<(SessionId, usize)>,
    /// The session that runs again after a wait: it is not sent to the queue's end.
    admitted: Option<SessionId>,
    /// Where a command's keys stand; kept to be used again.
    positions: Vec<usize>,
    encoder: Option<Box<Encoder>>,
    spare: Vec<Vec<u8>>,
    /// The same for reads, which are smaller.
    spare_reads: Vec<Vec<u8>>,
    failing: leave::Failing,
    bounds: Bounds,
}

/// How much may be on its way, and in memory for it.
#[derive(Debug)]
struct Bounds {
    /// Bytes of frames that are written at once.
    batch: usize,
    /// Bytes of values and of their frames that may be on their way to the device at once.
    in_flight: usize,
    /// Beyond `vm-max-memory`, values for commands that wait may take so many bytes (as they lie on the device).
    room: usize,
    /// Memory is an arena: values leave until so much can be had in one piece, and no buffers are kept; 0: it is none.
    piece: usize,
}

impl Bounds {
    fn are_of_arena(&self) -> bool {
        self.piece > 0
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self { batch: 64 << 10, in_flight: 2 << 20, room: 64 << 20, piece: 0 }
    }
}

impl Traffic {
    /// Whether values are being loaded from there.
    pub(super) fn loads_from(&self, device: Device) -> bool {
        self.loads.iter().any(|load| load.place.device() == device)
    }
}

static PART: PagingPart = PagingPart {
    tick: Engine::paging_tick,
    after_bytes: Engine::page_after_bytes,
    plan: Engine::plan,
    park: Engine::wait_for_values,
    unpin: Engine::unpin,
    note_missing: Engine::note_missing,
    fetch: Engine::fetch,
    load_ahead: Engine::load_ahead,
    let_go: Engine::leave_at_once,
    run_ready: Engine::run_ready,
    page_out_done: Engine::page_out_done,
    page_in_done: Engine::page_in_done,
};

impl Engine {
    /// Tells that this host has a page device: values may leave memory if the configuration says so.
    #[cfg(feature = "pages")]
    pub fn carries_pages(&mut self) {
        let config = &self.server.config;
        let (size, pages) = (u32::try_from(config.vm_page_size).unwrap_or(1), config.vm_pages as u64);
        self.data.paging = Paging::new(config.vm_enabled, size, pages);
        self.parts.paging = Some(&PART);
    }

    /// As [`carries_pages`](Self::carries_pages), where memory is an arena: values leave one at a time, as many as must until
    /// `piece` bytes can be had in one piece, and those for commands that wait may take `room` bytes.
    #[cfg(feature = "pages")]
    pub fn carries_pages_of_arena(&mut self, piece: usize, room: usize) {
        self.carries_pages();
        self.traffic.bounds = Bounds { batch: 1, in_flight: 1, room, piece };
    }

    /// Tells that this host carries out [`Job::Keep`](super::Job::Keep): a start with paging reads keys only, and values
    /// when they are used.
    #[cfg(all(feature = "pages", feature = "server"))]
    pub fn keeps_snapshots(&mut self) {
        self.data.paging.keeps_snapshot = true;
    }

    /// Tells that this host reads up to `bytes` from its page device at once, whatever values lie there: a snapshot then has
    /// those that are neighbours by one job.
    #[cfg(feature = "pages")]
    pub fn reads_runs(&mut self, bytes: usize) {
        self.data.paging.run = bytes;
    }

    /// Tells that this host does nothing else while it reads from its page device: a snapshot in the background then reads a
    /// little at once, and leaves most of the time to clients that ask for something.
    #[cfg(feature = "pages")]
    pub fn reads_block(&mut self) {
        self.data.paging.reads_block = true;
    }

    /// Tells how many jobs on the page device are being carried out, and how many have ended and were not taken up yet; for
    /// INFO, once a turn.
    pub fn notice_page_jobs(&mut self, running: usize, ended: usize) {
        let waiting = self.jobs.open_pages().saturating_sub(running + ended);
        self.data.paging.queue = PageQueue { waiting, running, ended };
    }

    /// For pictures of the page device: bytes a page, and one bit a page as far as pages were ever used.
    pub fn page_map(&self) -> (u32, &[u64]) {
        (self.data.paging.page_size, self.data.paging.map())
    }

    /// What follows when a client's commands have run: those whose values have come run too, and cold values leave.
    fn page_after_bytes(&mut self) {
        self.run_ready();
        if self.data.paging.enabled && self.exclusive.is_none() {
            self.page_out_requested();
            self.relieve();
        }
    }

    /// Notes the keys of the command whose values are not in memory; true where there are some.
    fn plan(&mut self, session: &Running, id: CommandId, args: Args<'_>) -> bool {
        self.data.missing.clear();
        if let (true, Some(queue)) = (self.server.index.get(id).name == "exec", &session.multi) {
            let done = queue.progress.as_ref().map_or(0, |progress| progress.done);
            if queue.progress.as_ref().is_none_or(|progress| !progress.fails(progress.done)) {
                for (id, queued) in &queue.commands[done..] {
                    self.note_missing(session.db, *id, queued.args());
                }
            }
        } else {
            self.note_missing(session.db, id, args);
        }
        !self.data.missing.is_empty()
    }

    fn note_missing(&mut self, db: usize, id: CommandId, args: Args<'_>) {
        let command = self.server.index.get(id);
        if command.has(flags::META_ONLY | flags::NO_VALUE) {
            return;
        }
        let mut positions = core::mem::take(&mut self.traffic.positions);
        command.keys.positions(args, &mut positions);
        for key in positions.iter().map(|position| args.get(*position)) {
            let hash = self.data.hash(key);
            let database = self.data.keyspace.db(db);
            let missing = database.find(hash, key).is_some_and(|slot| {
                let record = database.get(slot);
                record.is_paged() && record.deadline().is_none_or(|deadline| self.now <= deadline)
            });
            if missing {
                self.data.missing.push((db, Box::from(key)));
            }
        }
        self.traffic.positions = positions;
    }

    /// Parks the session until the values in `missing` are in memory; each is asked for once. Where values of other
    /// commands take all the room, it waits for its turn first; where there can never be room, it is refused.
    fn wait_for_values(&mut self, session: &mut Running, id: CommandId, command: OwnedCommand) {
        let missing = self.take_missing();
        let need: usize = missing.iter().map(Wanted::bytes).sum();
        let held = |key: &DbKey| self.traffic.pins.bytes_of(self.data.keyspace.hash(&key.1), key);
        let held: usize = session.pinned.iter().map(held).sum();
        let room = self.room_for_values();
        if held + need > room && session.pinned.len() + missing.len() > 1 {
            let text = format!(
                "OOM the command needs {} bytes of values in memory at once, and vm-max-memory leaves room for {room}; ask for fewer keys, or raise it",
                held + need
            );
            self.fail_parked(session, Some((id, command)), &text);
            return;
        }
        let crowded = !self.traffic.queue.is_empty()
            || (!self.traffic.pins.is_empty() && self.traffic.pins.bytes + need > room);
        if crowded && self.traffic.admitted != Some(session.id) && self.exclusive != Some(session.id) {
            session.blocked = Some(Blocked::Loading { id, command, missing: 0 });
            self.traffic.queue.push_back((session.id, need));
            return;
        }
        let waits = self.ask_for(session, missing);
        session.blocked = Some(Blocked::Loading { id, command, missing: waits });
        if waits == 0 {
            // Nothing is missing any more: it runs again with the next turn.
            self.ready_again.push(session.id);
        }
    }

    /// Bytes that values for commands that wait may take. An arena has no more than it has.
    fn room_for_values(&self) -> usize {
        let bounds = &self.traffic.bounds;
        let limit = if bounds.are_of_arena() { 0 } else { self.server.config.vm_max_memory as usize };
        limit.saturating_add(bounds.room)
    }

    /// As [`wait_for_values`](Self::wait_for_values) for the journal's commands, which have all the room; how many are on
    /// their way.
    fn fetch(&mut self, session: &mut Session) -> usize {
        let missing = self.take_missing();
        self.ask_for(session, missing)
    }

    /// What was noted in `missing`, each key once.
    fn take_missing(&mut self) -> Vec<Wanted> {
        let mut missing = core::mem::take(&mut self.data.missing);
        missing.sort_unstable();
        missing.dedup();
        missing.into_iter().map(|key| self.look_up(key)).collect()
    }

    /// Asks for values and keeps them until the session's are unpinned; how many are on their way.
    fn ask_for(&mut self, session: &mut Session, missing: Vec<Wanted>) -> usize {
        let mut waits = 0;
        // Of those that are wanted now each is another.
        let mut pinned = session.pinned.clone();
        pinned.sort_unstable();
        for wanted in missing {
            if pinned.binary_search(&wanted.key).is_err() {
                self.traffic.pins.hold(wanted.hash, &wanted.key, wanted.bytes());
                session.pinned.push(wanted.key.clone());
            }
            waits += usize::from(self.load(wanted, session.id));
        }
        waits
    }

    /// Finds where the key's value lies.
    fn look_up(&self, key: DbKey) -> Wanted {
        let hash = self.data.keyspace.hash(&key.1);
        let database = self.data.keyspace.db(key.0);
        let record = database.find(hash, &key.1).map(|slot| database.get(slot));
        let place = record.and_then(Record::place).and_then(Place::decode);
        Wanted { key, hash, place }
    }

    /// Lets the values go again that were kept for the session's command, and those sessions on that wait for room.
    fn unpin(&mut self, session: &mut Session) {
        if session.pinned.is_empty() && self.traffic.queue.is_empty() {
            return;
        }
        for key in session.pinned.drain(..) {
            self.traffic.pins.let_go(self.data.keyspace.hash(&key.1), &key);
        }
        let room = self.room_for_values();
        let mut taken = self.traffic.pins.bytes;
        while let Some(&(who, need)) = self.traffic.queue.front() {
            let gone = self.peers.get(who).is_none();
            if !gone && taken > 0 && taken + need > room {
                break;
            }
            self.traffic.queue.pop_front();
            if !gone {
                taken += need;
                self.ready_again.push(who);
            }
        }
    }

    /// Answers an error in place of a command whose values cannot be had. A transaction that has begun goes on with its
    /// next command; of one that has not begun nothing runs. `command` is what was to be parked, if it is not yet.
    fn fail_parked(&mut self, session: &mut Running, command: Option<(CommandId, OwnedCommand)>, text: &str) {
        if let Some(progress) = session.multi.as_mut().and_then(|queue| queue.progress.as_mut()) {
            progress.fail_next(text);
            if let Some((id, command)) = command {
                session.blocked = Some(Blocked::Loading { id, command, missing: 0 });
                self.ready_again.push(session.id);
            }
            return;
        }
        session.blocked = None;
        self.unpin(session);
        self.traffic.loads.leave(session.id);
        if session.multi.take().is_some() {
            unwatch(&mut self.data, session);
        }
        self.server.stats.count_error(text);
        if wants_reply(session) {
            Reply::new(&mut session.output, session.proto).error_text(text);
        }
    }

    /// One of the values that the session waits for has come, or will not.
    fn loaded_for(&mut self, who: SessionId, key: &DbKey, failure: Option<&Failure>) {
        if let (SessionId::REPLAY, Some(journal)) = (who, self.parts.journal()) {
            return (journal.value_came)(self, key, failure.map(Failure::reason));
        }
        let Some(mut session) = self.peers.take(who) else { return };
        if let Some(Blocked::Loading { missing, .. }) = &mut session.blocked {
            *missing -= 1;
            let all = *missing == 0;
            if let Some(failure) = failure {
                let text = match failure {
                    Failure::NoRoom => String::from(OUT_OF_ROOM),
                    Failure::Unreadable(reason) => {
                        let name = String::from_utf8_lossy(&key.1).into_owned();
                        format!("IOERR the value of key '{name}' cannot be read from the swap file: {reason}")
                    }
                };
                self.fail_parked(&mut session, None, &text);
            }
            if session.blocked.is_none() {
                session.blocked_until = None;
                self.resume.push(who);
            } else if all {
                self.ready_again.push(who);
            }
        }
        self.finish(session);
    }

    /// Runs the commands whose values have come. They are planned again: one may have left meanwhile.
    pub(super) fn run_ready(&mut self) {
        loop {
            let exclusive = self.exclusive;
            let may_run = |who: &SessionId| exclusive.is_none_or(|only| only == *who);
            let (now, later): (Vec<_>, Vec<_>) =
                core::mem::take(&mut self.ready_again).into_iter().partition(may_run);
            self.ready_again = later;
            if now.is_empty() {
                return;
            }
            for who in now {
                if self.exclusive.is_some_and(|only| only != who) {
                    self.ready_again.push(who);
                } else {
                    self.run_again(who);
                }
            }
        }
    }

    fn run_again(&mut self, who: SessionId) {
        let Some(mut session) = self.peers.take(who) else { return };
        match session.blocked.take() {
            Some(Blocked::Loading { id, command, missing: 0 }) => {
                if !self.refuse_if_loading(&mut session, id) && !self.pause_if_due(&mut session, id, &command)
                {
                    self.traffic.admitted = Some(who);
                    self.execute(&mut session, id, command.args());
                    self.traffic.admitted = None;
                }
                if !matches!(session.blocked, Some(Blocked::Loading { .. })) {
                    self.unpin(&mut session);
                }
                if session.blocked.is_none() {
                    session.blocked_until = None;
                    self.resume.push(who);
                }
            }
            other => session.blocked = other,
        }
        self.finish(session);
        self.end_orphan(who);
    }

    /// Closes the session of a client that went while its transaction stood still, now that the transaction is done.
    pub(super) fn end_orphan(&mut self, who: SessionId) {
        if self.orphan == Some(who) && self.exclusive.is_none() {
            self.orphan = None;
            self.close_session(who);
        }
    }
}

//! Which keys a command needs that are neither in memory nor known to be absent, and what else it has to wait for.
//!
//! Here even a key's being there is not known without the store. So a command that only asks for metadata waits too, and
//! only those that overwrite a key whatever it was (SET without conditions, MSET) do not.

use super::walks::Want;
use crate::args::Args;
use crate::command::{Command, Keys};
use crate::command_index::CommandId;
use crate::commands::scan::{ScanOptions, parse_cursor};
use crate::db::unwatch;
use crate::engine::gate::wants_reply;
use crate::engine::{Engine, Running};
use crate::events::Event;
use crate::resp::reply::Reply;
use crate::session::{Blocked, OwnedCommand, Progress, SessionId};
use crate::waiters::DbKey;
use crate::words::reach::SERVER;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

/// A cache of so many keys keeps what is read ahead until it is used.
const ROOMY: usize = 1_000;

/// What there is to plan for a command beside the keys that its line in the table names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Plain,
    /// It overwrites its keys.
    Blind,
    /// So it does if it has no conditions.
    Set,
    /// A key of the same name in another database.
    Move,
    Copy,
    Exec,
    Select,
    /// The watched keys of one database, or of all.
    FlushOne,
    FlushAll,
    Swap,
    Scan,
    All,
    Random,
    Count,
    Debug,
}

fn class_of(command: &Command) -> Class {
    match command.name {
        "set" => Class::Set,
        "setex" | "psetex" | "mset" => Class::Blind,
        "exec" => Class::Exec,
        "scan" => Class::Scan,
        "keys" => Class::All,
        "dbsize" => Class::Count,
        // The others need more than one database, or are a server's.
        _ if !SERVER => Class::Plain,
        "move" => Class::Move,
        "copy" => Class::Copy,
        "select" => Class::Select,
        "flushdb" => Class::FlushOne,
        "flushall" => Class::FlushAll,
        "swapdb" => Class::Swap,
        "randomkey" => Class::Random,
        "debug" => Class::Debug,
        _ => Class::Plain,
    }
}

/// Databases as a transaction's commands see them: SWAPDB exchanges them on the way.
struct View {
    /// The selected database.
    db: usize,
    /// The databases by their numbers as they are then.
    order: Vec<usize>,
    /// Keys may be overwritten without knowing what was there.
    blind: bool,
}

impl Engine {
    /// Notes for each command what there is to plan.
    pub(super) fn classify(&mut self) {
        let index = &self.server.index;
        self.store.classes = (0..index.len()).map(|i| class_of(index.get(CommandId(i as u16)))).collect();
    }

    /// Notes what the command has to wait for; true where there is something. Then the session is parked.
    pub(super) fn plan_store(&mut self, session: &mut Running, id: CommandId, args: Args<'_>) -> bool {
        self.data.missing.clear();
        let command = self.server.index.get(id);
        if self.must_wait_its_turn(session, command) {
            self.throttle(session, id, args);
            return true;
        }
        let class = self.store.classes[usize::from(id.0)];
        // Nearly every command: one key, and it is in memory.
        if let (Class::Plain | Class::Set | Class::Blind, Keys::Range { first, last, .. }) =
            (class, command.keys)
            && i16::from(last) == i16::from(first)
            && usize::from(first) < args.len()
            && self.data.is_resident(session.db, args.get(first.into()))
        {
            self.count_hit();
            return false;
        }
        let blind = self.may_be_blind();
        if blind && (class == Class::Blind || class == Class::Set && is_unconditional(args)) {
            return false;
        }
        let order =
            if class == Class::Plain { Vec::new() } else { (0..self.data.keyspace.count()).collect() };
        let mut view = View { db: session.db, order, blind };
        let mut wants = Vec::new();
        if class == Class::Exec {
            self.plan_transaction(session, &mut view, &mut wants);
        } else {
            self.plan_command(command, class, args, &mut view, &mut wants);
        }
        if self.data.missing.is_empty() && wants.is_empty() {
            return false;
        }
        if let Some(progress) = session.multi.as_mut().and_then(|queue| queue.progress.as_mut()) {
            progress.met = false;
        }
        let wants = self.unprepared(session.id, wants);
        if self.data.missing.is_empty() && wants.is_empty() {
            self.bring_prepared(session.id);
            return false;
        }
        self.park_for_store(session, id, OwnedCommand::new(args), wants);
        true
    }

    fn count_hit(&mut self) {
        if let Some(store) = self.data.store.as_deref_mut()
            && !self.store.again
        {
            store.stats.hits += 1;
        }
    }

    /// Whether a key may be overwritten without knowing what was there: nobody is told of it, nobody counts keys, and no
    /// snapshot needs the old value.
    fn may_be_blind(&self) -> bool {
        let told = self.data.notify.intersects(Event::NEW) || self.data.notify.intersects(Event::EXPIRED);
        !told && self.data.store.as_ref().is_some_and(|store| !store.no_blind && store.instant.is_none())
    }

    fn plan_transaction(&mut self, session: &mut Running, view: &mut View, wants: &mut Vec<Want>) {
        for (db, key) in &session.watching {
            self.need(*db, key);
        }
        let Some(queue) = &mut session.multi else { return };
        // Of one that has begun those count that are still to come.
        let mut begun = queue.progress.as_mut().filter(|_| SERVER);
        let done = begun.as_ref().map_or(0, |progress| progress.done);
        let counts = |(id, _): &(CommandId, OwnedCommand)| {
            matches!(self.store.classes[usize::from(id.0)], Class::Count)
        };
        view.blind &= !queue.commands[done..].iter().any(counts);
        for (number, (id, queued)) in queue.commands.iter().enumerate().skip(done) {
            if begun.as_ref().is_some_and(|progress| progress.fails(number)) {
                continue;
            }
            let class = self.store.classes[usize::from(id.0)];
            if view.order.is_empty() {
                view.order = (0..self.data.keyspace.count()).collect();
            }
            let known = (self.data.missing.len(), wants.len());
            let order = begun.as_ref().map(|_| view.order.clone());
            self.plan_command(self.server.index.get(*id), class, queued.args(), view, wants);
            let Some(progress) = &mut begun else { continue };
            if let Some(text) = why_unread(progress, &self.data.missing[known.0..], &wants[known.1..]) {
                // It alone gets the error. To ask again would keep everybody waiting until the disk can be read.
                progress.failures.push((number, text));
                self.data.missing.truncate(known.0);
                wants.truncate(known.1);
                view.order = order.unwrap_or_default();
            }
        }
        if let Some(progress) = begun {
            progress.unread.clear();
        }
    }

    fn plan_command(
        &mut self,
        command: &Command,
        class: Class,
        args: Args<'_>,
        view: &mut View,
        wants: &mut Vec<Want>,
    ) {
        let db = view.order.get(view.db).copied().unwrap_or(view.db);
        let mut positions = Vec::new();
        command.keys.positions(args, &mut positions);
        let blind = view.blind && (class == Class::Blind || class == Class::Set && is_unconditional(args));
        if !blind {
            for i in positions {
                self.need(db, args.get(i));
            }
        }
        let number = |i: usize| view.order.get(args.count(i)?).copied();
        match class {
            Class::Plain | Class::Blind | Class::Set | Class::Exec => {}
            Class::Scan => {
                if let (Ok(from), Ok(options)) =
                    (parse_cursor(args.get(1)), ScanOptions::parse_with_type(args, 2))
                {
                    wants.push(Want::Page { db, from, limit: options.count });
                }
            }
            Class::All => wants.push(Want::All { db }),
            Class::Count => self.plan_count(db, wants),
            _ if !SERVER => {}
            Class::Select => {
                let number = args.count(1);
                view.db = number.filter(|db| *db < self.data.keyspace.count()).unwrap_or(view.db);
            }
            Class::Move => {
                if let Some(target) = number(2) {
                    self.need(target, args.get(1));
                }
            }
            Class::Copy => {
                let at = (3..args.len()).find(|&i| args.is(i, "db"));
                if let Some(target) = at.and_then(|i| number(i + 1)) {
                    self.need(target, args.get(2));
                }
            }
            Class::FlushOne => self.need_watched(Some(db)),
            Class::FlushAll => self.need_watched(None),
            Class::Swap => {
                if let (Some(first), Some(second)) = (number(1), number(2)) {
                    self.need_watched_in_both(first, second);
                    let place = |db| view.order.iter().position(|known| *known == db);
                    if let (Some(a), Some(b)) = (place(first), place(second)) {
                        view.order.swap(a, b);
                    }
                }
            }
            Class::Debug => self.plan_debug(db, args, &view.order, wants),
            Class::Random => wants.push(Want::Random { db }),
        }
    }

    /// While nothing can be saved nobody will know: the answer is as good as what is known. And while a transaction stands still
    /// nothing is saved.
    fn plan_count(&self, db: usize, wants: &mut Vec<Want>) {
        if self.stands_still() {
            return;
        }
        let counted = |store: &crate::store::Cache| {
            store.error.is_some() || store.space(store.catalog.of(db)).unknown == 0
        };
        if !self.data.store.as_deref().is_none_or(counted) {
            wants.push(Want::Count { db });
        }
    }

    fn plan_debug(&mut self, db: usize, args: Args<'_>, order: &[usize], wants: &mut Vec<Want>) {
        if args.len() == 2 && args.is(1, "flushcache") {
            return wants.push(Want::Drain);
        }
        if args.len() == 2 && args.is(1, "digest") {
            return wants.extend(order.iter().map(|db| Want::All { db: *db }));
        }
        if args.is(1, "populate") && args.len() <= 5 {
            let count = usize::try_from(args.int(2).unwrap_or(0)).unwrap_or(0);
            let prefix: &[u8] = if args.len() > 3 { args.get(3) } else { b"key" };
            for number in 0..count {
                self.need(db, &[prefix, format!(":{number}").as_bytes()].concat());
            }
        }
        let keyed = ["object", "sdslen", "digest-value", "htstats-key", "listpack", "quicklist"];
        if keyed.iter().any(|name| args.is(1, name)) {
            for key in args.from(2) {
                self.need(db, key);
            }
        }
    }

    /// A key that has to be known.
    fn need(&mut self, db: usize, key: &[u8]) {
        if self.data.is_resident(db, key) {
            return self.count_hit();
        }
        let again = self.store.again;
        let Some(store) = self.data.store.as_deref_mut() else { return };
        if store.knows_absent(db, key) {
            store.stats.negative_hits += u64::from(!again);
        } else {
            self.data.missing.push((db, key.into()));
        }
    }

    /// Whether a key that somebody watches was there has to be known before its database goes.
    fn need_watched(&mut self, db: Option<usize>) {
        let watched = self.data.watchers.iter().filter(|(index, _)| db.is_none_or(|db| db == **index));
        let keys: Vec<(usize, Box<[u8]>)> =
            watched.flat_map(|(index, keys)| keys.keys().map(|key| (*index, key.clone()))).collect();
        for (index, key) in keys {
            self.need(index, &key);
        }
    }

    /// And whoever blocks on a key of one is served with that of the other.
    fn need_watched_in_both(&mut self, first: usize, second: usize) {
        let watched = self.data.watchers.iter().filter(|(index, _)| [first, second].contains(index));
        let awaited = self.data.waiters.awaited().filter(|(index, _)| [first, second].contains(index));
        let keys: Vec<Box<[u8]>> =
            watched.flat_map(|(_, keys)| keys.keys()).chain(awaited.map(|(_, key)| key)).cloned().collect();
        for key in keys {
            self.need(first, &key);
            self.need(second, &key);
        }
    }

    /// Notes the keys of a command behind one that waits, if they have to be known for it. It counts them when it runs.
    pub(super) fn note_unknown(&mut self, db: usize, id: CommandId, args: Args<'_>) {
        let class = self.store.classes[usize::from(id.0)];
        if !matches!(class, Class::Plain | Class::Set) {
            return;
        }
        let command = self.server.index.get(id);
        let mut view = View { db, order: Vec::new(), blind: true };
        let again = mem::replace(&mut self.store.again, true);
        self.plan_command(command, class, args, &mut view, &mut Vec::new());
        self.store.again = again;
    }

    /// Asks for the keys that were noted, so that a pipeline waits once for what was parsed of it, and not at each command: unless
    /// the cache holds so few that they would leave again before their commands come.
    pub(super) fn load_keys_ahead(&mut self) {
        let missing = mem::take(&mut self.data.missing);
        let (resident, limit) = (self.data.keyspace.count_keys(), self.cache_limit());
        let Some(store) = self.data.store.as_deref_mut() else { return };
        if resident < ROOMY && store.used() > limit / 2 {
            return;
        }
        for (db, key) in missing {
            store.want(db, &key);
        }
    }

    /// Parks the session until what it lacks is there.
    fn park_for_store(
        &mut self,
        session: &mut Running,
        id: CommandId,
        command: OwnedCommand,
        wants: Vec<Want>,
    ) {
        let mut keys = mem::take(&mut self.data.missing);
        keys.sort_unstable();
        keys.dedup();
        let mut missing = keys.len();
        for key in &keys {
            *self.store.pins.entry(key.clone()).or_default() += 1;
            self.want_key(key, session.id);
        }
        for want in wants {
            missing += usize::from(self.ask(want, session.id));
        }
        session.pinned.append(&mut keys);
        session.blocked = Some(Blocked::Loading { id, command, missing });
        if missing == 0 {
            self.ready_again.push(session.id);
        }
    }

    /// As [`Engine::park_for_store`], for a command that met the keys while it ran. What else it had it asks for anew.
    pub(super) fn park_for_keys(&mut self, session: &mut Running, id: CommandId, command: OwnedCommand) {
        if SERVER {
            self.clear_prepared();
            if let Some(progress) = session.multi.as_mut().and_then(|queue| queue.progress.as_mut()) {
                progress.met = true;
            }
        }
        self.park_for_store(session, id, command, Vec::new());
    }

    /// One of the things that the session waits for, which may be a key, is there; or it will not be, for the reason that its client is
    /// told.
    pub(super) fn arrived_for(&mut self, who: SessionId, failure: Option<&str>, key: Option<DbKey>) {
        let Some(mut session) = self.peers.take(who) else { return };
        if let Some(Blocked::Loading { missing, .. }) = &mut session.blocked {
            *missing -= 1;
            let all = *missing == 0;
            let progress =
                session.multi.as_mut().filter(|_| SERVER).and_then(|queue| queue.progress.as_mut());
            if let (Some(text), Some(progress)) = (failure, progress) {
                // The command that needs it gets the error, and the others run. What was planned any of them may have needed.
                if progress.met {
                    progress.fail_next(text);
                } else {
                    progress.unread.push((key, String::from(text)));
                }
            } else if let Some(text) = failure {
                let text = String::from(text);
                self.leave_store(&mut session);
                (session.blocked, session.blocked_until) = (None, None);
                // It was EXEC, which ends the transaction whatever comes of it.
                if session.multi.take().is_some() {
                    unwatch(&mut self.data, &mut session);
                }
                self.server.stats.count_error(&text);
                if wants_reply(&mut session) {
                    Reply::new(&mut session.output, session.proto).error_text(&text);
                }
                self.resume.push(who);
            }
            if all && session.blocked.is_some() {
                self.ready_again.push(who);
            }
        }
        self.finish(session);
    }

    /// Takes a session out of everything that it waits for here.
    pub(super) fn forget_waits(&mut self, who: SessionId) {
        if self.data.store.is_none() {
            return;
        }
        let mut unwanted = Vec::new();
        self.store.waiting.retain(|at, waiting| {
            if SERVER && waiting.iter().all(|(_, waits)| *waits == who) {
                unwanted.extend(waiting.pop().map(|(key, _)| (*at, key)));
                return false;
            }
            waiting.retain(|(_, waits)| *waits != who);
            !waiting.is_empty()
        });
        if SERVER
            && !unwanted.is_empty()
            && let Some(store) = self.data.store.as_deref_mut()
        {
            store.drop_loads(&unwanted);
        }
        self.store.counting.retain(|(_, waits)| *waits != who);
        self.store.drains.retain(|(_, waits)| *waits != who);
        self.store.throttled.retain(|(waits, _)| *waits != who);
        self.forget_walks(who);
    }
}

/// Why a command that needs these keys and walks cannot run, if one of them could not be read.
fn why_unread(progress: &Progress, keys: &[DbKey], wants: &[Want]) -> Option<String> {
    let walks = wants.iter().any(|want| !matches!(want, Want::Count { .. }));
    let is_needed = |key: &Option<DbKey>| key.as_ref().map_or(walks, |key| keys.contains(key));
    progress.unread.iter().find(|(key, _)| is_needed(key)).map(|(_, text)| text.clone())
}

/// Whether SET's options ask nothing of the key's old state.
fn is_unconditional(args: Args<'_>) -> bool {
    let asks = ["nx", "xx", "get", "keepttl"];
    !(3..args.len()).any(|i| asks.iter().any(|word| args.is(i, word)))
}

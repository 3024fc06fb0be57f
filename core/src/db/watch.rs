//! WATCH: which sessions want to know that a key has changed.

use super::{Data, Db};
use crate::session::{Session, SessionId};
use crate::words::reach::{SERVER, STORE};
use alloc::vec::Vec;

impl Data {
    /// Marks every session that watches a key of database `db` that is there, or that is in `other`, before the one is
    /// emptied or takes the other's place.
    pub fn touch_watchers_of(&mut self, db: usize, other: Option<usize>) {
        let holds = |index: usize, key: &[u8]| {
            let hash = self.keyspace.hash(key);
            let there = self.keyspace.db(index).find(hash, key).is_some();
            // Of a key that only the store knows it is taken that it is there.
            there || STORE && self.store.as_deref().is_some_and(|store| store.may_have(index, key))
        };
        let concerned = |key: &[u8]| holds(db, key) || other.is_some_and(|other| holds(other, key));
        let watched = self.watchers.get(&db).into_iter().flatten().filter(|(key, _)| concerned(key));
        let sessions: Vec<SessionId> = watched.flat_map(|(_, sessions)| sessions.iter().copied()).collect();
        self.touched.extend(sessions);
    }

    /// Marks every session that watches the key.
    pub(super) fn touch_watchers(&mut self, db: usize, key: &[u8]) {
        if !SERVER || self.watchers.is_empty() {
            return;
        }
        if let Some(sessions) = self.watchers.get(&db).and_then(|keys| keys.get(key)) {
            self.touched.extend_from_slice(sessions);
        }
    }
}

/// Watches a key of the selected database for the session.
pub fn watch(db: &mut Db<'_>, session: &mut Session, key: &[u8]) {
    if session.watching.iter().any(|(index, watched)| *index == db.index && **watched == *key) {
        return;
    }
    db.data.watchers.entry(db.index).or_default().entry(key.into()).or_default().push(session.id);
    session.watching.push((db.index, key.into()));
}

/// Ends every WATCH of the session.
pub fn unwatch(data: &mut Data, session: &mut Session) {
    if !SERVER {
        return;
    }
    for (index, key) in session.watching.drain(..) {
        let Some(keys) = data.watchers.get_mut(&index) else { continue };
        let Some(sessions) = keys.get_mut(&key) else { continue };
        sessions.retain(|s| *s != session.id);
        if sessions.is_empty() {
            keys.remove(&key);
        }
        if keys.is_empty() {
            data.watchers.remove(&index);
        }
    }
    session.watch_broken = false;
}

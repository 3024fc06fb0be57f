//! The engine as JavaScript sees it.

use crate::memory;
use nuthatch_core::{Config, Engine, HostFacts, Options, SessionId, SessionInfo};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use wasm_bindgen::prelude::wasm_bindgen;

/// Microseconds of the last hour that was told: the engine reads no clock.
static NOW: AtomicU64 = AtomicU64::new(0);

/// An engine and its sessions. Sessions are numbers that `open` gives.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Worker {
    engine: Engine,
    sessions: Vec<Option<SessionId>>,
}

#[wasm_bindgen]
impl Worker {
    /// An empty engine. `seed` is 32 bytes from `crypto.getRandomValues` (missing ones count as 0), `now` is
    /// `Date.now()`.
    #[wasm_bindgen(constructor)]
    pub fn new(seed: &[u8], now: f64) -> Worker {
        let options = Options {
            commands: nuthatch_core::ALL_COMMANDS,
            config: Config::default(),
            host: facts(),
            seed: words(seed),
            now: tell(now),
        };
        Worker { engine: Engine::new(options), sessions: Vec::new() }
    }

    /// Opens a session: one for each client that must not see another's transactions, subscriptions and waits.
    pub fn open(&mut self, now: f64) -> usize {
        let id = self.engine.open_session(SessionInfo::default(), tell(now));
        let free = self.sessions.iter().position(Option::is_none);
        let index = free.unwrap_or(self.sessions.len());
        match self.sessions.get_mut(index) {
            Some(slot) => *slot = Some(id),
            None => self.sessions.push(Some(id)),
        }
        index
    }

    /// Ends a session. One that is not open is left alone.
    pub fn close(&mut self, session: usize) {
        if let Some(id) = self.sessions.get_mut(session).and_then(Option::take) {
            self.engine.close_session(id);
        }
    }

    /// Gives bytes to a session, in any split, and returns what is answered at once: nothing while it waits for a key.
    pub fn send(&mut self, session: usize, bytes: &[u8], now: f64) -> Vec<u8> {
        if let Some(id) = self.id(session) {
            self.engine.handle_bytes(id, bytes, tell(now));
        }
        self.receive(session)
    }

    /// Takes what waits to be sent to a session's client: replies that came late, messages of a subscription.
    pub fn receive(&mut self, session: usize) -> Vec<u8> {
        let Some(id) = self.id(session) else { return Vec::new() };
        let out = self.engine.output(id).to_vec();
        self.engine.consume_output(id, out.len());
        out
    }

    /// Does what is due: expiry, waits that end. Returns when it wants to be called next, as a `Date.now()`.
    pub fn tick(&mut self, now: f64) -> f64 {
        let now = tell(now);
        if now >= self.engine.poll_timeout() {
            self.engine.handle_timeout(now);
        }
        self.engine.poll_timeout() as f64
    }

    /// The sessions that have something to receive.
    pub fn pending(&self) -> Vec<usize> {
        let waits = |id: &SessionId| !self.engine.output(*id).is_empty();
        let open = self.sessions.iter().enumerate();
        open.filter(|(_, id)| id.as_ref().is_some_and(waits)).map(|(index, _)| index).collect()
    }

    fn id(&self, session: usize) -> Option<SessionId> {
        self.sessions.get(session).copied().flatten()
    }
}

/// Keeps the hour for [`monotonic`] and gives it as the engine wants it.
fn tell(now: f64) -> i64 {
    NOW.fetch_max((now * 1000.0) as u64, Relaxed);
    now as i64
}

fn monotonic() -> u64 {
    NOW.load(Relaxed)
}

fn words(seed: &[u8]) -> [u64; 4] {
    let mut out = [0; 4];
    for (word, bytes) in out.iter_mut().zip(seed.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(whole);
    }
    out
}

fn facts() -> HostFacts {
    HostFacts {
        used_memory: memory::used,
        peak_memory: memory::peak,
        resident_memory: memory::used,
        monotonic,
        os: "browser",
        allocator: "system",
        ..HostFacts::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_run() {
        let mut worker = Worker::new(&[7; 32], 1000.0);
        let session = worker.open(1000.0);
        assert_eq!(worker.send(session, b"HSET h a 1\r\nHGET", 1001.0), b":1\r\n");
        assert_eq!(worker.send(session, b" h a\r\n", 1002.0), b"$1\r\n1\r\n");
        assert!(worker.pending().is_empty());
        assert!(worker.tick(1002.0) > 1002.0);
    }

    #[test]
    fn sessions_are_numbers_that_are_used_again() {
        let mut worker = Worker::new(&[], 0.0);
        assert_eq!((worker.open(0.0), worker.open(0.0)), (0, 1));
        worker.close(0);
        worker.close(0);
        assert!(worker.send(0, b"DBSIZE\r\n", 0.0).is_empty());
        assert_eq!(worker.open(0.0), 0);
        assert_eq!(worker.send(0, b"DBSIZE\r\n", 0.0), b":0\r\n");
    }
}

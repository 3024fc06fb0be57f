//! Snapshots in the simulation of diskstore: what a BGSAVE writes while commands go on must be the dataset of its
//! instant, and what DEBUG RELOAD loads must be what was there.

use nuthatch_core::{ALL_COMMANDS, Config, Engine, Options, SessionInfo};

use super::files::MemoryFiles;
use super::twin::{Side, StoreTwin};
use super::world::facts;

const DUMP: &[u8] = b"dump.rdb";
/// An engine that asks for nothing in so many turns has nothing left to do.
const PATIENCE: usize = 10;

impl Side {
    /// Lets the engine's jobs on files be carried out until it has no more.
    pub(super) fn settle_files(&mut self, now: i64) {
        let mut idle = 0;
        while idle < PATIENCE {
            while let Some((id, job)) = self.engine.poll_job() {
                self.files.take(id, job);
            }
            if let Some((id, done)) = self.files.step() {
                self.engine.handle_completion(id, done, now);
                idle = 0;
            } else {
                self.engine.handle_timeout(now);
                idle += 1;
            }
        }
    }
}

/// The digest of what a file holds.
fn digest(file: &[u8], now: i64) -> Result<Vec<u8>, String> {
    let config = twin_config();
    let mut engine =
        Engine::new(Options { commands: ALL_COMMANDS, config, host: facts(), seed: [1, 2, 3, 4], now });
    engine.carries_snapshots();
    let client = engine.open_session(SessionInfo::default(), now);
    let mut side = Side { engine, client, racers: Vec::new(), files: MemoryFiles::default() };
    side.files.put(DUMP, file.to_vec());
    side.engine.load_at_start();
    side.settle_files(now);
    side.engine.handle_bytes(client, b"DEBUG DIGEST\r\n", now);
    let told = side.take_output();
    if told.starts_with(b"+") { Ok(told) } else { Err(format!("{:?}", String::from_utf8_lossy(&told))) }
}

/// Both engines' configuration but for the cache's.
pub(super) fn twin_config() -> Config {
    let mut config = Config::default();
    config.hash_max_listpack_entries = 16;
    config.set_max_listpack_entries = 16;
    config.zset_max_listpack_entries = 16;
    config.databases = 3;
    config.save = Vec::new();
    // The digests of datasets are compared.
    let _ = config.parse_line(b"enable-debug-command yes");
    config
}

impl StoreTwin {
    /// Begins a snapshot, if none is being written; the engine without a store writes its own at once.
    pub(super) fn begin_save(&mut self) -> Result<(), String> {
        if self.in_transaction || self.instant.is_some() {
            return Ok(());
        }
        let told = self.ask(b"BGSAVE\r\n", "BGSAVE")?;
        self.past.remember(&format!("BGSAVE {}", String::from_utf8_lossy(&told)));
        if told.starts_with(b"-") {
            return Ok(());
        }
        self.plain.engine.handle_bytes(self.plain.client, b"BGSAVE\r\n", self.now);
        self.plain.take_output();
        self.plain.settle_files(self.now);
        let file = self.plain.files.get(DUMP).ok_or("the plain engine wrote no snapshot")?;
        self.instant = Some((digest(file, self.now)?, self.now));
        Ok(())
    }

    /// A snapshot's end, as the log tells it.
    pub(super) fn notice_save(&mut self, line: &str) -> Result<(), String> {
        if line.contains("Background saving error") {
            self.instant = None;
        } else if line.contains("Background saving terminated with success")
            && let Some((expected, then)) = self.instant.take()
        {
            let file = self.stored.files.get(DUMP).ok_or("the snapshot's file is not there")?;
            self.saved += 1;
            if digest(file, then)? != expected {
                return Err("the snapshot is not the dataset of its instant".to_owned());
            }
        }
        Ok(())
    }

    /// DEBUG RELOAD.
    pub(super) fn reload(&mut self) -> Result<(), String> {
        if self.in_transaction || self.instant.is_some() {
            return Ok(());
        }
        // Whether a watched key was there before a reload only the engine that has all keys in memory knows.
        self.both(&[b"UNWATCH".to_vec()])?;
        self.both(&[b"DEBUG".to_vec(), b"RELOAD".to_vec()])?;
        self.compare_everything()
    }
}

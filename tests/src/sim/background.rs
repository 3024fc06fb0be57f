//! What a snapshot in the background has under way at the worst: its device answers only when nothing more is asked of it.

use nuthatch_core::{ALL_COMMANDS, Engine, HostFacts, Job, Options, SessionInfo};

use super::Dice;
use super::files::MemoryFiles;
use super::paged::{MEMORY, memory};
use super::pages::MemoryPages;
use super::saves::twin_config;
use super::world::facts;

const VALUE: usize = 1000;
/// An engine that asks for nothing in so many turns waits for what it has asked for.
const PATIENCE: usize = 5;

/// An engine most of whose values lie on a page device.
struct Swapped {
    engine: Engine,
    pages: MemoryPages,
    files: MemoryFiles,
    dice: Dice,
    now: i64,
}

impl Swapped {
    fn new(limit: usize, keys: usize) -> Self {
        let mut config = twin_config();
        config.vm_enabled = true;
        config.vm_max_memory = limit as i64;
        config.vm_page_size = 256;
        let mut dice = Dice::new(1);
        let (seed, now) = (dice.seed(), 1_700_000_000_000);
        let host = HostFacts { used_memory: memory, ..facts() };
        let mut engine = Engine::new(Options { commands: ALL_COMMANDS, config, host, seed, now });
        engine.carries_snapshots();
        engine.carries_pages();
        let pages = MemoryPages::new(&mut dice);
        let mut swapped = Self { engine, pages, files: MemoryFiles::default(), dice, now };
        // Far over the limit: values leave as they come.
        MEMORY.set(2 * limit);
        let client = swapped.engine.open_session(SessionInfo::default(), now);
        let value = vec![b'v'; VALUE];
        for key in 0..keys {
            let words = [b"SET".to_vec(), key.to_string().into_bytes(), value.clone()];
            swapped.engine.handle_bytes(client, &crate::resp::encode(&words), now);
            swapped.take_jobs();
            while swapped.end_one_job() {}
        }
        MEMORY.set(limit);
        swapped.engine.handle_bytes(client, b"BGSAVE\r\n", now);
        swapped
    }

    /// Takes the engine's jobs; how many bytes they have.
    fn take_jobs(&mut self) -> usize {
        let mut bytes = 0;
        while let Some((id, job)) = self.engine.poll_job() {
            match job {
                Job::PageWrite { .. } | Job::PageRead { .. } => {
                    if let Job::PageRead { len, .. } = job {
                        bytes += len;
                    }
                    let taken = self.pages.take(id, job);
                    assert!(taken.is_ok(), "{taken:?}");
                }
                other => {
                    if let Job::Append { bytes: portion, .. } = &other {
                        bytes += portion.len();
                    }
                    self.files.take(id, other);
                }
            }
        }
        bytes
    }

    /// False: there is none.
    fn end_one_job(&mut self) -> bool {
        let ended = self.files.step().or_else(|| self.pages.step(&mut self.dice));
        let is_one = ended.is_some();
        if let Some((id, done)) = ended {
            self.engine.handle_completion(id, done, self.now);
        }
        is_one
    }
}

/// The most bytes of reads and portions that a BGSAVE has under way at once, under a limit of memory that a few of the values fill.
pub fn most_under_way(limit: usize, keys: usize) -> usize {
    let mut swapped = Swapped::new(limit, keys);
    let mut most = 0;
    loop {
        let (mut under_way, mut idle) = (0, 0);
        while idle < PATIENCE {
            let bytes = swapped.take_jobs();
            under_way += bytes;
            idle = if bytes > 0 { 0 } else { idle + 1 };
            swapped.now += 100;
            swapped.engine.handle_timeout(swapped.now);
        }
        most = most.max(under_way);
        if !swapped.end_one_job() {
            return most;
        }
        while swapped.end_one_job() {}
    }
}

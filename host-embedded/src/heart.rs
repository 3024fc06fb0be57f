//! An engine and the flash under it: what a serial line and a program's own calls have in common.

use crate::memory;
use crate::node::NodeOptions;
use crate::store::{Store, finished};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::convert::Infallible;
use nuthatch_core::{
    Config, Engine, FlashDevice, FlashError, HostFacts, Job, Options, SessionId, StoreJob, flash_place,
};

/// Databases; Redis's sixteen would cost memory that a chip does not have.
const DATABASES: i64 = 16;
/// Of the arena a quarter is for what commands need while they run.
const WORK_PART: usize = 4;
/// Of what is left of the arena half is for values where the rest of them lies on the flash, and of the arena a sixteenth at least.
const CACHE_PART: usize = 2;
const LEAST_CACHE: usize = 8;
/// Slow commands that are remembered.
const SLOW_COMMANDS: i64 = 8;

/// There is no flash chip: what memory holds is lost with the power.
#[derive(Debug)]
pub enum NoFlash {}

impl FlashDevice for NoFlash {
    type Error = Infallible;
    const EXISTS: bool = false;

    async fn read(&mut self, _: u32, _: &mut [u8]) -> Result<(), Infallible> {
        match *self {}
    }

    async fn program(&mut self, _: u32, _: &[u8]) -> Result<(), Infallible> {
        match *self {}
    }

    async fn erase(&mut self, _: u32) -> Result<(), Infallible> {
        match *self {}
    }

    async fn barrier(&mut self) -> Result<(), Infallible> {
        match *self {}
    }
}

/// An engine, and the store that its jobs are for.
pub(crate) struct Heart<D: FlashDevice> {
    pub(crate) engine: Box<Engine>,
    pub(crate) store: Option<Store<D>>,
}

impl<D: FlashDevice> Heart<D> {
    pub(crate) fn new(store: Option<Store<D>>, options: &NodeOptions) -> Self {
        let over_a_store = D::EXISTS && store.is_some();
        let mut engine = engine(options, over_a_store);
        engine.carries_arena(options.has_room, options.longest_value());
        if over_a_store {
            engine.carries_store(flash_place);
            // What is left when the index and all else have their memory.
            let left = options.arena.saturating_sub(memory::used()).max(options.arena / LEAST_CACHE);
            engine.server_mut().config.cache_max_memory = (left / CACHE_PART) as i64;
        }
        Self { engine, store }
    }

    /// Carries out the engine's jobs until there are no more.
    pub(crate) async fn carry(&mut self, now: i64) {
        let Some(store) = self.store.as_mut().filter(|_| D::EXISTS) else { return };
        store.log().set_now(now);
        while let Some((id, job)) = self.engine.poll_job() {
            let done = match job {
                Job::Store(StoreJob::Read { db, key }) => loop {
                    match store.read(db, &key).await {
                        Err(FlashError::Memory) if self.engine.let_go() => {}
                        read => break read,
                    }
                },
                job => store.carry(job).await,
            };
            self.engine.handle_completion(id, finished(done), now);
        }
        let full = store.is_full(|| self.engine.let_go());
        self.engine.note_full_store(full);
        let wait = store.spends(self.engine.config(), now);
        self.engine.spare_store(now.saturating_add(wait));
    }

    /// What the engine answers to a command of the program's own.
    pub(crate) async fn ask(&mut self, session: SessionId, words: &[&[u8]], now: i64) -> Vec<u8> {
        let mut command = Vec::new();
        put_head(b'*', words.len(), &mut command);
        for word in words {
            put_head(b'$', word.len(), &mut command);
            command.extend_from_slice(word);
            command.extend_from_slice(b"\r\n");
        }
        self.engine.handle_bytes(session, &command, now);
        self.carry(now).await;
        let reply = self.engine.output(session).to_vec();
        self.engine.consume_output(session, reply.len());
        reply
    }
}

/// The head of an array or of a text.
fn put_head(marker: u8, length: usize, out: &mut Vec<u8>) {
    out.push(marker);
    let mut divisor = 1;
    while length / divisor >= 10 {
        divisor *= 10;
    }
    while divisor > 0 {
        out.push(b'0' + (length / divisor % 10) as u8);
        divisor /= 10;
    }
    out.extend_from_slice(b"\r\n");
}

/// The engine, in the arena. A function of its own, so that its copies on the stack are gone when the engine runs.
#[inline(never)]
fn engine(options: &NodeOptions, over_a_store: bool) -> Box<Engine> {
    Box::new(Engine::new(Options {
        commands: options.commands,
        config: config(options, over_a_store),
        host: facts(options.monotonic),
        seed: options.seed,
        now: options.now,
    }))
}

fn config(options: &NodeOptions, over_a_store: bool) -> Config {
    let mut config = Config::default();
    config.databases = DATABASES;
    // What does not fit into a cache lies on the flash; the cache has its own limit.
    config.maxmemory = if over_a_store { 0 } else { (options.arena - options.arena / WORK_PART) as i64 };
    config.client_query_buffer_limit = options.arena as i64;
    config.rdbcompression = false;
    config.latency_tracking = false;
    config.slowlog_max_len = SLOW_COMMANDS;
    config.cache_flush_delay = options.flush_delay;
    config.flash_bytes_per_hour = options.bytes_per_hour;
    config.flash_erases_per_hour = options.erases_per_hour;
    config.flash_burst = options.burst;
    config.save.clear();
    config
}

fn facts(monotonic: fn() -> u64) -> HostFacts {
    HostFacts {
        used_memory: memory::used,
        peak_memory: memory::peak,
        resident_memory: memory::used,
        monotonic,
        os: "none",
        allocator: "arena",
        ..HostFacts::UNKNOWN
    }
}

//! An engine and the flash under it: what a serial line and a program's own calls have in common.

use crate::memory;
use crate::node::NodeOptions;
#[cfg(feature = "store")]
use crate::store::{Store, finished};
use alloc::boxed::Box;
use alloc::vec::Vec;
use nuthatch_core::{Config, Engine, HostFacts, Options, SessionId};
#[cfg(feature = "store")]
use nuthatch_core::{FlashDevice, FlashError, Job, StoreJob, flash_place};
use nuthatch_waits::waits;

/// Databases; Redis's sixteen would cost memory that a chip does not have.
const DATABASES: i64 = 16;
/// Of the arena a quarter is for what commands need while they run.
pub(crate) const WORK_PART: usize = 4;
/// Of what is left of the arena half is for values where the rest of them lies on the flash, and of the arena a sixteenth at least.
#[cfg(feature = "store")]
const CACHE_PART: usize = 2;
#[cfg(feature = "store")]
const LEAST_CACHE: usize = 8;
/// Of the arena so much is kept in one piece between turns, for what the next command needs while it runs.
const RESERVE_PART: usize = 8;
/// Slow commands that are remembered.
const SLOW_COMMANDS: i64 = 8;

/// What lies below an engine's memory. A trait, so that a firmware without a flash chip has no code for one.
#[allow(async_fn_in_trait, reason = "a chip has one thread: nothing is sent to another")]
#[waits]
pub trait Below {
    /// Tells a new engine what it stands on.
    fn begin(&mut self, engine: &mut Engine, options: &NodeOptions);

    /// Carries out the engine's jobs until there are no more.
    async fn carry(&mut self, engine: &mut Engine, now: i64);

    /// Puts lines for INFO, of a store that has been open for so many seconds.
    fn write_info(&self, seconds: u64, out: &mut Vec<u8>);
}

/// There is no flash chip: what memory holds is lost with the power.
#[derive(Debug, Clone, Copy)]
pub struct NoFlash;

#[waits]
impl Below for NoFlash {
    fn begin(&mut self, engine: &mut Engine, options: &NodeOptions) {
        engine.server_mut().config.maxmemory = (options.arena - options.arena / WORK_PART) as i64;
    }

    async fn carry(&mut self, _: &mut Engine, _: i64) {}

    fn write_info(&self, _: u64, _: &mut Vec<u8>) {}
}

#[cfg(feature = "store")]
#[waits]
impl<D: FlashDevice> Below for Store<D> {
    fn begin(&mut self, engine: &mut Engine, options: &NodeOptions) {
        // What does not fit into the cache lies on the flash: the cache has its limit, memory has none.
        engine.carries_store(flash_place);
        // What is left when the index and all else have their memory.
        let left = options.arena.saturating_sub(memory::used()).max(options.arena / LEAST_CACHE);
        engine.server_mut().config.cache_max_memory = (left / CACHE_PART) as i64;
    }

    async fn carry(&mut self, engine: &mut Engine, now: i64) {
        self.log().set_now(now);
        while let Some((id, job)) = engine.poll_job() {
            let done = match job {
                Job::Store(StoreJob::Read { db, key }) => loop {
                    match self.read(db, &key).await {
                        Err(FlashError::Memory) if engine.let_go() => {}
                        read => break read,
                    }
                },
                job => self.carry_out(job).await,
            };
            engine.handle_completion(id, finished(done), now);
        }
        let full = self.is_full(|| engine.let_go());
        engine.note_full_store(full);
        let wait = self.spends(engine.config(), now);
        engine.spare_store(now.saturating_add(wait));
    }

    fn write_info(&self, seconds: u64, out: &mut Vec<u8>) {
        self.stats().write_info(seconds, out);
    }
}

/// An engine, and what its jobs are for.
pub(crate) struct Heart<B: Below> {
    pub(crate) engine: Box<Engine>,
    pub(crate) below: B,
    reserve: Reserve,
}

/// A piece of memory at the arena's end that is free while commands run and taken between them. What stays finds its place
/// before it, because the allocator looks from the beginning: so the arena does not fall to pieces of which none takes a
/// command, with a third of it free.
struct Reserve {
    bytes: usize,
    held: Vec<u8>,
}

impl Reserve {
    /// Takes the last of the memory that is free in one piece.
    fn at_the_end(arena: usize) -> Self {
        let mut reserve = Self { bytes: arena / RESERVE_PART, held: Vec::new() };
        let step = reserve.bytes.max(1);
        let mut before: Vec<u8> = Vec::new();
        // With what lies before taken, the next piece is the one behind it.
        let _ = (1..RESERVE_PART).rev().find(|pieces| before.try_reserve_exact(pieces * step).is_ok());
        reserve.close();
        drop(before);
        reserve
    }

    /// Frees it for a command.
    fn open(&mut self) {
        self.held = Vec::new();
    }

    /// Takes it again, or what is left where something came to lie at its beginning. With less of it commands are refused
    /// sooner: nothing else depends on it.
    fn close(&mut self) {
        let held = &mut self.held;
        let _ = (1..=RESERVE_PART)
            .rev()
            .find(|part| held.try_reserve_exact(self.bytes / RESERVE_PART * part).is_ok());
    }
}

#[waits]
impl<B: Below> Heart<B> {
    pub(crate) fn new(mut below: B, options: &NodeOptions) -> Self {
        let mut engine = engine(options);
        engine.carries_arena(options.has_room, options.longest_value());
        below.begin(&mut engine, options);
        Self { engine, below, reserve: Reserve::at_the_end(options.arena) }
    }

    /// Commands are about to run.
    pub(crate) fn open(&mut self) {
        self.reserve.open();
    }

    /// None runs until the next [`Heart::open`].
    pub(crate) fn close(&mut self) {
        self.reserve.close();
    }

    /// Carries out the engine's jobs until there are no more.
    pub(crate) async fn carry(&mut self, now: i64) {
        self.below.carry(&mut self.engine, now).await;
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
fn engine(options: &NodeOptions) -> Box<Engine> {
    Box::new(Engine::new(Options {
        commands: options.commands,
        config: config(options),
        host: facts(options.monotonic),
        seed: options.seed,
        now: options.now,
    }))
}

fn config(options: &NodeOptions) -> Config {
    let mut config = Config::default();
    config.databases = DATABASES;
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

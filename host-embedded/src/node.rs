//! One engine behind one serial line.

use crate::memory;
use embedded_io::{Read, ReadReady, Write};

use nuthatch_core::{Command, Config, Engine, HostFacts, Options, SessionId, SessionInfo};

/// Bytes taken from the line in one call: what a UART's buffer holds and a little more.
const CHUNK: usize = 256;
/// Databases; Redis's sixteen would cost memory that a chip does not have.
const DATABASES: i64 = 1;

/// What a firmware brings.
#[derive(Debug, Clone, Copy)]
pub struct NodeOptions {
    /// The commands it knows. What this does not name, the linker drops.
    pub commands: &'static [&'static [Command]],
    /// 256 random bits, from the chip's generator.
    pub seed: [u64; 4],
    /// Milliseconds since the Unix epoch, or since the start where there is no clock.
    pub now: i64,
    /// Bytes of the arena that values may take; beyond them writes are refused with `-OOM`.
    pub max_memory: i64,
    /// Microseconds that only grow, for SLOWLOG and LATENCY.
    pub monotonic: fn() -> u64,
}

/// An engine that answers on a serial line. The line has one client, or several one after the other: it cannot tell.
pub struct Node<S> {
    engine: Engine,
    session: SessionId,
    serial: S,
}

impl<S: Read + Write + ReadReady> Node<S> {
    /// An empty engine on this line.
    pub fn new(serial: S, options: NodeOptions) -> Self {
        let mut config = Config::default();
        config.databases = DATABASES;
        config.maxmemory = options.max_memory;
        let mut engine = Engine::new(Options {
            commands: options.commands,
            config,
            host: facts(options.monotonic),
            seed: options.seed,
            now: options.now,
        });
        let session = engine.open_session(SessionInfo::default(), options.now);
        Self { engine, session, serial }
    }

    /// One turn: takes at most [`CHUNK`] bytes if some are there, runs the complete commands in them, does what is due
    /// at `now`, and writes the replies. Does not wait for input.
    ///
    /// # Errors
    /// Those of the line.
    pub fn serve(&mut self, now: i64) -> Result<(), S::Error> {
        if self.serial.read_ready()? {
            let mut chunk = [0; CHUNK];
            let length = self.serial.read(&mut chunk)?;
            self.engine.handle_bytes(self.session, &chunk[..length], now);
        }
        if now >= self.engine.poll_timeout() {
            self.engine.handle_timeout(now);
        }
        self.answer(now)
    }

    /// When [`Node::serve`] should be called next if no byte comes.
    pub fn next_turn(&self) -> i64 {
        self.engine.poll_timeout()
    }

    /// The engine, for a firmware that looks at its counters.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The line.
    pub fn serial(&self) -> &S {
        &self.serial
    }

    /// The line, given back.
    pub fn into_serial(self) -> S {
        self.serial
    }

    fn answer(&mut self, now: i64) -> Result<(), S::Error> {
        let output = self.engine.output(self.session);
        let length = output.len();
        if length > 0 {
            self.serial.write_all(output)?;
            self.serial.flush()?;
            self.engine.consume_output(self.session, length);
        }
        // A line cannot be hung up: after QUIT or a protocol error its next client finds a fresh session.
        if self.engine.wants_close(self.session) {
            self.engine.close_session(self.session);
            self.session = self.engine.open_session(SessionInfo::default(), now);
        }
        Ok(())
    }
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

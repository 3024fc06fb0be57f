//! One engine behind one serial line.

use crate::answers::{Answer, Answers};
use crate::db::Digits;
use crate::export;
use crate::heart::Heart;
pub use crate::heart::{Below, NoFlash};
use crate::line::{Line, Turn};
#[cfg(feature = "pages")]
use crate::pages::Pages;
#[cfg(feature = "store")]
use crate::store::Store;
use alloc::vec::Vec;
use embedded_io::{Read, ReadReady, Write};
#[cfg(any(feature = "store", feature = "pages"))]
use nuthatch_core::FlashDevice;
use nuthatch_core::{Command, Engine, Request, Session, SessionId, SessionInfo, flash_block_on};
use nuthatch_waits::waits;

/// Bytes taken from the line in one call: what a UART's buffer holds and a little more.
const CHUNK: usize = 256;
/// An arena of 16 KiB takes values of 1 KiB, one of 1 MiB values of 64 KiB.
const LONGEST_PART: usize = 16;
/// Milliseconds from one look at the flash's figures to the next.
const FIGURES: i64 = 100;
/// Bytes of the mark at the end of an exported file.
const MARK: usize = 40;

/// Lists of the commands that a node knows. What they do not name, the linker drops.
pub type Commands = &'static [&'static [Command]];

/// What a firmware brings.
#[derive(Debug, Clone, Copy)]
pub struct NodeOptions {
    /// The commands it knows.
    pub commands: Commands,
    /// 256 random bits, from the chip's generator: the key of the hashes.
    pub seed: [u64; 4],
    /// Milliseconds since the Unix epoch, or since the start where there is no clock.
    pub now: i64,
    /// Bytes of the arena.
    pub arena: usize,
    /// Whether so many bytes can be had in one piece. What might need more is refused with `-OOM`.
    pub has_room: fn(usize) -> bool,
    /// Seconds that a change may wait before it is written (`cache-flush-delay`); 0: a reply comes when its change is on the
    /// flash.
    pub flush_delay: i64,
    /// The budget of writes: erases an hour (`flash-erases-per-hour`), or bytes an hour (`flash-bytes-per-hour`) where that is
    /// 0. With both 0 there is none. Beyond it changes that may wait do so longer.
    pub erases_per_hour: i64,
    /// See [`erases_per_hour`](Self::erases_per_hour).
    pub bytes_per_hour: i64,
    /// What may be spent at once (`flash-burst`); 0: as much as an hour gives.
    pub burst: i64,
    /// Microseconds that only grow, for SLOWLOG and LATENCY.
    pub monotonic: fn() -> u64,
}

impl NodeOptions {
    /// Options for an arena of so many bytes. A seed that is the same on every chip leaves the hashes without a key: names can
    /// be chosen that collide. A `has_room` that always agrees, and not [`memory::has_room`](crate::memory::has_room), lets a
    /// command end the firmware for want of memory.
    pub fn new(
        commands: Commands,
        arena: usize,
        now: i64,
        seed: [u64; 4],
        has_room: fn(usize) -> bool,
    ) -> Self {
        Self {
            commands,
            seed,
            now,
            arena,
            has_room,
            flush_delay: 0,
            erases_per_hour: 0,
            bytes_per_hour: 0,
            burst: 0,
            monotonic: || 0,
        }
    }

    /// Bytes that one value may take.
    pub fn longest_value(&self) -> usize {
        self.arena / LONGEST_PART
    }
}

/// An engine that answers on a serial line. The line has one client, or several one after the other: it cannot tell, so
/// [`line`](crate::line) says how a new one gets clean answers.
///
/// On a flash chip memory is a cache: what was answered is on the flash.
pub struct Node<S, B: Below = NoFlash> {
    heart: Heart<B>,
    session: SessionId,
    serial: S,
    line: Line,
    options: NodeOptions,
    /// Sessions with something to say: there is one, but the engine tells.
    pending: Vec<SessionId>,
    /// When the flash's figures are told to the engine again.
    next_figures: i64,
}

impl<S: Read + Write + ReadReady> Node<S> {
    /// An empty engine on this line, without flash.
    pub fn new(serial: S, options: NodeOptions) -> Self {
        Self::assemble(serial, NoFlash, options)
    }
}

#[cfg(feature = "store")]
impl<S: Read + Write + ReadReady, D: FlashDevice> Node<S, Store<D>> {
    /// An engine on this line, over what is on the flash.
    pub fn on_flash(serial: S, store: Store<D>, options: NodeOptions) -> Self {
        Self::assemble(serial, store, options)
    }
}

#[cfg(feature = "pages")]
impl<S: Read + Write + ReadReady, D: FlashDevice> Node<S, Pages<D>> {
    /// An empty engine on this line, with virtual memory: what is seldom used lies on the chip. A start forgets everything.
    pub fn paged(serial: S, pages: Pages<D>, options: NodeOptions) -> Self {
        Self::assemble(serial, pages, options)
    }
}

#[waits]
impl<S: Read + Write + ReadReady, B: Below> Node<S, B> {
    fn assemble(serial: S, below: B, options: NodeOptions) -> Self {
        let mut heart = Heart::new(below, &options);
        let session = heart.engine.open_session(SessionInfo::default(), options.now);
        let line = Line::new(options.now);
        Self { heart, session, serial, line, options, pending: Vec::new(), next_figures: options.now }
    }

    /// One turn: takes at most [`CHUNK`] bytes if some are there, runs the complete commands in them, does what is due
    /// at `now`, and writes the replies. Does not wait for input.
    ///
    /// # Errors
    /// Those of writing to the line. One of reading is noise: what was half received is dropped.
    pub fn serve(&mut self, now: i64) -> Result<(), S::Error> {
        flash_block_on(self.turn(now))
    }

    /// [`Node::serve`] for a chip whose operations are waited for. It is not to be given up in the middle.
    ///
    /// # Errors
    /// As there.
    pub async fn turn(&mut self, now: i64) -> Result<(), S::Error> {
        self.heart.open();
        let result = self.take_turn(now).await;
        self.heart.close();
        result
    }

    async fn take_turn(&mut self, now: i64) -> Result<(), S::Error> {
        let mut chunk = [0; CHUNK];
        let received = match self.serial.read_ready() {
            Ok(true) => self.serial.read(&mut chunk).ok(),
            Ok(false) => Some(0),
            Err(_) => None,
        };
        let bytes = received.and_then(|length| chunk.get(..length));
        match self.line.hear(bytes, self.is_halfway(), now) {
            Turn::Take => self.take(bytes.unwrap_or_default(), now),
            Turn::Renew => {
                self.renew(now);
                self.take(bytes.unwrap_or_default(), now);
            }
            Turn::Drop => {}
        }
        if now >= self.heart.engine.poll_timeout() {
            self.heart.engine.handle_timeout(now);
        }
        self.heart.carry(now).await;
        self.tell_figures(now);
        self.pending.clear();
        self.heart.engine.poll_pending(&mut self.pending);
        while let Some(request) = self.heart.engine.poll_request() {
            // SYNC is among the lists that a firmware with this feature has.
            if cfg!(feature = "types") && request == Request::Export {
                self.export(now).await?;
            }
        }
        self.answer(now)
    }

    /// Hands the flash's figures to INFO.
    fn tell_figures(&mut self, now: i64) {
        // INFO is among the lists that a firmware with this feature has.
        if cfg!(feature = "server") && now >= self.next_figures {
            self.next_figures = now + FIGURES;
            let mut text = Vec::new();
            let seconds = (now - self.options.now) / 1000;
            self.heart.below.write_info(seconds.unsigned_abs(), &mut text);
            self.heart.engine.server_mut().host_section = text;
        }
    }

    /// Sends the dataset as an RDB file with a mark at its end, as redis-cli takes it.
    async fn export(&mut self, now: i64) -> Result<(), S::Error> {
        let mut mark = [b'0'; MARK];
        let seed = self.options.seed[3] ^ now.unsigned_abs();
        mark.iter_mut().enumerate().for_each(|(i, byte)| *byte = b'a' + (seed >> (i % 16 * 4) & 15) as u8);
        self.serial.write_all(b"$EOF:")?;
        self.serial.write_all(&mark)?;
        self.serial.write_all(b"\r\n")?;
        self.serial.write_all(export::HEADER)?;
        let copier = self.heart.engine.open_session(SessionInfo::default(), now);
        for db in 0..self.heart.engine.config().databases as u8 {
            self.export_database(copier, db, now).await?;
        }
        self.heart.engine.close_session(copier);
        self.serial.write_all(export::END)?;
        self.serial.write_all(&mark)?;
        self.serial.flush()
    }

    async fn export_database(&mut self, copier: SessionId, db: u8, now: i64) -> Result<(), S::Error> {
        self.heart.ask(copier, &[b"SELECT", Digits::of(db.into()).text()], now).await;
        let mut cursor = Vec::from(*b"0");
        let mut begun = false;
        loop {
            let page = self.heart.ask(copier, &[b"SCAN", &cursor], now).await;
            let mut answers = Answers::new(&page).filter_map(|answer| match answer {
                Answer::Text(text) => Some(text),
                _ => None,
            });
            let Some(next) = answers.next() else { return Ok(()) };
            cursor = next.to_vec();
            for key in answers {
                let mut replies = self.heart.ask(copier, &[b"DUMP", key], now).await;
                replies.extend(self.heart.ask(copier, &[b"PEXPIRETIME", key], now).await);
                let mut bytes = Vec::new();
                if !begun {
                    export::select(db, &mut bytes);
                    begun = true;
                }
                export::entry(key, &replies, &mut bytes);
                self.serial.write_all(&bytes)?;
            }
            if cursor == b"0" {
                return Ok(());
            }
        }
    }

    /// Whether [`Node::serve`] should be called again at once, even if no byte comes.
    pub fn is_busy(&self, now: i64) -> bool {
        self.heart.engine.poll_timeout() <= now
    }

    /// When [`Node::serve`] should be called next if no byte comes.
    pub fn next_turn(&self) -> i64 {
        self.heart.engine.poll_timeout()
    }

    /// The engine, for a firmware that looks at its counters.
    pub fn engine(&self) -> &Engine {
        &self.heart.engine
    }

    /// The line.
    pub fn serial(&self) -> &S {
        &self.serial
    }

    /// The line, given back.
    pub fn into_serial(self) -> S {
        self.serial
    }

    /// A command was received in part, or waits for another that will not come on this line.
    fn is_halfway(&self) -> bool {
        self.heart
            .engine
            .session(self.session)
            .is_some_and(|session| !session.input.is_empty() || session.blocked.is_some())
    }

    fn take(&mut self, bytes: &[u8], now: i64) {
        if bytes.is_empty() {
            return;
        }
        let pending = self.heart.engine.session(self.session).map_or(0, |session| session.input.len());
        // A buffer that grows is there twice for a moment, the new one with twice the room.
        if (self.options.has_room)(4 * (pending + bytes.len())) {
            self.heart.engine.handle_bytes(self.session, bytes, now);
        } else {
            self.line.lose("-OOM the command does not fit into the memory that is free\r\n");
        }
    }

    /// Forgets the client with all that it left.
    fn renew(&mut self, now: i64) {
        self.heart.engine.close_session(self.session);
        self.session = self.heart.engine.open_session(SessionInfo::default(), now);
    }

    fn answer(&mut self, now: i64) -> Result<(), S::Error> {
        if self.heart.engine.session(self.session).is_some_and(Session::is_closing) {
            // Out of step: what is still on its way is not to be taken for commands.
            self.line.lose("");
        }
        match self.line.say(now) {
            None => Ok(()),
            Some("") => self.send(now),
            Some(text) => {
                self.serial.write_all(text.as_bytes())?;
                self.renew(now);
                self.serial.flush()
            }
        }
    }

    fn send(&mut self, now: i64) -> Result<(), S::Error> {
        let output = self.heart.engine.output(self.session);
        let length = output.len();
        if length > 0 {
            self.serial.write_all(output)?;
            self.serial.flush()?;
            self.heart.engine.consume_output(self.session, length);
        }
        // A line cannot be hung up: after QUIT or a protocol error its next client finds a fresh session.
        if self.heart.engine.wants_close(self.session) {
            self.renew(now);
        }
        Ok(())
    }
}

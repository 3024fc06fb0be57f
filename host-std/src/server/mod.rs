//! The event loop: one thread owns the engine and every socket.
//!
//! A turn waits for events, reads each ready socket once into one shared buffer that the engine parses in place, runs
//! the timers, and only then writes the replies: a turn costs one wait, and one read and one write a client. Sockets
//! are registered once, edge-triggered, for both directions; a read that did not fill the buffer has drained its socket.

mod clients;
mod import;
mod requests;
mod signals;

use crate::facts::now;
use crate::listen::{Ends, Listener, Stream};
use crate::options::reason;
use crate::pages::{LONGEST_IN_RING, OldFile, Pages};
use crate::store::{Opened, Stores};
use crate::worker::Worker;
use crate::{log, memory};
use clients::{Client, Clients};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use nuthatch_core::{Config, Engine, Job, SessionId, SessionInfo};
pub use signals::outlive_file_limits;
use signals::{Signal, Signals};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

const SIGNALS: Token = Token(0);
/// A job on a file has ended.
const WORKER: Token = Token(FIRST_CLIENT - 1);
const FIRST_LISTENER: usize = 1;
/// At most 16 addresses and a Unix socket listen.
const FIRST_CLIENT: usize = 32;
/// One read's worth: what a socket holds by default, so that pipelines come in whole.
const BUFFER: usize = 64 << 10;
/// Events of one turn.
const EVENTS: usize = 1024;
/// Connections taken from a listener in a turn, so that a storm of them does not starve those that are there.
const ACCEPTS: usize = 1000;
/// After so many reads of the store this thread looks after clients again: an eighth of a millisecond's, and one job's more at most.
const READS_AT_ONCE: usize = 16;
/// The longest wait in milliseconds.
const LONGEST_WAIT: i64 = 1000;

/// What cold data lies on.
#[derive(Default)]
pub struct Devices {
    /// The page device of virtual memory.
    pub swap_file: Option<File>,
    /// What was there before.
    pub old_swap_file: Option<OldFile>,
    /// The store of diskstore.
    pub store: Option<Opened>,
}

/// A server that listens.
pub struct Server {
    engine: Engine,
    poll: Poll,
    listeners: Vec<Listener>,
    clients: Clients,
    signals: Signals,
    worker: Worker,
    pages: Option<Pages>,
    stores: Option<Stores>,
    /// Reads of the store may wait for this thread.
    has_reads: bool,
    /// Why the server cannot go on.
    fatal: Option<String>,
    buffer: Box<[u8]>,
    /// Clients whose sockets may hold more than the last read took; true: what follows is the stream's end.
    again: Vec<(SessionId, bool)>,
    /// Listeners that may have more connections waiting.
    accepting: Vec<usize>,
    /// Sessions whose output grew; kept to be used again.
    pending: Vec<SessionId>,
    now: i64,
    /// Where connections are accepted, until the log has said so.
    places: Option<String>,
    /// Until the dataset is loaded.
    old_swap_file: Option<OldFile>,
    stopping: bool,
}

/// Jobs of the store that may be under way.
fn io_jobs(engine: &Engine) -> usize {
    engine.config().cache_io_jobs.max(1).cast_unsigned() as usize
}

impl Server {
    /// A server around `engine`, on these sockets, with what there is for cold data; `places` names them in the log once the dataset is loaded.
    ///
    /// # Errors
    /// Those of registering with the operating system.
    pub fn new(
        mut engine: Engine,
        mut listeners: Vec<Listener>,
        places: String,
        devices: Devices,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (index, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(listener.source(), Token(FIRST_LISTENER + index), Interest::READABLE)?;
        }
        let mut signals = Signals::new()?;
        poll.registry().register(signals.source(), SIGNALS, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WORKER)?);
        let worker = Worker::start(&waker)?;
        let pages = devices
            .swap_file
            .map(|file| Pages::start(file, engine.config().vm_max_threads.cast_unsigned() as usize, &waker))
            .transpose()?;
        if let Some(pages) = &pages {
            if let Some(number) = pages.number() {
                poll.registry().register(&mut SourceFd(&number), WORKER, Interest::READABLE)?;
            }
            engine.carries_pages();
            engine.keeps_snapshots();
            engine.reads_runs(LONGEST_IN_RING);
        }
        engine.carries_files();
        engine.gathers_batches();
        let stores = match devices.store {
            Some(Opened { store, place }) => {
                engine.carries_store(place);
                Some(Stores::start(&store, &waker, io_jobs(&engine))?)
            }
            None => {
                engine.load_at_start();
                None
            }
        };
        Ok(Self {
            engine,
            poll,
            listeners,
            clients: Clients::default(),
            signals,
            worker,
            pages,
            stores,
            has_reads: false,
            fatal: None,
            buffer: vec![0; BUFFER].into(),
            again: Vec::new(),
            accepting: Vec::new(),
            pending: Vec::new(),
            now: now(),
            places: Some(places),
            old_swap_file: devices.old_swap_file,
            stopping: false,
        })
    }

    /// Serves until a signal or SHUTDOWN ends it.
    ///
    /// # Errors
    /// Those of waiting for events; that the dataset cannot be loaded.
    pub fn run(&mut self) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENTS);
        self.hand_out_jobs();
        while !self.stopping {
            self.say_ready();
            self.turn(&mut events)?;
        }
        if let Some(line) = self.fatal.take() {
            return Err(line);
        }
        log::notice("User requested shutdown...");
        self.flush();
        Ok(())
    }

    /// Waits for something to happen, and does what follows from it.
    fn turn(&mut self, events: &mut Events) -> Result<(), String> {
        self.engine.handle_idle(self.now);
        self.wait(events).map_err(|error| format!("Waiting for events failed: {}", reason(&error)))?;
        self.now = now();
        self.look_after_memory();
        if let Some(pages) = &self.pages {
            let (running, ended) = pages.counts();
            self.engine.notice_page_jobs(running, ended);
        }
        if let Some(stores) = &mut self.stores {
            stores.begin_turn(io_jobs(&self.engine));
            self.engine.notice_store_memory(stores.memory());
            self.engine.reads_together(stores.read_together());
        }
        self.read_again();
        for event in events.iter() {
            self.dispatch(event);
        }
        self.accept();
        self.take_completions();
        if self.engine.has_long_work() {
            self.hand_out_jobs();
            self.flush();
        }
        self.engine.handle_timeout(self.now);
        self.carry_requests();
        self.hand_out_jobs();
        self.flush();
        Ok(())
    }

    /// Where the system gave no memory in the last turn, writes are refused until it gives some again.
    fn look_after_memory(&mut self) {
        let short = !memory::refill();
        let known = &mut self.engine.server_mut().short_of_memory;
        if short != std::mem::replace(known, short) {
            log::warning(if short {
                "The system gives this process no more memory: writes are refused. Set maxmemory below its limit."
            } else {
                "There is memory again: writes are taken."
            });
        }
    }

    /// Logs that clients are served, once the dataset is there.
    fn say_ready(&mut self) {
        if !self.engine.server().loading
            && let Some(places) = self.places.take()
        {
            log::notice(&format!("Ready to accept connections on {places}"));
            if let Some(old) = self.old_swap_file.take() {
                old.let_go();
            }
        }
    }

    fn take_completions(&mut self) {
        while let Some((id, done)) = self.worker.poll() {
            self.engine.handle_completion(id, done, self.now);
        }
        while let Some((id, done)) = self.pages.as_mut().and_then(Pages::poll) {
            self.engine.handle_completion(id, done, self.now);
        }
        for (id, done) in self.stores.as_ref().map_or_else(Vec::new, Stores::poll) {
            self.engine.handle_completion(id, done, self.now);
        }
    }

    fn hand_out_jobs(&mut self) {
        let mut helped = 0;
        loop {
            while let Some((id, job)) = self.engine.poll_job() {
                match (&mut self.pages, &self.stores, job) {
                    (_, Some(stores), Job::Store(job)) => stores.send(id, job),
                    (
                        Some(pages),
                        _,
                        job @ (Job::PageRead { .. }
                        | Job::PageWrite { .. }
                        | Job::Keep { .. }
                        | Job::Forget { .. }),
                    ) => {
                        if let Some(done) = pages.send(id, job) {
                            self.engine.handle_completion(id, done, self.now);
                        }
                    }
                    (.., job) => {
                        let (awaited, of_snapshot) = (self.engine.awaits(id), self.engine.is_of_snapshot(id));
                        self.worker.send(id, job, awaited, of_snapshot);
                    }
                }
            }
            // Where values leave more slowly than clients write, clients wait for the device, a batch at a time.
            let ended = match &mut self.pages {
                Some(pages) if self.engine.is_pressed() => pages.wait(),
                _ if self.engine.is_behind() => self.worker.wait(),
                Some(pages) => pages.poll(),
                None if helped >= READS_AT_ONCE => None,
                None => self.stores.as_mut().and_then(Stores::help).map(|(ended, reads)| {
                    helped += reads;
                    ended
                }),
            };
            let Some((id, done)) = ended else { break };
            self.engine.handle_completion(id, done, self.now);
        }
        self.has_reads = helped >= READS_AT_ONCE;
    }

    /// Waits for events. What has gathered for the journal goes to the file before the loop sleeps.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        if self.engine.has_gathered() && self.may_sleep() {
            self.wait_for(events, Duration::ZERO)?;
            if !events.is_empty() {
                return Ok(());
            }
            self.engine.hand_over();
            self.hand_out_jobs();
        }
        let wait = if self.may_sleep() {
            let until = self.engine.poll_timeout() - self.now;
            Duration::from_millis(until.clamp(0, LONGEST_WAIT).cast_unsigned())
        } else {
            Duration::ZERO
        };
        self.wait_for(events, wait)
    }

    /// Whether there is nothing to do before something happens.
    fn may_sleep(&self) -> bool {
        self.again.is_empty() && self.accepting.is_empty() && !self.has_reads
    }

    fn wait_for(&mut self, events: &mut Events, most: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(most)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn dispatch(&mut self, event: &mio::event::Event) {
        match event.token() {
            SIGNALS => self.signalled(),
            WORKER => {}
            Token(index) if index < FIRST_CLIENT => self.accepting.push(index - FIRST_LISTENER),
            Token(index) => {
                let Some(client) = self.clients.at(index - FIRST_CLIENT) else { return };
                let id = client.id;
                if event.is_writable() && client.stuck {
                    client.stuck = false;
                    self.pending.push(id);
                }
                if event.is_readable() {
                    // The end of the stream has no event of its own after the data before it was drained.
                    self.read(id, event.is_read_closed());
                }
            }
        }
    }

    fn read_again(&mut self) {
        for (id, ends) in std::mem::take(&mut self.again) {
            self.read(id, ends);
        }
    }

    /// Reads once; `ends`: what follows is the stream's end.
    fn read(&mut self, id: SessionId, ends: bool) {
        if self.engine.is_behind() {
            // What the disk does not keep up with stays in the sockets, where it slows the clients.
            self.again.push((id, ends));
            return;
        }
        let Some(client) = self.clients.get(id) else { return };
        match client.stream.read(&mut self.buffer) {
            Ok(0) => self.close(id),
            Ok(n) => {
                self.engine.handle_bytes(id, &self.buffer[..n], self.now);
                if ends || n == self.buffer.len() {
                    self.again.push((id, ends));
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => {}
                ErrorKind::Interrupted => self.again.push((id, ends)),
                _ => self.close(id),
            },
        }
    }

    fn close(&mut self, id: SessionId) {
        self.clients.remove(id);
        self.engine.close_session(id);
    }

    fn accept(&mut self) {
        for index in std::mem::take(&mut self.accepting) {
            for turn in 0..=ACCEPTS {
                let Some(listener) = self.listeners.get(index) else { break };
                if turn == ACCEPTS {
                    self.accepting.push(index);
                    break;
                }
                match listener.accept(self.engine.config().tcp_keepalive) {
                    Ok((stream, ends)) => self.welcome(stream, ends),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => {
                        log::warning(&format!("Accepting client connection: {error}"));
                        break;
                    }
                }
            }
        }
    }

    fn welcome(&mut self, mut stream: Stream, ends: Ends) {
        let config = self.engine.config();
        let refusal = if self.clients.count() as i64 >= config.maxclients {
            self.engine.server_mut().stats.rejected_connections += 1;
            Some("-ERR max number of clients reached\r\n")
        } else if config.protected_mode && config.requirepass.is_empty() && !ends.local {
            Some(PROTECTED)
        } else {
            None
        };
        if let Some(text) = refusal {
            let _ = stream.write(text.as_bytes());
            return;
        }
        let unix = matches!(stream, Stream::Unix(_));
        let info = SessionInfo { addr: ends.addr, laddr: ends.laddr, unix, fd: stream.number() };
        let id = self.engine.open_session(info, self.now);
        let token = Token(FIRST_CLIENT + id.slot as usize);
        match self.poll.registry().register(stream.source(), token, Interest::READABLE | Interest::WRITABLE) {
            Ok(()) => self.clients.insert(Client { id, stream, stuck: false }),
            Err(error) => {
                log::warning(&format!("Error registering a client: {error}"));
                self.engine.close_session(id);
            }
        }
    }

    /// Writes what the engine has for its sessions, and closes those that are done.
    fn flush(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        self.engine.poll_pending(&mut pending);
        for id in pending.drain(..) {
            self.write(id);
        }
        self.pending = pending;
    }

    fn write(&mut self, id: SessionId) {
        let Some(client) = self.clients.get(id) else { return };
        while !client.stuck {
            let output = self.engine.output(id);
            if output.is_empty() {
                break;
            }
            let whole = output.len();
            match client.stream.write(output) {
                Ok(n) => {
                    client.stuck = n < whole;
                    self.engine.consume_output(id, n);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => client.stuck = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.close(id),
            }
        }
        if self.engine.wants_close(id) {
            self.close(id);
        }
    }

    fn signalled(&mut self) {
        for signal in self.signals.take() {
            match signal {
                Signal::Stop(name) => {
                    log::warning(&format!("Received {name} scheduling shutdown..."));
                    self.engine.shut_down(saves_on(name, self.engine.config()), self.now);
                }
            }
        }
    }
}

/// What shutdown-on-sigterm or shutdown-on-sigint says of saving.
fn saves_on(signal: &str, config: &Config) -> Option<bool> {
    let words = config.get(format!("shutdown-on-{signal}").as_bytes()).unwrap_or_default();
    words.split(|byte| *byte == b' ').find_map(|word| match word.to_ascii_lowercase().as_slice() {
        b"save" => Some(true),
        b"nosave" => Some(false),
        _ => None,
    })
}

const PROTECTED: &str = "-DENIED Nuthatch is running in protected mode because protected mode is enabled and no password \
is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to \
connect from external computers, set a password with requirepass, or disable protected mode with 'CONFIG SET \
protected-mode no' from the loopback interface, after making sure that the server is not reachable from the \
internet.\r\n";

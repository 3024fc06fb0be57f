//! Signals as events: each writes a byte into a socket that the poll watches.

use mio::net::UnixStream;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::low_level::pipe;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The signal of that name asks for the end.
    Stop(&'static str),
}

/// The end of the socket that is read, and which signals came.
#[derive(Debug)]
pub struct Signals {
    stream: UnixStream,
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

/// A file that may not grow any more (`ulimit -f`) is to be an error of its write, as a full disk is, and not the end of the process.
///
/// # Errors
/// Those of the system.
pub fn outlive_file_limits() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

impl Signals {
    /// Catches SIGINT and SIGTERM; SIGHUP is ignored, as Redis does. A second SIGINT or SIGTERM, while the first is
    /// still being worked on, ends the process at once.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = std::os::unix::net::UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        let signals = Self {
            stream: UnixStream::from_std(reader),
            interrupted: Arc::default(),
            terminated: Arc::default(),
        };
        for (signal, flag) in [(SIGINT, &signals.interrupted), (SIGTERM, &signals.terminated)] {
            signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(flag))?;
            signal_hook::flag::register(signal, Arc::clone(flag))?;
            pipe::register(signal, writer.try_clone()?)?;
        }
        signal_hook::flag::register(SIGHUP, Arc::default())?;
        Ok(signals)
    }

    /// Those that came since the last call.
    pub fn take(&mut self) -> Vec<Signal> {
        let mut bytes = [0; 64];
        while matches!(self.stream.read(&mut bytes), Ok(1..)) {}
        let mut came = Vec::new();
        if self.interrupted.load(Relaxed) {
            came.push(Signal::Stop("SIGINT"));
        } else if self.terminated.load(Relaxed) {
            came.push(Signal::Stop("SIGTERM"));
        }
        came
    }

    /// For the poll.
    pub fn source(&mut self) -> &mut UnixStream {
        &mut self.stream
    }
}

//! What commands ask of the host.

use super::{FIRST_LISTENER, Server};
use crate::options::reason;
use crate::{listen, log, start};
use mio::{Interest, Token};
use nuthatch_core::Request;

impl Server {
    /// Carries out everything that was asked in this turn.
    pub(super) fn carry_requests(&mut self) {
        while let Some(request) = self.engine.poll_request() {
            match request {
                Request::Shutdown { .. } => self.stopping = true,
                Request::Fatal(line) => {
                    self.fatal = Some(line);
                    self.stopping = true;
                }
                Request::Log(line) => log::warning(&line),
                Request::ConfigChanged(name) => self.apply(name),
                // The server's table has no SYNC.
                Request::Export => {}
            }
        }
    }

    /// Brings the host into line with a directive that CONFIG SET changed.
    fn apply(&mut self, name: &str) {
        match name {
            "bind" | "port" => self.listen_anew(),
            "loglevel" => start::open_log(self.engine.config()),
            "maxclients" => start::raise_file_limit(self.engine.config().maxclients),
            "dir" => start::enter(self.engine.config()).unwrap_or_else(|line| log::warning(&line)),
            _ => {}
        }
    }

    /// Opens the sockets of the present configuration, and then closes the old ones. When that fails, the old ones stay.
    fn listen_anew(&mut self) {
        let old = std::mem::take(&mut self.listeners);
        let (unix, tcp): (Vec<_>, Vec<_>) =
            old.into_iter().partition(|listener| matches!(listener, listen::Listener::Unix(..)));
        // An address that stays would be in use by ourselves.
        drop(tcp);
        let mut config = self.engine.config().clone();
        config.unixsocket.clear();
        match listen::open(&config) {
            Ok(listeners) => self.listeners = listeners,
            Err(line) => log::warning(&line),
        }
        self.listeners.extend(unix);
        self.accepting.clear();
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            let _ = self.poll.registry().deregister(listener.source());
            let outcome = self.poll.registry().register(
                listener.source(),
                Token(FIRST_LISTENER + index),
                Interest::READABLE,
            );
            if let Err(error) = outcome {
                log::warning(&format!("Registering a listening socket: {}", reason(&error)));
            }
        }
    }
}

//! `nuthatch import`: a server without sockets loads a snapshot into its diskstore and ends.

use super::{EVENTS, Server};
use crate::options::reason;
use crate::worker;
use mio::Events;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Cells of the progress bar.
const CELLS: u64 = 40;

impl Server {
    /// Loads `dbfilename` into the store in place of what it holds.
    ///
    /// # Errors
    /// Why the store or the file could not be used; the store then holds what it did before.
    pub fn import(&mut self) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENTS);
        let begun = Instant::now();
        self.hand_out_jobs();
        self.turn_while_loading(&mut events, |_| {})?;
        self.engine.load_at_start();
        self.hand_out_jobs();
        let mut bar = Bar::new();
        self.turn_while_loading(&mut events, |server| bar.show(server))?;
        bar.end(self);
        if let Some(file) = &self.engine.server().persistence.incomplete {
            worker::keep(file).map_err(|error| {
                format!("Could not keep the file, some keys of which were skipped: {}", reason(&error))
            })?;
        }
        self.engine.shut_down(None, self.now);
        while !self.stopping {
            self.carry_requests();
            self.turn(&mut events)?;
            // It would wait for somebody to try again.
            if let Some(error) = self.engine.store_error() {
                return Err(format!("The diskstore could not be written: {error}"));
            }
        }
        match self.fatal.take() {
            Some(line) => Err(line),
            None => {
                let keys = self.engine.server().persistence.load.keys;
                println!("{keys} keys are in the diskstore after {:.1} s", begun.elapsed().as_secs_f64());
                Ok(())
            }
        }
    }

    fn turn_while_loading(&mut self, events: &mut Events, mut each: impl FnMut(&Self)) -> Result<(), String> {
        while self.engine.server().loading {
            if self.stopping {
                return Err("The import was interrupted: the store holds what it did before".to_owned());
            }
            self.turn(events)?;
            if let Some(line) = self.fatal.take() {
                return Err(line);
            }
            each(self);
        }
        Ok(())
    }
}

/// The bar on standard error: drawn again in its place on a terminal, a line now and then elsewhere.
struct Bar {
    shown: Instant,
    period: Duration,
    terminal: bool,
}

impl Bar {
    fn new() -> Self {
        let terminal = stderr().is_terminal();
        let period = Duration::from_millis(if terminal { 100 } else { 2000 });
        Self { shown: Instant::now(), period, terminal }
    }

    fn show(&mut self, server: &Server) {
        if self.shown.elapsed() < self.period {
            return;
        }
        self.shown = Instant::now();
        let progress = &server.engine.server().persistence.load;
        self.draw(progress.loaded, progress.total, progress.keys);
    }

    fn draw(&self, done: u64, total: u64, keys: u64) {
        let part = |of: u64| (done * of).checked_div(total).unwrap_or(0).min(of);
        let full = part(CELLS) as usize;
        let cells = format!("{}{}", "#".repeat(full), ".".repeat(CELLS as usize - full));
        let line = format!("[{cells}] {:3} %, {keys} keys", part(100));
        let _ = if self.terminal { write!(stderr(), "\r{line}") } else { writeln!(stderr(), "{line}") };
    }

    fn end(&self, server: &Server) {
        self.draw(1, 1, server.engine.server().persistence.load.keys);
        if self.terminal {
            let _ = writeln!(stderr());
        }
    }
}

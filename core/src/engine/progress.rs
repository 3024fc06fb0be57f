//! How far a snapshot or a load is, as a bar in the log: a line now and then, and one at the end.

use super::Engine;
use crate::server::Request;
use crate::words::time::UnixMillis;
use alloc::format;

/// Milliseconds between two lines.
const PERIOD: UnixMillis = 1_000;
/// Cells of the bar.
const CELLS: u64 = 30;

impl Engine {
    /// The dataset of the start, or of a RELOAD, is being loaded.
    pub(super) fn show_load(&mut self) {
        let load = &self.server.persistence.load;
        let (done, total, keys) = (load.loaded, load.total, load.keys);
        self.show_progress("Loading", done, total, keys);
    }

    /// Shows that `done` of `total` is done, if nothing was shown for a while. `keys`: how many keys that is.
    pub(super) fn show_progress(&mut self, what: &str, done: u64, total: u64, keys: u64) {
        if self.now - self.server.persistence.shown < PERIOD {
            return;
        }
        self.show_bar(what, done, total, keys);
    }

    /// Shows that all is done.
    pub(super) fn show_done(&mut self, what: &str, keys: u64) {
        self.show_bar(what, 1, 1, keys);
    }

    fn show_bar(&mut self, what: &str, done: u64, total: u64, keys: u64) {
        self.server.persistence.shown = self.now;
        let part = |of: u64| (done * of).checked_div(total).unwrap_or(0).min(of);
        let full = part(CELLS) as usize;
        let cells = format!("{}{}", "#".repeat(full), ".".repeat(CELLS as usize - full));
        let line = format!("{what} [{cells}] {:3} %, {keys} keys", part(100));
        self.server.requests.push(Request::Log(line));
    }
}

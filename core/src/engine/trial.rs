//! An engine with a few clients, for tests of what commands leave in the journal and send to others.

use super::{Engine, Options};
use crate::server::HostFacts;
use crate::session::{SessionId, SessionInfo};
use crate::table::ALL;
use crate::words::config::Config;
use alloc::string::String;
use alloc::vec::Vec;
use std::format;

/// The hour, which stands still.
pub(crate) const NOW: i64 = 1_000_000;

pub(crate) struct Trial {
    pub(crate) engine: Engine,
    pub(crate) clients: Vec<SessionId>,
}

impl Trial {
    /// An empty engine with three clients that journals.
    pub(crate) fn new() -> Self {
        let mut engine = Engine::new(Options {
            commands: ALL,
            config: Config::default(),
            host: HostFacts::UNKNOWN,
            seed: [1, 2, 3, 4],
            now: NOW,
        });
        engine.server_mut().journaling = true;
        let clients = (0..3).map(|_| engine.open_session(SessionInfo::default(), NOW)).collect();
        Self { engine, clients }
    }

    /// Sends a line as one of the clients; its reply as [`hear`](Self::hear) shows it.
    pub(crate) fn call(&mut self, client: usize, line: &str) -> String {
        self.engine.handle_bytes(self.clients[client], format!("{line}\r\n").as_bytes(), NOW);
        self.hear(client)
    }

    /// What a client got meanwhile: the lines with blanks between, without the lengths of bulk strings.
    pub(crate) fn hear(&mut self, client: usize) -> String {
        let id = self.clients[client];
        let output = String::from_utf8_lossy(self.engine.output(id)).into_owned();
        self.engine.consume_output(id, output.len());
        let told = |line: &&str| !line.is_empty() && (!line.starts_with('$') || *line == "$-1");
        output.split("\r\n").filter(told).collect::<Vec<_>>().join(" ")
    }

    /// What was journaled meanwhile; commands are divided by bars.
    pub(crate) fn journal(&mut self) -> String {
        let mut reader = crate::journal::Reader::new(0);
        reader.feed(self.engine.server_mut().journal.collected());
        reader.finish();
        let mut commands = Vec::new();
        while let Ok(crate::journal::Event::Command) = reader.step() {
            let (bytes, spans) = reader.command();
            let words: Vec<_> = spans.iter().map(|span| String::from_utf8_lossy(span.of(bytes))).collect();
            if words[0] != "select" {
                commands.push(words.join(" "));
            }
        }
        self.engine.server_mut().journal.clear();
        commands.join("|")
    }

    /// What a command that is not refused leaves in the journal.
    #[track_caller]
    pub(crate) fn journal_of(&mut self, line: &str) -> String {
        let reply = self.call(0, line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
        self.journal()
    }
}

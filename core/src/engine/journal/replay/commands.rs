//! The journal's commands, run through their own handlers: many are looked at together, so that their keys come from memory
//! at the same time, and their values from the page device.

use super::{Engine, PORTION, Ran, Stage};
use crate::args::Args;
use crate::call::Outcome;
use crate::command_index::CommandId;
use crate::engine::intake::{BATCH, Last};
use crate::journal::{Event, Fault, Reader};
use crate::server::Request;
use crate::session::{OwnedCommand, Queue, Session};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::mem;

/// Errors that commands answer are told one by one up to so many.
const TOLD: u64 = 16;
/// So many commands are looked at for values that are to be asked for together.
const ASIDE: usize = 256;

impl Engine {
    pub(super) fn run_read(&mut self, reader: &mut Reader) -> Result<Ran, Fault> {
        loop {
            if self.run_aside() {
                return Ok(Ran::UntilValues);
            }
            let event = reader.steps(BATCH);
            if !self.run_batch_read(reader) {
                // The reader finds again what stopped it.
                continue;
            }
            match event? {
                Event::Command => {}
                Event::Pause => return Ok(Ran::UntilPortion),
                Event::End => return Ok(Ran::All),
            }
        }
    }

    /// Runs the commands that were read last; false: one lacks values, and was put aside with those behind it.
    fn run_batch_read(&mut self, reader: &mut Reader) -> bool {
        let mut batch = mem::take(&mut self.batch);
        let (bytes, spans, commands) = reader.commands();
        let mut last = Last::default();
        for command in commands {
            let place = (command.begin, command.end);
            batch.push(self.look_ahead(
                &mut last,
                bytes,
                place,
                command.first_span,
                &spans[..command.end_span],
            ));
        }
        self.fetch_ahead(self.replayed_db(), bytes, &mut batch, spans);
        let lacking = batch.iter().position(|command| {
            let args = self.hinted(command, &bytes[command.base..command.end], spans);
            !self.replay_command(command.id, args)
        });
        self.data.clear_hint();
        batch.clear();
        self.batch = batch;
        if let Some(from) = lacking {
            self.put_aside(reader, from);
        }
        lacking.is_none()
    }

    /// Puts commands aside, of those that were read last from one that lacks values on, and some behind them, so that all
    /// their values are asked for at once.
    fn put_aside(&mut self, reader: &mut Reader, mut from: usize) {
        let (mut bytes, mut ends) = (0, false);
        loop {
            let mut selects = false;
            while let Some((words, spans)) = reader.nth(from) {
                let args = Args::new(words, spans);
                selects |= args.get(0).eq_ignore_ascii_case(b"select");
                bytes += args.size();
                let id = self.replayed_id(self.server.index.find(args.get(0)), args);
                let db = self.replayed_db();
                let Stage::Replaying(replay) = &mut self.journal.stage else { return };
                replay.aside.push_back(OwnedCommand::new(args));
                if let (Some(paging), Some(id), false) = (self.parts.paging(), id, selects) {
                    (paging.note_missing)(self, db, id, args);
                }
                from += 1;
            }
            let Stage::Replaying(replay) = &self.journal.stage else { return };
            if ends || selects || replay.aside.len() >= ASIDE || bytes >= PORTION {
                return;
            }
            ends = reader.steps(BATCH) != Ok(Event::Command);
            from = 0;
        }
    }

    /// The database that the journal has selected.
    fn replayed_db(&self) -> usize {
        let Stage::Replaying(replay) = &self.journal.stage else { return 0 };
        replay.session.as_ref().map_or(0, |session| session.db)
    }

    /// Runs what was put aside; true where values have to come first.
    fn run_aside(&mut self) -> bool {
        loop {
            let Stage::Replaying(replay) = &mut self.journal.stage else { return false };
            let Some(command) = replay.aside.pop_front() else { break };
            if self.replay_command(self.server.index.find(command.args().get(0)), command.args()) {
                continue;
            }
            let Stage::Replaying(replay) = &mut self.journal.stage else { return false };
            replay.aside.push_front(command);
            if self.fetch_missing() {
                return true;
            }
        }
        self.let_values_go();
        false
    }

    /// Asks for the values that were noted; whether any is on its way.
    fn fetch_missing(&mut self) -> bool {
        let Some(paging) = self.parts.paging() else { return false };
        let Some(mut session) = self.replay_session() else { return false };
        let waits = (paging.fetch)(self, &mut session);
        let Stage::Replaying(replay) = &mut self.journal.stage else { return false };
        replay.session = Some(session);
        replay.missing = waits;
        waits > 0
    }

    fn let_values_go(&mut self) {
        let Some(paging) = self.parts.paging() else { return };
        let Some(mut session) = self.replay_session() else { return };
        if !session.pinned.is_empty() {
            (paging.unpin)(self, &mut session);
        }
        self.give_back(session);
    }

    /// Runs a command; false: it lacks values, which are noted.
    fn replay_command(&mut self, named: Option<CommandId>, args: Args<'_>) -> bool {
        let id = self.replayed_id(named, args);
        let Some(mut session) = self.replay_session() else { return true };
        let Some(id) = id else {
            self.give_back(session);
            let name = String::from_utf8_lossy(args.get(0)).into_owned();
            self.refuse_start(format!("Unknown command '{name}' reading the append only file"));
            return true;
        };
        let name = self.server.index.get(id).name;
        if name == "multi" {
            session.multi = Some(Queue::default());
        } else if let (true, Some(queue)) = (name != "exec", &mut session.multi) {
            queue.commands.push((id, OwnedCommand::new(args)));
        } else {
            let lacks = self.data.paging.swapped > 0
                && self.parts.paging().is_some_and(|paging| (paging.plan)(self, &session, id, args));
            if lacks || !self.call_replayed(&mut session, id, args) {
                self.give_back(session);
                return false;
            }
        }
        self.give_back(session);
        true
    }

    fn call_replayed(&mut self, session: &mut Box<Session>, id: CommandId, args: Args<'_>) -> bool {
        let ran = self.call_in(session, id, args, None);
        session.output.clear();
        session.blocked = None;
        if ran.outcome == Outcome::Failed {
            let name = self.server.index.get(id).name;
            let Stage::Replaying(replay) = &mut self.journal.stage else { return true };
            replay.errors += 1;
            if replay.errors <= TOLD {
                let line = format!("A command in the append only file failed: {name}");
                self.server.requests.push(Request::Log(line));
            }
        }
        ran.outcome != Outcome::NotResident
    }

    fn replayed_id(&self, named: Option<CommandId>, args: Args<'_>) -> Option<CommandId> {
        let id = named?;
        let command = self.server.index.get(id);
        let id = if command.subcommands.is_empty() {
            id
        } else {
            self.server.index.find_subcommand(id, args.get(1))?
        };
        let command = self.server.index.get(id);
        command.takes(args.len()).then_some(id)
    }
}

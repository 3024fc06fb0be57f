//! The texts of COMMAND DOCS where the host has them in a file: they are read when somebody asks for the first time.

use super::jobs::Owner;
use super::parts::DocsPart;
use super::{Done, Engine, Job, Running};
use crate::command_index::CommandId;
use crate::commands::docs::are_docs;
use crate::server::Docs;
use crate::session::{Blocked, OwnedCommand, SessionId};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

/// The longest file that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// The file, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    file: &'static str,
    sessions: Vec<SessionId>,
}

static PART: DocsPart =
    DocsPart { park: Engine::wait_for_docs, job_done: Engine::docs_read, run_ready: Engine::run_ready };

impl Engine {
    /// Tells that this host has [`COMMAND_DOCS`](crate::COMMAND_DOCS) in a file of this name: [`Job::Read`] asks for it when a
    /// command wants the texts, and again after a failure.
    pub fn carries_docs(&mut self, file: &'static str) {
        self.docs.file = file;
        self.server.docs = Docs::Away;
        self.parts.docs = Some(&PART);
    }

    fn wait_for_docs(&mut self, session: &mut Running, id: CommandId, command: OwnedCommand) {
        self.server.docs = Docs::Away;
        session.blocked = Some(Blocked::Loading { id, command, missing: 1 });
        if self.docs.sessions.is_empty() {
            let file = self.docs.file.into();
            self.jobs.push(Owner::Docs, Job::Read { file, offset: 0, len: LONGEST, into: Vec::new() });
        }
        self.docs.sessions.push(session.id);
    }

    fn docs_read(&mut self, done: Done) {
        self.server.docs = match texts(done) {
            Ok(texts) => Docs::Here(texts.into()),
            Err(reason) => {
                Docs::Unreadable(format!("IOERR the texts of COMMAND DOCS cannot be read: {reason}"))
            }
        };
        for who in mem::take(&mut self.docs.sessions) {
            if let Some(Blocked::Loading { missing, .. }) =
                self.peers.get_mut(who).and_then(|session| session.blocked.as_mut())
            {
                *missing = 0;
                self.ready_again.push(who);
            }
        }
        self.run_supplied();
        if let Docs::Unreadable(_) = self.server.docs {
            self.server.docs = Docs::Away;
        }
    }
}

fn texts(done: Done) -> Result<String, String> {
    let bytes = match done {
        Done::Read { bytes, .. } => bytes,
        Done::Failed(error) => return Err(error.text),
        _ => Vec::new(),
    };
    let texts = String::from_utf8(bytes).ok().filter(|texts| are_docs(texts));
    texts.ok_or_else(|| "the file has something else".into())
}

#[cfg(test)]
mod tests {
    use super::super::jobs::{JobError, JobId};
    use super::super::trial::{NOW, Trial};
    use super::*;
    use crate::COMMAND_DOCS;

    fn away() -> Trial {
        let mut trial = Trial::new();
        trial.engine.carries_docs("texts");
        trial
    }

    /// The job that reads the file; there is one at most.
    fn job(trial: &mut Trial) -> Option<JobId> {
        let (id, job) = trial.engine.poll_job()?;
        assert!(matches!(&job, Job::Read { file, offset: 0, .. } if file == b"texts"), "{job:?}");
        assert!(trial.engine.poll_job().is_none());
        Some(id)
    }

    fn give(trial: &mut Trial, job: JobId, text: &str) {
        let done = Done::Read { bytes: text.into(), size: text.len() as u64 };
        trial.engine.handle_completion(job, done, NOW);
    }

    /// What an engine answers that has the texts in memory.
    fn expected(line: &str) -> String {
        let mut trial = Trial::new();
        trial.engine.server_mut().docs = Docs::Here(COMMAND_DOCS.into());
        trial.call(0, line)
    }

    #[test]
    fn the_file_is_read_once_for_all_who_wait_and_the_reply_is_as_without_it() {
        let mut trial = away();
        for client in [0, 1] {
            assert_eq!(trial.call(client, "COMMAND DOCS"), "");
        }
        assert_eq!(trial.call(0, "PING"), "");
        assert_eq!(trial.call(2, "COMMAND COUNT"), expected("COMMAND COUNT"));
        let read = job(&mut trial).expect("a job");
        give(&mut trial, read, COMMAND_DOCS);
        assert_eq!(trial.hear(1), expected("COMMAND DOCS"));
        assert_eq!(trial.hear(0), expected("COMMAND DOCS") + " +PONG");
        assert_eq!(trial.call(2, "COMMAND DOCS get nosuch"), expected("COMMAND DOCS get nosuch"));
        assert!(job(&mut trial).is_none());
    }

    #[test]
    fn a_transaction_goes_on_when_they_are_there() {
        let mut trial = away();
        for line in ["MULTI", "SET a 1", "COMMAND DOCS get", "INCR a"] {
            trial.call(0, line);
        }
        assert_eq!(trial.call(0, "EXEC"), "");
        assert_eq!(trial.call(1, "GET a"), "");
        let read = job(&mut trial).expect("a job");
        give(&mut trial, read, COMMAND_DOCS);
        let docs = expected("COMMAND DOCS get");
        assert_eq!(trial.hear(0), std::format!("*3 +OK {docs} :2"));
        assert_eq!(trial.hear(1), "2");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_and_asked_for_again() {
        let mut trial = away();
        let failed = |text: &str| Done::Failed(JobError { missing: false, full: false, text: text.into() });
        trial.call(0, "COMMAND DOCS");
        let first = job(&mut trial).expect("a job");
        trial.engine.handle_completion(first, failed("404"), NOW);
        assert_eq!(trial.hear(0), "-IOERR the texts of COMMAND DOCS cannot be read: 404");
        trial.call(0, "COMMAND DOCS");
        trial.call(1, "COMMAND DOCS");
        trial.engine.close_session(trial.clients[1]);
        let second = job(&mut trial).expect("a job");
        give(&mut trial, second, "<!doctype html>");
        assert_eq!(
            trial.hear(0),
            "-IOERR the texts of COMMAND DOCS cannot be read: the file has something else"
        );
        trial.call(0, "COMMAND DOCS get");
        let third = job(&mut trial).expect("a job");
        give(&mut trial, third, COMMAND_DOCS);
        assert_eq!(trial.hear(0), expected("COMMAND DOCS get"));
    }
}

//! SLOWLOG: the commands that took long.

use crate::args::Args;
use crate::secrets;
use crate::session::Session;
use crate::words::config::Config;
use crate::words::time::UnixMillis;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// At most so many arguments of a command are kept.
const MAX_ARGUMENTS: usize = 32;
/// At most so many bytes of an argument are kept.
const MAX_ARGUMENT: usize = 128;

/// A command that took long.
#[derive(Debug, Clone)]
pub struct SlowEntry {
    /// Counts up from 0.
    pub id: u64,
    /// When it ran, in seconds since the epoch.
    pub time: i64,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Its arguments, cut.
    pub args: Vec<Vec<u8>>,
    /// The client's address.
    pub addr: String,
    /// The client's name.
    pub name: Vec<u8>,
}

/// The log, the newest entry first.
#[derive(Debug, Default)]
pub struct SlowLog {
    /// The newest entry first.
    pub entries: VecDeque<SlowEntry>,
    next_id: u64,
}

impl SlowLog {
    /// Notes the command if it took longer than `slowlog-log-slower-than`.
    pub fn note(&mut self, config: &Config, session: &Session, args: Args<'_>, micros: u64, now: UnixMillis) {
        let threshold = config.slowlog_log_slower_than;
        if threshold < 0 || (micros as i64) < threshold {
            return;
        }
        self.entries.push_front(SlowEntry {
            id: self.next_id,
            time: now / 1000,
            micros,
            args: cut(args),
            addr: session.info.addr.clone(),
            name: session.name.clone(),
        });
        self.next_id += 1;
        self.entries.truncate(config.slowlog_max_len.max(0) as usize);
    }
}

fn cut(args: Args<'_>) -> Vec<Vec<u8>> {
    let shown = if args.len() > MAX_ARGUMENTS { MAX_ARGUMENTS - 1 } else { args.len() };
    let mut out: Vec<Vec<u8>> = (0..shown).map(|i| cut_argument(secrets::shown(args, i))).collect();
    if shown < args.len() {
        out.push(format!("... ({} more arguments)", args.len() - shown).into_bytes());
    }
    out
}

fn cut_argument(arg: &[u8]) -> Vec<u8> {
    if arg.len() <= MAX_ARGUMENT {
        return arg.to_vec();
    }
    let mut out = arg[..MAX_ARGUMENT].to_vec();
    out.extend_from_slice(format!("... ({} more bytes)", arg.len() - MAX_ARGUMENT).as_bytes());
    out
}

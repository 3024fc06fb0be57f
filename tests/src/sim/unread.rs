//! Transactions some of whose commands met keys that could not be read: these, and no others, have done nothing.

use nuthatch_core::{Done, Job, JobId, StoreJob, store_place};

use super::Dice;
use super::saves::twin_config;
use super::store::{MemoryStore, failure};
use super::told::{difference, show};
use super::twin::{Side, StoreTwin};

type Bytes = Vec<u8>;

/// The end of the reply that begins here.
fn end(reply: &[u8], at: usize) -> Option<usize> {
    let line = at + reply.get(at..)?.windows(2).position(|pair| pair == b"\r\n")?;
    let number = || std::str::from_utf8(&reply[at + 1..line]).ok()?.parse::<i64>().ok();
    let mut next = line + 2;
    match reply[at] {
        b'$' => next += usize::try_from(number()?).map_or(0, |length| length + 2),
        b'*' => {
            for _ in 0..number()? {
                next = end(reply, next)?;
            }
        }
        _ => {}
    }
    Some(next)
}

/// An array's elements, written out.
fn elements(reply: &[u8]) -> Vec<Bytes> {
    let mut out = Vec::new();
    let mut at = reply.windows(2).position(|pair| pair == b"\r\n").map_or(reply.len(), |line| line + 2);
    while let Some(next) = end(reply, at) {
        out.push(reply[at..next].to_vec());
        at = next;
    }
    out
}

/// Whether the command may have needed the key that the error names.
fn may_need(words: &[Bytes], error: &[u8]) -> bool {
    let error = String::from_utf8_lossy(error);
    // A sorted set of SORT's is read by patterns; who flushes tells those that watch. An error without a key is a walk's.
    let reads_others = matches!(&*words[0], b"SORT" | b"FLUSHALL" | b"FLUSHDB" | b"SWAPDB");
    let key = error.split('\'').nth(1);
    reads_others || key.is_none_or(|key| words[1..].iter().any(|word| word == key.as_bytes()))
}

impl StoreTwin {
    /// EXEC was answered with errors of keys that could not be read. The engine without a store runs the other commands.
    pub(super) fn compare_partly_read(&mut self, got: &[u8], hour: i64) -> Result<(), String> {
        let queued = std::mem::take(&mut self.queued);
        let replies = elements(got);
        if replies.len() != queued.len() {
            return Err(format!("{} replies to {} commands", replies.len(), queued.len()));
        }
        let failed = |reply: &Bytes| reply.starts_with(b"-IOERR");
        for (words, reply) in queued.iter().zip(&replies) {
            if failed(reply) && !may_need(words, reply) {
                return Err(format!("{} was answered {}", show(words), String::from_utf8_lossy(reply)));
            }
        }
        let mut told = |words: &[Bytes]| {
            self.plain.engine.handle_bytes(self.plain.client, &crate::resp::encode(words), hour);
            self.plain.take_output()
        };
        for word in ["DISCARD", "MULTI"] {
            told(&[word.into()]);
        }
        for (words, _) in queued.iter().zip(&replies).filter(|(_, reply)| !failed(reply)) {
            told(words);
        }
        let expected = elements(&told(&[b"EXEC".to_vec()]));
        let got: Vec<&Bytes> = replies.iter().filter(|reply| !failed(reply)).collect();
        self.ran += 1;
        match got.iter().zip(&expected).find(|(got, expected)| **got != *expected) {
            None if got.len() == expected.len() => Ok(()),
            None => Err(format!("{} replies, not {}", got.len(), expected.len())),
            Some((got, expected)) => Err(format!("EXEC: {}", difference(got, expected))),
        }
    }

    /// EXEC ran, was answered with one error, and nobody can tell which of its commands did nothing: both engines begin anew.
    pub(super) fn begin_anew(&mut self) -> Result<(), String> {
        self.mend();
        self.settle_down()?;
        self.both(&[b"FLUSHALL".to_vec()])
    }
}

const CHANGE: &str = "SET later 1";
const TRANSACTION: &str = "MULTI\r\nSORT l BY nosort GET w_*\r\nGET later\r\nEXEC";

/// What EXEC answers where SORT waits for keys that it met while it ran, and a later command's key, `later`, is saved meanwhile, leaves
/// memory and cannot be read again.
pub fn exec_before_an_unreadable_key() -> String {
    let mut config = twin_config();
    (config.cache_max_memory, config.cache_flush_delay) = (6_000, 5);
    let mut side = Side::new(config, [7; 4], 0);
    side.engine.carries_store(store_place);
    let (mut store, mut dice, mut now) = (MemoryStore::default(), Dice::new(7), 0);
    let mut jobs: Vec<(JobId, StoreJob)> = Vec::new();
    let value = "v".repeat(3_000);
    let values = format!("MSET w_1 {value} w_2 {value}");
    let mut reply = String::new();
    for line in ["", &values, "RPUSH l 1 2", CHANGE, TRANSACTION] {
        side.engine.handle_bytes(side.client, format!("{line}\r\n").as_bytes(), now);
        for _ in 0..100 {
            while let Some((id, job)) = side.engine.poll_job() {
                if let Job::Store(job) = job {
                    jobs.push((id, job));
                }
            }
            // The save ends while SORT waits, and what that waits for comes last.
            jobs.sort_by_key(|(_, job)| match job {
                StoreJob::Write { .. } => 1,
                StoreJob::Read { key, .. } if key.starts_with(b"w_") => 2,
                _ => 0,
            });
            let save_alone = matches!(&jobs[..], [(_, StoreJob::Write { .. })]);
            if jobs.is_empty() || save_alone && [CHANGE, TRANSACTION].contains(&line) {
                now += 100;
                side.engine.handle_timeout(now);
                continue;
            }
            let (id, job) = jobs.remove(0);
            let done = match &job {
                StoreJob::Read { key, .. } if key == b"later" => Done::Failed(failure()),
                _ => store.carry_out(job, &mut dice),
            };
            side.engine.handle_completion(id, done, now);
        }
        reply = String::from_utf8_lossy(&side.take_output()).into_owned();
    }
    reply
}

/// How many jobs that read come between a change, or a walk, and its own job, while others have more and more to read; with so many
/// jobs at once.
pub fn reads_that_pass(command: &str, jobs_at_once: i64) -> usize {
    let mut config = twin_config();
    (config.cache_max_memory, config.cache_flush_delay, config.cache_io_jobs) = (1_000_000, 0, jobs_at_once);
    let mut side = Side::new(config, [7; 4], 0);
    side.engine.carries_store(store_place);
    let (mut store, mut dice, mut jobs, mut passed) = (MemoryStore::default(), Dice::new(7), Vec::new(), 0);
    for turn in 0..1_000 {
        // Once the store is open and has something. The others ask for ever new keys.
        if turn == 5 {
            side.engine.handle_bytes(side.client, b"SET there 1\r\n", 0);
        }
        for who in 0..2 {
            let names = (0..40).map(|key| format!("GET {who}:{turn}:{key}\r\n")).collect::<String>();
            side.engine.handle_bytes(side.racers[who], names.as_bytes(), 0);
        }
        if turn == 20 {
            side.engine.handle_bytes(side.client, format!("{command}\r\n").as_bytes(), 0);
        }
        while let Some((id, job)) = side.engine.poll_job() {
            let Job::Store(job) = job else { continue };
            let reads = matches!(job, StoreJob::Read { .. } | StoreJob::ReadMany { .. });
            if turn >= 20 && !reads {
                return passed;
            }
            passed += usize::from(turn >= 20);
            jobs.push((id, job));
        }
        if !jobs.is_empty() {
            let (id, job) = jobs.remove(0);
            let done = store.carry_out(job, &mut dice);
            side.engine.handle_completion(id, done, 0);
        }
    }
    passed
}

//! Several clients at once, none of which waits for another: a key is deleted, read and set again while jobs for it are on
//! their way, and watched while it leaves memory. These are the races that the first diskstore, of 2011, listed.
//!
//! Commands that wait for the store end in another order than they were sent in. So each goes to the engine without a store
//! when its reply comes, and both replies must be the same.

use std::collections::VecDeque;

use nuthatch_core::SessionId;

use super::Dice;
use super::told::{difference, show};
use super::twin::{Side, StoreTwin};

type Bytes = Vec<u8>;

/// Clients that race.
pub(super) const RACERS: usize = 4;
/// Turns after which every reply must have come.
const PATIENCE: usize = 20_000;

/// A client's commands: the first was sent if `sent`.
#[derive(Debug, Default)]
struct Script {
    commands: VecDeque<Vec<Bytes>>,
    sent: bool,
}

fn words(line: &str) -> Vec<Bytes> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn key(dice: &mut Dice) -> &'static str {
    dice.pick::<&str>(&["s0", "s1", "l0"])
}

/// What one client does.
fn script(dice: &mut Dice) -> Script {
    let mut commands = VecDeque::new();
    if dice.once_in(3) {
        let (watched, other) = (key(dice), key(dice));
        commands.push_back(words(&format!("WATCH {watched}")));
        commands.push_back(words(&format!("GET {other}")));
        commands.push_back(words("MULTI"));
        commands.push_back(words(&format!("SET {other} t{}", dice.below(100))));
        commands.push_back(words(&format!("EXISTS {watched} {other}")));
        commands.push_back(words("EXEC"));
        return Script { commands, sent: false };
    }
    for _ in 0..1 + dice.below(4) {
        let (one, two, number) = (key(dice), key(dice), dice.below(100));
        let line = match dice.below(16) {
            0..3 => format!("GET {one}"),
            3..5 => format!("SET {one} {number}"),
            5..7 => format!("DEL {one}"),
            7 => format!("INCR {one}"),
            8 => format!("SETNX {one} {number}"),
            9 => format!("MSET {one} {number} {two} x{number}"),
            10 => format!("RENAME {one} {two}"),
            11 => format!("RPUSH l0 {number}"),
            12 => "LPOP l0".to_owned(),
            13 => format!("COPY {one} {two} REPLACE"),
            14 if dice.once_in(8) => "FLUSHDB".to_owned(),
            _ => format!("EXISTS {one} {two}"),
        };
        commands.push_back(words(&line));
    }
    Script { commands, sent: false }
}

/// Whether the store's failure refused the command.
fn is_refused(reply: &[u8]) -> bool {
    ["-IOERR", "-MISCONF Errors", "-EXECABORT"].iter().any(|start| reply.starts_with(start.as_bytes()))
}

impl Side {
    fn say(&mut self, who: SessionId, command: &[Bytes], now: i64) -> Bytes {
        self.engine.handle_bytes(who, &crate::resp::encode(command), now);
        self.take_of(who)
    }

    fn take_of(&mut self, who: SessionId) -> Bytes {
        let output = self.engine.output(who).to_vec();
        self.engine.consume_output(who, output.len());
        output
    }
}

impl StoreTwin {
    /// Some commands of several clients. Replies that wait until a change is durable come in the order of that, so where
    /// they do the order of the commands cannot be told.
    pub(super) fn race(&mut self) -> Result<(), String> {
        if self.in_transaction || self.writes_through() {
            return Ok(());
        }
        let mut scripts: Vec<Script> = (0..RACERS).map(|_| script(&mut self.dice)).collect();
        for turn in 1..PATIENCE {
            if scripts.iter().all(|script| script.commands.is_empty()) {
                return Ok(());
            }
            let at = self.dice.below(RACERS);
            if !scripts[at].sent && !scripts[at].commands.is_empty() && self.dice.once_in(2) {
                scripts[at].sent = true;
                let bytes = crate::resp::encode(&scripts[at].commands[0]);
                self.stored.engine.handle_bytes(self.stored.racers[at], &bytes, self.now);
            } else {
                self.steps(1)?;
                if self.dice.once_in(50) {
                    self.stored.engine.handle_timeout(self.now);
                }
                // What waits for time, as another try after a failure, gets it.
                if turn % 500 == 0 {
                    self.now += 1000;
                    self.plain.engine.handle_timeout(self.now);
                    self.stored.engine.handle_timeout(self.now);
                }
            }
            self.take_replies(&mut scripts)?;
        }
        Err(format!("no reply comes to {scripts:?}"))
    }

    /// Takes the replies that have come, in the order of their commands.
    fn take_replies(&mut self, scripts: &mut [Script]) -> Result<(), String> {
        let mut told = Vec::new();
        self.stored.engine.poll_pending(&mut told);
        for id in &told {
            let Some(at) = self.stored.racers.iter().position(|racer| racer == id) else { continue };
            let got = self.stored.take_of(*id);
            if !got.is_empty() {
                self.compare_raced(at, &mut scripts[at], &got)?;
            }
        }
        Ok(())
    }

    fn compare_raced(&mut self, at: usize, script: &mut Script, got: &[u8]) -> Result<(), String> {
        let Some(command) = script.commands.pop_front() else { return Err("a reply to nothing".to_owned()) };
        script.sent = false;
        let shown = show(&command);
        self.past.remember(&format!("[{at}] {shown}"));
        if is_refused(got) {
            self.refused += 1;
            self.past.remember(&format!("[{at}] refused: {}", String::from_utf8_lossy(got)));
            script.commands.clear();
            for word in ["DISCARD", "UNWATCH"] {
                self.stored.say(self.stored.racers[at], &words(word), self.now);
                self.plain.say(self.plain.racers[at], &words(word), self.now);
            }
            return Ok(());
        }
        let expected = self.plain.say(self.plain.racers[at], &command, self.now);
        self.ran += 1;
        if got == expected {
            return Ok(());
        }
        Err(format!("[{at}] {shown}: {}", difference(got, &expected)))
    }
}

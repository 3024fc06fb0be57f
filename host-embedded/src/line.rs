//! When to trust what comes along the line. A line has no connections: a client goes without a word, in the middle of a
//! command or of a wait, noise adds bytes and takes some away. So silence speaks:
//!
//! - Bytes that come after half a command, or while a command waits, and after [`TORN`] of silence, are a new client's: what was
//!   begun is dropped with all that its client left (MULTI, subscriptions, its name).
//! - After a protocol error, QUIT, a command that did not fit or an error of the line itself, everything is dropped until there
//!   were [`QUIET`] of silence. The reply is sent only then, so that a client that waits for it is heard.
//!
//! A client that comes to a line of which it knows nothing waits for [`TORN`], sends RESET and ECHO with a word of its own, and
//! drops everything that it receives up to this word: half a reply may have been on its way to the one before.

/// After so many milliseconds without a byte the rest of a command will not come.
pub const TORN: i64 = 2000;
/// So many milliseconds without a byte end a stream that is out of step. At 115,200 baud they are 57 bytes.
pub const QUIET: i64 = 5;

const NOISE: &str = "-ERR Noise on the line: what was half received is dropped. Send it again.\r\n";

/// What becomes of bytes that were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// They belong to the session.
    Take,
    /// They are a new client's: its session is a new one.
    Renew,
    /// They are of no use.
    Drop,
}

/// The line's state.
#[derive(Debug)]
pub(crate) struct Line {
    /// Since when every look at the line found nothing. Bytes that waited while the chip was busy were not late.
    silent_since: Option<i64>,
    /// Out of step; what is said when there is silence, nothing where the session has the words.
    lost: Option<&'static str>,
}

impl Line {
    pub(crate) fn new(now: i64) -> Self {
        Self { silent_since: Some(now), lost: None }
    }

    /// Hears what was received, `None` where the line itself failed. `halfway`: the session has half a command, or waits.
    pub(crate) fn hear(&mut self, bytes: Option<&[u8]>, halfway: bool, now: i64) -> Turn {
        let silence = self.silence(now);
        match bytes {
            Some([]) => _ = self.silent_since.get_or_insert(now),
            _ => self.silent_since = None,
        }
        match bytes {
            None => {
                self.lost.get_or_insert(NOISE);
                Turn::Drop
            }
            Some(_) if self.lost.is_some() => Turn::Drop,
            Some([_, ..]) if halfway && silence >= TORN => Turn::Renew,
            Some(_) => Turn::Take,
        }
    }

    fn silence(&self, now: i64) -> i64 {
        self.silent_since.map_or(0, |since| now - since)
    }

    /// Drops what comes until there is silence, and then says this.
    pub(crate) fn lose(&mut self, reply: &'static str) {
        self.lost.get_or_insert(reply);
    }

    /// What may be said now: `None` nothing, an empty text what the session has to say.
    pub(crate) fn say(&mut self, now: i64) -> Option<&'static str> {
        match self.lost {
            None => Some(""),
            Some(_) if self.silence(now) < QUIET => None,
            Some(reply) => {
                self.lost = None;
                Some(reply)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, QUIET, TORN, Turn};

    #[test]
    fn half_a_command_and_a_silence_make_a_new_client() {
        let mut line = Line::new(0);
        assert_eq!(line.hear(Some(b"*1\r\n"), false, 10), Turn::Take);
        assert_eq!(line.hear(Some(b"$4\r\n"), true, 10 + 5 * TORN), Turn::Take, "the chip was busy");
        assert_eq!(line.hear(Some(b""), true, 20 + 5 * TORN), Turn::Take);
        assert_eq!(line.hear(Some(b"PING"), true, 19 + 6 * TORN), Turn::Take);
        assert_eq!(line.hear(Some(b""), true, 20 + 6 * TORN), Turn::Take);
        assert_eq!(line.hear(Some(b""), true, 20 + 8 * TORN), Turn::Take, "silence alone changes nothing");
        assert_eq!(line.hear(Some(b"PING\r\n"), true, 21 + 8 * TORN), Turn::Renew);
        assert_eq!(line.hear(Some(b""), false, 22 + 8 * TORN), Turn::Take);
        assert_eq!(line.hear(Some(b"PING\r\n"), false, 99 * TORN), Turn::Take);
    }

    #[test]
    fn out_of_step_everything_is_dropped_until_it_is_quiet() {
        let mut line = Line::new(0);
        assert_eq!(line.hear(None, false, 10), Turn::Drop);
        assert_eq!(line.hear(Some(b""), false, 11), Turn::Drop);
        assert_eq!(line.hear(Some(b"SET a b\r\n"), false, 10 + QUIET), Turn::Drop);
        assert_eq!(line.hear(Some(b""), false, 11 + QUIET), Turn::Drop);
        assert_eq!(line.say(10 + 2 * QUIET), None, "not yet");
        assert!(line.say(11 + 2 * QUIET).is_some_and(|text| text.starts_with("-ERR")));
        assert_eq!(line.hear(Some(b"PING\r\n"), false, 12 + 2 * QUIET), Turn::Take);
        assert_eq!(line.say(12 + 2 * QUIET), Some(""));
    }
}

//! The engine as an embedded database: the same commands, without a server.

mod reply;
mod typed;

use crate::facts;
use nuthatch_core::{ALL_COMMANDS, Config, Engine, Options, SessionId, SessionInfo};
use std::fmt;
use std::io;

pub use reply::Reply;

/// Why a call gave nothing.
#[derive(Debug)]
pub enum Error {
    /// The command was refused; the text is Redis's, with its code (`ERR …`, `WRONGTYPE …`).
    Command(String),
    /// The operating system refused something.
    Io(io::Error),
    /// The command waits for a key (BLPOP and its kin), and nobody else could fill it.
    WouldBlock,
    /// The reply is not of the type that the method gives.
    UnexpectedReply,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(text) => f.write_str(text),
            Self::Io(error) => error.fmt(f),
            Self::WouldBlock => f.write_str("the command would wait for ever"),
            Self::UnexpectedReply => f.write_str("the reply is of another type"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a call gives.
pub type Result<T> = std::result::Result<T, Error>;

/// A database in this process's memory. Every command of the server works through [`Db::call`]; the everyday ones have
/// methods with types.
///
/// ```
/// # fn main() -> Result<(), nuthatch::Error> {
/// let mut db = nuthatch::Db::new()?;
/// db.set("bird", "nuthatch")?;
/// assert_eq!(db.get("bird")?, Some(b"nuthatch".to_vec()));
///
/// let reply = db.call(["ZADD", "seeds", "3", "acorn", "1.5", "beechnut"])?;
/// assert_eq!(reply, nuthatch::Reply::Int(2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Db {
    engine: Engine,
    session: SessionId,
    request: Vec<u8>,
    /// Sessions with news, of which there is one; kept to be used again.
    pending: Vec<SessionId>,
}

impl Db {
    /// An empty database with the default configuration.
    ///
    /// # Errors
    /// Those of reading random numbers.
    pub fn new() -> Result<Self> {
        Self::with_config(Config::default())
    }

    /// An empty database with this configuration.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut config = nuthatch::Config::default();
    /// config.set(b"hash-max-listpack-entries", b"2")?;
    /// let mut db = nuthatch::Db::with_config(config)?;
    /// db.hset("nest", [("eggs", "6"), ("tree", "oak"), ("height", "9 m")])?;
    /// assert_eq!(db.call(["OBJECT", "ENCODING", "nest"])?.as_str(), Some("hashtable"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of reading random numbers.
    pub fn with_config(mut config: Config) -> Result<Self> {
        // A password keeps strangers out of a socket; whoever holds a `Db` is inside.
        config.requirepass.clear();
        let seed = facts::random()?;
        let now = facts::now();
        let mut engine =
            Engine::new(Options { commands: ALL_COMMANDS, config, host: facts::facts(), seed, now });
        let info =
            SessionInfo { addr: "embedded:0".to_owned(), laddr: "embedded:0".to_owned(), unix: true, fd: -1 };
        let session = engine.open_session(info, now);
        let mut db = Self { engine, session, request: Vec::new(), pending: Vec::new() };
        // RESP3 tells maps, sets, doubles and booleans apart.
        db.call(["HELLO", "3"])?;
        Ok(db)
    }

    /// Runs one command: its name and its arguments.
    ///
    /// ```
    /// # fn main() -> Result<(), nuthatch::Error> {
    /// let mut db = nuthatch::Db::new()?;
    /// db.call(["RPUSH", "cache", "acorn", "hazelnut"])?;
    /// let all = db.call(["LRANGE", "cache", "0", "-1"])?.into_bytes_list()?;
    /// assert_eq!(all, [b"acorn".to_vec(), b"hazelnut".to_vec()]);
    ///
    /// let refused = db.call(["INCR", "cache"]).unwrap_err();
    /// assert!(refused.to_string().starts_with("WRONGTYPE"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Command`] when the command is refused, [`Error::WouldBlock`] when it would wait for a key.
    pub fn call<A: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = A>) -> Result<Reply> {
        self.request.clear();
        encode(&mut self.request, words);
        let now = facts::now();
        if self.engine.poll_timeout() <= now {
            self.engine.handle_timeout(now);
        }
        self.engine.handle_bytes(self.session, &self.request, now);
        let output = self.engine.output(self.session);
        let outcome = match reply::parse(output) {
            // A command that only lets the session wait: it is given up, so that the next one runs.
            None => {
                self.reopen(now);
                return Err(Error::WouldBlock);
            }
            Some((Reply::Error(text), _)) => Err(Error::Command(text)),
            Some((reply, _)) => Ok(reply),
        };
        self.engine.consume_output(self.session, self.engine.output(self.session).len());
        self.forget_news();
        outcome
    }

    /// Drops what a server would act on: here the caller has the reply already, and there is no log, port or process.
    fn forget_news(&mut self) {
        self.engine.poll_pending(&mut self.pending);
        self.pending.clear();
        while self.engine.poll_request().is_some() {}
    }

    fn reopen(&mut self, now: i64) {
        self.engine.close_session(self.session);
        let info =
            SessionInfo { addr: "embedded:0".to_owned(), laddr: "embedded:0".to_owned(), unix: true, fd: -1 };
        self.session = self.engine.open_session(info, now);
        self.engine.handle_bytes(self.session, b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", now);
        self.engine.consume_output(self.session, self.engine.output(self.session).len());
    }
}

/// Writes a command as clients send it.
fn encode<A: AsRef<[u8]>>(out: &mut Vec<u8>, words: impl IntoIterator<Item = A>) {
    let mut body = Vec::new();
    let mut count = 0usize;
    for word in words {
        let word = word.as_ref();
        body.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        body.extend_from_slice(word);
        body.extend_from_slice(b"\r\n");
        count += 1;
    }
    out.extend_from_slice(format!("*{count}\r\n").as_bytes());
    out.extend_from_slice(&body);
}

#[cfg(test)]
mod tests {
    use super::Db;

    /// Each call left a note for a server's loop that nobody read: 8 bytes for ever, and 87 ms when the list of four
    /// million notes doubled.
    #[test]
    fn a_call_leaves_nothing_behind() {
        let mut db = Db::new().unwrap();
        for _ in 0..1000 {
            db.call(["PING"]).unwrap();
        }
        assert!(db.call(["NOSUCH"]).is_err() && db.call(["BLPOP", "none", "0"]).is_err());
        db.call(["CONFIG", "SET", "hz", "20"]).unwrap();
        let mut left = Vec::new();
        db.engine.poll_pending(&mut left);
        assert!(left.len() <= 1 && db.engine.poll_request().is_none(), "{left:?}");
        assert!(db.pending.capacity() < 100);
    }
}

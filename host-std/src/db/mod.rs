//! The engine as an embedded database: the same commands, without a server.

mod error;
mod reply;
mod typed;
mod without;

use crate::facts;
use nuthatch_core::{ALL_COMMANDS, Config, Engine, HostFacts, Options, SessionId, SessionInfo};

pub use error::Error;
pub use reply::Reply;

/// What a call gives.
pub type Result<T> = std::result::Result<T, Error>;

/// A database in this process's memory, and nowhere else: it is gone with the `Db`. [`Db::call`] runs the
/// server's commands but for those that would change how replies come, the everyday ones have methods with
/// types, and [`Db::transaction`] runs several as one. What has to be done from time to time, such as removing
/// keys whose time is over, is done within calls.
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
/// # Memory
/// `maxmemory` bounds what the whole program holds, and is refused unless somebody counts that: it needs the
/// allocator of [`memory`](crate::memory).
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: nuthatch::memory::Allocator = nuthatch::memory::allocator();
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let mut config = nuthatch::Config::default();
///     config.set(b"maxmemory", b"64mb")?;
///     config.set(b"maxmemory-policy", b"allkeys-lru")?;
///     let mut db = nuthatch::Db::with_config(config)?;
///     for number in 0..100 {
///         db.set(format!("seed:{number}"), vec![b'x'; 1 << 20])?;
///     }
///     assert!(db.exists("seed:99")? && db.keys("*")?.len() < 64);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Db {
    engine: Engine,
    session: SessionId,
    request: Vec<u8>,
    /// Sessions with news, of which there is one; kept to be used again.
    pending: Vec<SessionId>,
}

/// A `Db` may go to another thread, or into a mutex.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Db>();
};

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
    /// Those of reading random numbers; [`Error::Unsupported`] where the configuration wants what a `Db` does
    /// without: files, values on a disk, clients, other names of commands, `maxmemory` without an allocator
    /// that counts.
    pub fn with_config(config: Config) -> Result<Self> {
        let config = without::check_config(config)?;
        let seed = facts::random()?;
        let now = facts::now();
        let host = HostFacts { check: without::check_directive, ..facts::facts() };
        let mut engine = Engine::new(Options { commands: ALL_COMMANDS, config, host, seed, now });
        let session = open_session(&mut engine, 0, now);
        Ok(Self { engine, session, request: Vec::new(), pending: Vec::new() })
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
    /// [`Error::Command`] when the command is refused, [`Error::WouldBlock`] when it would wait for a key,
    /// [`Error::Unsupported`] for those that one reply does not answer or that change how others are answered:
    /// HELLO, RESET, QUIT, SHUTDOWN, MONITOR, SUBSCRIBE and its kin, CLIENT REPLY, KILL and PAUSE, and the
    /// names of transactions.
    pub fn call<A: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = A>) -> Result<Reply> {
        let words: Vec<A> = words.into_iter().collect();
        without::check_command(&words)?;
        self.request.clear();
        encode(&mut self.request, &words);
        let now = self.send();
        let output = self.engine.output(self.session);
        let outcome = match reply::parse(output) {
            Some((Reply::Error(text), _)) => Err(Error::Command(text)),
            Some((reply, _)) => Ok(reply),
            None if output.is_empty() => Err(Error::WouldBlock),
            None => Err(Error::UnexpectedReply),
        };
        if matches!(outcome, Err(Error::WouldBlock)) {
            self.end_wait(now);
        }
        self.settle();
        outcome
    }

    /// Runs commands as MULTI and EXEC do; their replies in order. None of them waits, and where one is refused
    /// before it runs (its name, its number of arguments, no memory) none has run. One that fails as it runs is
    /// a [`Reply::Error`] among the others, which have run.
    ///
    /// ```
    /// # fn main() -> Result<(), nuthatch::Error> {
    /// use nuthatch::Reply;
    ///
    /// let mut db = nuthatch::Db::new()?;
    /// let replies = db.transaction([&["INCR", "eggs"][..], &["RPUSH", "nest", "moss", "bark"]])?;
    /// assert_eq!(replies, [Reply::Int(1), Reply::Int(2)]);
    ///
    /// db.transaction([&["INCR", "eggs"][..], &["NOSUCH"]]).unwrap_err();
    /// assert_eq!(db.get("eggs")?, Some(b"1".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the first command that is refused, as of [`Db::call`].
    pub fn transaction<A: AsRef<[u8]>, C: IntoIterator<Item = A>>(
        &mut self,
        commands: impl IntoIterator<Item = C>,
    ) -> Result<Vec<Reply>> {
        self.request.clear();
        encode(&mut self.request, &["MULTI"]);
        for words in commands {
            let words: Vec<A> = words.into_iter().collect();
            without::check_command(&words)?;
            encode(&mut self.request, &words);
        }
        encode(&mut self.request, &["EXEC"]);
        self.send();
        let outcome = reply::of_transaction(self.engine.output(self.session));
        self.settle();
        outcome
    }

    /// Runs what is in `request`, after what is due.
    fn send(&mut self) -> i64 {
        let now = facts::now();
        if self.engine.poll_timeout() <= now {
            self.engine.handle_timeout(now);
        }
        // A request beyond `proto-max-bulk-len` ends its session.
        if self.engine.wants_close(self.session) {
            self.reopen(now);
        }
        self.engine.handle_bytes(self.session, &self.request, now);
        now
    }

    /// Takes the output off, and drops what a server would act on: here the caller has the reply already, and
    /// there is no log, port or process.
    fn settle(&mut self) {
        self.engine.consume_output(self.session, self.engine.output(self.session).len());
        self.engine.poll_pending(&mut self.pending);
        self.pending.clear();
        while self.engine.poll_request().is_some() {}
    }

    /// Gives up a command that lets the session wait, so that the next one runs. The session keeps all else
    /// that it is in.
    fn end_wait(&mut self, now: i64) {
        let Some(client) = self.engine.session(self.session).map(|session| session.client_id) else { return };
        let helper = self.engine.open_session(info(), now);
        self.request.clear();
        encode(&mut self.request, &["CLIENT", "UNBLOCK", &client.to_string()]);
        self.engine.handle_bytes(helper, &self.request, now);
        self.engine.close_session(helper);
    }

    /// A new session in the place of one that was closed, in the same database.
    fn reopen(&mut self, now: i64) {
        let index = self.engine.session(self.session).map_or(0, |session| session.db);
        self.engine.close_session(self.session);
        self.session = open_session(&mut self.engine, index, now);
    }
}

fn info() -> SessionInfo {
    SessionInfo { addr: "embedded:0".to_owned(), laddr: "embedded:0".to_owned(), unix: true, fd: -1 }
}

/// A session in the database of this index.
fn open_session(engine: &mut Engine, index: usize, now: i64) -> SessionId {
    let session = engine.open_session(info(), now);
    let mut request = Vec::new();
    // RESP3 tells maps, sets, doubles and booleans apart.
    encode(&mut request, &["HELLO", "3"]);
    if index > 0 {
        encode(&mut request, &["SELECT", &index.to_string()]);
    }
    engine.handle_bytes(session, &request, now);
    engine.consume_output(session, engine.output(session).len());
    session
}

/// Writes a command as clients send it.
fn encode<A: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[A]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        let word = word.as_ref();
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::{Db, Error, Reply};

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
    /// A wait that was given up put the caller into database 0, with a session that had no name.
    #[test]
    fn a_wait_that_is_given_up_changes_nothing_else() {
        let mut db = Db::new().unwrap();
        db.call(["SELECT", "1"]).unwrap();
        db.call(["CLIENT", "SETNAME", "robin"]).unwrap();
        db.set("here", "1").unwrap();
        for wait in [["BLPOP", "none", "0"], ["BRPOP", "none", "9"], ["BZPOPMIN", "none", "0"]] {
            assert!(matches!(db.call(wait), Err(Error::WouldBlock)));
            assert!(db.exists("here").unwrap());
        }
        assert_eq!(db.call(["CLIENT", "GETNAME"]).unwrap().as_str(), Some("robin"));
        assert_eq!(db.engine.sessions(), 1);
        db.rpush("none", ["seed"]).unwrap();
        assert_eq!(db.llen("none").unwrap(), 1, "nobody waits for it any more");
    }

    /// A value that is too long closes a connection: the next call's command was swallowed, and was said to
    /// wait for ever.
    #[test]
    fn a_session_that_was_closed_is_opened_again_where_it_was() {
        let mut config = nuthatch_core::Config::default();
        config.set(b"proto-max-bulk-len", b"1mb").unwrap();
        let mut db = Db::with_config(config).unwrap();
        db.call(["SELECT", "2"]).unwrap();
        db.set("here", "1").unwrap();
        let long = vec![b'x'; (1 << 20) + 1];
        for _ in 0..2 {
            assert_eq!(db.set("long", &long).unwrap_err().code(), Some("ERR"));
            assert!(db.exists("here").unwrap());
        }
        let words = [&b"SET"[..], b"long", &long];
        assert_eq!(db.transaction([&[&b"INCR"[..], b"here"][..], &words]).unwrap_err().code(), Some("ERR"));
        assert_eq!(db.get("here").unwrap(), Some(b"1".to_vec()));
        db.hset("nest", [("eggs", "6")]).unwrap();
        assert_eq!(db.hgetall("nest").unwrap().len(), 1);
    }

    /// MULTI by `call` had GET give `QUEUED` as the key's value.
    #[test]
    fn a_transaction_gives_every_reply_and_leaves_no_state() {
        let mut db = Db::new().unwrap();
        db.set("word", "seed").unwrap();
        let replies = db.transaction([vec!["INCR", "n"], vec!["INCR", "word"], vec!["BLPOP", "none", "0"]]);
        let [Reply::Int(1), Reply::Error(text), Reply::Nil] = &replies.unwrap()[..] else { panic!() };
        assert!(text.starts_with("ERR value is not an integer"));
        let error = db.transaction([vec!["INCR", "n"], vec!["GET"]]).unwrap_err();
        assert!(error.to_string().contains("'get'"), "the command's own error: {error}");
        assert_eq!(db.get("n").unwrap(), Some(b"1".to_vec()));
        assert_eq!(db.transaction::<&str, [&str; 1]>([]).unwrap(), []);
        assert!(matches!(Reply::Status("QUEUED".to_owned()).into_bytes(), Err(Error::UnexpectedReply)));
    }
}

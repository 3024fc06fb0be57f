//! The engine for a firmware's own code: commands as methods, no line between.

use crate::answers::{Answer, Answers};
use crate::heart::{Below, Heart, NoFlash};
use crate::node::NodeOptions;
#[cfg(feature = "pages")]
use crate::pages::Pages;
#[cfg(feature = "store")]
use crate::store::Store;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
#[cfg(any(feature = "store", feature = "pages"))]
use nuthatch_core::FlashDevice;
use nuthatch_core::{SessionId, SessionInfo, flash_block_on};
use nuthatch_waits::waits;

/// Digits of the longest number.
const DIGITS: usize = 20;

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DbError {
    /// The engine refused it, in Redis's words: `WRONGTYPE …`, `OOM …`; `ERR unknown command …` where the command is not in the
    /// list that the node was given.
    Refused(String),
    /// The reply is of another kind than the call takes.
    Reply,
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(text) => text,
            Self::Reply => "the reply is of another kind than the call takes",
        })
    }
}

impl core::error::Error for DbError {}

/// An engine over a flash chip, or in memory alone. Each call takes the hour, in milliseconds, and ends when what it changed is
/// on the flash.
///
/// ```
/// use nuthatch_embedded::{Db, FIVE_TYPES, NodeOptions, memory};
///
/// # let random = || 0x5eed;
/// let seed = [random(), random(), random(), random()]; // the chip's random generator
/// let mut db = Db::new(NodeOptions::new(FIVE_TYPES, 64 << 10, 0, seed, memory::has_room));
/// assert_eq!(db.incr_by("starts", 1, 0)?, 1);
/// db.hset("config", "name", "north-3", 0)?;
/// assert_eq!(db.hget("config", "name", 0)?.as_deref(), Some(&b"north-3"[..]));
/// for reading in ["20.5", "20.7"] {
///     db.rpush("readings", reading, 10)?;
/// }
/// db.expire("readings", 60_000, 10)?;
/// assert_eq!(db.lrange("readings", 0, -1, 20)?.len(), 2);
/// assert_eq!(db.lrange("readings", 0, -1, 61_000)?.len(), 0);
/// # Ok::<(), nuthatch_embedded::DbError>(())
/// ```
pub struct Db<B: Below = NoFlash> {
    heart: Heart<B>,
    session: SessionId,
    pending: Vec<SessionId>,
}

impl Db {
    /// An empty engine, without flash.
    pub fn new(options: NodeOptions) -> Self {
        Self::assemble(NoFlash, &options)
    }
}

#[cfg(feature = "store")]
impl<D: FlashDevice> Db<Store<D>> {
    /// An engine over what is on the flash.
    pub fn on_flash(store: Store<D>, options: NodeOptions) -> Self {
        Self::assemble(store, &options)
    }

    /// Gives the chip back; what was answered is on it.
    pub fn into_device(self) -> D {
        self.heart.below.into_device()
    }
}

#[cfg(feature = "pages")]
impl<D: FlashDevice> Db<Pages<D>> {
    /// An empty engine with virtual memory: what is seldom used lies on the chip. A start forgets everything.
    pub fn paged(pages: Pages<D>, options: NodeOptions) -> Self {
        Self::assemble(pages, &options)
    }

    /// Gives the chip back.
    pub fn into_device(self) -> D {
        self.heart.below.into_device()
    }
}

#[waits]
impl<B: Below> Db<B> {
    fn assemble(below: B, options: &NodeOptions) -> Self {
        let mut heart = Heart::new(below, options);
        let session = heart.engine.open_session(SessionInfo::default(), options.now);
        Self { heart, session, pending: Vec::new() }
    }

    /// Does what is due: keys expire, reclaim goes on. Once a second or so.
    pub fn tick(&mut self, now: i64) {
        flash_block_on(self.tick_waiting(now));
    }

    /// [`Db::tick`] for a chip whose operations are waited for. It is not to be given up in the middle.
    pub async fn tick_waiting(&mut self, now: i64) {
        self.heart.open();
        self.heart.engine.handle_timeout(now);
        self.heart.carry(now).await;
        self.heart.close();
    }

    /// Any command; its reply in RESP, which [`Answers`] reads.
    ///
    /// ```
    /// use nuthatch_embedded::answers::{Answer, Answers};
    /// # use nuthatch_embedded::{Db, FIVE_TYPES, NodeOptions, memory};
    ///
    /// # let mut db = Db::new(NodeOptions::new(FIVE_TYPES, 64 << 10, 0, [1, 2, 3, 4], memory::has_room));
    /// db.call(&[b"ZADD", b"best", b"7", b"ann", b"9", b"bob"], 0);
    /// let reply = db.call(&[b"ZREVRANGE", b"best", b"0", b"0"], 0);
    /// assert!(Answers::new(&reply).eq([Answer::Many(1), Answer::Text(b"bob")]));
    /// ```
    pub fn call(&mut self, words: &[&[u8]], now: i64) -> Vec<u8> {
        flash_block_on(self.call_waiting(words, now))
    }

    /// [`Db::call`] for a chip whose operations are waited for. It is not to be given up in the middle.
    pub async fn call_waiting(&mut self, words: &[&[u8]], now: i64) -> Vec<u8> {
        self.heart.open();
        self.heart.carry(now).await;
        let reply = self.heart.ask(self.session, words, now).await;
        self.heart.close();
        self.pending.clear();
        self.heart.engine.poll_pending(&mut self.pending);
        reply
    }

    fn number(&mut self, words: &[&[u8]], now: i64) -> Result<i64, DbError> {
        match first(&self.call(words, now))? {
            Answer::Number(number) => Ok(number),
            _ => Err(DbError::Reply),
        }
    }

    fn text(&mut self, words: &[&[u8]], now: i64) -> Result<Option<Vec<u8>>, DbError> {
        match first(&self.call(words, now))? {
            Answer::Text(text) => Ok(Some(text.to_vec())),
            Answer::Nothing => Ok(None),
            _ => Err(DbError::Reply),
        }
    }

    /// Sets a string, whatever the key held.
    ///
    /// # Errors
    /// The engine's refusal, as of every call below.
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, now: i64) -> Result<(), DbError> {
        first(&self.call(&[b"SET", key.as_ref(), value.as_ref()], now)).map(drop)
    }

    /// The string.
    ///
    /// # Errors
    /// As above.
    pub fn get(&mut self, key: impl AsRef<[u8]>, now: i64) -> Result<Option<Vec<u8>>, DbError> {
        self.text(&[b"GET", key.as_ref()], now)
    }

    /// Adds to the number that the string spells; the sum.
    ///
    /// # Errors
    /// As above.
    pub fn incr_by(&mut self, key: impl AsRef<[u8]>, by: i64, now: i64) -> Result<i64, DbError> {
        self.number(&[b"INCRBY", key.as_ref(), Digits::of(by).text()], now)
    }

    /// Removes a key; whether it was there.
    ///
    /// # Errors
    /// As above.
    pub fn del(&mut self, key: impl AsRef<[u8]>, now: i64) -> Result<bool, DbError> {
        Ok(self.number(&[b"DEL", key.as_ref()], now)? == 1)
    }

    /// Lets a key expire after so many milliseconds; false without a key.
    ///
    /// # Errors
    /// As above.
    pub fn expire(&mut self, key: impl AsRef<[u8]>, millis: i64, now: i64) -> Result<bool, DbError> {
        Ok(self.number(&[b"PEXPIRE", key.as_ref(), Digits::of(millis).text()], now)? == 1)
    }

    /// Sets a field of a hash.
    ///
    /// # Errors
    /// As above.
    pub fn hset(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        now: i64,
    ) -> Result<(), DbError> {
        self.number(&[b"HSET", key.as_ref(), field.as_ref(), value.as_ref()], now).map(drop)
    }

    /// A field of a hash.
    ///
    /// # Errors
    /// As above.
    pub fn hget(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        now: i64,
    ) -> Result<Option<Vec<u8>>, DbError> {
        self.text(&[b"HGET", key.as_ref(), field.as_ref()], now)
    }

    /// Adds an element at a list's end; how many there are then.
    ///
    /// # Errors
    /// As above.
    pub fn rpush(
        &mut self,
        key: impl AsRef<[u8]>,
        element: impl AsRef<[u8]>,
        now: i64,
    ) -> Result<i64, DbError> {
        self.number(&[b"RPUSH", key.as_ref(), element.as_ref()], now)
    }

    /// A list's elements from `from` to `to`, both counted from its end where negative.
    ///
    /// # Errors
    /// As above.
    pub fn lrange(
        &mut self,
        key: impl AsRef<[u8]>,
        from: i64,
        to: i64,
        now: i64,
    ) -> Result<Vec<Vec<u8>>, DbError> {
        let (from, to) = (Digits::of(from), Digits::of(to));
        let reply = self.call(&[b"LRANGE", key.as_ref(), from.text(), to.text()], now);
        match first(&reply)? {
            Answer::Many(_) => Ok(Answers::new(&reply).filter_map(text_of).collect()),
            _ => Err(DbError::Reply),
        }
    }
}

fn text_of(answer: Answer<'_>) -> Option<Vec<u8>> {
    match answer {
        Answer::Text(text) => Some(text.to_vec()),
        _ => None,
    }
}

fn first(reply: &[u8]) -> Result<Answer<'_>, DbError> {
    match Answers::new(reply).next() {
        Some(Answer::Error(text)) => Err(DbError::Refused(String::from_utf8_lossy(text).into_owned())),
        Some(answer) => Ok(answer),
        None => Err(DbError::Reply),
    }
}

/// A number as text, without an allocation.
pub(crate) struct Digits {
    bytes: [u8; DIGITS],
    from: usize,
}

impl Digits {
    pub(crate) fn of(number: i64) -> Self {
        let mut digits = Self { bytes: [b'0'; DIGITS], from: DIGITS };
        let mut rest = number.unsigned_abs();
        loop {
            digits.put(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            digits.put(b'-');
        }
        digits
    }

    fn put(&mut self, byte: u8) {
        self.from -= 1;
        self.bytes[self.from] = byte;
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[self.from..]
    }
}

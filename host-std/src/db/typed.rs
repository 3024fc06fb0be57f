//! The everyday commands with types.

use super::{Db, Error, Reply, Result};
use std::time::Duration;

/// Bytes of one key, field, member or value.
type Bytes = Vec<u8>;

/// A command's words, gathered piece by piece.
#[derive(Debug, Default)]
struct Words(Vec<Bytes>);

impl Words {
    fn new(name: &str) -> Self {
        Self(vec![name.as_bytes().to_vec()])
    }

    fn with(mut self, word: impl AsRef<[u8]>) -> Self {
        self.0.push(word.as_ref().to_vec());
        self
    }

    fn with_all<A: AsRef<[u8]>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.0.extend(words.into_iter().map(|word| word.as_ref().to_vec()));
        self
    }
}

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}

/// Keys.
impl Db {
    /// Removes keys; how many were there.
    ///
    /// # Errors
    /// The engine's refusal ([`Error::Command`]), as of every call below: `WRONGTYPE` where the key holds
    /// another type, `OOM` where `maxmemory` leaves no room.
    pub fn del<K: AsRef<[u8]>>(&mut self, keys: impl IntoIterator<Item = K>) -> Result<i64> {
        self.call(Words::new("DEL").with_all(keys).0)?.into_int()
    }

    /// Whether the key is there.
    ///
    /// # Errors
    /// As above.
    pub fn exists(&mut self, key: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.call(Words::new("EXISTS").with(key).0)?.into_int()? == 1)
    }

    /// Lets the key expire after `time`; false when there is no such key.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), nuthatch::Error> {
    /// let mut db = nuthatch::Db::new()?;
    /// db.set("egg", "white")?;
    /// assert!(db.expire("egg", Duration::from_secs(14))?);
    /// assert!(db.ttl("egg")?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As above.
    pub fn expire(&mut self, key: impl AsRef<[u8]>, time: Duration) -> Result<bool> {
        Ok(self.call(Words::new("PEXPIRE").with(key).with(millis(time)).0)?.into_int()? == 1)
    }

    /// How long the key still lives; `None` when it has no deadline or is not there.
    ///
    /// # Errors
    /// As above.
    pub fn ttl(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Duration>> {
        let left = self.call(Words::new("PTTL").with(key).0)?.into_int()?;
        Ok(u64::try_from(left).ok().map(Duration::from_millis))
    }

    /// Every key that matches the pattern.
    ///
    /// # Errors
    /// As above.
    pub fn keys(&mut self, pattern: impl AsRef<[u8]>) -> Result<Vec<Bytes>> {
        self.call(Words::new("KEYS").with(pattern).0)?.into_bytes_list()
    }

    /// Removes every key.
    ///
    /// # Errors
    /// As above.
    pub fn flush(&mut self) -> Result<()> {
        self.call(["FLUSHALL"]).map(drop)
    }
}

/// Strings.
impl Db {
    /// Sets a string, whatever the key held.
    ///
    /// # Errors
    /// As above.
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        self.call(Words::new("SET").with(key).with(value).0).map(drop)
    }

    /// Sets a string that expires after `time`.
    ///
    /// # Errors
    /// As above.
    pub fn set_for(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, time: Duration) -> Result<()> {
        self.call(Words::new("SET").with(key).with(value).with("PX").with(millis(time)).0).map(drop)
    }

    /// The string.
    ///
    /// # Errors
    /// As above.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        self.call(Words::new("GET").with(key).0)?.into_bytes()
    }

    /// Adds to the number that the string spells; the sum.
    ///
    /// ```
    /// # fn main() -> Result<(), nuthatch::Error> {
    /// let mut db = nuthatch::Db::new()?;
    /// assert_eq!(db.incr_by("seeds", 40)?, 40);
    /// assert_eq!(db.incr_by("seeds", 2)?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As above.
    pub fn incr_by(&mut self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        self.call(Words::new("INCRBY").with(key).with(by.to_string()).0)?.into_int()
    }
}

/// Lists.
impl Db {
    /// Adds elements at the head, one after another; how many there are then.
    ///
    /// # Errors
    /// As above.
    pub fn lpush<A: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        elements: impl IntoIterator<Item = A>,
    ) -> Result<i64> {
        self.call(Words::new("LPUSH").with(key).with_all(elements).0)?.into_int()
    }

    /// Adds elements at the tail; how many there are then.
    ///
    /// ```
    /// # fn main() -> Result<(), nuthatch::Error> {
    /// let mut db = nuthatch::Db::new()?;
    /// db.rpush("cache", ["acorn", "hazelnut"])?;
    /// assert_eq!(db.lpop("cache")?, Some(b"acorn".to_vec()));
    /// assert_eq!(db.lrange("cache", 0, -1)?, [b"hazelnut".to_vec()]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As above.
    pub fn rpush<A: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        elements: impl IntoIterator<Item = A>,
    ) -> Result<i64> {
        self.call(Words::new("RPUSH").with(key).with_all(elements).0)?.into_int()
    }

    /// Takes the element at the head.
    ///
    /// # Errors
    /// As above.
    pub fn lpop(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        self.call(Words::new("LPOP").with(key).0)?.into_bytes()
    }

    /// Takes the element at the tail.
    ///
    /// # Errors
    /// As above.
    pub fn rpop(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        self.call(Words::new("RPOP").with(key).0)?.into_bytes()
    }

    /// The elements from one index to another, both counted; negative ones count from the end.
    ///
    /// # Errors
    /// As above.
    pub fn lrange(&mut self, key: impl AsRef<[u8]>, start: i64, stop: i64) -> Result<Vec<Bytes>> {
        self.call(Words::new("LRANGE").with(key).with(start.to_string()).with(stop.to_string()).0)?
            .into_bytes_list()
    }

    /// How many elements there are.
    ///
    /// # Errors
    /// As above.
    pub fn llen(&mut self, key: impl AsRef<[u8]>) -> Result<i64> {
        self.call(Words::new("LLEN").with(key).0)?.into_int()
    }
}

/// Hashes.
impl Db {
    /// Sets fields; how many of them are new.
    ///
    /// ```
    /// # fn main() -> Result<(), nuthatch::Error> {
    /// let mut db = nuthatch::Db::new()?;
    /// db.hset("nest", [("eggs", "6"), ("tree", "oak")])?;
    /// assert_eq!(db.hget("nest", "tree")?, Some(b"oak".to_vec()));
    /// assert_eq!(db.hgetall("nest")?.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As above.
    pub fn hset<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, V)>,
    ) -> Result<i64> {
        let mut words = Words::new("HSET").with(key);
        for (field, value) in pairs {
            words = words.with(field).with(value);
        }
        self.call(words.0)?.into_int()
    }

    /// A field's value.
    ///
    /// # Errors
    /// As above.
    pub fn hget(&mut self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        self.call(Words::new("HGET").with(key).with(field).0)?.into_bytes()
    }

    /// Removes fields; how many were there.
    ///
    /// # Errors
    /// As above.
    pub fn hdel<A: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = A>,
    ) -> Result<i64> {
        self.call(Words::new("HDEL").with(key).with_all(fields).0)?.into_int()
    }

    /// Every field with its value.
    ///
    /// # Errors
    /// As above.
    pub fn hgetall(&mut self, key: impl AsRef<[u8]>) -> Result<Vec<(Bytes, Bytes)>> {
        let Reply::Map(pairs) = self.call(Words::new("HGETALL").with(key).0)? else {
            return Err(Error::UnexpectedReply);
        };
        let bytes = |reply: Reply| reply.into_bytes()?.ok_or(Error::UnexpectedReply);
        pairs.into_iter().map(|(field, value)| Ok((bytes(field)?, bytes(value)?))).collect()
    }
}

/// Sets.
impl Db {
    /// Adds members; how many of them are new.
    ///
    /// # Errors
    /// As above.
    pub fn sadd<A: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = A>,
    ) -> Result<i64> {
        self.call(Words::new("SADD").with(key).with_all(members).0)?.into_int()
    }

    /// Removes members; how many were there.
    ///
    /// # Errors
    /// As above.
    pub fn srem<A: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = A>,
    ) -> Result<i64> {
        self.call(Words::new("SREM").with(key).with_all(members).0)?.into_int()
    }

    /// Whether it is a member.
    ///
    /// # Errors
    /// As above.
    pub fn sismember(&mut self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.call(Words::new("SISMEMBER").with(key).with(member).0)?.into_int()? == 1)
    }

    /// Every member.
    ///
    /// # Errors
    /// As above.
    pub fn smembers(&mut self, key: impl AsRef<[u8]>) -> Result<Vec<Bytes>> {
        self.call(Words::new("SMEMBERS").with(key).0)?.into_bytes_list()
    }
}

/// Sorted sets.
impl Db {
    /// Adds members with their scores; how many of them are new.
    ///
    /// ```
    /// # fn main() -> Result<(), nuthatch::Error> {
    /// let mut db = nuthatch::Db::new()?;
    /// db.zadd("seeds", [(3.0, "acorn"), (1.5, "beechnut")])?;
    /// assert_eq!(db.zrange("seeds", 0, -1)?, [(b"beechnut".to_vec(), 1.5), (b"acorn".to_vec(), 3.0)]);
    /// assert_eq!(db.zscore("seeds", "acorn")?, Some(3.0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As above.
    pub fn zadd<M: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        entries: impl IntoIterator<Item = (f64, M)>,
    ) -> Result<i64> {
        let mut words = Words::new("ZADD").with(key);
        for (score, member) in entries {
            words = words.with(score.to_string()).with(member);
        }
        self.call(words.0)?.into_int()
    }

    /// Removes members; how many were there.
    ///
    /// # Errors
    /// As above.
    pub fn zrem<A: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = A>,
    ) -> Result<i64> {
        self.call(Words::new("ZREM").with(key).with_all(members).0)?.into_int()
    }

    /// A member's score.
    ///
    /// # Errors
    /// As above.
    pub fn zscore(&mut self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<Option<f64>> {
        self.call(Words::new("ZSCORE").with(key).with(member).0)?.into_double()
    }

    /// The members from one rank to another, both counted, with their scores; negative ranks count from the end.
    ///
    /// # Errors
    /// As above.
    pub fn zrange(&mut self, key: impl AsRef<[u8]>, start: i64, stop: i64) -> Result<Vec<(Bytes, f64)>> {
        let words =
            Words::new("ZRANGE").with(key).with(start.to_string()).with(stop.to_string()).with("WITHSCORES");
        let Reply::Array(entries) = self.call(words.0)? else { return Err(Error::UnexpectedReply) };
        entries.into_iter().map(entry).collect()
    }
}

/// A member with its score.
fn entry(reply: Reply) -> Result<(Bytes, f64)> {
    let Reply::Array(pair) = reply else { return Err(Error::UnexpectedReply) };
    match <[Reply; 2]>::try_from(pair) {
        Ok([Reply::Bytes(member), Reply::Double(score)]) => Ok((member, score)),
        _ => Err(Error::UnexpectedReply),
    }
}

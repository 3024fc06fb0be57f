//! The mirror: plain maps, and the least code that gives Redis's answers for the commands that the simulation sends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::reply::{
    self, NO_SUCH_KEY, NOT_INTEGER, NULL, NULL_ARRAY, OK, WRONG_TYPE, bulk, bulk_or_null, bulks, count,
};

type Bytes = Vec<u8>;
/// A reply, or the text of an error as it is sent.
type Answer = Result<Bytes, Bytes>;

#[derive(Debug, Clone)]
pub(super) enum Data {
    Str(Bytes),
    List(VecDeque<Bytes>),
    Set(BTreeSet<Bytes>),
    Hash(BTreeMap<Bytes, Bytes>),
    Zset(BTreeMap<Bytes, i64>),
}

impl Data {
    fn kind(&self) -> &'static str {
        match self {
            Self::Str(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Hash(_) => "hash",
            Self::Zset(_) => "zset",
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Str(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
            Self::Zset(zset) => zset.is_empty(),
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    data: Data,
    deadline: Option<i64>,
}

/// The keyspace.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Milliseconds; the same that the engine is told.
    pub(super) now: i64,
    keys: BTreeMap<Bytes, Entry>,
    changes: BTreeMap<Bytes, u64>,
    /// Keys that came to hold something that a blocked session may wait for, in that order.
    pub(super) ready: Vec<Bytes>,
}

/// The collection of one kind behind an entry: made if it is not there, refused if it is of another kind.
macro_rules! collection {
    ($name:ident, $variant:ident, $kind:ty) => {
        fn $name(&mut self, key: &[u8]) -> Result<&mut $kind, Bytes> {
            self.expire(key);
            let fresh = || Entry { data: Data::$variant(<$kind>::default()), deadline: None };
            match &mut self.keys.entry(key.to_vec()).or_insert_with(fresh).data {
                Data::$variant(inner) => Ok(inner),
                _ => Err(WRONG_TYPE.into()),
            }
        }
    };
}

impl Model {
    collection!(list, List, VecDeque<Bytes>);
    collection!(set, Set, BTreeSet<Bytes>);
    collection!(hash, Hash, BTreeMap<Bytes, Bytes>);
    collection!(zset, Zset, BTreeMap<Bytes, i64>);

    /// How often the key has changed, for WATCH.
    pub(super) fn version(&mut self, key: &[u8]) -> u64 {
        self.expire(key);
        self.changes.get(key).copied().unwrap_or(0)
    }

    fn changed(&mut self, key: &[u8]) {
        *self.changes.entry(key.to_vec()).or_default() += 1;
    }

    fn expire(&mut self, key: &[u8]) {
        let over =
            self.keys.get(key).and_then(|entry| entry.deadline).is_some_and(|deadline| self.now > deadline);
        if over {
            self.keys.remove(key);
            self.changed(key);
        }
    }

    fn entry(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.expire(key);
        self.keys.get_mut(key)
    }

    fn string(&mut self, key: &[u8]) -> Result<Option<&mut Bytes>, Bytes> {
        match self.entry(key).map(|entry| &mut entry.data) {
            None => Ok(None),
            Some(Data::Str(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(WRONG_TYPE.into()),
        }
    }

    /// After a command: a collection that is empty has no key. Tells whether the key is there.
    fn tidy(&mut self, key: &[u8]) -> bool {
        if self.keys.get(key).is_some_and(|entry| entry.data.is_empty()) {
            self.keys.remove(key);
        }
        self.keys.contains_key(key)
    }

    fn insert(&mut self, key: &[u8], data: Data, deadline: Option<i64>) {
        self.keys.insert(key.to_vec(), Entry { data, deadline });
        self.changed(key);
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        self.expire(key);
        let there = self.keys.remove(key).is_some();
        if there {
            self.changed(key);
        }
        there
    }

    /// Runs one command that neither blocks nor touches the session.
    pub(super) fn run(&mut self, words: &[Bytes]) -> Bytes {
        let name = String::from_utf8_lossy(&words[0]).to_ascii_uppercase();
        let rest = &words[1..];
        let answer = match name.as_str() {
            "PING" => Ok(b"+PONG\r\n".to_vec()),
            "FLUSHDB" => self.flush(),
            "DEL" => Ok(count(rest.iter().filter(|key| self.delete(key)).count())),
            "EXISTS" => Ok(count(rest.iter().filter(|key| self.entry(key).is_some()).count())),
            "TYPE" => {
                Ok(format!("+{}\r\n", self.entry(&rest[0]).map_or("none", |e| e.data.kind())).into_bytes())
            }
            "RENAME" => self.rename(&rest[0], &rest[1]),
            "PEXPIRE" => self.pexpire(&rest[0], &rest[1]),
            "PTTL" => Ok(self.pttl(&rest[0])),
            "PERSIST" => Ok(self.persist(&rest[0])),
            _ => self.typed(&name, rest),
        };
        for key in rest {
            self.tidy(key);
        }
        answer.unwrap_or_else(|error| error)
    }

    fn typed(&mut self, name: &str, rest: &[Bytes]) -> Answer {
        let key = &rest[0];
        match name {
            "SET" | "GET" | "APPEND" | "INCRBY" | "STRLEN" => self.on_string(name, rest),
            "RPUSH" | "LPUSH" | "LPOP" | "RPOP" | "LLEN" | "LRANGE" => self.on_list(name, rest),
            "SADD" | "SREM" | "SCARD" | "SISMEMBER" => self.on_set(name, rest),
            "HSET" | "HDEL" | "HGET" | "HLEN" => self.on_hash(name, rest),
            "ZADD" | "ZREM" | "ZSCORE" | "ZRANGE" | "ZCARD" => self.on_zset(name, rest),
            _ => Err(format!("-ERR the model does not know {name} {key:?}\r\n").into_bytes()),
        }
    }

    fn flush(&mut self) -> Answer {
        for key in std::mem::take(&mut self.keys).into_keys() {
            self.changed(&key);
        }
        Ok(OK.into())
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> Answer {
        self.expire(from);
        self.expire(to);
        let entry = self.keys.get(from).cloned().ok_or(NO_SUCH_KEY)?;
        if from != to {
            self.keys.remove(from);
            self.changed(from);
            self.insert(to, entry.data, entry.deadline);
            self.ready.push(to.to_vec());
        }
        Ok(OK.into())
    }

    fn pexpire(&mut self, key: &[u8], millis: &[u8]) -> Answer {
        let millis: i64 = parse(millis)?;
        let now = self.now;
        let Some(entry) = self.entry(key) else { return Ok(count(0)) };
        if millis <= 0 {
            self.delete(key);
        } else {
            entry.deadline = Some(now + millis);
            self.changed(key);
        }
        Ok(count(1))
    }

    fn pttl(&mut self, key: &[u8]) -> Bytes {
        let now = self.now;
        let left = self.entry(key).map_or(-2, |entry| entry.deadline.map_or(-1, |deadline| deadline - now));
        reply::int(left)
    }

    fn persist(&mut self, key: &[u8]) -> Bytes {
        let had = self.entry(key).is_some_and(|entry| entry.deadline.take().is_some());
        if had {
            self.changed(key);
        }
        count(usize::from(had))
    }

    fn on_string(&mut self, name: &str, rest: &[Bytes]) -> Answer {
        let key = &rest[0];
        match name {
            "SET" => {
                let px = rest.get(3).map(|millis| parse(millis)).transpose()?;
                self.insert(key, Data::Str(rest[1].clone()), px.map(|millis| self.now + millis));
                Ok(OK.into())
            }
            "GET" => Ok(bulk_or_null(self.string(key)?.as_deref())),
            "STRLEN" => Ok(count(self.string(key)?.map_or(0, |bytes| bytes.len()))),
            "APPEND" => {
                let mut bytes = self.string(key)?.cloned().unwrap_or_default();
                bytes.extend_from_slice(&rest[1]);
                let length = bytes.len();
                self.replace(key, bytes);
                Ok(count(length))
            }
            _ => {
                let old: i64 = self.string(key)?.map_or(Ok(0), |bytes| parse(bytes))?;
                let new = old + parse(&rest[1])?;
                self.replace(key, new.to_string().into_bytes());
                Ok(reply::int(new))
            }
        }
    }

    /// A new text, the deadline kept.
    fn replace(&mut self, key: &[u8], bytes: Bytes) {
        let deadline = self.keys.get(key).and_then(|entry| entry.deadline);
        self.insert(key, Data::Str(bytes), deadline);
    }

    fn on_list(&mut self, name: &str, rest: &[Bytes]) -> Answer {
        let key = &rest[0];
        let list = self.list(key)?;
        let was_empty = list.is_empty();
        let answer = match name {
            "LLEN" => return Ok(count(list.len())),
            "LRANGE" => return Ok(bulks(slice(list, parse(&rest[1])?, parse(&rest[2])?))),
            "RPUSH" => {
                list.extend(rest[1..].iter().cloned());
                count(list.len())
            }
            "LPUSH" => {
                rest[1..].iter().for_each(|element| list.push_front(element.clone()));
                count(list.len())
            }
            "LPOP" => bulk_or_null(list.pop_front().as_ref()),
            _ => bulk_or_null(list.pop_back().as_ref()),
        };
        let pushes = name.ends_with("PUSH");
        if pushes || !was_empty {
            self.changed(key);
        }
        if pushes && was_empty {
            self.ready.push(key.clone());
        }
        Ok(answer)
    }

    /// BLPOP or BRPOP on one key: `None` where there is nothing to pop.
    pub(super) fn pop(&mut self, key: &[u8], left: bool) -> Option<Answer> {
        self.entry(key)?;
        let list = match self.list(key) {
            Ok(list) => list,
            Err(error) => return Some(Err(error)),
        };
        let element = if left { list.pop_front() } else { list.pop_back() }?;
        self.changed(key);
        self.tidy(key);
        Some(Ok(reply::array(&[bulk(key), bulk(&element)])))
    }

    fn on_set(&mut self, name: &str, rest: &[Bytes]) -> Answer {
        let set = self.set(&rest[0])?;
        let before = set.len();
        match name {
            "SADD" => set.extend(rest[1..].iter().cloned()),
            "SREM" => set.retain(|member| !rest[1..].contains(member)),
            "SISMEMBER" => return Ok(count(usize::from(set.contains(&rest[1])))),
            _ => return Ok(count(set.len())),
        }
        let difference = before.abs_diff(set.len());
        if difference > 0 {
            self.changed(&rest[0]);
        }
        Ok(count(difference))
    }

    fn on_hash(&mut self, name: &str, rest: &[Bytes]) -> Answer {
        let hash = self.hash(&rest[0])?;
        let before = hash.len();
        match name {
            "HSET" => hash.extend(rest[1..].chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()))),
            "HDEL" => hash.retain(|field, _| !rest[1..].contains(field)),
            "HGET" => return Ok(bulk_or_null(hash.get(&rest[1]))),
            _ => return Ok(count(hash.len())),
        }
        let difference = before.abs_diff(hash.len());
        if name == "HSET" || difference > 0 {
            self.changed(&rest[0]);
        }
        Ok(count(difference))
    }

    fn on_zset(&mut self, name: &str, rest: &[Bytes]) -> Answer {
        let zset = self.zset(&rest[0])?;
        let before = zset.clone();
        match name {
            "ZADD" => {
                for pair in rest[1..].chunks(2) {
                    zset.insert(pair[1].clone(), parse(&pair[0])?);
                }
            }
            "ZREM" => zset.retain(|member, _| !rest[1..].contains(member)),
            "ZSCORE" => {
                return Ok(zset
                    .get(&rest[1])
                    .map_or(NULL.into(), |score| bulk(score.to_string().as_bytes())));
            }
            "ZRANGE" => {
                let mut order: Vec<(i64, &Bytes)> =
                    zset.iter().map(|(member, score)| (*score, member)).collect();
                order.sort();
                let members: VecDeque<Bytes> = order.into_iter().map(|(_, member)| member.clone()).collect();
                return Ok(bulks(slice(&members, parse(&rest[1])?, parse(&rest[2])?)));
            }
            _ => return Ok(count(zset.len())),
        }
        let difference = before.len().abs_diff(zset.len());
        if *zset != before {
            self.changed(&rest[0]);
        }
        Ok(count(difference))
    }

    /// What a blocked session is told when its time is up.
    pub(super) fn nothing() -> Bytes {
        NULL_ARRAY.into()
    }
}

fn parse(bytes: &[u8]) -> Result<i64, Bytes> {
    let text = std::str::from_utf8(bytes).map_err(|_| NOT_INTEGER)?;
    let number: i64 = text.parse().map_err(|_| NOT_INTEGER)?;
    // Only what is written the one way counts as a number: no `+1`, no `01`.
    if number.to_string() == text { Ok(number) } else { Err(NOT_INTEGER.into()) }
}

/// The elements from `start` to `stop`, both counted from the end where negative.
fn slice(list: &VecDeque<Bytes>, start: i64, stop: i64) -> impl Iterator<Item = &Bytes> {
    let length = list.len() as i64;
    let at = |index: i64| if index < 0 { index + length } else { index };
    let (first, last) = (at(start).max(0), at(stop).min(length - 1));
    let taken = usize::try_from(last - first + 1).unwrap_or(0);
    list.iter().skip(usize::try_from(first).unwrap_or(0)).take(taken)
}

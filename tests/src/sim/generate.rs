//! Random commands: few keys, so that sessions meet; each key mostly of one type.

use super::Dice;

const COLLECTIONS: [(&str, &[&str]); 5] = [
    ("s", &["SET", "GET", "APPEND", "INCRBY", "STRLEN", "SET"]),
    ("l", &["RPUSH", "LPUSH", "LPOP", "RPOP", "LLEN", "LRANGE", "RPUSH"]),
    ("t", &["SADD", "SREM", "SCARD", "SISMEMBER", "SADD"]),
    ("h", &["HSET", "HDEL", "HGET", "HLEN", "HSET"]),
    ("z", &["ZADD", "ZREM", "ZSCORE", "ZRANGE", "ZCARD", "ZADD"]),
];
const ANY: [&str; 7] = ["DEL", "EXISTS", "TYPE", "RENAME", "PEXPIRE", "PTTL", "PERSIST"];
/// Deadlines end in 5 and the clock in 0, so that no answer hangs on which of the two comes first in the same instant.
const MILLIS: [&str; 6] = ["5", "15", "45", "105", "1005", "100005"];

/// A command on data, without session state.
pub(super) fn command(dice: &mut Dice) -> Vec<Vec<u8>> {
    if dice.once_in(300) {
        return vec![b"FLUSHDB".to_vec()];
    }
    if dice.once_in(4) {
        return on_any(dice);
    }
    let (prefix, names) = *dice.pick(&COLLECTIONS);
    let name = *dice.pick(names);
    let holder = if dice.once_in(20) { dice.pick(&COLLECTIONS).0 } else { prefix };
    let mut words = vec![name.as_bytes().to_vec(), key(dice, holder)];
    arguments(dice, name, &mut words);
    words
}

/// A key of any type.
pub(super) fn any_key(dice: &mut Dice) -> Vec<u8> {
    let prefix = *dice.pick(&["s", "l", "t", "h", "z"]);
    key(dice, prefix)
}

/// One of these words.
pub(super) fn one(dice: &mut Dice, of: &[&str]) -> Vec<u8> {
    dice.pick(of).as_bytes().to_vec()
}

/// A command over several keys, databases or forms of a value, which [`command`] has none of: the rows that both twins have;
/// `None`: the row is a twin's own.
pub(super) fn wide_command(dice: &mut Dice, row: usize) -> Option<Vec<Vec<u8>>> {
    let text = |text: &str| text.as_bytes().to_vec();
    Some(match row {
        2 => vec![text("SELECT"), one(dice, &["0", "0", "1", "2"])],
        3 => vec![text("MOVE"), any_key(dice), one(dice, &["0", "1", "2"])],
        4 => vec![text("COPY"), any_key(dice), any_key(dice), text("REPLACE")],
        5 if dice.once_in(10) => vec![text("SWAPDB"), one(dice, &["0", "1"]), one(dice, &["1", "2"])],
        6 if dice.once_in(20) => vec![text("FLUSHALL")],
        7 => vec![text("MSET"), any_key(dice), text("a"), any_key(dice), text("b")],
        9 => vec![text("SUNIONSTORE"), key(dice, "t"), key(dice, "t"), key(dice, "t")],
        10 => vec![text("LMOVE"), key(dice, "l"), key(dice, "l"), text("LEFT"), text("RIGHT")],
        11 => vec![text("OBJECT"), text("ENCODING"), any_key(dice)],
        14 => vec![text("GETEX"), key(dice, "s"), text("PX"), text("1005")],
        15 => vec![text("SET"), key(dice, "s"), text("d"), text("GET")],
        16 => vec![text("DEBUG"), text("DIGEST-VALUE"), any_key(dice)],
        5 | 6 => command(dice),
        _ => return None,
    })
}

fn on_any(dice: &mut Dice) -> Vec<Vec<u8>> {
    let name = *dice.pick(&ANY);
    let prefix = dice.pick(&COLLECTIONS).0;
    let mut words = vec![name.as_bytes().to_vec(), key(dice, prefix)];
    match name {
        "DEL" | "EXISTS" if dice.once_in(2) => words.push(key(dice, prefix)),
        "RENAME" => words.push(key(dice, prefix)),
        "PEXPIRE" => {
            let millis = if dice.once_in(10) { "-5" } else { *dice.pick(&MILLIS) };
            words.push(millis.as_bytes().to_vec());
        }
        _ => {}
    }
    words
}

/// A key that holds a type whose letter is `prefix`, if no RENAME moved another there.
pub(super) fn key(dice: &mut Dice, prefix: &str) -> Vec<u8> {
    format!("{prefix}{}", dice.below(4)).into_bytes()
}

fn arguments(dice: &mut Dice, name: &str, words: &mut Vec<Vec<u8>>) {
    match name {
        "SET" => {
            words.push(value(dice));
            if dice.once_in(5) {
                words.extend([b"PX".to_vec(), dice.pick(&MILLIS).as_bytes().to_vec()]);
            }
        }
        "APPEND" => words.push(value(dice)),
        "INCRBY" => words.push((dice.below(1000) as i64 - 500).to_string().into_bytes()),
        "RPUSH" | "LPUSH" => words.extend((0..=dice.below(6)).map(|_| value(dice)).collect::<Vec<_>>()),
        "SADD" | "SREM" | "HDEL" | "ZREM" => words.extend(distinct(dice)),
        "SISMEMBER" | "HGET" | "ZSCORE" => words.push(member(dice)),
        "HSET" => distinct(dice).into_iter().for_each(|field| words.extend([field, value(dice)])),
        "ZADD" => distinct(dice).into_iter().for_each(|member| words.extend([score(dice), member])),
        "LRANGE" | "ZRANGE" => words.extend([index(dice), index(dice)]),
        _ => {}
    }
}

fn index(dice: &mut Dice) -> Vec<u8> {
    (dice.below(24) as i64 - 12).to_string().into_bytes()
}

fn score(dice: &mut Dice) -> Vec<u8> {
    (dice.below(20) as i64 - 10).to_string().into_bytes()
}

/// Short and long, numbers and not, so that every encoding is met and left. No NUL: for SORT ALPHA a text ends there, so that
/// the order of two texts would hang on that of their set, which is nobody's promise.
fn value(dice: &mut Dice) -> Vec<u8> {
    match dice.below(12) {
        0 => vec![b'x'; dice.below(9000)],
        1 => vec![1, 13, 10, 255],
        2 => Vec::new(),
        3..6 => dice.below(100_000).to_string().into_bytes(),
        _ => format!("v{}", dice.below(50)).into_bytes(),
    }
}

fn member(dice: &mut Dice) -> Vec<u8> {
    match dice.below(10) {
        0 => format!("{:070}", dice.below(300)).into_bytes(),
        1..5 => dice.below(600).to_string().into_bytes(),
        _ => format!("m{}", dice.below(200)).into_bytes(),
    }
}

fn distinct(dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = (0..=dice.below(8)).map(|_| member(dice)).collect();
    out.sort();
    out.dedup();
    out
}

/// A command as bytes: an array of bulk strings, or an inline line where its words allow.
pub(super) fn wire(dice: &mut Dice, words: &[Vec<u8>]) -> Vec<u8> {
    let plain = |word: &Vec<u8>| !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric);
    if dice.once_in(8) && words.iter().all(plain) {
        let mut line = words.join(&b' ');
        line.extend_from_slice(if dice.once_in(2) { b"\r\n" } else { b"\n" });
        return line;
    }
    crate::resp::encode(words)
}

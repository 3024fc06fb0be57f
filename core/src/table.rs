//! The command table: one line a command, one list a group. A host names the lists it wants; what it does not name,
//! the linker drops.

use crate::command::Command;
use crate::command::{Group, Keys, flags::*};
use crate::commands::walk;
use crate::types::hash::commands as hash;

/// Strings.
pub const STRING: &[Command] = &[];

/// Bits of strings.
pub const BITMAP: &[Command] = &[];

/// Lists.
pub const LIST: &[Command] = &[];

/// Sets.
pub const SET: &[Command] = &[];

/// Hashes.
pub const HASH: &[Command] = &[
    Command::new("hset", -4, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hset),
    Command::new("hsetnx", 4, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hsetnx),
    Command::new("hget", 3, READONLY | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hget),
    Command::new("hmset", -4, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hmset),
    Command::new("hmget", -3, READONLY | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hmget),
    Command::new("hincrby", 4, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hincrby),
    Command::new(
        "hincrbyfloat",
        4,
        WRITE | DENYOOM | FAST,
        Keys::range(1, 1, 1),
        Group::Hash,
        hash::hincrbyfloat,
    ),
    Command::new("hdel", -3, WRITE | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hdel),
    Command::new("hlen", 2, READONLY | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hlen),
    Command::new("hstrlen", 3, READONLY | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hstrlen),
    Command::new("hkeys", 2, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hkeys),
    Command::new("hvals", 2, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hvals),
    Command::new("hgetall", 2, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hgetall),
    Command::new("hexists", 3, READONLY | FAST, Keys::range(1, 1, 1), Group::Hash, hash::hexists),
    Command::new("hrandfield", -2, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hrandfield),
    Command::new("hscan", -3, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hscan),
];

/// Sorted sets.
pub const ZSET: &[Command] = &[];

/// Keys of every type.
pub const GENERIC: &[Command] = &[];

/// SCAN, KEYS and what else walks over the keyspace.
pub const KEYSPACE: &[Command] = &[
    Command::new("scan", -2, READONLY | META_ONLY, Keys::None, Group::Generic, walk::scan),
    Command::new("keys", 2, READONLY | META_ONLY, Keys::None, Group::Generic, walk::keys),
    Command::new("randomkey", 1, READONLY | META_ONLY, Keys::None, Group::Generic, walk::randomkey),
    Command::new("dbsize", 1, READONLY | FAST | META_ONLY, Keys::None, Group::Server, walk::dbsize),
];

/// SORT.
pub const SORT: &[Command] = &[];

/// DUMP and RESTORE.
pub const DUMP: &[Command] = &[];

/// Transactions.
pub const TRANSACTIONS: &[Command] = &[];

/// Publish and subscribe.
pub const PUBSUB: &[Command] = &[];

/// The connection.
pub const CONNECTION: &[Command] = &[];

/// The server.
pub const SERVER: &[Command] = &[];

/// CONFIG.
pub const CONFIG: &[Command] = &[];

/// Every list.
pub static ALL: &[&[Command]] = &[
    STRING,
    BITMAP,
    LIST,
    SET,
    HASH,
    ZSET,
    GENERIC,
    KEYSPACE,
    SORT,
    DUMP,
    TRANSACTIONS,
    PUBSUB,
    CONNECTION,
    SERVER,
    CONFIG,
];

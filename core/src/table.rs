//! The command table: one line a command, one list a group. A host names the lists it wants; what it does not name,
//! the linker drops.

use crate::command::Command;
#[expect(unused_imports, reason = "the lists below are being filled")]
use crate::command::{Group, Keys, flags::*};

/// Strings.
pub const STRING: &[Command] = &[];

/// Bits of strings.
pub const BITMAP: &[Command] = &[];

/// Lists.
pub const LIST: &[Command] = &[];

/// Sets.
pub const SET: &[Command] = &[];

/// Hashes.
pub const HASH: &[Command] = &[];

/// Sorted sets.
pub const ZSET: &[Command] = &[];

/// Keys of every type.
pub const GENERIC: &[Command] = &[];

/// SCAN, KEYS and what else walks over the keyspace.
pub const KEYSPACE: &[Command] = &[];

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

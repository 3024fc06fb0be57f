//! The command table: one line a command, one list a group. A host names the lists it wants; what it does not name,
//! the linker drops.

#![cfg_attr(rustfmt, rustfmt_skip)]

use crate::command::Command;
use crate::command::{Group, Keys, flags, flags::*};
use crate::commands::{deadlines, dump, keys, object, persistence, pubsub, sort, transactions, walk};
use crate::types::hash::commands as hash;
use crate::types::list::commands as list;
use crate::types::set::commands as set;
use crate::types::string::commands as string;
use crate::types::zset::commands as zset;

/// Strings.
pub const STRING: &[Command] = &[
    Command::new("append", 3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::String, string::ranges::append),
    Command::new("decr", 2, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::String, string::counters::decr),
    Command::new("decrby", 3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::String, string::counters::decrby),
    Command::new("get", 2, READONLY | FAST, Keys::range(1, 1, 1), Group::String, string::basic::get),
    Command::new("getdel", 2, WRITE | FAST, Keys::range(1, 1, 1), Group::String, string::basic::getdel),
    Command::new("getex", -2, WRITE | FAST, Keys::range(1, 1, 1), Group::String, string::basic::getex),
    Command::new("getrange", 4, READONLY, Keys::range(1, 1, 1), Group::String, string::ranges::getrange),
    Command::new("getset", 3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::String, string::basic::getset),
    Command::new("incr", 2, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::String, string::counters::incr),
    Command::new("incrby", 3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::String, string::counters::incrby),
    Command::new("mget", -2, READONLY | FAST, Keys::range(1, -1, 1), Group::String, string::basic::mget),
    Command::new("mset", -3, WRITE | DENYOOM | NO_VALUE, Keys::range(1, -1, 2), Group::String, string::basic::mset),
    Command::new("msetnx", -3, WRITE | DENYOOM | NO_VALUE, Keys::range(1, -1, 2), Group::String, string::basic::msetnx),
    Command::new("psetex", 4, WRITE | DENYOOM | NO_VALUE, Keys::range(1, 1, 1), Group::String, string::basic::psetex),
    Command::new("set", -3, WRITE | DENYOOM | NO_VALUE, Keys::range(1, 1, 1), Group::String, string::basic::set),
    Command::new("setex", 4, WRITE | DENYOOM | NO_VALUE, Keys::range(1, 1, 1), Group::String, string::basic::setex),
    Command::new("setnx", 3, WRITE | DENYOOM | FAST | NO_VALUE, Keys::range(1, 1, 1), Group::String, string::basic::setnx),
    Command::new("setrange", 4, WRITE | DENYOOM, Keys::range(1, 1, 1), Group::String, string::ranges::setrange),
    Command::new("strlen", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::String, string::basic::strlen),
];

/// Of strings what a small chip does without: LCS, and sums of fractions, which are 80 bits wide.
pub const STRING_MORE: &[Command] = &[
    Command::new("incrbyfloat", 3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::String, string::counters::incrbyfloat),
    Command::new("lcs", -3, READONLY, Keys::range(1, 2, 1), Group::String, string::lcs::lcs),
    Command::new("substr", 4, READONLY, Keys::range(1, 1, 1), Group::String, string::ranges::getrange),
];

/// Bits of strings.
pub const BITMAP: &[Command] = &[
    Command::new("bitcount", -2, READONLY, Keys::range(1, 1, 1), Group::Bitmap, string::bits::bitcount),
    Command::new("bitfield", -2, WRITE | DENYOOM, Keys::range(1, 1, 1), Group::Bitmap, string::bitfield::bitfield),
    Command::new("bitfield_ro", -2, READONLY | FAST, Keys::range(1, 1, 1), Group::Bitmap, string::bitfield::bitfield_ro),
    Command::new("bitop", -4, WRITE | DENYOOM, Keys::range(2, -1, 1), Group::Bitmap, string::bits::bitop),
    Command::new("bitpos", -3, READONLY, Keys::range(1, 1, 1), Group::Bitmap, string::bits::bitpos),
    Command::new("getbit", 3, READONLY | FAST, Keys::range(1, 1, 1), Group::Bitmap, string::bits::getbit),
    Command::new("setbit", 4, WRITE | DENYOOM, Keys::range(1, 1, 1), Group::Bitmap, string::bits::setbit),
];

/// Lists.
#[rustfmt::skip]
pub const LIST: &[Command] = &[
    Command::new("lindex", 3, READONLY, Keys::range(1, 1, 1), Group::List, list::range::lindex),
    Command::new("linsert", 5, WRITE | DENYOOM, Keys::range(1, 1, 1), Group::List, list::edit::linsert),
    Command::new("llen", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::List, list::range::llen),
    Command::new("lmove", 5, WRITE | DENYOOM, Keys::range(1, 2, 1), Group::List, list::transfer::lmove),
    Command::new("lpop", -2, WRITE | FAST, Keys::range(1, 1, 1), Group::List, list::pop::lpop),
    Command::new("lpush", -3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::List, list::push::lpush),
    Command::new("lpushx", -3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::List, list::push::lpushx),
    Command::new("lrange", 4, READONLY, Keys::range(1, 1, 1), Group::List, list::range::lrange),
    Command::new("lrem", 4, WRITE, Keys::range(1, 1, 1), Group::List, list::edit::lrem),
    Command::new("lset", 4, WRITE | DENYOOM, Keys::range(1, 1, 1), Group::List, list::edit::lset),
    Command::new("ltrim", 4, WRITE, Keys::range(1, 1, 1), Group::List, list::edit::ltrim),
    Command::new("rpop", -2, WRITE | FAST, Keys::range(1, 1, 1), Group::List, list::pop::rpop),
    Command::new("rpoplpush", 3, WRITE | DENYOOM, Keys::range(1, 2, 1), Group::List, list::transfer::rpoplpush),
    Command::new("rpush", -3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::List, list::push::rpush),
    Command::new("rpushx", -3, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::List, list::push::rpushx),
];

/// Of lists likewise: a line has one client, for whom nobody pushes while it waits.
pub const LIST_MORE: &[Command] = &[
    Command::new("blmove", 6, WRITE | DENYOOM | NOSCRIPT | BLOCKING, Keys::range(1, 2, 1), Group::List, list::blocking::blmove),
    Command::new("blmpop", -5, WRITE | BLOCKING | MOVABLE_KEYS, Keys::Counted { at: 2 }, Group::List, list::blocking::blmpop),
    Command::new("blpop", -3, WRITE | NOSCRIPT | BLOCKING, Keys::range(1, -2, 1), Group::List, list::blocking::blpop),
    Command::new("brpop", -3, WRITE | NOSCRIPT | BLOCKING, Keys::range(1, -2, 1), Group::List, list::blocking::brpop),
    Command::new("brpoplpush", 4, WRITE | DENYOOM | NOSCRIPT | BLOCKING, Keys::range(1, 2, 1), Group::List, list::blocking::brpoplpush),
    Command::new("lmpop", -4, WRITE | MOVABLE_KEYS, Keys::Counted { at: 1 }, Group::List, list::pop::lmpop),
    Command::new("lpos", -3, READONLY, Keys::range(1, 1, 1), Group::List, list::range::lpos),
];

/// Sets.
pub const SET: &[Command] = &[
    Command::new("sadd", -3, WRITE | DENYOOM | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Set, set::sadd),
    Command::new("scard", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Set, set::scard),
    Command::new("sdiff", -2, READONLY, Keys::range(1, -1, 1), Group::Set, set::sdiff),
    Command::new("sdiffstore", -3, WRITE | DENYOOM, Keys::range(1, -1, 1), Group::Set, set::sdiffstore),
    Command::new("sinter", -2, READONLY, Keys::range(1, -1, 1), Group::Set, set::sinter),
    Command::new("sinterstore", -3, WRITE | DENYOOM, Keys::range(1, -1, 1), Group::Set, set::sinterstore),
    Command::new("sismember", 3, READONLY | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Set, set::sismember),
    Command::new("smembers", 2, READONLY, Keys::range(1, 1, 1), Group::Set, set::smembers),
    Command::new("smismember", -3, READONLY | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Set, set::smismember),
    Command::new("spop", -2, WRITE | FAST, Keys::range(1, 1, 1), Group::Set, set::spop),
    Command::new("srandmember", -2, READONLY, Keys::range(1, 1, 1), Group::Set, set::srandmember),
    Command::new("srem", -3, WRITE | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Set, set::srem),
    Command::new("sunion", -2, READONLY, Keys::range(1, -1, 1), Group::Set, set::sunion),
    Command::new("sunionstore", -3, WRITE | DENYOOM, Keys::range(1, -1, 1), Group::Set, set::sunionstore),
];

/// Of sets likewise.
pub const SET_MORE: &[Command] = &[
    Command::new("sintercard", -3, READONLY | MOVABLE_KEYS, Keys::Counted { at: 1 }, Group::Set, set::sintercard),
    Command::new("smove", 4, WRITE | FAST, Keys::range(1, 2, 1), Group::Set, set::smove),
    Command::new("sscan", -3, READONLY, Keys::range(1, 1, 1), Group::Set, set::sscan),
];

/// Hashes.
pub const HASH: &[Command] = &[
    Command::new("hset", -4, WRITE | DENYOOM | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hset),
    Command::new("hsetnx", 4, WRITE | DENYOOM | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hsetnx),
    Command::new("hget", 3, READONLY | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hget),
    Command::new("hmset", -4, WRITE | DENYOOM | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hmset),
    Command::new("hmget", -3, READONLY | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hmget),
    Command::new("hincrby", 4, WRITE | DENYOOM | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hincrby),
    Command::new("hdel", -3, WRITE | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hdel),
    Command::new("hlen", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Hash, hash::hlen),
    Command::new("hstrlen", 3, READONLY | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hstrlen),
    Command::new("hkeys", 2, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hkeys),
    Command::new("hvals", 2, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hvals),
    Command::new("hgetall", 2, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hgetall),
    Command::new("hexists", 3, READONLY | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hexists),
];

/// Of hashes likewise.
pub const HASH_MORE: &[Command] = &[
    Command::new("hincrbyfloat", 4, WRITE | DENYOOM | FAST | NAMES_MEMBER, Keys::range(1, 1, 1), Group::Hash, hash::hincrbyfloat),
    Command::new("hrandfield", -2, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hrandfield),
    Command::new("hscan", -3, READONLY, Keys::range(1, 1, 1), Group::Hash, hash::hscan),
];

/// Sorted sets.
pub const ZSET: &[Command] = &[
    Command::new("zadd", -4, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zadd),
    Command::new("zcard", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zcard),
    Command::new("zcount", 4, READONLY | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zcount),
    Command::new("zincrby", 4, WRITE | DENYOOM | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zincrby),
    Command::new("zmscore", -3, READONLY | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zmscore),
    Command::new("zpopmax", -2, WRITE | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zpopmax),
    Command::new("zpopmin", -2, WRITE | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zpopmin),
    Command::new("zrange", -4, READONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zrange),
    Command::new("zrangebyscore", -4, READONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zrangebyscore),
    Command::new("zrank", 3, READONLY | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zrank),
    Command::new("zrem", -3, WRITE | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zrem),
    Command::new("zremrangebyrank", 4, WRITE, Keys::range(1, 1, 1), Group::SortedSet, zset::zremrangebyrank),
    Command::new("zremrangebyscore", 4, WRITE, Keys::range(1, 1, 1), Group::SortedSet, zset::zremrangebyscore),
    Command::new("zrevrange", -4, READONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zrevrange),
    Command::new("zrevrangebyscore", -4, READONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zrevrangebyscore),
    Command::new("zrevrank", 3, READONLY | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zrevrank),
    Command::new("zscore", 3, READONLY | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zscore),
];

/// Of sorted sets likewise: those of several keys, ranges of members, and random ones.
pub const ZSET_MORE: &[Command] = &[
    Command::new("bzmpop", -5, WRITE | BLOCKING | MOVABLE_KEYS, Keys::Counted { at: 2 }, Group::SortedSet, zset::bzmpop),
    Command::new("bzpopmax", -3, WRITE | NOSCRIPT | BLOCKING | FAST, Keys::range(1, -2, 1), Group::SortedSet, zset::bzpopmax),
    Command::new("bzpopmin", -3, WRITE | NOSCRIPT | BLOCKING | FAST, Keys::range(1, -2, 1), Group::SortedSet, zset::bzpopmin),
    Command::new("zdiff", -3, READONLY | MOVABLE_KEYS, Keys::Counted { at: 1 }, Group::SortedSet, zset::zdiff),
    Command::new("zdiffstore", -4, WRITE | DENYOOM | MOVABLE_KEYS, Keys::DestAndCounted { dest: 1, at: 2 }, Group::SortedSet, zset::zdiffstore),
    Command::new("zinter", -3, READONLY | MOVABLE_KEYS, Keys::Counted { at: 1 }, Group::SortedSet, zset::zinter),
    Command::new("zintercard", -3, READONLY | MOVABLE_KEYS, Keys::Counted { at: 1 }, Group::SortedSet, zset::zintercard),
    Command::new("zinterstore", -4, WRITE | DENYOOM | MOVABLE_KEYS, Keys::DestAndCounted { dest: 1, at: 2 }, Group::SortedSet, zset::zinterstore),
    Command::new("zmpop", -4, WRITE | MOVABLE_KEYS, Keys::Counted { at: 1 }, Group::SortedSet, zset::zmpop),
    Command::new("zrandmember", -2, READONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zrandmember),
    Command::new("zrangestore", -5, WRITE | DENYOOM, Keys::range(1, 2, 1), Group::SortedSet, zset::zrangestore),
    Command::new("zunion", -3, READONLY | MOVABLE_KEYS, Keys::Counted { at: 1 }, Group::SortedSet, zset::zunion),
    Command::new("zunionstore", -4, WRITE | DENYOOM | MOVABLE_KEYS, Keys::DestAndCounted { dest: 1, at: 2 }, Group::SortedSet, zset::zunionstore),
    Command::new("zscan", -3, READONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zscan),
    Command::new("zlexcount", 4, READONLY | FAST, Keys::range(1, 1, 1), Group::SortedSet, zset::zlexcount),
    Command::new("zrangebylex", -4, READONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zrangebylex),
    Command::new("zrevrangebylex", -4, READONLY, Keys::range(1, 1, 1), Group::SortedSet, zset::zrevrangebylex),
    Command::new("zremrangebylex", 4, WRITE, Keys::range(1, 1, 1), Group::SortedSet, zset::zremrangebylex),
];

/// Keys of every type.
pub const GENERIC: &[Command] = &[
    Command::new("del", -2, WRITE | NO_VALUE, Keys::range(1, -1, 1), Group::Generic, keys::del),
    Command::new("unlink", -2, WRITE | FAST | NO_VALUE, Keys::range(1, -1, 1), Group::Generic, keys::del),
    Command::new("exists", -2, READONLY | FAST | META_ONLY, Keys::range(1, -1, 1), Group::Generic, keys::exists),
    Command::new("touch", -2, READONLY | FAST | META_ONLY, Keys::range(1, -1, 1), Group::Generic, keys::touch),
    Command::new("type", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, keys::type_of),
    Command::new("rename", 3, WRITE | META_ONLY, Keys::range(1, 2, 1), Group::Generic, keys::rename),
    Command::new("renamenx", 3, WRITE | FAST | META_ONLY, Keys::range(1, 2, 1), Group::Generic, keys::renamenx),
    Command::new("expire", -3, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::expire),
    Command::new("pexpire", -3, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::pexpire),
    Command::new("expireat", -3, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::expireat),
    Command::new("pexpireat", -3, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::pexpireat),
    Command::new("ttl", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::ttl),
    Command::new("pttl", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::pttl),
    Command::new("expiretime", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::expiretime),
    Command::new("pexpiretime", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::pexpiretime),
    Command::new("persist", 2, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::persist),
];

/// Of those likewise.
pub const GENERIC_MORE: &[Command] = &[
    Command::new("move", 3, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, keys::move_key),
    Command::new("copy", -3, WRITE | DENYOOM, Keys::range(1, 2, 1), Group::Generic, keys::copy),
    Command::new("object", -2, 0, Keys::None, Group::Generic, object::help).with(&[
        Command::new("object|encoding", 3, READONLY | META_ONLY, Keys::range(2, 2, 1), Group::Generic, object::encoding),
        Command::new("object|freq", 3, READONLY | META_ONLY, Keys::range(2, 2, 1), Group::Generic, object::freq),
        Command::new("object|help", 2, LOADING | STALE, Keys::None, Group::Generic, object::help),
        Command::new("object|idletime", 3, READONLY | META_ONLY, Keys::range(2, 2, 1), Group::Generic, object::idletime),
        Command::new("object|refcount", 3, READONLY, Keys::range(2, 2, 1), Group::Generic, object::refcount),
        Command::new("object|where", 3, READONLY | META_ONLY, Keys::range(2, 2, 1), Group::Generic, object::whereabouts),
    ]),
];

/// SCAN, KEYS and what else walks over the keyspace.
pub const KEYSPACE: &[Command] = &[
    Command::new("scan", -2, READONLY | META_ONLY, Keys::None, Group::Generic, walk::scan),
    Command::new("keys", 2, READONLY | META_ONLY, Keys::None, Group::Generic, walk::keys),
    Command::new("dbsize", 1, READONLY | FAST | META_ONLY, Keys::None, Group::Server, walk::dbsize),
];

/// Of those likewise.
pub const KEYSPACE_MORE: &[Command] = &[
    Command::new("randomkey", 1, READONLY | META_ONLY, Keys::None, Group::Generic, walk::randomkey),
];

/// SORT.
pub const SORT: &[Command] = &[
    Command::new("sort", -2, WRITE | DENYOOM | MOVABLE_KEYS, Keys::Sort, Group::Generic, sort::sort),
    Command::new("sort_ro", -2, READONLY | MOVABLE_KEYS, Keys::range(1, 1, 1), Group::Generic, sort::sort_ro),
];

/// DUMP and RESTORE.
pub const DUMP: &[Command] = &[
    Command::new("dump", 2, READONLY, Keys::range(1, 1, 1), Group::Generic, dump::dump),
    Command::new("restore", -4, WRITE | DENYOOM | NO_VALUE, Keys::range(1, 1, 1), Group::Generic, dump::restore),
];

/// Transactions.
pub const TRANSACTIONS: &[Command] = &[
    Command::new("discard", 1, NOSCRIPT | LOADING | STALE | FAST | NOT_QUEUED | ALLOW_BUSY, Keys::None, Group::Transactions, transactions::discard),
    Command::new("exec", 1, NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | NOT_QUEUED, Keys::None, Group::Transactions, transactions::exec),
    Command::new("multi", 1, NOSCRIPT | LOADING | STALE | FAST | NOT_QUEUED | ALLOW_BUSY, Keys::None, Group::Transactions, transactions::multi),
];

/// Transactions that end where somebody else changed a key.
pub const WATCH: &[Command] = &[
    Command::new("unwatch", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, Keys::None, Group::Transactions, transactions::unwatch),
    Command::new("watch", -2, NOSCRIPT | LOADING | STALE | FAST | NOT_QUEUED | META_ONLY | ALLOW_BUSY, Keys::range(1, -1, 1), Group::Transactions, transactions::watch),
];

/// Publish and subscribe.
pub const PUBSUB: &[Command] = &[
    Command::new("psubscribe", -2, flags::PUBSUB | NOSCRIPT | LOADING | STALE, Keys::None, Group::PubSub, pubsub::psubscribe),
    Command::new("publish", 3, flags::PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE, Keys::None, Group::PubSub, pubsub::publish),
    Command::new("pubsub", -2, 0, Keys::None, Group::PubSub, pubsub::help).with(&[
        Command::new("pubsub|channels", -2, flags::PUBSUB | LOADING | STALE, Keys::None, Group::PubSub, pubsub::channels),
        Command::new("pubsub|help", 2, LOADING | STALE, Keys::None, Group::PubSub, pubsub::help),
        Command::new("pubsub|numpat", 2, flags::PUBSUB | LOADING | STALE, Keys::None, Group::PubSub, pubsub::numpat),
        Command::new("pubsub|numsub", -2, flags::PUBSUB | LOADING | STALE, Keys::None, Group::PubSub, pubsub::numsub),
        Command::new("pubsub|shardchannels", -2, flags::PUBSUB | LOADING | STALE, Keys::None, Group::PubSub, pubsub::shardchannels),
        Command::new("pubsub|shardnumsub", -2, flags::PUBSUB | LOADING | STALE, Keys::None, Group::PubSub, pubsub::shardnumsub),
    ]),
    Command::new("punsubscribe", -1, flags::PUBSUB | NOSCRIPT | LOADING | STALE, Keys::None, Group::PubSub, pubsub::punsubscribe),
    Command::new("spublish", 3, flags::PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE, Keys::None, Group::PubSub, pubsub::spublish),
    Command::new("ssubscribe", -2, flags::PUBSUB | NOSCRIPT | LOADING | STALE, Keys::None, Group::PubSub, pubsub::ssubscribe),
    Command::new("subscribe", -2, flags::PUBSUB | NOSCRIPT | LOADING | STALE, Keys::None, Group::PubSub, pubsub::subscribe),
    Command::new("sunsubscribe", -1, flags::PUBSUB | NOSCRIPT | LOADING | STALE, Keys::None, Group::PubSub, pubsub::sunsubscribe),
    Command::new("unsubscribe", -1, flags::PUBSUB | NOSCRIPT | LOADING | STALE, Keys::None, Group::PubSub, pubsub::unsubscribe),
];

use crate::commands::{
    client, config, connection, debug, docs, flush, info, introspect, latency, memory, server, slowlog,
};

/// The connection.
#[rustfmt::skip]
pub const CONNECTION: &[Command] = &[
    Command::new("ping", -1, FAST, Keys::None, Group::Connection, connection::ping),
    Command::new("echo", 2, LOADING | STALE | FAST, Keys::None, Group::Connection, connection::echo),
    Command::new("select", 2, LOADING | STALE | FAST, Keys::None, Group::Connection, connection::select),
    Command::new("quit", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | NOT_QUEUED | ALLOW_BUSY, Keys::None, Group::Connection, connection::quit),
    Command::new("reset", 1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | NOT_QUEUED | ALLOW_BUSY, Keys::None, Group::Connection, connection::reset),
    Command::new("auth", -2, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, Keys::None, Group::Connection, connection::auth),
    Command::new("hello", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, Keys::None, Group::Connection, connection::hello),
    Command::new("client", -2, 0, Keys::None, Group::Connection, client::help).with(&[
        Command::new("client|caching", 3, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::caching),
        Command::new("client|getname", 2, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::getname),
        Command::new("client|getredir", 2, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::getredir),
        Command::new("client|help", 2, LOADING | STALE, Keys::None, Group::Connection, client::help),
        Command::new("client|id", 2, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::id),
        Command::new("client|info", 2, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::info),
        Command::new("client|kill", -3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::kill),
        Command::new("client|list", -2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::list),
        Command::new("client|no-evict", 3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::no_evict),
        Command::new("client|pause", -3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::pause),
        Command::new("client|reply", 3, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::reply),
        Command::new("client|setname", 3, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::setname),
        Command::new("client|tracking", -3, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::tracking),
        Command::new("client|trackinginfo", 2, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::trackinginfo),
        Command::new("client|unblock", -3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::unblock),
        Command::new("client|unpause", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::unpause),
        Command::new("client|no-touch", 3, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::no_touch),
        Command::new("client|setinfo", 4, NOSCRIPT | LOADING | STALE, Keys::None, Group::Connection, client::setinfo),
    ]),
];

/// The server.
#[rustfmt::skip]
pub const SERVER: &[Command] = &[
    Command::new("time", 1, LOADING | STALE | FAST, Keys::None, Group::Server, server::time),
    Command::new("role", 1, NOSCRIPT | LOADING | STALE | FAST, Keys::None, Group::Server, server::role),
    Command::new("replicaof", 3, ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING, Keys::None, Group::Server, server::replicaof),
    Command::new("slaveof", 3, ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING, Keys::None, Group::Server, server::replicaof),
    Command::new("monitor", 1, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, server::monitor),
    Command::new("shutdown", -1, ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY, Keys::None, Group::Server, server::shutdown),
    Command::new("save", 1, ADMIN | NOSCRIPT | NO_MULTI | NO_ASYNC_LOADING, Keys::None, Group::Server, persistence::save),
    Command::new("bgsave", -1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING, Keys::None, Group::Server, persistence::bgsave),
    Command::new("bgrewriteaof", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING, Keys::None, Group::Server, persistence::bgrewriteaof),
    Command::new("lastsave", 1, LOADING | STALE | FAST, Keys::None, Group::Server, persistence::lastsave),
    Command::new("lolwut", -1, READONLY | FAST, Keys::None, Group::Server, server::lolwut),
    Command::new("flushdb", -1, WRITE | NO_VALUE, Keys::None, Group::Server, flush::flushdb),
    Command::new("flushall", -1, WRITE | NO_VALUE, Keys::None, Group::Server, flush::flushall),
    Command::new("swapdb", 3, WRITE | FAST, Keys::None, Group::Server, flush::swapdb),
    Command::new("slowlog", -2, 0, Keys::None, Group::Server, slowlog::help).with(&[
        Command::new("slowlog|get", -2, ADMIN | LOADING | STALE, Keys::None, Group::Server, slowlog::get),
        Command::new("slowlog|help", 2, LOADING | STALE, Keys::None, Group::Server, slowlog::help),
        Command::new("slowlog|len", 2, ADMIN | LOADING | STALE, Keys::None, Group::Server, slowlog::len),
        Command::new("slowlog|reset", 2, ADMIN | LOADING | STALE, Keys::None, Group::Server, slowlog::reset),
    ]),
    Command::new("latency", -2, 0, Keys::None, Group::Server, latency::help).with(&[
        Command::new("latency|doctor", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, latency::doctor),
        Command::new("latency|graph", 3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, latency::graph),
        Command::new("latency|help", 2, LOADING | STALE, Keys::None, Group::Server, latency::help),
        Command::new("latency|histogram", -2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, latency::histogram),
        Command::new("latency|history", 3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, latency::history),
        Command::new("latency|latest", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, latency::latest),
        Command::new("latency|reset", -2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, latency::reset),
    ]),
    Command::new("memory", -2, 0, Keys::None, Group::Server, memory::help).with(&[
        Command::new("memory|doctor", 2, 0, Keys::None, Group::Server, memory::doctor),
        Command::new("memory|help", 2, LOADING | STALE, Keys::None, Group::Server, memory::help),
        Command::new("memory|malloc-stats", 2, 0, Keys::None, Group::Server, memory::malloc_stats),
        Command::new("memory|purge", 2, 0, Keys::None, Group::Server, memory::purge),
        Command::new("memory|stats", 2, 0, Keys::None, Group::Server, memory::stats),
        Command::new("memory|usage", -3, READONLY, Keys::range(2, 2, 1), Group::Server, memory::usage),
    ]),
    Command::new("info", -1, LOADING | STALE, Keys::None, Group::Server, info::info),
    Command::new("debug", -2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, debug::debug),
    Command::new("command", -1, LOADING | STALE, Keys::None, Group::Server, introspect::command).with(&[
        Command::new("command|count", 2, LOADING | STALE, Keys::None, Group::Server, introspect::count),
        Command::new("command|docs", -2, LOADING | STALE, Keys::None, Group::Server, docs::docs),
        Command::new("command|getkeys", -4, LOADING | STALE, Keys::None, Group::Server, introspect::getkeys),
        Command::new("command|getkeysandflags", -4, LOADING | STALE, Keys::None, Group::Server, introspect::getkeysandflags),
        Command::new("command|help", 2, LOADING | STALE, Keys::None, Group::Server, introspect::help),
        Command::new("command|info", -2, LOADING | STALE, Keys::None, Group::Server, introspect::info),
        Command::new("command|list", -2, LOADING | STALE, Keys::None, Group::Server, introspect::list),
    ]),
    Command::new("wait", 3, NOSCRIPT, Keys::None, Group::Generic, server::wait),
];

/// CONFIG.
#[rustfmt::skip]
pub const CONFIG: &[Command] = &[
    Command::new("config", -2, 0, Keys::None, Group::Server, config::help).with(&[
        Command::new("config|get", -3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, config::get),
        Command::new("config|help", 2, LOADING | STALE, Keys::None, Group::Server, config::help),
        Command::new("config|resetstat", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, config::resetstat),
        Command::new("config|rewrite", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, config::rewrite),
        Command::new("config|set", -4, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, config::set),
    ]),
];

/// The connection, as far as a client on a serial line needs it.
pub const CHIP_CONNECTION: &[Command] = &[
    Command::new("ping", -1, FAST, Keys::None, Group::Connection, connection::ping),
    Command::new("echo", 2, LOADING | STALE | FAST, Keys::None, Group::Connection, connection::echo),
    Command::new("reset", 1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | NOT_QUEUED, Keys::None, Group::Connection, connection::reset),
];

/// Keys of every type, as far as strings and hashes on a small chip need it.
pub const CHIP_GENERIC: &[Command] = &[
    Command::new("del", -2, WRITE | NO_VALUE, Keys::range(1, -1, 1), Group::Generic, keys::del),
    Command::new("exists", -2, READONLY | FAST | META_ONLY, Keys::range(1, -1, 1), Group::Generic, keys::exists),
    Command::new("type", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, keys::type_of),
    Command::new("pexpire", -3, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::pexpire),
    Command::new("expire", -3, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::expire),
    Command::new("pttl", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::pttl),
    Command::new("ttl", 2, READONLY | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::ttl),
    Command::new("persist", 2, WRITE | FAST | META_ONLY, Keys::range(1, 1, 1), Group::Generic, deadlines::persist),
    Command::new("dbsize", 1, READONLY | FAST | META_ONLY, Keys::None, Group::Server, walk::dbsize),
];

/// What a client on a serial line asks for its copy of the dataset.
pub const SERIAL: &[Command] = &[
    Command::new("replconf", -1, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, Group::Server, persistence::replconf),
    Command::new("sync", 1, ADMIN | NOSCRIPT | NO_MULTI, Keys::None, Group::Server, persistence::sync),
];

/// The five types and what belongs to them, for a chip.
pub static FIVE_TYPES: &[&[Command]] =
    &[STRING, LIST, SET, HASH, ZSET, GENERIC, KEYSPACE, DUMP, TRANSACTIONS, CHIP_CONNECTION, SERIAL];

/// Everything, for a chip with room.
pub static EVERYTHING: &[&[Command]] = &[
    STRING,
    STRING_MORE,
    BITMAP,
    LIST,
    LIST_MORE,
    SET,
    SET_MORE,
    HASH,
    HASH_MORE,
    ZSET,
    ZSET_MORE,
    GENERIC,
    GENERIC_MORE,
    KEYSPACE,
    KEYSPACE_MORE,
    SORT,
    DUMP,
    TRANSACTIONS,
    WATCH,
    PUBSUB,
    CONNECTION,
    SERVER,
    CONFIG,
    SERIAL,
];

/// Strings and hashes, for a small chip.
pub static LIGHT: &[&[Command]] = &[STRING, HASH, CHIP_GENERIC, CHIP_CONNECTION];

/// Every list.
pub static ALL: &[&[Command]] = &[
    STRING,
    STRING_MORE,
    BITMAP,
    LIST,
    LIST_MORE,
    SET,
    SET_MORE,
    HASH,
    HASH_MORE,
    ZSET,
    ZSET_MORE,
    GENERIC,
    GENERIC_MORE,
    KEYSPACE,
    KEYSPACE_MORE,
    SORT,
    DUMP,
    TRANSACTIONS,
    WATCH,
    PUBSUB,
    CONNECTION,
    SERVER,
    CONFIG,
];

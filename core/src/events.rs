//! Keyspace events: which classes there are, and those that wait to be published after the running command.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

/// A class of events, one letter of `notify-keyspace-events`. Classes combine as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Event(pub u32);

impl Event {
    /// `K`: publish to `__keyspace@db__:key`.
    pub const KEYSPACE: Self = Self(1);
    /// `E`: publish to `__keyevent@db__:event`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// `g`: DEL, EXPIRE, RENAME and the like.
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`: strings.
    pub const STRING: Self = Self(1 << 3);
    /// `l`: lists.
    pub const LIST: Self = Self(1 << 4);
    /// `s`: sets.
    pub const SET: Self = Self(1 << 5);
    /// `h`: hashes.
    pub const HASH: Self = Self(1 << 6);
    /// `z`: sorted sets.
    pub const ZSET: Self = Self(1 << 7);
    /// `x`: a key expired.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: a key was evicted.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`: streams.
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: a key was looked for and is not there.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `n`: a key came into being.
    pub const NEW: Self = Self(1 << 14);
    /// `d`: modules.
    pub const MODULE: Self = Self(1 << 13);

    /// Whether one of `other`'s classes is among these.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// An event that is published when the running command has ended.
#[derive(Debug, Clone)]
pub struct KeyEvent {
    /// The database.
    pub db: usize,
    /// The class.
    pub class: Event,
    /// The event's name, such as `lpush`.
    pub name: &'static str,
    /// The key.
    pub key: Box<[u8]>,
}

impl KeyEvent {
    /// The channels and messages that announce it, as `notify` asks for them.
    pub fn messages(&self, notify: Event) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        let keyspace = notify.intersects(Event::KEYSPACE).then(|| {
            let mut channel = format!("__keyspace@{}__:", self.db).into_bytes();
            channel.extend_from_slice(&self.key);
            (channel, self.name.as_bytes().to_vec())
        });
        let keyevent = notify
            .intersects(Event::KEYEVENT)
            .then(|| (format!("__keyevent@{}__:{}", self.db, self.name).into_bytes(), self.key.to_vec()));
        keyspace.into_iter().chain(keyevent)
    }
}

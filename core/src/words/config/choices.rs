//! Directives whose value is one of a few words.

/// Declares an enum whose variants have names, in redis.conf's order.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of [`Self::NAMES`].
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// Every name.
            pub const NAMES: &[&str] = &[$($text),+];

            /// The name in redis.conf.
            pub const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }
    };
}

choice! {
    /// What makes room when maxmemory is reached.
    MaxmemoryPolicy {
        /// The least recently used key among those with a deadline.
        VolatileLru = "volatile-lru",
        /// The least frequently used key among those with a deadline.
        VolatileLfu = "volatile-lfu",
        /// Any key with a deadline.
        VolatileRandom = "volatile-random",
        /// The key with the nearest deadline.
        VolatileTtl = "volatile-ttl",
        /// The least recently used key.
        AllkeysLru = "allkeys-lru",
        /// The least frequently used key.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// None: writes are refused.
        Noeviction = "noeviction",
    }
}

impl MaxmemoryPolicy {
    /// Whether access clocks count frequency rather than recency.
    pub const fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Whether keys go by when or how often they were accessed.
    pub const fn ranks_by_access(self) -> bool {
        self.is_lfu() || matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }

    /// Whether only keys with a deadline may go.
    pub const fn is_volatile(self) -> bool {
        matches!(self, Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl)
    }
}

choice! {
    /// When the journal is made durable.
    AppendFsync {
        /// Once a second.
        EverySec = "everysec",
        /// Before a write is acknowledged.
        Always = "always",
        /// When the operating system pleases.
        No = "no",
    }
}

choice! {
    /// How much is logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Much.
        Verbose = "verbose",
        /// What an operator wants to know.
        Notice = "notice",
        /// What an operator must know.
        Warning = "warning",
    }
}

choice! {
    /// Who may do a sensitive thing.
    Allowance {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Clients on this machine.
        Local = "local",
    }
}

choice! {
    /// Which supervisor watches the process.
    Supervised {
        /// Upstart.
        Upstart = "upstart",
        /// Systemd.
        Systemd = "systemd",
        /// Whichever the environment shows.
        Auto = "auto",
        /// None.
        No = "no",
    }
}

choice! {
    /// Where diskstore keeps its values.
    StoreEngine {
        /// An embedded database, a log-structured merge tree.
        Default = "default",
        /// The historical directory of one file a key, spread by SHA-1.
        Files = "files",
    }
}

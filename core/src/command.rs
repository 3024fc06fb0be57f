//! A command as data: name, arity, flags, where its keys are, and its handler.

use crate::args::Args;
use crate::context::Ctx;
use crate::words::error::CommandResult;
use alloc::vec::Vec;
use core::ops::Range;

/// Runs a command to its end. What it writes into the reply is dropped where it returns an error.
pub type Handler = fn(&mut Ctx<'_>, Args<'_>) -> CommandResult;

/// The flags of a command, as COMMAND INFO names them.
pub mod flags {
    /// May change the dataset.
    pub const WRITE: u32 = 1;
    /// Does not change it.
    pub const READONLY: u32 = 1 << 1;
    /// Refused over the memory limit.
    pub const DENYOOM: u32 = 1 << 2;
    /// Administration.
    pub const ADMIN: u32 = 1 << 3;
    /// Pub/sub.
    pub const PUBSUB: u32 = 1 << 4;
    /// Not allowed in scripts.
    pub const NOSCRIPT: u32 = 1 << 5;
    /// May block the client.
    pub const BLOCKING: u32 = 1 << 6;
    /// Allowed while the dataset is loaded.
    pub const LOADING: u32 = 1 << 7;
    /// Allowed on a replica with stale data.
    pub const STALE: u32 = 1 << 8;
    /// Not shown to MONITOR.
    pub const SKIP_MONITOR: u32 = 1 << 9;
    /// Not kept in SLOWLOG.
    pub const SKIP_SLOWLOG: u32 = 1 << 10;
    /// Constant or logarithmic time.
    pub const FAST: u32 = 1 << 11;
    /// Allowed before AUTH.
    pub const NO_AUTH: u32 = 1 << 12;
    /// Not allowed between MULTI and EXEC.
    pub const NO_MULTI: u32 = 1 << 13;
    /// The keys are not at fixed places.
    pub const MOVABLE_KEYS: u32 = 1 << 14;
    /// Works on the journal as a write though it changes no key (PUBLISH).
    pub const MAY_REPLICATE: u32 = 1 << 15;
    /// Goes on inside a transaction without being queued (EXEC, MULTI, DISCARD, WATCH, QUIT, RESET).
    pub const NOT_QUEUED: u32 = 1 << 16;
    /// Only needs the keys' metadata: never waits for a value on its way from a device.
    pub const META_ONLY: u32 = 1 << 17;
    /// The old value of its keys is not needed (SET, DEL): never waits for it.
    pub const NO_VALUE: u32 = 1 << 18;
    /// The argument behind the key names a member of a set or a field of a hash.
    pub const NAMES_MEMBER: u32 = 1 << 19;
    /// Allowed while a script runs for too long.
    pub const ALLOW_BUSY: u32 = 1 << 20;
    /// Not allowed while a replica loads beside its old dataset.
    pub const NO_ASYNC_LOADING: u32 = 1 << 21;
}

/// Where a command's keys are.
#[derive(Debug, Clone, Copy)]
pub enum Keys {
    /// Nowhere.
    None,
    /// From `first` to `last` (negative: from the end), each `step`.
    Range {
        /// The first key's position; the command's name is at 0.
        first: u8,
        /// The last key's position, from the end where negative.
        last: i8,
        /// From one key to the next.
        step: u8,
    },
    /// A count at `at`, then so many keys.
    Counted {
        /// The count's position.
        at: u8,
    },
    /// A destination at `dest`, a count at `at`, then so many keys.
    DestAndCounted {
        /// The destination's position.
        dest: u8,
        /// The count's position.
        at: u8,
    },
    /// SORT: the key, and the destination after STORE. Keys by pattern are found while reading.
    Sort,
}

impl Keys {
    /// Keys from `first` to `last`, each `step`.
    pub const fn range(first: u8, last: i8, step: u8) -> Self {
        Self::Range { first, last, step }
    }

    /// The positions of the keys among the arguments.
    pub fn positions(self, args: Args<'_>, out: &mut Vec<usize>) {
        out.clear();
        let mut counted = |at: u8| {
            let at = usize::from(at);
            let count = if at < args.len() { args.int(at).unwrap_or(0) } else { 0 };
            out.extend(span_of(at + 1, count, args.len()));
        };
        match self {
            Self::None => {}
            Self::Range { first, last, step } => {
                let end = if last < 0 { args.len() as i64 + i64::from(last) } else { i64::from(last) };
                let end = end.min(args.len() as i64 - 1);
                out.extend(
                    (usize::from(first)..).step_by(usize::from(step.max(1))).take_while(|i| *i as i64 <= end),
                );
            }
            Self::Counted { at } => counted(at),
            Self::DestAndCounted { dest, at } => {
                counted(at);
                if usize::from(dest) < args.len() {
                    out.insert(0, usize::from(dest));
                }
            }
            Self::Sort => {
                if args.len() > 1 {
                    out.push(1);
                }
                let store = (2..args.len().saturating_sub(1)).rfind(|&i| args.is(i, "store"));
                out.extend(store.map(|i| i + 1));
            }
        }
    }
}

impl Keys {
    /// The fewest positions that well-formed arguments have.
    pub fn fewest(self) -> usize {
        match self {
            Self::None => 0,
            Self::DestAndCounted { .. } => 2,
            Self::Range { .. } | Self::Counted { .. } | Self::Sort => 1,
        }
    }
}

/// `count` positions from `start` on, none where they do not fit.
fn span_of(start: usize, count: i64, len: usize) -> Range<usize> {
    match usize::try_from(count) {
        Ok(n) if n > 0 && start.saturating_add(n) <= len => start..start + n,
        _ => start..start,
    }
}

/// The group that COMMAND DOCS names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Bitmap,
    PubSub,
    Transactions,
    Connection,
    Server,
}

/// One command, or one subcommand. A table has many of them, so its numbers are small.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// In lower case; a subcommand's full name has a bar: `config|get`.
    pub name: &'static str,
    /// How many arguments with the name; negative: at least so many.
    pub arity: i8,
    /// From [`flags`].
    pub flags: u32,
    /// Where the keys are.
    pub keys: Keys,
    /// For COMMAND DOCS.
    pub group: Group,
    /// Runs it.
    pub handler: Handler,
    /// Where it has any, the first argument chooses among them; the handler runs where none fits.
    pub subcommands: &'static [Command],
}

impl Command {
    /// A command without subcommands.
    pub const fn new(
        name: &'static str,
        arity: i8,
        flags: u32,
        keys: Keys,
        group: Group,
        handler: Handler,
    ) -> Self {
        Self { name, arity, flags, keys, group, handler, subcommands: &[] }
    }

    /// The same with subcommands.
    pub const fn with(mut self, subcommands: &'static [Command]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// Whether so many arguments, the name counted, are acceptable.
    #[inline]
    pub fn takes(&self, args: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { args >= wanted } else { args == wanted }
    }

    /// Whether one of `bits` is set.
    #[inline]
    pub fn has(&self, bits: u32) -> bool {
        self.flags & bits != 0
    }
}

//! The Nuthatch engine: a Redis-compatible data-structure store that does no I/O of its own.
//!
//! The floors of this crate, from the bottom: words, wire and values, keys, the rooms that do not know one
//! another, what a command sees, commands, engine. A file imports only from floors above it in that list;
//! ARCHITECTURE.md has the list and the `tidy` test enforces it.
//!
//! The smallest host: one client, no files, a clock that stands still.
//!
//! ```
//! use nuthatch_core::{ALL_COMMANDS, Config, Engine, HostFacts, Options, SessionInfo};
//!
//! let now = 1_700_000_000_000; // milliseconds since 1970
//! let mut engine = Engine::new(Options {
//!     commands: ALL_COMMANDS,
//!     config: Config::default(),
//!     host: HostFacts::UNKNOWN,
//!     seed: [1, 2, 3, 4], // 256 random bits
//!     now,
//! });
//! let client = engine.open_session(SessionInfo::default(), now);
//!
//! // What came from the client, in any pieces.
//! engine.handle_bytes(client, b"SET bird nuthatch\r\nGET bi", now);
//! engine.handle_bytes(client, b"rd\r\n", now);
//! engine.handle_timeout(now);
//!
//! // What there is to send, to those clients that have something.
//! let mut pending = Vec::new();
//! engine.poll_pending(&mut pending);
//! assert_eq!(engine.output(pending[0]), b"+OK\r\n$8\r\nnuthatch\r\n");
//! let sent = engine.output(client).len();
//! engine.consume_output(client, sent);
//!
//! // A host without files has no jobs; it is to call again at this time at the latest.
//! assert!(engine.poll_job().is_none());
//! assert!(engine.poll_timeout() > now);
//! ```
//!
//! A host tells what it carries (`Engine::carries_files`, `carries_pages`, `carries_store`). Each of these calls is there with the
//! feature of this crate that it needs (`server`, `pages`, `store`), so that none can be asked for in vain.
#![no_std]
#![warn(missing_docs)]
#![cfg_attr(
    not(all(feature = "server", feature = "store", feature = "pages", feature = "full")),
    allow(dead_code, unused_imports, reason = "what a small build leaves out is called by nobody")
)]

extern crate alloc;

#[cfg(all(
    test,
    not(all(feature = "server", feature = "store", feature = "pages", feature = "types", feature = "full"))
))]
compile_error!(
    "the tests of nuthatch-core are of the whole engine: run them with its default features, cargo test -p nuthatch-core"
);
#[cfg(test)]
extern crate std;

pub mod block;
pub mod words;

pub mod resp;
pub mod types;

pub mod keyspace;
pub mod waiters;

pub mod evict;
pub mod expire;
pub mod journal;
pub mod page;
pub mod rdb;
pub mod store;

pub mod args;
pub mod call;
pub mod command;
pub mod command_index;
pub mod context;
pub mod db;
pub mod events;
pub mod histogram;
pub mod latency;
pub mod monitor;
pub mod persistence;
pub mod pubsub;
pub mod rates;
pub mod secrets;
pub mod server;
pub mod session;
pub mod slow_log;

pub mod commands;
pub mod table;

pub mod engine;

pub use command::Command;
pub use commands::docs::COMMAND_DOCS;
pub use engine::{
    Done, Engine, Job, JobError, JobId, Options, StoreDone, StoreEntry, StoreJob, StoreKey, StoreRead,
};
pub use journal::{Event as JournalEvent, Fault, FaultKind, Manifest, Reader as JournalReader};
pub use page::Device;
pub use persistence::ORIGINAL as ORIGINAL_SUFFIX;
pub use rdb::{Item as RdbItem, Loader as RdbLoader};
pub use server::{HostFacts, Request};
pub use session::{Session, SessionId, SessionInfo};
pub use store::catalog as store_catalog;
pub use store::flash::{
    Budget as FlashBudget, Device as FlashDevice, Error as FlashError, Geometry as FlashGeometry,
    Log as FlashLog, Page as FlashPage, Spends as FlashSpends, Stats as FlashStats,
    block_on as flash_block_on, place as flash_place,
};
pub use store::{StoreMemory, StoreOp, place as store_place, record as store_record};
#[cfg(feature = "types")]
pub use table::FIVE_TYPES;
pub use table::LIGHT;
#[cfg(feature = "server")]
pub use table::{ALL as ALL_COMMANDS, EVERYTHING};
pub use words::config::{
    Config, LogLevel, StoreEngine, quote as quote_word, rewrite as rewrite_config, split_args as split_words,
};
pub use words::glob::glob_match;
pub use words::ordered::OrderedMap;

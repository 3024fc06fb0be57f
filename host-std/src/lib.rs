//! The Nuthatch engine as an embedded database: Redis's data structures and commands in a program's own memory.
//!
//! ```
//! use nuthatch::{Db, Reply};
//! use std::time::Duration;
//!
//! fn main() -> Result<(), nuthatch::Error> {
//!     let mut db = Db::new()?;
//!     db.zadd("seeds", [(3.0, "acorn"), (1.5, "beechnut")])?;
//!     assert_eq!(db.zrange("seeds", 0, 0)?, [(b"beechnut".to_vec(), 1.5)]);
//!     db.set_for("session:7", "robin", Duration::from_secs(60))?;
//!     assert_eq!(db.get("session:7")?, Some(b"robin".to_vec()));
//!     // Any command by its name; several as one.
//!     assert_eq!(db.call(["STRLEN", "session:7"])?, Reply::Int(5));
//!     db.transaction([["INCR", "hidden"], ["INCR", "found"]])?;
//!     Ok(())
//! }
//! ```
//!
//! [`Db`] is one owner's: it goes to another thread as a whole, and several share it behind a mutex. Nothing of
//! it is in files, and nobody connects to it; for both, and for more data than memory, there is the server,
//! which this package builds too. [`Config`] takes redis.conf's directives, [`memory`] has the allocator that
//! `maxmemory` needs.

mod db;
pub mod memory;

pub use db::{Db, Error, Reply, Result};
pub use nuthatch_core::Config;

// The server's parts, which its program, its tests and the measurements put together. They are no API.
#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod log;
#[doc(hidden)]
pub mod options;
#[doc(hidden)]
pub mod start;
#[doc(hidden)]
pub mod store;

mod daemon;
mod disk;
mod facts;
mod listen;
mod pages;
mod server;
mod worker;

/// The README's example is compiled and run as this package's own are.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

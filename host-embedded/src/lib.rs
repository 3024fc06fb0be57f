//! Nuthatch on a microcontroller: the engine behind a serial line, in a fixed arena of memory. No std, no threads.
//!
//! A firmware installs [`memory::Allocator`], gives it an arena, and calls [`Node::serve`] in its loop. Time and
//! randomness are its to bring: the hour is an argument of every call.
#![no_std]
#![cfg_attr(
    not(all(feature = "store", feature = "pages")),
    allow(dead_code, reason = "what a small build leaves out is called by nobody")
)]

extern crate alloc;

pub mod answers;
mod db;
pub mod device;
mod export;
mod heart;
pub mod line;
pub mod memory;
mod node;
#[cfg(feature = "pages")]
mod pages;
#[cfg(any(feature = "store", feature = "pages"))]
mod store;

pub use db::{Db, DbError};
pub use node::{Below, Commands, NoFlash, Node, NodeOptions};
#[cfg(feature = "server")]
pub use nuthatch_core::EVERYTHING;
#[cfg(feature = "types")]
pub use nuthatch_core::FIVE_TYPES;
pub use nuthatch_core::{LIGHT, flash_block_on};
pub use nuthatch_counting as counting;
#[cfg(feature = "pages")]
pub use pages::Pages;
#[cfg(any(feature = "store", feature = "pages"))]
pub use store::{OpenError, Store};

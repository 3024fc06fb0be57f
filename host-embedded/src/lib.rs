//! Nuthatch on a microcontroller: the engine behind a serial line, in a fixed arena of memory. No std, no threads.
//!
//! A firmware installs [`memory::Allocator`], gives it an arena, and calls [`Node::serve`] in its loop. Time and
//! randomness are its to bring: the hour is an argument of every call.
#![no_std]

extern crate alloc;

// Every host counts its memory with the same few lines; they need no std.
#[path = "../../host-std/src/memory/counting.rs"]
pub mod counting;
pub mod memory;
mod node;

pub use node::{Node, NodeOptions};

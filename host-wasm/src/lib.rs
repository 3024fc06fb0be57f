//! Nuthatch in a browser: the engine for a Web Worker. Bytes of RESP go in, bytes of RESP come out; JavaScript brings
//! the hour and 256 random bits.

// Every host counts its memory with the same few lines.
#[path = "../../host-std/src/memory/counting.rs"]
pub mod counting;
mod memory;
mod worker;

pub use worker::Worker;

//! Nuthatch in a browser: the engine for a Web Worker. Bytes of RESP go in, bytes of RESP come out; JavaScript brings
//! the hour, 256 random bits, and a store of records for what is to stay.

mod carrier;
mod clock;
// Every host counts its memory with the same few lines.
#[path = "../../host-std/src/memory/counting.rs"]
pub mod counting;
mod import;
mod layout;
mod memory;
mod worker;

pub use worker::Worker;

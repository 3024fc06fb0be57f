//! Nuthatch in a browser: the engine for a Web Worker. Bytes of RESP go in, bytes of RESP come out; JavaScript brings
//! the hour, 256 random bits, and a store of records for what is to stay.

mod carrier;
mod clock;
mod import;
mod layout;
mod memory;
mod worker;

pub use worker::Worker;

//! The one encoding of values: an RDB body, the inside of a DUMP payload and a page image are these bytes.
//!
//! [`Form`] names the shapes a value takes on the wire, [`Encoder`] writes those of RDB 10 and 11, [`decode`] reads
//! all that any version wrote, [`Walker`] finds where a body ends without decoding it. Everything read may come from
//! an attacker: lengths are checked against the bytes that are there, blobs entry by entry.

mod decode;
mod dump;
mod encode;
mod form;
mod outline;
mod walk;
mod wire;

pub use decode::{DecodeError, decode, decode_in};
pub use dump::{dump_raw, open_dump};
pub use encode::{Encoder, NEWEST_VERSION, OLDEST_VERSION};
pub use form::{Dialect, Form};
pub use outline::{Outline, outline};
pub use walk::Walker;
pub use wire::{Reason, Text, put_len, read_len, read_text};

//! What the tests of the whole share: the style checks, a client that speaks RESP, servers that are started and
//! stopped by their process id, transcripts.

pub mod resp;
pub mod server;
pub mod tidy;
pub mod transcript;

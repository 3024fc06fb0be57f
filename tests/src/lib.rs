//! What the tests of the whole share: the style checks, a client that speaks RESP, servers that are started and
//! stopped by their process id, transcripts, the simulation, the fuzz targets' work.

pub mod flash;
pub mod fuzz;
pub mod fuzz_flash;
pub mod fuzz_rdb;
pub mod machine;
pub mod resp;
pub mod seed;
pub mod server;
pub mod sim;
pub mod tidy;
pub mod transcript;

//! Records transcripts from the reference: `cargo run -p nuthatch-tests --bin transcript -- FILE…` starts a
//! redis-server for each file, takes the steps in it and writes the replies below them.

use std::io;
use std::process::ExitCode;

use nuthatch_tests::server::{Server, reference};
use nuthatch_tests::transcript::record;

fn rewrite(file: &str) -> io::Result<()> {
    let script = std::fs::read_to_string(file)?;
    let server = Server::start_program(&reference(), &[])?;
    std::fs::write(file, record(&script, server.port)?)
}

fn main() -> ExitCode {
    for file in std::env::args().skip(1) {
        if let Err(error) = rewrite(&file) {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

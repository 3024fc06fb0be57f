//! The Nuthatch server.

use nuthatch::options::{self, Request};
use nuthatch::{log, start};
use std::ffi::OsString;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: nuthatch::memory::Allocator = nuthatch::memory::allocator();

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match options::read(&words) {
        Ok(Request::Print(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Request::Check(check)) => match nuthatch::check::run(&check) {
            Ok(()) => ExitCode::SUCCESS,
            Err(line) => {
                eprintln!("{line}");
                ExitCode::FAILURE
            }
        },
        Ok(Request::Import(config)) => match start::import(*config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(line) => {
                eprintln!("{line}");
                ExitCode::FAILURE
            }
        },
        Ok(Request::Serve(config, file)) => match start::serve(*config, file.as_deref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(line) => {
                log::warning(&line);
                ExitCode::FAILURE
            }
        },
        Err(text) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
    }
}

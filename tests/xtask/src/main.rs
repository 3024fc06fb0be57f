//! Development tasks: `cargo xtask` lists them. Nothing but the standard library, so that the first
//! command on a fresh machine starts at once.

mod bench;
mod command;
mod debian_std;
mod demo;
mod firmware;
mod flash;
mod fuzz;
mod peer_suite;
mod report;
mod serve;
mod setup;
mod test;
mod web;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask TASK

  test [--only STEP,…]   sets up what the tests need and runs every one (or the named steps: --list names them)
  bench [ARGUMENTS]      measures ours beside redis-server and prints the tables; --help lists the arguments
  firmware [--sizes] [--port N] [--flash FILE]
                         builds the firmware, prints its sizes, and runs it in QEMU
  fuzz [--minutes N] [--seed N] [--groups …]
                         long differential runs against redis-server; the first difference ends them
  bench-web [ROUNDS [MB]]
                         measures the package in Chromium beside idb-keyval, Dexie and localForage
  flash [--cuts N] [--writes N] [--trials N]
                         the flash log's long runs: random power cuts, skewed writes for wear, and the same cuts for
                         sequential-storage
  peer-suite [UNIT …]    Redis's own tests, from Debian's source package, over our server
  web                    builds the npm package into host-wasm/pkg and prints its sizes
  demo [--port PORT]     builds the demo page and serves it on localhost
";

/// The top of the repository.
fn top() -> PathBuf {
    // As cargo tells it to what it runs: work trees may share a target directory, and then another one has built this program.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let package = Path::new(&package);
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((task, rest)) if task == "test" => test::run(&top(), rest),
        Some((task, rest)) if task == "bench" => bench::run(&top(), rest),
        Some((task, rest)) if task == "firmware" => firmware::run(&top(), rest),
        Some((task, rest)) if task == "fuzz" => fuzz::run(&top(), rest),
        Some((task, rest)) if task == "demo" => demo::run(&top(), rest),
        Some((task, rest)) if task == "flash" => flash::run(&top(), rest),
        Some((task, rest)) if task == "peer-suite" => peer_suite::run(&top(), rest),
        Some((task, [])) if task == "web" => web::run(&top()),
        Some((task, rest)) if task == "bench-web" => web::bench(&top(), rest),
        Some((task, _)) if matches!(task.as_str(), "help" | "--help" | "-h") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::from(2)
        }
    }
}

//! `cargo xtask flash`: the long runs of the flash log's tests, and the same power cuts for another store.

use std::path::Path;
use std::process::ExitCode;

use crate::command::{cargo, run as execute};
use crate::report::Report;

/// Runs the task.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let (mut cuts, mut writes, mut trials) = ("1000000", "10000000", "3000");
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--cuts" => cuts = value,
            [name, value] if name == "--writes" => writes = value,
            [name, value] if name == "--trials" => trials = value,
            _ => {
                eprintln!("usage: cargo xtask flash [--cuts N] [--writes N] [--trials N]");
                return ExitCode::from(2);
            }
        }
    }
    let mut report = Report::new(Vec::new());
    let mut suite = cargo(top, None);
    suite.args(["test", "--quiet", "--profile", "checked", "-p", "nuthatch-tests", "--test", "flash"]);
    suite.args(["--", "--nocapture"]).env("NUTHATCH_CUTS", cuts).env("NUTHATCH_WRITES", writes);
    let mut end = report.step("flash log", || execute(&mut suite));
    if end.is_ok() {
        let mut baseline = cargo(&top.join("tests/flash_baseline"), None);
        baseline.args(["run", "--quiet", "--release", "--", trials]);
        end = report.step("beside sequential-storage", || execute(&mut baseline));
    }
    report.finish(&end)
}

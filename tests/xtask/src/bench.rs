//! `cargo xtask bench`: builds the server as users run it and hands over to tests/bench/bench.py.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::command::{Failure, cargo, program, run as execute};
use crate::report::Report;
use crate::setup;

/// Builds, then measures; the arguments go to the script, whose `--help` explains them.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let mut report = Report::new(Vec::new());
    let tools = setup::for_servers(top, &mut report);
    let (true, Some(python)) = (tools.reference, tools.python) else { return report.finish(&Ok(())) };
    let script = || script(top, python.as_ref(), arguments);
    // What is asked for wrongly is told at once, not after the minutes that a build takes.
    let checked = execute(script().arg("--check"));
    let outcome = if arguments.iter().any(|word| word == "--help" || word == "-h") {
        checked.map(|_| ())
    } else {
        checked.and_then(|_| build(top)).and_then(|()| execute(&mut script()).map(|_| ()))
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.what);
            ExitCode::from(failure.code)
        }
    }
}

fn script(top: &Path, python: &OsStr, arguments: &[String]) -> Command {
    let mut script = program(python, [top.join("tests/bench/bench.py")]);
    script.arg("--ours").arg(top.join("target/release/nuthatch")).arg("--target").arg(top.join("target"));
    script.args(arguments);
    script
}

fn build(top: &Path) -> Result<(), Failure> {
    for (package, program) in [("nuthatch", "nuthatch"), ("nuthatch-tests", "load")] {
        let words = ["build", "--release", "--quiet", "-p", package, "--bin", program];
        execute(cargo(top, None).args(words))?;
    }
    Ok(())
}

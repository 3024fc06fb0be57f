//! `cargo xtask bench`: builds the server as users run it and hands over to tests/bench/bench.py.

use std::path::Path;
use std::process::ExitCode;

use crate::command::{cargo, program, run as execute};
use crate::report::Report;
use crate::setup;

/// Builds, then measures; the arguments go to the script, whose `--help` explains them.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let mut report = Report::new(Vec::new());
    let tools = setup::for_servers(top, &mut report);
    let (true, Some(python)) = (tools.reference, tools.python) else { return report.finish(&Ok(())) };
    let build = execute(cargo(top, None).args([
        "build",
        "--release",
        "--quiet",
        "-p",
        "nuthatch",
        "--bin",
        "nuthatch",
    ]));
    let measured = build.and_then(|_| {
        let mut command = program(python, [top.join("tests/bench/bench.py")]);
        command
            .arg("--ours")
            .arg(top.join("target/release/nuthatch"))
            .arg("--target")
            .arg(top.join("target"));
        execute(command.args(arguments))
    });
    match measured {
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.what);
            ExitCode::from(failure.code)
        }
    }
}

//! Running other programs: cargo without the variables that this task was started with, output passed on line by line
//! with the tests in it counted.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// How many tests a program reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
}

impl Count {
    /// Adds the numbers of a line `test result: ok. 12 passed; 0 failed; …`, or of node's `ℹ pass 12`.
    fn add_line(&mut self, line: &str) {
        if let Some((what, number)) = line.strip_prefix("ℹ ").and_then(|rest| rest.split_once(' ')) {
            match what {
                "pass" => self.passed += number.trim().parse::<u64>().unwrap_or(0),
                "fail" => self.failed += number.trim().parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
        let Some(rest) = line.trim_start().strip_prefix("test result:") else { return };
        let mut before = "";
        for word in rest.split([' ', ';']).filter(|word| !word.is_empty()) {
            match word {
                "passed" => self.passed += before.parse::<u64>().unwrap_or(0),
                "failed" => self.failed += before.parse::<u64>().unwrap_or(0),
                _ => {}
            }
            before = word;
        }
    }
}

/// A program that did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// What happened, for a person.
    pub what: String,
    /// Its exit code; 1 where it has none.
    pub code: u8,
    /// The tests it reported before.
    pub count: Count,
}

impl Failure {
    /// A failure that is not a program's.
    pub fn new(what: String) -> Self {
        Self { what, code: 1, count: Count::default() }
    }
}

/// A command of cargo in `top`: of the default toolchain, or of `toolchain`.
pub fn cargo(top: &Path, toolchain: Option<&str>) -> Command {
    let mut command = Command::new("cargo");
    if let Some(name) = toolchain {
        command.arg(format!("+{name}"));
    }
    command.current_dir(top);
    // Cargo and rustup hand these to what they run; an inner cargo would take them for the caller's wishes.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let inherited = text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST")
            || text.starts_with("RUSTUP_TOOLCHAIN");
        if inherited || text == "CARGO" || text == "RUST_RECURSION_COUNT" {
            command.env_remove(&name);
        }
    }
    command
}

/// A command with these arguments, for a program that is not cargo.
pub fn program<S: AsRef<OsStr>>(name: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    command
}

/// Runs to the end, passing the output on and counting the tests in it.
pub fn run(command: &mut Command) -> Result<Count, Failure> {
    let shown = show(command);
    let cannot = |error: std::io::Error| Failure::new(format!("cannot run {shown}: {error}"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let mut count = Count::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(cannot)?;
            let line = String::from_utf8_lossy(&line);
            count.add_line(&line);
            println!("{line}");
        }
    }
    let status = child.wait().map_err(cannot)?;
    if status.success() {
        return Ok(count);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure { what: format!("{shown}: {status}"), code: code.max(1), count })
}

/// Whether it runs and succeeds; its output is thrown away.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Whether a thing is there, at once or after installing it.
pub fn ensure(there: impl Fn() -> bool, install: impl FnOnce() -> bool) -> bool {
    there() || (install() && there())
}

/// What it prints on its standard output, where it succeeds.
pub fn output(command: &mut Command) -> Option<String> {
    let out = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let mut count = Count::default();
        count.add_line("ℹ pass 2");
        count.add_line("ℹ fail 1");
        count.add_line("ℹ duration_ms 7");
        assert_eq!(core::mem::take(&mut count), Count { passed: 2, failed: 1 });
        count.add_line("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out");
        count.add_line("test result: FAILED. 3 passed; 2 failed; 0 ignored");
        count.add_line("12 passed");
        assert_eq!(count, Count { passed: 15, failed: 2 });
    }
}

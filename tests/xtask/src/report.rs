//! The run of a task: its steps with their seconds, and what was left out.

use std::process::ExitCode;
use std::time::Instant;

use crate::command::{Count, Failure};

/// Something that could not be set up.
#[derive(Debug)]
pub struct Lack {
    /// What is missing and how to install it, in one line.
    pub install: String,
    /// The tests that are left out for it.
    pub leaves_out: String,
}

struct Step {
    name: String,
    seconds: f64,
    count: Count,
}

/// A task on its way.
pub struct Report {
    steps: Vec<Step>,
    lacks: Vec<Lack>,
    only: Vec<String>,
    begun: Instant,
}

impl Report {
    /// A run of all steps, or of those whose name begins with a word of `only`.
    pub fn new(only: Vec<String>) -> Self {
        Self { steps: Vec::new(), lacks: Vec::new(), only, begun: Instant::now() }
    }

    /// Whether a step of this name was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| name.starts_with(word.as_str()))
    }

    /// Notes something that is missing, and says so at once.
    pub fn lacks(&mut self, install: &str, leaves_out: &str) {
        println!("MISSING: {install} (left out: {leaves_out})");
        self.lacks.push(Lack { install: install.to_owned(), leaves_out: leaves_out.to_owned() });
    }

    /// Runs one step, if it was asked for.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Count, Failure>) -> Result<(), Failure> {
        if !self.wants(name) {
            return Ok(());
        }
        println!("\n==> {name}");
        let begun = Instant::now();
        let done = work();
        let count = match &done {
            Ok(count) => *count,
            Err(failure) => failure.count,
        };
        self.steps.push(Step { name: name.to_owned(), seconds: begun.elapsed().as_secs_f64(), count });
        done.map(|_| ()).map_err(|failure| Failure { what: format!("{name}: {}", failure.what), ..failure })
    }

    /// Prints the table of steps, what was left out, how it ended, and the counts on the last line.
    pub fn finish(self, end: &Result<(), Failure>) -> ExitCode {
        println!("\n{:>8}  {:>6}  step", "seconds", "tests");
        for step in &self.steps {
            println!("{:>8.1}  {:>6}  {}", step.seconds, step.count.passed + step.count.failed, step.name);
        }
        println!("{:>8.1}          all", self.begun.elapsed().as_secs_f64());
        for lack in &self.lacks {
            println!("\nLEFT OUT: {}\n    because of what is missing: {}", lack.leaves_out, lack.install);
        }
        let code = match end {
            Err(failure) => {
                println!("\nFAILED: {}", failure.what);
                ExitCode::from(failure.code)
            }
            Ok(()) if !self.lacks.is_empty() && in_ci() => {
                println!("\nFAILED: under CI=true nothing may be left out");
                ExitCode::FAILURE
            }
            Ok(()) => ExitCode::SUCCESS,
        };
        let passed: u64 = self.steps.iter().map(|step| step.count.passed).sum();
        let failed: u64 = self.steps.iter().map(|step| step.count.failed).sum();
        // A step without counted tests can fail too (formatting, a build): that is one failure.
        let failed = if end.is_err() { failed.max(1) } else { failed };
        println!("\n{passed} passed, {failed} failed");
        code
    }
}

/// Whether this is a run that must be whole.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

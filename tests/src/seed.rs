//! The seeds of tests that take new ones.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The seed that `NUTHATCH_SEED` gives, if it gives one.
pub fn given() -> Option<u64> {
    std::env::var("NUTHATCH_SEED").ok()?.parse().ok()
}

/// The given seed, or a fresh one, printed. A commit has one seed of its own: every change is tried with seeds that none
/// was tried with before, and a run that failed fails again on the same commit. Outside a repository the clock decides.
pub fn fresh() -> u64 {
    let seed = given().or_else(of_commit).unwrap_or_else(of_clock);
    println!("NUTHATCH_SEED={seed}");
    seed
}

fn of_commit() -> Option<u64> {
    let out = Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    u64::from_str_radix(text.get(..5)?, 16).ok()
}

fn of_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() % 1_000_000)
}

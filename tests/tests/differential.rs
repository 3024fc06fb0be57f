//! The same random commands to redis-server and to ours: every reply and then the whole keyspace are compared
//! (tests/oracle/diff_fuzz.py). Fixed seeds, and one fresh seed that is printed; `NUTHATCH_SEED` takes it back.
//! `NUTHATCH_SEQUENCES` and `NUTHATCH_GROUPS` make that one longer or narrower (`cargo xtask fuzz` sets them).
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::process::Command;

use nuthatch_tests::seed;
use nuthatch_tests::server::{Server, ours, python, reference, workspace};

/// Everything but DUMP and RESTORE, which come with snapshots.
const GROUPS: &str =
    "strings,bits,lists,sets,hashes,zsets,keys,expire,sort,scan,multi,encoding,blocking,arity,db";
/// About 75 commands each.
const SEQUENCES: &str = "2000";
/// The same where values leave memory: `cargo xtask fuzz` has the long runs.
const PAGED_SEQUENCES: &str = "300";

#[track_caller]
fn compare(seed: u64, protocol: &str, sequences: &str, groups: &str, more: &[&str]) {
    let flags = ["--appendonly", "no", "--enable-protected-configs", "yes"];
    let theirs = Server::start_program(&reference(), &flags).expect("redis-server");
    let ours = Server::start_program(&ours(), &[&flags[..], more].concat()).expect("the server");
    let mut command = Command::new(python());
    command.arg(workspace().join("tests/oracle/diff_fuzz.py")).arg("--exact");
    command.args(["--ref", &theirs.port.to_string(), "--sut", &ours.port.to_string(), "--groups", groups]);
    command.args(["--seed", &seed.to_string(), "--resp", protocol, "--seqs", sequences]);
    let out = command.output().expect("python");
    let told = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    println!("{}", told.lines().rev().take(4).collect::<Vec<_>>().join("\n"));
    assert!(out.status.success(), "seed {seed}, RESP{protocol}:\n{told}\n{}", ours.log());
    assert!(told.contains("SUT lacks 0:"), "every command of these groups is there:\n{told}");
    if !more.is_empty() {
        let told = ours.call(&["INFO", "vm"]).expect("a reply").text().expect("text");
        let none = ["vm_stats_swappin_count:0\r", "vm_stats_swappout_count:0\r"];
        assert!(none.iter().all(|line| !told.contains(line)), "values leave and come back: {told}");
    }
}

#[test]
fn fixed_seed_resp2() {
    compare(1, "2", SEQUENCES, GROUPS, &[]);
}

#[test]
fn fixed_seed_resp3() {
    compare(2, "3", SEQUENCES, GROUPS, &[]);
}

/// About what the server takes with nothing in it: of 1 MB the fuzzer's datasets would use a tenth, and nothing would leave.
const LITTLE: &str = "130kb";

/// Virtual memory with that limit and so many threads.
fn paged<'a>(limit: &'a str, threads: &'a str) -> [&'a str; 6] {
    ["--vm-enabled", "yes", "--vm-max-memory", limit, "--vm-max-threads", threads]
}

#[test]
fn paged_in_threads() {
    compare(3, "2", PAGED_SEQUENCES, GROUPS, &paged(LITTLE, "4"));
}

#[test]
fn paged_inline() {
    compare(4, "3", PAGED_SEQUENCES, GROUPS, &paged(LITTLE, "0"));
}

/// With a limit of one byte all that is large enough leaves at once.
#[test]
fn paged_as_soon_as_possible() {
    compare(5, "2", PAGED_SEQUENCES, GROUPS, &paged("1", "4"));
}

/// `NUTHATCH_VM_MAX_MEMORY` and `NUTHATCH_VM_THREADS` let values leave.
#[test]
fn fresh_seed() {
    let given = |name: &str| std::env::var(name).ok();
    let seed = seed::fresh();
    let sequences = given("NUTHATCH_SEQUENCES").unwrap_or_else(|| SEQUENCES.to_owned());
    let groups = given("NUTHATCH_GROUPS").unwrap_or_else(|| GROUPS.to_owned());
    let (limit, threads) = (given("NUTHATCH_VM_MAX_MEMORY"), given("NUTHATCH_VM_THREADS"));
    let paged = limit.as_deref().map(|limit| paged(limit, threads.as_deref().unwrap_or("4")));
    let more = paged.as_ref().map_or(&[][..], |flags| flags);
    compare(seed, if seed.is_multiple_of(2) { "2" } else { "3" }, &sequences, &groups, more);
}

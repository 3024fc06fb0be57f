//! `cargo xtask test`: every check and test, in an order that lets the cheap ones fail first.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::command::{Count, Failure, cargo, program, run as execute};
use crate::firmware;
use crate::report::Report;
use crate::setup::{self, Route, THUMB, Tools, WASM};
use crate::web;

/// The profile that the server and the tests of the whole are built with: optimised, assertions kept.
const PROFILE: [&str; 2] = ["--profile", "checked"];
/// Seconds that each fuzz target runs.
const FUZZ_SECONDS: &str = "-max_total_time=20";
/// The steps in their order, for `--list`.
const STEPS: [&str; 13] = [
    "format",
    "clippy",
    "clippy no_std",
    "tidy",
    "unit tests",
    "doc tests",
    "build thumbv7em",
    "firmware",
    "server",
    "end to end",
    "browser",
    "miri",
    "fuzz targets",
];

/// Runs the task; its exit code is that of the first step that failed.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let only = match arguments {
        [] => Vec::new(),
        [flag] if flag == "--list" => {
            println!("{}", STEPS.join("\n"));
            return ExitCode::SUCCESS;
        }
        [flag, names] if flag == "--only" => names.split(',').map(str::to_owned).collect(),
        _ => {
            eprintln!("usage: cargo xtask test [--only STEP,… | --list]");
            return ExitCode::from(2);
        }
    };
    let mut report = Report::new(only);
    println!("==> setting up");
    let tools = setup::all(top, &mut report);
    let end = checks(top, &mut report, &tools).and_then(|()| tests(top, &mut report, &tools));
    report.finish(&end)
}

fn checks(top: &Path, report: &mut Report, tools: &Tools) -> Result<(), Failure> {
    report.step("format", || execute(cargo(top, None).args(["fmt", "--all", "--check"])))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    report.step("clippy", || execute(cargo(top, None).args(clippy)))?;
    for (target, route, host) in
        [(WASM, &tools.wasm, "nuthatch-wasm"), (THUMB, &tools.thumb, "nuthatch-embedded")]
    {
        // Debian's compiler has no clippy of its own version; there the build below is the check.
        if *route == Some(Route::Plain) {
            let mut command = cargo(top, None);
            command.args(["clippy", "--quiet", "--target", target, "-p", "nuthatch-core", "-p", host]);
            report.step(&format!("clippy no_std {target}"), || {
                execute(command.args(["--", "-D", "warnings"]))
            })?;
        }
    }
    let tidy = ["test", "--quiet", "-p", "nuthatch-tests", "--lib", "--test", "tidy"];
    report.step("tidy", || execute(cargo(top, None).args(tidy)))
}

fn tests(top: &Path, report: &mut Report, tools: &Tools) -> Result<(), Failure> {
    let unit = [
        "test",
        "--quiet",
        "--workspace",
        "--exclude",
        "nuthatch-tests",
        "--lib",
        "--bins",
        "--examples",
        "--tests",
    ];
    report.step("unit tests", || execute(cargo(top, None).args(unit)))?;
    let doc = ["test", "--quiet", "--doc", "--workspace", "--exclude", "nuthatch-tests"];
    report.step("doc tests", || execute(cargo(top, None).args(doc)))?;
    if let Some(route) = &tools.thumb {
        report.step("build thumbv7em", || {
            execute(&mut build(top, "nuthatch-embedded", THUMB, route, "release"))
        })?;
    }
    if tools.thumb == Some(Route::Plain) {
        report.step("firmware", || {
            let twin = ["build", "--quiet", "-p", "nuthatch-embedded", "--example", "desktop"];
            execute(cargo(top, None).args(twin).args(PROFILE))?;
            firmware::build_all(top)
        })?;
    }
    end_to_end(top, report, tools)?;
    browser(top, report, tools)?;
    if tools.miri {
        report.step("miri", || execute(&mut miri(top)))?;
    }
    if let Some(program) = &tools.cargo_fuzz {
        for target in &sources(&top.join("tests/fuzz/fuzz_targets")) {
            report.step(&format!("fuzz targets {target}"), || execute(&mut fuzz(top, program, target)))?;
        }
    }
    Ok(())
}

/// A package for another target.
pub fn build(top: &Path, package: &str, target: &str, route: &Route, profile: &str) -> Command {
    let mut command = cargo(top, None);
    command.args(["build", "--profile", profile, "--quiet", "--target", target, "-p", package]);
    if let Route::OwnStd(variables) = route {
        command.envs(variables.iter().map(|(name, value)| (name, value)));
    }
    command
}

/// The package for browsers, and its tests in them.
fn browser(top: &Path, report: &mut Report, tools: &Tools) -> Result<(), Failure> {
    let (Some(route), true) = (&tools.wasm, tools.node) else { return Ok(()) };
    report.step("browser package", || {
        web::build(top, route)?;
        web::sizes(top)?;
        Ok(Count::default())
    })?;
    let chromium = tools.chromium;
    let suites = [
        ("node", true),
        ("types", true),
        ("ioredis", tools.reference),
        ("chromium", chromium && tools.reference),
        ("demo", chromium),
        ("firefox", tools.firefox),
        ("webkit", tools.webkit),
    ];
    for (suite, _) in suites.iter().filter(|(_, can)| *can) {
        let file = format!("host-wasm/tests/{suite}.test.mjs");
        // A test that fails leaves its database open: its worker would keep the process for ever.
        let options = ["--test", "--test-force-exit", "--test-timeout=600000", "--test-reporter=spec"];
        let mut command = program("node", options);
        command.arg(&file);
        report.step(&format!("browser {suite}"), || execute(command.current_dir(top)))?;
    }
    // The server's own transcripts, with the engine in wasm behind the socket.
    for (place, _) in [("node", true), ("chromium", chromium)].iter().filter(|(_, can)| *can) {
        let mut transcripts = cargo(top, None);
        transcripts.args(["test", "--quiet", "-p", "nuthatch-tests", "--test", "transcripts"]).args(PROFILE);
        transcripts.env("NUTHATCH_SERVER", top.join("host-wasm/tests/server.mjs")).env("NUTHATCH_IN", place);
        report.step(&format!("browser transcripts in {place}"), || execute(&mut transcripts))?;
    }
    Ok(())
}

/// The tests that start the real server. Those that need what could not be set up are left out.
fn end_to_end(top: &Path, report: &mut Report, tools: &Tools) -> Result<(), Failure> {
    let server = ["build", "--quiet", "-p", "nuthatch", "--bin", "nuthatch"];
    report.step("server", || execute(cargo(top, None).args(server).args(PROFILE)))?;
    let suites = sources(&top.join("tests/tests"));
    for suite in suites.iter().map(String::as_str).filter(|suite| *suite != "tidy") {
        let needs_reference = matches!(suite, "tools" | "journal" | "rdb_reference" | "firmware")
            || matches!(suite, "differential" | "beside_reference" | "diskstore");
        let needs_python = matches!(suite, "clients" | "differential" | "diskstore" | "firmware");
        let needs_qemu = suite == "firmware";
        if (tools.reference || !needs_reference)
            && (tools.python.is_some() || !needs_python)
            && (tools.qemu || !needs_qemu)
        {
            let mut command = cargo(top, None);
            command.args(["test", "--quiet", "-p", "nuthatch-tests", "--test", suite]).args(PROFILE);
            // Two servers and a client on two cores: one test after the other, or waits run out.
            if matches!(suite, "differential" | "diskstore" | "firmware") {
                command.args(["--", "--test-threads=1"]);
            }
            command.env("NUTHATCH_SERVER", top.join("target/checked/nuthatch"));
            command.envs(tools.python.as_ref().map(|python| ("NUTHATCH_PYTHON", python)));
            report.step(&format!("end to end {suite}"), || execute(&mut command))?;
        }
    }
    Ok(())
}

/// The names of the Rust files in a directory, sorted: each is a test or a target.
fn sources(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names =
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Miri runs the tests of the module with `unsafe`; proptest's files and its long runs are not for it.
fn miri(top: &Path) -> Command {
    let mut command = cargo(top, Some("nightly"));
    command.args(["miri", "test", "--quiet", "-p", "nuthatch-core", "--lib", "block::"]);
    command.env("MIRIFLAGS", "-Zmiri-strict-provenance -Zmiri-disable-isolation").env("PROPTEST_CASES", "4");
    command
}

fn fuzz(top: &Path, program: &Path, target: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(top.join("tests/fuzz")).env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO");
    command.args([
        "run",
        "--fuzz-dir",
        ".",
        target,
        "--",
        FUZZ_SECONDS,
        "-max_len=4096",
        "-print_final_stats=1",
    ]);
    command
}

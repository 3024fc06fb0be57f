//! `cargo xtask web`: the engine for browsers as an npm package, in host-wasm/pkg.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::command::{Failure, cargo, program, run as execute};
use crate::report::Report;
use crate::setup::{self, Route, WASM};
use crate::test;

/// What is made.
pub const DIST: &str = "host-wasm/pkg";
/// Where its parts are put together.
const STAGE: &str = "target/web";
/// The scripts that something imports by name, each with all that it needs but for the others.
const ENTRIES: [&str; 7] =
    ["worker.js", "worker-more.js", "index.js", "page-more.js", "inline.js", "node.js", "ioredis.js"];
/// Those that are loaded by others when they are wanted.
const LATER: [&str; 4] = ["./worker.js", "./worker-more.js", "./page-more.js", "./inline.js"];

/// For the nightly compiler: nothing is told of a panic, which ends the engine, and nothing is printed for programmers.
const SMALL: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none";

/// The texts of COMMAND DOCS, which the engine is given when somebody asks for them.
const TEXTS: &str = "core/src/commands/docs/texts.tsv";

/// What wasm-opt is told. A function with one caller stays by itself: inlined it makes the engine smaller, and the
/// compressed engine, which is what travels, 14 KB larger.
const OPTIMISE: [&str; 4] =
    ["-Oz", "--converge", "--one-caller-inline-max-function-size=0", "--strip-producers"];

/// Properties that nobody outside sees, with the short names that they have in the package: one for all of its files.
const PRIVATE: &str = "host-wasm/private.json";

/// What every browser of the last five years has, and Rust uses.
const FEATURES: [&str; 6] = [
    "bulk-memory",
    "sign-ext",
    "nontrapping-float-to-int",
    "mutable-globals",
    "multivalue",
    "reference-types",
];

/// Runs the task.
pub fn run(top: &Path) -> ExitCode {
    let mut report = Report::new(Vec::new());
    let (Some(route), true) = (setup::wasm(top, &mut report), setup::node(top, &mut report)) else {
        return ExitCode::FAILURE;
    };
    match build(top, &route).and_then(|()| sizes(top)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.what);
            ExitCode::from(failure.code)
        }
    }
}

/// Builds the package and measures it in Chromium, beside what else keeps data in a browser.
pub fn bench(top: &Path, arguments: &[String]) -> ExitCode {
    let built = run(top);
    if built != ExitCode::SUCCESS {
        return built;
    }
    let mut bench = program("node", ["host-wasm/tests/bench.mjs"]);
    match execute(bench.args(arguments).current_dir(top)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.what);
            ExitCode::from(failure.code)
        }
    }
}

/// Builds the package.
pub fn build(top: &Path, route: &Route) -> Result<(), Failure> {
    execute(&mut engine(top, route))?;
    let (stage, package) = (top.join(STAGE), top.join(DIST));
    empty(&stage)?;
    empty(&package)?;
    let wasm = top.join("target").join(WASM).join("web/nuthatch_wasm.wasm");
    let mut bindgen = cargo(&top.join("host-wasm/bindgen"), None);
    execute(bindgen.args(["run", "--quiet", "--"]).arg(&wasm).arg(&stage))?;
    optimise(top, &stage.join("engine_bg.wasm"), &package.join("engine.wasm"))?;
    scripts(top, &stage, &package)
}

/// A nightly compiler builds the standard library for size; without one it is the ready-made.
fn engine(top: &Path, route: &Route) -> Command {
    if !setup::has_nightly_with_sources() {
        return test::build(top, "nuthatch-wasm", WASM, route, "web");
    }
    let mut command = cargo(top, Some("nightly"));
    command.args(["build", "--profile", "web", "--quiet", "--target", WASM, "-p", "nuthatch-wasm"]);
    command.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
    command.env("RUSTFLAGS", SMALL);
    command
}

/// A tool among the packages of the tests.
fn tool(top: &Path, name: &str) -> PathBuf {
    top.join("host-wasm/tests/node_modules/.bin").join(name)
}

fn optimise(top: &Path, from: &Path, to: &Path) -> Result<(), Failure> {
    let mut wasm_opt = program(tool(top, "wasm-opt"), OPTIMISE);
    wasm_opt.args(FEATURES.map(|feature| format!("--enable-{feature}")));
    execute(wasm_opt.arg(from).arg("-o").arg(to)).map(drop)
}

fn scripts(top: &Path, stage: &Path, package: &Path) -> Result<(), Failure> {
    let (texts, to) = (top.join(TEXTS), package.join("docs.tsv"));
    fs::copy(&texts, &to).map_err(|error| cannot("copy", &texts, &error))?;
    let js = top.join("host-wasm/js");
    for entry in fs::read_dir(&js).map_err(|error| cannot("read", &js, &error))?.flatten() {
        let types = entry.file_name().to_str().is_some_and(|name| name.ends_with(".d.ts"));
        let to = if types { package } else { stage }.join(entry.file_name());
        fs::copy(entry.path(), &to).map_err(|error| cannot("write", &to, &error))?;
    }
    let (names, list) = (stage.join("private.json"), top.join(PRIVATE));
    let private = fs::read_to_string(&list).map_err(|error| cannot("read", &list, &error))?;
    fs::copy(&list, &names).map_err(|error| cannot("copy", &list, &error))?;
    let mut esbuild = program(tool(top, "esbuild"), ENTRIES);
    esbuild.args(["--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=warning"]);
    esbuild
        .arg(format!("--mangle-props=^({})$", keys(&private).join("|")))
        .arg("--mangle-cache=private.json");
    esbuild.args(LATER.iter().chain(&["node:*"]).map(|other| format!("--external:{other}")));
    execute(esbuild.arg(format!("--outdir={}", package.display())).current_dir(stage)).map(drop)
}

/// The names on the left of a JSON file that has one pair a line.
fn keys(json: &str) -> Vec<&str> {
    json.lines().filter_map(|line| line.split('"').nth(1)).collect()
}

fn empty(dir: &Path) -> Result<(), Failure> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|error| cannot("empty", dir, &error))?;
    }
    fs::create_dir_all(dir).map_err(|error| cannot("make", dir, &error))
}

/// Prints the package's sizes and holds them against the budget, which is the nightly compiler's.
pub fn sizes(top: &Path) -> Result<(), Failure> {
    let mut sizes = program("node", ["host-wasm/sizes.mjs"]);
    if !setup::has_nightly_with_sources() {
        sizes.arg("--no-budget");
    }
    execute(sizes.current_dir(top)).map(drop)
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
}

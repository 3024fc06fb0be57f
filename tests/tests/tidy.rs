//! The style that a compiler does not hold: see `nuthatch_tests::tidy`. Every breach is listed at once, as
//! `file:line: what: remedy`.
#![expect(clippy::expect_used, reason = "a test that cannot read the repository fails")]

use std::fs;
use std::path::{Path, PathBuf};

use nuthatch_tests::tidy::{Finding, Source, floors, shape, tree};

/// Files that may hold `unsafe`: the core's one module, the allocator that every host counts with and the reserve behind it, buffers that the kernel has.
const UNSAFE_DOORS: [&str; 5] = [
    shape::UNSAFE_MODULE,
    "core/counting/src/lib.rs",
    "host-std/src/memory/reserve.rs",
    "host-std/src/pages/ring.rs",
    "host-embedded/firmware/src/chip.rs",
];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn texts() -> Vec<(String, String)> {
    tree::texts(&top()).expect("the repository's files")
}

fn sources() -> Vec<Source> {
    tree::rust(&texts())
}

#[track_caller]
fn none(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} to mend:\n{}", lines.len(), lines.join("\n"));
}

fn each(rule: impl Fn(&Source) -> Vec<Finding>) -> Vec<Finding> {
    sources().iter().flat_map(rule).collect()
}

#[test]
fn imports_go_down_and_walls_hold() {
    let document = fs::read_to_string(top().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let floors = floors::parse(&document).expect("the floors");
    none(&each(|source| match source.path.split('/').next() {
        Some("core") => floors.check_core(source),
        Some("host-std" | "host-wasm" | "host-embedded") => floors.check_host(source),
        _ => Vec::new(),
    }));
}

#[test]
fn functions_and_files_are_short() {
    none(&each(shape::lengths));
}

#[test]
fn unwrap_and_expect_state_their_reason() {
    none(&each(shape::unwraps));
}

#[test]
fn unsafe_stays_in_its_module() {
    none(&each(|source| shape::unsafe_code(source, &UNSAFE_DOORS)));
}

#[test]
fn silenced_lints_state_their_reason() {
    none(&each(shape::reasons));
}

#[test]
fn no_text_names_a_machine() {
    none(&texts().iter().flat_map(|(path, text)| tree::machine_paths(path, text)).collect::<Vec<_>>());
}

#[test]
fn the_top_level_is_exact() {
    let entries = fs::read_dir(top()).expect("the top of the repository");
    let names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    none(&tree::top_level(&names));
}

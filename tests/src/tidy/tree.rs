//! The repository's files: walking them, what may stand at the top, what no text may name.

use std::fs;
use std::io;
use std::path::Path;

use super::{Finding, Source};

/// What stands at the top of the repository, files with a dot in front aside.
pub const TOP: [&str; 12] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "core",
    "docs",
    "host-embedded",
    "host-std",
    "host-wasm",
];
/// Listed apart from [`TOP`] because `docs` is made by the first document in it.
const TESTS: &str = "tests";
/// Made by building and running; git ignores them.
const MADE: [&str; 4] = ["target", "nuthatch-data", "node_modules", "__pycache__"];

/// Every text file below `top`, as (path from `top` with `/`, text), sorted; files that are not UTF-8 are left out.
pub fn texts(top: &Path) -> io::Result<Vec<(String, String)>> {
    let mut out = Vec::new();
    walk(top, "", &mut out)?;
    out.sort();
    Ok(out)
}

fn walk(dir: &Path, prefix: &str, out: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && name != ".git" && !MADE.contains(&name.as_str()) {
            walk(&entry.path(), &path, out)?;
        } else if kind.is_file() && name != ".git" {
            out.extend(String::from_utf8(fs::read(entry.path())?).ok().map(|text| (path, text)));
        }
    }
    Ok(())
}

/// The Rust sources among these texts.
pub fn rust(texts: &[(String, String)]) -> Vec<Source> {
    texts
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, text)| Source::new(path, text))
        .collect()
}

/// Names at the top that do not belong there, and ones that are missing.
pub fn top_level(names: &[String]) -> Vec<Finding> {
    let wanted = |name: &str| TOP.contains(&name) || name == TESTS;
    let mut out = Vec::new();
    for name in names {
        if !wanted(name) && !name.starts_with('.') && !MADE.contains(&name.as_str()) {
            out.push(Finding::new(
                name,
                0,
                "does not belong at the top",
                "put it into the package or the docs it serves",
            ));
        }
    }
    for name in TOP.iter().copied().chain([TESTS]) {
        if !names.iter().any(|have| have == name) {
            out.push(Finding::new(name, 0, "is missing at the top", "restore it"));
        }
    }
    out
}

/// Paths that exist on somebody's machine only.
pub fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for top in ["work", "root", "home", "Users"] {
            let needle = format!("/{top}/");
            let hit = line.match_indices(&needle).any(|(at, _)| begins_a_path(line, at));
            if hit {
                let what = format!("names a path below {needle}");
                out.push(Finding::new(
                    path,
                    i + 1,
                    &what,
                    "use a path from the repository's top, or ask the environment",
                ));
            }
        }
    }
    out
}

/// Whether the `/` at `at` is the first of its path: no name stands before it.
fn begins_a_path(line: &str, at: usize) -> bool {
    let before = line[..at].chars().next_back();
    before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.' | '}' | '*' | '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_exact() {
        let mut names: Vec<String> =
            TOP.iter().chain(&[TESTS, ".git", "target"]).map(ToString::to_string).collect();
        assert!(top_level(&names).is_empty());
        names.push("notes.txt".to_owned());
        names.retain(|name| name != "docs");
        let found: Vec<String> = top_level(&names).into_iter().map(|f| f.file).collect();
        assert_eq!(found, ["notes.txt", "docs"]);
    }

    #[test]
    fn paths_of_machines_are_found() {
        let needle = ["cp /ro", "ot/x ."].concat();
        assert_eq!(machine_paths("a", &needle).len(), 1);
        assert!(machine_paths("a", "see docs/root/x and http://host/work/y").is_empty());
    }
}

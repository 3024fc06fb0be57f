//! The style checks behind `tests/tests/tidy.rs`: what ARCHITECTURE.md and the style promise and a compiler does not
//! hold. Each rule is a function from sources to findings, so that it is tested on small made-up sources.

pub mod code;
pub mod floors;
pub mod shape;
pub mod tree;

use std::fmt;

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, as a path from the top of the repository.
    pub file: String,
    /// The line, counted from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl Finding {
    /// A finding in `file` at `line`: `what` is wrong, `remedy` says what to do.
    pub fn new(file: &str, line: usize, what: &str, remedy: &str) -> Self {
        Self { file: file.to_owned(), line, message: format!("{what}: {remedy}") }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// A Rust file, read once for all rules.
#[derive(Debug)]
pub struct Source {
    /// Its path from the top of the repository, with `/`.
    pub path: String,
    /// Its text as it is.
    pub text: String,
    /// The same text, byte for byte as long, with comments and the insides of literals blanked.
    pub code: String,
    /// `code` with the test modules and test functions blanked as well; all of it in a file of tests.
    pub shipped: String,
}

impl Source {
    /// Prepares the file at `path` (from the top of the repository) with this text.
    pub fn new(path: &str, text: &str) -> Self {
        let code = code::blank(text);
        let shipped =
            if is_test_file(path) { code::blanked_whole(&code) } else { code::without_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, shipped }
    }
}

/// Whether a file holds tests and nothing that ships.
pub fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_tests = path
        .split_once("/src/")
        .is_some_and(|(_, inner)| inner.starts_with("tests/") || inner.contains("/tests/"));
    in_tests
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
        || path.starts_with("tests/tests/")
        || path.starts_with("tests/fuzz/")
        || path.contains("/benches/")
        || (!path.starts_with("tests/") && path.contains("/tests/") && !path.contains("/src/"))
}

/// The line, counted from 1, of the byte at `offset`.
pub fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
}

//! Rules on a single file: lengths, `unwrap`, `unsafe`, exceptions without a reason.

use super::code::{Token, item_end, tokens};
use super::{Finding, Source, is_test_file, line_at};

/// The longest a function may be, from its `fn` line to its closing brace.
pub const FUNCTION_LINES: usize = 70;
/// The longest a file may be, its tests aside.
pub const FILE_LINES: usize = 600;
/// The one module of the core that may hold `unsafe`.
pub const UNSAFE_MODULE: &str = "core/src/block.rs";

/// A function: its name, the offset of its `fn` and the offset behind its end.
struct Function<'a> {
    name: &'a str,
    start: usize,
    end: usize,
}

fn functions(code: &str) -> Vec<Function<'_>> {
    let all = tokens(code);
    let mut out = Vec::new();
    for pair in all.windows(2) {
        let [keyword, name] = pair else { continue };
        let named = name.text.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if keyword.text == "fn" && named {
            out.push(Function { name: name.text, start: keyword.at, end: item_end(code, name.at) });
        }
    }
    out
}

/// Functions over [`FUNCTION_LINES`] lines and files over [`FILE_LINES`]. A function that is one long table may say so
/// in an `#[expect(clippy::too_many_lines, reason = …)]`.
pub fn lengths(source: &Source) -> Vec<Finding> {
    let mut out = Vec::new();
    let excused =
        |start: usize| source.code[item_head(&source.code, start)..start].contains("clippy::too_many_lines");
    for function in functions(&source.shipped).into_iter().filter(|function| !excused(function.start)) {
        let first = line_at(&source.code, function.start);
        let lines = line_at(&source.code, function.end - 1) - first + 1;
        if lines > FUNCTION_LINES {
            let what = format!("function `{}` has {lines} lines", function.name);
            out.push(Finding::new(&source.path, first, &what, "split it by what it does (70 at most)"));
        }
    }
    let lines = shipped_lines(source);
    if lines > FILE_LINES {
        let what = format!("{lines} lines without its tests");
        out.push(Finding::new(
            &source.path,
            0,
            &what,
            "split the file into rooms of one purpose each (600 at most)",
        ));
    }
    out
}

/// The file's lines, less those that only its tests have.
fn shipped_lines(source: &Source) -> usize {
    if is_test_file(&source.path) {
        return 0;
    }
    let test_only = |(code, shipped): (&str, &str)| !code.trim().is_empty() && shipped.trim().is_empty();
    let lines = source.code.lines().zip(source.shipped.lines());
    source.text.lines().count() - lines.filter(|&pair| test_only(pair)).count()
}

/// `.unwrap()` and `.expect(` outside tests that no attribute with a reason covers.
pub fn unwraps(source: &Source) -> Vec<Finding> {
    let spans = functions(&source.shipped);
    let mut out = Vec::new();
    for (call, lint) in [(".unwrap()", "clippy::unwrap_used"), (".expect(", "clippy::expect_used")] {
        for (at, _) in source.shipped.match_indices(call) {
            if !covered(source, &spans, at, lint) {
                let what = format!("`{call}` without a stated reason");
                let remedy = format!(
                    "return the error, or say why it cannot fail in #[expect({lint}, reason = \"…\")]"
                );
                out.push(Finding::new(&source.path, line_at(&source.code, at), &what, &remedy));
            }
        }
    }
    out
}

/// Whether `lint` is named by an attribute of the file, or on or within the function around `at` and before it.
fn covered(source: &Source, spans: &[Function<'_>], at: usize, lint: &str) -> bool {
    let whole_file =
        source.code.match_indices("#![").any(|(start, _)| attribute(&source.code, start).contains(lint));
    let start = spans.iter().filter(|f| f.start < at && at < f.end).map(|f| f.start).max().unwrap_or(at);
    whole_file || source.code[item_head(&source.code, start)..at].contains(lint)
}

/// Where the attributes and doc comments above the item at `start` begin.
fn item_head(code: &str, start: usize) -> usize {
    code[..start].rfind(['}', ';']).map_or(0, |end| end + 1)
}

fn attribute(code: &str, start: usize) -> &str {
    let end = code[start..].find(']').map_or(code.len(), |len| start + len + 1);
    &code[start..end]
}

/// `unsafe` outside the modules in `doors`.
pub fn unsafe_code(source: &Source, doors: &[&str]) -> Vec<Finding> {
    if doors.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let is_unsafe = |token: &Token<'_>| token.text == "unsafe";
    let remedy = format!("write it without, or put the need behind a safe function of {UNSAFE_MODULE}");
    let found = tokens(&source.code).into_iter().filter(is_unsafe);
    found
        .map(|t| {
            Finding::new(&source.path, line_at(&source.code, t.at), "`unsafe` outside its module", &remedy)
        })
        .collect()
}

/// `#[allow]` and `#[expect]` without a reason.
pub fn reasons(source: &Source) -> Vec<Finding> {
    let mut out = Vec::new();
    for opening in ["#[allow(", "#[expect(", "#![allow(", "#![expect("] {
        for (at, _) in source.code.match_indices(opening) {
            let reason = attribute(&source.code, at)
                .split("reason")
                .nth(1)
                .is_some_and(|rest| rest.trim_start().starts_with('='));
            if !reason {
                let line = line_at(&source.code, at);
                out.push(Finding::new(
                    &source.path,
                    line,
                    "a lint is silenced without a reason",
                    "add reason = \"…\", or mend the code",
                ));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("core/src/words/x.rs", text)
    }

    #[test]
    fn long_functions_and_files() {
        let long = format!("fn short() {{}}\nfn long() {{\n{}}}\n", "    f();\n".repeat(69));
        let found = lengths(&source(&long));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].to_string().starts_with("core/src/words/x.rs:2: function `long` has 71 lines"),
            "{}",
            found[0]
        );
        assert!(lengths(&source(&long.replacen("    f();\n", "", 1))).is_empty());
        assert_eq!(lengths(&source(&"// x\n".repeat(601))).len(), 1);
        let tested = format!(
            "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
            "// x\n".repeat(590),
            "    fn f() {}\n".repeat(50)
        );
        assert!(lengths(&source(&tested)).is_empty());
    }

    #[test]
    fn unwraps_need_a_reason() {
        assert_eq!(unwraps(&source("fn f() { a.unwrap(); b.expect(\"x\"); }")).len(), 2);
        assert!(unwraps(&source("#[test]\nfn f() { a.unwrap(); }")).is_empty());
        assert!(
            unwraps(&source("#[expect(clippy::unwrap_used, reason = \"x\")]\nfn f() { a.unwrap(); }"))
                .is_empty()
        );
        assert!(unwraps(&source("fn f() { \"a.unwrap()\"; c.unwrap_or(1); }")).is_empty());
        let other =
            "#[expect(clippy::unwrap_used, reason = \"x\")]\nfn f() { a.unwrap(); }\nfn g() { b.unwrap(); }";
        assert_eq!(unwraps(&source(other)).len(), 1);
    }

    #[test]
    fn unsafe_stays_behind_its_door() {
        assert_eq!(unsafe_code(&source("fn f() { unsafe { g() } }"), &[UNSAFE_MODULE]).len(), 1);
        assert!(unsafe_code(&source("// unsafe\n#![deny(unsafe_code)]"), &[UNSAFE_MODULE]).is_empty());
        assert!(unsafe_code(&Source::new(UNSAFE_MODULE, "unsafe fn f() {}"), &[UNSAFE_MODULE]).is_empty());
    }

    #[test]
    fn exceptions_state_their_reason() {
        assert_eq!(reasons(&source("#[allow(dead_code)]\nfn f() {}")).len(), 1);
        assert!(reasons(&source("#[expect(dead_code, reason = \"later\")]\nfn f() {}")).is_empty());
    }
}

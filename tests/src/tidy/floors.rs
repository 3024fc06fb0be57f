//! The order of imports. ARCHITECTURE.md lists the floors of the core in a block marked `floors`, one a line: a number
//! and the rooms on it. A file imports from its own floor and the ones listed above it; rooms with `|` between them
//! do not import one another.

use super::code::{Token, tokens};
use super::{Finding, Source, line_at};

/// The one file that sees both eviction and paging.
const PRESSURE: [&str; 2] = ["engine", "pressure"];

/// One room: a module path, `*` standing for any one name.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    path: Vec<String>,
    floor: usize,
    walled: bool,
}

/// The floors of the core, from the bottom up.
#[derive(Debug)]
pub struct Floors {
    rooms: Vec<Room>,
}

/// Reads the block marked `floors` of ARCHITECTURE.md; the error says what is wrong with it.
pub fn parse(document: &str) -> Result<Floors, String> {
    let block = document.split("```floors\n").nth(1).and_then(|rest| rest.split("```").next());
    let block = block.ok_or("ARCHITECTURE.md has no block marked ```floors")?;
    let mut rooms = Vec::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let (number, names) =
            line.trim().split_once(' ').ok_or_else(|| format!("floor without rooms: {line}"))?;
        let floor = number.parse().map_err(|_| format!("a floor begins with its number: {line}"))?;
        let walled = names.contains('|');
        for name in names.split_whitespace().filter(|&name| name != "|") {
            rooms.push(Room { path: name.split('/').map(str::to_owned).collect(), floor, walled });
        }
    }
    Ok(Floors { rooms })
}

impl Floors {
    /// The room that a module path lies in: the longest one that fits.
    fn room(&self, path: &[String]) -> Option<&Room> {
        let fits = |room: &&Room| {
            room.path.len() <= path.len()
                && room.path.iter().zip(path).all(|(want, have)| want == "*" || want == have)
        };
        self.rooms.iter().filter(fits).max_by_key(|room| room.path.len())
    }

    /// Whether `name` is the first name of a room.
    fn is_module(&self, name: &str) -> bool {
        self.rooms.iter().any(|room| room.path.first().is_some_and(|first| first == name))
    }

    /// Imports of a file of the core that go up, through a wall, or nowhere.
    pub fn check_core(&self, source: &Source) -> Vec<Finding> {
        let Some(own_path) = module_path(&source.path) else { return Vec::new() };
        if own_path.is_empty() {
            return Vec::new();
        }
        let Some(own) = self.room(&own_path) else {
            let remedy = "add its room to the floors in ARCHITECTURE.md, or move the file";
            return vec![Finding::new(&source.path, 0, "the file lies in no room of the floors", remedy)];
        };
        let imports = imports(&source.shipped, &own_path);
        let mut out: Vec<Finding> =
            imports.iter().filter_map(|import| self.breach(source, own, import)).collect();
        out.extend(sees_both(source, &own_path, &imports));
        out
    }

    fn breach(&self, source: &Source, own: &Room, import: &Import) -> Option<Finding> {
        let line = line_at(&source.shipped, import.at);
        let name = import.path.join("::");
        let Some(target) = self.room(&import.path) else {
            let what = format!("`crate::{name}` is in no room of the floors");
            return Some(Finding::new(
                &source.path,
                line,
                &what,
                "import it from the module that defines it",
            ));
        };
        let (from, to) = (own.path.join("/"), target.path.join("/"));
        if target.floor > own.floor {
            let what =
                format!("`{from}` (floor {}) imports `crate::{name}` (floor {})", own.floor, target.floor);
            return Some(Finding::new(
                &source.path,
                line,
                &what,
                "pass it in as an argument, or move what is shared to a lower floor",
            ));
        }
        if own.walled && target.walled && own.path != target.path {
            let what =
                format!("`{from}` imports `crate::{name}`: there is a wall between `{from}` and `{to}`");
            return Some(Finding::new(
                &source.path,
                line,
                &what,
                "let the engine carry the value between them",
            ));
        }
        let is_command = own.path.iter().any(|part| part == "commands");
        if is_command && target.walled {
            let what = format!("`{from}` imports `crate::{name}`: commands do not know `{to}`");
            return Some(Finding::new(
                &source.path,
                line,
                &what,
                "leave a request in the context for the engine",
            ));
        }
        None
    }

    /// Names that a host takes from inside the core's rooms and not from its root.
    pub fn check_host(&self, source: &Source) -> Vec<Finding> {
        let all = tokens(&source.shipped);
        let mut out = Vec::new();
        for (i, token) in all.iter().enumerate() {
            if token.text != "nuthatch_core" || all.get(i + 1).is_none_or(|next| next.text != "::") {
                continue;
            }
            let mut paths = Vec::new();
            tree(&all, i + 2, &mut Vec::new(), &mut paths);
            for (path, at) in paths {
                if path.first().is_some_and(|first| self.is_module(first)) {
                    let what = format!("a host reaches into the core: `nuthatch_core::{}`", path.join("::"));
                    let remedy =
                        "take it from the crate root (re-export it in core/src/lib.rs if hosts need it)";
                    out.push(Finding::new(&source.path, line_at(&source.shipped, at), &what, remedy));
                }
            }
        }
        out
    }
}

/// Something taken from this crate: its module path and where it is named.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    path: Vec<String>,
    at: usize,
}

/// `core/src/types/hash/mod.rs` → `types`, `hash`; `lib.rs` is the empty path.
fn module_path(file: &str) -> Option<Vec<String>> {
    let inner = file.strip_prefix("core/src/")?.strip_suffix(".rs")?;
    let parts = inner.split('/').filter(|part| !matches!(*part, "mod" | "lib"));
    Some(parts.map(str::to_owned).collect())
}

/// What the code names by `crate::…` or `super::…`.
fn imports(code: &str, own_path: &[String]) -> Vec<Import> {
    let all = tokens(code);
    let mut out = Vec::new();
    let mut i = 0;
    while i < all.len() {
        let start = match all[i].text {
            "crate" | "super" if all.get(i + 1).is_some_and(|next| next.text == "::") => i,
            _ => {
                i += 1;
                continue;
            }
        };
        let mut prefix = if all[start].text == "super" { own_path.to_vec() } else { Vec::new() };
        let mut at = start;
        while all[at].text == "super" && all.get(at + 1).is_some_and(|next| next.text == "::") {
            prefix.pop();
            at += 2;
        }
        let is_macro = all.get(at + 3).is_some_and(|token| token.text == "!");
        let mut paths = Vec::new();
        let from = if all[start].text == "crate" { start + 2 } else { at };
        i = tree(&all, from, &mut prefix, &mut paths).max(start + 1);
        if !is_macro {
            out.extend(
                paths.into_iter().filter(|(path, _)| !path.is_empty()).map(|(path, at)| Import { path, at }),
            );
        }
    }
    out
}

/// Reads a path or a tree of `use` from token `i` on; returns the token behind it.
fn tree(
    all: &[Token<'_>],
    mut i: usize,
    prefix: &mut Vec<String>,
    out: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let depth = prefix.len();
    let at = all.get(i).map_or(0, |token| token.at);
    loop {
        match all.get(i).map(|token| token.text) {
            Some("{") => {
                i = group(all, i + 1, prefix, out);
                break;
            }
            Some(name) if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                prefix.push(name.to_owned());
                i += 1;
                if all.get(i).is_some_and(|next| next.text == "::") {
                    i += 1;
                    continue;
                }
                out.push((prefix.clone(), at));
                break;
            }
            _ => {
                out.push((prefix.clone(), at));
                i += 1;
                break;
            }
        }
    }
    prefix.truncate(depth);
    i
}

fn group(
    all: &[Token<'_>],
    mut i: usize,
    prefix: &mut Vec<String>,
    out: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    while let Some(token) = all.get(i) {
        match token.text {
            "}" => return i + 1,
            "," => i += 1,
            "as" => i += 2,
            _ => i = tree(all, i, prefix, out),
        }
    }
    i
}

/// Only `engine/pressure` weighs paging out against eviction.
fn sees_both(source: &Source, own_path: &[String], imports: &[Import]) -> Option<Finding> {
    let sees =
        |room: &str| imports.iter().find(|import| import.path.first().is_some_and(|first| first == room));
    let (evict, page) = (sees("evict")?, sees("page")?);
    if own_path.iter().take(2).eq(PRESSURE.iter()) {
        return None;
    }
    let line = line_at(&source.shipped, evict.at.max(page.at));
    Some(Finding::new(
        &source.path,
        line,
        "the file sees both `evict` and `page`",
        "decide between the two in engine/pressure",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# x\n```floors\n0 block words\n1 resp types\n3 evict | page | rdb\n4 db\n5 types/*/commands commands table\n6 engine\n```\n";

    fn check(path: &str, text: &str) -> Vec<String> {
        let floors = parse(DOCUMENT).expect("the floors");
        floors.check_core(&Source::new(path, text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn imports_go_down() {
        assert!(
            check("core/src/types/hash/mod.rs", "use crate::words::glob::glob_match;\nuse super::Limits;\n")
                .is_empty()
        );
        assert!(
            check(
                "core/src/types/hash/commands.rs",
                "use crate::{db::Db, words::{error::*, glob as g}};\nuse super::FieldTable;"
            )
            .is_empty()
        );
        let up = check("core/src/types/hash/mod.rs", "\nuse crate::db::Db;\n");
        assert!(
            up[0].starts_with(
                "core/src/types/hash/mod.rs:2: `types` (floor 1) imports `crate::db::Db` (floor 4)"
            ),
            "{up:?}"
        );
        assert_eq!(check("core/src/db.rs", "fn f() { crate::types::set::commands::sadd() }").len(), 1);
        assert_eq!(check("core/src/words/mod.rs", "use super::engine::Engine;").len(), 1);
    }

    #[test]
    fn walls_hold() {
        assert_eq!(check("core/src/evict/mod.rs", "use crate::{page::Pager, words};").len(), 1);
        assert_eq!(check("core/src/commands/keys.rs", "use crate::rdb::encode;").len(), 1);
        assert!(check("core/src/engine/pressure.rs", "use crate::{evict, page};").is_empty());
        assert_eq!(check("core/src/engine/mod.rs", "use crate::{evict, page};").len(), 1);
    }

    #[test]
    fn tests_strings_and_comments_are_left_alone() {
        let text = "// crate::engine\nconst A: &str = \"crate::engine\";\n#[cfg(test)]\nmod tests { use crate::engine::Engine; }\n";
        assert!(check("core/src/words/mod.rs", text).is_empty());
        assert!(check("core/src/words/glob/tests.rs", "use crate::engine::Engine;").is_empty());
    }

    #[test]
    fn rooms_are_known() {
        assert!(check("core/src/attic/mod.rs", "")[0].contains("in no room"));
        assert!(check("core/src/db.rs", "use crate::attic::Thing;")[0].contains("in no room"));
    }

    #[test]
    fn hosts_use_the_root() {
        let floors = parse(DOCUMENT).expect("the floors");
        let host = |text| floors.check_host(&Source::new("host-std/src/main.rs", text)).len();
        assert_eq!(host("use nuthatch_core::{Engine, Config};\nuse nuthatch_core as core;"), 0);
        assert_eq!(host("use nuthatch_core::{Engine, words::glob};"), 1);
        assert_eq!(host("fn f() { nuthatch_core::engine::run() }"), 1);
    }
}

//! The command line and the configuration file: `nuthatch [file | -] [--name value …]`.

use crate::check::Check;
use crate::memory;
use nuthatch_core::{ALL_COMMANDS, Config, glob_match, quote_word, split_words};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// Run the server with this configuration, which came from that file.
    Serve(Box<Config>, Option<PathBuf>),
    /// Replace what the diskstore of this configuration holds by the dataset in its `dbfilename`, and end.
    Import(Box<Config>),
    /// Check a file and end.
    Check(Check),
    /// Print this text and end well.
    Print(String),
}

/// How deep configuration files may include one another.
const MOST_INCLUDES: usize = 16;

/// Where values live by default, beneath the directory in which the server is started.
pub const DEFAULT_DIR: &str = "./nuthatch-data";

/// What `--help` prints.
pub const HELP: &str = "\
Usage: nuthatch [/path/to/nuthatch.conf] [options] [-]

  nuthatch                             serve on 127.0.0.1:6379, data in ./nuthatch-data
  nuthatch /etc/nuthatch.conf          read a configuration file in redis.conf's syntax
  nuthatch --port 7000 --maxmemory 1gb give any directive of the file as an option
  nuthatch nuthatch.conf --port 7000   options override the file
  nuthatch -                           read the configuration from standard input
  nuthatch check-aof [--fix] <file>    check a journal, its manifest or one file; cut off what is damaged
  nuthatch check-rdb <file>            check a snapshot
  nuthatch import <file> [options]     replace what a diskstore holds by a snapshot's dataset
  nuthatch -v, --version               print the version
  nuthatch -h, --help                  print this text
";

/// The version line.
pub fn version() -> String {
    format!(
        "Nuthatch server v={} (compatible with Redis 7.0.15) bits={}\n",
        env!("CARGO_PKG_VERSION"),
        usize::BITS
    )
}

/// Reads the command line's words (those after the program's name).
///
/// # Errors
/// The text to print on standard error.
pub fn read(words: &[OsString]) -> Result<Request, String> {
    // What is no text is none of these words; paths and values are taken as they come.
    let names: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match names.as_slice() {
        ["-h" | "--help"] => return Ok(Request::Print(HELP.to_owned())),
        ["-v" | "--version"] => return Ok(Request::Print(version())),
        ["check-aof", "--fix", _] => {
            return Ok(Request::Check(Check::Aof { path: PathBuf::from(&words[2]), fix: true }));
        }
        ["check-aof", _] => {
            return Ok(Request::Check(Check::Aof { path: PathBuf::from(&words[1]), fix: false }));
        }
        ["check-rdb", _] => return Ok(Request::Check(Check::Rdb { path: PathBuf::from(&words[1]) })),
        ["check-aof" | "check-rdb" | "import"] | ["check-aof" | "check-rdb", ..] => {
            return Err(HELP.to_owned());
        }
        _ => {}
    }
    if let Some((file, words)) =
        words.split_first().filter(|(first, _)| *first == "import").and_then(|(_, rest)| rest.split_first())
    {
        return read_import(Path::new(file), words);
    }
    let (config, path) = read_config(words)?;
    Ok(Request::Serve(Box::new(config), path))
}

/// `import FILE` and the words of a server's command line.
fn read_import(file: &Path, words: &[OsString]) -> Result<Request, String> {
    let (mut config, _) = read_config(words)?;
    // Whoever imports means to have one: what is needed beside the file is where it lies, and that has a default.
    config.diskstore_enabled = true;
    choose_persistence(&mut config)?;
    let path = std::fs::canonicalize(file)
        .map_err(|error| format!("Can't open {}: {}\n", file.display(), reason(&error)))?;
    config.dbfilename = path.as_os_str().as_encoded_bytes().to_vec();
    Ok(Request::Import(Box::new(config)))
}

/// What holds where nothing is said. The limit of memory is asked for once: CONFIG REWRITE knows by it that nobody chose one.
pub fn defaults() -> Config {
    static USABLE: OnceLock<u64> = OnceLock::new();
    let usable = *USABLE.get_or_init(memory::limit::usable);
    let mut config = Config::default();
    config.dir = DEFAULT_DIR.as_bytes().to_vec();
    config.vm_enabled = true;
    config.vm_max_memory = i64::try_from(usable / 10 * 7).unwrap_or(i64::MAX);
    config
}

/// The configuration, and the file that CONFIG REWRITE writes.
fn read_config(words: &[OsString]) -> Result<(Config, Option<PathBuf>), String> {
    let mut config = defaults();
    let (file, rest) = match words.split_first() {
        Some((first, rest)) if first == "-" || !first.as_bytes().starts_with(b"-") => (Some(first), rest),
        _ => (None, words),
    };
    if let Some(file) = file {
        read_file(&mut config, Path::new(file), 0)?;
    }
    if rest.iter().any(|word| word == "-") && file.is_none_or(|file| file != "-") {
        read_file(&mut config, Path::new("-"), 0)?;
    }
    read_flags(&mut config, rest)?;
    choose_persistence(&mut config)?;
    let path = file.filter(|file| *file != "-").map(PathBuf::from);
    let path = path.map(|path| std::fs::canonicalize(&path).unwrap_or(path));
    Ok((config, path))
}

/// What `maxmemory` would evict under diskstore is the dataset, in the store too.
pub const NO_MAXMEMORY: &str = "under diskstore-enabled memory is a cache, which cache-max-memory bounds, and maxmemory would delete keys";

/// Under diskstore the store is where data lies: virtual memory by default gives way, and what else keeps data is refused.
fn choose_persistence(config: &mut Config) -> Result<(), String> {
    if !config.diskstore_enabled {
        return Ok(());
    }
    let other = match (config.vm_given && config.vm_enabled, config.appendonly) {
        (true, _) => "vm-enabled",
        (_, true) => "appendonly",
        _ if config.maxmemory > 0 => return Err(format!("{NO_MAXMEMORY}; set maxmemory to 0\n")),
        _ => {
            config.vm_enabled = false;
            return Ok(());
        }
    };
    Err(format!(
        "diskstore-enabled and {other} cannot both be yes: the diskstore keeps every key already; set one of them to no\n"
    ))
}

fn failure(place: &str, line: &str, reason: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "\n*** FATAL CONFIG FILE ERROR (Nuthatch {version}) ***\nReading {place}\n>>> '{line}'\n{reason}\n"
    )
}

fn read_file(config: &mut Config, path: &Path, depth: usize) -> Result<(), String> {
    let mut text = Vec::new();
    let outcome = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut text).map(drop)
    } else {
        std::fs::read(path).map(|bytes| text = bytes)
    };
    outcome.map_err(|error| {
        format!("Fatal error, can't open config file '{}': {}\n", path.display(), reason(&error))
    })?;
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let outcome = match included(line) {
            Some(_) if depth >= MOST_INCLUDES => {
                Err("configuration files include one another in a circle".to_owned())
            }
            Some(paths) => {
                paths.iter().try_for_each(|path| read_file(config, path, depth + 1))?;
                Ok(())
            }
            None => take_line(config, line),
        };
        outcome.map_err(|reason| {
            let place = format!("the configuration file, at line {}", number + 1);
            failure(&place, &String::from_utf8_lossy(line.trim_ascii()), &reason)
        })?;
    }
    Ok(())
}

/// An error without the operating system's number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// The files that an `include` line names; the last component may be a pattern.
fn included(line: &[u8]) -> Option<Vec<PathBuf>> {
    let words = split_words(line.trim_ascii())?;
    match words.as_slice() {
        [name, path] if name.eq_ignore_ascii_case(b"include") => {
            let is_pattern = path.iter().any(|byte| b"*?[".contains(byte));
            let path = PathBuf::from(OsStr::from_bytes(path));
            Some(if is_pattern { matching(&path) } else { vec![path] })
        }
        _ => None,
    }
}

fn matching(pattern: &Path) -> Vec<PathBuf> {
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = pattern.file_name().unwrap_or_default().as_bytes();
    let fits = |path: &PathBuf| glob_match(name, path.file_name().unwrap_or_default().as_bytes(), false);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(fits).collect();
    paths.sort();
    paths
}

/// `--name value …`, as Redis reads it: the word behind a name is its value, even where that begins with `--`; name and value
/// may come as one word; `--save` without a value saves nothing.
fn read_flags(config: &mut Config, words: &[OsString]) -> Result<(), String> {
    let words: Vec<&[u8]> = words.iter().filter(|word| *word != "-").map(|word| word.as_bytes()).collect();
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut wants_value = false;
    for (at, word) in words.iter().enumerate() {
        let option = word.strip_prefix(b"--").filter(|_| !wants_value);
        wants_value = false;
        let Some(option) = option else {
            let mut line = lines.pop().unwrap_or_default();
            if !line.is_empty() {
                line.push(b' ');
            }
            quote_word(&mut line, word);
            lines.push(line);
            continue;
        };
        let is_last = words.get(at + 1).is_none_or(|next| next.starts_with(b"--"));
        let nothing: &[u8] = if is_last && option.eq_ignore_ascii_case(b"save") { b" \"\"" } else { b"" };
        wants_value = nothing.is_empty() && split_words(option).is_some_and(|words| words.len() == 1);
        lines.push([option.trim_ascii_end(), nothing].concat());
    }
    lines.iter().try_for_each(|line| {
        let help = if line.starts_with(b"\"") { "; an option begins with --, see --help" } else { "" };
        let told =
            |reason| failure("the command line", &String::from_utf8_lossy(line), &format!("{reason}{help}"));
        take_line(config, line).map_err(told)
    })
}

/// Commands of Redis that are not here: what a file wants their names to be is no error.
const NOT_HERE: [&str; 50] = [
    "acl",
    "asking",
    "cluster",
    "eval",
    "eval_ro",
    "evalsha",
    "evalsha_ro",
    "failover",
    "fcall",
    "fcall_ro",
    "function",
    "geoadd",
    "geodist",
    "geohash",
    "geopos",
    "georadius",
    "georadius_ro",
    "georadiusbymember",
    "georadiusbymember_ro",
    "geosearch",
    "geosearchstore",
    "migrate",
    "module",
    "pfadd",
    "pfcount",
    "pfdebug",
    "pfmerge",
    "pfselftest",
    "psync",
    "readonly",
    "readwrite",
    "replconf",
    "restore-asking",
    "script",
    "sync",
    "xack",
    "xadd",
    "xautoclaim",
    "xclaim",
    "xdel",
    "xgroup",
    "xinfo",
    "xlen",
    "xpending",
    "xrange",
    "xread",
    "xreadgroup",
    "xrevrange",
    "xsetid",
    "xtrim",
];

/// Takes one directive.
fn take_line(config: &mut Config, line: &[u8]) -> Result<(), String> {
    let renamed = config.rename_command.len();
    config.parse_line(line).map_err(std::borrow::Cow::into_owned)?;
    let (before, last) = config.rename_command.split_at(renamed);
    last.first().map_or(Ok(()), |(old, new)| check_rename(before, old, new))
}

/// A command that gets another name has to be there, and the name must not be another's: else the command that was to be
/// hidden would still answer.
fn check_rename(before: &[(Vec<u8>, Vec<u8>)], old: &[u8], new: &[u8]) -> Result<(), String> {
    let is_known = |name: &[u8]| {
        let ours = ALL_COMMANDS.iter().flat_map(|list| list.iter());
        ours.map(|command| command.name).chain(NOT_HERE).any(|known| known.as_bytes() == name)
    };
    let is_free = |name: &[u8]| before.iter().any(|(old, _)| old == name) || !is_known(name);
    let is_taken = before.iter().any(|(_, given)| given == new);
    if !is_known(old) {
        return Err("No such command in rename-command".to_owned());
    }
    if new.is_empty() || new == old || is_free(new) && !is_taken {
        return Ok(());
    }
    Err("Target command name already exists".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{OsString, Request, read};
    use crate::check::Check;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    fn words(words: &[&[u8]]) -> Vec<OsString> {
        words.iter().map(|word| OsString::from_vec(word.to_vec())).collect()
    }

    /// What is no UTF-8 became U+FFFD, without a word: another password, another file.
    #[test]
    fn words_are_bytes() {
        let read_words = words(&[b"--requirepass", b"a\xffb", b"--dir", b"/\xfe"]);
        let Ok(Request::Serve(config, None)) = read(&read_words) else { panic!("{read_words:?}") };
        assert_eq!((&config.requirepass[..], &config.dir[..]), (&b"a\xffb"[..], &b"/\xfe"[..]));
        let Ok(Request::Check(Check::Rdb { path })) = read(&words(&[b"check-rdb", b"\xff.rdb"])) else {
            panic!("check-rdb");
        };
        assert_eq!(path.as_os_str().as_bytes(), b"\xff.rdb");
    }

    #[test]
    fn a_file_whose_name_is_no_text_is_read_and_included() {
        let folder = std::env::temp_dir().join(format!("nuthatch-options-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = |name: &[u8]| [folder.as_os_str().as_bytes(), b"/", name].concat();
        let write = |name: &[u8], text: &[u8]| std::fs::write(OsString::from_vec(path(name)), text).unwrap();
        write(b"\xff.conf", &[b"include ", &path(b"\xfd*.inc")[..], b"\n"].concat());
        write(b"\xfd1.inc", b"port 7000\n");
        let outcome = read(&words(&[&path(b"\xff.conf")]));
        std::fs::remove_dir_all(&folder).unwrap();
        let Ok(Request::Serve(config, Some(file))) = outcome else { panic!("{outcome:?}") };
        assert_eq!((config.port, file.as_os_str().as_bytes()), (7000, &path(b"\xff.conf")[..]));
    }
}

//! `cargo xtask peer-suite`: Redis's own tests over our server. They come with Debian's source package of the reference and drive
//! whatever lies at `src/redis-server`; which of them are run, and which not and why, stands in `tests/data/peer_suite.txt`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::command::{Count, Failure, cargo, ensure, output, program, run as execute, succeeds};
use crate::report::Report;
use crate::setup::apt_install;

/// The suite's own ports begin here.
const FIRST_PORT: &str = "28111";
/// The programs that the suite calls beside the server.
const PROGRAMS: [&str; 4] = ["redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"];
/// Sets are listpacks as from 7.2 on; these tests are 7.0's, which has none.
const LIKE_7_0: &str = "\nset-max-listpack-entries 0\n";

/// Runs the task: all units, or the named ones.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let mut report = Report::new(arguments.to_vec());
    let mut end = Ok(());
    let list = fs::read_to_string(top.join("tests/data/peer_suite.txt")).unwrap_or_default();
    match set_up(top, &list) {
        Err(failure) => end = Err(failure),
        Ok(suite) => {
            for unit in list.lines().filter_map(|line| line.strip_prefix("unit ")) {
                let done = report.step(unit, || run_unit(&suite, unit));
                end = end.and(done);
            }
        }
    }
    report.finish(&end)
}

/// The suite's folder, with our server in it.
fn set_up(top: &Path, list: &str) -> Result<PathBuf, Failure> {
    let folder = top.join("target/peer-suite");
    let suite = fetch(&folder)?;
    execute(cargo(top, None).args(["build", "--quiet", "--profile", "checked", "-p", "nuthatch"]))?;
    let told = |error: std::io::Error| Failure::new(format!("{}: {error}", suite.display()));
    fs::create_dir_all(suite.join("tests/tmp")).map_err(told)?;
    fs::copy(top.join("target/checked/nuthatch"), suite.join("src/redis-server")).map_err(told)?;
    for name in PROGRAMS {
        let there = output(&mut program("which", [name])).unwrap_or_default();
        let place = suite.join("src").join(name);
        if !place.exists() {
            symlink(there.trim(), place).map_err(told)?;
        }
    }
    let config = suite.join("tests/assets/default.conf");
    let text = fs::read_to_string(&config).map_err(told)?;
    if !text.ends_with(LIKE_7_0) {
        fs::write(&config, text + LIKE_7_0).map_err(told)?;
    }
    let without = list.lines().filter_map(|line| line.strip_prefix("without ")?.split_once(": "));
    let names: Vec<&str> = without.map(|(_, name)| name).collect();
    fs::write(suite.join("without.txt"), names.join("\n") + "\n").map_err(told)?;
    Ok(suite)
}

/// Debian's source package of the reference, unpacked.
fn fetch(folder: &Path) -> Result<PathBuf, Failure> {
    if !ensure(|| succeeds(&mut program("which", ["tclsh"])), || apt_install(&["tcl"])) {
        return Err(Failure::new("the suite is written in Tcl: apt-get install tcl".to_owned()));
    }
    if let Some(suite) = unpacked(folder) {
        return Ok(suite);
    }
    let told = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
    let (parts, lists) = (folder.join("apt"), folder.join("lists"));
    fs::create_dir_all(&parts).map_err(told)?;
    fs::create_dir_all(lists.join("partial")).map_err(told)?;
    // The machine's own sources of packages, asked for sources.
    for entry in fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten() {
        if let Ok(text) = fs::read_to_string(entry.path()) {
            let _ =
                fs::write(parts.join(entry.file_name()), text.replace("Types: deb\n", "Types: deb-src\n"));
        }
    }
    if let Ok(text) = fs::read_to_string("/etc/apt/sources.list") {
        let _ = fs::write(parts.join("main.list"), text.replace("deb ", "deb-src "));
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.current_dir(folder).args(["-o", "Dir::Etc::sourcelist=/dev/null"]);
        apt.arg("-o").arg(format!("Dir::Etc::sourceparts={}", parts.display()));
        apt.arg("-o").arg(format!("Dir::State::lists={}", lists.display()));
        apt
    };
    // Another source that does not answer is no matter.
    let _ = execute(apt().arg("update"));
    execute(apt().args(["source", "--download-only", "redis"]))?;
    let packed = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for file in packed.filter(|path| path.to_string_lossy().ends_with(".orig.tar.gz")) {
        execute(Command::new("tar").current_dir(folder).arg("xzf").arg(file))?;
    }
    unpacked(folder).ok_or_else(|| Failure::new("no Redis in Debian's source package".to_owned()))
}

fn unpacked(folder: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.find(|path| path.join("tests/test_helper.tcl").exists())
}

/// One unit. A test that fails is told with its reason; those that pass are counted.
fn run_unit(suite: &Path, unit: &str) -> Result<Count, Failure> {
    let mut command = Command::new("./runtest");
    command.current_dir(suite).args(["--durable", "--clients", "1", "--no-latency", "--timeout", "120"]);
    command.args([
        "--baseport",
        FIRST_PORT,
        "--portcount",
        "400",
        "--skipfile",
        "without.txt",
        "--single",
        unit,
    ]);
    // Replication is not there, and with it whatever watches it.
    command.args(["--tags", "-needs:repl"]);
    let cannot = |error: std::io::Error| Failure::new(format!("cannot run {unit}: {error}"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let mut count = Count::default();
    let mut tells = false;
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(|out| out.split(b'\n')) {
        let line = without_colours(&String::from_utf8_lossy(&line.map_err(cannot)?));
        let kind = line.split(']').next().filter(|word| word.starts_with('[')).unwrap_or_default();
        count.passed += u64::from(kind == "[ok");
        count.failed += u64::from(matches!(kind, "[err" | "[exception" | "[TIMEOUT"));
        // What follows a failure up to the next test tells of it.
        tells = if kind.is_empty() { tells } else { matches!(kind, "[err" | "[exception" | "[TIMEOUT") };
        if tells {
            println!("{line}");
        }
    }
    let status = child.wait().map_err(cannot)?;
    if status.success() && count.failed == 0 && count.passed > 0 {
        return Ok(count);
    }
    Err(Failure { count, ..Failure::new(format!("{unit}: {} failed", count.failed)) })
}

/// A line without the terminal's colours.
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

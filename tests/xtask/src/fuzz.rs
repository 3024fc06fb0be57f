//! `cargo xtask fuzz`: long differential runs against redis-server, seed after seed.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::command::{cargo, run as execute};
use crate::report::Report;
use crate::setup;

struct Wishes {
    minutes: u64,
    seed: u64,
    groups: Option<String>,
}

/// Runs until the time is up or a difference is found; the seed of each run is printed.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let Some(wishes) = wishes(arguments) else {
        eprintln!("usage: cargo xtask fuzz [--minutes N] [--seed N] [--groups a,b]");
        return ExitCode::from(2);
    };
    let mut report = Report::new(Vec::new());
    let tools = setup::for_servers(top, &mut report);
    let (true, Some(python)) = (tools.reference, tools.python) else { return report.finish(&Ok(())) };
    let server = ["build", "--quiet", "--profile", "checked", "-p", "nuthatch", "--bin", "nuthatch"];
    let mut end = report.step("server", || execute(cargo(top, None).args(server)));
    let until = Instant::now() + Duration::from_secs(60 * wishes.minutes);
    let mut seed = wishes.seed;
    while end.is_ok() && Instant::now() < until {
        let mut command = cargo(top, None);
        command.args([
            "test",
            "--quiet",
            "--profile",
            "checked",
            "-p",
            "nuthatch-tests",
            "--test",
            "differential",
        ]);
        command.args(["--", "--nocapture", "fresh_seed"]).env("NUTHATCH_PYTHON", &python);
        command.env("NUTHATCH_SEED", seed.to_string()).env("NUTHATCH_SEQUENCES", "4000");
        command.envs(wishes.groups.as_ref().map(|groups| ("NUTHATCH_GROUPS", groups)));
        // Of three runs one holds everything in memory, one pages in threads, and one inline.
        let paged = [None, Some(("1mb", "4")), Some(("130kb", "0"))][(seed % 3) as usize];
        if let Some((limit, threads)) = paged {
            command.env("NUTHATCH_VM_MAX_MEMORY", limit).env("NUTHATCH_VM_THREADS", threads);
        }
        let how = paged.map_or(String::new(), |(_, threads)| format!(", paging with {threads} threads"));
        end = report.step(&format!("seed {seed}{how}"), || execute(&mut command));
        seed = seed.wrapping_add(1);
    }
    report.finish(&end)
}

fn wishes(arguments: &[String]) -> Option<Wishes> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let mut out = Wishes { minutes: 30, seed: now, groups: None };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--minutes" => out.minutes = value.parse().ok()?,
            "--seed" => out.seed = value.parse().ok()?,
            "--groups" => out.groups = Some(value.clone()),
            _ => return None,
        }
    }
    Some(out)
}

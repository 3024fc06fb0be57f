//! `cargo xtask fuzz`: long differential runs against redis-server, seed after seed.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::command::{Count, cargo, program, run as execute};
use crate::report::Report;
use crate::setup;

struct Wishes {
    minutes: u64,
    seed: u64,
    groups: String,
}

/// Runs until the time is up or a difference is found; the seed of each run is printed.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let Some(wishes) = wishes(arguments) else {
        eprintln!("usage: cargo xtask fuzz [--minutes N] [--seed N] [--groups a,b]");
        return ExitCode::from(2);
    };
    let mut report = Report::new(Vec::new());
    let tools = setup::for_servers(top, &mut report);
    let Some(python) = tools.python.filter(|_| tools.reference) else { return report.finish(&Ok(())) };
    let server = ["build", "--quiet", "--profile", "checked", "-p", "nuthatch", "--bin", "nuthatch"];
    let mut end = report.step("server", || execute(cargo(top, None).args(server)));
    let until = Instant::now() + Duration::from_secs(60 * wishes.minutes);
    let mut seed = wishes.seed;
    while end.is_ok() && Instant::now() < until {
        let resp = if seed % 2 == 0 { "2" } else { "3" };
        let mut command = program(&python, [top.join("tests/oracle/run.py")]);
        command.arg("--sut").arg(top.join("target/checked/nuthatch"));
        command.args([
            "--seed",
            &seed.to_string(),
            "--resp",
            resp,
            "--seqs",
            "4000",
            "--groups",
            &wishes.groups,
        ]);
        end = report.step(&format!("seed {seed}, RESP{resp}"), || {
            execute(&mut command).map(|_| Count { passed: 1, failed: 0 })
        });
        seed = seed.wrapping_add(1);
    }
    report.finish(&end)
}

fn wishes(arguments: &[String]) -> Option<Wishes> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let mut out = Wishes { minutes: 30, seed: now, groups: "default".to_owned() };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--minutes" => out.minutes = value.parse().ok()?,
            "--seed" => out.seed = value.parse().ok()?,
            "--groups" => out.groups.clone_from(value),
            _ => return None,
        }
    }
    Some(out)
}

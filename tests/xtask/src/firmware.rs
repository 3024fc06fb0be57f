//! `cargo xtask firmware`: builds the firmware in its sizes, prints them, and starts it in QEMU.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, SystemTime};

use crate::command::{Count, Failure, cargo, run as execute};
use crate::setup::{self, THUMB};

const USAGE: &str = "usage: cargo xtask firmware [--sizes] [--port N] [--flash FILE]";
/// Bytes of the flash chip: an empty one is all ones.
const FLASH: usize = 4 << 20;
/// Where the firmware looks for the hour, and the mark before it.
const HOUR: u32 = 0xb_fff0;
const HOUR_IS_SET: u32 = 0x4e75_7468;

/// A build of the firmware.
pub struct Build {
    /// Its name, and its file's.
    pub name: &'static str,
    features: &'static str,
    what: &'static str,
    /// Bytes of text and constants that it is to keep to.
    aim: Option<u64>,
    /// Bytes beyond which the build fails: what it took when it was last measured, and a little more.
    budget: u64,
}

/// Every build.
pub const BUILDS: [Build; 5] = [
    Build {
        name: "everything",
        features: "everything,flash",
        what: "every command, 191 KiB",
        aim: None,
        budget: 433_500,
    },
    Build {
        name: "five",
        features: "five,flash,ram-128",
        what: "five types, 128 KiB",
        aim: Some(160 << 10),
        budget: 163_840,
    },
    Build {
        name: "light",
        features: "light,flash,ram-64",
        what: "strings and hashes, 64 KiB",
        aim: None,
        budget: 135_700,
    },
    Build {
        name: "memory",
        features: "light,ram-64",
        what: "the same without flash",
        aim: Some(64 << 10),
        budget: 54_500,
    },
    Build {
        name: "vm",
        features: "everything,vm",
        what: "every command, virtual memory",
        aim: None,
        budget: 405_000,
    },
];

/// Where a build's program lies.
pub fn program(top: &Path, name: &str) -> PathBuf {
    top.join("target/firmware").join(format!("{name}.elf"))
}

/// Builds all and prints their sizes.
///
/// # Errors
/// The first build that failed.
pub fn build_all(top: &Path) -> Result<Count, Failure> {
    let nightly = setup::has_nightly_with_sources();
    let mut grown = Vec::new();
    let mut lines = vec![format!("{:<12}{:<28}{:>9}{:>9}{:>9}", "firmware", "", "text", "budget", "aim")];
    for build in &BUILDS {
        execute(&mut command(top, build, nightly))?;
        let built = top.join("target/firmware").join(THUMB).join("release/nuthatch-firmware");
        let kept = program(top, build.name);
        fs::copy(&built, &kept)
            .map_err(|error| Failure::new(format!("cannot copy {}: {error}", built.display())))?;
        let size = text_size(&fs::read(&kept).unwrap_or_default());
        let aim = build.aim.map_or_else(String::new, |aim| aim.to_string());
        lines.push(format!("{:<12}{:<28}{size:>9}{:>9}{aim:>9}", build.name, build.what, build.budget));
        if nightly && size > build.budget {
            grown.push(build.name);
        }
    }
    println!("{}", lines.join("\n"));
    if grown.is_empty() {
        return Ok(Count::default());
    }
    let names = grown.join(", ");
    Err(Failure::new(format!(
        "{names}: larger than the budget in tests/xtask/src/firmware.rs: find out what was pulled in"
    )))
}

/// A nightly compiler builds the standard library for size, with panics that only stop; without one it is the ready-made.
fn command(top: &Path, build: &Build, nightly: bool) -> Command {
    let mut command = cargo(&top.join("host-embedded/firmware"), nightly.then_some("nightly"));
    command.args([
        "build",
        "--quiet",
        "--release",
        "--target",
        THUMB,
        "--no-default-features",
        "--features",
        build.features,
    ]);
    command.arg("--target-dir").arg(top.join("target/firmware"));
    if nightly {
        command.args(["-Zbuild-std=core,alloc", "-Zbuild-std-features=optimize_for_size"]);
        command.env(
            "RUSTFLAGS",
            "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none",
        );
    }
    command
}

/// Bytes of an ELF file that are loaded and never written: code and constants.
fn text_size(elf: &[u8]) -> u64 {
    let word = |at: usize| elf.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
    let half = |at: usize| elf.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
    let (table, entry, count) = (word(32) as usize, usize::from(half(46)), usize::from(half(48)));
    let sections = (0..count).map(|i| table + i * entry);
    let loaded = sections.filter(|at| word(at + 8) & 3 == 2 && word(at + 4) != 8);
    loaded.map(|at| u64::from(word(at + 20))).sum()
}

/// Runs the task.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let Some(wishes) = Wishes::parse(top, arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if let Err(failure) = build_all(top) {
        eprintln!("{}", failure.what);
        return ExitCode::from(failure.code);
    }
    if wishes.sizes {
        return ExitCode::SUCCESS;
    }
    if !setup::qemu() {
        eprintln!("QEMU is missing: apt-get install qemu-system-arm qemu-utils");
        return ExitCode::FAILURE;
    }
    start(top, &wishes)
}

struct Wishes {
    sizes: bool,
    port: u16,
    flash: PathBuf,
}

impl Wishes {
    fn parse(top: &Path, arguments: &[String]) -> Option<Self> {
        let mut wishes = Self { sizes: false, port: 7777, flash: top.join("target/firmware/flash.bin") };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--sizes" => wishes.sizes = true,
                "--port" => wishes.port = rest.next()?.parse().ok()?,
                "--flash" => wishes.flash = PathBuf::from(rest.next()?),
                _ => return None,
            }
        }
        Some(wishes)
    }
}

fn start(top: &Path, wishes: &Wishes) -> ExitCode {
    if !wishes.flash.exists()
        && let Err(error) = fs::write(&wishes.flash, vec![0xff; FLASH])
    {
        eprintln!("cannot write the flash image {}: {error}", wishes.flash.display());
        return ExitCode::FAILURE;
    }
    let port = wishes.port;
    println!("flash {}, kept from run to run", wishes.flash.display());
    println!("redis-cli -p {port}");
    println!("Ctrl-C ends the machine");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let mut qemu = Command::new("qemu-system-arm");
    qemu.args(["-M", "ast1030-evb,fmc-model=w25q32", "-display", "none", "-monitor", "none"]);
    qemu.args(["-serial", &format!("tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")]);
    qemu.arg("-drive").arg(format!("if=mtd,format=raw,file={}", wishes.flash.display()));
    qemu.args(["-device", &format!("loader,addr={HOUR:#x},data={HOUR_IS_SET:#x},data-len=4")]);
    qemu.args(["-device", &format!("loader,addr={:#x},data={},data-len=8", HOUR + 8, now.as_millis())]);
    qemu.arg("-kernel").arg(program(top, "everything")).stdin(Stdio::null());
    match qemu.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("QEMU ended with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cannot start qemu-system-arm: {error}");
            ExitCode::FAILURE
        }
    }
}

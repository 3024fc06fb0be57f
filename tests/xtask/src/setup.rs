//! What the tests need beside a Rust toolchain: finding it, installing it where that is possible, or saying in one line
//! what to install.

use std::path::{Path, PathBuf};

use crate::command::{cargo, ensure, output, program, succeeds};
use crate::debian_std;
use crate::report::Report;

/// The target of the browser host.
pub const WASM: &str = "wasm32-unknown-unknown";
/// The target of the embedded host: a Cortex-M4 with its floating-point unit.
pub const THUMB: &str = "thumbv7em-none-eabihf";
/// The version of redis-server that replies are compared with.
const REFERENCE: &str = "v=7.0.";

/// How to build for a target that is not this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The toolchain has the target's standard library.
    Plain,
    /// A sysroot built from Debian's sources: the compiler to use and the variables that lead to it.
    OwnStd(Vec<(String, String)>),
}

/// What was found or installed.
#[derive(Debug, Default)]
pub struct Tools {
    /// The route to wasm32.
    pub wasm: Option<Route>,
    /// The route to thumbv7em.
    pub thumb: Option<Route>,
    /// redis-server, redis-cli and redis-benchmark are there.
    pub reference: bool,
    /// The Python of an environment that has redis-py.
    pub python: Option<PathBuf>,
    /// Node with npm's packages, for the browser's package.
    pub node: bool,
    /// Chromium.
    pub chromium: bool,
    /// Firefox ESR.
    pub firefox: bool,
    /// WebKitGTK's small browser with its driver, and a screen for it.
    pub webkit: bool,
    /// QEMU for ARM.
    pub qemu: bool,
    /// A nightly toolchain with Miri.
    pub miri: bool,
    /// A nightly toolchain and where cargo-fuzz is.
    pub cargo_fuzz: Option<PathBuf>,
}

/// Finds or installs everything; what is not to be had is noted in the report.
pub fn all(top: &Path, report: &mut Report) -> Tools {
    components(report);
    let wasm = target(top, WASM, report, "clippy and build for the browser");
    let thumb = target(top, THUMB, report, "clippy and build for the microcontroller");
    let node = node(top, report);
    let (chromium, firefox) = (browser("chromium", report), browser("firefox-esr", report));
    let webkit = webkit(report);
    let nightly = has_nightly();
    let miri = nightly && miri();
    if !miri {
        report.lacks(
            "Miri: rustup toolchain install nightly --component miri,rust-src",
            "Miri on the module with unsafe",
        );
    }
    let cargo_fuzz = if nightly { cargo_fuzz(top) } else { None };
    if cargo_fuzz.is_none() {
        report.lacks(
            "cargo-fuzz: rustup toolchain install nightly && cargo install cargo-fuzz",
            "the fuzz targets",
        );
    }
    strace(report);
    let qemu = qemu();
    if !qemu {
        report
            .lacks("QEMU for ARM: apt-get install qemu-system-arm qemu-utils", "the firmware on its machine");
    }
    Tools {
        wasm,
        thumb,
        reference: reference(report),
        python: python(top, report),
        node,
        chromium,
        firefox,
        webkit,
        qemu,
        miri,
        cargo_fuzz,
    }
}

/// Only redis-server and the Python environment: what `bench` and `fuzz` need.
pub fn for_servers(top: &Path, report: &mut Report) -> Tools {
    Tools { reference: reference(report), python: python(top, report), ..Tools::default() }
}

/// Only the route to the browser.
pub fn wasm(top: &Path, report: &mut Report) -> Option<Route> {
    target(top, WASM, report, "the browser's engine")
}

/// What puts the browser's package together: node with npm, and the packages of host-wasm/tests.
pub fn node(top: &Path, report: &mut Report) -> bool {
    let tools = ["node", "npm"];
    let there = || tools.iter().all(|name| succeeds(&mut program(name, ["--version"])));
    let serves = "the browser's package and its tests";
    if !ensure(there, || apt_install(&["nodejs", "npm"])) {
        report.lacks("Node 20.19 with npm: apt-get install nodejs npm", serves);
        return false;
    }
    let tests = top.join("host-wasm/tests");
    // What npm installed last tells what it was asked for.
    let asked = std::fs::read(tests.join("package-lock.json")).ok();
    let done = tests.join("node_modules/.asked");
    if asked.is_some() && std::fs::read(&done).ok() == asked {
        return true;
    }
    let mut npm = program("npm", ["ci", "--no-audit", "--no-fund", "--silent"]);
    let fetched = succeeds(npm.current_dir(&tests).env("PUPPETEER_SKIP_DOWNLOAD", "1"));
    if !fetched {
        report.lacks("the packages of host-wasm/tests: npm ci there", serves);
    }
    fetched && asked.is_some_and(|asked| std::fs::write(done, asked).is_ok())
}

/// A browser of Debian's, by the name of its package and program.
fn browser(name: &str, report: &mut Report) -> bool {
    let there = || succeeds(&mut program(name, ["--version"]));
    let found = ensure(there, || apt_install(&[name]));
    if !found {
        report.lacks(&format!("{name}: apt-get install {name}"), "the browser's package in a browser");
    }
    found
}

fn webkit(report: &mut Report) -> bool {
    let there =
        || succeeds(&mut program("WebKitWebDriver", ["--help"])) && succeeds(&mut program("Xvfb", ["-help"]));
    let found = ensure(there, || apt_install(&["webkit2gtk-driver", "xvfb"]));
    if !found {
        let how = "WebKitGTK: apt-get install webkit2gtk-driver xvfb";
        report.lacks(how, "the browser's package in a browser");
    }
    found
}

fn components(report: &mut Report) {
    for (component, tool) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        let there = || succeeds(&mut program(tool, ["--version"]));
        if !ensure(there, || succeeds(&mut program("rustup", ["component", "add", component]))) {
            report.lacks(&format!("{component}: rustup component add {component}"), component);
        }
    }
}

/// Whether the default toolchain can build for this target.
fn has_target(name: &str) -> bool {
    let root = output(&mut program("rustc", ["--print", "target-libdir", "--target", name]));
    root.is_some_and(|dir| Path::new(dir.trim()).is_dir())
}

fn target(top: &Path, name: &str, report: &mut Report, serves: &str) -> Option<Route> {
    if ensure(|| has_target(name), || succeeds(&mut program("rustup", ["target", "add", name]))) {
        return Some(Route::Plain);
    }
    if let Some(variables) = debian_std::build(top, name) {
        return Some(Route::OwnStd(variables));
    }
    report
        .lacks(&format!("{name}: rustup target add {name}, or Debian's rustc-web and rust-web-src"), serves);
    None
}

fn has_nightly() -> bool {
    let nightly = || succeeds(&mut program("rustc", ["+nightly", "--version"]));
    nightly()
        || (succeeds(&mut program("rustup", ["toolchain", "install", "nightly", "--profile", "minimal"]))
            && nightly())
}

/// Whether a nightly toolchain can build the standard library for the firmware.
pub fn has_nightly_with_sources() -> bool {
    let sources = || {
        let root = output(&mut program("rustc", ["+nightly", "--print", "sysroot"])).unwrap_or_default();
        Path::new(root.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").exists()
    };
    let add = ["component", "add", "--toolchain", "nightly", "rust-src"];
    has_nightly() && ensure(sources, || succeeds(&mut program("rustup", add)))
}

/// QEMU, which runs the firmware. Debian's takes the place of a newer qemu-utils: by its own release's, or, where apt
/// does not go back to an older one by itself, by none.
pub fn qemu() -> bool {
    ensure(
        || succeeds(&mut program("qemu-system-arm", ["--version"])),
        || apt_install(&["qemu-system-arm", "qemu-utils"]) || apt_install(&["qemu-system-arm"]),
    )
}

fn miri() -> bool {
    let there = || succeeds(&mut program("cargo", ["+nightly", "miri", "--version"]));
    let add = ["component", "add", "--toolchain", "nightly", "miri", "rust-src"];
    ensure(there, || succeeds(&mut program("rustup", add)))
}

fn cargo_fuzz(top: &Path) -> Option<PathBuf> {
    if succeeds(&mut program("cargo-fuzz", ["--version"])) {
        return Some(PathBuf::from("cargo-fuzz"));
    }
    let root = top.join("target/tools");
    let own = root.join("bin/cargo-fuzz");
    let mut install = cargo(top, None);
    install.args(["install", "cargo-fuzz", "--locked", "--quiet", "--root"]).arg(&root);
    (own.exists() || succeeds(&mut install)).then_some(own)
}

/// Debian's redis-server and its tools, the reference of the differential tests.
fn reference(report: &mut Report) -> bool {
    let names = ["redis-server", "redis-cli", "redis-benchmark", "redis-check-rdb"];
    let there = || names.iter().all(|name| succeeds(&mut program(name, ["--version"])));
    let install = || {
        let done = apt_install(&["redis-server", "redis-tools"]);
        if done {
            // The package starts a server on the default port, which nobody here asked for.
            succeeds(&mut program("service", ["redis-server", "stop"]));
        }
        done
    };
    let serves = "differential tests, transcripts, redis-cli and redis-benchmark, benchmarks";
    if !ensure(there, install) {
        report.lacks("redis-server 7.0 and redis-tools: apt-get install redis-server redis-tools", serves);
        return false;
    }
    let version = output(&mut program("redis-server", ["--version"])).unwrap_or_default();
    if !version.contains(REFERENCE) {
        report
            .lacks(&format!("redis-server 7.0 (this one is: {}): Debian 12 has it", version.trim()), serves);
        return false;
    }
    true
}

/// What records a server's file operations for the power cuts.
fn strace(report: &mut Report) {
    let there = || succeeds(&mut program("strace", ["-V"]));
    if !ensure(there, || apt_install(&["strace"])) {
        report.lacks("strace: apt-get install strace", "the power cuts of the journal's tests");
    }
}

/// Installs Debian packages, where there is apt and the right to use it.
pub fn apt_install(packages: &[&str]) -> bool {
    let root = output(&mut program("id", ["-u"])).is_some_and(|id| id.trim() == "0");
    if !root || !succeeds(&mut program("apt-get", ["--version"])) {
        return false;
    }
    println!("installing {}", packages.join(", "));
    let install = || {
        let mut command = program("apt-get", ["install", "-y", "-qq", "--no-install-recommends"]);
        succeeds(command.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    succeeds(&mut program("apt-get", ["update", "-qq"])) && install()
}

/// A Python environment below target/ with the packages that the tests' scripts use.
fn python(top: &Path, report: &mut Report) -> Option<PathBuf> {
    let home = top.join("target/venv");
    let python = home.join("bin/python");
    let wanted = top.join("tests/python/requirements.txt");
    let there =
        || succeeds(program(&python, ["-m", "pip", "install", "--quiet", "--requirement"]).arg(&wanted));
    let make = || succeeds(program("python3", ["-m", "venv", "--clear"]).arg(&home));
    if ensure(there, || make() || (apt_install(&["python3-venv"]) && make())) {
        return Some(python);
    }
    let install = "Python 3 with venv and pip: apt-get install python3-venv, then pip install redis";
    report.lacks(install, "redis-py end to end, the differential fuzzer");
    None
}

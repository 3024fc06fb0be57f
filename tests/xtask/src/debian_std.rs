//! Where rustup cannot add a target: Debian's `rustc-web` with the sources of `rust-web-src`. The standard library is
//! built once into a sysroot of our own below target/, and the project then with that sysroot, so that the flag which
//! unlocks `-Zbuild-std` never reaches build scripts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{cargo, ensure, output, program, succeeds};
use crate::setup::{WASM, apt_install};

/// Debian's compiler. The one in front of it in PATH may be rustup's.
const RUSTC: &str = "/usr/bin/rustc";

/// Builds the sysroot for `target`; the variables that make cargo use it, or nothing where that cannot be done.
pub fn build(top: &Path, target: &str) -> Option<Vec<(String, String)>> {
    if !ensure(|| source().is_some(), || apt_install(&["rustc-web", "rust-web-src"])) {
        return None;
    }
    let sysroot = top.join("target/sysroot");
    let libraries = sysroot.join("lib/rustlib").join(target).join("lib");
    if !libraries.is_dir() && !fill(top, target, &libraries) {
        return None;
    }
    Some(variables(target, &sysroot))
}

/// The sources of the standard library that belong to Debian's compiler.
fn source() -> Option<PathBuf> {
    let root = output(&mut program(RUSTC, ["--print", "sysroot"]))?;
    let library = Path::new(root.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    library.exists().then_some(library)
}

/// Compiles an empty crate with `-Zbuild-std` and keeps the libraries that came out.
fn fill(top: &Path, target: &str, libraries: &Path) -> bool {
    let stub = top.join("target/stub");
    let crates = if target == WASM { "std,panic_abort" } else { "core,alloc,compiler_builtins" };
    let manifest =
        "[package]\nname = \"stub\"\nedition = \"2021\"\n[workspace]\n[profile.release]\npanic = \"abort\"\n";
    let written = fs::create_dir_all(stub.join("src"))
        .and_then(|()| fs::write(stub.join("Cargo.toml"), manifest))
        .and_then(|()| fs::write(stub.join("src/lib.rs"), "#![no_std]\n"));
    let mut command = cargo(&stub, None);
    command.args(["build", "--release", "--quiet", "--target", target, &format!("-Zbuild-std={crates}")]);
    command.env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Cembed-bitcode=yes");
    command.env("CARGO_TARGET_DIR", stub.join("target")).env_remove("RUSTC_WRAPPER");
    written.is_ok()
        && succeeds(&mut command)
        && keep(&stub.join("target").join(target).join("release/deps"), libraries)
}

fn keep(from: &Path, to: &Path) -> bool {
    let copy = || -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.ends_with(".rlib") && !name.starts_with("libstub") {
                fs::copy(&path, to.join(name))?;
            }
        }
        Ok(())
    };
    copy().is_ok()
}

fn variables(target: &str, sysroot: &Path) -> Vec<(String, String)> {
    let prefix = format!("CARGO_TARGET_{}", target.to_uppercase().replace('-', "_"));
    let mut out = vec![
        ("RUSTC".to_owned(), RUSTC.to_owned()),
        (format!("{prefix}_RUSTFLAGS"), format!("--sysroot={}", sysroot.display())),
    ];
    out.extend(linker().map(|path| (format!("{prefix}_LINKER"), path)));
    out
}

/// Debian's compiler brings no linker for these targets; rustup's toolchain does.
fn linker() -> Option<String> {
    let root = output(&mut program("rustup", ["run", "stable", "rustc", "--print", "sysroot"]))?;
    let host = output(&mut program("rustup", ["run", "stable", "rustc", "--print", "host-tuple"]))?;
    let path = Path::new(root.trim()).join("lib/rustlib").join(host.trim()).join("bin/rust-lld");
    path.exists().then(|| path.display().to_string())
}

//! Writes the linker's map of the memory: code at 0, data behind it, as much of that as the features ask for.
#![expect(clippy::expect_used, reason = "a build that cannot write its files ends here")]

use std::path::PathBuf;
use std::{env, fs};

/// Kibibytes of all memory, of which the last one is left to whoever starts the machine.
const MEMORY: u32 = 767;
/// Kibibytes of the code: the machine has no memory of its own for it.
const CODE: u32 = 512;
const CODE_OF_EVERYTHING: u32 = 576;
/// Kibibytes of the stack. CONFIG SET and INFO are the deepest commands, and only the build with every command has them.
const STACK: u32 = 12;
const STACK_OF_EVERYTHING: u32 = 32;
/// Bytes of data that are not the arena.
const STATICS: u32 = 512;

fn main() {
    let feature = |name: &str| env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let small = feature("LIGHT") || feature("FIVE");
    let (code, stack) = if small { (CODE, STACK) } else { (CODE_OF_EVERYTHING, STACK_OF_EVERYTHING) };
    let kib = if feature("RAM_64") {
        64
    } else if feature("RAM_128") {
        128
    } else {
        MEMORY - code
    };
    let data = kib - stack;
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    // The stack lies below the data: if it grows too far it leaves the memory and destroys nothing.
    let map = format!(
        "MEMORY {{\n  FLASH : ORIGIN = 0, LENGTH = {code}K\n  STACK : ORIGIN = {code}K, LENGTH = {stack}K\n  RAM : ORIGIN = {}K, LENGTH = {data}K\n}}\n_stack_start = ORIGIN(STACK) + LENGTH(STACK);\n_stack_end = ORIGIN(STACK);\n",
        code + stack
    );
    println!("cargo::rustc-env=NUTHATCH_ARENA={}", (data << 10) - STATICS);
    fs::write(out.join("memory.x"), map).expect("the map");
    // The interrupts have no names: one handler has them all.
    fs::write(out.join("device.x"), "").expect("the interrupts' names");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=build.rs");
}

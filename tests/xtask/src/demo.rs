//! `cargo xtask demo`: the page of host-wasm/demo with the package beside it, in target/demo, served on localhost.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::command::Failure;
use crate::report::Report;
use crate::{serve, setup, web};

/// Where it is tried first.
const PORT: u16 = 8040;
const USAGE: &str = "usage: cargo xtask demo [--port PORT | --build]";

/// Runs the task: until Ctrl+C, or with `--build` until the files are there.
pub fn run(top: &Path, arguments: &[String]) -> ExitCode {
    let (port, serves) = match arguments {
        [] => (Some(PORT), true),
        [flag] if flag == "--build" => (Some(PORT), false),
        [flag, port] if flag == "--port" => (port.parse().ok(), true),
        _ => (None, false),
    };
    let Some(port) = port else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut report = Report::new(Vec::new());
    let (Some(route), true) = (setup::wasm(top, &mut report), setup::node(top, &mut report)) else {
        return ExitCode::FAILURE;
    };
    match web::build(top, &route).and_then(|()| assemble(top)).and_then(|()| serve(top, port, serves)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.what);
            ExitCode::from(failure.code)
        }
    }
}

/// Lays the page's files and the package into target/demo: a folder that any static host can serve.
pub fn assemble(top: &Path) -> Result<(), Failure> {
    let to = top.join("target/demo");
    let lay = || {
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        copy(&top.join("host-wasm/demo"), &to)?;
        copy(&top.join(web::DIST), &to.join("nuthatch"))
    };
    lay().map_err(|error| Failure::new(format!("cannot lay the page out in {}: {error}", to.display())))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn serve(top: &Path, port: u16, serves: bool) -> Result<(), Failure> {
    let root = top.join("target/demo");
    if !serves {
        println!("the page is in {}", root.display());
        return Ok(());
    }
    let cannot = |error: io::Error| Failure::new(format!("cannot serve on localhost port {port}: {error}"));
    let listener = serve::listen(port).map_err(cannot)?;
    let port = listener.local_addr().map_err(cannot)?.port();
    println!("The demo is at http://localhost:{port}/ (Ctrl+C ends it)");
    serve::forever(&listener, root);
    Ok(())
}

//! `nuthatch-bindgen INPUT.wasm DIRECTORY`: the engine as `engine.wasm` with `engine.js` beside it, an ES module that
//! needs no bundler.

use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, directory] = &arguments[..] else {
        eprintln!("usage: nuthatch-bindgen INPUT.wasm DIRECTORY");
        return ExitCode::from(2);
    };
    match generate(Path::new(input), Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("making the bindings of {input} failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generate(input: &Path, directory: &Path) -> Result<(), String> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).out_name("engine").typescript(false);
    let mode = bindgen.web(true).map_err(|error| error.to_string())?;
    mode.omit_default_module_path(false).remove_name_section(true).remove_producers_section(true);
    bindgen.generate(directory).map_err(|error| format!("{error:?}"))
}

//! `daemonize yes`: the server goes on in the background, away from the terminal.

use crate::options::reason;
use std::process::{Command, Stdio};

/// Tells the process that it is the one in the background.
const MARK: &str = "NUTHATCH_IN_BACKGROUND";

/// Starts this program again with the same words, in a session of its own and without a terminal. True when this
/// process is the one that was started so, and goes on; false when it has done its part.
///
/// # Errors
/// One line for the operator.
pub fn detach() -> Result<bool, String> {
    if std::env::var_os(MARK).is_some() {
        // Already a session leader is as good.
        let _ = rustix::process::setsid();
        return Ok(true);
    }
    let failure = |error: std::io::Error| format!("Can't go into the background: {}", reason(&error));
    let program = std::env::current_exe().map_err(failure)?;
    Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(MARK, "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failure)?;
    Ok(false)
}

//! The log, in the format that Redis's readers know: `pid:M 21 Nov 2026 09:59:27.123 * message`.

use nuthatch_core::LogLevel;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

static LEVEL: AtomicU8 = AtomicU8::new(LogLevel::Notice as u8);
/// The file, or `None` for standard output. It is opened for each line, so that log rotation may move it away.
static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// What is logged from now on, and where to.
pub fn configure(level: LogLevel, file: Option<PathBuf>) {
    LEVEL.store(level as u8, Relaxed);
    if let Ok(mut current) = FILE.lock() {
        *current = file;
    }
}

/// Writes one line, if its level is wanted. A log that cannot be written is no reason to stop.
pub fn log(level: LogLevel, message: &str) {
    if (level as u8) < LEVEL.load(Relaxed) {
        return;
    }
    let mark = ['.', '-', '*', '#'][level as usize];
    let now = chrono::Local::now().format("%d %b %Y %H:%M:%S%.3f");
    let line = format!("{}:M {now} {mark} {message}\n", std::process::id());
    let file = FILE.lock().map(|file| file.clone()).unwrap_or_default();
    let _ = match file.map(|path| OpenOptions::new().append(true).create(true).open(path)) {
        Some(Ok(mut file)) => file.write_all(line.as_bytes()),
        _ => std::io::stdout().lock().write_all(line.as_bytes()),
    };
}

/// Logs what an operator wants to know.
pub fn notice(message: &str) {
    log(LogLevel::Notice, message);
}

/// Logs what an operator must know.
pub fn warning(message: &str) {
    log(LogLevel::Warning, message);
}

//! From a configuration to a server: directory, log, limits, sockets, engine; and the end.

use crate::facts::now;
use crate::options::{self, reason};
use crate::server::{Devices, Server, outlive_file_limits};
use crate::{daemon, disk, facts, listen, log, memory, pages, store};
use nuthatch_core::{Config, Engine, LogLevel, Options};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Descriptors that the server needs for itself.
const OWN_FILES: u64 = 32;

/// Where a server in the background leaves its number.
const DEFAULT_PIDFILE: &str = "/var/run/nuthatch.pid";

/// Runs a server with this configuration to its end.
///
/// # Errors
/// One line for the operator.
pub fn serve(mut config: Config, config_file: Option<&Path>) -> Result<(), String> {
    if config.daemonize {
        // Whoever starts it should hear of a port in use, and the background has no terminal to tell.
        drop(listen::open(&config)?);
        if !daemon::detach()? {
            return Ok(());
        }
    }
    if !config.logfile.is_empty() {
        check_log(&config)?;
    }
    open_log(&config);
    enter(&config)?;
    config.dir = std::env::current_dir().map_or(config.dir, |path| path.into_os_string().into_vec());
    raise_file_limit(config.maxclients);
    if config.disable_thp {
        memory::forgo_huge_pages();
    }
    greet(config_file);
    tell_ignored(&config);
    let listeners = listen::open(&config)?;
    let pidfile = write_pidfile(&config)?;
    let places = addresses(&config);
    let devices = devices(&config)?;
    warn_of_snapshot(&config, &devices);
    let mut engine = Engine::new(options(config)?);
    // Where the path is no text CONFIG REWRITE refuses, rather than write another file.
    if let Some(path) = config_file.and_then(Path::to_str) {
        engine.server_mut().config_file = path.to_owned();
    }
    let mut server = Server::new(engine, listeners, places, devices)
        .map_err(|error| format!("Could not start: {}", reason(&error)))?;
    log::notice("Server initialized");
    let outcome = server.run();
    drop(server);
    if let Some(path) = pidfile {
        let _ = fs::remove_file(path);
    }
    log::warning("Nuthatch is now ready to exit, bye bye...");
    outcome
}

/// What the configuration keeps cold data on.
fn devices(config: &Config) -> Result<Devices, String> {
    outlive_file_limits().map_err(|error| format!("Could not start: {}", reason(&error)))?;
    let mut devices = Devices::default();
    if config.vm_enabled {
        let (file, old) = pages::open(config)?;
        (devices.swap_file, devices.old_swap_file) = (Some(file), old);
    }
    if config.diskstore_enabled {
        devices.store = Some(store::open(config)?);
    }
    Ok(devices)
}

/// A snapshot that lies beside a new store is not loaded, and the first SAVE would take its place.
fn warn_of_snapshot(config: &Config, devices: &Devices) {
    let file = Path::new(OsStr::from_bytes(&config.dbfilename));
    let is_empty = devices
        .store
        .as_ref()
        .is_some_and(|store| store.store.counts().is_ok_and(|counts| counts.is_empty()));
    if is_empty && file.exists() {
        log::warning(&format!(
            "The diskstore is empty, and '{file}' is not loaded into it: stop the server and run 'nuthatch import {file}' with this \
             configuration. SAVE and BGSAVE write over that file",
            file = file.display()
        ));
    }
}

/// Replaces what the configured diskstore holds by the dataset in `dbfilename`.
///
/// # Errors
/// One line for the operator; the store then holds what it did before.
pub fn import(config: Config) -> Result<(), String> {
    log::configure(LogLevel::Warning, None);
    enter(&config)?;
    raise_file_limit(0);
    let devices = devices(&config)?;
    let engine = Engine::new(options(config)?);
    let mut server = Server::new(engine, Vec::new(), String::new(), devices)
        .map_err(|error| format!("Could not start: {}", reason(&error)))?;
    server.import()
}

/// The few lines with which the log begins.
fn greet(config_file: Option<&Path>) {
    let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
    log::notice(&format!("Nuthatch {version} (speaks as Redis 7.0.15), {} bit, PID: {pid}", usize::BITS));
    match config_file {
        Some(path) => log::notice(&format!("Configuration: {}", path.display())),
        None => log::notice("No configuration file: defaults and the command line's options"),
    }
}

/// Directives that are taken as Redis takes them, but change nothing here.
fn tell_ignored(config: &Config) {
    let names: Vec<&str> = config.without_effect().collect();
    if !names.is_empty() {
        log::notice(&format!("Accepted, but without effect here: {}", names.join(", ")));
    }
}

fn addresses(config: &Config) -> String {
    let mut places = Vec::new();
    if config.port != 0 {
        let names =
            config.bind.iter().map(|name| String::from_utf8_lossy(name).trim_start_matches('-').to_owned());
        places.extend(names.map(|name| format!("{name}:{}", config.port)));
    }
    if !config.unixsocket.is_empty() {
        places.push(String::from_utf8_lossy(&config.unixsocket).into_owned());
    }
    let hint =
        if config.port == 0 { String::new() } else { format!(" (try: redis-cli -p {} ping)", config.port) };
    format!("{}{hint}", places.join(", "))
}

fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

fn check_log(config: &Config) -> Result<(), String> {
    let path = path_of(&config.logfile);
    let opened = fs::OpenOptions::new().append(true).create(true).open(&path);
    opened
        .map(drop)
        .map_err(|error| format!("Can't open the log file {}: {}", path.display(), reason(&error)))
}

/// Logs as the configuration says from now on.
pub fn open_log(config: &Config) {
    let path = path_of(&config.logfile);
    // The working directory changes later, so a relative path is made absolute.
    let file = (!config.logfile.is_empty()).then(|| fs::canonicalize(&path).unwrap_or(path));
    log::configure(config.loglevel, file);
}

/// Makes `dir` the working directory; the default one is created.
///
/// # Errors
/// One line for the operator.
pub fn enter(config: &Config) -> Result<(), String> {
    let path = path_of(&config.dir);
    let is_default = config.dir == crate::options::DEFAULT_DIR.as_bytes();
    let created = if is_default { fs::create_dir_all(&path) } else { Ok(()) };
    created
        .and_then(|()| std::env::set_current_dir(&path))
        .map_err(|error| format!("Can't chdir to '{}': {}", path.display(), reason(&error)))
}

/// Lets the process open as many files as `maxclients` needs, as far as the system allows.
pub fn raise_file_limit(maxclients: i64) {
    let wanted = u64::try_from(maxclients).unwrap_or(0) + OWN_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let current = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: limit.maximum });
    if raised.is_err() || current < wanted {
        log::warning(&format!(
            "maxclients {maxclients} needs {wanted} open files, this system allows {current}"
        ));
    }
}

fn write_pidfile(config: &Config) -> Result<Option<PathBuf>, String> {
    let path = match config.pidfile.as_slice() {
        b"" if config.daemonize => PathBuf::from(DEFAULT_PIDFILE),
        b"" => return Ok(None),
        path => path_of(path),
    };
    match fs::write(&path, format!("{}\n", std::process::id())) {
        Ok(()) => Ok(Some(fs::canonicalize(&path).unwrap_or(path))),
        Err(_) if config.pidfile.is_empty() => Ok(None),
        Err(error) => Err(format!("Can't write the pid file {}: {}", path.display(), reason(&error))),
    }
}

/// Whether this machine can do what CONFIG SET wants of it.
///
/// # Errors
/// The reason, as Redis words it.
pub fn check(name: &str, config: &Config) -> Result<(), String> {
    match name {
        "appendonly" if config.diskstore_enabled && config.appendonly => {
            Err("the diskstore keeps every key already".to_owned())
        }
        "maxmemory" if config.diskstore_enabled && config.maxmemory > 0 => {
            Err(options::NO_MAXMEMORY.to_owned())
        }
        "dir" if !path_of(&config.dir).is_dir() => Err("No such file or directory".to_owned()),
        "bind" | "port" => {
            let reason = if name == "port" {
                "Unable to listen on this port. Check server logs."
            } else {
                "Failed to bind to specified addresses."
            };
            listen::can_listen(config).map_err(|line| {
                log::warning(&line);
                reason.to_owned()
            })
        }
        _ => Ok(()),
    }
}

/// Writes the configuration into its file, with the file's comments and order.
///
/// # Errors
/// The reason, as the operating system words it.
pub fn rewrite(path: &str, config: &Config) -> Result<(), String> {
    let path = Path::new(path);
    let old = fs::read(path).unwrap_or_default();
    let mut defaults = options::defaults();
    defaults.vm_enabled &= !config.diskstore_enabled;
    let new = nuthatch_core::rewrite_config(&old, config, &defaults);
    replace_file(path, &new).map_err(|error| {
        log::warning(&format!("CONFIG REWRITE failed: {}", reason(&error)));
        reason(&error)
    })?;
    log::notice("CONFIG REWRITE executed with success.");
    Ok(())
}

/// Puts `bytes` in the place of the file at `path`, whole or not at all.
///
/// # Errors
/// Those of the file system. The old file is then as it was; only where the folder's names could not be made durable the new one may
/// be there.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = disk::create(&temporary)
        .and_then(|mut file| disk::write(&mut file, bytes).and_then(|()| disk::sync(&file)));
    let outcome = written.and_then(|()| disk::rename(&temporary, path));
    if outcome.is_err() {
        let _ = fs::remove_file(&temporary);
        return outcome;
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => disk::sync_folder(folder),
        None => disk::sync_folder(Path::new(".")),
    }
}

fn options(config: Config) -> Result<Options, String> {
    let seed = facts::random().map_err(|error| format!("Can't read random numbers: {}", reason(&error)))?;
    Ok(Options { commands: nuthatch_core::ALL_COMMANDS, config, host: facts::facts(), seed, now: now() })
}

//! Servers for tests: started on a free port of 127.0.0.1 in a directory of their own, stopped by their process id,
//! leaving nothing behind.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::resp::{Conn, Value};

/// How long a server may take to answer its first PING, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Flags that every server of a test gets, after its port and directory.
const FLAGS: [&str; 6] = ["--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes"];

/// The program under test: `NUTHATCH_SERVER`, or what cargo built into the target directory with profile `checked`.
pub fn ours() -> PathBuf {
    let built = || workspace().join("target/checked/nuthatch");
    std::env::var_os("NUTHATCH_SERVER").map_or_else(built, PathBuf::from)
}

/// The reference.
pub fn reference() -> PathBuf {
    PathBuf::from("redis-server")
}

/// The Python that has redis-py: `NUTHATCH_PYTHON`, or the environment that `cargo xtask test` makes.
pub fn python() -> PathBuf {
    let made = || workspace().join("target/venv/bin/python");
    std::env::var_os("NUTHATCH_PYTHON").map_or_else(made, PathBuf::from)
}

/// The top of the repository.
pub fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// A port that was free a moment ago.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A directory that is removed when this is dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes a new one.
    pub fn new() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("nuthatch-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server.
pub struct Server {
    /// The port that it listens on.
    pub port: u16,
    child: Child,
    dir: TempDir,
}

impl Server {
    /// Starts our server with these flags beside the usual ones, and waits until it answers.
    pub fn start(flags: &[&str]) -> io::Result<Self> {
        Self::start_program(&ours(), flags)
    }

    /// The same for any program that takes Redis's flags.
    pub fn start_program(program: &Path, flags: &[&str]) -> io::Result<Self> {
        Self::launch(program, None, flags)
    }

    /// Starts our server with a configuration file as its first argument.
    pub fn start_with_file(file: &Path) -> io::Result<Self> {
        Self::launch(&ours(), Some(file), &[])
    }

    fn launch(program: &Path, file: Option<&Path>, flags: &[&str]) -> io::Result<Self> {
        let dir = TempDir::new()?;
        let port = free_port()?;
        let log = fs::File::create(dir.path().join("log"))?;
        let mut command = Command::new(program);
        command
            .args(file)
            .args(["--port", &port.to_string(), "--dir"])
            .arg(dir.path())
            .args(FLAGS)
            .args(flags);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(dir.path());
        let child = command.spawn().map_err(|error| explain(program, &error))?;
        let mut server = Self { port, child, dir };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("the server ended with {status}: {}", self.log())));
            }
            let reply = Conn::open(self.port).and_then(|mut conn| conn.call(&["PING"]));
            let is_ready = reply.is_ok_and(|reply| match reply.error() {
                // Who has not said the password is not told whether the server still loads.
                Some(text) if text.starts_with("NOAUTH") => {
                    self.log().contains("Ready to accept connections")
                }
                error => !error.is_some_and(|text| text.starts_with("LOADING")),
            });
            if is_ready {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(io::Error::other(format!("the server does not answer: {}", self.log())));
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// A new connection.
    pub fn connect(&self) -> io::Result<Conn> {
        Conn::open(self.port)
    }

    /// One command on a connection of its own.
    pub fn call(&self, arguments: &[&str]) -> io::Result<Value> {
        self.connect()?.call(arguments)
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its working directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Sends a signal such as `TERM` and waits for the end.
    pub fn end_by(&mut self, signal: &str) -> io::Result<ExitStatus> {
        Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status()?;
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        wait(&mut self.child, PATIENCE)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a program's end; kills it when its time is up.
pub fn wait(child: &mut Child, patience: Duration) -> io::Result<ExitStatus> {
    let until = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > until {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other("it did not end in time"));
        }
        sleep(Duration::from_millis(5));
    }
}

/// What a program that ran to its end left.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output and standard error, one after the other.
    pub output: String,
}

/// Runs our server with exactly these arguments, expecting it to end by itself.
pub fn run_ours(arguments: &[OsString]) -> io::Result<Ended> {
    let dir = TempDir::new()?;
    let log = fs::File::create(dir.path().join("log"))?;
    let mut command = Command::new(ours());
    command.args(arguments).current_dir(dir.path());
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn().map_err(|error| explain(&ours(), &error))?;
    let status = wait(&mut child, PATIENCE)?;
    Ok(Ended { code: status.code(), output: fs::read_to_string(dir.path().join("log"))? })
}

fn explain(program: &Path, error: &io::Error) -> io::Error {
    let shown = program.display();
    io::Error::new(
        error.kind(),
        format!("cannot start {shown}: {error} (`cargo xtask test` builds and installs it)"),
    )
}

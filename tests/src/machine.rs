//! The microcontroller for tests: QEMU's ast1030-evb with the firmware, a flash image and a serial line on a port of 127.0.0.1.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crate::resp::{Conn, Value};
use crate::server::{free_port, workspace};

/// Bytes of the flash chip.
pub const FLASH: usize = 4 << 20;
/// After half a command the line takes bytes for a new client's when it was silent for so long; and some more.
pub const TORN: Duration = Duration::from_millis(2600);
/// Where the firmware looks for the hour, and the mark before it.
const HOUR: u32 = 0xb_fff0;
const HOUR_IS_SET: u32 = 0x4e75_7468;
const PATIENCE: Duration = Duration::from_secs(30);

/// What `cargo xtask firmware --sizes` built under this name.
pub fn firmware(build: &str) -> PathBuf {
    workspace().join("target/firmware").join(format!("{build}.elf"))
}

/// A running machine.
pub struct Machine {
    /// The serial line's port. It has room for one client.
    pub port: u16,
    child: Child,
    control: PathBuf,
}

impl Machine {
    /// Starts a build of the firmware on a flash image, which is made if it is not there, and waits until it answers.
    pub fn start(build: &str, flash: &Path) -> io::Result<Self> {
        if !flash.exists() {
            fs::write(flash, vec![0xff; FLASH])?;
        }
        let port = free_port()?;
        let control = std::env::temp_dir().join(format!("nuthatch-qmp-{}-{port}", std::process::id()));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut command = Command::new("qemu-system-arm");
        command.args(["-M", "ast1030-evb,fmc-model=w25q32", "-display", "none", "-monitor", "none"]);
        command.args(["-serial", &format!("tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")]);
        command.args(["-qmp", &format!("unix:{},server=on,wait=off", control.display())]);
        command.arg("-drive").arg(format!("if=mtd,format=raw,file={}", flash.display()));
        command.args(["-device", &format!("loader,addr={HOUR:#x},data={HOUR_IS_SET:#x},data-len=4")]);
        let hour = format!("loader,addr={:#x},data={},data-len=8", HOUR + 8, now.as_millis());
        command.args(["-device", &hour]).arg("-kernel").arg(firmware(build));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn()?;
        let mut machine = Self { port, child, control };
        machine.wait_until_it_answers()?;
        Ok(machine)
    }

    fn wait_until_it_answers(&mut self) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("QEMU ended with {status}")));
            }
            // What is sent while the chip starts may be lost in part.
            let answered = Conn::open(self.port).and_then(|mut conn| {
                conn.wait_at_most(Duration::from_secs(2))?;
                conn.send(b"PING\r\n")?;
                while conn.read()? != Value::Line("+PONG".to_owned()) {}
                Ok(())
            });
            if answered.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        Err(io::Error::other("the firmware does not answer"))
    }

    /// The line's client. The one before must be gone.
    pub fn connect(&self) -> io::Result<Conn> {
        Conn::open(self.port)
    }

    /// Cuts the power: the machine is stopped first, so that the flash image's file has what the chip has.
    pub fn cut(mut self) -> io::Result<()> {
        let mut stream = UnixStream::connect(&self.control)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut answers = BufReader::new(stream.try_clone()?);
        stream.write_all(b"{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"stop\"}\n")?;
        let mut line = String::new();
        let mut returns = 0;
        while returns < 2 {
            line.clear();
            if answers.read_line(&mut line)? == 0 {
                return Err(io::Error::other("QEMU hung up"));
            }
            returns += u32::from(line.contains("\"return\""));
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.control);
    }
}

/// The firmware's twin on the desktop: `host-embedded/examples/desktop.rs` over the same flash image.
pub struct Twin {
    /// Its port.
    pub port: u16,
    child: Child,
}

impl Twin {
    /// Starts it; `NUTHATCH_TWIN`, or what cargo built into the target directory with profile `checked`.
    pub fn start(flash: &Path) -> io::Result<Self> {
        let built = || workspace().join("target/checked/examples/desktop");
        let program = std::env::var_os("NUTHATCH_TWIN").map_or_else(built, PathBuf::from);
        let port = free_port()?;
        let mut command = Command::new(program);
        command.arg(flash).arg(port.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
        let twin = Self { port, child: command.spawn()? };
        let until = Instant::now() + PATIENCE;
        while Conn::open(port).and_then(|mut conn| conn.call(&["PING"])).is_err() {
            if Instant::now() > until {
                return Err(io::Error::other("the twin does not answer"));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(twin)
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

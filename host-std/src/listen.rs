//! Sockets: those that listen, and what is set on those that come in.

use crate::options::reason;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use nuthatch_core::Config;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// A socket that takes connections.
#[derive(Debug)]
pub enum Listener {
    /// On an address and port.
    Tcp(TcpListener),
    /// On a path, removed at the end.
    Unix(UnixListener, PathBuf),
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Opens every socket that the configuration names.
///
/// # Errors
/// One line for the operator.
pub fn open(config: &Config) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    if config.port != 0 {
        for address in &config.bind {
            let listener = bind(&String::from_utf8_lossy(address), config).map_err(|(_, line)| line)?;
            listeners.extend(listener.map(Listener::Tcp));
        }
    }
    if !config.unixsocket.is_empty() {
        listeners.push(bind_unix(Path::new(&*String::from_utf8_lossy(&config.unixsocket)), config)?);
    }
    if listeners.is_empty() {
        return Err("Configured to not listen anywhere, exiting.".to_owned());
    }
    OUR_PORT.store(config.port, Relaxed);
    Ok(listeners)
}

/// The port that is ours already, so that a test of it would fail.
static OUR_PORT: AtomicI64 = AtomicI64::new(0);

/// Whether the addresses of `config` could be listened on. A port that is ours already counts as free.
///
/// # Errors
/// One line for the operator.
pub fn can_listen(config: &Config) -> Result<(), String> {
    if config.port == 0 {
        return Ok(());
    }
    let is_ours = config.port == OUR_PORT.load(Relaxed);
    config.bind.iter().try_for_each(|address| match bind(&String::from_utf8_lossy(address), config) {
        Err((io::ErrorKind::AddrInUse, _)) if is_ours => Ok(()),
        tried => tried.map(drop).map_err(|(_, line)| line),
    })
}

/// One address; `None` where it begins with `-` and this machine does not have it. An error comes with its line for the operator.
fn bind(address: &str, config: &Config) -> Result<Option<TcpListener>, (io::ErrorKind, String)> {
    let (optional, name) = match address.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, address),
    };
    let port = u16::try_from(config.port).unwrap_or_default();
    let text = |error: &io::Error| {
        let line =
            format!("Could not create server TCP listening socket {name}:{port}: bind: {}", reason(error));
        (error.kind(), line)
    };
    let target = resolve(name, port).map_err(|error| text(&error))?;
    match listen_on(target, config.tcp_backlog) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if optional && missing_here(&error) => Ok(None),
        Err(error) => Err(text(&error)),
    }
}

/// The address or its whole family does not exist on this machine.
fn missing_here(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, Unsupported};
    const NO_SUCH_FAMILY: i32 = 97;
    matches!(error.kind(), AddrNotAvailable | Unsupported) || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

fn resolve(name: &str, port: u16) -> io::Result<SocketAddr> {
    let name = match name {
        "*" => "0.0.0.0",
        "::*" => "::",
        other => other,
    };
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    (name, port).to_socket_addrs()?.next().ok_or_else(|| io::Error::other("Name or service not known"))
}

fn listen_on(address: SocketAddr, backlog: i64) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from_std(socket.into()))
}

fn bind_unix(path: &Path, config: &Config) -> Result<Listener, String> {
    let _ = std::fs::remove_file(path);
    let open = || -> io::Result<UnixListener> {
        let listener = UnixListener::bind(path)?;
        if config.unixsocketperm != 0 {
            let mode = u32::try_from(config.unixsocketperm).unwrap_or_default();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        Ok(listener)
    };
    open()
        .map(|listener| Listener::Unix(listener, path.to_owned()))
        .map_err(|error| format!("Opening Unix socket {}: bind: {}", path.display(), reason(&error)))
}

/// Where a connection comes from and where it came in, as CLIENT LIST shows them.
#[derive(Debug)]
pub struct Ends {
    /// The client's end.
    pub addr: String,
    /// Our end.
    pub laddr: String,
    /// The client is on this machine.
    pub local: bool,
}

impl Listener {
    /// The next connection that waits, if one does.
    ///
    /// # Errors
    /// Those of accepting, `WouldBlock` when none waits.
    pub fn accept(&self, keepalive: i64) -> io::Result<(Stream, Ends)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                let laddr = stream.local_addr().map(|address| address.to_string()).unwrap_or_default();
                tune(&stream, keepalive);
                let ends = Ends { addr: peer.to_string(), laddr, local: peer.ip().is_loopback() };
                Ok((Stream::Tcp(stream), ends))
            }
            Self::Unix(listener, path) => {
                let (stream, _) = listener.accept()?;
                let name = format!("{}:0", path.display());
                Ok((Stream::Unix(stream), Ends { addr: name.clone(), laddr: name, local: true }))
            }
        }
    }
}

/// Small replies go at once; a dead peer is noticed. A socket that refuses either still works.
fn tune(stream: &TcpStream, keepalive: i64) {
    let _ = stream.set_nodelay(true);
    if let Ok(seconds @ 1..) = u64::try_from(keepalive) {
        let probes = TcpKeepalive::new()
            .with_time(Duration::from_secs(seconds))
            .with_interval(Duration::from_secs((seconds / 3).max(1)))
            .with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
    }
}

impl Stream {
    /// Reads what is there.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => io::Read::read(stream, buffer),
            Self::Unix(stream) => io::Read::read(stream, buffer),
        }
    }

    /// Writes what fits.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => io::Write::write(stream, bytes),
            Self::Unix(stream) => io::Write::write(stream, bytes),
        }
    }

    /// The operating system's number of the socket.
    pub fn number(&self) -> i32 {
        use std::os::fd::AsRawFd;
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }

    /// For the poll.
    pub fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}

impl Listener {
    /// For the poll.
    pub fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Self::Tcp(listener) => listener,
            Self::Unix(listener, _) => listener,
        }
    }
}

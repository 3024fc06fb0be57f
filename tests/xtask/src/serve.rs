//! A server of static files on localhost, for the demo page: GET and HEAD, one thread a connection, one request each.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The longest head of a request that is read.
const HEAD: u64 = 16 * 1024;
/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a page may load and run: its own files, and WebAssembly.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; \
    style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Listens on this port of localhost, or on any that is free where it is taken.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let at = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    at(port).or_else(|error| if error.kind() == io::ErrorKind::AddrInUse { at(0) } else { Err(error) })
}

/// Serves the files of a directory until the process ends.
pub fn forever(listener: &TcpListener, root: PathBuf) {
    let root = Arc::new(root);
    for stream in listener.incoming().flatten() {
        let root = Arc::clone(&root);
        // A client that goes away in the middle is no news.
        thread::spawn(move || answer(&stream, &root).ok());
    }
}

fn answer(stream: &TcpStream, root: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.take(HEAD)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let file = file_of(target).map(|path| root.join(path));
    let (status, kind, body) = match file {
        _ if !matches!(method, "GET" | "HEAD") => ("405 Method Not Allowed", "text/plain", Vec::new()),
        Some(path) if path.is_file() => ("200 OK", media_type(&path), fs::read(path)?),
        _ => ("404 Not Found", "text/plain", b"no such file\n".to_vec()),
    };
    let mut out = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nContent-Security-Policy: {POLICY}\r\n\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if method != "HEAD" {
        out.extend(body);
    }
    let mut stream = stream;
    stream.write_all(&out)
}

/// The file that a request's target names, below the root; none where it leaves it.
fn file_of(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    // An empty part at the start would make the path absolute.
    if path.starts_with('/') || path.split('/').any(|part| part.starts_with('.') || !plain(part)) {
        return None;
    }
    Some(
        if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() }
            .into(),
    )
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_stay_below_the_root() {
        assert_eq!(file_of("/"), Some("index.html".into()));
        assert_eq!(file_of("/main.js?x=1"), Some("main.js".into()));
        assert_eq!(file_of("/nuthatch/"), Some("nuthatch/index.html".into()));
        for outside in ["/../secret", "/a/../../b", "/.git/config", "/%2e%2e/a", "//etc/passwd", "secret", ""]
        {
            assert_eq!(file_of(outside), None, "{outside}");
        }
    }
}

//! A small blocking client: what a test sends and what came back, kept apart by every type of RESP2 and RESP3.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a test waits for a reply before it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A line: `+` simple string, `-` error, `:` integer, `,` double, `#` boolean, `(` big number, `_` null, and the
    /// nulls of RESP2, `$-1` and `*-1`. The marker is kept.
    Line(String),
    /// A bulk string.
    Bulk(Vec<u8>),
    /// A verbatim string: its three letters and its text.
    Verbatim(Vec<u8>),
    /// `*` array, `~` set, `>` push, `%` map and `|` attributes (keys and values in turn), with the marker.
    Many(char, Vec<Value>),
}

impl Value {
    /// The error's text, if it is one.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Line(line) => line.strip_prefix('-'),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Line(line) => line.strip_prefix(':').and_then(|digits| digits.parse().ok()),
            _ => None,
        }
    }

    /// The text of a bulk or verbatim string, lossily.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Bulk(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::Verbatim(bytes) => Some(String::from_utf8_lossy(bytes.get(4..)?).into_owned()),
            _ => None,
        }
    }

    /// The elements of an array, set, map or push; none of anything else.
    pub fn elements(&self) -> &[Value] {
        match self {
            Self::Many(_, elements) => elements,
            _ => &[],
        }
    }

    /// As lines of text, elements indented by two spaces more than what holds them.
    pub fn render(&self) -> String {
        let mut out = String::new();
        self.render_into(&mut out, 0);
        out
    }

    fn render_into(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Line(line) => out.push_str(&format!("{indent}{line}\n")),
            Self::Bulk(bytes) => out.push_str(&format!("{indent}{}\n", quote(bytes))),
            Self::Verbatim(bytes) => out.push_str(&format!("{indent}={}\n", quote(bytes))),
            Self::Many(marker, elements) => {
                let length = if matches!(marker, '%' | '|') { elements.len() / 2 } else { elements.len() };
                out.push_str(&format!("{indent}{marker}{length}\n"));
                elements.iter().for_each(|element| element.render_into(out, depth + 1));
            }
        }
    }
}

/// Bytes as a quoted string in the manner of redis-cli.
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// Splits a line into words; double quotes hold blanks, `\n`, `\r`, `\xHH` and the like as in redis-cli.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = line.bytes().peekable();
    while let Some(&byte) = bytes.peek() {
        if byte == b' ' {
            bytes.next();
            continue;
        }
        let mut word = Vec::new();
        let quoted = byte == b'"';
        if quoted {
            bytes.next();
        }
        while let Some(byte) = bytes.next_if(|&b| if quoted { b != b'"' } else { b != b' ' }) {
            word.push(if byte == b'\\' && quoted { escape(&mut bytes) } else { byte });
        }
        bytes.next();
        out.push(word);
    }
    out
}

fn escape(bytes: &mut impl Iterator<Item = u8>) -> u8 {
    let digit = |bytes: &mut dyn Iterator<Item = u8>| {
        bytes.next().and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok()).unwrap_or(0)
    };
    match bytes.next() {
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'x') => digit(bytes) * 16 + digit(bytes),
        Some(other) => other,
        None => b'\\',
    }
}

/// A command as an array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A connection.
pub struct Conn {
    stream: BufReader<TcpStream>,
}

impl Conn {
    /// Connects to a port of this machine.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// How long [`Conn::read`] waits from now on.
    pub fn wait_at_most(&mut self, patience: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(patience))
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// One byte, whatever it belongs to.
    pub fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// Sends a command and reads one reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> io::Result<Value> {
        self.send(&encode(arguments))?;
        self.read()
    }

    /// Reads one reply.
    pub fn read(&mut self) -> io::Result<Value> {
        let line = self.line()?;
        let (marker, rest) = line.split_at_checked(1).ok_or_else(|| bad("empty line"))?;
        let length = || rest.parse::<usize>().map_err(|_| bad(&line));
        match marker {
            "+" | "-" | ":" | "," | "#" | "(" | "_" => Ok(Value::Line(line)),
            "$" | "*" if rest == "-1" => Ok(Value::Line(line)),
            "$" => Ok(Value::Bulk(self.bytes(length()?)?)),
            "=" => Ok(Value::Verbatim(self.bytes(length()?)?)),
            "*" => self.many('*', length()?),
            "~" => self.many('~', length()?),
            ">" => self.many('>', length()?),
            "%" => self.many('%', 2 * length()?),
            "|" => self.many('|', 2 * length()?),
            _ => Err(bad(&line)),
        }
    }

    /// Whether the server has closed the connection and nothing more comes.
    pub fn at_end(&mut self) -> io::Result<bool> {
        loop {
            match self.stream.fill_buf() {
                Ok(bytes) => return Ok(bytes.is_empty()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(true),
                // A read with a timeout ends so where the machine stood still meanwhile.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn many(&mut self, marker: char, length: usize) -> io::Result<Value> {
        let elements = (0..length).map(|_| self.read()).collect::<io::Result<Vec<_>>>()?;
        Ok(Value::Many(marker, elements))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let text = line.strip_suffix(b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        // Each byte as a character, so that no difference is lost.
        Ok(text.iter().copied().map(char::from).collect())
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut out = vec![0; length + 2];
        self.stream.read_exact(&mut out)?;
        if !out.ends_with(b"\r\n") {
            return Err(bad("a bulk string without its end"));
        }
        out.truncate(length);
        Ok(out)
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("bad reply: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_quotes() {
        assert_eq!(words(r#"SET a "b c\x00\n" """#), [&b"SET"[..], b"a", b"b c\x00\n", b""]);
        assert_eq!(quote(b"a\"\x00\r\n"), r#""a\"\x00\r\n""#);
        assert_eq!(words(&quote(b"a\"\x01\xff b")), [b"a\"\x01\xff b"]);
    }
}

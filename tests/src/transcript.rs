//! Transcripts: commands and the reference's replies to them, as text. `record` fills in the replies from a
//! redis-server, `check` compares ours with them.
//!
//! A line that begins with `[` is a step on a connection, named by a digit; the lines below it are what came back:
//!
//! ```text
//! [1] SET a "b c"          a command; one reply is read
//! [1~] SMEMBERS s          the same; the order of the elements does not count
//! [1?] OBJECT IDLETIME a   the same; only the kind of the reply counts
//! [1-] BLPOP l 0           a command without waiting for its reply
//! [1=] "PING\r\n"          raw bytes; one reply is read, or `eof`
//! [1<]                     one more reply or message is read, or `eof`
//! [1!]                     the connection is closed
//! ```

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use crate::resp::{Conn, Value, words};

/// How long a reply or a message may take. Nothing here waits for time to pass.
const PATIENCE: Duration = Duration::from_secs(5);
/// After so many differences a transcript is given up: what follows would only wait for what does not come.
const ENOUGH: usize = 12;

/// What a step does, by the sign behind the connection's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Call,
    CallUnordered,
    CallKind,
    Send,
    Raw,
    Read,
    Close,
}

#[derive(Debug)]
struct Step {
    connection: char,
    action: Action,
    line: usize,
    words: Vec<Vec<u8>>,
}

/// Whether a line is no part of a reply: a step, a comment (`#t` and `#f` are replies), an empty one.
fn is_text(line: &str) -> bool {
    line.starts_with('[') || line.starts_with("# ") || line.is_empty()
}

/// Reads one step; `None` for a line that is none.
fn step(line: &str, number: usize) -> Option<Step> {
    let (head, rest) = line.strip_prefix('[')?.split_once(']')?;
    let mut signs = head.chars();
    let connection = signs.next()?;
    let action = match signs.next() {
        None => Action::Call,
        Some('~') => Action::CallUnordered,
        Some('?') => Action::CallKind,
        Some('-') => Action::Send,
        Some('=') => Action::Raw,
        Some('<') => Action::Read,
        Some('!') => Action::Close,
        Some(_) => return None,
    };
    Some(Step { connection, action, line: number, words: words(rest) })
}

/// Takes a step and returns what came back, as lines of text.
fn take(step: &Step, port: u16, open: &mut HashMap<char, Conn>) -> io::Result<String> {
    if step.action == Action::Close {
        open.remove(&step.connection);
        return Ok(String::new());
    }
    let conn = match open.entry(step.connection) {
        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::hash_map::Entry::Vacant(entry) => entry.insert(Conn::open(port)?),
    };
    conn.wait_at_most(PATIENCE)?;
    match step.action {
        Action::Raw => conn.send(&step.words.concat())?,
        Action::Read | Action::Close => {}
        _ => conn.send(&crate::resp::encode(&step.words))?,
    }
    if step.action == Action::Send {
        // What follows on other connections must find this one waiting.
        std::thread::sleep(Duration::from_millis(30));
        return Ok(String::new());
    }
    if conn.at_end()? {
        return Ok("eof\n".to_owned());
    }
    Ok(shown(step.action, conn.read()?))
}

fn shown(action: Action, value: Value) -> String {
    match (action, value) {
        (Action::CallUnordered, Value::Many(marker, mut elements)) => {
            elements.sort();
            Value::Many(marker, elements).render()
        }
        (Action::CallKind, value) => value.render().chars().take(1).chain(['\n']).collect(),
        (_, value) => value.render(),
    }
}

/// Takes every step of `script` against the server at `port`; the same text with the replies that came.
pub fn record(script: &str, port: u16) -> io::Result<String> {
    let mut open = HashMap::new();
    let mut out = String::new();
    for (i, line) in script.lines().enumerate() {
        if let Some(step) = step(line, i + 1) {
            let came = take(&step, port, &mut open)
                .map_err(|error| io::Error::new(error.kind(), format!("line {}: {line}: {error}", i + 1)))?;
            let _ = writeln!(out, "{line}");
            out.push_str(&came);
        } else if is_text(line) {
            let _ = writeln!(out, "{line}");
        }
    }
    Ok(out)
}

/// Takes every step against the server at `port`; each reply that differs, with its line.
pub fn check(transcript: &str, port: u16) -> Vec<String> {
    let lines: Vec<&str> = transcript.lines().collect();
    let steps: Vec<Step> = lines.iter().enumerate().filter_map(|(i, line)| step(line, i + 1)).collect();
    let mut open = HashMap::new();
    let mut differences = Vec::new();
    for step in &steps {
        let recorded = lines[step.line..].iter().take_while(|line| !is_text(line));
        let recorded: String = recorded.map(|line| format!("{line}\n")).collect();
        let came = take(step, port, &mut open).unwrap_or_else(|error| {
            // After this the connection is out of step with the transcript; a new one is not.
            open.remove(&step.connection);
            format!("{error}\n")
        });
        if came != recorded {
            let text = lines[step.line - 1];
            differences.push(format!("line {}: {text}\n  recorded:\n{recorded}  came:\n{came}", step.line));
        }
        if differences.len() >= ENOUGH {
            break;
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read() {
        let read = step("[2~] SMEMBERS \"a b\"", 1).map(|s| (s.connection, s.action, s.words));
        assert_eq!(read, Some(('2', Action::CallUnordered, vec![b"SMEMBERS".to_vec(), b"a b".to_vec()])));
        assert!(step("+OK", 1).is_none());
    }
}

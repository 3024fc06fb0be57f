//! The node on a desktop: an arena as the program's only memory, a pair of buffers as the serial line.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::collections::VecDeque;
use std::convert::Infallible;

use embedded_io::{ErrorType, Read, ReadReady, Write};
use nuthatch_embedded::{EVERYTHING, Node, NodeOptions};

/// What was sent and not yet read, and what was answered.
#[derive(Default)]
struct Line {
    sent: VecDeque<u8>,
    answered: Vec<u8>,
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let length = buf.len().min(self.sent.len());
        buf.iter_mut().zip(self.sent.drain(..length)).for_each(|(to, from)| *to = from);
        Ok(length)
    }
}

impl ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.sent.is_empty())
    }
}

impl Write for Line {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        self.answered.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Sends `text` in one piece and returns all that was answered.
fn answers(text: &str) -> String {
    let line = Line { sent: text.bytes().collect(), answered: Vec::new() };
    let options = NodeOptions { seed: [1, 2, 3, 4], ..NodeOptions::new(EVERYTHING, 128 << 10, 1000) };
    let mut node = Node::new(line, options);
    for turn in 0..=text.len() {
        node.serve(1000 + i64::try_from(turn).expect("few turns")).expect("the line cannot fail");
    }
    String::from_utf8(node.into_serial().answered).expect("text")
}

#[test]
fn commands_run() {
    assert_eq!(
        answers("HSET h a 1\r\nHGET h a\r\n*2\r\n$4\r\nHLEN\r\n$1\r\nh\r\n"),
        ":1\r\n$1\r\n1\r\n:1\r\n"
    );
}

#[test]
fn a_command_longer_than_a_chunk_runs() {
    let long = "x".repeat(3000);
    assert_eq!(answers(&format!("HSET h a {long}\r\nHSTRLEN h a\r\n")), ":1\r\n:3000\r\n");
}

#[test]
fn the_next_client_of_the_line_finds_a_fresh_session() {
    assert_eq!(answers("*1\r\n$x\r\n"), "-ERR Protocol error: invalid bulk length\r\n");
}

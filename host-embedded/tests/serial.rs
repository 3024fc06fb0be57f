//! The node on a desktop: an arena as the program's only memory, a pair of buffers as the serial line.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::collections::VecDeque;
use std::convert::Infallible;

use embedded_io::{ErrorType, Read, ReadReady, Write};
use nuthatch_embedded::{EVERYTHING, Node, NodeOptions, memory};

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
    String::from_utf8(bytes_answered(text)).expect("text")
}

fn bytes_answered(text: &str) -> Vec<u8> {
    let line = Line { sent: text.bytes().collect(), answered: Vec::new() };
    let options = NodeOptions::new(EVERYTHING, 128 << 10, 1000, [1, 2, 3, 4], memory::has_room);
    let mut node = Node::new(line, options);
    for turn in 0..=text.len() {
        node.serve(1000 + i64::try_from(turn).expect("few turns")).expect("the line cannot fail");
    }
    node.into_serial().answered
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

/// The export selected databases below ten as `00` to `09`, which SELECT refuses: a copy had database 0 ten times, and nothing
/// of 1 to 9.
#[test]
fn a_copy_has_every_database_once() {
    let copy = bytes_answered("SET zero a\r\nSELECT 1\r\nSET one b\r\nSELECT 12\r\nSET twelve c\r\nSYNC\r\n");
    let count = |part: &[u8]| copy.windows(part.len()).filter(|window| *window == part).count();
    let databases: [(&[u8], &[u8]); 3] = [
        (b"zero", b"\xfe\x00\x00\x04zero\x01a"),
        (b"one", b"\xfe\x01\x00\x03one\x01b"),
        (b"twelve", b"\xfe\x0c\x00\x06twelve\x01c"),
    ];
    for (key, database) in databases {
        assert_eq!((count(key), count(database)), (1, 1), "{copy:x?}");
    }
}

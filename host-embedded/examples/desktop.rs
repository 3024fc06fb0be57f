//! A node whose values may take 128 KiB, with standard input and output as its serial line:
//!
//! ```sh
//! printf 'HSET h a 1\r\nHGETALL h\r\n' | cargo run -p nuthatch-embedded --example desktop
//! ```
#![expect(clippy::expect_used, reason = "an example ends where its input ends")]

use std::alloc::System;
use std::io::{self, BufRead, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use embedded_io::{ErrorType, Read, ReadReady, Write};
use nuthatch_embedded::counting::Counting;
use nuthatch_embedded::memory::{self, Sum};
use nuthatch_embedded::{Node, NodeOptions};

/// Counted as on a chip, but no arena: std allocates before `main` could give one.
#[global_allocator]
static MEMORY: Counting<System, Sum> = Counting::new(System, Sum);

/// Standard input and output. Waiting for input is the operating system's work here, so input is always ready.
struct Console {
    ended: bool,
}

impl ErrorType for Console {
    type Error = io::Error;
}

impl Read for Console {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut stdin = io::stdin().lock();
        let ready = stdin.fill_buf()?;
        let length = ready.len().min(buf.len());
        buf[..length].copy_from_slice(&ready[..length]);
        stdin.consume(length);
        self.ended = length == 0;
        Ok(length)
    }
}

impl ReadReady for Console {
    fn read_ready(&mut self) -> io::Result<bool> {
        Ok(!self.ended)
    }
}

impl Write for Console {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        io::stdout().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    i64::try_from(since.as_millis()).expect("a date")
}

fn main() {
    let options = NodeOptions {
        commands: nuthatch_core::ALL_COMMANDS,
        seed: [1, 2, 3, 4],
        now: now(),
        max_memory: 128 << 10,
        monotonic: || 0,
    };
    let mut node = Node::new(Console { ended: false }, options);
    while !node.serial().ended {
        node.serve(now()).expect("the console");
    }
    eprintln!("{} bytes in use, {} at most", memory::used(), memory::peak());
}

//! The microcontroller's twin: the firmware's loop over a file as flash chip, on a port of 127.0.0.1 in place of the serial line.
//!
//! ```sh
//! cargo run -p nuthatch-embedded --example desktop -- flash.bin 7777
//! redis-cli -p 7777
//! cargo run -p nuthatch-embedded --example desktop -- flash.bin 7777 vm    # virtual memory in place of a store
//! ```
//!
//! The file is the image that QEMU's machine takes too: 4 MiB, all ones where it is new.
#![expect(clippy::expect_used, reason = "an example ends where its file or its port fails")]

mod chip;

use std::alloc::System;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chip::Chip;
use embedded_io::{ErrorType, Read, ReadReady, Write};
use nuthatch_embedded::counting::Counting;
use nuthatch_embedded::device::Blocking;
use nuthatch_embedded::memory::{self, Sum};
use nuthatch_embedded::{Below, EVERYTHING, Node, NodeOptions, Pages, Store, flash_block_on};

/// Bytes of memory that the node believes to have.
const ARENA: usize = 128 << 10;

/// Counted as on a chip, but no arena: std allocates before `main` could give one.
#[global_allocator]
static MEMORY: Counting<System, Sum> = Counting::new(System, Sum);

/// The port as a serial line: one client after another, and nobody is told of their coming and going.
struct Line {
    listener: TcpListener,
    client: Option<TcpStream>,
}

impl Line {
    fn client(&mut self) -> Option<&mut TcpStream> {
        if self.client.is_none() {
            let (client, _) = self.listener.accept().ok()?;
            client.set_nonblocking(true).and_then(|()| client.set_nodelay(true)).ok()?;
            self.client = Some(client);
        }
        self.client.as_mut()
    }
}

impl ErrorType for Line {
    type Error = io::Error;
}

impl Read for Line {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(client) = self.client() else { return Ok(0) };
        match client.read(buf) {
            Ok(length) if length > 0 => Ok(length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            _ => {
                self.client = None;
                Ok(0)
            }
        }
    }
}

impl ReadReady for Line {
    fn read_ready(&mut self) -> io::Result<bool> {
        Ok(true)
    }
}

impl Write for Line {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        // As on a line, what nobody hears is lost.
        let Some(client) = &mut self.client else { return Ok(buf.len()) };
        match client.write(buf) {
            Ok(length) => Ok(length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sleep(Duration::from_millis(1));
                Ok(0)
            }
            Err(_) => {
                self.client = None;
                Ok(buf.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn write_all(&mut self, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            let written = self.write(buf)?;
            buf = &buf[written..];
        }
        Ok(())
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    i64::try_from(since.as_millis()).expect("a date")
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "flash.bin".to_owned());
    let port: u16 = arguments.next().map_or(7777, |port| port.parse().expect("a port's number"));
    let chip = Blocking(Chip::open(&path).expect("the flash image"));
    let geometry = chip.geometry().expect("a chip of 4 MiB");
    let store =
        flash_block_on(Store::open(chip, geometry, 512, memory::has_room)).expect("the log on the chip");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port");
    listener.set_nonblocking(true).expect("the port");
    println!("redis-cli -p {port}");
    let options = NodeOptions::new(EVERYTHING, ARENA, now(), [1, 2, 3, 4], memory::has_room);
    let line = Line { listener, client: None };
    match arguments.next().as_deref() {
        None => serve(Node::on_flash(line, store, options)),
        Some("vm") => serve(Node::paged(line, Pages::new(store), options)),
        Some(word) => println!("'{word}' is no way to use the flash: leave it out, or say vm"),
    }
}

fn serve(mut node: Node<Line, impl Below>) {
    loop {
        let before = node.engine().server().stats.input_bytes;
        node.serve(now()).expect("the line");
        if node.engine().server().stats.input_bytes == before && !node.is_busy(now()) {
            sleep(Duration::from_millis(1));
        }
    }
}

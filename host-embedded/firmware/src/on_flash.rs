//! The build with every command keeps its keys on the flash chip; memory is a cache over it.

use crate::flash::Flash;
use crate::uart::{self, Uart};
use embedded_io::{Read, Write};
use nuthatch_embedded::device::Blocking;
use nuthatch_embedded::memory;
use nuthatch_embedded::{Node, NodeOptions, Store, flash_block_on};

/// Keys that the index has room for from the start; it grows.
const KEYS: usize = 512;

/// The node, with what is on the chip.
pub fn start(mut line: Uart, options: NodeOptions) -> Node<Uart, Blocking<Flash>> {
    match open() {
        Some(store) => Node::on_flash(line, store, options),
        None => refuse(&mut line),
    }
}

/// The log on the chip, empty where there was none.
fn open() -> Option<Store<Blocking<Flash>>> {
    let chip = Blocking(Flash::start().ok()?);
    let geometry = chip.geometry()?;
    flash_block_on(Store::open(chip, geometry, KEYS, memory::has_room)).ok()
}

/// Answers every line that the chip does not work.
fn refuse(line: &mut Uart) -> ! {
    let mut byte = [0];
    loop {
        uart::idle();
        let Ok(length) = line.read(&mut byte);
        if length > 0 && byte == *b"\n" {
            let Ok(()) =
                line.write_all(b"-ERR The flash chip does not work: check its wiring and restart.\r\n");
        }
    }
}

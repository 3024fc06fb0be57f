//! The log on the flash chip, for keys or for pages.

use crate::flash::Flash;
use crate::uart::{self, Uart};
use embedded_io::{Read, Write};
use nuthatch_embedded::device::Blocking;
use nuthatch_embedded::memory;
use nuthatch_embedded::{Store, flash_block_on};

/// A seventh of the arena is for the index from the start, eight bytes a key; it grows.
const BYTES_A_KEY: usize = 56;

/// The log on the chip, empty where there was none; without a chip that works the line is told so for ever.
pub fn store(line: &mut Uart, arena: usize) -> Store<Blocking<Flash>> {
    match open(arena) {
        Some(store) => store,
        None => refuse(line),
    }
}

fn open(arena: usize) -> Option<Store<Blocking<Flash>>> {
    let chip = Blocking(Flash::start().ok()?);
    let geometry = chip.geometry()?;
    flash_block_on(Store::open(chip, geometry, arena / BYTES_A_KEY, memory::has_room)).ok()
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

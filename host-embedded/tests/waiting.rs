//! A chip whose operations are waited for, as drivers under an executor have them: nothing is done before it is polled again.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use nuthatch_embedded::device::Waiting;
use nuthatch_embedded::{Db, FIVE_TYPES, NodeOptions, Store, memory};

const SECTOR: usize = 4096;
const CHIP: usize = 16 * SECTOR;

/// A chip in memory. Each operation is asked twice before it is done, and counted.
struct Chip {
    cells: Vec<u8>,
    waits: Rc<Cell<usize>>,
}

impl Chip {
    async fn wait(&self) {
        let mut asked = false;
        std::future::poll_fn(|context| {
            if asked {
                return Poll::Ready(());
            }
            asked = true;
            self.waits.set(self.waits.get() + 1);
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl ErrorType for Chip {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        self.wait().await;
        let at = offset as usize;
        bytes.copy_from_slice(&self.cells[at..at + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        CHIP
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = SECTOR;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        self.wait().await;
        self.cells[from as usize..to as usize].fill(0xff);
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        self.wait().await;
        let cells = &mut self.cells[offset as usize..];
        for (cell, byte) in cells.iter_mut().zip(bytes) {
            assert_eq!(*cell, 0xff, "a byte is programmed twice");
            *cell = *byte;
        }
        Ok(())
    }
}

/// An executor that does other things between two polls: how often it did, and what came of the future.
fn run<F: Future>(future: F) -> (usize, F::Output) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for polls in 0.. {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return (polls, output);
        }
    }
    unreachable!("a future that never ends is polled for ever")
}

fn open(chip: Chip) -> Db<Store<Waiting<Chip>>> {
    let chip = Waiting(chip);
    let geometry = chip.geometry().expect("a small chip");
    let store = run(Store::open(chip, geometry, 64, |_| true)).1.expect("a log");
    // Each change waits until it is on the flash.
    let options = NodeOptions::new(FIVE_TYPES, 64 << 10, 0, [1, 2, 3, 4], memory::has_room);
    Db::on_flash(store, NodeOptions { flush_delay: 0, ..options })
}

#[test]
fn a_chip_that_is_waited_for_keeps_what_was_written() {
    let waits = Rc::new(Cell::new(0));
    let mut db = open(Chip { cells: vec![0xff; CHIP], waits: waits.clone() });
    let mut polls = 0;
    for number in 0..600 {
        let (key, value) = (format!("key{}", number % 50), "v".repeat(number % 300));
        let before = waits.get();
        let (polled, reply) =
            run(db.call_waiting(&[b"SET", key.as_bytes(), value.as_bytes()], number as i64));
        assert_eq!(reply, b"+OK\r\n", "{number}");
        assert!(waits.get() > before && polled == waits.get() - before, "each operation gives way once");
        polls += polled;
    }
    assert!(polls > 1000, "{polls}: the chip was reclaimed");
    let chip = db.into_device().0;
    let mut db = open(Chip { cells: chip.cells, waits });
    for number in 550..600 {
        let key = format!("key{}", number % 50);
        let (polled, reply) = run(db.call_waiting(&[b"STRLEN", key.as_bytes()], 1000));
        assert_eq!(reply, format!(":{}\r\n", number % 300).into_bytes());
        assert!(polled > 0, "it is read from the chip");
    }
}

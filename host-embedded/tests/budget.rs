//! The budget of writes: beyond it changes that may wait do so longer.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::cell::RefCell;
use std::rc::Rc;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use nuthatch_embedded::device::Blocking;
use nuthatch_embedded::{Db, FIVE_TYPES, NodeOptions, Store, flash_block_on, memory};

const SECTOR: usize = 4096;
const CHIP: usize = 32 * SECTOR;

/// A chip in memory, of which the test keeps a hold.
#[derive(Clone)]
struct Chip(Rc<RefCell<Vec<u8>>>);

impl ErrorType for Chip {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let at = offset as usize;
        bytes.copy_from_slice(&self.0.borrow()[at..at + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        CHIP
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        self.0.borrow_mut()[from as usize..to as usize].fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let mut cells = self.0.borrow_mut();
        cells[offset as usize..].iter_mut().zip(bytes).for_each(|(cell, byte)| *cell &= byte);
        Ok(())
    }
}

fn open(chip: Chip, options: NodeOptions) -> Db<Store<Blocking<Chip>>> {
    let chip = Blocking(chip);
    let geometry = chip.geometry().expect("a small chip");
    let store = flash_block_on(Store::open(chip, geometry, 64, |_| true)).expect("a log");
    Db::on_flash(store, options)
}

/// What a start would find on the chip as it is now.
fn is_on_flash(chip: &Chip, key: &str) -> bool {
    let copy = Chip(Rc::new(RefCell::new(chip.0.borrow().clone())));
    let mut db = open(copy, plain());
    db.get(key, 0).expect("a reply").is_some()
}

fn plain() -> NodeOptions {
    NodeOptions::new(FIVE_TYPES, 64 << 10, 0, [1, 2, 3, 4], memory::has_room)
}

fn options(flush_delay: i64) -> NodeOptions {
    // A byte a second, and what one record and some headers take at once.
    NodeOptions { flush_delay, bytes_per_hour: 3600, burst: 100, ..plain() }
}

#[test]
fn beyond_the_budget_changes_wait_longer() {
    let chip = Chip(Rc::new(RefCell::new(vec![0xff; CHIP])));
    let mut db = open(chip.clone(), options(1));
    db.set("a", "x".repeat(200), 0).expect("a reply");
    assert!(!is_on_flash(&chip, "a"), "it may wait a second");
    (1..=20).for_each(|i| db.tick(i * 100));
    assert!(is_on_flash(&chip, "a"));
    db.set("b", "x", 3000).expect("a reply");
    (31..=600).for_each(|i| db.tick(i * 100));
    assert!(!is_on_flash(&chip, "b"), "more than a hundred bytes too many, one a second");
    (61..=1200).for_each(|i| db.tick(i * 1000));
    assert!(is_on_flash(&chip, "b"));
}

/// A reply that waits for its change does not wait for a budget.
#[test]
fn without_a_delay_there_is_no_waiting() {
    let chip = Chip(Rc::new(RefCell::new(vec![0xff; CHIP])));
    let mut db = open(chip.clone(), options(0));
    for i in 0..20 {
        db.set(format!("k{i}"), "x".repeat(100), i).expect("a reply");
    }
    assert!(is_on_flash(&chip, "k19"));
}

//! A tally that panicked unwound through the allocator, which `GlobalAlloc` does not allow; the trait said nothing of it.

use nuthatch_counting::{Counting, Tally};
use std::alloc::System;
use std::hint::black_box;
use std::panic::catch_unwind;
use std::process::{Command, exit};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const INNER: &str = "NUTHATCH_COUNTING_INNER";

static ARMED: AtomicBool = AtomicBool::new(false);

/// Panics once it is armed.
struct Bomb;

impl Tally for Bomb {
    fn add(&self, _: isize) {
        assert!(!ARMED.swap(false, Relaxed), "the tally's own trouble");
    }
}

#[global_allocator]
static ALLOCATOR: Counting<System, Bomb> = Counting::new(System, Bomb);

#[test]
fn a_tally_that_panics_ends_the_program() {
    if std::env::var_os(INNER).is_some() {
        ARMED.store(true, Relaxed);
        let _ = catch_unwind(|| black_box(Box::new(1)));
        exit(0);
    }
    let program = std::env::current_exe().unwrap();
    let child = Command::new(program).arg("--nocapture").env(INNER, "1").output().unwrap();
    assert!(!child.status.success(), "it unwound");
    assert!(String::from_utf8_lossy(&child.stderr).contains("the tally's own trouble"));
}

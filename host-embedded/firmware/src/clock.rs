//! The hour, counted by SysTick.

use crate::chip;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// The processor's clock.
const CYCLES_A_MICROSECOND: u32 = 200;
/// From one tick to the next: seldom enough that none is lost where something else holds up the processor.
const TICK_MICROS: u32 = 10_000;
const CYCLES_A_TICK: u32 = CYCLES_A_MICROSECOND * TICK_MICROS;

/// Ticks since the start, in two halves: the processor has no 64-bit counter.
static LOW: AtomicU32 = AtomicU32::new(0);
static HIGH: AtomicU32 = AtomicU32::new(0);

/// Starts counting.
pub fn start(systick: &mut SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(CYCLES_A_TICK - 1);
    systick.clear_current();
    systick.enable_counter();
    systick.enable_interrupt();
}

/// Another tick. The only writer.
pub fn tick() {
    let low = LOW.load(Relaxed).wrapping_add(1);
    LOW.store(low, Relaxed);
    if low == 0 {
        HIGH.store(HIGH.load(Relaxed) + 1, Relaxed);
    }
}

fn ticks() -> u64 {
    loop {
        let (high, low) = (HIGH.load(Relaxed), LOW.load(Relaxed));
        if high == HIGH.load(Relaxed) {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Microseconds since the start.
pub fn micros() -> u64 {
    loop {
        let before = ticks();
        let cycles = CYCLES_A_TICK - 1 - SYST::get_current();
        if before == ticks() {
            return before * u64::from(TICK_MICROS) + u64::from(cycles / CYCLES_A_MICROSECOND);
        }
    }
}

/// Milliseconds since 1970, or since the start where nobody has left the hour.
pub fn now() -> i64 {
    let base = if chip::read(chip::HOUR) == chip::HOUR_IS_SET {
        u64::from(chip::read(chip::HOUR + 12)) << 32 | u64::from(chip::read(chip::HOUR + 8))
    } else {
        0
    };
    base.wrapping_add(micros() / 1000).cast_signed()
}

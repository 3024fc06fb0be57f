//! Nuthatch on QEMU's ast1030-evb: RESP on the first serial line.
#![no_std]
#![no_main]

#[cfg(all(feature = "flash", feature = "vm"))]
compile_error!("the flash chip is either for keys (feature flash) or for pages of virtual memory (vm): leave one out");

#[cfg_attr(feature = "flash", path = "on_flash.rs")]
#[cfg_attr(feature = "vm", path = "paged.rs")]
#[cfg_attr(not(feature = "chip"), path = "in_memory.rs")]
mod below;
mod chip;
mod clock;
#[cfg(feature = "chip")]
mod flash;
#[cfg(feature = "chip")]
mod open;
mod uart;

use core::panic::PanicInfo;
use cortex_m::peripheral::{Peripherals, SCB};
use cortex_m_rt::{entry, exception};
use nuthatch_embedded::NodeOptions;
use nuthatch_embedded::memory::{self, Allocator, Arena};
use static_cell::StaticCell;
use uart::Uart;

/// What the linker's map leaves for values and all that is allocated.
const ARENA_SIZE: usize = match usize::from_str_radix(env!("NUTHATCH_ARENA"), 10) {
    Ok(size) => size,
    Err(_) => 0,
};

#[cfg(feature = "everything")]
use nuthatch_embedded::EVERYTHING as COMMANDS;
#[cfg(feature = "five")]
use nuthatch_embedded::FIVE_TYPES as COMMANDS;
#[cfg(feature = "light")]
use nuthatch_embedded::LIGHT as COMMANDS;

#[global_allocator]
static MEMORY: Allocator = memory::allocator();
static ARENA: StaticCell<Arena<{ ARENA_SIZE }>> = StaticCell::new();

#[entry]
fn main() -> ! {
    if let Some(mut core) = Peripherals::take() {
        clock::start(&mut core.SYST);
    }
    memory::give(&MEMORY, ARENA.init_with(memory::arena));
    let mut node = below::start(Uart::start(), options());
    loop {
        let Ok(()) = node.serve(clock::now());
        if !node.is_busy(clock::now()) {
            uart::idle();
        }
    }
}

fn options() -> NodeOptions {
    let random = || u64::from(chip::read(chip::RANDOM)) << 32 | u64::from(chip::read(chip::RANDOM));
    let seed = [random(), random(), random(), random()];
    let options = NodeOptions::new(COMMANDS, ARENA_SIZE, clock::now(), seed, memory::has_room);
    NodeOptions { monotonic: clock::micros, ..options }
}


#[exception]
fn SysTick() {
    clock::tick();
}

/// Nothing of the firmware panics on what comes from outside; should it, the chip starts anew from its flash.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}

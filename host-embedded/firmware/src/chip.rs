//! The machine's registers, and the only `unsafe` of the firmware.
#![expect(unsafe_code, reason = "registers are memory that the compiler does not know")]

use crate::uart;
use core::ptr;
use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};

/// The first serial line, a 16550 whose registers are four bytes apart.
pub const UART: usize = 0x7e78_4000;
/// The serial line's interrupt.
pub const UART_INTERRUPT: u16 = 8;
/// The flash memory controller.
#[cfg(feature = "chip")]
pub const FMC: usize = 0x7e62_0000;
/// Each byte moved here is one byte on the flash's SPI bus.
#[cfg(feature = "chip")]
pub const FMC_WINDOW: usize = 0x8000_0000;
/// Each read gives other random bits.
pub const RANDOM: usize = 0x7e6e_2540;
/// Whoever starts the machine may leave a mark and the hour here: milliseconds since 1970.
pub const HOUR: usize = 0xb_fff0;
/// The mark.
pub const HOUR_IS_SET: u32 = 0x4e75_7468;

/// Reads a register of this module.
pub fn read(register: usize) -> u32 {
    // SAFETY: the addresses above are the machine's registers or memory that the linker does not use, all aligned; reading
    // any of them has no effect on memory.
    unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

/// Writes a register of this module.
pub fn write(register: usize, value: u32) {
    // SAFETY: as in `read`; none of the registers moves memory by itself.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}

/// Moves a byte onto the flash's bus.
#[cfg(feature = "chip")]
pub fn put(byte: u8) {
    // SAFETY: the window takes bytes.
    unsafe { ptr::with_exposed_provenance_mut::<u8>(FMC_WINDOW).write_volatile(byte) }
}

/// Takes a byte from the flash's bus.
#[cfg(feature = "chip")]
pub fn take() -> u8 {
    // SAFETY: the window gives bytes.
    unsafe { ptr::with_exposed_provenance::<u8>(FMC_WINDOW).read_volatile() }
}

/// The serial line's interrupt may end [`cortex_m::asm::wfi`].
pub fn unmask_uart() {
    // SAFETY: its handler does nothing but silence the line.
    unsafe { cortex_m::peripheral::NVIC::unmask(Uart) }
}

/// Lets interrupts run again.
pub fn enable_interrupts() {
    // SAFETY: called where `idle` has just disabled them, and nothing of the firmware depends on their being off.
    unsafe { cortex_m::interrupt::enable() }
}

/// The serial line's number at the interrupt controller.
#[derive(Clone, Copy)]
struct Uart;

// SAFETY: the number is the machine's.
unsafe impl cortex_m::interrupt::InterruptNumber for Uart {
    fn number(self) -> u16 {
        UART_INTERRUPT
    }
}

/// The interrupts up to the serial line's, the only one that is ever let through. The runtime's own table has all 240.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [unsafe extern "C" fn(); UART_INTERRUPT as usize + 1] = {
    unsafe extern "C" {
        fn DefaultHandler();
    }
    [DefaultHandler; UART_INTERRUPT as usize + 1]
};

#[exception]
unsafe fn DefaultHandler(_: i16) {
    uart::silence();
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    SCB::sys_reset()
}

//! The serial line: a 16550 with its queues of 16 bytes.

use crate::chip;
use core::convert::Infallible;
use embedded_io::{ErrorType, Read, ReadReady, Write};

const DATA: usize = chip::UART;
const INTERRUPTS: usize = chip::UART + 0x04;
const QUEUES: usize = chip::UART + 0x08;
const STATUS: usize = chip::UART + 0x14;

const HAS_DATA: u32 = 1;
const HAS_ROOM: u32 = 1 << 5;
const WHEN_DATA_COMES: u32 = 1;
/// The queues are on and call at the first byte: for who sleeps.
const AT_ONE_BYTE: u32 = 1;
/// The queues are on and call at 14 bytes: the machine fills them up to there at once.
const AT_MANY: u32 = 0xc1;

/// The line. There is one.
pub struct Uart {
    /// What came before the queues were on: turning them on empties them.
    early: Option<u8>,
}

impl Uart {
    /// Turns on the queues.
    pub fn start() -> Self {
        let early = has_data().then(|| chip::read(DATA) as u8);
        chip::write(QUEUES, AT_MANY);
        chip::unmask_uart();
        Self { early }
    }
}

fn has_data() -> bool {
    chip::read(STATUS) & HAS_DATA != 0
}

/// Sleeps until a byte or the next tick comes.
pub fn idle() {
    cortex_m::interrupt::disable();
    if !has_data() {
        chip::write(QUEUES, AT_ONE_BYTE);
        chip::write(INTERRUPTS, WHEN_DATA_COMES);
        // With interrupts disabled a pending one still ends this, and no byte can slip in between.
        cortex_m::asm::wfi();
        silence();
        chip::write(QUEUES, AT_MANY);
    }
    chip::enable_interrupts();
}

/// The line interrupts no more. What it has waits in its queue.
pub fn silence() {
    chip::write(INTERRUPTS, 0);
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Read for Uart {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let mut read = 0;
        for byte in buf {
            *byte = match self.early.take() {
                Some(early) => early,
                None if has_data() => chip::read(DATA) as u8,
                None => break,
            };
            read += 1;
        }
        Ok(read)
    }
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.early.is_some() || has_data())
    }
}

impl Write for Uart {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        for byte in buf {
            while chip::read(STATUS) & HAS_ROOM == 0 {}
            chip::write(DATA, (*byte).into());
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

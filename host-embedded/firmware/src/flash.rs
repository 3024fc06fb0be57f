//! The flash chip: a W25Q32 behind the machine's flash controller, through the crate that drives it on any SPI bus.

use crate::chip;
use core::convert::Infallible;
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::spi::{self, Operation, SpiDevice};
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use w25q32jv::{SECTOR_SIZE, W25q32jv};

const CONFIGURATION: usize = chip::FMC;
const CONTROL: usize = chip::FMC + 0x10;
/// Chip select 0 takes writes.
const WRITABLE: u32 = 1 << 16;
/// Chip select 0 is an SPI flash.
const IS_SPI: u32 = 2;
/// Bytes written to the window go onto the bus as they are.
const BY_HAND: u32 = 3;
/// The chip is not selected.
const INACTIVE: u32 = 1 << 2;

/// The controller's bus, one byte after the other, the flash the only one on it.
pub struct Bus(());

impl Bus {
    fn start() -> Self {
        chip::write(CONFIGURATION, WRITABLE | IS_SPI);
        chip::write(CONTROL, BY_HAND | INACTIVE);
        Self(())
    }
}

impl spi::ErrorType for Bus {
    type Error = Infallible;
}

impl SpiDevice for Bus {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
        chip::write(CONTROL, BY_HAND);
        for operation in operations {
            match operation {
                Operation::Read(bytes) => bytes.iter_mut().for_each(|byte| *byte = chip::take()),
                Operation::Write(bytes) => bytes.iter().for_each(|byte| chip::put(*byte)),
                // The window is a one-way street: a command's bytes go out, then its answer's come in.
                Operation::Transfer(read, write) => {
                    write.iter().for_each(|byte| chip::put(*byte));
                    read.iter_mut().skip(write.len()).for_each(|byte| *byte = chip::take());
                }
                Operation::TransferInPlace(bytes) => {
                    if let Some((command, answer)) = bytes.split_first_mut() {
                        chip::put(*command);
                        answer.iter_mut().for_each(|byte| *byte = chip::take());
                    }
                }
                Operation::DelayNs(_) => {}
            }
        }
        chip::write(CONTROL, BY_HAND | INACTIVE);
        Ok(())
    }
}

/// The chip's pins for holding and write protection are not connected.
pub struct NoPin;

impl digital::ErrorType for NoPin {
    type Error = Infallible;
}

impl OutputPin for NoPin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

type Driver = W25q32jv<Bus, NoPin, NoPin>;
type Failure = w25q32jv::Error<Infallible, Infallible>;

/// The chip. The driver's own `erase` panics where the chip refuses; this one goes sector by sector and says so.
pub struct Flash(Driver);

impl Flash {
    /// Takes the bus.
    ///
    /// # Errors
    /// None: the pins cannot fail.
    pub fn start() -> Result<Self, Failure> {
        Driver::new(Bus::start(), NoPin, NoPin).map(Self)
    }
}

impl ErrorType for Flash {
    type Error = Failure;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = Driver::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failure> {
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        Driver::capacity()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = Driver::WRITE_SIZE;
    const ERASE_SIZE: usize = Driver::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Failure> {
        (from / SECTOR_SIZE..to / SECTOR_SIZE).try_for_each(|sector| self.0.erase_sector(sector))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.0.write_blocking(offset, bytes)
    }
}

//! A file in place of a flash chip, for programs on the desktop.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

use embedded_storage::nor_flash::{self, NorFlash, NorFlashErrorKind, ReadNorFlash};

/// Bytes of the chip, and of what it erases at once.
const CHIP: usize = 4 << 20;
const SECTOR: usize = 4 << 10;

/// A file that behaves as flash does: programs clear bits, erases set them.
pub struct Chip(File);

impl Chip {
    /// Opens the image, or makes an empty one.
    pub fn open(path: &str) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() != CHIP as u64 {
            file.set_len(0)?;
            file.write_all_at(&vec![0xff; CHIP], 0)?;
        }
        Ok(Self(file))
    }
}

impl nor_flash::ErrorType for Chip {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        self.0.read_exact_at(bytes, offset.into()).map_err(|_| NorFlashErrorKind::Other)
    }

    fn capacity(&self) -> usize {
        CHIP
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let ones = vec![0xff; (to - from) as usize];
        self.0.write_all_at(&ones, from.into()).map_err(|_| NorFlashErrorKind::Other)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let mut cells = vec![0; bytes.len()];
        self.read(offset, &mut cells)?;
        cells.iter_mut().zip(bytes).for_each(|(cell, byte)| *cell &= byte);
        self.0.write_all_at(&cells, offset.into()).map_err(|_| NorFlashErrorKind::Other)
    }
}

//! Flash chips: whatever implements `embedded-storage`'s `NorFlash`, blocking or not, is a device of the flash log. Bits are
//! never cleared later, so `MultiwriteNorFlash` is never asked for.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
#[cfg(feature = "waiting")]
use embedded_storage_async::nor_flash as waiting;
use nuthatch_core::{FlashDevice, FlashGeometry};
use nuthatch_waits::waits;

/// A chip that blocks while it works.
#[derive(Debug)]
pub struct Blocking<F>(pub F);

/// A chip whose operations are waited for.
#[cfg(feature = "waiting")]
#[derive(Debug)]
pub struct Waiting<F>(pub F);

/// How a chip is divided for the log: erase by erase. `None` where it has more than 4 GiB.
fn geometry(capacity: usize, erase: usize, write: usize) -> Option<FlashGeometry> {
    Some(FlashGeometry {
        segment: erase.try_into().ok()?,
        segments: capacity.checked_div(erase)?.try_into().ok()?,
        write: write.try_into().ok()?,
    })
}

impl<F: NorFlash> Blocking<F> {
    /// How the chip is divided.
    pub fn geometry(&self) -> Option<FlashGeometry> {
        geometry(self.0.capacity(), F::ERASE_SIZE, F::WRITE_SIZE)
    }
}

#[cfg(feature = "waiting")]
impl<F: waiting::NorFlash> Waiting<F> {
    /// How the chip is divided.
    pub fn geometry(&self) -> Option<FlashGeometry> {
        geometry(self.0.capacity(), F::ERASE_SIZE, F::WRITE_SIZE)
    }
}

#[waits]
impl<F: NorFlash> FlashDevice for Blocking<F> {
    type Error = F::Error;

    async fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), F::Error> {
        ReadNorFlash::read(&mut self.0, at, into)
    }

    async fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), F::Error> {
        self.0.write(at, bytes)
    }

    async fn erase(&mut self, segment: u32) -> Result<(), F::Error> {
        let size = F::ERASE_SIZE as u32;
        self.0.erase(segment * size, (segment + 1) * size)
    }

    /// A NOR flash has no cache: what has ended is there.
    async fn barrier(&mut self) -> Result<(), F::Error> {
        Ok(())
    }
}

#[cfg(feature = "waiting")]
impl<F: waiting::NorFlash> FlashDevice for Waiting<F> {
    type Error = F::Error;

    async fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), F::Error> {
        waiting::ReadNorFlash::read(&mut self.0, at, into).await
    }

    async fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), F::Error> {
        self.0.write(at, bytes).await
    }

    async fn erase(&mut self, segment: u32) -> Result<(), F::Error> {
        let size = F::ERASE_SIZE as u32;
        self.0.erase(segment * size, (segment + 1) * size).await
    }

    /// A NOR flash has no cache: what has ended is there.
    async fn barrier(&mut self) -> Result<(), F::Error> {
        Ok(())
    }
}

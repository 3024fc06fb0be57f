//! The device below the log: four operations, and its geometry as data.

use nuthatch_waits::waits;

/// A device that erases whole segments to all ones and programs bytes once.
///
/// What may be lost: an operation that is cut off by the power may have changed any subset of the bits that it was to
/// change; reads are stable afterwards. An operation that has ended is there after a cut, or, on a device with a cache of
/// its own, once a later [`barrier`](Self::barrier) has ended. The log never programs a byte twice between two erases.
///
/// A device that blocks returns futures that are ready at once; [`block_on`] then runs the log without an executor.
#[waits]
#[allow(async_fn_in_trait, reason = "a chip has one thread: nothing is sent to another")]
pub trait Device {
    /// Why an operation failed.
    type Error;

    /// Reads `into.len()` bytes from the address `at` on.
    async fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), Self::Error>;

    /// Programs bytes that are all ones since the last erase. Address and length are multiples of [`Geometry::write`]; the
    /// bytes lie within one segment.
    async fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Makes every bit of a segment one.
    async fn erase(&mut self, segment: u32) -> Result<(), Self::Error>;

    /// Ends when all that was programmed and erased outlasts a power cut, and before anything later is begun.
    async fn barrier(&mut self) -> Result<(), Self::Error>;
}

/// How a device is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of a segment: what one erase clears.
    pub segment: u32,
    /// How many segments the log has. Its first begins at address 0.
    pub segments: u32,
    /// Bytes that are programmed together: 1 on SPI NOR flash.
    pub write: u32,
}

/// Runs a future of a blocking device to its end. One that is not ready is asked again at once.
#[cfg(feature = "waiting")]
pub fn block_on<F: core::future::Future>(future: F) -> F::Output {
    use core::task::{Context, Poll, Waker};
    let mut future = core::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        core::hint::spin_loop();
    }
}

/// Where every device blocks, what was asked for is there.
#[cfg(not(feature = "waiting"))]
pub fn block_on<R>(output: R) -> R {
    output
}

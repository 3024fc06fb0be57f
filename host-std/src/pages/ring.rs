//! Reads that the kernel carries out by itself (`io_uring`): one call hands over those of a turn, none of them needs a thread,
//! and the disk has all of them at once.

#![expect(
    unsafe_code,
    reason = "the kernel writes into the reads' buffers; the ring owns these until it has told of their end"
)]

use io_uring::{IoUring, Probe, opcode, types};
use nuthatch_core::JobId;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

/// Reads that are handed over at once.
const ENTRIES: u32 = 256;

/// A part of a file that is to be read.
#[derive(Debug)]
pub struct Read {
    /// The job.
    pub id: JobId,
    /// What is read from.
    pub file: Arc<File>,
    /// Where the part begins, in bytes.
    pub offset: u64,
    /// The buffer, as long as the part.
    pub bytes: Vec<u8>,
}

/// Reads on their way.
pub struct Ring {
    ring: IoUring,
    /// By the number under which the kernel has them.
    reads: Vec<Option<Read>>,
    /// Numbers that no read has.
    free: Vec<usize>,
    /// It takes nothing any more.
    broken: bool,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("open", &self.open()).finish_non_exhaustive()
    }
}

impl Ring {
    /// A ring, to be used by this thread alone; `None` where the kernel has none, or allows none.
    pub fn new() -> Option<Self> {
        let ring = IoUring::builder()
            .setup_coop_taskrun()
            .setup_taskrun_flag()
            .setup_cqsize(4 * ENTRIES)
            .build(ENTRIES)
            .ok()?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe).ok()?;
        let fits = ring.params().is_feature_nodrop() && probe.is_supported(opcode::Read::CODE);
        fits.then(|| Self { ring, reads: Vec::new(), free: Vec::new(), broken: false })
    }

    /// What becomes readable when reads have ended.
    pub fn number(&self) -> RawFd {
        self.ring.as_raw_fd()
    }

    /// Reads on their way.
    pub fn open(&self) -> usize {
        self.reads.len() - self.free.len()
    }

    /// Takes a read, which is handed over with the next [`poll`](Self::poll); gives it back where there is no room.
    pub fn push(&mut self, read: Read) -> Result<(), Read> {
        if self.ring.submission().is_full() {
            self.hand_over(0);
        }
        let Some(len) = u32::try_from(read.bytes.len()).ok().filter(|_| !self.broken) else {
            return Err(read);
        };
        let number = self.free.pop().unwrap_or_else(|| {
            self.reads.push(None);
            self.reads.len() - 1
        });
        let Read { file, offset, bytes, .. } = self.reads[number].insert(read);
        let entry = opcode::Read::new(types::Fd(file.as_raw_fd()), bytes.as_mut_ptr(), len)
            .offset(*offset)
            .build()
            .user_data(number as u64);
        // SAFETY: the buffer is the vector's own memory and the file is open as long as `reads` has the read, which is until
        // the kernel has told of its end; neither is touched before. `drop` waits for that, and `give_up` leaves the memory to the
        // kernel.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        if pushed.is_err() {
            self.free.push(number);
            return self.reads[number].take().map_or(Ok(()), Err);
        }
        Ok(())
    }

    /// Hands over what waits, and waits for so many reads to end. What the kernel does not take now goes with the next call.
    fn hand_over(&mut self, want: usize) {
        let outcome = self.ring.submit_and_wait(want);
        let later = [ErrorKind::Interrupted, ErrorKind::WouldBlock, ErrorKind::ResourceBusy];
        self.broken |= outcome.is_err_and(|error| !later.contains(&error.kind()));
    }

    /// A read that has ended, and whether its buffer is full: else it is to be done in another way, which tells why. `wait`:
    /// waits for one, where some are on their way.
    pub fn poll(&mut self, wait: bool) -> Option<(Read, bool)> {
        if self.open() == 0 {
            return None;
        }
        if !self.ring.submission().is_empty() {
            self.hand_over(0);
        }
        loop {
            let end = self.ring.completion().next();
            if let Some(end) = end {
                // One that was given up may end late: it is no answer, and others are still open.
                let Some(read) = self.take(end.user_data() as usize) else { continue };
                let whole = usize::try_from(end.result()) == Ok(read.bytes.len());
                return Some((read, whole));
            }
            if self.broken {
                return self.give_up();
            }
            if !wait {
                return None;
            }
            self.hand_over(1);
        }
    }

    fn take(&mut self, number: usize) -> Option<Read> {
        let read = self.reads.get_mut(number).and_then(Option::take)?;
        self.free.push(number);
        Some(read)
    }

    /// One of the reads of which nothing is heard any more. The kernel may still write into its buffer.
    fn give_up(&mut self) -> Option<(Read, bool)> {
        let number = self.reads.iter().position(Option::is_some)?;
        let mut read = self.take(number)?;
        let fresh = vec![0; read.bytes.len()];
        std::mem::forget(std::mem::replace(&mut read.bytes, fresh));
        Some((read, false))
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Where it waits, `poll` takes one out as long as there are any.
        while self.open() > 0 {
            drop(self.poll(true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Read, Ring};
    use crate::store::tests::two_jobs;
    use std::fs::File;
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    /// The late end of a read that was given up was taken for the end of all: the ring was freed with the buffers to which
    /// the kernel still wrote.
    #[test]
    fn a_late_end_hides_no_open_read() {
        let Some(mut ring) = Ring::new() else { return };
        // These end when something is written to the other end.
        let mut writers = two_jobs().map(|id| {
            let (reader, writer) = std::io::pipe().unwrap();
            let file = Arc::new(File::from(OwnedFd::from(reader)));
            ring.push(Read { id, file, offset: 0, bytes: vec![0; 8] }).unwrap();
            writer
        });
        assert!(ring.poll(false).is_none());
        ring.broken = true;
        let (given_up, whole) = ring.poll(false).unwrap();
        assert!(!whole);
        writers[0].write_all(b"too late").unwrap();
        while ring.ring.completion().is_empty() {
            std::thread::yield_now();
        }
        assert!(ring.poll(true).is_some());
        assert_eq!(ring.open(), 0);
        assert_eq!(given_up.bytes, [0; 8]);
    }
}

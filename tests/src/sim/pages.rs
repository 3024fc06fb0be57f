//! A page device that lies in memory and does what a device may at the worst of times: its jobs end late and in any order,
//! fail, tear what they write and give back other bytes than were written.

use nuthatch_core::{Done, Job, JobError, JobId};

use super::Dice;

/// In which order jobs end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Random,
    Fifo,
    Lifo,
    StoresFirst,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Writes fail, and leave a part behind.
    Writes,
    /// Reads fail.
    Reads,
    /// Reads give back something else.
    Rot,
}

/// The device.
#[derive(Debug)]
pub(super) struct MemoryPages {
    bytes: Vec<u8>,
    pending: Vec<(JobId, Job)>,
    order: Order,
    pub(super) fault: Fault,
    /// Reads that were asked for.
    pub(super) reads: usize,
}

fn span(job: &Job) -> (u64, u64, bool) {
    match job {
        Job::PageWrite { offset, bytes } => (*offset, offset + bytes.len() as u64, true),
        Job::PageRead { offset, len, .. } => (*offset, offset + *len as u64, false),
        _ => (0, 0, false),
    }
}

impl MemoryPages {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let order = *dice.pick(&[Order::Random, Order::Fifo, Order::Lifo, Order::StoresFirst]);
        Self { bytes: Vec::new(), pending: Vec::new(), order, fault: Fault::None, reads: 0 }
    }

    /// Takes a job; of two on the same bytes, neither may write: jobs may end in any order.
    pub(super) fn take(&mut self, id: JobId, job: Job) -> Result<(), String> {
        let (from, to, writes) = span(&job);
        self.reads += usize::from(!writes);
        let clash = self
            .pending
            .iter()
            .map(|(_, other)| span(other))
            .find(|(first, end, also_writes)| (writes || *also_writes) && *first < to && from < *end);
        if let Some(other) = clash {
            return Err(format!("{:?} is asked for while {other:?} is under way", (from, to, writes)));
        }
        self.pending.push((id, job));
        Ok(())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Carries out a job.
    pub(super) fn step(&mut self, dice: &mut Dice) -> Option<(JobId, Done)> {
        if self.pending.is_empty() {
            return None;
        }
        let at = match self.order {
            Order::Random => dice.below(self.pending.len()),
            Order::Fifo => 0,
            Order::Lifo => self.pending.len() - 1,
            Order::StoresFirst => {
                self.pending.iter().position(|(_, job)| matches!(job, Job::PageWrite { .. })).unwrap_or(0)
            }
        };
        let (id, job) = self.pending.remove(at);
        Some((id, self.carry_out(job, dice)))
    }

    fn carry_out(&mut self, job: Job, dice: &mut Dice) -> Done {
        let goes_wrong = dice.once_in(3);
        match job {
            Job::PageWrite { offset, bytes } => {
                let fails = self.fault == Fault::Writes && goes_wrong;
                let length = if fails { dice.below(bytes.len()) } else { bytes.len() };
                self.write(offset as usize, &bytes[..length]);
                if fails { Done::Refused { bytes, error: failure() } } else { Done::Appended(bytes) }
            }
            Job::PageRead { .. } if self.fault == Fault::Reads && goes_wrong => Done::Failed(failure()),
            Job::PageRead { offset, len, mut into, .. } => {
                let offset = offset as usize;
                into.clear();
                into.extend_from_slice(&self.bytes[offset..offset + len]);
                if self.fault == Fault::Rot && goes_wrong {
                    let at = dice.below(into.len());
                    into[at] ^= 1 << dice.below(8);
                }
                Done::Read { bytes: into, size: self.bytes.len() as u64 }
            }
            other => Done::Failed(JobError {
                missing: false,
                full: false,
                text: format!("no job of here: {other:?}"),
            }),
        }
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[offset..end].copy_from_slice(bytes);
    }
}

fn failure() -> JobError {
    JobError { missing: false, full: false, text: "Input/output error".to_owned() }
}

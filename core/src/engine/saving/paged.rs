//! Values that lie on a device, on their way into a snapshot.
//!
//! The walk meets keys in the order of their hashes, and their values lie where they left memory. So keys are gathered, put
//! into the device's order, and what lies together is read by one job.

use super::Saving;
use crate::engine::Engine;
use crate::engine::jobs::{Done, Job, JobError, Jobs, Owner};
use crate::page::{Device, Paging, Place};
use crate::rdb::{PagedEntry, Snapshot};
use crate::server::Request;
use crate::types::Limits;
use crate::words::ordered::OrderedMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Keys that are gathered in the background.
const GATHERED: usize = 4096;
/// And where the memory limit is low.
const LEAST_GATHERED: usize = 256;
/// What one of them takes with its run, in bytes.
const GATHERED_BYTES: usize = 256;
/// And where somebody waits.
const GATHERED_IN_HASTE: usize = 8192;
/// Bytes that are asked for at once in the background: a host may copy them while requests wait.
const ASKED: usize = 128 << 10;
/// And where the memory limit is low.
const LEAST_ASKED: usize = 16 << 10;
/// And where somebody waits.
const ASKED_IN_HASTE: usize = 1 << 20;
/// On a device whose reads keep the engine from all else: the least that is asked for at once.
const LEAST_PACED: usize = 4 << 10;
/// What it took until all of that had come, in microseconds, for less or more to be asked for the next time.
const PACE: core::ops::Range<u64> = 1_000..3_000;
/// If there were commands since the time before, nothing is asked for until so many times as long have passed.
const PAUSE: u64 = 3;
/// But not longer, in microseconds: a machine may have slept meanwhile.
const LONGEST_PAUSE: u64 = 100_000;

/// Values that are read at once.
#[derive(Debug)]
struct Run {
    from: Device,
    offset: u64,
    len: usize,
    /// In the order in which they lie there.
    entries: Vec<(PagedEntry, Place)>,
}

impl Run {
    fn of(entry: PagedEntry, place: Place, page_size: u32) -> Self {
        let (from, offset, len) = (place.device(), place.offset(page_size), place.len as usize);
        Self { from, offset, len, entries: Vec::from([(entry, place)]) }
    }

    /// The length with the value there, if that is the run's next and `longest` is not passed.
    fn with(&self, place: &Place, page_size: u32, longest: usize) -> Option<usize> {
        let end = self.offset + self.len as u64;
        let next = if self.from == Device::Pages { end.next_multiple_of(page_size.into()) } else { end };
        let len = (next - self.offset) as usize + place.len as usize;
        (self.from == place.device() && next == place.offset(page_size) && len <= longest).then_some(len)
    }
}

/// How reads go on that keep the engine from all else while they last: most of the time is the clients'.
#[derive(Debug)]
struct Pace {
    /// The most bytes that may be asked for at once.
    largest: usize,
    /// When the reads that are under way began, in microseconds.
    began: u64,
    /// How many commands there had been when the last ones ended.
    commands: u64,
    /// Nothing is asked for before.
    resumes: u64,
}

impl Pace {
    /// All that was asked for has come; how much may be asked for the next time.
    fn ended(&mut self, now: u64, commands: u64, asked: usize) -> usize {
        let took = now.saturating_sub(self.began);
        let is_idle = commands == core::mem::replace(&mut self.commands, commands);
        self.resumes = if is_idle || took < PACE.start { 0 } else { now + (PAUSE * took).min(LONGEST_PAUSE) };
        if took >= PACE.end {
            (asked / 2).max(LEAST_PACED)
        } else if took < PACE.start {
            (asked * 2).min(self.largest)
        } else {
            asked
        }
    }
}

/// Reads of paged values.
#[derive(Debug)]
pub(super) struct PagedReads {
    page_size: u32,
    /// The longest run of more than one value, in bytes.
    longest: usize,
    /// Keys that are gathered before their values are read.
    most: usize,
    /// Bytes that may be asked for at once.
    most_asked: usize,
    /// Runs that are still to be asked for, the first one last.
    runs: Vec<Run>,
    /// Those that were asked for, by number.
    reads: OrderedMap<u32, Run>,
    /// Bytes that were asked for and have not come.
    asked: usize,
    pace: Option<Pace>,
    spare: Vec<Vec<u8>>,
}

impl PagedReads {
    /// `in_haste`: somebody waits for the snapshot; else there is room for so many bytes. `commands`: how many there have been.
    pub(super) fn new(paging: &Paging, in_haste: bool, room: usize, commands: u64) -> Self {
        let gathered = (room / GATHERED_BYTES).clamp(LEAST_GATHERED, GATHERED);
        let largest = if in_haste { ASKED_IN_HASTE } else { (room / 2).clamp(LEAST_ASKED, ASKED) };
        let paced = paging.reads_block && !in_haste;
        Self {
            page_size: paging.page_size,
            longest: paging.run,
            most: if in_haste { GATHERED_IN_HASTE } else { gathered },
            most_asked: if paced { LEAST_PACED } else { largest },
            pace: paced.then_some(Pace { largest, began: 0, commands, resumes: 0 }),
            runs: Vec::new(),
            reads: OrderedMap::new(),
            asked: 0,
            spare: Vec::new(),
        }
    }

    /// How many keys the walk gathers before their values are read.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    fn may_ask(&self) -> bool {
        self.asked < self.most_asked
    }

    /// Somebody waits for the snapshot's end.
    pub(super) fn hurry(&mut self) {
        if let Some(pace) = self.pace.take() {
            self.most_asked = pace.largest;
        }
    }

    /// For so long nothing is asked for after `now`, both in microseconds.
    pub(super) fn pause(&self, now: u64) -> u64 {
        self.pace.as_ref().map_or(0, |pace| pace.resumes.saturating_sub(now))
    }

    /// Whether runs are to be asked for before the walk goes on.
    pub(super) fn has_runs(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Whether nothing can be done before a read has ended.
    pub(super) fn waits(&self, snapshot: &Snapshot) -> bool {
        let rest = self.has_runs() || snapshot.paged() > 0 || !snapshot.is_walked();
        !self.may_ask() || (!rest && !self.reads.is_empty())
    }

    /// Takes what the walk has gathered, if that is enough or all.
    pub(super) fn gather(&mut self, snapshot: &mut Snapshot) {
        let enough = snapshot.is_walked() || snapshot.paged() >= self.most();
        if self.has_runs() || snapshot.paged() == 0 || !enough {
            return;
        }
        let placed = |entry: PagedEntry| Some((Place::decode(&entry.place)?, entry));
        let mut found: Vec<_> = snapshot.take_paged().into_iter().filter_map(placed).collect();
        // The last one is taken first.
        found.sort_unstable_by_key(|(place, _)| {
            Reverse((order(place.device()), place.offset(self.page_size)))
        });
        while let Some((place, entry)) = found.pop() {
            let last = self.runs.last_mut();
            let longer = last.and_then(|run| Some((run.with(&place, self.page_size, self.longest)?, run)));
            match longer {
                Some((len, run)) => {
                    run.len = len;
                    run.entries.push((entry, place));
                }
                None => self.runs.push(Run::of(entry, place, self.page_size)),
            }
        }
        self.runs.reverse();
    }

    /// Asks for runs, as many as may be, unless there is a pause at `now`.
    pub(super) fn read(&mut self, serial: u32, now: u64, paging: &mut Paging, jobs: &mut Jobs) {
        if self.pause(now) > 0 {
            return;
        }
        if let Some(pace) = self.pace.as_mut().filter(|_| self.asked == 0) {
            pace.began = now;
        }
        while self.may_ask()
            && let Some(run) = self.runs.pop()
        {
            let number = paging.read_begins();
            self.asked += run.len;
            let into = self.spare.pop().unwrap_or_default();
            let job = Job::PageRead { from: run.from, offset: run.offset, len: run.len, into };
            jobs.push(Owner::PageSave(serial, number), job);
            self.reads.insert(number, run);
        }
    }

    /// A run was read, or could not be.
    fn ended(&mut self, number: u32, now: u64, commands: u64) -> Option<Run> {
        let run = self.reads.remove(&number)?;
        self.asked -= run.len;
        if let Some(pace) = self.pace.as_mut().filter(|_| self.asked == 0) {
            self.most_asked = pace.ended(now, commands, self.most_asked);
        }
        Some(run)
    }

    /// A run that could not be read is read again value by value, which tells whose it is; the value if it was one already.
    fn split(&mut self, mut run: Run) -> Option<PagedEntry> {
        if run.entries.len() == 1 {
            return run.entries.pop().map(|(entry, _)| entry);
        }
        self.runs.extend(run.entries.into_iter().map(|(entry, place)| Run::of(entry, place, self.page_size)));
        None
    }
}

fn order(device: Device) -> u8 {
    match device {
        Device::Pages => 0,
        Device::Snapshot { odd } => 1 + u8::from(odd),
    }
}

impl Saving {
    /// Writes the values of a run that was read.
    ///
    /// # Errors
    /// The number of the first that is damaged.
    fn write_run(
        &mut self,
        run: &Run,
        bytes: &[u8],
        snapshot: &mut Snapshot,
        limits: &Limits,
    ) -> Result<(), usize> {
        for (number, (entry, place)) in run.entries.iter().enumerate() {
            let start = (place.offset(self.paged.page_size) - run.offset) as usize;
            let frame = bytes.get(start..start + place.len as usize).unwrap_or_default();
            let (form, body) = place.open(frame).map_err(|_| number)?;
            snapshot.write_paged(entry, (form, body), limits).map_err(|_| number)?;
            if let (Some(old), Some(moves)) = (place.snapshot_offset(), &mut self.moves) {
                moves.push((old, snapshot.writer().len() - body.len() as u64));
            }
        }
        Ok(())
    }
}

impl Engine {
    /// Paged values for the snapshot were read: their bodies go into the file as they are.
    pub(super) fn saving_read_done(&mut self, serial: u32, number: u32, done: Done) {
        // Also where the snapshot was given up meanwhile: its pages may be written anew from now on.
        self.data.paging.read_ended(number);
        let Some(saving) = self.saving.as_mut().filter(|saving| saving.serial == serial) else { return };
        let (now, commands) = ((self.server.host.monotonic)(), self.server.stats.commands);
        let Some(mut run) = saving.paged.ended(number, now, commands) else { return };
        let damaged = match (done, self.data.snapshot.as_deref_mut()) {
            (Done::Read { bytes, .. }, Some(snapshot)) => {
                let written = saving.write_run(&run, &bytes, snapshot, &self.data.limits);
                saving.paged.spare.push(bytes);
                written.err().map(|number| run.entries.swap_remove(number).0)
            }
            _ => saving.paged.split(run),
        };
        if let Some(entry) = damaged {
            let key = String::from_utf8_lossy(&entry.key).into_owned();
            let line =
                format!("Error saving the DB: the value of key '{key}' cannot be read from its device");
            self.server.requests.push(Request::Log(line.clone()));
            self.data.paging.stats.damaged += 1;
            self.end_saving(Err(&JobError { missing: false, full: false, text: line }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace { largest: 64 << 10, began: 0, commands: 0, resumes: 0 }
    }

    /// A rewrite had a hundred reads of a third of a millisecond between any two messages of a client.
    #[test]
    fn what_takes_long_is_asked_for_in_smaller_parts_with_pauses_between() {
        let (mut pace, mut asked, mut now, mut commands) = (pace(), 64 << 10, 0, 0);
        for _ in 0..10 {
            pace.began = now;
            // 0.3 ms for each KiB.
            let took = asked as u64 * 300 / 1024;
            (now, commands) = (now + took, commands + 1);
            asked = pace.ended(now, commands, asked);
            assert_eq!(pace.resumes, now + (PAUSE * took).min(LONGEST_PAUSE));
            now = pace.resumes;
        }
        assert!((LEAST_PACED..16 << 10).contains(&asked), "{asked}");
    }

    #[test]
    fn after_a_stall_nobody_waits_three_times_as_long() {
        let mut pace = pace();
        pace.ended(3_600_000_000, 1, LEAST_PACED);
        assert_eq!(pace.resumes, 3_600_000_000 + LONGEST_PAUSE);
    }

    #[test]
    fn nothing_waits_where_reads_are_quick_or_nobody_asks() {
        let mut pace = pace();
        pace.began = 1000;
        assert_eq!(pace.ended(1500, 1, 16 << 10), 32 << 10, "more the next time");
        assert_eq!(pace.resumes, 0);
        pace.began = 2000;
        assert_eq!(pace.ended(2500, 2, 64 << 10), 64 << 10, "but not more than fits");
        pace.began = 3000;
        assert_eq!(pace.ended(5000, 2, 32 << 10), 32 << 10);
        assert_eq!(pace.resumes, 0, "there was no command");
    }
}

//! What INFO tells of the flash.

use super::device::Device;
use super::{Log, RESERVE};
use crate::words::number::write_u64;
use alloc::vec::Vec;

/// How often a cell is erased before its maker no longer vouches for it.
const CYCLES: u64 = 100_000;

/// Counts since the log was made.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) erases: u64,
    pub(super) programs: u64,
    pub(super) programmed: u64,
    pub(super) asked: u64,
    pub(super) copied: u64,
    pub(super) expired: u64,
    pub(super) damaged: u64,
}

/// Figures of a log. Bytes and counts are of the time since the log was made, unless they say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Segments that the device has.
    pub segments: u32,
    /// Segments that are erased and empty.
    pub clean: u32,
    /// Erases of all segments in the device's life.
    pub erases: u64,
    /// Erases of the most erased one.
    pub most_erased: u32,
    /// Erases of the least erased one.
    pub least_erased: u32,
    /// Erases since the log was made.
    pub recent_erases: u64,
    /// Programs.
    pub programs: u64,
    /// Bytes that were programmed, headers and footers included.
    pub programmed: u64,
    /// Bytes of the records that were asked for.
    pub asked: u64,
    /// Bytes of records that reclaim copied.
    pub copied: u64,
    /// Bytes of records that count.
    pub live: u64,
    /// Bytes of records that no longer count and wait for reclaim.
    pub dead: u64,
    /// The most bytes of records that the log takes.
    pub capacity: u64,
    /// Keys, parts of long values and pages.
    pub records: u64,
    /// Keys that reclaim dropped because their time was over.
    pub expired: u64,
    /// Damaged records that were come upon.
    pub damaged: u64,
    /// Bytes of memory that the index takes.
    pub index_bytes: u64,
    /// How many milliseconds write-behind is to wait because the budget of writes is spent, as was last asked.
    pub budget_wait: u64,
}

impl Stats {
    /// Bytes programmed a byte asked for, times 100.
    pub fn write_amplification(&self) -> u64 {
        self.programmed.saturating_mul(100).checked_div(self.asked).unwrap_or(100)
    }

    /// What is left of the most erased segment's 100,000 cycles, in percent times 100.
    pub fn life_left(&self) -> u64 {
        CYCLES.saturating_sub(self.most_erased.into()) * 10_000 / CYCLES
    }

    /// How many hours the device lasts if it goes on as in the last `seconds`, since the log was made; `None` where
    /// nothing was erased.
    pub fn hours_left(&self, seconds: u64) -> Option<u64> {
        let left = (CYCLES * u64::from(self.segments)).saturating_sub(self.erases);
        left.saturating_mul(seconds).checked_div(self.recent_erases).map(|seconds| seconds / 3600)
    }

    /// Appends INFO's lines; `seconds` since the log was made.
    pub fn write_info(&self, seconds: u64, out: &mut Vec<u8>) {
        let mut line = |name: &[u8], value: u64| {
            out.extend_from_slice(b"flash_");
            out.extend_from_slice(name);
            out.push(b':');
            write_u64(out, value);
            out.extend_from_slice(b"\r\n");
        };
        line(b"segments", self.segments.into());
        line(b"clean_segments", self.clean.into());
        line(b"erases", self.erases);
        line(b"most_erased", self.most_erased.into());
        line(b"least_erased", self.least_erased.into());
        line(b"programs", self.programs);
        line(b"programmed_bytes", self.programmed);
        line(b"asked_bytes", self.asked);
        line(b"copied_bytes", self.copied);
        line(b"live_bytes", self.live);
        line(b"dead_bytes", self.dead);
        line(b"capacity_bytes", self.capacity);
        line(b"records", self.records);
        line(b"expired_at_reclaim", self.expired);
        line(b"damaged_records", self.damaged);
        line(b"index_bytes", self.index_bytes);
        line(b"budget_exceeded", u64::from(self.budget_wait > 0));
        line(b"budget_wait_ms", self.budget_wait);
        hundredths(out, b"flash_write_amplification:", self.write_amplification());
        hundredths(out, b"flash_life_left_percent:", self.life_left());
        if let Some(hours) = self.hours_left(seconds) {
            out.extend_from_slice(b"flash_life_left_hours:");
            write_u64(out, hours);
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn hundredths(out: &mut Vec<u8>, name: &[u8], value: u64) {
    out.extend_from_slice(name);
    write_u64(out, value / 100);
    out.extend_from_slice(&[b'.', b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]);
    out.extend_from_slice(b"\r\n");
}

impl<D: Device> Log<D> {
    /// The most units of records that the log takes: a sixteenth stays free, or reclaim would hardly find what to drop.
    pub(super) fn capacity(&self) -> u32 {
        (u64::from(self.room()) * 15 / 16) as u32
    }

    /// Units of records for which there is room, as segments were filled of late.
    pub(super) fn room(&self) -> u32 {
        let segment = self.shape.segment - self.shape.header;
        let segment = segment.saturating_sub(self.waste / 16).max(segment / 2);
        (u64::from(segment / self.shape.unit) * u64::from(self.shape.segments - RESERVE)).min(u32::MAX.into())
            as u32
    }

    /// [`Stats::live`], summed up anew, for audits.
    pub fn audited_live(&self) -> u64 {
        let slots = core::iter::successors(self.index.next(0), |(behind, _)| self.index.next(*behind));
        slots.map(|(_, slot)| u64::from(slot.len * self.shape.unit)).sum()
    }

    /// Bytes of memory that the index wants in one piece to take more keys; 0 while it has room for some. Without them
    /// [`grow`](Self::grow) does nothing.
    pub fn wants_memory(&self) -> usize {
        self.index.growth().unwrap_or_default()
    }

    /// Gives the index the memory that it wants; whether it was there.
    pub fn grow(&mut self) -> bool {
        self.index.grow().is_ok()
    }

    /// Whether a record of the largest size may find no room.
    pub fn is_full(&self) -> bool {
        self.live + self.shape.max_record / self.shape.unit > self.capacity()
    }

    /// Figures for INFO.
    pub fn stats(&self) -> Stats {
        let unit = u64::from(self.shape.unit);
        let used = u64::from(self.open.sequence.saturating_sub(self.oldest)) * u64::from(self.shape.segment)
            + u64::from(if self.open.is_open { self.open.offset } else { 0 });
        let live = u64::from(self.live) * unit;
        Stats {
            segments: self.shape.segments,
            clean: self.clean_to.saturating_sub(self.open.sequence),
            erases: self.wear.iter().map(|erases| u64::from(*erases)).sum(),
            most_erased: self.wear.iter().copied().max().unwrap_or_default(),
            least_erased: self.wear.iter().copied().min().unwrap_or_default(),
            recent_erases: self.stats.erases,
            programs: self.stats.programs,
            programmed: self.stats.programmed,
            asked: self.stats.asked,
            copied: self.stats.copied,
            live,
            dead: used.saturating_sub(live),
            capacity: u64::from(self.capacity()) * unit,
            records: self.index.len() as u64,
            expired: self.stats.expired,
            damaged: self.stats.damaged,
            index_bytes: self.index.bytes() as u64,
            budget_wait: self.budget.as_ref().map_or(0, |budget| budget.waits),
        }
    }
}

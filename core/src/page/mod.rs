//! Virtual memory: cold values leave memory for a page device.
//!
//! The keys and all metadata stay; a record's payload becomes a [`Place`]. Values leave by batches that lie on the
//! device in one run of pages, so that writing costs one call for many values, and each comes back by its own pages.
//! The device is abstract: so many pages of so many bytes, read and written by the host's jobs.

pub mod bitmap;
pub mod frame;
mod place;
mod reads;
mod rests;
mod storing;
pub mod victims;

use crate::waiters::DbKey;
use alloc::vec::Vec;
use bitmap::Bitmap;
use reads::Reads;
use rests::Rests;

pub use place::{Device, PLACE_LEN, Place};
pub use storing::Storing;

/// Counts that INFO shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct PagingStats {
    /// Values that came back.
    pub swapped_in: u64,
    /// Values that left.
    pub swapped_out: u64,
    /// Frames that were damaged or could not be read.
    pub damaged: u64,
    /// Writes that failed.
    pub failed_writes: u64,
}

/// Jobs on the device, as the host told of them last.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageQueue {
    /// Nobody has begun with them.
    pub waiting: usize,
    /// They are being carried out.
    pub running: usize,
    /// They have ended, and the engine has not heard of it.
    pub ended: usize,
}

/// The state of paging, but for the records themselves.
#[derive(Debug)]
pub struct Paging {
    /// Values may leave memory.
    pub enabled: bool,
    /// Bytes a page.
    pub page_size: u32,
    /// So many bytes the host reads from the device at once, whatever values lie there; 0: one value each time.
    pub run: usize,
    /// The host does nothing else while it reads.
    pub reads_block: bool,
    bitmap: Bitmap,
    /// Keys whose values are on their way to the device.
    pub storing: Storing,
    /// Values on the device.
    pub swapped: usize,
    /// Values on their way back.
    pub loading: usize,
    /// How long values rest on the device, as a rule.
    pub rests: Rests,
    /// Jobs on the device.
    pub queue: PageQueue,
    /// Pages are not given back before the running snapshot has ended: it may still read them.
    hold: bool,
    held: Vec<Place>,
    /// Reads that are under way: their values may have gone, and a snapshot that is given up leaves them behind.
    reads: Reads,
    /// Counts.
    pub stats: PagingStats,
    generation: u32,
    /// The device has no room: values stay until pages are freed.
    pub full: bool,
    /// Pages that were freed since.
    freed: u64,
    /// The last write failed.
    pub failing: bool,
    /// Nothing was found to leave the last time; the next tick tries again.
    pub exhausted: bool,
    /// Values that are to leave because DEBUG SWAPOUT named them.
    pub requested: Vec<DbKey>,
    /// Writing failed so often that paging has stopped.
    pub broken: bool,
    /// The host keeps the snapshot open that is loaded at the start.
    pub keeps_snapshot: bool,
    /// Values lie in a snapshot that is kept open; whether that is the odd one.
    pub kept: Option<bool>,
    /// References move to a newer snapshot.
    pub moving: bool,
}

/// After so many failed writes in a row paging stops.
pub const MAX_FAILURES: u64 = 8;
/// A full device is tried again when so many pages were freed: each look for a gap costs a walk over the whole table.
const FREED_AGAIN: u64 = 256;

impl Paging {
    /// Paging over a device of `pages` pages.
    pub fn new(enabled: bool, page_size: u32, pages: u64) -> Self {
        Self {
            enabled,
            page_size: page_size.max(1),
            run: 0,
            reads_block: false,
            bitmap: Bitmap::new(pages.min(u64::from(u32::MAX))),
            storing: Storing::default(),
            swapped: 0,
            loading: 0,
            rests: Rests::default(),
            queue: PageQueue::default(),
            hold: false,
            held: Vec::new(),
            reads: Reads::default(),
            stats: PagingStats::default(),
            generation: 0,
            full: false,
            freed: 0,
            failing: false,
            exhausted: false,
            requested: Vec::new(),
            broken: false,
            keeps_snapshot: false,
            kept: None,
            moving: false,
        }
    }

    /// Pages that a frame of that length takes.
    pub fn pages_of(&self, len: u32) -> u64 {
        u64::from(len.div_ceil(self.page_size))
    }

    /// Pages that are taken.
    pub fn used_pages(&self) -> u64 {
        self.bitmap.used()
    }

    /// Pages of the device, as far as its disk has room.
    pub fn pages(&self) -> u64 {
        self.bitmap.pages()
    }

    /// Which pages are taken: one bit a page, as far as pages were ever used.
    pub fn map(&self) -> &[u64] {
        self.bitmap.words()
    }

    /// Whether there is so much room that values which came back may keep their pages: leaving again costs no write then.
    pub fn keeps_copies(&self) -> bool {
        self.bitmap.used() < self.bitmap.pages() / 4 * 3
    }

    /// A number for the next frame.
    pub fn next_generation(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    /// Takes pages in a row.
    pub fn allocate(&mut self, pages: u64) -> Option<u32> {
        self.bitmap.allocate(pages).map(|first| first as u32)
    }

    /// Notes that a frame is on the device.
    pub fn note_written(&mut self, place: &Place) {
        let pages = self.pages_of(place.len);
        self.bitmap.note_written(u64::from(place.first), pages);
    }

    /// Gives a frame's pages back, late where somebody may still read them.
    pub fn free(&mut self, place: &Place) {
        if place.device() != Device::Pages {
            return;
        }
        if self.hold {
            self.held.push(*place);
        } else if self.reads.are_open() {
            self.reads.keep(*place);
        } else {
            self.give_back(place);
        }
    }

    fn give_back(&mut self, place: &Place) {
        let pages = self.pages_of(place.len);
        self.bitmap.free(u64::from(place.first), pages);
        self.freed += pages;
        if self.freed >= FREED_AGAIN {
            self.full = false;
            self.exhausted = false;
        }
    }

    /// Begins or ends the time in which no page is given back.
    pub fn set_hold(&mut self, hold: bool) {
        self.hold = hold;
        if !hold {
            // The snapshot's last reads may be under way still, if it was given up.
            core::mem::take(&mut self.held).into_iter().for_each(|place| self.reads.keep(place));
            self.free_late();
        }
    }

    /// A read of the device, or of a snapshot that is kept, begins; its number.
    pub fn read_begins(&mut self) -> u32 {
        self.reads.begin()
    }

    /// A read has ended.
    pub fn read_ended(&mut self, number: u32) {
        self.reads.end(number);
        self.free_late();
    }

    fn free_late(&mut self) {
        while let Some(place) = self.reads.pop() {
            self.give_back(&place);
        }
    }

    /// A write found the device's disk full: values go where others have been, until that is tried again.
    pub fn seal(&mut self) {
        self.bitmap.seal();
    }

    /// The disk may have room again.
    pub fn unseal(&mut self) {
        self.bitmap.unseal();
    }

    /// In a word, for INFO.
    pub fn state(&self) -> &'static str {
        match (self.broken, self.full || self.bitmap.is_sealed(), self.failing) {
            (true, ..) => "stopped",
            (_, true, _) => "full",
            (.., true) => "failing",
            _ => "ok",
        }
    }

    /// Notes that there is no gap for a value.
    pub fn set_full(&mut self) {
        self.full = true;
        self.freed = 0;
    }

    /// Whether values cannot leave though memory may be short: the device is full or fails.
    pub fn is_stuck(&self) -> bool {
        self.enabled && (self.full || self.failing)
    }

    /// What waits for the end of a snapshot or of reads, for audits.
    pub fn late(&self) -> impl Iterator<Item = Place> {
        self.held.iter().copied().chain(self.reads.late())
    }
}

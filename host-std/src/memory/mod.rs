//! How much memory the program holds: every thread counts for itself, a reader adds the counts up.
//!
//! Only what goes through [`allocator`] is counted. A program that wants `maxmemory` of its [`Db`](crate::Db)
//! declares it:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: nuthatch::memory::Allocator = nuthatch::memory::allocator();
//!
//! fn main() {
//!     let before = nuthatch::memory::used();
//!     let seeds = vec![0_u8; 1 << 20];
//!     assert!(nuthatch::memory::used() - before >= seeds.len());
//! }
//! ```

pub(crate) mod limit;
pub mod reserve;

use nuthatch_counting::{Counting, Tally};
use reserve::Guarded;
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

/// The program's allocator.
pub type Allocator = Counting<Guarded, Threads>;

/// Sets memory aside for when the system has no more to give; false where it has none now.
pub(crate) fn refill() -> bool {
    reserve::refill();
    !reserve::is_short()
}

/// The allocator that INFO names.
pub(crate) const ALLOCATOR_NAME: &str = "mimalloc";

/// An allocator whose bytes [`used`] tells.
pub const fn allocator() -> Allocator {
    Counting::new(Guarded, Threads)
}

/// Threads that count without an atomic addition; those after them share one counter.
const COUNTERS: usize = 64;

/// A cache line each, so that threads do not disturb one another.
#[repr(align(128))]
struct Counter(AtomicIsize);

static TALLIES: [Counter; COUNTERS] = [const { Counter(AtomicIsize::new(0)) }; COUNTERS];
static SHARED: Counter = Counter(AtomicIsize::new(0));
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// This thread's counter, once it has one. `SHARED` is told apart by its address.
    static MINE: Cell<Option<&'static Counter>> = const { Cell::new(None) };
}

/// Sums up by thread.
#[derive(Debug, Clone, Copy)]
pub struct Threads;

impl Tally for Threads {
    #[inline]
    fn add(&self, bytes: isize) {
        match MINE.get() {
            // Only this thread writes to its counter, so no increment is lost and none needs a locked instruction.
            Some(counter) if !core::ptr::eq(counter, &raw const SHARED) => {
                counter.0.store(counter.0.load(Relaxed) + bytes, Relaxed);
            }
            Some(_) => {
                SHARED.0.fetch_add(bytes, Relaxed);
            }
            None => first(bytes),
        }
    }
}

#[cold]
fn first(bytes: isize) {
    let index = TAKEN.fetch_add(1, Relaxed);
    match TALLIES.get(index) {
        Some(counter) => {
            MINE.set(Some(counter));
            counter.0.store(bytes, Relaxed);
        }
        None => {
            MINE.set(Some(&SHARED));
            SHARED.0.fetch_add(bytes, Relaxed);
        }
    }
}

/// Bytes in use now. Cheap: one load a thread.
pub fn used() -> usize {
    let taken = TAKEN.load(Relaxed).min(COUNTERS);
    let sum: isize = TALLIES[..taken].iter().chain([&SHARED]).map(|counter| counter.0.load(Relaxed)).sum();
    if sum > PEAK.load(Relaxed) {
        PEAK.store(sum, Relaxed);
    }
    sum.max(0).cast_unsigned()
}

/// Whether anybody counts: the program has an [`Allocator`] of ours.
pub(crate) fn is_counted() -> bool {
    TAKEN.load(Relaxed) > 0
}

/// The most that [`used`] ever told.
pub fn peak() -> usize {
    let _ = used();
    PEAK.load(Relaxed).max(0).cast_unsigned()
}

/// Bytes of the process that lie in physical memory, as the operating system counts them; 0 where it does not tell.
pub fn resident() -> usize {
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else { return 0 };
    let pages: Option<usize> = statm.split(' ').nth(1).and_then(|word| word.parse().ok());
    pages.unwrap_or(0) * rustix::param::page_size()
}

/// Takes memory from the operating system in small pages only. To clear a huge one may take it milliseconds, for which the
/// request waits that touched it first. Where the system knows no such switch nothing happens.
pub(crate) fn forgo_huge_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// User and system time of the process or thread whose `stat` file this is, in microseconds.
#[doc(hidden)]
pub fn cpu_times(stat: &str) -> (u64, u64) {
    /// The kernel counts in hundredths of a second here, whatever its own tick is.
    const MICROS_A_TICK: u64 = 10_000;
    let Ok(stat) = std::fs::read_to_string(stat) else { return (0, 0) };
    // The second field is the program's name in brackets, which may hold blanks.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let mut micros = || fields.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) * MICROS_A_TICK;
    (micros(), micros())
}

/// Bytes of physical memory in the machine; 0 where it is not told.
pub(crate) fn machine() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return 0 };
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next());
    kilobytes.and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) * 1024
}

//! The seeded simulation: many sessions on one engine, their bytes cut anywhere and interleaved, time that jumps, waits,
//! transactions, subscriptions, connections that break off. A model of plain maps says what each session must be sent,
//! byte for byte. The engine does no I/O, so a seed replays everything.

mod background;
mod files;
mod generate;
mod model;
mod paged;
mod pages;
mod races;
mod reply;
mod saves;
mod scripted;
mod store;
mod told;
mod twin;
mod unread;
mod world;

pub use background::most_under_way;
pub use paged::PagedTwin;
pub use scripted::{JobKind, Scripted};
pub use twin::StoreTwin;
pub use unread::{exec_before_an_unreadable_key, reads_that_pass};
pub use world::World;

/// A small generator of random numbers (SplitMix64): the same seed, the same run, on every machine.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Begins with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// What an engine is seeded with.
    pub fn seed(&mut self) -> [u64; 4] {
        [self.roll(), self.roll(), self.roll(), self.roll()]
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

//! How long values rest on the page device before they are asked for again, as a rule.
//!
//! Where most reads ask for few keys, many values that come back are of the others, and while one of them stays in memory,
//! one of the few is read from the device again and again. By how long a value has rested the two are told apart: one that
//! rested for longer than others is a visitor, and leaves first unless it is used again soon. The first queue of 2Q (Johnson
//! and Shasha, 1994) serves the same purpose; the access clock, which the keys carry anyway, takes the place of its ghosts.

use crate::keyspace::clock::{AccessClock, idle_millis};
use crate::keyspace::record::Record;
use crate::words::time::UnixMillis;

/// The average moves by this part of the difference with each value that comes back.
const PART: u64 = 256;
/// One rest counts at most this many times the average, so that keys that slept for days do not hide what is usual.
const OUTLIER: u64 = 4;
/// The clocks tell seconds.
const SECOND: u64 = 1000;

/// The moving average of rests.
#[derive(Debug, Default)]
pub struct Rests {
    average_millis: u64,
}

impl Rests {
    /// Notes that a value came back for a command that is about to run. By frequency (LFU) nothing is known of rests.
    pub fn came_back(&mut self, record: &mut Record, access: &mut AccessClock, now: UnixMillis) {
        if access.lfu {
            return;
        }
        if self.note(idle_millis(record.clock(), now)) {
            record.set_visitor();
        }
        access.stay = self.seconds();
    }

    /// Notes a rest; whether it is longer than others.
    fn note(&mut self, rest_millis: u64) -> bool {
        let long = rest_millis > self.average_millis;
        let counted = rest_millis.min(self.average_millis * OUTLIER + SECOND);
        // The part is rounded up on the way up: an average of 0 would stay there otherwise.
        self.average_millis = if long {
            self.average_millis + (counted - self.average_millis).div_ceil(PART)
        } else {
            self.average_millis - (self.average_millis - counted) / PART
        };
        long && rest_millis > SECOND
    }

    /// The average, in whole seconds.
    fn seconds(&self) -> u32 {
        u32::try_from(self.average_millis / SECOND).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_lies_between_what_is_used_often_and_what_is_not() {
        let mut rests = Rests::default();
        for turn in 0..10_000 {
            rests.note(if turn % 3 == 0 { 20_000 } else { 2_000 });
        }
        assert!((6..=10).contains(&rests.seconds()), "{} s", rests.seconds());
        assert!(rests.note(20_000) && !rests.note(2_000));
    }

    #[test]
    fn keys_that_slept_for_a_year_do_not_make_everything_look_quick() {
        let mut rests = Rests::default();
        (0..10_000).for_each(|_| _ = rests.note(5_000));
        (0..100).for_each(|_| _ = rests.note(31_536_000_000));
        assert!(rests.seconds() < 20, "{} s", rests.seconds());
        (0..2_000).for_each(|_| _ = rests.note(5_000));
        assert!((5..=6).contains(&rests.seconds()), "{} s", rests.seconds());
    }

    #[test]
    fn where_all_rest_for_a_moment_nothing_is_a_visitor() {
        let mut rests = Rests::default();
        assert!((0..1_000).all(|turn| !rests.note(turn % 2 * 1_000)));
    }
}

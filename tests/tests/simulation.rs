//! Seeded runs of the simulation. A failure prints its seed; `NUTHATCH_SEED=N cargo test -p nuthatch-tests --test
//! simulation given_seed` replays it.

use nuthatch_tests::{
    seed,
    sim::{PagedTwin, StoreTwin, World, exec_before_an_unreadable_key, most_under_way, reads_that_pass},
};

const TURNS: usize = 3000;
const TWIN_TURNS: usize = 2000;

/// Plays a world to its end and gives it back.
#[track_caller]
fn played<W>(seed: u64, turns: usize, new: fn(u64) -> W, step: fn(&mut W) -> Result<(), String>) -> W {
    let mut world = new(seed);
    for turn in 0..turns {
        let difference = step(&mut world).err();
        assert!(
            difference.is_none(),
            "NUTHATCH_SEED={seed}, turn {turn}: {}",
            difference.unwrap_or_default()
        );
    }
    world
}

#[track_caller]
fn run(seed: u64) -> usize {
    played(seed, TURNS, World::new, World::turn).ran
}

/// How many replies were compared, and how many commands failures refused.
#[track_caller]
fn run_over_store(seed: u64) -> (usize, usize) {
    let twin = played(seed, TWIN_TURNS, StoreTwin::new, StoreTwin::turn);
    (twin.ran, twin.refused)
}

/// As [`run_over_store`].
#[track_caller]
fn run_paged(seed: u64) -> (usize, usize) {
    let twin = played(seed, TWIN_TURNS, PagedTwin::new, PagedTwin::turn);
    (twin.ran, twin.refused)
}

#[track_caller]
fn run_sixty_twins(run: fn(u64) -> (usize, usize)) {
    let outcomes: Vec<(usize, usize)> = (0..60).map(run).collect();
    let ran: usize = outcomes.iter().map(|outcome| outcome.0).sum();
    let refused: usize = outcomes.iter().map(|outcome| outcome.1).sum();
    assert!(
        ran > 60_000 && refused > 60,
        "{ran} ran, {refused} were refused: the simulation has lost its point"
    );
}

/// Pipelines over cold keys ask for many records in one job, each of which may fail by itself.
#[test]
fn the_store_reads_many_records_in_one_job() {
    let worlds = (0..24).map(|seed| played(seed, 400, StoreTwin::new, StoreTwin::turn));
    let most = worlds.map(|twin| twin.most_read_together()).max().unwrap_or(0);
    assert!(most >= 4, "at most {most}: the simulation has lost its point");
}

/// While many clients had keys to read, a SET waited for its save, and a walk for its page, as long as they did.
#[test]
fn many_reads_stop_no_write_and_no_walk() {
    for (command, jobs) in [("SET k v", 1), ("SET k v", 10), ("KEYS nobody", 1), ("SCAN 0", 10)] {
        let passed = reads_that_pass(command, jobs);
        assert!(passed <= 3 * jobs as usize, "{command}: {passed} reads went before it, {jobs} jobs at once");
    }
}

fn run_fresh<T>(count: u64, run: fn(u64) -> T) {
    let first = seed::fresh();
    (first..first + count).for_each(|seed| drop(run(seed)));
}

fn run_given<T>(run: fn(u64) -> T) {
    if let Some(seed) = seed::given() {
        run(seed);
    }
}

#[test]
fn fixed_seeds() {
    let ran: usize = (0..400).map(run).sum();
    assert!(ran > 800_000, "only {ran} commands ran: the simulation has lost its point");
}

#[test]
fn fresh_seeds() {
    run_fresh(200, run);
}

#[test]
fn given_seed() {
    run_given(run);
}

#[test]
fn over_a_store() {
    run_sixty_twins(run_over_store);
}

/// A SORT whose BY or GET could not be read was refused, and left its sorted set in the full encoding all the same.
#[test]
fn a_refused_sort_leaves_its_sorted_set_as_it_was() {
    run_over_store(958_260);
}

/// While a transaction stood still, a later command's key left memory and could not be read again: the command that the transaction
/// stood still for was answered with that error.
#[test]
fn a_key_that_cannot_be_read_is_the_error_of_the_command_that_needs_it() {
    let reply = exec_before_an_unreadable_key();
    let both = reply.contains("*2\r\n*2\r\n$3000\r\nvvv") && reply.contains("vvv\r\n-IOERR the key 'later'");
    assert!(both, "{reply:?}");
}

/// A batch failed and one beside it did not while DEBUG RELOAD had the engine to itself: nobody tried the first again, and
/// the reload waited for it for ever.
#[test]
fn a_reload_does_not_wait_for_a_write_that_nobody_tries_again() {
    run_over_store(819_424);
}

#[test]
fn over_a_store_with_fresh_seeds() {
    run_fresh(20, run_over_store);
}

#[test]
fn over_a_store_with_the_given_seed() {
    run_given(run_over_store);
}

/// What was on its way to a snapshot, or a journal that was written anew, took two thirds of a small limit: values left for it, and what
/// was in use was read from the device again and again.
#[test]
fn a_snapshot_has_little_of_the_memory_under_way() {
    let limit = 8 << 20;
    let most = most_under_way(limit, 4 * (limit / 1000));
    assert!((100_000..limit / 16).contains(&most), "{most} bytes of {limit} are under way at once");
}

#[test]
fn paged() {
    run_sixty_twins(run_paged);
}

/// A snapshot met a damaged value and was given up while it read others: their pages were given back, and written anew before
/// the read had ended.
#[test]
fn a_snapshot_that_is_given_up_keeps_the_pages_that_it_still_reads() {
    run_paged(6_000_231);
}

/// A value was deleted while it was read for a client that waited, and its pages were written anew before the read had ended.
#[test]
fn a_value_that_is_deleted_keeps_the_pages_from_which_it_is_read() {
    run_paged(8_002_043);
}

#[test]
fn paged_with_fresh_seeds() {
    run_fresh(20, run_paged);
}

#[test]
fn paged_with_the_given_seed() {
    run_given(run_paged);
}

//! Seeded runs of the simulation. A failure prints its seed; `NUTHATCH_SEED=N cargo test -p nuthatch-tests --test
//! simulation given_seed` replays it.

use nuthatch_tests::{
    seed,
    sim::{PagedTwin, StoreTwin, World},
};

const TURNS: usize = 3000;

#[track_caller]
fn run(seed: u64) -> usize {
    let mut world = World::new(seed);
    for turn in 0..TURNS {
        let difference = world.turn().err();
        assert!(
            difference.is_none(),
            "NUTHATCH_SEED={seed}, turn {turn}: {}",
            difference.unwrap_or_default()
        );
    }
    world.ran
}

#[test]
fn fixed_seeds() {
    let ran: usize = (0..400).map(run).sum();
    assert!(ran > 800_000, "only {ran} commands ran: the simulation has lost its point");
}

#[test]
fn fresh_seeds() {
    let first = seed::fresh();
    for seed in first..first + 200 {
        run(seed);
    }
}

#[test]
fn given_seed() {
    if let Some(seed) = seed::given() {
        run(seed);
    }
}

const STORE_TURNS: usize = 2000;

#[track_caller]
fn run_over_store(seed: u64) -> (usize, usize) {
    let mut twin = StoreTwin::new(seed);
    for turn in 0..STORE_TURNS {
        let difference = twin.turn().err();
        assert!(
            difference.is_none(),
            "NUTHATCH_SEED={seed}, turn {turn}: {}",
            difference.unwrap_or_default()
        );
    }
    (twin.ran, twin.refused)
}

#[test]
fn over_a_store() {
    let outcomes: Vec<(usize, usize)> = (0..60).map(run_over_store).collect();
    let ran: usize = outcomes.iter().map(|outcome| outcome.0).sum();
    let refused: usize = outcomes.iter().map(|outcome| outcome.1).sum();
    assert!(
        ran > 60_000 && refused > 60,
        "{ran} ran, {refused} were refused: the simulation has lost its point"
    );
}

#[test]
fn over_a_store_with_fresh_seeds() {
    let first = seed::fresh();
    for seed in first..first + 20 {
        run_over_store(seed);
    }
}

#[test]
fn over_a_store_with_the_given_seed() {
    if let Some(seed) = seed::given() {
        run_over_store(seed);
    }
}

const PAGED_TURNS: usize = 2000;

#[track_caller]
fn run_paged(seed: u64) -> (usize, usize) {
    let mut twin = PagedTwin::new(seed);
    for turn in 0..PAGED_TURNS {
        let difference = twin.turn().err();
        assert!(
            difference.is_none(),
            "NUTHATCH_SEED={seed}, turn {turn}: {}",
            difference.unwrap_or_default()
        );
    }
    (twin.ran, twin.refused)
}

#[test]
fn paged() {
    let outcomes: Vec<(usize, usize)> = (0..60).map(run_paged).collect();
    let ran: usize = outcomes.iter().map(|outcome| outcome.0).sum();
    let refused: usize = outcomes.iter().map(|outcome| outcome.1).sum();
    assert!(
        ran > 60_000 && refused > 60,
        "{ran} ran, {refused} were refused: the simulation has lost its point"
    );
}

#[test]
fn paged_with_fresh_seeds() {
    let first = seed::fresh();
    for seed in first..first + 20 {
        run_paged(seed);
    }
}

#[test]
fn paged_with_the_given_seed() {
    if let Some(seed) = seed::given() {
        run_paged(seed);
    }
}

//! Seeded runs of the simulation. A failure prints its seed; `NUTHATCH_SEED=N cargo test -p nuthatch-tests --test
//! simulation given_seed` replays it.

use nuthatch_tests::{seed, sim::World};

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

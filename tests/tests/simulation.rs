//! Seeded runs of the simulation. A failure prints its seed; `NUTHATCH_SEED=N cargo test -p nuthatch-tests --test
//! simulation given_seed` replays it.

use std::time::{SystemTime, UNIX_EPOCH};

use nuthatch_tests::sim::World;

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
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    for seed in clock..clock + 200 {
        run(seed);
    }
}

#[test]
fn given_seed() {
    if let Some(seed) = std::env::var("NUTHATCH_SEED").ok().and_then(|text| text.parse().ok()) {
        run(seed);
    }
}

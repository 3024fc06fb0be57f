//! The flash log: power cuts at every operation of short runs and at random ones of long runs, weak cells, wear, and what
//! each thing costs in operations of the flash.
#![expect(clippy::expect_used, clippy::panic, reason = "test code: a failure ends the test")]

use nuthatch_core::{
    FlashBudget, FlashError, FlashGeometry, FlashLog, FlashSpends, FlashStats, StoreOp,
    flash_block_on as block_on,
};
use nuthatch_tests::flash::nor::Counts;
use nuthatch_tests::flash::world::{Habits, plain};
use nuthatch_tests::flash::{Nor, World};
use nuthatch_tests::seed;
use nuthatch_tests::sim::Dice;
use std::panic::catch_unwind;

/// A chip of 256 KiB, and one of 4 MiB.
const SMALL: FlashGeometry = FlashGeometry { segment: 4096, segments: 64, write: 1 };
const LARGE: FlashGeometry = FlashGeometry { segment: 4096, segments: 1024, write: 1 };

/// A world and its cuts: 1 to 4 in a row, then time to recover.
fn trial(seed: u64) -> (u64, u64, u64) {
    let mut world = World::new(seed);
    let mut dice = Dice::new(seed ^ 0xc07);
    for _ in 0..12 {
        for _ in 0..=dice.below(4) {
            world.until_cut(dice.below(60) as u64, 80);
        }
        world.until_cut(dice.below(300) as u64, 40);
    }
    (world.cuts, world.acknowledged, world.refused)
}

fn trials(first: u64, wanted: u64) {
    let (mut cuts, mut acknowledged, mut refused, mut seed) = (0, 0, 0, first);
    while cuts < wanted {
        let run = catch_unwind(|| trial(seed));
        let Ok(run) = run else {
            panic!("NUTHATCH_SEED={seed} cargo test -p nuthatch-tests --test flash one_seed")
        };
        (cuts, acknowledged, refused) = (cuts + run.0, acknowledged + run.1, refused + run.2);
        seed += 1;
    }
    println!("{cuts} cuts, {acknowledged} batches, {refused} refused, {} worlds", seed - first);
    assert!(acknowledged > cuts, "hardly anything was written");
}

#[test]
fn random_cuts() {
    trials(1, 70_000);
}

/// Worlds that no commit before was tried with; `NUTHATCH_CUTS` makes the run longer.
#[test]
fn fresh_cuts() {
    let wanted = std::env::var("NUTHATCH_CUTS").ok().and_then(|cuts| cuts.parse().ok());
    trials(seed::fresh().wrapping_mul(1_000_003) >> 8, wanted.unwrap_or(30_000));
}

/// Cuts in a row, each soon after the start, until no segment is free: a world, and how many came.
fn storm(seed: u64) -> u64 {
    let mut dice = Dice::new(seed ^ 0x570);
    let geometry = FlashGeometry { segment: 512, segments: 8 + dice.below(4) as u32, write: 1 };
    let habits = Habits {
        geometry,
        keys: 4 + dice.below(20),
        databases: 1,
        value: 10 + dice.below(100),
        long: 0,
        deletes: 2,
        batch: 1,
        deadlines: 0,
        clears: 0,
        twins: false,
        pages: *dice.pick(&[0, 3]),
    };
    let mut world = World::with(habits, seed);
    for _ in 0..6 {
        world.until_cut(20 + dice.below(120) as u64, 200);
        for _ in 0..3 + dice.below(12) {
            world.until_cut(dice.below(7) as u64, 60);
        }
    }
    world.cuts
}

/// A segment whose erase was cut off kept a key and lost the record that the key was deleted: that had not been copied, as cuts
/// in a row had left no free segment to copy it to. The key was back.
#[test]
fn cuts_in_a_row_until_no_segment_is_free() {
    let (mut cuts, mut seed) = (0, 1);
    let wanted = std::env::var("NUTHATCH_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(60_000);
    while cuts < wanted {
        let Ok(came) = catch_unwind(|| storm(seed)) else { panic!("world {seed}") };
        cuts += came;
        seed += 1;
    }
    println!("{cuts} cuts, {seed} worlds");
}

/// One world, for a seed that failed.
#[test]
fn one_seed() {
    let seed = seed::given().unwrap_or(7);
    println!("{:?}", trial(seed));
}

/// Short runs, cut at each of their operations in turn, and each torn in several ways: with deletes and overwrites only,
/// with batches, with long values, with deadlines, full.
#[test]
fn every_cut_of_short_runs() {
    let small = FlashGeometry { segment: 512, segments: 10, write: 1 };
    let base = Habits {
        geometry: small,
        keys: 12,
        databases: 1,
        value: 60,
        long: 0,
        deletes: 4,
        batch: 1,
        deadlines: 0,
        clears: 0,
        twins: false,
        pages: 0,
    };
    let runs = [
        base.clone(),
        Habits { batch: 5, databases: 2, ..base.clone() },
        Habits { long: 3, value: 20, keys: 3, ..base.clone() },
        Habits { deadlines: 2, batch: 2, ..base.clone() },
        Habits { keys: 30, value: 150, deletes: 9, ..base.clone() },
        Habits { twins: true, clears: 10, databases: 2, ..base.clone() },
        Habits { pages: 2, batch: 3, ..base.clone() },
        Habits { pages: 1, keys: 30, value: 120, long: 9, twins: true, ..base },
    ];
    let mut cuts = 0;
    for (number, habits) in runs.iter().enumerate() {
        for operation in 0..160 {
            for tear in 0..4 {
                let mut world = World::with_tears(habits.clone(), number as u64, tear);
                world.until_cut(operation, 400);
                world.until_cut(operation % 7, 400);
                world.until_cut(40, 400);
                cuts += world.cuts;
            }
        }
    }
    println!("{cuts} cuts");
    assert!(cuts > 10_000, "only {cuts} cuts");
}

fn log(geometry: FlashGeometry) -> FlashLog<Nor> {
    let mut log = FlashLog::new(Nor::new(geometry, 1), geometry, 1024).expect("a fit geometry");
    block_on(log.mount()).expect("an empty flash mounts");
    log
}

fn remounted(mut log: FlashLog<Nor>) -> FlashLog<Nor> {
    let geometry = log.device().geometry;
    let mut log = FlashLog::new(log.into_device(), geometry, 1024).expect("a fit geometry");
    block_on(log.mount()).expect("it mounts");
    log
}

fn set(log: &mut FlashLog<Nor>, key: &[u8], value: &[u8]) {
    let op = StoreOp::Put { db: 0, key: key.to_vec(), record: plain(key, value, None) };
    block_on(log.write(&[op], true)).expect("there is room");
}

fn name(number: usize) -> Vec<u8> {
    format!("key:{number:04x}").into_bytes()
}

/// Fills a log with so many keys of 64 bytes, then overwrites random ones; returns what the overwrites cost.
fn steady(
    geometry: FlashGeometry,
    keys: usize,
    writes: usize,
) -> (FlashLog<Nor>, Counts, FlashStats, FlashStats) {
    let mut log = log(geometry);
    let mut dice = Dice::new(11);
    for number in 0..keys {
        set(&mut log, &name(number), &[7; 64]);
    }
    // The log goes round a few times before anything is counted.
    for _ in 0..writes / 2 {
        let number = dice.below(keys);
        set(&mut log, &name(number), &[8; 64]);
    }
    log.device().counts = Counts::default();
    let before = log.stats();
    for _ in 0..writes {
        let number = dice.below(keys);
        set(&mut log, &name(number), &[9; 64]);
    }
    let counts = log.device().counts;
    let after = log.stats();
    (log, counts, before, after)
}

fn amplification(before: &FlashStats, after: &FlashStats) -> f64 {
    (after.programmed - before.programmed) as f64 / (after.asked - before.asked) as f64
}

/// 1,000 keys of 64 bytes on 256 KiB: programs and erases a SET, reads a GET.
#[test]
fn operations_a_command() {
    let writes = 20_000;
    let (mut log, counts, before, after) = steady(SMALL, 1000, writes);
    let (programs, erases) = (counts.programs as f64 / writes as f64, counts.erases as f64 / writes as f64);
    println!(
        "{programs:.3} programs, {erases:.4} erases, {:.2} reads a SET; amplification {:.2}",
        counts.reads as f64 / writes as f64,
        amplification(&before, &after)
    );
    assert!(programs <= 1.15 && erases <= 0.025, "{programs} programs, {erases} erases a SET");
    for number in 0..1000 {
        log.device().counts = Counts::default();
        let record = block_on(log.read(0, &name(number))).expect("it reads");
        assert!(record.is_some() && log.device().counts.reads <= 2, "{:?}", log.device().counts);
    }
    log.device().counts = Counts::default();
    assert_eq!(block_on(log.read(0, b"nobody")), Ok(None));
    assert_eq!(log.device().counts.reads, 0, "an absent key was sought on the flash");
}

/// Uniform overwrites are the worst there is. Fill is of the capacity that the log tells.
#[test]
fn write_amplification_by_fill() {
    for (geometry, name) in [(SMALL, "256 KiB"), (LARGE, "4 MiB")] {
        let capacity = steady(geometry, 500, 2000).3.capacity as usize;
        for (fill, most) in [(40, 1.3), (75, 2.2)] {
            let keys = capacity * fill / 100 / 84;
            let (_, counts, before, after) = steady(geometry, keys, geometry.segments as usize * 100);
            let (live, capacity) = (after.live as f64, after.capacity as f64);
            let amplification = amplification(&before, &after);
            println!(
                "{name}: {:.3} of the capacity, {:.3} of the chip: {amplification:.2}, {} erases",
                live / capacity,
                live / f64::from(geometry.segment * geometry.segments),
                counts.erases
            );
            assert!((live / capacity * 100.0 - fill as f64).abs() < 3.0, "not that full");
            assert!(amplification <= most, "{amplification}");
        }
    }
}

/// A full chip mounts by its footers: one read a segment, and no value.
#[test]
fn reads_of_a_mount() {
    let capacity = steady(LARGE, 2000, 4000).3.capacity as usize;
    let (full, ..) = steady(LARGE, capacity / 84 * 95 / 100, 60_000);
    let live = full.stats().live;
    let mut device = full.into_device();
    device.counts = Counts::default();
    let mut log = FlashLog::new(device, LARGE, 40_000).expect("a fit geometry");
    block_on(log.mount()).expect("it mounts");
    let counts = log.device().counts;
    println!("{} reads, {} bytes, {} records", counts.reads, counts.read_bytes, log.stats().records);
    assert!(counts.reads <= 1100, "{} reads", counts.reads);
    assert!(counts.read_bytes < u64::from(LARGE.segment * LARGE.segments) / 8, "{} bytes", counts.read_bytes);
    assert_eq!((log.stats().live, counts.programs, counts.erases), (live, 0, 0));
}

/// Skewed writes, nine of ten to a tenth of the keys: the segments are worn alike. `NUTHATCH_WRITES` makes the run longer.
#[test]
fn wear_is_even() {
    let mut log = log(SMALL);
    let mut dice = Dice::new(3);
    let writes = std::env::var("NUTHATCH_WRITES").ok().and_then(|writes| writes.parse().ok());
    for round in 0..writes.unwrap_or(150_000u64) {
        let number = if dice.once_in(10) { dice.below(1000) } else { dice.below(100) };
        set(&mut log, &name(number), &[round as u8; 64]);
    }
    let stats = log.stats();
    println!("{} to {} erases a segment", stats.least_erased, stats.most_erased);
    let wear = &log.device().wear;
    assert_eq!(
        (wear.iter().max().copied(), wear.iter().min().copied()),
        (Some(stats.most_erased.into()), Some(stats.least_erased.into()))
    );
    assert!(stats.least_erased > 20 && stats.most_erased * 10 <= stats.least_erased * 12);
}

/// A flipped bit costs the record that it is in, wherever it is: headers, footers, records of sealed and open segments.
#[test]
fn a_flipped_bit_costs_one_record() {
    let geometry = FlashGeometry { segment: 1024, segments: 12, write: 1 };
    let mut log = log(geometry);
    for round in 0..3u8 {
        for number in 0..40 {
            set(&mut log, &name(number), &[round * 40 + number as u8; 60]);
        }
    }
    let whole = log.into_device();
    let mut dice = Dice::new(5);
    let (mut lost, mut flips) = (0, 0);
    for bit in (0..whole.bytes.len() * 8).filter(|_| dice.once_in(5)).collect::<Vec<_>>() {
        let mut nor = whole.clone();
        nor.flip(bit);
        let mut log = FlashLog::new(nor, geometry, 64).expect("a fit geometry");
        block_on(log.mount()).expect("it mounts");
        let mut hit = 0;
        for number in 0..40 {
            match block_on(log.read(0, &name(number))) {
                Ok(Some(record)) if record == plain(&name(number), &[80 + number as u8; 60], None) => {}
                // The newest record of an open segment is not told from one that was never finished.
                Ok(Some(_) | None) | Err(FlashError::Damaged) => hit += 1,
                Err(error) => panic!("bit {bit}: {error:?}"),
            }
        }
        assert!(hit <= 1, "bit {bit} costs {hit} keys");
        (lost, flips) = (lost + hit, flips + 1);
        // Damaged or not, it goes on.
        for number in 0..60 {
            set(&mut log, &name(number % 40), &[number as u8; 60]);
        }
        let mut log = remounted(log);
        for number in 20..60 {
            let record = block_on(log.read(0, &name(number % 40))).expect("it reads");
            assert_eq!(record, Some(plain(&name(number % 40), &[number as u8; 60], None)), "bit {bit}");
        }
    }
    println!("{flips} flips cost {lost} records");
    assert!(lost > 0, "no flip hit a record");
}

/// The page, if there is one.
fn page(log: &mut FlashLog<Nor>, number: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    block_on(log.read_page(number, &mut bytes)).expect("it reads").then_some(bytes)
}

/// Pages of virtual memory are there until the next start, and cost no room afterwards.
#[test]
fn a_start_forgets_pages() {
    let mut log = log(SMALL);
    for page in 0..100 {
        block_on(log.write_page(page, &[page as u8; 300])).expect("there is room");
    }
    for round in 0..2000u32 {
        block_on(log.write_page(round % 100, &[round as u8; 300])).expect("there is room");
        set(&mut log, &name(round as usize % 50), &[round as u8; 64]);
    }
    for number in 0..100u32 {
        assert_eq!(page(&mut log, number), Some(vec![(1900 + number) as u8; 300]));
    }
    assert_eq!(block_on(log.write_page(1, &vec![1; log.max_page() + 1])), Err(FlashError::TooLarge));
    let mut log = remounted(log);
    assert_eq!(page(&mut log, 8), None);
    assert_eq!(log.stats().records, 50);
    assert_eq!(block_on(log.read(0, &name(49))), Ok(Some(plain(&name(49), &[(1999 % 256) as u8; 64], None))));
}

/// Reclaim drops pages that no longer count, and copies the others; what they took there is room for again.
#[test]
fn reclaim_drops_pages_that_no_longer_count() {
    let mut log = log(SMALL);
    let (len, most) = (log.page_len(), log.room_for_pages());
    assert!(most > 120, "{most} pages of {len} bytes");
    for number in 0..most {
        block_on(log.write_page(number, &vec![number as u8; len])).expect("there is room for all of them");
    }
    // Of the pages that are there the first ten count, and those from 64 on as they are written.
    let before = log.stats();
    for round in 0..1000u32 {
        let number = 64 + round % 50;
        log.set_page_map(&[0x3ff, (1 << 50) - 1]);
        block_on(log.write_page(number, &vec![round as u8; len])).expect("there is room");
    }
    let after = log.stats();
    assert_eq!((after.records, after.live), (60, log.audited_live()));
    assert!(after.live < before.live / 2, "{} of {} bytes still count", after.live, before.live);
    for number in (0..10).chain(64..114) {
        assert_eq!(page(&mut log, number).map(|page| page.len()), Some(len), "page {number}");
    }
    assert_eq!(page(&mut log, 10), None);
}

/// What is wrong is said, and nothing is changed.
#[test]
fn what_does_not_fit_is_refused() {
    let mut log = log(SMALL);
    let put = |key: &[u8], len: usize| StoreOp::Put { db: 0, key: key.to_vec(), record: vec![1; len] };
    assert_eq!(block_on(log.write(&[put(&[b'k'; 3000], 1)], true)), Err(FlashError::TooLarge));
    assert_eq!(block_on(log.write(&[put(b"a", 10), put(b"b", 1 << 18)], true)), Err(FlashError::Full));
    assert_eq!((block_on(log.read(0, b"a")), log.counts().len()), (Ok(None), 0));
    block_on(log.write(&[put(b"a", 10), put(b"b", 1 << 16)], true)).expect("there is room");
    assert_eq!(
        block_on(log.read(0, b"b")).map(|record| record.map(|record| record.len())),
        Ok(Some(1 << 16))
    );
    assert!(FlashLog::new(Nor::new(SMALL, 1), FlashGeometry { segments: 7, ..SMALL }, 1).is_none());
    assert!(FlashLog::new(Nor::new(SMALL, 1), FlashGeometry { write: 0, ..SMALL }, 1).is_none());
}

/// Expired keys are not copied, long ones neither; they are gone after a start too, and nothing older comes back.
#[test]
fn reclaim_drops_what_has_expired() {
    let mut log = log(SMALL);
    let put = |key: &[u8], len: usize, deadline| {
        let record = plain(key, &vec![5; len], deadline);
        StoreOp::Put { db: 0, key: key.to_vec(), record }
    };
    for number in 0..200 {
        block_on(log.write(&[put(&name(number), 64, None)], true)).expect("there is room");
        block_on(log.write(&[put(&name(number), 64, Some(1000))], true)).expect("there is room");
    }
    block_on(log.write(&[put(b"long", 9000, Some(1000))], true)).expect("there is room");
    let before = log.stats();
    log.set_now(1000);
    for round in 0..6000 {
        set(&mut log, &name(1000 + round % 10), &[1; 64]);
    }
    let stats = log.stats();
    println!("{} dropped, {} bytes copied", stats.expired, stats.copied - before.copied);
    assert_eq!((stats.expired, stats.records, log.counts()), (201, 10, &[(0, 10)][..]));
    assert!(stats.copied < 201 * 84, "values were copied");
    let mut log = remounted(log);
    assert_eq!(log.stats().records, 10);
    assert_eq!(block_on(log.read(0, &name(3))), Ok(None));
    assert_eq!(block_on(log.read(0, b"long")), Ok(None));
}

/// What INFO tells.
#[test]
fn figures() {
    let (mut log, ..) = steady(SMALL, 500, 5000);
    log.set_budget(Some(FlashBudget::new(FlashSpends::Bytes, 3600, 100)));
    assert_eq!(log.wait(0), 0);
    (0..3).for_each(|number| set(&mut log, &name(number), &[1; 64]));
    assert_eq!(
        log.wait(0),
        (3 * 84 - 100) * 1000,
        "milliseconds until the hour has given what was overspent"
    );
    let mut out = Vec::new();
    log.stats().write_info(3600, &mut out);
    let text = String::from_utf8(out).expect("it is text");
    println!("{text}");
    for line in [
        "flash_segments:64\r\n",
        "flash_write_amplification:1.",
        "flash_life_left_percent:99.9",
        "flash_life_left_hours:",
        "flash_budget_exceeded:1\r\nflash_budget_wait_ms:152000\r\n",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

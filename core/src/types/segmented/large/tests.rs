use super::*;
use alloc::collections::{BTreeMap, BTreeSet};
use core::cell::Cell;

/// A hash that spreads: the first number of a seeded stream.
fn hash(n: u32) -> u64 {
    Rng::new(u64::from(n)).next_u64()
}

fn rehash(n: &u32) -> u64 {
    hash(*n)
}

impl Fetch for u64 {}

fn insert(table: &mut Segmented<u32>, n: u32) {
    table.insert_unique(hash(n), n, rehash);
}

fn remove(table: &mut Segmented<u32>, n: u32) {
    let slot = table.find(hash(n), |&e| e == n).unwrap();
    assert_eq!(table.remove(slot), n);
    table.shrink(rehash);
}

fn filled(n: u32) -> Segmented<u32> {
    let mut table = Segmented::new();
    (0..n).for_each(|n| insert(&mut table, n));
    table
}

/// Every segment owns its range alone, the directory says so, and the elements lie where it says.
fn check<T: Fetch>(table: &Segmented<T>, rehash: impl Fn(&T) -> u64) {
    let mut ranges: BTreeMap<u32, u32> = BTreeMap::new();
    for (number, segment) in table.segments.iter().enumerate() {
        ranges.insert(segment.first, segment.end);
        let shift = POINT_BITS - table.depth;
        for index in segment.first >> shift..segment.end >> shift {
            assert_eq!(table.segment_at(index << shift), number);
        }
        assert_eq!(segment.first & ((1 << shift) - 1), 0);
        assert!(segment.table.iter().all(|e| (segment.first..segment.end).contains(&point(rehash(e)))));
        assert!(segment.table.num_buckets() <= table.widest as usize);
    }
    let mut at = 0;
    for (first, end) in ranges {
        assert_eq!(at, first);
        at = end;
    }
    assert!(table.segments.is_empty() || at == END);
    assert!(table.directory.is_empty() || table.directory.len() == 1 << table.depth);
    assert_eq!(table.len(), table.iter().count());
}

#[test]
fn what_was_inserted_is_found_until_it_is_removed() {
    let n = if cfg!(miri) { 1500 } else { 30_000 };
    let mut table = filled(n);
    check(&table, rehash);
    assert_eq!(table.len(), n as usize);
    for i in 0..n {
        assert_eq!(table.find_ref(hash(i), |&e| e == i), Some(&i));
        assert!(table.find(hash(i + n), |&e| e == i + n).is_none());
    }
    for i in (0..n).step_by(2) {
        remove(&mut table, i);
    }
    check(&table, rehash);
    assert!((0..n).all(|i| table.find(hash(i), |&e| e == i).is_some() == (i % 2 == 1)));
}

/// What is fetched is what a lookup is going to compare.
#[test]
fn a_lookup_ahead_fetches_the_element() {
    struct Noted(u32, Cell<bool>);
    impl Fetch for Noted {
        fn fetch(&self) {
            self.1.set(true);
        }
    }
    let mut table = Segmented::new();
    for i in 0..3000 {
        table.insert_unique(hash(i), Noted(i, Cell::new(false)), |e| hash(e.0));
    }
    // Growing has fetched some.
    table.iter().for_each(|element| element.1.set(false));
    table.fetch(hash(1234));
    assert!(table.find_ref(hash(1234), |e| e.0 == 1234).is_some_and(|element| element.1.get()));
    let fetched = table.iter().filter(|element| element.1.get()).count();
    assert!(fetched < 10, "only elements with the same tag: {fetched}");
}

/// A table that doubles at once would stop the world for seconds at a hundred million keys.
#[test]
fn no_call_moves_more_than_one_segment() {
    let n = if cfg!(miri) { 2000 } else { 200_000 };
    let moved = Cell::new(0_usize);
    let count = |n: &u32| {
        moved.set(moved.get() + 1);
        hash(*n)
    };
    let mut table = Segmented::new();
    for i in 0..n {
        table.insert_unique(hash(i), i, count);
        assert!(moved.take() <= MAX_ITEMS);
    }
    check(&table, rehash);
    for i in 0..n {
        let slot = table.find(hash(i), |&e| e == i).unwrap();
        table.remove(slot);
        table.shrink(count);
        assert!(moved.take() <= MAX_ITEMS / 8 * 5);
    }
}

#[test]
fn memory_stays_lean_at_every_size_and_comes_back() {
    if cfg!(miri) {
        return;
    }
    let mut table: Segmented<u64> = Segmented::new();
    let rehash = |&n: &u64| hash(n as u32);
    let mut measured = 0_f64;
    for i in 0..1_000_000_u64 {
        table.insert_unique(hash(i as u32), i, rehash);
        if i > 30_000 && i % 10_000 == 0 {
            measured = measured.max(table.allocated() as f64 / i as f64);
        }
    }
    std::println!(
        "{measured} bytes an element, {} entries for {} segments",
        table.directory.len(),
        table.segments()
    );
    assert!(measured < 17.0, "{measured} bytes an element at most");
    for i in 0..1_000_000_u64 {
        let slot = table.find(rehash(&i), |&e| e == i).unwrap();
        table.remove(slot);
        table.shrink(rehash);
        if i % 100_000 == 0 {
            check(&table, rehash);
        }
    }
    check(&table, rehash);
    assert!(table.allocated() < 4096, "{} bytes of an empty table", table.allocated());
}

/// Under a limit on memory as many elements go as come. Segments split while they were full of removed elements, and merged
/// only when nearly empty: the table grew by half over time, and a cache's resident memory with it.
#[test]
#[cfg_attr(miri, ignore = "inserts hundreds of thousands of elements")]
fn memory_stays_lean_while_elements_come_and_go() {
    const LIVE: u64 = 50_000;
    let rehash = |&n: &u64| hash(n as u32);
    let (mut table, mut rng, moved) = (Segmented::new(), Rng::new(11), Cell::new(0));
    for i in 0..LIVE * 20 {
        table.insert_unique(rehash(&i), i, |n| {
            moved.set(moved.get() + 1);
            rehash(n)
        });
        if i >= LIVE {
            let slot = table.sample(&mut rng, 20, 4_000, |_| true)[rng.index(5)];
            table.remove(slot);
            table.shrink(rehash);
        }
    }
    check(&table, rehash);
    let (bytes, moves) =
        (table.allocated() as f64 / LIVE as f64, f64::from(moved.get()) / (LIVE * 20) as f64);
    std::println!("{bytes} bytes an element, {moves} moves an insert");
    assert!(bytes < 18.0 && moves < 0.7, "{bytes} bytes an element, {moves} moves an insert");
}

/// The dearest case: a table of fixed size that stands just below the mark is cleared again and again.
#[test]
#[cfg_attr(miri, ignore = "inserts hundreds of thousands of elements")]
fn clearing_a_table_costs_little_at_any_size() {
    for live in [5, 6, 12, 13, 24, 48, 90, 195, 391, 600, 700, 783] {
        let (mut table, moved) = (Segmented::new(), Cell::new(0));
        for i in 0..100_000 {
            table.insert_unique(hash(i), i, |n| {
                moved.set(moved.get() + 1);
                hash(*n)
            });
            if i >= live {
                remove(&mut table, i - live);
            }
        }
        let moves = f64::from(moved.get()) / 100_000.0;
        assert!(moves < 2.5, "{live} elements: {moves} moves an insert");
    }
}

#[test]
fn a_table_emptied_in_between_is_freed_in_slices() {
    let mut table = filled(5000);
    let mut calls = 1;
    while !table.free_some(500) {
        calls += 1;
    }
    assert!(calls > 4 || cfg!(miri));
    assert!(table.is_empty());
    insert(&mut table, 1);
    check(&table, rehash);
}

fn scan_all(table: &Segmented<u32>, count: usize) -> (usize, usize, BTreeSet<u32>) {
    let (mut cursor, mut visits, mut calls, mut seen) = (0, 0, 0, BTreeSet::new());
    loop {
        let before = visits;
        cursor = table.scan(cursor, count, |&n| {
            visits += 1;
            seen.insert(n);
        });
        assert!(visits - before <= count);
        calls += 1;
        if cursor == 0 {
            return (visits, calls, seen);
        }
    }
}

#[test]
fn scan_of_a_still_table_visits_each_element_once_in_even_slices() {
    for n in [0, 1, 2, 10, 100, 3000] {
        let table = filled(n);
        for count in [1, 10, 1000] {
            let (visits, calls, seen) = scan_all(&table, count);
            assert_eq!((visits, seen.len()), (n as usize, n as usize));
            assert!(calls <= n as usize / count * 2 + 4, "{calls} calls");
        }
    }
}

#[test]
fn scan_of_a_sparse_table_looks_at_few_buckets_a_call() {
    let mut table = filled(5000);
    for i in 1..5000 {
        let slot = table.find(hash(i), |&e| e == i).unwrap();
        table.remove(slot);
    }
    let (visits, calls, _) = scan_all(&table, 10);
    assert_eq!(visits, 1);
    assert!(calls <= table.buckets() / 160 + 1);
}

/// Elements 0..stay are there throughout, the others come and go between the calls: splits, merges and rebuilds
/// happen behind, before and at the cursor.
#[test]
fn scan_never_loses_what_stays_and_always_ends() {
    let rounds = if cfg!(miri) { 2 } else { 60 };
    for seed in 0..rounds {
        let mut rng = Rng::new(seed);
        let stay = rng.index(1200) as u32;
        let mut table = filled(stay);
        let mut passing: Vec<u32> = Vec::new();
        let (mut cursor, mut seen, mut calls) = (0, BTreeSet::new(), 0);
        let mut next = stay;
        loop {
            cursor = table.scan(cursor, 1 + rng.index(60), |&n| {
                seen.insert(n);
            });
            calls += 1;
            assert!(calls < 100_000);
            if cursor == 0 {
                break;
            }
            if rng.index(30) == 0 {
                let grow = rng.index(2) == 0;
                for _ in 0..rng.index(3000) {
                    if grow || passing.is_empty() {
                        insert(&mut table, next);
                        passing.push(next);
                        next += 1;
                    } else {
                        remove(&mut table, passing.swap_remove(rng.index(passing.len())));
                    }
                }
            }
        }
        check(&table, rehash);
        assert!((0..stay).all(|n| seen.contains(&n)), "seed {seed}");
    }
}

/// Fields that come and go make a segment move its elements between any two calls of a slow scan: one that began the
/// segment again each time would never end.
#[test]
fn scan_ends_under_constant_churn() {
    let mut table = filled(800);
    let (mut cursor, mut next) = (0, 800);
    for calls in 0.. {
        cursor = table.scan(cursor, 10, |_| ());
        if cursor == 0 {
            break;
        }
        assert!(calls < 100);
        for _ in 0..if cfg!(miri) { 20 } else { 2000 } {
            insert(&mut table, next);
            remove(&mut table, next);
            next += 1;
        }
    }
}

#[test]
fn any_cursor_is_taken() {
    let table = filled(if cfg!(miri) { 920 } else { 3000 });
    let mut rng = Rng::new(5);
    for _ in 0..if cfg!(miri) { 3 } else { 1000 } {
        let mut cursor = rng.next_u64();
        let mut calls = 0;
        while cursor != 0 {
            cursor = table.scan(cursor, 10, |_| ());
            calls += 1;
            assert!(calls < 3000);
        }
    }
}

#[test]
fn random_choice_is_even() {
    for n in if cfg!(miri) { [1, 5, 10, 20] } else { [1, 5, 40, 2000] } {
        let table = filled(n);
        let mut rng = Rng::new(11);
        let mut hits = alloc::vec![0_u32; n as usize];
        let rounds = if cfg!(miri) { 5 } else { 200 };
        for _ in 0..rounds * n {
            hits[*table.get(table.random(&mut rng).unwrap()) as usize] += 1;
        }
        let spread: f64 = hits.iter().map(|&h| (f64::from(h) - f64::from(rounds)).powi(2)).sum::<f64>();
        let chi_a_degree = spread / f64::from(rounds) / f64::from(n);
        assert!(chi_a_degree < 1.3 || cfg!(miri), "{chi_a_degree} for {n}");
    }
    assert!(Segmented::<u32>::new().random(&mut Rng::new(1)).is_none());
}

#[test]
fn sample_takes_what_it_is_asked_for() {
    let table = filled(3000);
    let mut rng = Rng::new(3);
    let even = |n: &u32| n.is_multiple_of(2);
    let some = table.sample(&mut rng, 20, 10_000, even);
    assert_eq!(some.len(), 20);
    let all = table.sample(&mut rng, usize::MAX, usize::MAX, even);
    let distinct: BTreeSet<u32> = all.iter().map(|&slot| *table.get(slot)).collect();
    assert_eq!((all.len(), distinct.len()), (1500, 1500));
    assert!(distinct.iter().all(even));
    assert!(table.sample(&mut rng, 20, 40, |_| true).len() <= 20);
    assert!(table.sample(&mut rng, 20, 100, |_| false).is_empty());
    assert!(Segmented::<u32>::new().sample(&mut rng, 20, 100, |_| true).is_empty());
}

/// A walk from a random place to the next elements that are wanted finds those more often that stand alone: taking what was
/// found emptied some regions wholly and left others full.
#[test]
fn a_spread_sample_meets_each_as_often() {
    let table = filled(20_000);
    let mut rng = Rng::new(5);
    // All elements of the first segments are wanted, and a few of the others.
    let first = |n: u32| Segmented::<u32>::walk_point(hash(n)) < END / 10;
    let wanted = |n: &u32| first(*n) || n.is_multiple_of(100);
    let all = (0..20_000).filter(wanted).count() as f64;
    let lonely = (0..20_000).filter(|n| wanted(n) && !first(*n)).count() as f64;
    let (mut dense, mut sparse) = (0, 0);
    for _ in 0..5_000 {
        let some = table.sample_spread(&mut rng, 20, 2_000, 1, wanted);
        assert_eq!(some.len(), 20);
        for slot in some {
            let n = *table.get(slot);
            assert!(wanted(&n));
            *(if first(n) { &mut dense } else { &mut sparse }) += 1;
        }
    }
    let share = f64::from(sparse) / f64::from(dense + sparse) / (lonely / all);
    assert!((0.8..1.25).contains(&share), "lonely ones were found {share} times as often as others");
    assert!(table.sample_spread(&mut rng, 20, 500, 1, |_| false).is_empty());
    assert!(Segmented::<u32>::new().sample_spread(&mut rng, 20, 100, 1, |_| true).is_empty());
}

/// Every element in one point: the directory must not grow without end, nor may an insert loop for ever.
#[test]
#[cfg_attr(miri, ignore = "compares millions of times")]
fn equal_hashes_are_only_slow() {
    let n = 3000;
    let same = |_: &u32| 0x1234_5678_9abc_def0;
    let mut table = Segmented::new();
    for i in 0..n {
        table.insert_unique(same(&i), i, same);
    }
    check(&table, same);
    assert!(table.find(same(&0), |&e| e == n - 1).is_some());
    let mut visits = 0;
    let mut cursor = 0;
    loop {
        cursor = table.scan(cursor, 100, |_| visits += 1);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(visits, n);
}

/// Room that was made beforehand is used: nothing moves while the table fills, and all is found.
#[test]
fn a_table_made_for_its_elements() {
    for items in [0, 1, 100, 896, 897, 2_000, 50_000] {
        let mut table = Segmented::with_capacity(items as usize);
        let before = (table.segments(), table.allocated());
        (0..items).for_each(|n| insert(&mut table, n));
        assert_eq!((table.segments(), table.allocated()), before, "{items}");
        check(&table, rehash);
        assert!((0..items).all(|n| table.find(hash(n), |e| *e == n).is_some()));
        assert!(items < 2_000 || table.allocated() / (items as usize) < 20, "{items}: {before:?}");
    }
}

/// A walk by ranges meets each element that stays once, while others come and go and segments split.
#[test]
fn a_walk_by_ranges_meets_each_once() {
    let mut table = filled(3_000);
    let (mut from, mut met, mut next) = (0, BTreeMap::new(), 3_000);
    while from < Segmented::<u32>::WALK_END {
        let mut range = Vec::new();
        let end = table.range_from(from, rehash, &mut range);
        assert!(end > from);
        for n in range.into_iter().copied() {
            assert!((from..end).contains(&Segmented::<u32>::walk_point(hash(n))));
            *met.entry(n).or_insert(0) += 1;
        }
        from = end;
        for _ in 0..700 {
            insert(&mut table, next);
            next += 1;
        }
        if next % 3 == 0 {
            (next - 600..next - 100).for_each(|n| remove(&mut table, n));
        }
    }
    assert!((0..3_000).all(|n| met.get(&n) == Some(&1)));
    assert!(met.values().all(|&times| times == 1));
}

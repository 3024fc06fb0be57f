use super::packed::with_redis_layout;
use super::{LexBound, LexRange, ScoreRange, Zset, ZsetRef};
use crate::types::codec::{Form, decode};
use crate::types::listpack::{Element, Listpack, ListpackBuf};
use crate::types::{Limits, Value};
use crate::words::hash::HashKey;
use crate::words::number::{write_f64, write_i64};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range;
use proptest::prelude::*;

/// Scores as the model orders them: no NaN, and both zeros are one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score(f64);

impl Eq for Score {}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.partial_cmp(&other.0).expect("not a NaN")
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn limits(entries: usize) -> Limits {
    Limits { zset_max_listpack_entries: entries, ..Limits::new(HashKey::new([7, 11])) }
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-8i32..8).prop_map(f64::from),
        3 => -5.0..5.0,
        1 => Just(-0.0),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(4_611_686_018_427_387_904.0),
        1 => any::<f64>().prop_filter("a number", |s| !s.is_nan()),
    ]
}

/// Scores of the sorts that lie in a listpack in different ways.
fn stored_score() -> impl Strategy<Value = f64> {
    prop_oneof![
        2 => score(),
        1 => (-800i32..800).prop_map(|n| f64::from(n) / 8.0),
        1 => (-99_999i32..99_999).prop_map(|n| f64::from(n) / 10_000.0),
        1 => any::<f32>().prop_filter("a number", |s| !s.is_nan()).prop_map(f64::from),
        1 => any::<i64>().prop_map(|n| n as f64),
        1 => prop_oneof![Just(5e18), Just(1e20), Just(-1e22), Just(f64::MIN_POSITIVE), Just(5e-324), Just(f64::MAX)],
    ]
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0u32..400).prop_map(|n| std::format!("{n}").into_bytes()),
        4 => (0u32..400).prop_map(|n| std::format!("member:{n:08}").into_bytes()),
        1 => (0usize..300).prop_map(|n| std::vec![b'x'; n]),
    ]
}

#[derive(Debug, Clone)]
enum Op {
    Insert(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveRanks(usize, usize),
    Ranks(ScoreRange),
    Rank(Vec<u8>),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (member(), score()).prop_map(|(m, s)| Op::Insert(m, s)),
        3 => member().prop_map(Op::Remove),
        1 => (any::<usize>(), 0usize..90).prop_map(|(at, n)| Op::RemoveRanks(at, n)),
        1 => (score(), score(), any::<bool>(), any::<bool>()).prop_map(|(min, max, a, b)| Op::Ranks(ScoreRange {
            min, max, min_exclusive: a, max_exclusive: b,
        })),
        1 => member().prop_map(Op::Rank),
    ]
}

#[derive(Default)]
struct Model {
    scores: BTreeMap<Vec<u8>, f64>,
    order: BTreeSet<(Score, Vec<u8>)>,
}

impl Model {
    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.scores.get(member).copied();
        if old == Some(score) {
            return old;
        }
        self.remove(member);
        self.scores.insert(member.to_vec(), score);
        self.order.insert((Score(score), member.to_vec()));
        old
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let old = self.scores.remove(member)?;
        self.order.remove(&(Score(old), member.to_vec()));
        Some(old)
    }

    fn ranks(&self, inside: impl Fn(&Score, &[u8]) -> bool) -> Range<usize> {
        let mut ranks =
            self.order.iter().enumerate().filter(|(_, (s, m))| inside(s, m)).map(|(rank, _)| rank);
        let Some(first) = ranks.next() else { return 0..0 };
        first..ranks.last().unwrap_or(first) + 1
    }

    fn entries(&self, ranks: Range<usize>) -> Vec<(Vec<u8>, f64)> {
        self.order.iter().skip(ranks.start).take(ranks.len()).map(|(s, m)| (m.clone(), s.0)).collect()
    }
}

fn listed(zset: ZsetRef<'_>, ranks: Range<usize>, reverse: bool) -> Vec<(Vec<u8>, f64)> {
    zset.entries(ranks, reverse).map(|(member, score)| (member.to_vec(), score)).collect()
}

fn same_ranks(a: Range<usize>, b: Range<usize>) {
    assert!(a == b || (a.is_empty() && b.is_empty()), "{a:?} {b:?}");
}

fn apply(zset: &mut Zset, model: &mut Model, limits: &Limits, op: &Op) {
    match op {
        Op::Insert(member, score) => {
            assert_eq!(zset.insert(member, *score, limits), model.insert(member, *score));
            assert_eq!(zset.as_ref().score(member), Some(*score));
        }
        Op::Remove(member) => assert_eq!(zset.remove(member), model.remove(member)),
        Op::RemoveRanks(at, n) => {
            let start = at % (model.order.len() + 1);
            let ranks = start..(start + n).min(model.order.len());
            for (member, _) in model.entries(ranks.clone()) {
                model.remove(&member);
            }
            zset.remove_ranks(ranks);
        }
        Op::Ranks(range) => {
            let inside = |score: &Score, _: &[u8]| range.reaches_min(score.0) && range.reaches_max(score.0);
            same_ranks(zset.as_ref().score_ranks(range), model.ranks(inside));
        }
        Op::Rank(member) => {
            let score = model.scores.get(member).copied();
            let rank = score.map(|score| (model.ranks(|_, m| m == member).start, score));
            assert_eq!(zset.as_ref().rank(member), rank);
        }
    }
}

fn compare(zset: &Zset, model: &Model) {
    let all = model.entries(0..model.order.len());
    assert_eq!(zset.as_ref().len(), all.len());
    assert_eq!(listed(zset.as_ref(), 0..all.len(), false), all);
    let back: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(listed(zset.as_ref(), 0..all.len(), true), back);
    let (third, half) = (all.len() / 3, all.len() / 2);
    assert_eq!(listed(zset.as_ref(), third..half, false), all[third..half]);
    for (member, score) in &all {
        assert_eq!(zset.as_ref().score(member), Some(*score));
    }
    let mut seen = BTreeSet::new();
    let mut cursor = 0;
    loop {
        cursor = zset.as_ref().scan(cursor, 10, |member, _| {
            seen.insert(member.to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), all.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn behaves_as_an_ordered_map(entries in 0usize..64, ops in proptest::collection::vec(op(), 1..600)) {
        let limits = limits(entries);
        let (mut zset, mut model) = (Zset::new(), Model::default());
        for op in &ops {
            apply(&mut zset, &mut model, &limits, op);
        }
        compare(&zset, &model);
        let pairs: Vec<_> = model.scores.iter().map(|(m, s)| (m, *s)).collect();
        compare(&Zset::from_pairs(&pairs, &limits), &model);
    }

    #[test]
    fn lexicographic_ranges_agree(
        packed in any::<bool>(),
        members in proptest::collection::btree_set(member(), 0..120),
        ends in (0u8..4, member(), 0u8..4, member()),
    ) {
        let limits = limits(if packed { 1000 } else { 0 });
        let (mut zset, mut model) = (Zset::new(), Model::default());
        for member in &members {
            zset.insert(member, 1.0, &limits);
            model.insert(member, 1.0);
        }
        let bound = |kind, member| match kind {
            0 => LexBound::Min,
            1 => LexBound::Max,
            2 => LexBound::Inclusive(member),
            _ => LexBound::Exclusive(member),
        };
        let range = LexRange { min: bound(ends.0, &ends.1), max: bound(ends.2, &ends.3) };
        let wanted = model.ranks(|_, m| range.reaches_min(m) && range.reaches_max(m));
        same_ranks(zset.as_ref().lex_ranks(&range, false), wanted.clone());
        same_ranks(zset.as_ref().lex_ranks(&range, true), wanted);
    }
}

#[test]
fn a_set_that_shrinks_gives_its_memory_back() {
    let limits = limits(0);
    let (mut zset, mut model) = (Zset::new(), Model::default());
    let name = |n: u32| std::format!("member:{n:08}").into_bytes();
    for n in 0..50_000u32 {
        let score = f64::from(n.wrapping_mul(2_654_435_761) >> 20);
        zset.insert(&name(n), score, &limits);
        model.insert(&name(n), score);
    }
    let full = zset.as_ref().memory();
    for n in (0..50_000u32).filter(|n| n % 100 != 7) {
        assert_eq!(zset.remove(&name(n)), model.remove(&name(n)));
    }
    compare(&zset, &model);
    let left = zset.as_ref().memory();
    assert!(left * 15 < full, "{full} bytes before, {left} after");
    while !zset.free_some(100) {}
}

/// The listpack that Redis 7.0 makes of entries in order: `zzlInsertAt` for each.
fn reference_layout(entries: &[(Vec<u8>, f64)]) -> Vec<u8> {
    let mut list = ListpackBuf::new();
    for (member, score) in entries {
        list.push_back(member);
        let mut text = Vec::new();
        if score.abs() <= 4_611_686_018_427_387_904.0 && (*score as i64) as f64 == *score {
            write_i64(&mut text, *score as i64);
        } else {
            write_f64(&mut text, *score);
        }
        list.push_back(&text);
    }
    list.into_vec()
}

fn written_layout(zset: ZsetRef<'_>) -> Vec<u8> {
    let ZsetRef::Packed(list) = zset else { panic!("few members") };
    with_redis_layout(list, &mut b"what was there before".to_vec(), <[u8]>::to_vec)
}

/// A body of the form `ZsetListpack`: the listpack as a string.
fn body(layout: &[u8]) -> Vec<u8> {
    let mut body = b"\x80".to_vec();
    body.extend_from_slice(&(layout.len() as u32).to_be_bytes());
    body.extend_from_slice(layout);
    body
}

fn text_of(score: f64) -> Vec<u8> {
    let mut text = Vec::new();
    write_f64(&mut text, score);
    text
}

fn read_back(layout: &[u8], limits: &Limits) -> Zset {
    match decode(Form::ZsetListpack, &body(layout), limits) {
        Ok(Value::Zset(zset)) => zset,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_the_references_bit_for_bit(
        entries in proptest::collection::btree_map(member(), stored_score(), 1..100),
    ) {
        let limits = Limits { zset_max_listpack_value: 300, ..limits(100) };
        let mut zset = Zset::new();
        for (member, score) in &entries {
            zset.insert(member, *score, &limits);
        }
        let in_order: Vec<_> = zset.as_ref().iter().map(|(member, score)| (member.to_vec(), score)).collect();
        let reference = reference_layout(&in_order);
        prop_assert_eq!(&written_layout(zset.as_ref()), &reference);
        let again = read_back(&reference, &limits);
        prop_assert_eq!(&written_layout(again.as_ref()), &reference);
        prop_assert_eq!(again.as_ref().memory(), zset.as_ref().memory());
        // A double's 8 bytes are more than the text of a number like 1.5e+22 or 1.0016.
        let doubles = in_order.iter().filter(|(_, score)| score.fract() != 0.0 || score.abs() > 4e18);
        let longer: usize = doubles.map(|(_, score)| 8usize.saturating_sub(text_of(*score).len())).sum();
        prop_assert!(zset.as_ref().memory() <= reference.len() + longer);
        for (member, score) in &in_order {
            prop_assert_eq!(again.as_ref().score(member).map(f64::to_bits), Some(score.to_bits()));
        }
    }
}

#[test]
fn the_compact_form_is_the_references() {
    let limits = limits(128);
    let mut zset = Zset::new();
    for (member, score) in [("b", 1.5), ("a", 2.0), ("7", -0.0), ("z", 1e17), ("y", f64::NEG_INFINITY)] {
        zset.insert(member.as_bytes(), score, &limits);
    }
    let layout = written_layout(zset.as_ref());
    let texts: Vec<Vec<u8>> = Listpack::new(&layout).iter().map(|element| element.to_vec()).collect();
    let wanted: [&[u8]; 10] =
        [b"y", b"-inf", b"7", b"0", b"b", b"1.5", b"a", b"2", b"z", b"100000000000000000"];
    assert_eq!(texts, wanted);
}

/// Some doubles' bytes are digits: as Redis's listpack takes strings, this score would have come back as 12.
#[test]
fn a_score_whose_bytes_are_digits_stays_a_double() {
    let limits = limits(128);
    let score = f64::from_bits(0x3132_0000_0000_0000);
    let mut zset = Zset::new();
    for member in ["a", "c", "b"] {
        zset.insert(member.as_bytes(), score, &limits);
    }
    assert_eq!(zset.as_ref().score(b"b"), Some(score));
    let again = read_back(&written_layout(zset.as_ref()), &limits);
    assert_eq!(again.as_ref().score(b"b"), Some(score));
}

/// Ziplists of Redis before 7.0 have `-0`, servers after it shorter texts, and a listpack may hold integers that no
/// double can be.
#[test]
fn scores_that_redis_reads_but_does_not_write_are_read() {
    let mut list = ListpackBuf::new();
    let texts = ["-inf", "-1.50", "-0", "0.1", "0x1p3", "12", "1e3", "5e18"];
    for (i, text) in texts.iter().enumerate() {
        list.push_back_exact(Element::Str(&[b'a' + i as u8]));
        list.push_back_exact(Element::Str(text.as_bytes()));
    }
    list.push_back(b"y");
    list.push_back_int(i64::MAX);
    list.push_back(b"z");
    list.push_back(b"inf");
    let zset = read_back(&list.into_vec(), &limits(128));
    let scores: Vec<f64> = zset.as_ref().iter().map(|(_, score)| score).collect();
    let numbers = [-1.5, -0.0, 0.1, 8.0, 12.0, 1000.0, 5e18, 9_223_372_036_854_775_807.0];
    assert_eq!(scores, [&[f64::NEG_INFINITY], &numbers[..], &[f64::INFINITY]].concat());
    assert!(scores[2].is_sign_negative());
    let written = written_layout(zset.as_ref());
    let texts: Vec<Vec<u8>> = Listpack::new(&written).iter().skip(1).step_by(2).map(|e| e.to_vec()).collect();
    let wanted: [&[u8]; 10] = [
        b"-inf",
        b"-1.5",
        b"-0",
        b"0.10000000000000001",
        b"8",
        b"12",
        b"1000",
        b"5e+18",
        b"9223372036854775807",
        b"inf",
    ];
    assert_eq!(texts, wanted);
}

#[test]
fn ten_decimal_fractions_take_little() {
    let mut zset = Zset::new();
    for i in 0..10u32 {
        zset.insert(std::format!("member:{i}").as_bytes(), f64::from(i) + 0.1234, &limits(128));
    }
    assert_eq!(zset.as_ref().memory(), 7 + 10 * (10 + 10));
    let mut halves = Zset::new();
    halves.insert(b"m", 2.5, &limits(128));
    assert_eq!(halves.as_ref().memory(), 7 + 3 + 4);
}

//! Against a plain vector; and the nodes against what redis-server 7.0.15 told by DEBUG OBJECT.

use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use super::node::Node;
use super::*;
use crate::words::hash::HashKey;

fn limits(fill: i64) -> Limits {
    Limits { list_max_listpack_size: fill, ..Limits::new(HashKey::new([0, 0])) }
}

fn values(list: &List) -> Vec<Vec<u8>> {
    list.as_ref().iter().map(|element| element.to_vec()).collect()
}

/// Elements of every node; a plain node is 0.
fn shape(list: &List) -> Vec<usize> {
    let count = |node| match node {
        NodeRef::Packed(list) => list.len(),
        NodeRef::Plain(_) => 0,
    };
    list.as_ref().nodes().map(count).collect()
}

fn filled(count: usize, limits: &Limits) -> List {
    let mut list = List::new();
    for i in 0..count {
        list.push(format!("element {i}").as_bytes(), End::Tail, limits);
    }
    list
}

#[test]
fn a_long_list_finds_any_index() {
    let limits = limits(-1);
    let list = filled(100_000, &limits);
    assert!(matches!(list, List::Quick(_)));
    for index in [0, 1, 255, 256, 4999, 50_000, 99_998, 99_999] {
        let expected = format!("element {index}").into_bytes();
        assert_eq!(list.as_ref().get(index).unwrap().to_vec(), expected);
        assert_eq!(list.as_ref().get(index - 100_000).unwrap().to_vec(), expected);
        assert_eq!(list.as_ref().iter_from(index as usize).next().unwrap().to_vec(), expected);
        assert_eq!(list.as_ref().iter_from(index as usize).count(), 100_000 - index as usize);
    }
    assert_eq!(list.as_ref().get(100_000), None);
    assert_eq!(list.as_ref().get(-100_001), None);
    assert_eq!(list.as_ref().iter_from(100_000).count(), 0);
}

#[test]
fn full_nodes_waste_nothing() {
    let list = filled(100_000, &limits(-2));
    let List::Quick(quick) = &list else { panic!("long lists are quicklists") };
    let nodes: Vec<_> = quick.dir.chunks.iter().flat_map(|chunk| chunk.nodes.iter()).collect();
    for node in &nodes[..nodes.len() - 1] {
        assert_eq!(node.capacity(), node.view().bytes().len());
    }
}

#[test]
fn a_queue_keeps_few_chunks() {
    let limits = limits(1);
    let mut list = filled(10_000, &limits);
    for i in 0..50_000 {
        list.push(format!("element {i}").as_bytes(), End::Tail, &limits);
        assert!(list.pop(End::Head, |element| element.to_vec()).is_some());
    }
    let List::Quick(quick) = &list else { panic!("long lists are quicklists") };
    assert_eq!(quick.dir.len(), 10_000);
    assert!(quick.dir.chunks.len() <= 10_000 / directory::CHUNK_NODES + 2);
    while !list.is_empty() {
        list.delete_range(1, 3);
        list.pop(End::Tail, |_| ()).unwrap();
    }
    assert!(matches!(list, List::Packed(_)));
}

#[test]
fn sparse_chunks_are_packed() {
    let limits = limits(1);
    let mut list = List::new();
    for i in 0..20_000 {
        let value: &[u8] = if i % 10 == 0 { b"keep" } else { b"drop" };
        list.push(value, End::Head, &limits);
    }
    assert_eq!(list.remove_matching(b"drop", End::Tail, usize::MAX), 18_000);
    let List::Quick(quick) = &list else { panic!("long lists are quicklists") };
    assert!(quick.dir.chunks.len() <= 2000 / directory::CHUNK_NODES + 1);
    assert_eq!(list.remove_matching(b"keep", End::Head, 5), 5);
    assert_eq!(list.len(), 1995);
}

#[test]
fn freeing_takes_slices() {
    let mut list = filled(10_000, &limits(128));
    let mut slices = 1;
    while !list.free_some(500) {
        slices += 1;
    }
    assert!((10..=20).contains(&slices));
}

#[derive(Debug, Clone)]
enum Op {
    Push(End, Vec<u8>),
    Pop(End),
    Set(usize, Vec<u8>),
    Insert(usize, bool, Vec<u8>),
    Remove(usize, End, usize),
    Delete(usize, usize),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Head), Just(End::Tail)]
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0i64..2000).prop_map(|value| format!("{value}").into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (1000usize..5000).prop_map(|len| vec![b'z'; len]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let at = any::<usize>();
    prop_oneof![
        6 => (end(), element()).prop_map(|(end, value)| Op::Push(end, value)),
        1 => end().prop_map(Op::Pop),
        2 => (at, element()).prop_map(|(at, value)| Op::Set(at, value)),
        4 => (at, any::<bool>(), element()).prop_map(|(at, after, value)| Op::Insert(at, after, value)),
        1 => (at, end(), 1usize..4).prop_map(|(at, end, max)| Op::Remove(at, end, max)),
        1 => (at, 0usize..6).prop_map(|(at, count)| Op::Delete(at, count)),
    ]
}

fn apply(list: &mut List, model: &mut Vec<Vec<u8>>, op: Op, limits: &Limits) {
    let len = model.len();
    let at = |raw: usize| raw % len.max(1);
    match op {
        Op::Push(end, value) => {
            list.push(&value, end, limits);
            model.insert(if end == End::Head { 0 } else { len }, value);
        }
        Op::Pop(end) => {
            let popped = list.pop(end, |element| element.to_vec());
            let expected = (len > 0).then(|| model.remove(if end == End::Head { 0 } else { len - 1 }));
            assert_eq!(popped, expected);
        }
        Op::Set(raw, value) => {
            assert_eq!(list.set(at(raw) as i64, &value, limits), len > 0);
            if let Some(element) = model.get_mut(at(raw)) {
                *element = value;
            }
        }
        Op::Insert(raw, after, value) => {
            let Some(pivot) = model.get(at(raw)).cloned() else { return };
            assert!(list.insert(&pivot, after, &value, limits));
            let found = model.iter().position(|element| *element == pivot).unwrap();
            model.insert(found + usize::from(after), value);
        }
        Op::Remove(raw, from, max) => {
            let Some(needle) = model.get(at(raw)).cloned() else { return };
            let removed = list.remove_matching(&needle, from, max);
            let mut hits: Vec<usize> = (0..len).filter(|i| model[*i] == needle).collect();
            if from == End::Tail {
                hits.reverse();
            }
            hits.truncate(max);
            hits.sort_unstable();
            assert_eq!(removed, hits.len());
            for i in hits.into_iter().rev() {
                model.remove(i);
            }
        }
        Op::Delete(raw, count) => {
            list.delete_range(at(raw), count);
            model.drain(at(raw)..(at(raw) + count).min(len));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_agree_with_a_vector(
        fill in prop_oneof![Just(-1i64), Just(-2), Just(0), Just(1), Just(4), Just(100)],
        plain in prop_oneof![Just(1usize << 30), Just(30), Just(1)],
        ops in prop::collection::vec(op(), 0..400),
    ) {
        let limits = Limits { list_plain_threshold: plain, ..limits(fill) };
        let mut list = List::new();
        let mut model = Vec::new();
        for op in ops {
            apply(&mut list, &mut model, op, &limits);
            prop_assert_eq!(list.len(), model.len());
        }
        prop_assert_eq!(&values(&list), &model);
        let view = list.as_ref();
        prop_assert!(view.iter().rev().map(|element| element.to_vec()).eq(model.iter().rev().cloned()));
        prop_assert_eq!(view.nodes().map(NodeRef::len).sum::<usize>(), model.len());
        prop_assert_eq!(view.nodes().rev().count(), shape(&list).len());
        for (start, count) in [(0, 1), (0, usize::MAX), (model.len() / 3, model.len() / 3), (model.len(), 2)] {
            let mut shown = Vec::new();
            view.for_each_in(start, count, |element| shown.push(element.to_vec()));
            prop_assert!(shown.iter().eq(model.iter().skip(start).take(count)));
        }
        for (i, value) in model.iter().enumerate() {
            prop_assert!(view.get(i as i64).unwrap().eq(value));
            prop_assert!(view.iter_from(i).next().unwrap().eq(value));
        }
        prop_assert!(view.end(End::Head).map(|element| element.to_vec()) == model.first().cloned());
        prop_assert!(view.end(End::Tail).map(|element| element.to_vec()) == model.last().cloned());
    }
}

/// What redis-server 7.0.15 made of random edits: a line starting with `=` has its nodes' counts (0 for a plain one).
/// Every new value is its number, a point, and so many letters.
#[test]
fn nodes_are_where_redis_has_them() {
    let mut list = List::new();
    let mut limits = limits(-2);
    let mut model: Vec<Vec<u8>> = Vec::new();
    let mut made = 0;
    for (line, text) in include_str!("tests/shapes.txt").lines().enumerate() {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |i: usize| words[i].parse::<i64>().unwrap();
        if matches!(words[0], "=" | "#") {
            if words[0] == "=" {
                let nodes: Vec<_> = shape(&list).iter().map(|count| format!("{count}")).collect();
                assert_eq!(nodes.join(","), words[1], "line {}", line + 1);
            } else {
                limits = Limits { list_plain_threshold: number(2) as usize, ..self::limits(number(1)) };
                (list, model, made) = (List::new(), Vec::new(), 0);
            }
            continue;
        }
        made += 1;
        let value = |i: usize| format!("{made}.{}", "v".repeat(number(i) as usize)).into_bytes();
        match words[0] {
            "R" => apply(&mut list, &mut model, Op::Push(End::Tail, value(1)), &limits),
            "L" => apply(&mut list, &mut model, Op::Push(End::Head, value(1)), &limits),
            "S" => {
                let at = if number(1) < 0 { number(1) + model.len() as i64 } else { number(1) };
                apply(&mut list, &mut model, Op::Set(at as usize, value(2)), &limits);
            }
            "I" => apply(
                &mut list,
                &mut model,
                Op::Insert(number(1) as usize, number(2) == 1, value(3)),
                &limits,
            ),
            "X" => {
                let from = if number(2) > 0 { End::Head } else { End::Tail };
                apply(&mut list, &mut model, Op::Remove(number(1) as usize, from, 1), &limits);
            }
            "P" => apply(&mut list, &mut model, Op::Pop(End::Tail), &limits),
            _ => {
                let (front, back) = (number(1) as usize, number(2) as usize);
                apply(&mut list, &mut model, Op::Delete(0, front), &limits);
                let start = model.len() - back;
                apply(&mut list, &mut model, Op::Delete(start, back), &limits);
            }
        }
    }
}

/// Redis 7.0 counts a merged node as if it were a ziplist, whose header and end took 11 bytes: a merge may overshoot the
/// size class by 4. A recorded difference of DUMP showed it.
#[test]
fn a_merge_may_overshoot_its_class_as_redis_lets_it() {
    let rules = Rules::new(&limits(-1));
    // Listpack, head and backlen take 11 bytes beside the data.
    let node = |bytes: usize| Node::new(&vec![b'x'; bytes - 11], rules);
    assert_eq!(node(3000).view().bytes().len(), 3000);
    assert!(rules.allow_merge(&node(3000), &node(1107)));
    assert!(!rules.allow_merge(&node(3000), &node(1108)));
}

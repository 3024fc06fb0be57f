use super::*;
use crate::words::hash::HashKey;
use crate::words::rng::Rng;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use proptest::prelude::*;

fn limits() -> Limits {
    Limits::new(HashKey::new([1, 2]))
}

fn value_of(hash: &Hash, field: &[u8]) -> Option<Vec<u8>> {
    hash.as_ref().get(field).map(|v| v.to_vec())
}

fn pairs(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
    hash.as_ref().iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect()
}

#[test]
fn thresholds_turn_a_listpack_into_a_table() {
    let limits = limits();
    let mut hash = Hash::new();
    for i in 0..128 {
        assert!(hash.set(format!("f{i}").as_bytes(), &[b'x'; 64], &limits));
    }
    assert_eq!((hash.as_ref().encoding(), hash.len()), ("listpack", 128));
    assert!(!hash.set(b"f0", b"12345", &limits));
    assert_eq!(hash.as_ref().get(b"f0"), Some(Element::Int(12345)));
    assert!(hash.set(b"one more", b"", &limits));
    assert_eq!((hash.as_ref().encoding(), hash.len()), ("hashtable", 129));
    assert_eq!(value_of(&hash, b"f0").unwrap(), b"12345");
    for (field, value) in [(&[b'a'; 65][..], &b"v"[..]), (b"f", &[b'a'; 65])] {
        let mut hash = Hash::new();
        hash.set(field, value, &limits);
        assert_eq!(hash.as_ref().encoding(), "hashtable");
        assert_eq!(value_of(&hash, field).unwrap(), value);
    }
}

#[test]
fn fields_of_every_length_come_back() {
    let mut hash = Hash::new();
    hash.make_table(&limits());
    let lengths = [0, 1, 127, 128, 129, 255, 256, 16_383, 16_384, 70_000, 2_097_152];
    for len in lengths.into_iter().take(if cfg!(miri) { 7 } else { 11 }) {
        let field = alloc::vec![b'f'; len];
        assert!(hash.set(&field, b"a value", &limits()));
        assert!(!hash.set(&field, b"another", &limits()));
        assert_eq!(value_of(&hash, &field).unwrap(), b"another");
        assert!(!hash.insert(&field, b"third", &limits()));
        assert!(hash.remove(&field) && !hash.remove(&field));
    }
    assert!(hash.is_empty());
}

fn operation() -> impl Strategy<Value = (u8, Vec<u8>, Vec<u8>)> {
    let field = prop_oneof![
        (0..40_u32).prop_map(|n| format!("{n}").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..3)
    ];
    (0..4_u8, field, prop::collection::vec(any::<u8>(), 0..20))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 200 }) })]

    #[test]
    fn behaves_like_a_map(ops in prop::collection::vec(operation(), 0..300), entries in 0..30_usize) {
        let mut limits = limits();
        limits.hash_max_listpack_entries = entries;
        let mut hash = Hash::new();
        let mut model = BTreeMap::new();
        for (what, field, value) in ops {
            match what {
                0 => prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                1 => {
                    let absent = !model.contains_key(&field);
                    prop_assert_eq!(hash.insert(&field, &value, &limits), absent);
                    model.entry(field).or_insert(value);
                }
                _ => prop_assert_eq!(hash.set(&field, &value, &limits), model.insert(field, value).is_none()),
            }
            prop_assert_eq!(hash.len(), model.len());
            prop_assert_eq!(hash.is_empty(), model.is_empty());
        }
        prop_assert_eq!(&pairs(&hash), &model);
        prop_assert_eq!(&pairs(&hash.as_ref().to_owned()), &model);
        for (field, value) in &model {
            prop_assert_eq!(&value_of(&hash, field).unwrap(), value);
        }
    }
}

#[test]
fn random_fields_are_distinct_and_as_many_as_wanted() {
    let limits = limits();
    let mut rng = Rng::new(9);
    for &size in if cfg!(miri) { &[0, 1, 20][..] } else { &[0, 1, 7, 128, 500] } {
        let mut hash = Hash::new();
        for i in 0..size {
            hash.set(format!("{i}").as_bytes(), b"v", &limits);
        }
        for n in [0, 1, 5, 100, 400, 1000] {
            let mut seen = BTreeSet::new();
            hash.as_ref().random_distinct(&mut rng, n, |f, _| assert!(seen.insert(f.to_vec())));
            assert_eq!(seen.len(), n.min(size));
        }
        assert_eq!(hash.as_ref().random(&mut rng).is_none(), size == 0);
    }
}

#[test]
fn a_large_hash_scans_counts_its_memory_and_is_freed_in_slices() {
    let mut table = FieldTable::new(limits().hash_key);
    let n = if cfg!(miri) { 1000 } else { 20_000 };
    for i in 0..n {
        table.set(format!("field:{i:08}").as_bytes(), b"12345678");
    }
    let (mut seen, mut cursor) = (BTreeSet::new(), 0);
    loop {
        cursor = table.scan(cursor, 100, |f, _| {
            seen.insert(f.to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), n);
    assert!(table.memory() < n * 45 || cfg!(miri), "{} bytes a field", table.memory() / n);
    let before = table.block_bytes;
    table.set(b"field:00000001", b"longer than it was");
    assert_eq!(table.block_bytes, before + 10);
    let mut slices = 0;
    while !table.free_some(1000) {
        slices += 1;
    }
    assert!(slices > 5 || cfg!(miri));
}

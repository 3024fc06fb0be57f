//! Against a plain model, and against blobs that redis-server 7.0.15 gave by DUMP.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use super::*;

/// Integers at the borders of every encoding.
const INTS: &str = "7b000000160000017f01c08002dfff02d00002cfff02f1001003f1ffef03f1ff7f03f1008003f200800004f2ff7fff04\
    f2ffff7f04f200008004f30000800005f3ffff7fff05f3ffffff7f05f30000008005f4000000800000000009f4ffffff7fffffffff09\
    f4ffffffffffffff7f09f4000000000000008009ff";
/// Strings that look like integers and are none.
const NOT_INTS: &str = "540000000b008001822d300382303103822b310382203103823120039339323233333732303336383534373735383038\
    14942d3932323333373230333638353437373538303915812d0283312e300482303003ff";
/// A hash of three fields, one of them numeric, one value longer than 63 bytes.
fn hash_fixture() -> String {
    ["690000000600856669656c64068576616c756506816e020c01846c6f6e6705e046", &"76".repeat(70), "48ff"].concat()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().map(|c| char::from(c).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn build<T: AsRef<[u8]>>(elements: &[T]) -> ListpackBuf {
    let mut buf = ListpackBuf::new();
    elements.iter().for_each(|element| buf.push_back(element.as_ref()));
    buf
}

fn values(list: &ListpackBuf) -> Vec<Vec<u8>> {
    list.as_ref().iter().map(|element| element.to_vec()).collect()
}

#[track_caller]
fn same_blob_as_redis(hex: &str, elements: &[String]) {
    let blob = unhex(hex);
    assert_eq!(build(elements).into_vec(), blob);
    assert_eq!(Listpack::validate(&blob), Ok(()));
    let read: Vec<Vec<u8>> = Listpack::new(&blob).iter().map(|element| element.to_vec()).collect();
    let expected: Vec<Vec<u8>> = elements.iter().map(|element| element.clone().into_bytes()).collect();
    assert_eq!(read, expected);
}

#[test]
fn integers_as_redis_writes_them() {
    let ints = [
        0,
        127,
        128,
        -1,
        -4096,
        4095,
        4096,
        -4097,
        32767,
        -32768,
        32768,
        -32769,
        8_388_607,
        -8_388_608,
        8_388_608,
        -8_388_609,
        2_147_483_647,
        -2_147_483_648,
        2_147_483_648,
        -2_147_483_649,
        i64::MAX,
        i64::MIN,
    ];
    same_blob_as_redis(INTS, &ints.map(|value| value.to_string()));
    let mut by_value = ListpackBuf::new();
    ints.iter().for_each(|value| by_value.push_back_int(*value));
    assert_eq!(by_value.into_vec(), unhex(INTS));
}

#[test]
fn what_is_not_quite_an_integer_stays_a_string() {
    let strings =
        ["", "-0", "01", "+1", " 1", "1 ", "9223372036854775808", "-9223372036854775809", "-", "1.0", "00"];
    same_blob_as_redis(NOT_INTS, &strings.map(String::from));
}

#[test]
fn a_hash_as_redis_writes_it() {
    let v = "v".repeat(70);
    same_blob_as_redis(&hash_fixture(), &["field", "value", "n", "12", "long", &v].map(String::from));
}

#[test]
fn backlen_borders_as_redis_writes_them() {
    // Heads and tails of a blob that redis-server wrote for strings of these lengths.
    let lengths = [4095, 4096, 16377, 16378, 16379];
    let blob = build(&lengths.map(|len| "s".repeat(len))).into_vec();
    assert_eq!(blob.len(), 57384 - 10 - 8);
    assert_eq!(
        blob[..8],
        unhex("16e000000500efff")[..7].iter().copied().chain([0xff]).collect::<Vec<u8>>()[..]
    );
    assert_eq!(blob[blob.len() - 4..], unhex("018080ff"));
    assert_eq!(Listpack::validate(&blob), Ok(()));
    let list = Listpack::new(&blob);
    let backwards: Vec<usize> = list.iter().rev().map(|element| element.len()).collect();
    assert_eq!(backwards, [16379, 16378, 16377, 4096, 4095]);
}

#[test]
fn damage_is_found() {
    let good = unhex(&hash_fixture());
    for i in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[i] ^= 1 << bit;
            if Listpack::validate(&bad).is_ok() {
                // What still is a listpack can be walked both ways.
                assert_eq!(Listpack::new(&bad).iter().count(), Listpack::new(&bad).iter().rev().count());
            }
        }
        assert!(Listpack::validate(&good[..i]).is_err());
    }
    assert!(Listpack::validate(&[]).is_err());
    assert!(Listpack::validate(EMPTY).is_ok());
    // A 32-bit string that claims almost 4 GiB.
    assert!(Listpack::validate(&unhex("0d0000000100f0ffffffff05ff")).is_err());
}

#[test]
fn more_entries_than_the_header_counts() {
    let mut list = ListpackBuf::new();
    for i in 0..70_000 {
        list.push_back_int(i % 100);
    }
    assert_eq!((list.len(), list.as_ref().len()), (70_000, 70_000));
    assert_eq!(Listpack::validate(list.as_ref().bytes()), Ok(()));
    let blob = list.into_vec();
    assert_eq!(blob[4..6], [0xff, 0xff]);
    let mut list = ListpackBuf::from_vec(blob);
    let pos = list.as_ref().seek(-1).unwrap();
    assert_eq!(list.as_ref().get(pos), Element::Int(99));
    let pos = list.as_ref().seek(10).unwrap();
    assert_eq!(list.remove_range(pos, 60_000), Some(pos));
    assert_eq!((list.len(), list.as_ref().len()), (10_000, 10_000));
}

#[test]
fn pushes_and_pops_at_the_front_keep_the_gap_bounded() {
    let mut list = ListpackBuf::new();
    for i in 0..10_000 {
        list.push_front(format!("element {i}").as_bytes());
    }
    assert!(list.capacity() < list.byte_len() * 5 / 4);
    for _ in 0..1_000_000 {
        list.push_back(b"queue element");
        let first = list.as_ref().first().unwrap();
        list.remove(first);
    }
    assert_eq!(list.len(), 10_000);
    assert!(list.capacity() < 400_000, "{}", list.capacity());
    list.trim();
    assert_eq!(list.capacity(), list.byte_len());
}

#[test]
fn find_passes_over_values() {
    let list = build(&["a", "b", "b", "1", "1", "c", "12", "x"]);
    let list = list.as_ref();
    let first = list.first().unwrap();
    assert_eq!(list.find(first, b"b", 1), list.seek(2));
    assert_eq!(list.find(first, b"b", 0), list.seek(1));
    assert_eq!(list.find(first, b"1", 1), list.seek(4));
    assert_eq!(list.find(first, b"12", 1), list.seek(6));
    assert_eq!(list.find(first, b"x", 1), None);
    assert_eq!(list.find(first, b"01", 0), None);
    assert_eq!(list.find(first, b"c", 6), None);
    assert_eq!(list.find(first, b"a", 100), Some(first));
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        4 => (-200i64..200).prop_map(|value| value.to_string().into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..80),
        1 => (60usize..5000).prop_map(|len| vec![b'z'; len]),
    ]
}

#[derive(Debug, Clone)]
enum Edit {
    Push(Vec<u8>),
    PushFront(Vec<u8>),
    Before(usize, Vec<u8>),
    After(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    ReplaceInt(usize, i64),
    Remove(usize, usize),
    Split(usize),
    Trim,
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<usize>();
    prop_oneof![
        element().prop_map(Edit::Push),
        element().prop_map(Edit::PushFront),
        (at, element()).prop_map(|(at, value)| Edit::Before(at, value)),
        (at, element()).prop_map(|(at, value)| Edit::After(at, value)),
        (at, element()).prop_map(|(at, value)| Edit::Replace(at, value)),
        (at, any::<i64>()).prop_map(|(at, value)| Edit::ReplaceInt(at, value)),
        (at, 0usize..4).prop_map(|(at, count)| Edit::Remove(at, count)),
        at.prop_map(Edit::Split),
        Just(Edit::Trim),
    ]
}

fn apply(list: &mut ListpackBuf, model: &mut Vec<Vec<u8>>, edit: Edit) {
    let len = model.len();
    let at = |raw: usize| (raw % len.max(1), list.as_ref().seek((raw % len.max(1)) as i64));
    match edit {
        Edit::Push(value) => {
            list.push_back(&value);
            model.push(value);
        }
        Edit::PushFront(value) => {
            list.push_front(&value);
            model.insert(0, value);
        }
        Edit::Trim => list.trim(),
        Edit::Before(raw, value) => {
            if let (at, Some(pos)) = at(raw) {
                let new = list.insert_before(pos, &value);
                assert!(list.as_ref().get(new).eq(&value));
                model.insert(at, value);
            }
        }
        Edit::After(raw, value) => {
            if let (at, Some(pos)) = at(raw) {
                let new = list.insert_after(pos, &value);
                assert!(list.as_ref().get(new).eq(&value));
                model.insert(at + 1, value);
            }
        }
        Edit::Replace(raw, value) => {
            if let (at, Some(pos)) = at(raw) {
                list.replace(pos, &value);
                model[at] = value;
            }
        }
        Edit::ReplaceInt(raw, value) => {
            if let (at, Some(pos)) = at(raw) {
                model[at] = value.to_string().into_bytes();
                list.replace(pos, &model[at]);
            }
        }
        Edit::Remove(raw, count) => {
            if let (at, Some(pos)) = at(raw) {
                let next = list.remove_range(pos, count);
                model.drain(at..(at + count).min(len));
                assert_eq!(next.map(|pos| list.as_ref().get(pos).to_vec()), model.get(at).cloned());
            }
        }
        Edit::Split(raw) => {
            if let (at, Some(pos)) = at(raw) {
                let tail = list.split_off(pos);
                assert_eq!(values(&tail), model[at..]);
                assert_eq!(values(list), model[..at]);
                list.append_all(&tail);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_agree_with_a_vector(edits in prop::collection::vec(edit(), 0..60)) {
        let mut list = ListpackBuf::new();
        let mut model = Vec::new();
        for edit in edits {
            apply(&mut list, &mut model, edit);
            prop_assert_eq!(Listpack::validate(list.as_ref().bytes()), Ok(()));
            prop_assert_eq!(list.len(), model.len());
            prop_assert_eq!(list.is_empty(), model.is_empty());
        }
        prop_assert_eq!(&values(&list), &model);
        let backwards: Vec<Vec<u8>> = list.as_ref().iter().rev().map(|element| element.to_vec()).collect();
        prop_assert!(backwards.iter().rev().eq(model.iter()));
        // The blob depends on the values alone, not on the way to them.
        prop_assert_eq!(list.clone().into_vec(), build(&model).into_vec());
        for (i, value) in model.iter().enumerate() {
            let pos = list.as_ref().seek(i as i64).unwrap();
            prop_assert_eq!(list.as_ref().seek(i as i64 - model.len() as i64), Some(pos));
            prop_assert_eq!(list.as_ref().index_of(pos), i);
            let found = list.as_ref().find(list.as_ref().first().unwrap(), value, 0).unwrap();
            prop_assert!(found <= pos && list.as_ref().get(found).eq(value));
        }
    }

    #[test]
    fn validation_survives_any_bytes(mut blob in prop::collection::vec(any::<u8>(), 0..60)) {
        let len = blob.len();
        if len > HEADER {
            blob[..4].copy_from_slice(&(len as u32).to_le_bytes());
            blob[4..6].copy_from_slice(&[0xff, 0xff]);
            blob[len - 1] = END;
        }
        if Listpack::validate(&blob).is_ok() {
            let list = Listpack::new(&blob);
            prop_assert_eq!(list.iter().count(), list.iter().rev().count());
        }
    }
}

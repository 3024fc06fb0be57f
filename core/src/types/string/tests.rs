use super::bitfield::{self, Overflow, Width};
use super::bits::{self, Operation};
use super::lcs::{Match, Table};
use super::{Str, StrRef};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

#[test]
fn encodings_follow_the_bytes() {
    assert_eq!(Str::from_bytes(b"12"), Str::Int(12));
    assert_eq!(Str::from_bytes(b"012").as_ref().encoding(), "embstr");
    assert_eq!(Str::from_bytes(&[b'a'; 44]).as_ref().encoding(), "embstr");
    assert_eq!(Str::from_bytes(&[b'a'; 45]).as_ref().encoding(), "raw");
    assert_eq!(Str::from_bytes(b""), Str::Embedded(Vec::new()));
    assert_eq!(StrRef::text(b"3").encoding(), "embstr");
    assert_eq!(Str::from_vec(b"-7".to_vec()), Str::Int(-7));
}

#[test]
fn editing_makes_raw() {
    for (value, expected) in [(Str::Int(-12), &b"-12!"[..]), (Str::from_bytes(b"ab"), b"ab!")] {
        let mut value = value;
        assert_eq!(value.as_ref().len(), expected.len() - 1);
        value.make_raw().push(b'!');
        assert_eq!(value, Str::Raw(expected.to_vec()));
        assert!(!value.grow(2) && value.grow(6));
        assert_eq!(value.as_ref().len(), 6);
    }
}

/// The answers of Redis 7.0.15 to `LCS ohmytext mynewtext IDX`.
#[test]
fn lcs_matches_are_the_references() {
    let table = Table::new(b"ohmytext", b"mynewtext").unwrap();
    assert_eq!((table.len(), table.text()), (6, b"mytext".to_vec()));
    assert_eq!(table.matches(), [Match { a: 4, b: 5, len: 4 }, Match { a: 2, b: 0, len: 2 }]);
    let empty = Table::new(b"", b"abc").unwrap();
    assert!(empty.is_empty() && empty.matches().is_empty() && empty.text().is_empty());
}

#[test]
fn overflowing_fields() {
    let u2 = Width { bits: 2, signed: false };
    let i8 = Width { bits: 8, signed: true };
    let i64 = Width { bits: 64, signed: true };
    assert_eq!(
        [Overflow::Wrap, Overflow::Saturate, Overflow::Fail].map(|o| u2.fit(3, 2, o)),
        [Some(1), Some(3), None]
    );
    assert_eq!([Overflow::Wrap, Overflow::Saturate].map(|o| u2.fit(0, -1, o)), [Some(3), Some(0)]);
    assert_eq!(u2.fit(-1, 0, Overflow::Saturate), Some(3));
    assert_eq!([Overflow::Wrap, Overflow::Saturate].map(|o| i8.fit(127, 1, o)), [Some(-128), Some(127)]);
    assert_eq!(i64.fit(i64::MIN, -1, Overflow::Wrap), Some(i64::MAX));
    assert_eq!(i64.fit(i64::MAX, 1, Overflow::Saturate), Some(i64::MAX));
    assert_eq!(i64.fit(5, -7, Overflow::Fail), Some(-2));
    // As recorded from the reference; the differential run met it.
    let i5 = Width { bits: 5, signed: true };
    let far = [i64::MIN, i64::MIN + 15, i64::MIN + 16, -17, i64::MAX];
    assert_eq!(far.map(|value| i5.fit(value, 0, Overflow::Saturate)), [15, 15, -16, -16, 15].map(Some));
}

#[test]
fn sources_of_different_lengths() {
    let combined = |operation| {
        let mut out = b"\xff\x0f\xf0".to_vec();
        bits::combine(&mut out, b"\x0f\xff", operation);
        out
    };
    assert_eq!(combined(Operation::And), b"\x0f\x0f\x00");
    assert_eq!(combined(Operation::Or), b"\xff\xff\xf0");
    assert_eq!(combined(Operation::Xor), b"\xf0\xf0\xf0");
}

fn model_bits(bytes: &[u8]) -> Vec<bool> {
    (0..bytes.len() * 8).map(|at| bytes[at / 8] >> (7 - at % 8) & 1 == 1).collect()
}

proptest! {
    #[test]
    fn ranges_of_bits_agree_with_a_list_of_bits(
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(255), any::<u8>()], 1..40),
        a: u64, b: u64, bit: bool,
    ) {
        let model = model_bits(&bytes);
        let (a, b) = (a % model.len() as u64, b % model.len() as u64);
        let (first, last) = (a.min(b), a.max(b));
        let within = &model[first as usize..=last as usize];
        let ones = within.iter().filter(|bit| **bit).count() as u64;
        prop_assert_eq!(bits::count_ones_in(&bytes, first..=last), ones);
        let place = within.iter().position(|found| *found == bit).map(|at| at as u64 + first);
        prop_assert_eq!(bits::find_bit(&bytes, bit, first..=last), place);
        prop_assert_eq!(bits::get_bit(&bytes, a), model[a as usize]);
        let mut changed = bytes.clone();
        prop_assert_eq!(bits::set_bit(&mut changed, a, bit), model[a as usize]);
        let mut model = model;
        model[a as usize] = bit;
        prop_assert_eq!(model_bits(&changed), model);
    }

    #[test]
    fn fields_agree_with_a_list_of_bits(
        bytes in proptest::collection::vec(any::<u8>(), 10..20),
        offset in 0u64..8 * 20, bits in 1u32..=64, signed: bool, value: i64,
    ) {
        let width = Width { bits: if signed { bits } else { bits.min(63) }, signed };
        let model = model_bits(&bytes);
        let digit = |at: usize| i128::from(model.get(at).copied().unwrap_or(false));
        let raw = (0..width.bits as usize).fold(0, |raw, at| raw * 2 + digit(offset as usize + at));
        let negative = signed && digit(offset as usize) == 1;
        let expected = if negative { raw - (1 << width.bits) } else { raw };
        prop_assert_eq!(i128::from(bitfield::get(&bytes, offset, width)), expected);

        let mut changed = vec![0; 32];
        changed[..bytes.len()].copy_from_slice(&bytes);
        bitfield::set(&mut changed, offset, width, value);
        prop_assert_eq!(Some(bitfield::get(&changed, offset, width)), width.fit(value, 0, Overflow::Wrap));
        let outside = |bytes: &[u8]| -> Vec<bool> {
            let field = offset as usize..(offset + u64::from(width.bits)) as usize;
            let all = model_bits(bytes).into_iter().chain(core::iter::repeat(false)).take(256);
            all.enumerate().filter(|(at, _)| !field.contains(at)).map(|(_, bit)| bit).collect()
        };
        prop_assert_eq!(outside(&changed), outside(&bytes));
    }

    #[test]
    fn a_common_subsequence_is_in_both(a in "[abc]{0,20}", b in "[abc]{0,20}") {
        let table = Table::new(a.as_bytes(), b.as_bytes()).unwrap();
        let text = table.text();
        prop_assert_eq!(text.len(), table.len());
        for whole in [&a, &b] {
            let mut bytes = whole.bytes();
            prop_assert!(text.iter().all(|byte| bytes.any(|other| other == *byte)));
        }
    }
}

use super::lookup::split_field;
use super::order::{Bytes, Item, Order, weight};
use alloc::vec::Vec;
use proptest::prelude::*;

fn items(weights: &[u8]) -> Vec<Item> {
    let item = |(i, weight): (usize, &u8)| {
        let mut item = Item::new(std::format!("{i:04}").into_bytes());
        item.by = (*weight > 0).then(|| std::vec![*weight]);
        item
    };
    weights.iter().enumerate().map(item).collect()
}

fn weights(items: &[Item]) -> Vec<Option<Vec<u8>>> {
    items.iter().map(|item| item.by.clone()).collect()
}

proptest! {
    /// Equal weights may come in any order, but the weights at the places asked for are those of the whole order.
    #[test]
    fn sorting_a_part_puts_the_right_weights_there(
        given in proptest::collection::vec(0u8..20, 0..300),
        start in 0usize..300,
        count in 0usize..300,
        descending in any::<bool>(),
    ) {
        let order = Order { descending, bytes: Bytes::Weights, whole: true };
        let start = start.min(given.len());
        let wanted = start..(start + count).min(given.len());
        let (mut part, mut all) = (items(&given), items(&given));
        order.sort(&mut part, wanted.clone(), true);
        order.sort(&mut all, 0..given.len(), false);
        prop_assert_eq!(weights(&part[wanted.clone()]), weights(&all[wanted]));
        let mut names: Vec<_> = part.iter().map(|item| item.name.clone()).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), given.len());
    }
}

#[test]
fn weights_are_read_as_c_reads_them() {
    for (text, wanted) in [
        (&b""[..], Some(0.0)),
        (b" 12", Some(12.0)),
        (b"0x10", Some(16.0)),
        (b"-inf", Some(f64::NEG_INFINITY)),
        (b"3\0abc", Some(3.0)),
        (b" ", None),
        (b"nan", None),
        (b"1e400", None),
        (b"12 ", None),
    ] {
        assert_eq!(weight(text), wanted, "{text:?}");
    }
}

#[test]
fn an_arrow_with_nothing_behind_it_belongs_to_the_key() {
    assert_eq!(split_field(b"_x->name"), (&b"_x"[..], Some(&b"name"[..])));
    assert_eq!(split_field(b"->"), (&b"->"[..], None));
    assert_eq!(split_field(b""), (&b""[..], None));
    assert_eq!(split_field(b"->a->b"), (&b""[..], Some(&b"a->b"[..])));
}

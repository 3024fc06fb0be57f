use super::*;
use crate::words::hash::HashKey;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use proptest::prelude::*;

fn limits() -> Limits {
    let mut limits = Limits::new(HashKey::new([1, 2]));
    limits.set_max_intset_entries = 8;
    limits.set_max_listpack_entries = 12;
    limits.set_max_listpack_value = 10;
    limits
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (-30i64..30).prop_map(|n| n.to_string().into_bytes()),
        "[a-z]{0,3}".prop_map(String::into_bytes),
        "[a-z]{9,12}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn behaves_as_a_set(ops in proptest::collection::vec((0u8..3, member()), 0..150)) {
        let limits = limits();
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        for (op, member) in ops {
            if op == 0 {
                prop_assert_eq!(set.remove(&member), model.remove(&member));
            } else {
                prop_assert_eq!(set.insert(&member, &limits), model.insert(member.clone()));
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(set.as_ref().contains(&member), model.contains(&member));
        }
        let mut all: Vec<Vec<u8>> = set.as_ref().iter().map(|m| m.to_vec()).collect();
        all.sort();
        prop_assert!(all.iter().eq(model.iter()));
        let mut rng = crate::words::rng::Rng::new(7);
        let some = set.take_random(&mut rng, 5, &limits);
        prop_assert_eq!(some.iter().collect::<BTreeSet<_>>().len(), model.len().min(5));
        prop_assert_eq!(set.len(), model.len().saturating_sub(5));
    }
}

#[test]
fn encodings_follow_the_limits() {
    let limits = limits();
    let mut set = Set::new();
    for n in 0..8 {
        set.insert(n.to_string().as_bytes(), &limits);
    }
    assert_eq!(set.as_ref().encoding(), "intset");
    let mut more = set.clone();
    more.insert(b"8", &limits);
    assert_eq!(more.as_ref().encoding(), "hashtable");
    set.insert(b"word", &limits);
    assert_eq!(set.as_ref().encoding(), "listpack");
    set.insert(b"a member too long", &limits);
    assert_eq!(set.as_ref().encoding(), "hashtable");
}

/// SADD of 14 integers, of which 8 are different, made a table where 7.0 has an intset: the differential run met it.
#[test]
fn many_at_once_make_a_table() {
    let limits = limits();
    let encoding = |members: &[&str], first: &[u8], expected| {
        let mut set = Set::new();
        for member in members {
            set.insert(member.as_bytes(), &limits);
        }
        set.prepare(first, expected, &limits);
        set.as_ref().encoding()
    };
    assert_eq!([encoding(&[], b"1", 8), encoding(&[], b"1", 13)], ["intset"; 2]);
    assert_eq!([encoding(&[], b"a", 12), encoding(&[], b"a", 13)], ["listpack", "hashtable"]);
    assert_eq!(encoding(&["1"], b"1", 13), "intset");
    assert_eq!([encoding(&["a"], b"1", 12), encoding(&["a"], b"1", 13)], ["listpack", "hashtable"]);
}

/// What stays behind when nearly all is taken lies as if it had never been more.
#[test]
fn few_that_stay_are_compact_again() {
    let limits = limits();
    let mut set = Set::new();
    for n in 0..1000 {
        set.insert(n.to_string().as_bytes(), &limits);
    }
    let mut rng = crate::words::rng::Rng::new(3);
    let taken = set.take_random(&mut rng, 500, &limits);
    assert_eq!((taken.len(), set.len(), set.as_ref().encoding()), (500, 500, "hashtable"));
    let taken = set.take_random(&mut rng, 495, &limits);
    assert_eq!((taken.len(), set.len(), set.as_ref().encoding()), (495, 5, "intset"));
    assert!(taken.iter().all(|member| !set.as_ref().contains(member)));
    assert_eq!(set.take_random(&mut rng, 9, &limits).len(), 5);
    assert!(set.is_empty());
}

/// Every member of every encoding is drawn about as often as any other, alone and in a handful.
#[test]
fn random_members_are_drawn_evenly() {
    let limits = limits();
    let mut rng = crate::words::rng::Rng::new(11);
    for prefix in ["", "m", "a long member "] {
        let mut set = Set::new();
        for n in 0..8 {
            set.insert(std::format!("{prefix}{n}").as_bytes(), &limits);
        }
        let mut counts = [0; 8];
        let mut count = |member: Element<'_>| {
            counts[usize::from(member.to_vec().last().map_or(0, |digit| digit - b'0'))] += 1;
        };
        for _ in 0..1000 {
            set.as_ref().random(&mut rng).map(&mut count);
            set.as_ref().random_distinct(&mut rng, 2, &mut count);
            set.as_ref().random_distinct(&mut rng, 5, &mut count);
        }
        assert!(counts.iter().all(|n| (900..1100).contains(n)), "{} {counts:?}", set.as_ref().encoding());
    }
}

use super::*;
use crate::words::hash::HashKey;
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
        let some = set.take_random(&mut rng, 5);
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

use super::*;
use alloc::collections::BTreeSet;
use proptest::prelude::*;

fn member() -> impl Strategy<Value = i64> {
    prop_oneof![-20i64..20, any::<i16>().prop_map(i64::from), any::<i32>().prop_map(i64::from), any::<i64>()]
}

proptest! {
    #[test]
    fn behaves_as_a_sorted_set(ops in proptest::collection::vec((any::<bool>(), member()), 0..200)) {
        let (mut set, mut model) = (IntsetBuf::new(), BTreeSet::new());
        for (add, value) in ops {
            if add {
                prop_assert_eq!(set.insert(value), model.insert(value));
            } else {
                prop_assert_eq!(set.remove(value), model.remove(&value));
            }
            prop_assert!(set.as_ref().iter().eq(model.iter().copied()));
            prop_assert_eq!(set.as_ref().contains(value), model.contains(&value));
            if !model.is_empty() {
                prop_assert_eq!(Intset::validate(set.as_ref().bytes()), Ok(()));
            }
        }
    }

    #[test]
    fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Intset::validate(&bytes);
    }
}

/// What `DUMP` of redis-server 7.0.15 holds for SADD k 1 2 70000.
#[test]
fn lies_in_memory_as_in_redis() {
    let mut set = IntsetBuf::new();
    for value in [70_000, 2, 1] {
        set.insert(value);
    }
    assert_eq!(set.as_ref().bytes(), [4, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0x70, 0x11, 1, 0]);
}

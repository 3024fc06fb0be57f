//! What is in order. Ordered maps and sets: the standard library's, in a browser sorted rows, on a bare chip sorted vectors. The standard
//! library's take 2 to 3 KB of code on a chip and 8 in a browser for each kind of key and value, and nodes of eleven entries, which a chip
//! with a handful of entries cannot spare; a chip has no room for rows either, and nothing that is so large that it needs them.

#[cfg(all(test, not(target_os = "none")))]
mod row;
#[cfg(any(target_arch = "wasm32", test))]
mod rows;
#[cfg(target_os = "none")]
#[path = "ordered/row.rs"]
mod rows;
#[cfg(any(target_os = "none", target_arch = "wasm32", test))]
mod sorted;

#[cfg(not(any(target_os = "none", target_arch = "wasm32")))]
pub use alloc::collections::{BTreeMap as OrderedMap, BTreeSet as OrderedSet};
#[cfg(any(target_os = "none", target_arch = "wasm32"))]
pub use sorted::{SortedMap as OrderedMap, SortedSet as OrderedSet};

use alloc::vec::Vec;

/// Sorts by size, smallest first; of equal sizes the first stays first. The standard library's sort that does so has 4 KiB
/// of the stack for it.
pub fn smallest_first<T>(items: &mut Vec<T>, size: impl Fn(&T) -> usize) {
    let mut sized: Vec<(usize, usize, T)> =
        items.drain(..).enumerate().map(|(i, item)| (size(&item), i, item)).collect();
    sized.sort_unstable_by_key(|(size, i, _)| (*size, *i));
    items.extend(sized.into_iter().map(|(_, _, item)| item));
}

#[cfg(test)]
mod tests {
    use super::smallest_first;
    use super::sorted::{SortedMap, SortedSet};
    use crate::words::rng::Rng;
    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn of_equal_sizes_the_first_stays_first() {
        let mut words = vec!["ccc", "a", "bbb", "dd", "", "e"];
        smallest_first(&mut words, |word| word.len());
        assert_eq!(words, ["", "a", "e", "dd", "ccc", "bbb"]);
    }

    #[test]
    fn sorted_rows_are_the_standard_librarys_map() {
        for seed in 0..30 {
            let mut rng = Rng::new(seed);
            // From a handful of entries in one row to many rows.
            let keys = [50, 300, 2000][seed as usize % 3];
            let (mut ours, mut theirs) = (SortedMap::new(), BTreeMap::new());
            for _ in 0..keys * 12 {
                let (key, value) = (rng.below(keys), rng.below(1000));
                match rng.below(if keys > 50 { 60 } else { 9 }) {
                    0..3 | 9..45 => assert_eq!(ours.insert(key, value), theirs.insert(key, value)),
                    3 | 4 | 45..59 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                    5 => {
                        *ours.entry(key).or_default() += value;
                        *theirs.entry(key).or_default() += value;
                    }
                    6 => assert_eq!(ours.pop_first(), theirs.pop_first()),
                    7 => {
                        let to = key + rng.below(200);
                        assert!(ours.range(key..to).eq(theirs.range(key..to)));
                        assert!(ours.range(key..=to).rev().eq(theirs.range(key..=to).rev()));
                        assert!(
                            ours.range(..key).eq(theirs.range(..key))
                                && ours.range(key..).eq(theirs.range(key..))
                        );
                    }
                    _ => {
                        ours.retain(|key, _| key % 7 != value % 7);
                        theirs.retain(|key, _| key % 7 != value % 7);
                    }
                }
                assert_eq!(ours.get_mut(&key), theirs.get_mut(&key));
                assert_eq!(ours.first_key_value(), theirs.first_key_value());
            }
            assert!(ours.iter().eq(theirs.iter()) && (&ours).into_iter().eq(&theirs), "seed {seed}");
            assert!(ours.into_iter().eq(theirs), "seed {seed}");
        }
    }

    #[test]
    fn sorted_rows_are_the_standard_librarys_set() {
        let mut rng = Rng::new(7);
        let (mut ours, mut theirs) = (SortedSet::new(), BTreeSet::new());
        for _ in 0..2000 {
            let key = rng.below(40);
            match rng.below(3) {
                0 => assert_eq!(ours.insert(key), theirs.insert(key)),
                1 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                _ => assert_eq!((ours.contains(&key), ours.first()), (theirs.contains(&key), theirs.first())),
            }
        }
        assert!(ours.iter().eq(&theirs) && ours.len() == theirs.len());
        let all: Vec<u64> = ours.into_iter().collect();
        assert!(all.iter().eq(&theirs));
    }
}

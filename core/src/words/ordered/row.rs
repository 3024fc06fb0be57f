//! Things in order in one vector, with what [`rows`](super::rows) can do: less code, but to insert or to remove one moves all behind it.

use alloc::vec::{self, Vec};
use core::cmp::Ordering;
use core::slice;

/// The vector.
#[derive(Debug, Clone)]
pub(super) struct Rows<T>(Vec<T>);

/// A place in it.
pub(super) type Place = usize;
/// Things in order.
pub type Iter<'a, T> = slice::Iter<'a, T>;
/// The things themselves.
pub type IntoIter<T> = vec::IntoIter<T>;

impl<T> Rows<T> {
    pub(super) const FIRST: Place = 0;

    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn find(&self, compare: impl FnMut(&T) -> Ordering) -> Result<Place, Place> {
        self.0.binary_search_by(compare)
    }

    pub(super) fn get(&self, place: Place) -> Option<&T> {
        self.0.get(place)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        self.0.get_mut(place)
    }

    pub(super) fn insert(&mut self, place: Place, thing: T) -> Place {
        self.0.insert(place, thing);
        place
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        if place >= self.0.len() {
            return None;
        }
        let thing = self.0.remove(place);
        if self.0.len() * 4 < self.0.capacity() {
            self.0.shrink_to(self.0.len() * 2);
        }
        Some(thing)
    }

    pub(super) fn pop_first(&mut self) -> Option<T> {
        self.remove(Self::FIRST)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    pub(super) fn retain(&mut self, keeps: impl FnMut(&mut T) -> bool) {
        self.0.retain_mut(keeps);
    }

    pub(super) fn iter(&self) -> Iter<'_, T> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.0.iter_mut()
    }

    pub(super) fn range(&self, from: Place, to: Place) -> Iter<'_, T> {
        self.0.get(from..to.max(from)).unwrap_or_default().iter()
    }

    pub(super) fn after(place: Place) -> Place {
        place + 1
    }

    pub(super) fn end(&self) -> Place {
        self.0.len()
    }
}

impl<T> IntoIterator for Rows<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;
    use crate::words::rng::Rng;

    #[test]
    fn one_row_is_as_many() {
        let mut rng = Rng::new(11);
        let (mut one, mut many) = (Rows::<(u64, u64)>::new(), rows::Rows::<(u64, u64)>::new());
        for round in 0..8000 {
            let (key, value) = (rng.below(700), rng.below(9));
            let found = (one.find(|(k, _)| k.cmp(&key)), many.find(|(k, _)| k.cmp(&key)));
            match found {
                (Ok(at), Ok(there)) if round % 3 > 0 => assert_eq!(one.remove(at), many.remove(there)),
                (Ok(at), Ok(there)) => {
                    one.get_mut(at).expect("found").1 += value;
                    many.get_mut(there).expect("found").1 += value;
                    let (upper, above) =
                        (one.find(|(k, _)| k.cmp(&(key + 30))), many.find(|(k, _)| k.cmp(&(key + 30))));
                    let to = (upper.unwrap_or_else(|at| at), above.unwrap_or_else(|at| at));
                    let (from, begin) = (Rows::<()>::after(at), rows::Rows::<()>::after(there));
                    assert!(one.range(from, to.0).eq(many.range(begin, to.1)));
                }
                (Err(at), Err(there)) => {
                    let (at, there) = (one.insert(at, (key, value)), many.insert(there, (key, value)));
                    assert_eq!(one.get(at), many.get(there));
                }
                _ => panic!("{key} is in one of them"),
            }
            match round {
                4000 => {
                    one.retain(|(key, _)| *key % 3 > 0);
                    many.retain(|(key, _)| *key % 3 > 0);
                }
                5000 => {
                    one.iter_mut().for_each(|(_, value)| *value *= 2);
                    many.iter_mut().for_each(|(_, value)| *value *= 2);
                }
                _ => {}
            }
            assert_eq!(one.len(), many.len());
        }
        assert_eq!(one.pop_first(), many.pop_first());
        assert!(one.iter().rev().eq(many.iter().rev()));
        assert!(one.range(Rows::<()>::FIRST, one.end()).eq(one.iter()));
        assert!(one.clone().into_iter().eq(many));
        one.clear();
        assert_eq!(one.pop_first(), None);
    }
}

//! Things in order, in rows of bounded length: to insert or to remove one moves no more than a row's and the rows' own places.

use alloc::vec::{self, Vec};
use core::cmp::Ordering;
use core::iter::Flatten;
use core::mem;

/// The most things in a row.
const LONGEST: usize = 64;

/// The rows. None is empty, and together they are in order.
#[derive(Debug, Clone)]
pub(super) struct Rows<T> {
    rows: Vec<Vec<T>>,
    len: usize,
}

/// The things themselves.
pub type IntoIter<T> = Flatten<vec::IntoIter<Vec<T>>>;

/// A place in them: which row, and which thing of it; or where one would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    row: usize,
    column: usize,
}

impl<T> Rows<T> {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Where the thing is that `compare` finds equal, or where it would be. It tells how one of ours compares to what is looked for.
    pub(super) fn find(&self, mut compare: impl FnMut(&T) -> Ordering) -> Result<Place, Place> {
        let begins = |row: &Vec<T>, compare: &mut dyn FnMut(&T) -> Ordering| {
            row.first().is_some_and(|first| compare(first) != Ordering::Greater)
        };
        let row = self.rows.partition_point(|row| begins(row, &mut compare)).saturating_sub(1);
        let Some(things) = self.rows.get(row) else { return Err(Place { row, column: 0 }) };
        match things.binary_search_by(compare) {
            Ok(column) => Ok(Place { row, column }),
            Err(column) => Err(Place { row, column }),
        }
    }

    pub(super) fn get(&self, place: Place) -> Option<&T> {
        self.rows.get(place.row)?.get(place.column)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        self.rows.get_mut(place.row)?.get_mut(place.column)
    }

    /// Puts one where [`Rows::find`] said that it would be; where it is now.
    pub(super) fn insert(&mut self, place: Place, thing: T) -> Place {
        let Place { row, column } = place;
        self.len += 1;
        let is_last = row + 1 >= self.rows.len();
        match self.rows.get_mut(row) {
            Some(things) if things.len() < LONGEST => {
                things.insert(column, thing);
                place
            }
            // What comes in order fills its rows.
            Some(things) if !(is_last && column == things.len()) => {
                let mut behind = things.split_off(LONGEST / 2);
                let place = if column <= LONGEST / 2 {
                    things.insert(column, thing);
                    place
                } else {
                    behind.insert(column - LONGEST / 2, thing);
                    Place { row: row + 1, column: column - LONGEST / 2 }
                };
                self.rows.insert(row + 1, behind);
                place
            }
            _ => {
                self.rows.push(Vec::from([thing]));
                Place { row: self.rows.len() - 1, column: 0 }
            }
        }
    }

    /// Takes out what is at a place.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        let things = self.rows.get_mut(place.row).filter(|things| place.column < things.len())?;
        let thing = things.remove(place.column);
        self.len -= 1;
        self.tighten(place.row);
        Some(thing)
    }

    /// Joins a row that has become short with the next one, and drops it where it is empty.
    fn tighten(&mut self, row: usize) {
        let short = |row: Option<&Vec<T>>| row.map_or(usize::MAX, Vec::len);
        let (here, next) = (short(self.rows.get(row)), short(self.rows.get(row + 1)));
        if here == 0 {
            self.rows.remove(row);
            if self.rows.len() * 4 < self.rows.capacity() {
                self.rows.shrink_to(self.rows.len() * 2);
            }
        } else if here < LONGEST / 4 && next < LONGEST / 4 {
            let mut behind = self.rows.remove(row + 1);
            self.rows[row].append(&mut behind);
        }
    }

    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&mut T) -> bool) {
        for row in &mut self.rows {
            row.retain_mut(&mut keeps);
        }
        self.rows.retain(|row| !row.is_empty());
        self.len = self.rows.iter().map(Vec::len).sum();
    }

    pub(super) fn iter(&self) -> Iter<'_, T> {
        let end = Place { row: self.rows.len(), column: 0 };
        Iter { rows: &self.rows, from: Place { row: 0, column: 0 }, to: end }
    }

    /// What lies from one place up to another.
    pub(super) fn range(&self, from: Place, to: Place) -> Iter<'_, T> {
        Iter { rows: &self.rows, from: self.settled(from), to: self.settled(to) }
    }

    /// Behind the end of a row is the beginning of the next.
    fn settled(&self, place: Place) -> Place {
        match self.rows.get(place.row) {
            Some(row) if place.column >= row.len() => Place { row: place.row + 1, column: 0 },
            _ => place,
        }
    }

    /// Behind a place.
    pub(super) fn after(place: Place) -> Place {
        Place { column: place.column + 1, ..place }
    }

    pub(super) const FIRST: Place = Place { row: 0, column: 0 };

    pub(super) fn end(&self) -> Place {
        Place { row: self.rows.len(), column: 0 }
    }

    pub(super) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.rows.iter_mut().flatten()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    pub(super) fn pop_first(&mut self) -> Option<T> {
        self.remove(Self::FIRST)
    }
}

impl<T> IntoIterator for Rows<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(mut self) -> Self::IntoIter {
        mem::take(&mut self.rows).into_iter().flatten()
    }
}

/// Things in order.
#[derive(Debug)]
pub struct Iter<'a, T> {
    rows: &'a [Vec<T>],
    from: Place,
    to: Place,
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<T> Iter<'_, T> {
    fn is_done(&self) -> bool {
        let (Place { row, column }, to) = (self.from, self.to);
        row > to.row || row == to.row && column >= to.column
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        if self.is_done() {
            return None;
        }
        let row = self.rows.get(self.from.row)?;
        let thing = row.get(self.from.column);
        self.from.column += 1;
        if self.from.column >= row.len() {
            self.from = Place { row: self.from.row + 1, column: 0 };
        }
        thing
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.is_done() {
            return None;
        }
        if self.to.column == 0 {
            let row = self.to.row - 1;
            self.to = Place { row, column: self.rows.get(row)?.len() };
        }
        self.to.column -= 1;
        self.rows.get(self.to.row)?.get(self.to.column)
    }
}

//! The compact form: a listpack of member, score, member, score, … in order, exactly as Redis lays it out.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use super::range::{LexRange, ScoreRange};
use crate::types::listpack::{Element, Iter, Listpack, ListpackBuf, Pos};
use crate::words::number::{strtod, write_f64};

/// Integral scores up to this size are stored as integers (half of the largest 64-bit one, as a double).
const MAX_INTEGRAL: f64 = (1u64 << 62) as f64;

/// An entry's score as its listpack element says it.
pub(super) fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(value) => value as f64,
        Element::Str(text) => strtod(text).0,
    }
}

/// Where a member lies.
pub(super) fn find(list: Listpack<'_>, member: &[u8]) -> Option<Pos> {
    list.find(list.first()?, member, 1)
}

/// A member's score.
pub(super) fn score(list: Listpack<'_>, member: &[u8]) -> Option<f64> {
    let pos = list.next(find(list, member)?)?;
    Some(score_of(list.get(pos)))
}

/// How many entries come before a member, and its score.
pub(super) fn rank(list: Listpack<'_>, member: &[u8]) -> Option<(usize, f64)> {
    let pairs = Pairs { elements: list.iter() };
    let mut entries = pairs.enumerate();
    entries.find(|(_, (element, _))| element.eq(member)).map(|(rank, (_, score))| (rank, score))
}

/// Adds a member that is not there.
pub(super) fn insert(list: &mut ListpackBuf, member: &[u8], score: f64) {
    match successor(list.as_ref(), member, score) {
        None => {
            list.push_back(member);
            with_text(score, |text| list.push_back(text));
        }
        Some(next) => {
            let pos = list.insert_before(next, member);
            with_text(score, |text| list.insert_after(pos, text));
        }
    }
}

/// Removes a member; returns its score.
pub(super) fn remove(list: &mut ListpackBuf, member: &[u8]) -> Option<f64> {
    let pos = find(list.as_ref(), member)?;
    let score = list.as_ref().next(pos).map(|pos| score_of(list.as_ref().get(pos)))?;
    list.remove_range(pos, 2);
    Some(score)
}

/// The ranks of the entries inside an interval of scores.
pub(super) fn score_ranks(list: Listpack<'_>, range: &ScoreRange) -> Range<usize> {
    let below = |inside: fn(&ScoreRange, f64) -> bool, wanted| {
        Pairs { elements: list.iter() }.take_while(|(_, score)| inside(range, *score) == wanted).count()
    };
    let start = below(ScoreRange::reaches_min, false);
    start..below(ScoreRange::reaches_max, true).max(start)
}

/// The ranks of the entries inside an interval of members, walking from the side where the command starts: what that
/// finds where scores differ is no use to anybody, but it is what Redis finds.
pub(super) fn lex_ranks(list: Listpack<'_>, range: &LexRange<'_>, reverse: bool) -> Range<usize> {
    let mut pairs = Pairs { elements: list.iter() };
    let len = list.len() / 2;
    let reaches_min = |(member, _): &(Element<'_>, f64)| member.with_bytes(|bytes| range.reaches_min(bytes));
    let reaches_max = |(member, _): &(Element<'_>, f64)| member.with_bytes(|bytes| range.reaches_max(bytes));
    let last_is_below = pairs.clone().next_back().is_none_or(|pair| !reaches_min(&pair));
    let first_is_above = pairs.clone().next().is_none_or(|pair| !reaches_max(&pair));
    if range.is_empty() || last_is_below || first_is_above {
        return 0..0;
    }
    if reverse {
        let above = pairs.clone().rev().take_while(|pair| !reaches_max(pair)).count();
        let inside = pairs.rev().skip(above).take_while(reaches_min).count();
        len - above - inside..len - above
    } else {
        let below = pairs.clone().take_while(|pair| !reaches_min(pair)).count();
        let inside = pairs.by_ref().skip(below).take_while(reaches_max).count();
        below..below + inside
    }
}

/// The first entry that comes after (score, member).
fn successor(list: Listpack<'_>, member: &[u8], score: f64) -> Option<Pos> {
    let mut next = list.first();
    while let Some(pos) = next {
        let score_pos = list.next(pos)?;
        let after = match score_of(list.get(score_pos)).partial_cmp(&score) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => list.get(pos).with_bytes(|bytes| bytes > member),
            _ => false,
        };
        if after {
            return next;
        }
        next = list.next(score_pos);
    }
    None
}

/// Shows the text under which a score is stored.
fn with_text<R>(score: f64, f: impl FnOnce(&[u8]) -> R) -> R {
    let integral = score as i64;
    if score.abs() <= MAX_INTEGRAL && integral as f64 == score {
        return f(itoa::Buffer::new().format(integral).as_bytes());
    }
    let mut text = Vec::with_capacity(32);
    write_f64(&mut text, score);
    f(&text)
}

/// Members with their scores, from either end.
#[derive(Clone)]
pub(super) struct Pairs<'a> {
    pub(super) elements: Iter<'a>,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.elements.next()?, score_of(self.elements.next()?)))
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let score = score_of(self.elements.next_back()?);
        Some((self.elements.next_back()?, score))
    }
}

//! The compact form: a listpack of member, score, member, score, … in order.
//!
//! Members and integral scores lie as Redis lays them out. Any other score is its double's bytes from the highest on,
//! without the zeros at their end: 2 for a half, 8 for most decimal fractions, where Redis has a text of up to 24
//! characters. The text is made when the value leaves memory ([`with_redis_layout`]) and read when it comes back.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use super::range::{LexRange, ScoreRange};
use crate::types::listpack::{Element, Iter, Listpack, ListpackBuf, Pos};
use crate::words::number::write_f64;

/// Integral scores up to this size are stored as integers (half of the largest 64-bit one, as a double).
const MAX_INTEGRAL: f64 = (1u64 << 62) as f64;
/// The longest text of a score: a sign, 17 digits, a point, an exponent of three digits with its sign.
const MAX_TEXT: usize = 24;

/// A score as a listpack element holds it.
pub(in crate::types) enum Score {
    Integral(i64),
    /// The double's bytes and how many of them there are.
    Bits([u8; 8], usize),
}

impl Score {
    /// As Redis stores what it computed: an integral score as an integer, 0 for a zero of either sign.
    fn new(score: f64) -> Self {
        let integral = score as i64;
        if score.abs() <= MAX_INTEGRAL && integral as f64 == score {
            return Self::Integral(integral);
        }
        let bits = score.to_bits();
        Self::Bits(bits.to_be_bytes(), 8 - bits.trailing_zeros() as usize / 8)
    }

    /// As Redis keeps what it reads: the sign of a zero too.
    pub(in crate::types) fn read(score: f64) -> Self {
        if score == 0.0 && score.is_sign_negative() {
            return Self::Bits(score.to_bits().to_be_bytes(), 1);
        }
        Self::new(score)
    }

    pub(in crate::types) fn element(&self) -> Element<'_> {
        match self {
            Self::Integral(value) => Element::Int(*value),
            Self::Bits(bytes, len) => Element::Str(&bytes[..*len]),
        }
    }
}

/// An entry's score as its listpack element says it.
#[inline]
pub(in crate::types) fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(value) => value as f64,
        Element::Str(bytes) => f64::from_bits(bits_of(bytes)),
    }
}

#[inline]
fn bits_of(bytes: &[u8]) -> u64 {
    if let Ok(bytes) = bytes.try_into() {
        return u64::from_be_bytes(bytes);
    }
    let bits = bytes.iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte));
    bits.checked_shl(64 - 8 * bytes.len() as u32).unwrap_or(0)
}

/// Whether a member of so many bytes may be added: Redis's layout too has to stay within what a listpack may be.
pub(in crate::types) fn safe_to_add(list: &ListpackBuf, member_len: usize) -> bool {
    list.as_ref().safe_to_add(member_len + (list.len() / 2 + 1) * MAX_TEXT)
}

/// Shows the listpack that Redis makes of these entries, its scores as text. `scratch` is what it may be built in.
pub fn with_redis_layout<R>(list: Listpack<'_>, scratch: &mut Vec<u8>, f: impl FnOnce(&[u8]) -> R) -> R {
    if list.iter().skip(1).step_by(2).all(|score| matches!(score, Element::Int(_))) {
        return f(list.bytes());
    }
    let mut out = ListpackBuf::reusing(core::mem::take(scratch));
    let mut elements = list.iter();
    let mut text = Vec::with_capacity(MAX_TEXT);
    while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
        out.push_back_exact(member);
        match score {
            Element::Int(_) => out.push_back_exact(score),
            Element::Str(_) => {
                text.clear();
                write_f64(&mut text, score_of(score));
                out.push_back_exact(Element::Str(&text));
            }
        }
    }
    let shown = f(out.as_ref().bytes());
    *scratch = out.into_vec();
    shown
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
    let stored = Score::new(score);
    match successor(list.as_ref(), member, score) {
        None => {
            list.push_back(member);
            list.push_back_exact(stored.element());
        }
        Some(next) => {
            let pos = list.insert_before(next, member);
            list.insert_after_exact(pos, stored.element());
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

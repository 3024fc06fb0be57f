//! The notation of where a command's keys are, and COMMAND INFO's reply of it.
//!
//! Specifications are parted by a bar, their parts by semicolons: the flags; the place; a note, if there is one. A place is the
//! first key's position, the last key's seen from there (negative: from the end), and the step; or the position of a count, and
//! `n`; or nothing where only reading tells.

use crate::resp::reply::Reply;
use alloc::vec::Vec;

/// One key specification.
#[derive(Debug, Clone, Copy)]
pub struct Spec<'t> {
    /// What is done with the keys, as words.
    pub flags: &'t str,
    place: Place,
    note: Option<&'t str>,
}

/// How keys are looked for: the kind, and its numbers with their names in the reply.
type Search<'n> = (&'static str, &'n [(&'static str, i64)]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Unknown,
    Range { first: i64, last: i64, step: i64 },
    Counted { at: i64 },
}

/// Reads a line's specifications.
pub fn parse(text: &str) -> Vec<Spec<'_>> {
    text.split('|').filter(|text| !text.is_empty()).map(one).collect()
}

fn one(text: &str) -> Spec<'_> {
    let mut parts = text.splitn(3, ';');
    let flags = parts.next().unwrap_or_default();
    let mut words = parts.next().unwrap_or_default().split(' ').map(|word| (word, word.parse().ok()));
    let place = match [(); 3].map(|()| words.next()) {
        [Some((_, Some(first))), Some((_, Some(last))), Some((_, Some(step)))] => {
            Place::Range { first, last, step }
        }
        [Some((_, Some(at))), Some(("n", _)), None] => Place::Counted { at },
        _ => Place::Unknown,
    };
    Spec { flags, place, note: parts.next() }
}

/// The first key's position, the last key's and the step, as clients of before 7.0 know them; zeros where the first keys
/// are not at fixed places.
pub fn range(specs: &[Spec<'_>]) -> (i64, i64, i64) {
    match specs.first().map(|spec| spec.place) {
        Some(Place::Range { first, last, step }) => (first, if last < 0 { last } else { first + last }, step),
        _ => (0, 0, 0),
    }
}

/// What is done with the key at this position of so many arguments.
pub fn flags_at<'t>(specs: &[Spec<'t>], position: usize, args: usize) -> Option<&'t str> {
    let position = position as i64;
    let here = specs.iter().find(|spec| match spec.place {
        Place::Range { first, last, step } => {
            let last = if last < 0 { args as i64 + last } else { first + last };
            (first..=last).contains(&position) && (position - first) % step.max(1) == 0
        }
        Place::Counted { at } => position > at,
        Place::Unknown => false,
    });
    // What stands at no known place is what comes last: the destination of SORT.
    here.or(specs.last()).map(|spec| spec.flags)
}

/// The specifications as COMMAND INFO tells them.
pub fn reply(reply: &mut Reply<'_>, specs: &[Spec<'_>]) {
    reply.array(specs.len());
    for spec in specs {
        reply.map(3 + usize::from(spec.note.is_some()));
        if let Some(note) = spec.note {
            reply.bulk(b"notes");
            reply.bulk(note.as_bytes());
        }
        reply.bulk(b"flags");
        reply.set(spec.flags.split(' ').count());
        spec.flags.split(' ').for_each(|flag| reply.simple(flag));
        let (begin, find): (Search<'_>, Search<'_>) = match &spec.place {
            Place::Unknown => (("unknown", &[]), ("unknown", &[])),
            Place::Range { first, last, step } => (
                ("index", &[("index", *first)]),
                ("range", &[("lastkey", *last), ("keystep", *step), ("limit", 0)]),
            ),
            Place::Counted { at } => (
                ("index", &[("index", *at)]),
                ("keynum", &[("keynumidx", 0), ("firstkey", 1), ("keystep", 1)]),
            ),
        };
        reply.bulk(b"begin_search");
        search(reply, begin);
        reply.bulk(b"find_keys");
        search(reply, find);
    }
}

fn search(reply: &mut Reply<'_>, (kind, numbers): Search<'_>) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(numbers.len());
    for (name, number) in numbers {
        reply.bulk(name.as_bytes());
        reply.int(*number);
    }
}

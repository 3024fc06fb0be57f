//! The commands of lists.

pub mod blocking;
pub mod edit;
pub mod pop;
pub mod push;
pub mod range;
pub mod transfer;

#[cfg(test)]
mod tests;

use super::{End, List};
use crate::args::Args;
use crate::context::Ctx;
use crate::db::Edited;
use crate::events::Event;
use crate::resp::reply::Reply;
use crate::types::Kind;
use crate::words::error::{CommandError, NOT_POSITIVE, SYNTAX, WRONG_TYPE};

impl End {
    /// What a push at this end is called, as a command and as an event.
    const fn push_name(self) -> &'static str {
        match self {
            Self::Head => "lpush",
            Self::Tail => "rpush",
        }
    }

    /// What a pop from this end is called, as an event.
    const fn pop_name(self) -> &'static str {
        match self {
            Self::Head => "lpop",
            Self::Tail => "rpop",
        }
    }

    /// What a pop from this end is called in the journal.
    const fn pop_command(self) -> &'static [u8] {
        match self {
            Self::Head => b"LPOP",
            Self::Tail => b"RPOP",
        }
    }

    /// Reads `LEFT` or `RIGHT`.
    fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        match () {
            () if args.is(at, "LEFT") => Ok(Self::Head),
            () if args.is(at, "RIGHT") => Ok(Self::Tail),
            () => Err(SYNTAX),
        }
    }
}

/// A count that must not be negative. Every other word gets the same refusal.
fn count(args: Args<'_>, at: usize) -> Result<usize, CommandError> {
    args.count(at).ok_or(NOT_POSITIVE)
}

/// Whether the key is there; it must hold a list then.
fn is_list(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<bool, CommandError> {
    match ctx.db.kind(key) {
        None => Ok(false),
        Some(Kind::List) => Ok(true),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// Tells of elements that went, and of the key if it went with them.
fn removed<R>(ctx: &mut Ctx<'_>, key: &[u8], event: &'static str, dirty: usize, edited: &Edited<R>) {
    ctx.db.changed(key, Event::LIST, event, dirty as u64);
    if edited.emptied {
        ctx.db.event(Event::GENERIC, "del", key);
    }
}

/// Takes `count` elements, or all, from one end and answers them as an array. How many those were.
fn take(list: &mut List, end: End, count: usize, reply: &mut Reply<'_>) -> usize {
    let len = list.len();
    let count = count.min(len);
    reply.array(count);
    match end {
        End::Head => {
            list.as_ref().for_each_in(0, count, |element| reply.element(element));
            list.delete_range(0, count);
        }
        End::Tail => {
            list.as_ref().iter().rev().take(count).for_each(|element| reply.element(element));
            list.delete_range(len - count, count);
        }
    }
    count
}

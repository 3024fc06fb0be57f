//! SPOP and SRANDMEMBER.

use super::set_to_change;
use crate::args::Args;
use crate::context::Ctx;
use crate::db::Edited;
use crate::events::Event;
use crate::types::set::SetRef;
use crate::words::error::{CommandError, CommandResult, NOT_POSITIVE, SYNTAX};
use crate::words::reach::SERVER;
use crate::words::rng::Rng;
use alloc::vec::Vec;

const COUNT_RANGE: CommandError = CommandError::new(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

/// Members that one SREM of the journal names at most.
const SREM_MEMBERS: usize = 1024;

/// SPOP key [count]
pub fn spop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match args.len() {
        2 => spop_one(ctx, args),
        3 => spop_count(ctx, args),
        _ => Err(SYNTAX),
    }
}

/// Takes out `n` random members and tells everybody; the journal gets the members by name.
fn take(ctx: &mut Ctx<'_>, key: &[u8], n: usize) -> Result<Vec<Vec<u8>>, CommandError> {
    let mut rng = Rng::new(ctx.db.rng().next_u64());
    let edited = ctx.db.edit_set(key, |set, limits| set.take_random(&mut rng, n, limits))?;
    let Some(Edited { out: taken, emptied }) = edited else { return Ok(Vec::new()) };
    ctx.db.changed(key, Event::SET, "spop", taken.len() as u64);
    if emptied {
        ctx.db.event(Event::GENERIC, "del", key);
    }
    propagate_removal(ctx, key, &taken);
    Ok(taken)
}

fn propagate_removal(ctx: &mut Ctx<'_>, key: &[u8], members: &[Vec<u8>]) {
    if !SERVER {
        return;
    }
    // All of it or nothing, if the journal's end is lost; EXEC around the command sees to that already.
    let together = members.len() > SREM_MEMBERS && !ctx.in_exec;
    if together {
        ctx.propagate_as(&[b"MULTI"]);
    }
    for members in members.chunks(SREM_MEMBERS) {
        let mut srem: Vec<&[u8]> = Vec::with_capacity(members.len() + 2);
        srem.extend([b"SREM", key]);
        srem.extend(members.iter().map(Vec::as_slice));
        ctx.propagate_as(&srem);
    }
    if together {
        ctx.propagate_as(&[b"EXEC"]);
    }
}

fn spop_one(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match take(ctx, args.get(1), 1)?.first() {
        Some(member) => ctx.reply.bulk(member),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn spop_count(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let count = args.count(2).ok_or(NOT_POSITIVE)?;
    let len = set_to_change(&mut ctx.db, key)?.map_or(0, SetRef::len);
    if count.min(len) == 0 {
        ctx.reply.set(0);
        return Ok(());
    }
    if count >= len {
        return spop_all(ctx, key);
    }
    let taken = take(ctx, key, count)?;
    ctx.reply.set(taken.len());
    taken.iter().for_each(|member| ctx.reply.bulk(member));
    Ok(())
}

/// Answers with every member and removes the key, which frees a large set in slices.
fn spop_all(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let Some(set) = set_to_change(&mut ctx.db, key)? else { return Ok(()) };
    let len = set.len();
    ctx.reply.set(len);
    set.for_each(|member| ctx.reply.element(member));
    ctx.db.changed(key, Event::SET, "spop", len as u64);
    ctx.db.remove(key);
    ctx.db.event(Event::GENERIC, "del", key);
    ctx.propagate_as(&[b"DEL", key]);
    Ok(())
}

/// SRANDMEMBER key [count]
pub fn srandmember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let mut rng = Rng::new(ctx.db.rng().next_u64());
    match args.len() {
        2 => match ctx.db.set_of(args.get(1))?.and_then(|set| set.random(&mut rng)) {
            Some(member) => ctx.reply.element(member),
            None => ctx.reply.null(),
        },
        3 => return srandmember_count(ctx, args, &mut rng),
        _ => return Err(SYNTAX),
    }
    Ok(())
}

fn srandmember_count(ctx: &mut Ctx<'_>, args: Args<'_>, rng: &mut Rng) -> CommandResult {
    let count = args.int(2)?;
    if count == i64::MIN {
        return Err(COUNT_RANGE);
    }
    let limit = ctx.reply_limit();
    let Some(set) = ctx.db.set_of(args.get(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let n = Args::magnitude(count);
    if count >= 0 {
        ctx.reply.array(n.min(set.len()));
        set.random_distinct(rng, n, |member| ctx.reply.element(member));
    } else {
        ctx.reply.array(n);
        for _ in 0..n {
            if let Some(member) = set.random(rng) {
                ctx.reply.element(member);
            }
            if ctx.reply.position() > limit {
                break;
            }
        }
    }
    Ok(())
}

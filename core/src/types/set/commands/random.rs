//! SPOP and SRANDMEMBER.

use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::words::error::{CommandError, CommandResult, NOT_POSITIVE, SYNTAX};
use crate::words::rng::Rng;
use alloc::vec::Vec;

const COUNT_RANGE: CommandError = CommandError::new(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

/// SPOP key [count]
pub fn spop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match args.len() {
        2 => spop_one(ctx, args),
        3 => spop_count(ctx, args),
        _ => Err(SYNTAX),
    }
}

/// Takes out up to `n` members and tells everybody; the journal gets the members by name. `None` without a key.
fn take(ctx: &mut Ctx<'_>, key: &[u8], n: usize) -> Result<Option<Vec<Vec<u8>>>, CommandError> {
    let mut rng = Rng::new(ctx.db.rng().next_u64());
    let Some(edited) = ctx.db.edit_set(key, |set, _| set.take_random(&mut rng, n))? else { return Ok(None) };
    let taken = edited.out;
    if taken.is_empty() {
        ctx.propagate_nothing();
        return Ok(Some(taken));
    }
    ctx.db.changed(key, Event::SET, "spop", taken.len() as u64);
    if edited.emptied {
        ctx.db.event(Event::GENERIC, "del", key);
        ctx.propagate_as(&[b"DEL", key]);
    } else {
        let mut srem: Vec<&[u8]> = Vec::with_capacity(taken.len() + 2);
        srem.extend([b"SREM", key]);
        srem.extend(taken.iter().map(Vec::as_slice));
        ctx.propagate_as(&srem);
    }
    Ok(Some(taken))
}

fn spop_one(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match take(ctx, args.get(1), 1)?.as_deref() {
        Some([member, ..]) => ctx.reply.bulk(member),
        _ => ctx.reply.null(),
    }
    Ok(())
}

fn spop_count(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let count = args.int(2).ok().and_then(|n| usize::try_from(n).ok()).ok_or(NOT_POSITIVE)?;
    let taken = take(ctx, args.get(1), count)?.unwrap_or_default();
    ctx.reply.set(taken.len());
    for member in &taken {
        ctx.reply.bulk(member);
    }
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
    let Some(set) = ctx.db.set_of(args.get(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let n = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count >= 0 {
        ctx.reply.array(n.min(set.len()));
        set.random_distinct(rng, n, |member| ctx.reply.element(member));
    } else {
        ctx.reply.array(n);
        for _ in 0..n {
            if let Some(member) = set.random(rng) {
                ctx.reply.element(member);
            }
        }
    }
    Ok(())
}

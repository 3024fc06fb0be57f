//! EXPIRE and its family, TTL and its family, PERSIST.

use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::words::error::{CommandError, CommandResult, as_sent};
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;

const NX_WITH_OTHERS: CommandError =
    CommandError::new("ERR NX and XX, GT or LT options at the same time are not compatible");
const GT_WITH_LT: CommandError =
    CommandError::new("ERR GT and LT options at the same time are not compatible");
const NO_KEY: i64 = -2;
const NO_DEADLINE: i64 = -1;

/// The conditions that EXPIRE takes.
#[derive(Debug, Clone, Copy, Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut c = Self::default();
        for i in 3..args.len() {
            if args.is(i, "nx") {
                c.nx = true;
            } else if args.is(i, "xx") {
                c.xx = true;
            } else if args.is(i, "gt") {
                c.gt = true;
            } else if args.is(i, "lt") {
                c.lt = true;
            } else {
                let option = as_sent(args.get(i));
                return Err(CommandError::owned(["ERR Unsupported option ", &option].concat()));
            }
        }
        if c.nx && (c.xx || c.gt || c.lt) {
            return Err(NX_WITH_OTHERS);
        }
        if c.gt && c.lt {
            return Err(GT_WITH_LT);
        }
        Ok(c)
    }

    /// Whether `new` may take the place of `old`. No deadline counts as one that never comes.
    fn allow(self, old: Option<UnixMillis>, new: UnixMillis) -> bool {
        match old {
            None => !self.xx && !self.gt,
            Some(old) => !self.nx && (!self.gt || new > old) && (!self.lt || new < old),
        }
    }
}

/// The unit and the origin of a command's time.
#[derive(Debug, Clone, Copy)]
struct Clock {
    millis_per_unit: i64,
    from_now: bool,
    command: &'static str,
}

impl Clock {
    fn deadline(self, amount: i64, now: UnixMillis) -> Result<UnixMillis, CommandError> {
        let base = if self.from_now { now } else { 0 };
        amount.checked_mul(self.millis_per_unit).and_then(|ms| ms.checked_add(base)).ok_or_else(|| {
            CommandError::owned(["ERR invalid expire time in '", self.command, "' command"].concat())
        })
    }
}

fn expire_generic(ctx: &mut Ctx<'_>, args: Args<'_>, clock: Clock) -> CommandResult {
    let key = args.get(1);
    let conditions = Conditions::parse(args)?;
    let deadline = clock.deadline(args.int(2)?, ctx.db.now)?;
    let Some(old) = ctx.db.deadline(key) else {
        ctx.reply.int(0);
        return Ok(());
    };
    if !conditions.allow(old, deadline) {
        ctx.reply.int(0);
        return Ok(());
    }
    if deadline <= ctx.db.now {
        ctx.db.remove(key);
        ctx.db.changed(key, Event::GENERIC, "del", 1);
        ctx.propagate_as(&[b"DEL", key]);
    } else {
        ctx.db.set_deadline(key, Some(deadline));
        ctx.db.changed(key, Event::GENERIC, "expire", 1);
        if SERVER {
            propagate_deadline(ctx, args, deadline);
        }
    }
    ctx.reply.int(1);
    Ok(())
}

/// The journal has the deadline as an instant, and the conditions as they were.
fn propagate_deadline(ctx: &mut Ctx<'_>, args: Args<'_>, deadline: UnixMillis) {
    let mut digits = itoa::Buffer::new();
    let words = [b"PEXPIREAT", args.get(1), digits.format(deadline).as_bytes()];
    if args.len() == words.len() {
        ctx.propagate_as(&words);
    } else {
        ctx.propagate_as(&words.into_iter().chain(args.from(words.len())).collect::<Vec<_>>());
    }
}

/// `EXPIRE key seconds [NX|XX|GT|LT]`.
pub fn expire(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    expire_generic(ctx, args, Clock { millis_per_unit: 1000, from_now: true, command: "expire" })
}

/// `PEXPIRE key milliseconds [NX|XX|GT|LT]`.
pub fn pexpire(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    expire_generic(ctx, args, Clock { millis_per_unit: 1, from_now: true, command: "pexpire" })
}

/// `EXPIREAT key unix-seconds [NX|XX|GT|LT]`.
pub fn expireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    expire_generic(ctx, args, Clock { millis_per_unit: 1000, from_now: false, command: "expireat" })
}

/// `PEXPIREAT key unix-milliseconds [NX|XX|GT|LT]`.
pub fn pexpireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    expire_generic(ctx, args, Clock { millis_per_unit: 1, from_now: false, command: "pexpireat" })
}

fn answer_deadline(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    show: impl FnOnce(UnixMillis, UnixMillis) -> i64,
) -> CommandResult {
    let now = ctx.db.now;
    let answer = match ctx.db.deadline_for_read(args.get(1)) {
        None => NO_KEY,
        Some(None) => NO_DEADLINE,
        Some(Some(deadline)) => show(deadline, now),
    };
    ctx.reply.int(answer);
    Ok(())
}

fn seconds(millis: i64) -> i64 {
    millis.saturating_add(500) / 1000
}

/// `TTL key`: seconds left, rounded; -1 without deadline, -2 without key.
pub fn ttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer_deadline(ctx, args, |deadline, now| seconds(deadline.saturating_sub(now).max(0)))
}

/// `PTTL key`: milliseconds left.
pub fn pttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer_deadline(ctx, args, |deadline, now| deadline.saturating_sub(now).max(0))
}

/// `EXPIRETIME key`: the deadline in seconds since the epoch.
pub fn expiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer_deadline(ctx, args, |deadline, _| seconds(deadline))
}

/// `PEXPIRETIME key`: the deadline in milliseconds since the epoch.
pub fn pexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    answer_deadline(ctx, args, |deadline, _| deadline)
}

/// `PERSIST key`: removes the deadline.
pub fn persist(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let had = matches!(ctx.db.deadline(key), Some(Some(_)));
    if had {
        ctx.db.set_deadline(key, None);
        ctx.db.changed(key, Event::GENERIC, "persist", 1);
    }
    ctx.reply.int(i64::from(had));
    Ok(())
}

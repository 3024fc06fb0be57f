//! HRANDFIELD.

use crate::args::Args;
use crate::context::Ctx;
use crate::resp::reply::{Proto, Reply};
use crate::types::listpack::Element;
use crate::words::error::{CommandError, CommandResult, OUT_OF_RANGE, SYNTAX};
use crate::words::rng::Rng;

const COUNT_RANGE: CommandError = CommandError::new(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

/// HRANDFIELD key [count [WITHVALUES]]
pub fn hrandfield(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 2 {
        return with_count(ctx, args);
    }
    let mut rng = Rng::new(ctx.db.rng().next_u64());
    match ctx.db.hash(args.get(1))?.and_then(|hash| hash.random(&mut rng)) {
        Some((field, _)) => ctx.reply.element(field),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// How the chosen fields are written.
struct Pick {
    count: usize,
    /// A negative count: the same field may come again.
    repeat: bool,
    values: bool,
}

impl Pick {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let count = args.int(2)?;
        if count == i64::MIN {
            return Err(COUNT_RANGE);
        }
        if args.len() > 4 || (args.len() == 4 && !args.is(3, "WITHVALUES")) {
            return Err(SYNTAX);
        }
        let values = args.len() == 4;
        if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(OUT_OF_RANGE);
        }
        Ok(Self { count: Args::magnitude(count), repeat: count < 0, values })
    }

    fn header(&self, reply: &mut Reply<'_>, count: usize) {
        let flat = self.values && reply.proto() == Proto::Resp2;
        reply.array(if flat { count * 2 } else { count });
    }

    fn item(&self, reply: &mut Reply<'_>, field: Element<'_>, value: Element<'_>) {
        if self.values && reply.proto() == Proto::Resp3 {
            reply.array(2);
        }
        reply.element(field);
        if self.values {
            reply.element(value);
        }
    }
}

fn with_count(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let pick = Pick::parse(args)?;
    let mut rng = Rng::new(ctx.db.rng().next_u64());
    let limit = ctx.reply_limit();
    let hash = ctx.db.hash(args.get(1))?;
    let (reply, Some(hash)) = (&mut ctx.reply, hash) else {
        ctx.reply.array(0);
        return Ok(());
    };
    if !pick.repeat {
        pick.header(reply, pick.count.min(hash.len()));
        hash.random_distinct(&mut rng, pick.count, |field, value| pick.item(reply, field, value));
        return Ok(());
    }
    pick.header(reply, pick.count);
    for _ in 0..pick.count {
        let Some((field, value)) = hash.random(&mut rng) else { break };
        pick.item(reply, field, value);
        if reply.position() > limit {
            break;
        }
    }
    Ok(())
}

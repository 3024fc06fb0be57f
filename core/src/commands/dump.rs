//! DUMP and RESTORE.

use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::keyspace::clock::clock_of;
use crate::types::codec::{decode, open_dump};
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::number::with_i64;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;

const BUSY_KEY: CommandError = CommandError::new("BUSYKEY Target key name already exists.");
const INVALID_TTL: CommandError = CommandError::new("ERR Invalid TTL value, must be >= 0");
const INVALID_IDLE_TIME: CommandError = CommandError::new("ERR Invalid IDLETIME value, must be >= 0");
const INVALID_FREQ: CommandError = CommandError::new("ERR Invalid FREQ value, must be >= 0 and <= 255");
const WRONG_PAYLOAD: CommandError = CommandError::new("ERR DUMP payload version or checksum are wrong");
const BAD_FORMAT: CommandError = CommandError::new("ERR Bad data format");

/// DUMP key
pub fn dump(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match ctx.db.value(args.get(1))? {
        Some(value) => ctx.reply.bulk_with(|out| ctx.server.encoder.dump(value, out)),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// What RESTORE is asked for beside the value.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle: Option<i64>,
    freq: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut i = 4;
        while i < args.len() {
            let more = i + 1 < args.len();
            if args.is(i, "replace") {
                options.replace = true;
            } else if args.is(i, "absttl") {
                options.absolute = true;
            } else if args.is(i, "idletime") && more && options.freq.is_none() {
                i += 1;
                options.idle =
                    Some(args.int(i).and_then(|n| if n < 0 { Err(INVALID_IDLE_TIME) } else { Ok(n) })?);
            } else if args.is(i, "freq") && more && options.idle.is_none() {
                i += 1;
                let freq = args.int(i)?;
                options.freq = Some(if (0..=255).contains(&freq) { freq } else { return Err(INVALID_FREQ) });
            } else {
                return Err(SYNTAX);
            }
            i += 1;
        }
        Ok(options)
    }
}

/// RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
pub fn restore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let options = Options::parse(args)?;
    let there = ctx.db.exists(key);
    if there && !options.replace {
        return Err(BUSY_KEY);
    }
    let ttl = args.int(2)?;
    if ttl < 0 {
        return Err(INVALID_TTL);
    }
    let opened = open_dump(args.get(3)).ok_or(WRONG_PAYLOAD)?;
    let value = opened
        .map_err(|_| BAD_FORMAT)
        .and_then(|(form, body)| decode(form, body, ctx.db.limits()).map_err(|_| BAD_FORMAT))?;
    let base = if options.absolute { 0 } else { ctx.db.now };
    let deadline = (ttl != 0).then(|| ttl.saturating_add(base));
    if deadline.is_some_and(|deadline| deadline <= ctx.db.now) {
        restored_too_late(ctx, key, there);
        return Ok(());
    }
    ctx.db.set(key, value);
    if let Some(deadline) = deadline {
        ctx.db.set_deadline(key, Some(deadline));
        if !options.absolute {
            propagate_absolute(ctx, args, deadline);
        }
    }
    let access = ctx.db.data.access;
    let (idle, freq) = (options.idle.map(i64::cast_unsigned), options.freq.map(|freq| freq as u8));
    let clock = clock_of(&access, idle, freq, ctx.db.now);
    ctx.db.set_clock(key, clock);
    ctx.db.changed(key, Event::GENERIC, "restore", 1);
    ctx.reply.ok();
    Ok(())
}

/// The value's deadline has passed: of the command only the removal of what was there remains.
fn restored_too_late(ctx: &mut Ctx<'_>, key: &[u8], there: bool) {
    if there && ctx.db.remove(key) {
        ctx.propagate_as(&[b"DEL", key]);
        ctx.db.changed(key, Event::GENERIC, "del", 1);
    }
    ctx.reply.ok();
}

/// The journal's form of the command carries the deadline, not the time that was left.
fn propagate_absolute(ctx: &mut Ctx<'_>, args: Args<'_>, deadline: UnixMillis) {
    if !SERVER || !ctx.server.journaling {
        return;
    }
    with_i64(deadline, |text| {
        let mut command: alloc::vec::Vec<&[u8]> = args.iter().collect();
        command[2] = text;
        command.push(b"ABSTTL");
        ctx.propagate_as(&command);
    });
}

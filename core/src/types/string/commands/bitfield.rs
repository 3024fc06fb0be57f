//! `BITFIELD`.

use super::bits::bit_offset;
use super::max_len;
use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::types::string::Str;
use crate::types::string::bitfield::{self, Overflow, Width};
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::number::parse_i64;
use alloc::vec::Vec;

const BAD_TYPE: CommandError = CommandError::new(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);
const BAD_OVERFLOW: CommandError = CommandError::new("ERR Invalid OVERFLOW type specified");
const READ_ONLY: CommandError = CommandError::new("ERR BITFIELD_RO only supports the GET subcommand");

/// What is done with a field.
#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    Increment(i64),
}

/// One subcommand.
struct Step {
    action: Action,
    width: Width,
    offset: u64,
    overflow: Overflow,
}

impl Step {
    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    /// The bytes the string needs for this field.
    fn needs(&self) -> usize {
        ((self.offset + u64::from(self.width.bits) - 1) >> 3) as usize + 1
    }

    /// Runs a step that writes: its answer (`None` where the value does not fit and that fails it), and whether the field
    /// changed (`None` where it was not written).
    fn write(&self, bytes: &mut [u8]) -> (Option<i64>, Option<bool>) {
        let before = bitfield::get(bytes, self.offset, self.width);
        let fitted = match self.action {
            Action::Get => return (Some(before), None),
            Action::Set(value) => self.width.fit(value, 0, self.overflow),
            Action::Increment(by) => self.width.fit(before, by, self.overflow),
        };
        let Some(after) = fitted else { return (None, None) };
        bitfield::set(bytes, self.offset, self.width, after);
        let answer = if let Action::Set(_) = self.action { before } else { after };
        (Some(answer), Some(after != before))
    }
}

/// `BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET type offset value | INCRBY type offset increment …]`
pub fn bitfield(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let steps = parse(args, max_len(ctx))?;
    let needed = steps.iter().filter(|step| step.writes()).map(Step::needs).max();
    match needed {
        None => read(ctx, args.get(1), &steps),
        Some(len) => write(ctx, args.get(1), &steps, len),
    }
}

/// `BITFIELD_RO key [GET type offset …]`
pub fn bitfield_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let steps = parse(args, max_len(ctx))?;
    if steps.iter().any(Step::writes) { Err(READ_ONLY) } else { read(ctx, args.get(1), &steps) }
}

fn read(ctx: &mut Ctx<'_>, key: &[u8], steps: &[Step]) -> CommandResult {
    let value = ctx.db.string(key)?;
    ctx.reply.array(steps.len());
    let mut answer = |bytes: &[u8]| {
        for step in steps {
            ctx.reply.int(bitfield::get(bytes, step.offset, step.width));
        }
    };
    match value {
        Some(value) => value.with_bytes(answer),
        None => answer(&[]),
    }
    Ok(())
}

fn write(ctx: &mut Ctx<'_>, key: &[u8], steps: &[Step], len: usize) -> CommandResult {
    let fresh = !ctx.db.exists(key);
    let Ctx { db, reply, .. } = ctx;
    let edited = db.edit_or_create_string(key, |value: &mut Str, _| {
        let grew = value.grow(len) || fresh;
        let bytes = value.make_raw();
        reply.array(steps.len());
        let mut changes = 0;
        for step in steps {
            let (answer, changed) = step.write(bytes);
            match answer {
                Some(answer) => reply.int(answer),
                None => reply.null(),
            }
            changes += u64::from(changed.is_some_and(|changed| changed || grew));
        }
        changes
    })?;
    if edited.out > 0 {
        ctx.db.changed(key, Event::STRING, "setbit", edited.out);
    }
    Ok(())
}

fn parse(args: Args<'_>, max_len: u64) -> Result<Vec<Step>, CommandError> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while at < args.len() {
        let rest = args.len() - at - 1;
        if args.is(at, "OVERFLOW") && rest >= 1 {
            overflow = overflow_of(args, at + 1)?;
            at += 2;
            continue;
        }
        let wanted = match () {
            () if args.is(at, "GET") => 2,
            () if args.is(at, "SET") || args.is(at, "INCRBY") => 3,
            () => return Err(SYNTAX),
        };
        if rest < wanted {
            return Err(SYNTAX);
        }
        let width = width_of(args.get(at + 1))?;
        let offset = bit_offset(args.get(at + 2), Some(width.bits), max_len)?;
        let action = match wanted {
            2 => Action::Get,
            _ if args.is(at, "SET") => Action::Set(args.int(at + 3)?),
            _ => Action::Increment(args.int(at + 3)?),
        };
        steps.push(Step { action, width, offset, overflow });
        at += 1 + wanted;
    }
    Ok(steps)
}

fn overflow_of(args: Args<'_>, at: usize) -> Result<Overflow, CommandError> {
    let names = [("WRAP", Overflow::Wrap), ("SAT", Overflow::Saturate), ("FAIL", Overflow::Fail)];
    let named = names.into_iter().find(|(name, _)| args.is(at, name));
    named.map(|(_, overflow)| overflow).ok_or(BAD_OVERFLOW)
}

fn width_of(text: &[u8]) -> Result<Width, CommandError> {
    let (signed, digits, most) = match text {
        [b'i', digits @ ..] => (true, digits, 64),
        [b'u', digits @ ..] => (false, digits, 63),
        _ => return Err(BAD_TYPE),
    };
    let bits = parse_i64(digits).filter(|bits| (1..=most).contains(bits)).ok_or(BAD_TYPE)?;
    Ok(Width { bits: bits as u32, signed })
}

//! Single bits, counts and searches of bits, and whole strings combined bit by bit.

use super::{Misses, clamp_range, max_len};
use crate::args::Args;
use crate::context::Ctx;
use crate::events::Event;
use crate::types::string::bits::{self, Operation};
use crate::types::string::{Str, StrRef};
use crate::types::{Kind, Value, ValueRef};
use crate::words::error::{CommandError, CommandResult, SYNTAX, WRONG_TYPE};
use crate::words::number::parse_i64;
use alloc::borrow::Cow;
use alloc::vec::Vec;

const BAD_OFFSET: CommandError = CommandError::new("ERR bit offset is not an integer or out of range");
const BAD_BIT: CommandError = CommandError::new("ERR bit is not an integer or out of range");
const BAD_BIT_ARGUMENT: CommandError = CommandError::new("ERR The bit argument must be 1 or 0.");
const NOT_TAKES_ONE: CommandError =
    CommandError::new("ERR BITOP NOT must be called with a single source key.");

/// The offset of a bit, in a string that may have `max_len` bytes. Where `width` is given, `#3` counts in fields of so
/// many bits.
pub(super) fn bit_offset(text: &[u8], width: Option<u32>, max_len: u64) -> Result<u64, CommandError> {
    let (digits, unit) = match (text, width) {
        ([b'#', digits @ ..], Some(width)) => (digits, i64::from(width)),
        _ => (text, 1),
    };
    let offset = parse_i64(digits).map(|offset| offset.wrapping_mul(unit));
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    offset.filter(|offset| offset >> 3 < max_len).ok_or(BAD_OFFSET)
}

/// `SETBIT key offset value`
pub fn setbit(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let offset = bit_offset(args.get(2), None, max_len(ctx))?;
    let on = match args.int(3) {
        Ok(0) => false,
        Ok(1) => true,
        _ => return Err(BAD_BIT),
    };
    let fresh = !ctx.db.exists(key);
    let edited = ctx.db.edit_or_create_string(key, |value, _| {
        let grew = value.grow((offset >> 3) as usize + 1);
        (bits::set_bit(value.make_raw(), offset, on), grew)
    })?;
    let (was, grew) = edited.out;
    if fresh || grew || was != on {
        ctx.db.changed(key, Event::STRING, "setbit", 1);
    }
    ctx.reply.int(i64::from(was));
    Ok(())
}

/// `GETBIT key offset`
pub fn getbit(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let offset = bit_offset(args.get(2), None, max_len(ctx))?;
    let value = ctx.db.string(args.get(1))?;
    let bit = value.is_some_and(|value| value.with_bytes(|bytes| bits::get_bit(bytes, offset)));
    ctx.reply.int(i64::from(bit));
    Ok(())
}

/// Whether a range counts bits, as the word at `at` says.
fn counts_bits(args: Args<'_>, at: usize) -> Result<bool, CommandError> {
    match args.len() > at {
        false => Ok(false),
        true if args.is(at, "BIT") => Ok(true),
        true if args.is(at, "BYTE") => Ok(false),
        true => Err(SYNTAX),
    }
}

/// The first and last bit of a range of bits or bytes in a string of `len` bytes.
fn bit_range(start: i64, end: i64, in_bits: bool, len: usize) -> Option<(u64, u64)> {
    let unit = if in_bits { 1 } else { 8 };
    let (start, end) = clamp_range(start, end, len as i64 * 8 / unit)?;
    Some(((start * unit) as u64, (end * unit + unit - 1) as u64))
}

/// `BITCOUNT key [start end [BYTE|BIT]]`
pub fn bitcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let Some(value) = ctx.db.string(args.get(1))? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let range = match args.len() {
        2 => bit_range(0, -1, false, value.len()),
        4 | 5 => {
            let (start, end) = (args.int(2)?, args.int(3)?);
            // The reference is done here before it looks at the unit.
            let crossed = start < 0 && end < 0 && start > end;
            if crossed { None } else { bit_range(start, end, counts_bits(args, 4)?, value.len()) }
        }
        _ => return Err(SYNTAX),
    };
    let count = |(first, last)| value.with_bytes(|bytes| bits::count_ones_in(bytes, first..=last));
    ctx.reply.int(range.map_or(0, count) as i64);
    Ok(())
}

/// `BITPOS key bit [start [end [BYTE|BIT]]]`
pub fn bitpos(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let bit = match args.int(2)? {
        0 => false,
        1 => true,
        _ => return Err(BAD_BIT_ARGUMENT),
    };
    let Some(value) = ctx.db.string(args.get(1))? else {
        ctx.reply.int(if bit { -1 } else { 0 });
        return Ok(());
    };
    let range = match args.len() {
        3 => bit_range(0, -1, false, value.len()),
        4..=6 => {
            let start = args.int(3)?;
            let in_bits = counts_bits(args, 5)?;
            let end = if args.len() > 4 { args.int(4)? } else { -1 };
            bit_range(start, end, in_bits, value.len())
        }
        _ => return Err(SYNTAX),
    };
    let find = |(first, last)| value.with_bytes(|bytes| bits::find_bit(bytes, bit, first..=last));
    let position = match (range, range.and_then(find)) {
        (_, Some(found)) => found as i64,
        // Without an end the string counts as followed by clear bits.
        (Some((_, last)), None) if !bit && args.len() <= 4 => last as i64 + 1,
        _ => -1,
    };
    ctx.reply.int(position);
    Ok(())
}

/// `BITOP AND|OR|XOR|NOT destkey key [key …]`
pub fn bitop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let operation = operation(args)?;
    let mut misses = Misses::default();
    for key in args.from(3) {
        if misses.note(ctx.db.value(key))?.flatten().is_some_and(|value| value.kind() != Kind::String) {
            return Err(WRONG_TYPE);
        }
    }
    misses.check()?;
    let (key, result) = (args.get(2), combined(ctx, args, operation));
    ctx.reply.len(result.len());
    if !result.is_empty() {
        ctx.db.set(key, Value::Str(Str::Raw(result)));
        ctx.db.changed(key, Event::STRING, "set", 1);
    } else if ctx.db.remove(key) {
        ctx.db.changed(key, Event::GENERIC, "del", 1);
    }
    Ok(())
}

fn operation(args: Args<'_>) -> Result<Operation, CommandError> {
    let names =
        [("AND", Operation::And), ("OR", Operation::Or), ("XOR", Operation::Xor), ("NOT", Operation::Not)];
    let named = names.into_iter().find(|(name, _)| args.is(1, name));
    let (_, operation) = named.ok_or(SYNTAX)?;
    if operation == Operation::Not && args.len() != 4 { Err(NOT_TAKES_ONE) } else { Ok(operation) }
}

/// The sources combined, as long as the longest of them; missing keys are empty.
fn combined(ctx: &Ctx<'_>, args: Args<'_>, operation: Operation) -> Vec<u8> {
    let sources: Vec<Cow<'_, [u8]>> = args
        .from(3)
        .map(|key| match ctx.db.peek(key) {
            Some(ValueRef::Str(value)) => StrRef::to_cow(value),
            _ => Cow::Borrowed(&[][..]),
        })
        .collect();
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = Vec::with_capacity(len);
    let mut rest = sources.iter();
    if operation != Operation::Not {
        result.extend_from_slice(rest.next().map_or(&[], |first| first));
    }
    result.resize(len, 0);
    rest.for_each(|source| bits::combine(&mut result, source, operation));
    result
}

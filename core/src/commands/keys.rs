//! Commands for keys of every type: DEL, EXISTS, TYPE, RENAME, MOVE, COPY.

use crate::args::Args;
use crate::context::Ctx;
use crate::db::Db;
use crate::events::Event;
use crate::types::codec::{Encoder, NEWEST_VERSION, decode_in};
use crate::types::{Kind, Limits, Value, ValueRef};
use crate::words::error::{CommandError, CommandResult, NO_SUCH_KEY, SYNTAX};
use alloc::vec::Vec;

const SAME_OBJECT: CommandError = CommandError::new("ERR source and destination objects are the same");
const DB_OUT_OF_RANGE: CommandError = CommandError::new("ERR DB index is out of range");
const INT_OUT_OF_RANGE: CommandError =
    CommandError::new("ERR value is out of range, value must between -2147483648 and 2147483647");

/// `DEL key …`, `UNLINK key …`: removes keys; values are freed in slices in either case. Answers how many there were.
pub fn del(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let mut removed = 0;
    for key in args.from(1) {
        if ctx.db.remove(key) {
            ctx.db.changed(key, Event::GENERIC, "del", 1);
            removed += 1;
        }
    }
    ctx.reply.int(removed);
    Ok(())
}

/// `EXISTS key …`: how many of the keys are there, each counted as often as it is named.
pub fn exists(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let there = args.from(1).filter(|key| ctx.db.exists_for_read(key)).count();
    ctx.reply.len(there);
    Ok(())
}

/// `TOUCH key …`: notes an access to each key.
pub fn touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let there = args.from(1).filter(|key| ctx.db.touch_key(key)).count();
    ctx.reply.len(there);
    Ok(())
}

/// `TYPE key`.
pub fn type_of(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let there = ctx.db.exists_for_read(args.get(1));
    let kind = if there { ctx.db.kind(args.get(1)) } else { None };
    ctx.reply.simple(kind.map_or("none", Kind::name));
    Ok(())
}

/// `RENAME key newkey`.
pub fn rename(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    rename_key(ctx, args, false)?;
    ctx.reply.ok();
    Ok(())
}

/// `RENAMENX key newkey`: only where the new name is free.
pub fn renamenx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let renamed = rename_key(ctx, args, true)?;
    ctx.reply.int(i64::from(renamed));
    Ok(())
}

fn rename_key(ctx: &mut Ctx<'_>, args: Args<'_>, only_new: bool) -> Result<bool, CommandError> {
    let (from, to) = (args.get(1), args.get(2));
    if !ctx.db.exists(from) {
        return Err(NO_SUCH_KEY);
    }
    if from == to || (only_new && ctx.db.exists(to)) {
        return Ok(false);
    }
    ctx.db.rename(from, to);
    ctx.db.changed(from, Event::GENERIC, "rename_from", 1);
    ctx.db.changed(to, Event::GENERIC, "rename_to", 0);
    Ok(true)
}

/// The database that argument `i` names.
fn database(ctx: &Ctx<'_>, args: Args<'_>, i: usize) -> Result<usize, CommandError> {
    let number = i32::try_from(args.int(i)?).map_err(|_| INT_OUT_OF_RANGE)?;
    match usize::try_from(number) {
        Ok(index) if index < ctx.db.data.keyspace.count() => Ok(index),
        _ => Err(DB_OUT_OF_RANGE),
    }
}

/// `MOVE key db`: to another database, where the name is free.
pub fn move_key(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let target = database(ctx, args, 2)?;
    if target == ctx.db.index {
        return Err(SAME_OBJECT);
    }
    let moved = ctx.db.move_to(key, target);
    if moved {
        ctx.db.changed(key, Event::GENERIC, "move_from", 1);
        in_database(&mut ctx.db, target).event(Event::GENERIC, "move_to", key);
    }
    ctx.reply.int(i64::from(moved));
    Ok(())
}

fn in_database<'d>(db: &'d mut Db<'_>, index: usize) -> Db<'d> {
    Db { data: &mut *db.data, index, now: db.now }
}

/// A copy of the value. Full encodings go through the wire's encoding, which is as compact as copying gets.
fn copied(value: ValueRef<'_>, limits: &Limits) -> Option<Value> {
    if let ValueRef::Str(text) = value {
        return Some(Value::Str(text.to_owned()));
    }
    let mut encoder = Encoder::new(NEWEST_VERSION, false);
    let mut body = Vec::new();
    let form = encoder.form(value);
    encoder.body(value, &mut body);
    decode_in(form, &body, value.encoding(), limits).ok()
}

/// `COPY source destination [DB n] [REPLACE]`.
pub fn copy(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (from, to) = (args.get(1), args.get(2));
    let (mut target, mut replace) = (ctx.db.index, false);
    let mut i = 3;
    while i < args.len() {
        if args.is(i, "replace") {
            replace = true;
        } else if args.is(i, "db") && i + 1 < args.len() {
            i += 1;
            target = database(ctx, args, i)?;
        } else {
            return Err(SYNTAX);
        }
        i += 1;
    }
    if target == ctx.db.index && from == to {
        return Err(SAME_OBJECT);
    }
    let limits = ctx.db.data.limits;
    let Some(value) = ctx.db.value(from)?.and_then(|v| copied(v, &limits)) else {
        ctx.reply.int(0);
        return Ok(());
    };
    let deadline = ctx.db.deadline(from).flatten();
    let mut there = in_database(&mut ctx.db, target);
    if there.exists(to) {
        if !replace {
            ctx.reply.int(0);
            return Ok(());
        }
        there.remove(to);
    }
    there.set(to, value);
    there.set_deadline(to, deadline);
    there.changed(to, Event::GENERIC, "copy_to", 1);
    ctx.reply.int(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::trial::Trial;
    use std::format;

    /// A fuzzer's run found that COPY gave a sorted set that had grown and shrunk again the compact encoding, in which a score
    /// of -0 is 0.
    #[test]
    fn copies_and_moved_values_have_the_encoding_of_the_original() {
        let mut trial = Trial::new();
        let once_large = [
            "CONFIG SET zset-max-listpack-entries 2 hash-max-listpack-entries 2 set-max-listpack-entries 2 set-max-intset-entries 2",
            "ZADD zset 1 b 2 c -0 a",
            "ZREM zset b c",
            "HSET hash a 1 b 2 c 3",
            "HDEL hash b c",
            "SADD ints 1 2 3",
            "SREM ints 2 3",
            "SADD set a b c",
            "SREM set b c",
            "APPEND text ab",
            "APPEND text c",
        ];
        for line in once_large {
            trial.call(0, line);
        }
        for key in ["zset", "hash", "ints", "set", "text"] {
            let encoding = trial.call(0, &format!("OBJECT ENCODING {key}"));
            assert_eq!(trial.call(0, &format!("COPY {key} other DB 1")), ":1");
            assert_eq!(trial.call(0, &format!("MOVE {key} 2")), ":1");
            for (db, key) in [(1, "other"), (2, key)] {
                trial.call(0, &format!("SELECT {db}"));
                assert_eq!(
                    trial.call(0, &format!("OBJECT ENCODING {key}")),
                    encoding,
                    "{key} of database {db}"
                );
            }
            trial.call(0, "SELECT 1");
            if key == "zset" {
                assert_eq!(trial.call(0, "ZSCORE other a"), "-0");
            }
            trial.call(0, "DEL other");
            trial.call(0, "SELECT 0");
        }
    }
}

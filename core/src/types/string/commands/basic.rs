//! Strings whole: reading, setting, taking.

use super::Misses;
use super::options::{Form, Options, Ttl};
use crate::args::Args;
use crate::context::Ctx;
use crate::db::Db;
use crate::events::Event;
use crate::types::Kind;
use crate::types::ValueRef;
use crate::types::string::StrRef;
use crate::words::error::{CommandError, CommandResult};
use crate::words::number::with_i64;
use crate::words::reach::SERVER;
use crate::words::time::UnixMillis;
use alloc::vec::Vec;

/// Replies with the key's value or null.
#[inline]
fn reply_value(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    match ctx.db.string(key)? {
        Some(value) => value.reply(&mut ctx.reply),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `GET key`
pub fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    reply_value(ctx, args.get(1))
}

/// `MGET key [key …]`
pub fn mget(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    ctx.reply.array(args.len() - 1);
    let mut misses = Misses::default();
    let Ctx { db, reply, .. } = ctx;
    db.for_each_key(args.from(1), |db, key| {
        match misses.note(db.value(key))?.flatten() {
            Some(ValueRef::Str(value)) => value.reply(reply),
            _ => reply.null(),
        }
        Ok(())
    })?;
    misses.check()
}

/// `STRLEN key`
pub fn strlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let len = ctx.db.length(args.get(1), Kind::String)?.unwrap_or(0);
    ctx.reply.len(len);
    Ok(())
}

/// Stores the value and tells of it; the deadline goes unless it is kept.
#[inline]
fn store(db: &mut Db<'_>, key: &[u8], value: &[u8], keep_deadline: bool) {
    db.set_string(key, StrRef::from_bytes(value), keep_deadline);
    db.changed(key, Event::STRING, "set", 1);
}

/// Stores the value under a deadline; the journal keeps it as Unix time.
fn store_until(ctx: &mut Ctx<'_>, key: &[u8], value: &[u8], deadline: UnixMillis) {
    store(&mut ctx.db, key, value, false);
    ctx.db.set_deadline(key, Some(deadline));
    ctx.db.event(Event::GENERIC, "expire", key);
    if SERVER {
        with_i64(deadline, |text| ctx.propagate_as(&[b"SET", key, value, b"PXAT", text]));
    }
}

/// `SET key value [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT seconds|PXAT milliseconds|KEEPTTL]`
pub fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return set_with_options(ctx, args);
    }
    store(&mut ctx.db, args.get(1), args.get(2), false);
    ctx.reply.ok();
    Ok(())
}

fn set_with_options(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::of_set(args)?;
    let deadline = options.deadline(args, ctx.db.now, "set")?;
    let (key, value) = (args.get(1), args.get(2));
    if options.get {
        reply_value(ctx, key)?;
    }
    if (options.nx || options.xx) && ctx.db.exists(key) != options.xx {
        if !options.get {
            ctx.reply.null();
        }
        return Ok(());
    }
    match deadline {
        Some(deadline) if options.is_pxat() => {
            store(&mut ctx.db, key, value, false);
            ctx.db.set_deadline(key, Some(deadline));
            ctx.db.event(Event::GENERIC, "expire", key);
        }
        Some(deadline) => store_until(ctx, key, value, deadline),
        None => {
            store(&mut ctx.db, key, value, options.ttl == Ttl::Keep);
            if options.get {
                propagate_without_get(ctx, args);
            }
        }
    }
    if !options.get {
        ctx.reply.ok();
    }
    Ok(())
}

fn propagate_without_get(ctx: &mut Ctx<'_>, args: Args<'_>) {
    if !SERVER {
        return;
    }
    if !SERVER || !ctx.server.journaling {
        return;
    }
    let (head, options) = (args.iter().take(3), args.from(3));
    let kept: Vec<&[u8]> =
        head.chain(options.filter(|option| !option.eq_ignore_ascii_case(b"GET"))).collect();
    ctx.propagate_as(&kept);
}

/// `SETNX key value`
pub fn setnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let fresh = !ctx.db.exists(key);
    if fresh {
        store(&mut ctx.db, key, args.get(2), false);
    }
    ctx.reply.int(i64::from(fresh));
    Ok(())
}

/// `SETEX key seconds value`
pub fn setex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    set_expiring(ctx, args, Form::Ex, "setex")
}

/// `PSETEX key milliseconds value`
pub fn psetex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    set_expiring(ctx, args, Form::Px, "psetex")
}

fn set_expiring(ctx: &mut Ctx<'_>, args: Args<'_>, form: Form, command: &str) -> CommandResult {
    let deadline = form.deadline(args, 2, ctx.db.now, command)?;
    store_until(ctx, args.get(1), args.get(3), deadline);
    ctx.reply.ok();
    Ok(())
}

/// `GETSET key value`
pub fn getset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (key, value) = (args.get(1), args.get(2));
    reply_value(ctx, key)?;
    store(&mut ctx.db, key, value, false);
    ctx.propagate_as(&[b"SET", key, value]);
    Ok(())
}

/// `GETDEL key`
pub fn getdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    reply_value(ctx, key)?;
    delete(ctx, key);
    Ok(())
}

fn delete(ctx: &mut Ctx<'_>, key: &[u8]) {
    if ctx.db.remove(key) {
        ctx.db.changed(key, Event::GENERIC, "del", 1);
        ctx.propagate_as(&[b"DEL", key]);
    }
}

/// `GETEX key [EX seconds|PX milliseconds|EXAT seconds|PXAT milliseconds|PERSIST]`
pub fn getex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::of_getex(args)?;
    let key = args.get(1);
    let Some(value) = ctx.db.string(key)? else {
        ctx.reply.null();
        return Ok(());
    };
    value.reply(&mut ctx.reply);
    let now = ctx.db.now;
    match options.deadline(args, now, "getex")? {
        Some(deadline) if options.is_absolute() && deadline <= now => delete(ctx, key),
        Some(deadline) => {
            ctx.db.set_deadline(key, Some(deadline));
            ctx.db.changed(key, Event::GENERIC, "expire", 1);
            if SERVER {
                with_i64(deadline, |text| ctx.propagate_as(&[b"PEXPIREAT", key, text]));
            }
        }
        None if options.ttl == Ttl::Persist && ctx.db.deadline(key).flatten().is_some() => {
            ctx.db.set_deadline(key, None);
            ctx.db.changed(key, Event::GENERIC, "persist", 1);
            ctx.propagate_as(&[b"PERSIST", key]);
        }
        None => {}
    }
    Ok(())
}

/// `MSET key value [key value …]`
pub fn mset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    check_pairs(args, CommandError::new("ERR wrong number of arguments for 'mset' command"))?;
    store_pairs(ctx, args)?;
    ctx.reply.ok();
    Ok(())
}

/// `MSETNX key value [key value …]`
pub fn msetnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    check_pairs(args, CommandError::new("ERR wrong number of arguments for 'msetnx' command"))?;
    let taken = args.from(1).step_by(2).any(|key| ctx.db.exists(key));
    if !taken {
        store_pairs(ctx, args)?;
    }
    ctx.reply.int(i64::from(!taken));
    Ok(())
}

fn check_pairs(args: Args<'_>, error: CommandError) -> CommandResult {
    if args.len().is_multiple_of(2) { Err(error) } else { Ok(()) }
}

fn store_pairs(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let mut values = args.from(2).step_by(2);
    ctx.db.for_each_key(args.from(1).step_by(2), |db, key| {
        store(db, key, values.next().unwrap_or_default(), false);
        Ok(())
    })
}

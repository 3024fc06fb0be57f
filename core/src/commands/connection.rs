//! PING, ECHO, SELECT, AUTH, HELLO, RESET, QUIT.

use super::errors::int32;
use crate::args::Args;
use crate::context::Ctx;
use crate::resp::reply::Proto;
use crate::session::ReplyMode;
use crate::words::error::{CommandError, CommandResult, SYNTAX, as_sent};
use alloc::string::String;

/// The version of Redis that we speak as.
pub const REDIS_VERSION: &str = "7.0.15";

const WRONG_PASS: CommandError =
    CommandError::new("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD_SET: CommandError = CommandError::new(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
);
const HELLO_NO_AUTH: CommandError = CommandError::new(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
);
const BAD_VERSION: CommandError = CommandError::new("ERR Protocol version is not an integer or out of range");
const NO_PROTO: CommandError = CommandError::new("NOPROTO unsupported protocol version");
const DB_OUT_OF_RANGE: CommandError = CommandError::new("ERR DB index is out of range");
const NAME_HAS_BLANKS: CommandError =
    CommandError::new("ERR Client names cannot contain spaces, newlines or special characters.");

/// PING [message]
pub fn ping(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 2 {
        return Err(CommandError::new("ERR wrong number of arguments for 'ping' command"));
    }
    let message = if args.len() == 2 { Some(args.get(1)) } else { None };
    if ctx.session.subscriptions() > 0 && ctx.session.proto == Proto::Resp2 {
        ctx.reply.array(2);
        ctx.reply.bulk(b"pong");
        ctx.reply.bulk(message.unwrap_or_default());
    } else if let Some(message) = message {
        ctx.reply.bulk(message);
    } else {
        ctx.reply.simple("PONG");
    }
    Ok(())
}

/// ECHO message
pub fn echo(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    ctx.reply.bulk(args.get(1));
    Ok(())
}

/// SELECT index
pub fn select(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let index = usize::try_from(int32(args.get(1))?).ok();
    let count = ctx.db.data.keyspace.count();
    ctx.session.db = index.filter(|&index| index < count).ok_or(DB_OUT_OF_RANGE)?;
    ctx.reply.ok();
    Ok(())
}

/// QUIT
pub fn quit(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.ok();
    ctx.session.close_after_reply = true;
    Ok(())
}

/// RESET: the connection is as new.
pub fn reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    crate::db::unwatch(ctx.db.data, ctx.session);
    ctx.server.forget_session(ctx.session);
    let session = &mut *ctx.session;
    session.multi = None;
    session.monitor = false;
    session.channels.clear();
    session.patterns.clear();
    session.shard_channels.clear();
    session.proto = Proto::Resp2;
    session.db = 0;
    session.name.clear();
    session.reply_mode = ReplyMode::On;
    session.no_evict = false;
    session.no_touch = false;
    session.authenticated = ctx.server.config.requirepass.is_empty();
    ctx.reply.set_proto(Proto::Resp2);
    ctx.reply.simple("RESET");
    Ok(())
}

/// AUTH [username] password
pub fn auth(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    match args.len() {
        2 if ctx.server.config.requirepass.is_empty() => return Err(NO_PASSWORD_SET),
        2 => authenticate(ctx, b"default", args.get(1))?,
        3 => authenticate(ctx, args.get(1), args.get(2))?,
        _ => return Err(SYNTAX),
    }
    ctx.reply.ok();
    Ok(())
}

/// The only user is `default`; without a password set it takes any.
fn authenticate(ctx: &mut Ctx<'_>, user: &[u8], password: &[u8]) -> CommandResult {
    let wanted = &ctx.server.config.requirepass;
    if user != b"default" || !(wanted.is_empty() || same(wanted, password)) {
        return Err(WRONG_PASS);
    }
    ctx.session.authenticated = true;
    Ok(())
}

/// Compares in a time that does not tell how much is right.
fn same(wanted: &[u8], given: &[u8]) -> bool {
    let mut differs = u8::from(wanted.len() != given.len());
    for (index, byte) in given.iter().enumerate() {
        differs |= byte ^ wanted[index % wanted.len()];
    }
    differs == 0
}

/// Checks a name for the connection.
pub(super) fn check_name(name: &[u8]) -> CommandResult {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) { Ok(()) } else { Err(NAME_HAS_BLANKS) }
}

/// What HELLO asks for.
#[derive(Default)]
struct Hello<'a> {
    proto: Option<Proto>,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn parse_hello(args: Args<'_>) -> Result<Hello<'_>, CommandError> {
    let mut hello = Hello::default();
    if args.len() > 1 {
        hello.proto = match args.int(1).map_err(|_| BAD_VERSION)? {
            2 => Some(Proto::Resp2),
            3 => Some(Proto::Resp3),
            _ => return Err(NO_PROTO),
        };
    }
    let mut at = 2;
    while at < args.len() {
        let more = args.len() - 1 - at;
        if args.is(at, "AUTH") && more >= 2 {
            hello.credentials = Some((args.get(at + 1), args.get(at + 2)));
            at += 3;
        } else if args.is(at, "SETNAME") && more >= 1 {
            check_name(args.get(at + 1))?;
            hello.name = Some(args.get(at + 1));
            at += 2;
        } else {
            let mut text = String::from("ERR Syntax error in HELLO option '");
            text.push_str(&as_sent(args.get(at)));
            text.push('\'');
            return Err(CommandError::owned(text));
        }
    }
    Ok(hello)
}

/// HELLO [version [AUTH username password] [SETNAME name]]
pub fn hello(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let hello = parse_hello(args)?;
    if let Some((user, password)) = hello.credentials {
        authenticate(ctx, user, password)?;
    }
    if !ctx.session.authenticated {
        return Err(HELLO_NO_AUTH);
    }
    if let Some(name) = hello.name {
        ctx.session.name = name.to_vec();
    }
    if let Some(proto) = hello.proto {
        ctx.session.proto = proto;
        ctx.reply.set_proto(proto);
    }
    let version = if ctx.session.proto == Proto::Resp3 { 3 } else { 2 };
    let id = ctx.session.client_id as i64;
    let reply = &mut ctx.reply;
    reply.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"proto");
    reply.int(version);
    reply.bulk(b"id");
    reply.int(id);
    for (name, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}

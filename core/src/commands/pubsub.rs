//! Publish and subscribe. Sharded channels are plain channels of their own: there is one shard.

use super::errors::bad_subcommand;
use super::help;
use crate::args::Args;
use crate::context::Ctx;
use crate::pubsub::{self, Registry};
use crate::server::Server;
use crate::session::Session;
use crate::words::error::{CommandError, CommandResult};
use crate::words::glob::glob_match;
use crate::words::ordered::OrderedSet;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Redis refuses it inside EXEC, and only it.
const SSUBSCRIBE_IN_MULTI: CommandError =
    CommandError::new("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");

/// Which of the three registries a command works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Channel,
    Pattern,
    Shard,
}

impl Kind {
    fn of_session(self, session: &mut Session) -> &mut OrderedSet<Box<[u8]>> {
        match self {
            Self::Channel => &mut session.channels,
            Self::Pattern => &mut session.patterns,
            Self::Shard => &mut session.shard_channels,
        }
    }

    fn registry(self, server: &mut Server) -> &mut Registry {
        match self {
            Self::Channel => &mut server.subscriptions.channels,
            Self::Pattern => &mut server.subscriptions.patterns,
            Self::Shard => &mut server.subscriptions.shard_channels,
        }
    }

    /// The number that goes with every confirmation.
    fn count(self, session: &Session) -> usize {
        match self {
            Self::Shard => session.shard_channels.len(),
            _ => session.channels.len() + session.patterns.len(),
        }
    }
}

fn confirm(ctx: &mut Ctx<'_>, kind: Kind, word: &str, name: Option<&[u8]>) {
    let count = kind.count(ctx.session);
    ctx.reply.push(3);
    ctx.reply.bulk(word.as_bytes());
    match name {
        Some(name) => ctx.reply.bulk(name),
        None => ctx.reply.null(),
    }
    ctx.reply.len(count);
}

fn subscribe_all(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind, word: &str) -> CommandResult {
    for name in args.from(1) {
        if kind.of_session(ctx.session).insert(name.into()) {
            let id = ctx.session.id;
            pubsub::add(kind.registry(ctx.server), name, id);
        }
        confirm(ctx, kind, word, Some(name));
    }
    Ok(())
}

fn unsubscribe_all(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind, word: &str) -> CommandResult {
    let names: Vec<Box<[u8]>> = if args.len() > 1 {
        args.from(1).map(Box::from).collect()
    } else {
        kind.of_session(ctx.session).iter().cloned().collect()
    };
    if names.is_empty() {
        confirm(ctx, kind, word, None);
    }
    for name in names {
        if kind.of_session(ctx.session).remove(&name) {
            let id = ctx.session.id;
            pubsub::remove(kind.registry(ctx.server), &name, id);
        }
        confirm(ctx, kind, word, Some(&name));
    }
    Ok(())
}

/// SUBSCRIBE channel [channel …]
pub fn subscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    subscribe_all(ctx, args, Kind::Channel, "subscribe")
}

/// UNSUBSCRIBE [channel …]
pub fn unsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    unsubscribe_all(ctx, args, Kind::Channel, "unsubscribe")
}

/// PSUBSCRIBE pattern [pattern …]
pub fn psubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    subscribe_all(ctx, args, Kind::Pattern, "psubscribe")
}

/// PUNSUBSCRIBE [pattern …]
pub fn punsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    unsubscribe_all(ctx, args, Kind::Pattern, "punsubscribe")
}

/// SSUBSCRIBE channel [channel …]
pub fn ssubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if !ctx.may_block() {
        return Err(SSUBSCRIBE_IN_MULTI);
    }
    subscribe_all(ctx, args, Kind::Shard, "ssubscribe")
}

/// SUNSUBSCRIBE [channel …]
pub fn sunsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    unsubscribe_all(ctx, args, Kind::Shard, "sunsubscribe")
}

/// PUBLISH channel message
pub fn publish(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let receivers = ctx.publish(args.get(1), args.get(2));
    ctx.reply.len(receivers);
    Ok(())
}

/// SPUBLISH channel message
pub fn spublish(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let receivers = ctx.publish_sharded(args.get(1), args.get(2));
    ctx.reply.len(receivers);
    Ok(())
}

fn list(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> CommandResult {
    if args.len() > 3 {
        return Err(bad_subcommand(args));
    }
    let pattern = args.try_get(2);
    let mut found = 0;
    let mark = ctx.reply.deferred_array();
    for name in kind.registry(ctx.server).keys() {
        if pattern.is_none_or(|pattern| glob_match(pattern, name, false)) {
            ctx.reply.bulk(name);
            found += 1;
        }
    }
    ctx.reply.finish_array(mark, found);
    Ok(())
}

fn number(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> CommandResult {
    ctx.reply.array((args.len() - 2) * 2);
    for name in args.from(2) {
        let count = kind.registry(ctx.server).get(name).map_or(0, OrderedSet::len);
        ctx.reply.bulk(name);
        ctx.reply.len(count);
    }
    Ok(())
}

/// PUBSUB CHANNELS [pattern]
pub fn channels(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    list(ctx, args, Kind::Channel)
}

/// PUBSUB SHARDCHANNELS [pattern]
pub fn shardchannels(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    list(ctx, args, Kind::Shard)
}

/// PUBSUB NUMSUB [channel …]
pub fn numsub(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    number(ctx, args, Kind::Channel)
}

/// PUBSUB SHARDNUMSUB [channel …]
pub fn shardnumsub(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    number(ctx, args, Kind::Shard)
}

/// PUBSUB NUMPAT
pub fn numpat(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.reply.len(ctx.server.subscriptions.patterns.len());
    Ok(())
}

/// PUBSUB HELP
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    help::reply(ctx, "PUBSUB", help::PUBSUB);
    Ok(())
}

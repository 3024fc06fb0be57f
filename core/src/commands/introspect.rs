//! COMMAND: the table about itself.

use super::docs::{specs, text_of, with_texts};
use super::help;
use crate::args::Args;
use crate::command::{Command, Group, Keys, flags};
use crate::command_index::CommandId;
use crate::context::Ctx;
use crate::resp::reply::Reply;
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::glob::glob_match;
use alloc::vec::Vec;

const BAD_COMMAND: CommandError = CommandError::new("ERR Invalid command specified");
const BAD_ARGUMENTS: CommandError = CommandError::new("ERR Invalid arguments specified for command");
const BAD_ARITY: CommandError = CommandError::new("ERR Invalid number of arguments specified for command");
const NO_KEYS: CommandError = CommandError::new("ERR The command has no key arguments");

/// The flags' names, in the order in which Redis prints them.
const FLAG_NAMES: [(u32, &str); 17] = [
    (flags::WRITE, "write"),
    (flags::READONLY, "readonly"),
    (flags::DENYOOM, "denyoom"),
    (flags::ADMIN, "admin"),
    (flags::PUBSUB, "pubsub"),
    (flags::NOSCRIPT, "noscript"),
    (flags::BLOCKING, "blocking"),
    (flags::LOADING, "loading"),
    (flags::STALE, "stale"),
    (flags::SKIP_MONITOR, "skip_monitor"),
    (flags::SKIP_SLOWLOG, "skip_slowlog"),
    (flags::FAST, "fast"),
    (flags::NO_AUTH, "no_auth"),
    (flags::NO_ASYNC_LOADING, "no_async_loading"),
    (flags::NO_MULTI, "no_multi"),
    (flags::MOVABLE_KEYS, "movablekeys"),
    (flags::ALLOW_BUSY, "allow_busy"),
];

/// COMMAND HELP
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    help::reply(ctx, "COMMAND", help::COMMAND);
    Ok(())
}

/// Commands without subcommands among them.
pub(super) fn top_level(ctx: &Ctx<'_>) -> Vec<&'static Command> {
    ctx.server
        .index
        .iter()
        .map(|(_, command)| command)
        .filter(|command| !command.name.contains('|'))
        .collect()
}

/// COMMAND
pub fn command(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    with_texts(ctx, |ctx, texts| {
        let commands = top_level(ctx);
        ctx.reply.array(commands.len());
        for command in commands {
            describe(&mut ctx.reply, command, texts);
        }
        Ok(())
    })
}

/// COMMAND COUNT
pub fn count(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let count = top_level(ctx).len();
    ctx.reply.int(count as i64);
    Ok(())
}

/// COMMAND INFO [name …]
pub fn info(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() == 2 {
        return command(ctx, args);
    }
    with_texts(ctx, |ctx, texts| {
        ctx.reply.array(args.len() - 2);
        for name in args.from(2) {
            match find(ctx, name) {
                Some(id) => describe(&mut ctx.reply, ctx.server.index.get(id), texts),
                None => ctx.reply.null(),
            }
        }
        Ok(())
    })
}

/// A command, or a subcommand by its full name.
pub(super) fn find(ctx: &Ctx<'_>, name: &[u8]) -> Option<CommandId> {
    let index = &ctx.server.index;
    match name.iter().position(|byte| *byte == b'|') {
        None => index.find(name),
        Some(bar) => index.find_subcommand(index.find(&name[..bar])?, &name[bar + 1..]),
    }
}

/// What the table knows of a command, and of where its keys are what the texts tell: a host without them tells of none.
fn describe(reply: &mut Reply<'_>, command: &Command, texts: &[&str]) {
    let text = text_of(command.name, texts);
    let specs = specs::parse(text.map_or("", |text| text.specs));
    let (first, last, step) = match command.keys {
        Keys::Range { first, last, step } => (i64::from(first), i64::from(last), i64::from(step)),
        _ => specs::range(&specs),
    };
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.int(i64::from(command.arity));
    let names: Vec<&str> =
        FLAG_NAMES.iter().filter(|(bit, _)| command.has(*bit)).map(|(_, name)| *name).collect();
    reply.set(names.len());
    names.iter().for_each(|name| reply.simple(name));
    for number in [first, last, step] {
        reply.int(number);
    }
    let categories = categories(command);
    reply.set(categories.len());
    for name in categories {
        reply.raw(b"+@");
        reply.raw(name.as_bytes());
        reply.raw(b"\r\n");
    }
    let tips = text.map_or("", |text| text.tips).split(' ').filter(|tip| !tip.is_empty());
    reply.array(tips.clone().count());
    tips.for_each(|tip| reply.bulk(tip.as_bytes()));
    specs::reply(reply, &specs);
    reply.array(command.subcommands.len());
    for subcommand in command.subcommands {
        describe(reply, subcommand, texts);
    }
}

/// The group's name in COMMAND DOCS.
pub(super) fn group_name(group: Group) -> &'static str {
    match group {
        Group::Generic => "generic",
        Group::String => "string",
        Group::List => "list",
        Group::Set => "set",
        Group::SortedSet => "sorted-set",
        Group::Hash => "hash",
        Group::Bitmap => "bitmap",
        Group::PubSub => "pubsub",
        Group::Transactions => "transactions",
        Group::Connection => "connection",
        Group::Server => "server",
    }
}

/// The categories in the order in which Redis lists a command's.
const CATEGORIES: [&str; 17] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
];

/// The ACL categories: those that Redis gives a command by its name or group, and those that follow from its flags.
fn categories(command: &Command) -> Vec<&'static str> {
    let given: &[&str] = match (command.name, command.group) {
        ("object" | "client", _) => &[],
        ("sort" | "sort_ro", _) => &["set", "sortedset", "list", "dangerous"],
        ("keys" | "restore" | "flushall" | "flushdb" | "swapdb", _) => &["keyspace", "dangerous"],
        ("role" | "lastsave", _) => &["admin", "dangerous"],
        ("info", _) => &["dangerous"],
        ("wait", _) => &["connection"],
        (name, Group::Server) if name.starts_with("command") => &["connection"],
        ("dbsize", _) | (_, Group::Generic) => &["keyspace"],
        (_, Group::String) => &["string"],
        (_, Group::List) => &["list"],
        (_, Group::Set) => &["set"],
        (_, Group::SortedSet) => &["sortedset"],
        (_, Group::Hash) => &["hash"],
        (_, Group::Bitmap) => &["bitmap"],
        (_, Group::Transactions) => &["transaction"],
        (_, Group::Connection) => &["connection"],
        (_, Group::PubSub | Group::Server) => &[],
    };
    let by_flag = [
        (flags::WRITE, "write"),
        (flags::READONLY, "read"),
        (flags::PUBSUB, "pubsub"),
        (flags::ADMIN, "admin"),
        (flags::ADMIN, "dangerous"),
        (flags::FAST, "fast"),
        (flags::BLOCKING, "blocking"),
    ];
    let has = |name: &&str| {
        let by_flag = by_flag.iter().any(|(flag, by_flag)| by_flag == name && command.has(*flag));
        by_flag || given.contains(name) || *name == "slow" && !command.has(flags::FAST)
    };
    CATEGORIES.into_iter().filter(has).collect()
}

/// COMMAND LIST [FILTERBY (MODULE | ACLCAT | PATTERN) value]
pub fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let all = args.len() == 2;
    if !all && (args.len() != 5 || !args.is(2, "FILTERBY")) {
        return Err(SYNTAX);
    }
    let fits: fn(&Command, &[u8]) -> bool = match () {
        () if all => |_, _| true,
        () if args.is(3, "MODULE") => |_, _| false,
        () if args.is(3, "PATTERN") => |command, value| glob_match(value, command.name.as_bytes(), true),
        () if args.is(3, "ACLCAT") => |command, value| {
            categories(command).iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes()))
        },
        () => return Err(SYNTAX),
    };
    let value: &[u8] = if all { b"" } else { args.get(4) };
    let shown = |command: &&Command| !(all && command.name.contains('|')) && fits(command, value);
    let names: Vec<&str> =
        ctx.server.index.iter().map(|(_, command)| command).filter(shown).map(|c| c.name).collect();
    ctx.reply.array(names.len());
    names.iter().for_each(|name| ctx.reply.bulk(name.as_bytes()));
    Ok(())
}

/// The command that the arguments from the third on are, and where its keys are among them.
fn keys_of(ctx: &Ctx<'_>, args: Args<'_>) -> Result<(&'static Command, Vec<usize>), CommandError> {
    let inner = args.skip(2);
    let mut id = ctx.server.index.find(inner.get(0)).ok_or(BAD_COMMAND)?;
    if inner.len() > 1
        && let Some(sub) = ctx.server.index.find_subcommand(id, inner.get(1))
    {
        id = sub;
    }
    let command = ctx.server.index.get(id);
    if matches!(command.keys, Keys::None) {
        return Err(NO_KEYS);
    }
    if !command.takes(inner.len()) {
        return Err(BAD_ARITY);
    }
    let mut positions = Vec::new();
    command.keys.positions(inner, &mut positions);
    if positions.len() < command.keys.fewest() {
        return Err(BAD_ARGUMENTS);
    }
    Ok((command, positions.into_iter().map(|at| at + 2).collect()))
}

/// COMMAND GETKEYS command …
pub fn getkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (_, positions) = keys_of(ctx, args)?;
    ctx.reply.array(positions.len());
    positions.iter().for_each(|at| ctx.reply.bulk(args.get(*at)));
    Ok(())
}

/// COMMAND GETKEYSANDFLAGS command …
pub fn getkeysandflags(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let (command, positions) = keys_of(ctx, args)?;
    with_texts(ctx, |ctx, texts| {
        let inner = args.skip(2);
        let specs = specs::parse(text_of(command.name, texts).map_or("", |text| text.specs));
        ctx.reply.array(positions.len());
        for at in positions {
            let by_spec = specs::flags_at(&specs, at - 2, inner.len()).unwrap_or_default();
            let flags = by_arguments(command, inner).unwrap_or(by_spec);
            ctx.reply.array(2);
            ctx.reply.bulk(args.get(at));
            let names = flags.split(' ').filter(|name| !name.is_empty());
            ctx.reply.set(names.clone().count());
            names.for_each(|name| ctx.reply.simple(name));
        }
        Ok(())
    })
}

/// What is done with the key where that depends on the other arguments.
fn by_arguments(command: &Command, args: Args<'_>) -> Option<&'static str> {
    let read_and_write = "RW access update";
    match command.name {
        "set" if (3..args.len()).any(|at| args.is(at, "get")) => Some(read_and_write),
        "set" => Some("OW update"),
        "bitfield" if only_reads(args) => Some("RO access"),
        "bitfield" => Some(read_and_write),
        _ => None,
    }
}

/// Whether all of BITFIELD's operations are GET.
fn only_reads(args: Args<'_>) -> bool {
    let mut at = 2;
    while at < args.len() {
        if !args.is(at, "get") || at + 2 >= args.len() {
            return false;
        }
        at += 3;
    }
    true
}

//! COMMAND DOCS: what the command table knows, and texts where the host has room for them.

mod arguments;
mod texts;

use super::introspect::{find, group_name, top_level};
use crate::args::Args;
use crate::command::{Command, CommandDoc};
use crate::context::Ctx;
use crate::resp::reply::Reply;
use crate::words::error::CommandResult;
use alloc::vec::Vec;

pub use texts::COMMAND_DOCS;

/// COMMAND DOCS [name …]: what the table knows, and the texts that the host brought.
pub fn docs(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let commands: Vec<&'static Command> = if args.len() == 2 {
        top_level(ctx)
    } else {
        args.from(2).filter_map(|name| find(ctx, name)).map(|id| ctx.server.index.get(id)).collect()
    };
    let texts = ctx.server.host.docs;
    ctx.reply.map(commands.len());
    for command in commands {
        ctx.reply.bulk(command.name.as_bytes());
        document(&mut ctx.reply, command, texts);
    }
    Ok(())
}

fn document(reply: &mut Reply<'_>, command: &Command, texts: &[CommandDoc]) {
    let text = texts.binary_search_by_key(&command.name, |doc| doc.name).ok().map(|at| texts[at]);
    let arguments = arguments::parse(text.map_or("", |text| text.arguments));
    let subcommands = !command.subcommands.is_empty();
    let texts_given = 2 * usize::from(text.is_some());
    reply.map(1 + texts_given + usize::from(!arguments.is_empty()) + usize::from(subcommands));
    if let Some(CommandDoc { since, summary, .. }) = text {
        for (name, value) in [("summary", summary), ("since", since)] {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        }
    }
    reply.bulk(b"group");
    reply.bulk(group_name(command.group).as_bytes());
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        arguments::reply(reply, &arguments);
    }
    if subcommands {
        reply.bulk(b"subcommands");
        reply.map(command.subcommands.len());
        for subcommand in command.subcommands {
            reply.bulk(subcommand.name.as_bytes());
            document(reply, subcommand, texts);
        }
    }
}

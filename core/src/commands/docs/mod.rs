//! COMMAND DOCS: what the command table knows, and texts where the host has room for them.

mod arguments;
pub(super) mod specs;

use super::introspect::{find, group_name, top_level};
use crate::args::Args;
use crate::command::Command;
use crate::context::Ctx;
use crate::resp::reply::Reply;
use crate::server::Docs;
use crate::words::error::{CommandError, CommandResult};
use alloc::vec::Vec;
use core::mem;

/// What each command does, since which version of Redis, and what it takes: a line each, sorted by name. Tabs stand between a
/// line's parts: the name in lower case (a subcommand's follows its command's and a bar), the version, one sentence,
/// the arguments in the notation of `arguments`, where its keys are in that of `specs`, and hints for proxies.
pub const COMMAND_DOCS: &str = include_str!("texts.tsv");

/// One line of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t> {
    since: &'t str,
    summary: &'t str,
    arguments: &'t str,
    pub(super) specs: &'t str,
    pub(super) tips: &'t str,
}

/// COMMAND DOCS [name …]: what the table knows, and the texts that the host has.
pub fn docs(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    with_texts(ctx, |ctx, lines| {
        let commands: Vec<&'static Command> = if args.len() == 2 {
            top_level(ctx)
        } else {
            args.from(2).filter_map(|name| find(ctx, name)).map(|id| ctx.server.index.get(id)).collect()
        };
        ctx.reply.map(commands.len());
        for command in commands {
            ctx.reply.bulk(command.name.as_bytes());
            document(&mut ctx.reply, command, lines);
        }
        Ok(())
    })
}

/// Shows the texts' lines; where they are in a file that nobody has asked for yet, the command waits for it.
pub(super) fn with_texts(
    ctx: &mut Ctx<'_>,
    run: impl FnOnce(&mut Ctx<'_>, &[&str]) -> CommandResult,
) -> CommandResult {
    let texts = match &mut ctx.server.docs {
        Docs::Here(texts) => mem::take(texts),
        Docs::Unreadable(text) => return Err(CommandError::owned(text.clone())),
        away => {
            *away = Docs::Wanted;
            return Err(CommandError::NotResident);
        }
    };
    let outcome = run(ctx, &lines(&texts));
    ctx.server.docs = Docs::Here(texts);
    outcome
}

/// Whether these are texts of ours, and not what a host found in their place.
pub fn are_docs(texts: &str) -> bool {
    text_of("command|docs", &lines(texts)).is_some()
}

fn lines(mut texts: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    while !texts.is_empty() {
        lines.push(take(&mut texts, b'\n'));
    }
    lines
}

/// Takes what stands before the next byte of this kind, and that.
fn take<'t>(rest: &mut &'t str, end: u8) -> &'t str {
    let at = memchr::memchr(end, rest.as_bytes()).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(at);
    *rest = left.get(1..).unwrap_or("");
    taken
}

pub(super) fn text_of<'t>(name: &str, lines: &[&'t str]) -> Option<Text<'t>> {
    let found = lines.binary_search_by_key(&name, |line| take(&mut { *line }, b'\t')).ok()?;
    let mut line = lines[found];
    let [_, since, summary, arguments, specs, tips] = [(); 6].map(|()| take(&mut line, b'\t'));
    Some(Text { since, summary, arguments, specs, tips })
}

fn document(reply: &mut Reply<'_>, command: &Command, lines: &[&str]) {
    let text = text_of(command.name, lines);
    let arguments = arguments::parse(text.map_or("", |text| text.arguments));
    let subcommands = !command.subcommands.is_empty();
    let texts_given = 2 * usize::from(text.is_some());
    reply.map(1 + texts_given + usize::from(!arguments.is_empty()) + usize::from(subcommands));
    if let Some(Text { since, summary, .. }) = text {
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
            document(reply, subcommand, lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_sentence_and_they_are_sorted() {
        let lines = lines(COMMAND_DOCS);
        assert!(lines.is_sorted_by_key(|line| line.split('\t').next()));
        let commands = crate::ALL_COMMANDS.iter().flat_map(|list| list.iter());
        // A new command needs its line in the file.
        for command in commands.flat_map(|command| [command].into_iter().chain(command.subcommands)) {
            assert!(text_of(command.name, &lines).is_some(), "{}", command.name);
        }
    }

    #[test]
    fn another_file_in_their_place_is_noticed() {
        assert!(are_docs(COMMAND_DOCS));
        assert!(!are_docs("") && !are_docs("<!doctype html>\n<title>Not found</title>\n"));
    }
}

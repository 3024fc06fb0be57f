//! The notation of a command's arguments, and COMMAND DOCS' reply of them.
//!
//! An argument is `name#type@keyspec=TOKEN~since^deprecated?*+(children)`, every part after the name optional, and
//! arguments are parted by one space. The type is a letter (`i` integer, `d` double, `k` key, `p` pattern, `u`
//! Unix time, `t` a token alone, `o` one of the children, `b` a block of the children; none: a string). A token that is not a
//! plain word stands in quotes. `?` is optional, `*` multiple, `+` multiple with the token before each.

use crate::resp::reply::Reply;
use alloc::vec::Vec;

const FLAGS: [(u8, &str); 3] = [(b'?', "optional"), (b'*', "multiple"), (b'+', "multiple_token")];

/// One argument, as the notation says it.
#[derive(Debug, Default)]
pub(super) struct Argument<'a> {
    name: &'a str,
    kind: &'static str,
    key_spec: Option<&'a str>,
    token: Option<&'a str>,
    since: Option<&'a str>,
    deprecated: Option<&'a str>,
    flags: Vec<&'static str>,
    children: Vec<Argument<'a>>,
}

/// Reads a whole line of the notation.
pub(super) fn parse(text: &str) -> Vec<Argument<'_>> {
    list(&mut { text })
}

/// Arguments up to the end or the parenthesis that closes them, which is taken too.
fn list<'a>(rest: &mut &'a str) -> Vec<Argument<'a>> {
    let mut arguments = Vec::new();
    while !rest.is_empty() && !take(rest, ')') {
        arguments.push(one(rest));
        take(rest, ' ');
    }
    arguments
}

fn one<'a>(rest: &mut &'a str) -> Argument<'a> {
    let mut argument = Argument { name: word(rest), kind: "string", ..Argument::default() };
    loop {
        if take(rest, '#') {
            argument.kind = kind(word(rest));
        } else if take(rest, '@') {
            argument.key_spec = Some(word(rest));
        } else if take(rest, '=') {
            argument.token = Some(token(rest));
        } else if take(rest, '~') {
            argument.since = Some(word(rest));
        } else if take(rest, '^') {
            argument.deprecated = Some(word(rest));
        } else if take(rest, '(') {
            argument.children = list(rest);
        } else if let Some((_, flag)) = FLAGS.iter().find(|(mark, _)| take(rest, char::from(*mark))) {
            argument.flags.push(flag);
        } else {
            return argument;
        }
    }
}

fn take(rest: &mut &str, mark: char) -> bool {
    match rest.strip_prefix(mark) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

/// Everything up to the next mark of the notation.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    until(rest, |byte| b" ()#@=~^?*+".contains(&byte))
}

fn token<'a>(rest: &mut &'a str) -> &'a str {
    if !take(rest, '"') {
        return word(rest);
    }
    let inside = until(rest, |byte| byte == b'"');
    take(rest, '"');
    inside
}

fn until<'a>(rest: &mut &'a str, end: impl Fn(u8) -> bool) -> &'a str {
    let (before, after) = rest.split_at(rest.bytes().position(end).unwrap_or(rest.len()));
    *rest = after;
    before
}

fn kind(letter: &str) -> &'static str {
    match letter {
        "i" => "integer",
        "d" => "double",
        "k" => "key",
        "p" => "pattern",
        "u" => "unix-time",
        "t" => "pure-token",
        "o" => "oneof",
        "b" => "block",
        _ => "string",
    }
}

/// The arguments as COMMAND DOCS tells them.
pub(super) fn reply(reply: &mut Reply<'_>, arguments: &[Argument<'_>]) {
    reply.array(arguments.len());
    for argument in arguments {
        let texts = [
            ("name", Some(argument.name)),
            ("type", Some(argument.kind)),
            ("token", argument.token),
            ("since", argument.since),
            ("deprecated_since", argument.deprecated),
        ];
        let given = texts.iter().filter(|(_, value)| value.is_some()).count();
        let (flags, children) = (!argument.flags.is_empty(), !argument.children.is_empty());
        let key_spec = argument.key_spec.and_then(|number| number.parse().ok());
        reply.map(given + usize::from(key_spec.is_some()) + usize::from(flags) + usize::from(children));
        for (at, (field, value)) in texts.iter().enumerate() {
            if let Some(value) = value {
                reply.bulk(field.as_bytes());
                reply.bulk(value.as_bytes());
            }
            if let (1, Some(number)) = (at, key_spec) {
                reply.bulk(b"key_spec_index");
                reply.int(number);
            }
        }
        if flags {
            reply.bulk(b"flags");
            reply.set(argument.flags.len());
            argument.flags.iter().for_each(|flag| reply.simple(flag));
        }
        if children {
            reply.bulk(b"arguments");
            self::reply(reply, &argument.children);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read() {
        let arguments = parse(r#"key#k@0 how#o=BY~6.2.0?*+(fast#t=FAST "x#i="*"^3.0.0) rest"#);
        let names: Vec<_> = arguments.iter().map(|argument| argument.name).collect();
        assert_eq!(names, ["key", "how", "rest"]);
        assert_eq!((arguments[0].kind, arguments[0].key_spec), ("key", Some("0")));
        let how = &arguments[1];
        assert_eq!((how.kind, how.token, how.since), ("oneof", Some("BY"), Some("6.2.0")));
        assert_eq!(how.flags, ["optional", "multiple", "multiple_token"]);
        assert_eq!((how.children[0].kind, how.children[0].token), ("pure-token", Some("FAST")));
        assert_eq!((how.children[1].token, how.children[1].deprecated), (Some("*"), Some("3.0.0")));
        assert_eq!(arguments[2].kind, "string");
    }

    #[test]
    fn the_table_is_read_to_its_end() {
        for line in super::super::COMMAND_DOCS.lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            assert_eq!(parts.len(), 6, "{line}");
            let mut rest = parts[3];
            list(&mut rest);
            assert_eq!(rest, "", "{line}");
            assert_eq!(depth(parts[3]), 0, "{line}");
        }
    }

    fn depth(text: &str) -> i32 {
        text.chars().map(|letter| i32::from(letter == '(') - i32::from(letter == ')')).sum()
    }
}

//! CLIENT LIST and CLIENT INFO.

use super::super::errors::quoted_error;
use crate::args::Args;
use crate::context::Ctx;
use crate::session::Session;
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use crate::words::time::UnixMillis;
use alloc::format;
use alloc::vec::Vec;

const BAD_ID: CommandError = CommandError::new("ERR Invalid client ID");
/// Bytes of a client's output that Redis keeps in the client itself.
const DIRECT: usize = 16 * 1024;

/// What kind of connection it is, as the TYPE filters name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Normal,
    Master,
    Replica,
    Pubsub,
}

pub(super) fn parse_type(word: &[u8]) -> Result<Type, CommandError> {
    match word.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Type::Normal),
        b"master" => Ok(Type::Master),
        b"replica" | b"slave" => Ok(Type::Replica),
        b"pubsub" => Ok(Type::Pubsub),
        _ => Err(quoted_error("ERR Unknown client type '", word, "'")),
    }
}

pub(super) fn type_of(session: &Session) -> Type {
    if session.subscriptions() > 0 { Type::Pubsub } else { Type::Normal }
}

/// CLIENT INFO
pub fn info(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    let mut text = Vec::new();
    describe(&mut text, ctx.session, ctx.db.now);
    ctx.reply.verbatim("txt", &text);
    Ok(())
}

/// Which sessions CLIENT LIST shows.
enum Filter {
    All,
    Type(Type),
    Ids(Vec<i64>),
}

fn filter(args: Args<'_>) -> Result<Filter, CommandError> {
    match args.len() {
        2 => Ok(Filter::All),
        4 if args.is(2, "TYPE") => parse_type(args.get(3)).map(Filter::Type),
        4.. if args.is(2, "ID") => (3..args.len())
            .map(|at| args.int(at).map_err(|_| BAD_ID))
            .collect::<Result<_, _>>()
            .map(Filter::Ids),
        _ => Err(SYNTAX),
    }
}

/// CLIENT LIST [TYPE type | ID id [id …]]
pub fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let filter = filter(args)?;
    let mut sessions: Vec<&Session> = ctx.peers.iter().chain([&*ctx.session]).collect();
    sessions.sort_unstable_by_key(|session| session.client_id);
    let chosen: Vec<&Session> = match filter {
        Filter::All => sessions,
        Filter::Type(kind) => sessions.into_iter().filter(|session| type_of(session) == kind).collect(),
        Filter::Ids(ids) => {
            let find = |id: &i64| sessions.iter().find(|session| session.client_id as i64 == *id).copied();
            ids.iter().filter_map(find).collect()
        }
    };
    let mut text = Vec::new();
    for session in chosen {
        describe(&mut text, session, ctx.db.now);
    }
    ctx.reply.verbatim("txt", &text);
    Ok(())
}

/// N: nothing special; the other letters as Redis has them.
fn flags(session: &Session) -> Vec<u8> {
    let letters = [
        (b'O', session.monitor),
        (b'P', session.subscriptions() > 0),
        (b'x', session.multi.is_some()),
        (b'b', session.blocked.is_some()),
        (b'd', session.watch_broken),
        (b'c', session.close_after_reply),
        (b'A', session.close_now),
        (b'U', session.info.unix),
        (b'e', session.no_evict),
        (b'T', session.no_touch),
    ];
    let set: Vec<u8> = letters.iter().filter(|(_, on)| *on).map(|(letter, _)| *letter).collect();
    if set.is_empty() { Vec::from(*b"N") } else { set }
}

/// One line about the session.
pub(super) fn describe(text: &mut Vec<u8>, session: &Session, now: UnixMillis) {
    let info = &session.info;
    let multi = session.multi.as_ref().map_or(-1, |queue| queue.commands.len() as i64);
    let output = session.output.capacity();
    let waiting = session.output.len() - session.taken.min(session.output.len());
    // Redis counts what goes beyond as a list of buffers.
    let direct = waiting.min(DIRECT);
    let listed = waiting - direct;
    let memory = session.memory();
    let head =
        format!("id={} addr={} laddr={} fd={} name=", session.client_id, info.addr, info.laddr, info.fd);
    text.extend_from_slice(head.as_bytes());
    text.extend_from_slice(&session.name);
    let seconds = |since: UnixMillis| ((now - since) / 1000).max(0);
    let middle = format!(
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={multi} qbuf={} qbuf-free={} argv-mem=0 multi-mem={}",
        seconds(session.created),
        seconds(session.last_active),
        alloc::string::String::from_utf8_lossy(&flags(session)),
        session.db,
        session.channels.len(),
        session.patterns.len(),
        session.shard_channels.len(),
        session.input.len() + session.reading,
        session.input.capacity() - session.input.len(),
        session.queued_memory(),
    );
    text.extend_from_slice(middle.as_bytes());
    let resp = if session.proto == crate::resp::reply::Proto::Resp3 { 3 } else { 2 };
    let tail = format!(
        " rbs={output} rbp={output} obl={direct} oll={} omem={listed} tot-mem={memory} events=r cmd={} user=default redir=-1 resp={resp}\n",
        listed.div_ceil(DIRECT),
        session.last_command,
    );
    text.extend_from_slice(tail.as_bytes());
}

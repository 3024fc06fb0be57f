//! CLIENT KILL.

use super::super::errors::quoted_error;
use super::list::{Type, parse_type, type_of};
use crate::args::Args;
use crate::context::Ctx;
use crate::session::{Session, SessionId};
use crate::words::error::{CommandError, CommandResult, SYNTAX};
use alloc::vec::Vec;

const BAD_ID: CommandError = CommandError::new("ERR client-id should be greater than 0");
const NO_SUCH_CLIENT: CommandError = CommandError::new("ERR No such client");

/// Which sessions have to go: those that fit every filter that was given.
struct Filter<'a> {
    id: Option<i64>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    kind: Option<Type>,
    skip_me: bool,
}

impl Filter<'_> {
    fn fits(&self, session: &Session) -> bool {
        self.id.is_none_or(|id| id == session.client_id as i64)
            && self.addr.is_none_or(|addr| addr == session.info.addr.as_bytes())
            && self.laddr.is_none_or(|laddr| laddr == session.info.laddr.as_bytes())
            && self.kind.is_none_or(|kind| kind == type_of(session))
    }
}

fn parse(args: Args<'_>) -> Result<Filter<'_>, CommandError> {
    let mut filter = Filter { id: None, addr: None, laddr: None, kind: None, skip_me: true };
    let mut at = 2;
    while at < args.len() {
        if at + 1 >= args.len() {
            return Err(SYNTAX);
        }
        let value = args.get(at + 1);
        match args.get(at).to_ascii_lowercase().as_slice() {
            b"id" => filter.id = Some(args.int(at + 1).ok().filter(|id| *id > 0).ok_or(BAD_ID)?),
            b"type" => filter.kind = Some(parse_type(value)?),
            b"addr" => filter.addr = Some(value),
            b"laddr" => filter.laddr = Some(value),
            b"user" if value == b"default" => {}
            b"user" => return Err(quoted_error("ERR No such user '", value, "'")),
            b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.skip_me = true,
            b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.skip_me = false,
            _ => return Err(SYNTAX),
        }
        at += 2;
    }
    Ok(filter)
}

/// CLIENT KILL addr | CLIENT KILL filter value [filter value …]
pub fn kill(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let by_address = args.len() == 3;
    let filter = if by_address {
        Filter { id: None, addr: Some(args.get(2)), laddr: None, kind: None, skip_me: false }
    } else {
        parse(args)?
    };
    let mut killed = 0;
    let fitting: Vec<SessionId> =
        ctx.peers.iter().filter(|peer| filter.fits(peer)).map(|peer| peer.id).collect();
    for id in fitting {
        if let Some(peer) = ctx.peers.get_mut(id) {
            peer.close_now = true;
        }
        ctx.peers.notice(id);
        killed += 1;
    }
    if !filter.skip_me && filter.fits(ctx.session) {
        ctx.session.close_after_reply = true;
        killed += 1;
    }
    match killed {
        0 if by_address => return Err(NO_SUCH_CLIENT),
        _ if by_address => ctx.reply.ok(),
        _ => ctx.reply.int(killed),
    }
    Ok(())
}

//! MONITOR: every command that ran is shown to the sessions that asked.

use crate::args::Args;
use crate::command::{Command, flags};
use crate::context::Ctx;
use crate::secrets;
use crate::words::config::quote;
use alloc::format;
use alloc::vec::Vec;

/// Shows the command that has just run. Administration is not shown, nor what a monitor itself runs inside EXEC: the
/// line would stand in the middle of its reply.
#[cold]
pub fn feed(ctx: &mut Ctx<'_>, command: &Command, args: Args<'_>) {
    if command.has(flags::SKIP_MONITOR | flags::ADMIN) {
        return;
    }
    let line = line(ctx, args);
    for who in ctx.server.monitors.clone() {
        let own = who == ctx.session.id;
        if !(own && (ctx.in_exec || ctx.session.close_after_reply)) {
            ctx.send_to(who, |reply| reply.raw(&line));
        }
    }
}

fn line(ctx: &Ctx<'_>, args: Args<'_>) -> Vec<u8> {
    let now = ctx.db.now;
    let (seconds, micros) = (now.div_euclid(1000), now.rem_euclid(1000) * 1000);
    let mut line =
        format!("+{seconds}.{micros:06} [{} {}]", ctx.session.db, ctx.session.info.addr).into_bytes();
    for i in 0..args.len() {
        line.push(b' ');
        quote(&mut line, secrets::shown(args, i));
    }
    line.extend_from_slice(b"\r\n");
    line
}

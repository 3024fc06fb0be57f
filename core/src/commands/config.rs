//! CONFIG.

use super::help;
use crate::args::Args;
use crate::context::Ctx;
use crate::server::Request;
use crate::words::config::{Allowance, Config, Parameter, table};
use crate::words::error::{CommandError, CommandResult, LOADING, SYNTAX, as_sent};
use crate::words::glob::glob_match;
use crate::words::reach::SERVER;
use alloc::string::String;
use alloc::vec::Vec;

const NO_CONFIG_FILE: CommandError = CommandError::new("ERR The server is running without a config file");

/// CONFIG HELP
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    help::reply(ctx, "CONFIG", help::CONFIG);
    Ok(())
}

/// CONFIG GET pattern [pattern …]
pub fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let mut found: Vec<(&[u8], &'static Parameter)> = Vec::new();
    for pattern in args.from(2) {
        if pattern.iter().any(|byte| b"[*?".contains(byte)) {
            find_matching(pattern, &mut found);
        } else if !found.iter().any(|(name, _)| name.eq_ignore_ascii_case(pattern))
            && let Some(parameter) = table::find(pattern)
        {
            found.push((pattern, parameter));
        }
    }
    ctx.reply.map(found.len());
    for (name, parameter) in found {
        ctx.reply.bulk(name);
        ctx.reply.bulk(&ctx.server.config.text(parameter));
    }
    Ok(())
}

fn find_matching(pattern: &[u8], found: &mut Vec<(&[u8], &'static Parameter)>) {
    for (name, parameter) in Config::names() {
        let name = name.as_bytes();
        let fresh = !parameter.hidden() && !found.iter().any(|(known, _)| *known == name);
        if fresh && glob_match(pattern, name, true) {
            found.push((name, parameter));
        }
    }
}

/// CONFIG SET name value [name value …]: all of them or none.
pub fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    if !args.len().is_multiple_of(2) {
        return Err(SYNTAX);
    }
    let mut parameters: Vec<&'static Parameter> = Vec::new();
    for name in args.from(2).step_by(2) {
        parameters.push(settable(ctx, name, &parameters)?);
    }
    let mut config = ctx.server.config.clone();
    for at in (2..args.len()).step_by(2) {
        let name = args.get(at);
        config.set(name, args.get(at + 1)).map_err(|reason| related(&canonical(name), &reason))?;
    }
    for parameter in &parameters {
        (ctx.server.host.check)(parameter.name, &config)
            .map_err(|reason| related(parameter.name.as_bytes(), &reason))?;
    }
    ctx.server.config = config;
    ctx.server.apply_to(ctx.db.data);
    ctx.server.requests.extend(parameters.iter().map(|parameter| Request::ConfigChanged(parameter.name)));
    ctx.reply.ok();
    Ok(())
}

/// The parameter of that name, if it may be changed now and is not among those `before` it.
fn settable(
    ctx: &Ctx<'_>,
    name: &[u8],
    before: &[&'static Parameter],
) -> Result<&'static Parameter, CommandError> {
    let Some(parameter) = table::find(name) else { return Err(unknown(name)) };
    let refusal = if parameter.immutable() {
        "can't set immutable config"
    } else if parameter.protected() && !allowed(ctx.server.config.enable_protected_configs, ctx) {
        "can't set protected config"
    } else if before.iter().any(|other| core::ptr::eq(*other, parameter)) {
        "duplicate parameter"
    } else if SERVER && ctx.server.loading && parameter.settled() {
        return Err(LOADING);
    } else {
        return Ok(parameter);
    };
    Err(related(name, refusal))
}

/// Whether this client may do what `allowance` guards.
pub(super) fn allowed(allowance: Allowance, ctx: &Ctx<'_>) -> bool {
    match allowance {
        Allowance::Yes => true,
        Allowance::No => false,
        Allowance::Local => ctx.session.info.is_local(),
    }
}

/// The name as the table has it: aliases keep theirs.
fn canonical(name: &[u8]) -> Vec<u8> {
    name.to_ascii_lowercase()
}

fn unknown(name: &[u8]) -> CommandError {
    let mut text = String::from("ERR Unknown option or number of arguments for CONFIG SET - '");
    text.push_str(&as_sent(name));
    text.push('\'');
    CommandError::owned(text)
}

fn related(name: &[u8], reason: &str) -> CommandError {
    let mut text = String::from("ERR CONFIG SET failed (possibly related to argument '");
    text.push_str(&as_sent(name));
    text.push_str("') - ");
    text.push_str(reason);
    CommandError::owned(text)
}

/// CONFIG RESETSTAT
pub fn resetstat(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    ctx.server.reset_stats();
    ctx.db.data.stats = Default::default();
    if let Some(store) = ctx.db.data.store.as_deref_mut() {
        store.stats = Default::default();
    }
    ctx.reply.ok();
    Ok(())
}

/// CONFIG REWRITE
pub fn rewrite(ctx: &mut Ctx<'_>, _: Args<'_>) -> CommandResult {
    if ctx.server.config_file.is_empty() {
        return Err(NO_CONFIG_FILE);
    }
    let server = &*ctx.server;
    let outcome = (server.host.rewrite)(&server.config_file, &server.config);
    outcome.map_err(|reason| CommandError::owned(["ERR Rewriting config file: ", &reason].concat()))?;
    ctx.reply.ok();
    Ok(())
}

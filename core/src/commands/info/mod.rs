//! INFO: the sections, and which of them are asked for.

mod diskstore;
mod sections;
mod text;

use crate::args::Args;
use crate::context::Ctx;
use crate::words::error::CommandResult;
use alloc::vec::Vec;
use text::InfoText;

/// A section's name, its writer, and whether it is among the default ones.
struct Section {
    name: &'static str,
    write: fn(&Ctx<'_>, &mut InfoText),
    by_default: bool,
}

const fn section(name: &'static str, write: fn(&Ctx<'_>, &mut InfoText), by_default: bool) -> Section {
    Section { name, write, by_default }
}

static SECTIONS: &[Section] = &[
    section("Server", sections::server, true),
    section("Clients", sections::clients, true),
    section("Memory", sections::memory, true),
    section("VM", sections::vm, true),
    section("Diskstore", diskstore::diskstore, true),
    section("Persistence", sections::persistence, true),
    section("Stats", sections::stats, true),
    section("Replication", sections::replication, true),
    section("CPU", sections::cpu, true),
    section("Modules", |_, _| {}, true),
    section("Commandstats", sections::commandstats, false),
    section("Errorstats", sections::errorstats, true),
    section("Latencystats", sections::latencystats, false),
    section("Cluster", |_, text| text.int("cluster_enabled", 0), true),
    section("Flash", |ctx, text| text.lines(&ctx.server.host_section), true),
    section("Keyspace", sections::keyspace, true),
];

/// INFO [section …]
pub fn info(ctx: &mut Ctx<'_>, args: Args<'_>) -> CommandResult {
    let mut text = InfoText::default();
    for section in SECTIONS {
        let is_there = section.name != "Flash" || !ctx.server.host_section.is_empty();
        if is_there && wanted(section, args) {
            text.begin(section.name);
            (section.write)(ctx, &mut text);
        }
    }
    let text: Vec<u8> = text.finish();
    ctx.reply.verbatim("txt", &text);
    Ok(())
}

fn wanted(section: &Section, args: Args<'_>) -> bool {
    if args.len() == 1 {
        return section.by_default;
    }
    args.from(1).any(|word| match word.to_ascii_lowercase().as_slice() {
        b"all" => section.name != "Modules",
        b"everything" => true,
        b"default" => section.by_default,
        _ => word.eq_ignore_ascii_case(section.name.as_bytes()),
    })
}

//! Memory from an arena of fixed size, where an allocation that fails would end the program: a command that might need
//! more than is free is refused before it begins, and no value grows beyond what can still be moved.

use super::parts::ArenaPart;
use super::{Engine, Running};
use crate::args::Args;
use crate::command::{Command, flags};
use crate::command_index::CommandId;
use crate::types::Kind;
use crate::words::reach::{SERVER, STORE, TYPES};
use alloc::vec::Vec;

/// What every command may need: a reply of a few words, a record, a part of a table that splits. A chip's own table has
/// smaller parts.
const EVERY_COMMAND: usize = if SERVER { 3 << 10 } else { 2 << 10 };
/// The same for what only deletes.
const DELETE: usize = 1 << 10;
/// What queueing or naming an argument costs beside its bytes.
const ARGUMENT: usize = 24;
/// A reply's bytes for an element beside its own.
const ELEMENT: usize = 12;
/// What one key or field of an answer about the whole dataset takes.
const NAME: usize = 64;
/// A buffer that grows is there twice for a moment, the new one with twice the room.
const GROWING: usize = 3;
/// A compact collection has so many bytes at most; a change moves it.
const MOST_COMPACT: usize = 8 << 10;
/// COMMAND tells so many bytes of each command.
const COMMAND_ENTRY: usize = 512;
/// INFO's text.
const INFO: usize = 8 << 10;

impl Engine {
    /// Tells that memory is an arena. `has_room` says whether so many bytes can be had in one piece; a value may take
    /// `longest_value` bytes. A command that might need more than there is answers `-OOM`.
    pub fn carries_arena(&mut self, has_room: fn(usize) -> bool, longest_value: usize) {
        self.parts.arena = Some(ArenaPart { refuses: Self::lacks_room, has_room, longest_value });
    }

    /// Lets a key leave memory that the store has too, or a value that the page device has, one that was not used for long;
    /// false where there is none.
    pub fn let_go(&mut self) -> bool {
        self.parts.store().is_some_and(|store| (store.let_go)(self))
            || self.parts.paging().is_some_and(|paging| (paging.let_go)(self))
    }

    /// Whether the command might need more memory than can be had, or make a value that is too large.
    fn lacks_room(&mut self, session: &Running, id: CommandId, args: Args<'_>, arena: ArenaPart) -> bool {
        let Some(need) = self.bytes_for(session, id, args, arena) else { return true };
        while !(arena.has_room)(need) {
            if !self.let_go() {
                return true;
            }
        }
        false
    }

    /// Bytes that the command might need; `None` where it might make a value that is too large.
    fn bytes_for(&self, session: &Running, id: CommandId, args: Args<'_>, arena: ArenaPart) -> Option<usize> {
        let command = self.server.index.get(id);
        if matches!(command.name, "del" | "unlink") {
            // What makes room must go on to the end.
            return Some(DELETE + 2 * args.size());
        }
        let mut need = EVERY_COMMAND;
        let mut fits = self.add_need(&mut need, command, session.db, args, arena);
        if let Some(queue) = session.multi.as_ref().filter(|_| TYPES && command.name == "exec") {
            for (id, queued) in &queue.commands {
                let command = self.server.index.get(*id);
                fits &= self.add_need(&mut need, command, session.db, queued.args(), arena);
            }
        }
        fits.then_some(need)
    }

    /// Adds what one command may need; false where a value would become too large.
    fn add_need(
        &self,
        need: &mut usize,
        command: &Command,
        db: usize,
        args: Args<'_>,
        arena: ArenaPart,
    ) -> bool {
        let sent: usize = args.iter().map(|arg| arg.len() + ARGUMENT).sum();
        *need += 2 * sent;
        let mut positions = Vec::new();
        command.keys.positions(args, &mut positions);
        if positions.is_empty() {
            *need += self.need_of_all(command);
            return true;
        }
        let mut largest = 0;
        let mut all = 0;
        for at in positions {
            let (bytes, reply) = self.size_of_key(db, args.get(at));
            largest = largest.max(bytes);
            all += bytes;
            *need += match command.has(flags::FAST) && bytes != reply {
                true => 2 * bytes.min(MOST_COMPACT),
                false => GROWING * reply,
            };
            if self.parts.store().is_some() && command.has(flags::WRITE) {
                *need += GROWING * bytes;
            }
        }
        if self.parts.store().is_some() && command.has(flags::WRITE) {
            *need += 2 * sent;
        }
        if command.name == "lcs" {
            *need += size_of::<u32>() * (all / 2) * (all / 2);
        }
        let made = if command.has(flags::FAST) { largest } else { all };
        !command.has(flags::DENYOOM) || made.max(reach(command, args)) + sent <= arena.longest_value
    }

    /// What a command without keys may need.
    fn need_of_all(&self, command: &Command) -> usize {
        let stored = self.data.store.as_ref().filter(|_| STORE).map_or(0, |store| store.stored_keys());
        match command.name {
            "keys" => GROWING * NAME * self.data.keyspace.count_keys().max(stored),
            _ if !SERVER => 0,
            "command" | "command|info" | "command|docs" => GROWING * COMMAND_ENTRY * self.server.index.len(),
            "info" => GROWING * INFO,
            _ => 0,
        }
    }

    /// Bytes of the key's value, and of a reply that tells all of it. A string's are the same.
    fn size_of_key(&self, db: usize, key: &[u8]) -> (usize, usize) {
        let database = self.data.keyspace.db(db);
        let Some(slot) = database.find(self.data.keyspace.hash(key), key) else { return (0, 0) };
        let record = database.get(slot);
        let bytes = record.memory();
        match record.value() {
            Some(value) if value.kind() != Kind::String => (bytes, bytes + ELEMENT * value.len()),
            _ => (bytes, bytes),
        }
    }
}

/// How long a string becomes by an offset that the command names.
fn reach(command: &Command, args: Args<'_>) -> usize {
    let offset = |i: usize| args.int(i).ok().and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0);
    match command.name {
        "setrange" if args.len() > 2 => offset(2),
        "setbit" if SERVER && args.len() > 2 => offset(2) / 8,
        "bitfield" if SERVER => {
            (2..args.len() - 1).filter_map(|i| field_end(args.get(i), args.get(i + 1))).max().unwrap_or(0) / 8
        }
        _ => 0,
    }
}

/// Where a field of BITFIELD ends, in bits, if these two arguments are its type and offset.
fn field_end(kind: &[u8], offset: &[u8]) -> Option<usize> {
    let number = |text: &[u8]| core::str::from_utf8(text).ok()?.parse::<usize>().ok();
    let width = number(kind.strip_prefix(b"u").or_else(|| kind.strip_prefix(b"i"))?)?;
    match offset.strip_prefix(b"#") {
        Some(index) => width.checked_mul(number(index)?.checked_add(1)?),
        None => number(offset)?.checked_add(width),
    }
}

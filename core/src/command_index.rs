//! Finds commands by name.

use crate::command::Command;
use alloc::borrow::ToOwned;
use alloc::vec;
use alloc::vec::Vec;

/// Names a command of the table; its counters are kept under the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandId(pub u16);

const EMPTY: u16 = u16::MAX;
const SUBCOMMAND_SEPARATOR: u8 = b'|';

/// The command table with a hash of the names. Made once at start.
#[derive(Debug)]
pub struct CommandIndex {
    commands: Vec<&'static Command>,
    /// The name a command answers to, lower case; `rename-command` changes it, an empty one hides the command.
    names: Vec<Vec<u8>>,
    /// Open addressing with linear probing; a power of two, at most half full.
    table: Vec<u16>,
}

/// A cheap hash of a name without regard to case: its length, its first and its last bytes.
#[inline]
fn fold(name: &[u8]) -> usize {
    let mut word = [0u8; 16];
    let n = name.len().min(16);
    word[..n].copy_from_slice(&name[..n]);
    let word = u128::from_le_bytes(word) | 0x2020_2020_2020_2020_2020_2020_2020_2020;
    let mixed = ((word as u64) ^ ((word >> 64) as u64).rotate_left(23) ^ (name.len() as u64) << 56)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize
}

impl CommandIndex {
    /// An index of every command and subcommand of `tables`, under the names that `renames` gives.
    pub fn new(tables: &'static [&'static [Command]], renames: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let mut commands: Vec<&'static Command> = Vec::new();
        for command in tables.iter().flat_map(|t| t.iter()) {
            commands.push(command);
            commands.extend(command.subcommands);
        }
        let names: Vec<Vec<u8>> = commands
            .iter()
            .map(|c| {
                let renamed =
                    renames.iter().rev().find(|(old, _)| old.eq_ignore_ascii_case(c.name.as_bytes()));
                renamed.map_or_else(|| c.name.as_bytes().to_owned(), |(_, new)| new.to_ascii_lowercase())
            })
            .collect();
        let size = (commands.len() * 2).next_power_of_two().max(16);
        let mut index = Self { commands, names, table: vec![EMPTY; size] };
        for i in 0..index.commands.len() {
            if index.names[i].is_empty() || index.names[i].contains(&SUBCOMMAND_SEPARATOR) {
                continue;
            }
            let mut at = fold(&index.names[i]) & (size - 1);
            while index.table[at] != EMPTY {
                at = (at + 1) & (size - 1);
            }
            index.table[at] = i as u16;
        }
        index
    }

    /// The command of that name.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let mask = self.table.len() - 1;
        let mut at = fold(name) & mask;
        loop {
            let i = self.table[at];
            if i == EMPTY {
                return None;
            }
            if self.names[usize::from(i)].eq_ignore_ascii_case(name) {
                return Some(CommandId(i));
            }
            at = (at + 1) & mask;
        }
    }

    /// The subcommand of that short name.
    pub fn find_subcommand(&self, parent: CommandId, name: &[u8]) -> Option<CommandId> {
        let first = usize::from(parent.0) + 1;
        let count = self.get(parent).subcommands.len();
        let position = self.commands[first..first + count].iter().position(|c| {
            let full = c.name.as_bytes();
            let short =
                full.iter().position(|b| *b == SUBCOMMAND_SEPARATOR).map_or(full, |bar| &full[bar + 1..]);
            short.eq_ignore_ascii_case(name)
        })?;
        Some(CommandId((first + position) as u16))
    }

    /// The command of that number.
    #[inline]
    pub fn get(&self, id: CommandId) -> &'static Command {
        self.commands[usize::from(id.0)]
    }

    /// How many commands and subcommands there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Every command and subcommand with its number, parents before their subcommands.
    pub fn iter(&self) -> impl Iterator<Item = (CommandId, &'static Command)> {
        self.commands.iter().enumerate().map(|(i, c)| (CommandId(i as u16), *c))
    }
}

impl Default for CommandIndex {
    fn default() -> Self {
        Self::new(&[], &[])
    }
}

//! The command table: one line a command.

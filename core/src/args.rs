//! A command's arguments.

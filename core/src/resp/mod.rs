//! The wire: RESP2, RESP3 and inline commands.

pub mod extent;
pub mod inline;
pub mod parse;
pub mod reply;

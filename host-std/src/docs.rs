//! What each command does, for COMMAND DOCS.

/// By name, sorted.
pub(crate) static SUMMARIES: &[(&str, &str)] = &[];

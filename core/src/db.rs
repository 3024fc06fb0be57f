//! The one door through which commands reach keys.

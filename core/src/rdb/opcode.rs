//! The bytes that begin what is not an entry.

/// Where another value of a newer Redis or Valkey begins here, the file is refused: Redis's 242 and 243 are Valkey's
/// with another meaning.
pub(super) const FIRST: u8 = 242;
pub(super) const SLOT_INFO: u8 = 244;
pub(super) const FUNCTION: u8 = 245;
pub(super) const MODULE_AUX: u8 = 247;
pub(super) const IDLE: u8 = 248;
pub(super) const FREQ: u8 = 249;
pub(super) const AUX: u8 = 250;
pub(super) const RESIZE_DB: u8 = 251;
pub(super) const DEADLINE_MS: u8 = 252;
pub(super) const DEADLINE_S: u8 = 253;
pub(super) const SELECT_DB: u8 = 254;
pub(super) const EOF: u8 = 255;

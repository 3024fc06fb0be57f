//! The journal: append-only files as Redis 7 lays them out.

//! What a build reaches beyond keys in memory. A server and a browser have it all; a small chip leaves a feature of this crate out, and all
//! that stands behind one of these is not linked. They are asked where a table of functions cannot help: in the path of each command.

/// Snapshots and the journal; publishing, keyspace events, MONITOR, WATCH, waiting for a key, CLIENT's ways with other clients; statistics;
/// eviction by a policy; what older servers wrote, and compressed strings; hashes and fetches ahead.
pub const SERVER: bool = cfg!(feature = "server");
/// Diskstore: memory as a cache over a store, as over a chip's flash.
pub const STORE: bool = cfg!(feature = "store");
/// Virtual memory: values leave for a page device.
pub const PAGES: bool = cfg!(feature = "pages");
/// Lists, sets and sorted sets beside strings and hashes; transactions.
pub const TYPES: bool = cfg!(feature = "types");
/// The full encodings of collections: tables, trees, lists of nodes. Without them a collection is one packed blob, whatever the limits say:
/// a change moves it and a search walks over it, so they are for hosts whose values are some KiB at most.
pub const FULL: bool = cfg!(feature = "full");

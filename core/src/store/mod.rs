//! Diskstore: memory as a cache over a store by key.

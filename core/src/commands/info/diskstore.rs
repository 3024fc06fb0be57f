//! INFO's section on diskstore.

use super::text::InfoText;
use crate::context::Ctx;
use crate::session::{Blocked, Session};

/// Nothing but whether it is enabled, where it is not.
pub(super) fn diskstore(ctx: &Ctx<'_>, text: &mut InfoText) {
    text.flag("ds_enabled", ctx.db.data.store.is_some());
    let Some(store) = ctx.db.data.store.as_deref() else { return };
    let config = &ctx.server.config;
    let blocked = |waits: fn(&Session) -> bool| {
        ctx.peers.iter().chain([&*ctx.session]).filter(|session| waits(session)).count()
    };
    let loading = blocked(|session| matches!(session.blocked, Some(Blocked::Loading { .. })));
    let throttled = blocked(|session| matches!(session.blocked, Some(Blocked::Throttled { .. })));
    text.text("ds_engine", config.diskstore_engine.name());
    text.text("ds_state", if store.error.is_none() { "ok" } else { "failing" });
    text.int("cache_max_memory", config.cache_max_memory);
    text.int("cache_flush_delay", config.cache_flush_delay);
    text.count("cache_used_memory", store.used());
    text.count("cache_resident_keys", ctx.db.data.keyspace.count_keys());
    text.count("cache_dirty_keys", store.dirty_keys());
    text.count("cache_dirty_bytes", store.dirty_bytes());
    text.count("cache_absent_keys", store.absent.len());
    text.count("cache_blocked_clients", loading + throttled);
    text.count("cache_throttled_clients", throttled);
    text.count("cache_io_queue_len", store.queued());
    text.count("cache_io_bytes_in_flight", store.in_flight);
    let held = &store.held_by_store;
    text.int("store_cache_bytes", held.cache.cast_signed());
    text.int("store_unwritten_bytes", held.unwritten.cast_signed());
    text.int("store_index_bytes", held.indexes.cast_signed());
    let stats = &store.stats;
    let counts = [
        ("cache_hits", stats.hits),
        ("cache_misses", stats.misses),
        ("cache_negative_hits", stats.negative_hits),
        ("cache_loads", stats.loads),
        ("cache_absent_loads", stats.absent_loads),
        ("cache_saves", stats.saves),
        ("cache_merged_writes", stats.merged),
        ("cache_batches", stats.batches),
        ("cache_evicted_keys", stats.evicted),
        ("cache_swept_keys", stats.swept),
        ("cache_failed_reads", stats.failed_reads),
        ("cache_failed_writes", stats.failed_writes),
        ("cache_throttled_writes", stats.throttled),
        ("cache_throttled_usec", stats.throttled_micros),
    ];
    for (name, count) in counts {
        text.int(name, count as i64);
    }
}

//! Each section of INFO, under Redis 7.0's field names.

use super::text::InfoText;
use crate::commands::connection::REDIS_VERSION;
use crate::context::Ctx;
use crate::keyspace::clock::lru_clock;
use crate::session::{Blocked, Session};
use crate::words::number::{fixed, parse_f64};
use alloc::format;
use alloc::string::String;

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

pub(super) fn server(ctx: &Ctx<'_>, text: &mut InfoText) {
    let (server, config) = (&*ctx.server, &ctx.server.config);
    let uptime = (ctx.db.now - server.started) / 1000;
    text.text("redis_version", REDIS_VERSION);
    text.text("redis_git_sha1", "00000000");
    text.int("redis_git_dirty", 0);
    text.text("redis_build_id", "0");
    text.text("redis_mode", "standalone");
    text.text("nuthatch_version", env!("CARGO_PKG_VERSION"));
    text.text("os", server.host.os);
    text.int("arch_bits", i64::from(usize::BITS));
    text.text("monotonic_clock", "POSIX clock_gettime");
    text.text("multiplexing_api", server.host.multiplexing);
    text.text("atomicvar_api", "rust-core");
    text.text("gcc_version", "0.0.0");
    text.int("process_id", i64::from(server.host.process_id));
    text.text("process_supervised", config.supervised.name());
    text.text("run_id", &server.run_id);
    text.int("tcp_port", config.port);
    text.int("server_time_usec", ctx.db.now * 1000);
    text.int("uptime_in_seconds", uptime);
    text.int("uptime_in_days", uptime / SECONDS_A_DAY);
    text.int("hz", config.hz);
    text.int("configured_hz", config.hz);
    text.int("lru_clock", i64::from(lru_clock(ctx.db.now)));
    text.text("executable", server.host.executable);
    text.text("config_file", &server.config_file);
    text.int("io_threads_active", 0);
}

/// The running session with all others.
fn sessions<'a>(ctx: &'a Ctx<'_>) -> impl Iterator<Item = &'a Session> {
    ctx.peers.iter().chain([&*ctx.session])
}

pub(super) fn clients(ctx: &Ctx<'_>, text: &mut InfoText) {
    let waits =
        |session: &&Session| matches!(session.blocked, Some(Blocked::Keys { .. } | Blocked::Paused { .. }));
    let timed = |session: &&Session| matches!(session.blocked, Some(Blocked::Keys { deadline: Some(_), .. }));
    text.count("connected_clients", ctx.peers.count());
    text.int("cluster_connections", 0);
    text.int("maxclients", ctx.server.config.maxclients);
    text.count(
        "client_recent_max_input_buffer",
        sessions(ctx).map(|s| s.input.capacity()).max().unwrap_or(0),
    );
    text.count(
        "client_recent_max_output_buffer",
        sessions(ctx).map(|s| s.output.capacity()).max().unwrap_or(0),
    );
    text.count("blocked_clients", sessions(ctx).filter(waits).count());
    text.int("tracking_clients", 0);
    text.count("clients_in_timeout_table", sessions(ctx).filter(timed).count());
}

pub(super) fn memory(ctx: &Ctx<'_>, text: &mut InfoText) {
    let (server, host) = (&*ctx.server, &ctx.server.host);
    let (used, peak, resident) = ((host.used_memory)(), (host.peak_memory)(), (host.resident_memory)());
    let startup = server.memory_at_start.min(used);
    let buffers: usize = sessions(ctx).map(Session::memory).sum();
    let overhead = (startup + buffers).min(used);
    let percent = |part: usize, whole: usize| part as f64 * 100.0 / whole.max(1) as f64;
    for (name, bytes) in [("used_memory", used), ("used_memory_rss", resident), ("used_memory_peak", peak)] {
        text.count(name, bytes);
        text.human(&format!("{name}_human"), bytes);
    }
    text.ratio("used_memory_peak_perc", percent(used, peak), "%");
    text.count("used_memory_overhead", overhead);
    text.count("used_memory_startup", startup);
    text.count("used_memory_dataset", used - overhead);
    text.ratio("used_memory_dataset_perc", percent(used - overhead, used - startup), "%");
    text.count("allocator_allocated", used);
    text.count("allocator_active", resident);
    text.count("allocator_resident", resident);
    text.count("total_system_memory", host.machine_memory as usize);
    text.human("total_system_memory_human", host.machine_memory as usize);
    no_scripts(text);
    text.int("maxmemory", server.config.maxmemory);
    text.human("maxmemory_human", server.config.maxmemory as usize);
    text.text("maxmemory_policy", server.config.maxmemory_policy.name());
    // The allocator holds its pages itself: what is resident beyond what is in use is its own, none is the process's.
    text.ratio("allocator_frag_ratio", resident as f64 / used.max(1) as f64, "");
    text.int("allocator_frag_bytes", resident as i64 - used as i64);
    text.ratio("allocator_rss_ratio", 1.0, "");
    text.int("allocator_rss_bytes", 0);
    text.ratio("rss_overhead_ratio", 1.0, "");
    text.int("rss_overhead_bytes", 0);
    text.ratio("mem_fragmentation_ratio", resident as f64 / used.max(1) as f64, "");
    text.int("mem_fragmentation_bytes", resident as i64 - used as i64);
    text.int("mem_not_counted_for_evict", 0);
    text.int("mem_replication_backlog", 0);
    text.int("mem_total_replication_buffers", 0);
    text.int("mem_clients_slaves", 0);
    text.count("mem_clients_normal", buffers);
    text.int("mem_cluster_links", 0);
    text.int("mem_aof_buffer", 0);
    text.text("mem_allocator", host.allocator);
    text.int("active_defrag_running", 0);
    let data = &ctx.db.data;
    let databases: usize = data.garbage_databases.iter().map(crate::keyspace::database::Database::len).sum();
    text.count("lazyfree_pending_objects", data.garbage.len() + databases);
    text.int("lazyfreed_objects", server.stats.freed_lazily as i64);
}

/// What Redis's interpreters of scripts take; there are none here.
fn no_scripts(text: &mut InfoText) {
    text.int("used_memory_lua", 0);
    text.int("used_memory_vm_eval", 0);
    text.human("used_memory_lua_human", 0);
    for name in ["used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions"] {
        text.int(name, 0);
    }
    for name in ["number_of_libraries", "used_memory_vm_functions", "used_memory_vm_total"] {
        text.int(name, 0);
    }
    text.human("used_memory_vm_total_human", 0);
    text.int("used_memory_functions", 0);
    text.int("used_memory_scripts", 0);
    text.human("used_memory_scripts_human", 0);
}

pub(super) fn vm(ctx: &Ctx<'_>, text: &mut InfoText) {
    let paging = &ctx.db.data.paging;
    text.flag("vm_enabled", paging.enabled);
    if !paging.enabled {
        return;
    }
    let waits = |session: &&Session| matches!(session.blocked, Some(Blocked::Loading { .. }));
    text.int("vm_conf_max_memory", ctx.server.config.vm_max_memory);
    text.int("vm_conf_page_size", ctx.server.config.vm_page_size);
    text.int("vm_conf_pages", ctx.server.config.vm_pages);
    text.int("vm_stats_used_pages", paging.used_pages() as i64);
    text.count("vm_stats_swapped_objects", paging.swapped);
    text.int("vm_stats_swappin_count", paging.stats.swapped_in as i64);
    text.int("vm_stats_swappout_count", paging.stats.swapped_out as i64);
    text.count("vm_stats_io_newjobs_len", paging.queue.waiting);
    text.count("vm_stats_io_processing_len", paging.queue.running);
    text.count("vm_stats_io_processed_len", paging.queue.ended);
    let threads = ctx.server.config.vm_max_threads.cast_unsigned() as usize;
    text.count("vm_stats_io_active_threads", paging.queue.running.min(threads));
    text.count("vm_stats_blocked_clients", sessions(ctx).filter(waits).count());
    text.text("vm_state", paging.state());
    text.int("vm_stats_damaged_frames", paging.stats.damaged as i64);
    text.int("vm_stats_failed_writes", paging.stats.failed_writes as i64);
}

pub(super) fn persistence(ctx: &Ctx<'_>, text: &mut InfoText) {
    let state = &ctx.server.persistence;
    let seconds = |millis: Option<i64>| millis.map_or(-1, |millis| millis / 1000);
    let background = state.saving_since.filter(|_| !state.foreground);
    text.flag("loading", ctx.server.loading);
    text.int("async_loading", 0);
    for name in ["current_cow_peak", "current_cow_size", "current_cow_size_age"] {
        text.int(name, 0);
    }
    let snapshot = ctx.db.data.snapshot.as_ref().map(|snapshot| snapshot.progress());
    let (walked, total) = snapshot.map_or(state.walked, |(walked, total)| (walked as u64, total as u64));
    text.ratio("current_fork_perc", walked as f64 * 100.0 / total.max(1) as f64, "");
    text.int("current_save_keys_processed", walked as i64);
    text.int("current_save_keys_total", total as i64);
    text.int("rdb_changes_since_last_save", ctx.db.data.dirty as i64);
    text.flag("rdb_bgsave_in_progress", background.is_some());
    text.int("rdb_last_save_time", state.last_save / 1000);
    text.text("rdb_last_bgsave_status", if state.last_ok { "ok" } else { "err" });
    text.int("rdb_last_bgsave_time_sec", seconds(state.last_duration));
    text.int("rdb_current_bgsave_time_sec", seconds(background.map(|since| ctx.db.now - since)));
    text.int("rdb_saves", state.saves as i64);
    text.int("rdb_last_cow_size", 0);
    text.int("rdb_last_load_keys_expired", state.load.expired as i64);
    text.int("rdb_last_load_keys_loaded", state.load.keys as i64);
    text.flag("aof_enabled", ctx.server.config.appendonly);
    let aof = &state.aof;
    text.flag("aof_rewrite_in_progress", aof.rewriting_since.is_some());
    text.flag("aof_rewrite_scheduled", aof.scheduled);
    text.int("aof_last_rewrite_time_sec", seconds(aof.last_rewrite));
    text.int("aof_current_rewrite_time_sec", seconds(aof.rewriting_since.map(|since| ctx.db.now - since)));
    text.text("aof_last_bgrewrite_status", if aof.last_rewrite_ok { "ok" } else { "err" });
    text.int("aof_rewrites", aof.rewrites as i64);
    text.int("aof_rewrites_consecutive_failures", aof.failures as i64);
    text.text("aof_last_write_status", if aof.error.is_none() { "ok" } else { "err" });
    text.int("aof_last_cow_size", 0);
    text.int("module_fork_in_progress", 0);
    text.int("module_fork_last_cow_size", 0);
    if ctx.server.config.appendonly {
        text.int("aof_current_size", aof.size as i64);
        text.int("aof_base_size", aof.base_size as i64);
        text.flag("aof_pending_rewrite", aof.scheduled);
        text.count("aof_buffer_length", ctx.server.journal.len());
        text.int("aof_pending_bio_fsync", i64::from(aof.syncs));
        text.int("aof_delayed_fsync", aof.delayed as i64);
    }
    if ctx.server.loading {
        loading(ctx, text);
    }
}

fn loading(ctx: &Ctx<'_>, text: &mut InfoText) {
    let load = &ctx.server.persistence.load;
    let seconds = (ctx.db.now - load.started) / 1000;
    let left = load.total.saturating_sub(load.loaded);
    text.int("loading_start_time", load.started / 1000);
    text.int("loading_total_bytes", load.total as i64);
    text.int("loading_rdb_used_mem", load.used_memory);
    text.int("loading_loaded_bytes", load.loaded as i64);
    text.ratio("loading_loaded_perc", load.loaded as f64 * 100.0 / load.total.max(1) as f64, "");
    text.int("loading_eta_seconds", (seconds as u64 * left / load.loaded.max(1)).max(1) as i64);
}

pub(super) fn stats(ctx: &Ctx<'_>, text: &mut InfoText) {
    let (stats, keys, rates) = (&ctx.server.stats, &ctx.db.data.stats, &ctx.server.rates);
    text.int("total_connections_received", stats.connections as i64);
    text.int("total_commands_processed", stats.commands as i64);
    text.int("instantaneous_ops_per_sec", rates.commands() as i64);
    text.int("total_net_input_bytes", stats.input_bytes as i64);
    text.int("total_net_output_bytes", stats.output_bytes as i64);
    text.int("total_net_repl_input_bytes", 0);
    text.int("total_net_repl_output_bytes", 0);
    text.ratio("instantaneous_input_kbps", rates.input() as f64 / 1024.0, "");
    text.ratio("instantaneous_output_kbps", rates.output() as f64 / 1024.0, "");
    text.ratio("instantaneous_input_repl_kbps", 0.0, "");
    text.ratio("instantaneous_output_repl_kbps", 0.0, "");
    text.int("rejected_connections", stats.rejected_connections as i64);
    for name in ["sync_full", "sync_partial_ok", "sync_partial_err"] {
        text.int(name, 0);
    }
    text.int("expired_keys", keys.expired as i64);
    text.ratio("expired_stale_perc", ctx.server.expire_state.stale_percent, "");
    text.int("expired_time_cap_reached_count", stats.expire_timeouts as i64);
    text.int("expire_cycle_cpu_milliseconds", (stats.expire_micros / 1000) as i64);
    text.int("evicted_keys", keys.evicted as i64);
    text.int("evicted_clients", stats.evicted_clients as i64);
    text.int("total_eviction_exceeded_time", (stats.over_memory_micros / 1000) as i64);
    text.int("current_eviction_exceeded_time", 0);
    text.int("keyspace_hits", keys.hits as i64);
    text.int("keyspace_misses", keys.misses as i64);
    text.count("pubsub_channels", ctx.server.subscriptions.channels.len());
    text.count("pubsub_patterns", ctx.server.subscriptions.patterns.len());
    text.count("pubsubshard_channels", ctx.server.subscriptions.shard_channels.len());
    for name in ["latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys"] {
        text.int(name, 0);
    }
    for name in ["active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits"] {
        text.int(name, 0);
    }
    for name in ["active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time"] {
        text.int(name, 0);
    }
    for name in ["tracking_total_keys", "tracking_total_items", "tracking_total_prefixes"] {
        text.int(name, 0);
    }
    text.int("unexpected_error_replies", 0);
    text.int("total_error_replies", stats.errors as i64);
    text.int("dump_payload_sanitizations", 0);
    text.int("total_reads_processed", stats.reads as i64);
    text.int("total_writes_processed", stats.writes as i64);
    for name in ["io_threaded_reads_processed", "io_threaded_writes_processed"] {
        text.int(name, 0);
    }
    text.int("reply_buffer_shrinks", 0);
    text.int("reply_buffer_expands", 0);
}

pub(super) fn replication(ctx: &Ctx<'_>, text: &mut InfoText) {
    text.text("role", "master");
    text.int("connected_slaves", 0);
    text.text("master_failover_state", "no-failover");
    text.text("master_replid", &ctx.server.run_id);
    text.text("master_replid2", "0000000000000000000000000000000000000000");
    text.int("master_repl_offset", 0);
    text.int("second_repl_offset", -1);
    text.int("repl_backlog_active", 0);
    text.int("repl_backlog_size", 1 << 20);
    text.int("repl_backlog_first_byte_offset", 0);
    text.int("repl_backlog_histlen", 0);
}

pub(super) fn cpu(ctx: &Ctx<'_>, text: &mut InfoText) {
    let (user, system) = (ctx.server.host.cpu_times)();
    let seconds = |micros: u64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.text("used_cpu_sys", &seconds(system));
    text.text("used_cpu_user", &seconds(user));
    text.text("used_cpu_sys_children", "0.000000");
    text.text("used_cpu_user_children", "0.000000");
    let (user, system) = (ctx.server.host.thread_cpu_times)();
    text.text("used_cpu_sys_main_thread", &seconds(system));
    text.text("used_cpu_user_main_thread", &seconds(user));
}

pub(super) fn commandstats(ctx: &Ctx<'_>, text: &mut InfoText) {
    for (id, command) in ctx.server.index.iter() {
        let counts = &ctx.server.stats.by_command[usize::from(id.0)];
        if counts.calls + counts.rejected + counts.failed == 0 {
            continue;
        }
        let average = counts.micros as f64 / counts.calls.max(1) as f64;
        let line = format!(
            "calls={},usec={},usec_per_call={},rejected_calls={},failed_calls={}",
            counts.calls,
            counts.micros,
            fixed(average, 2),
            counts.rejected,
            counts.failed
        );
        text.text(&format!("cmdstat_{}", command.name), &line);
    }
}

pub(super) fn errorstats(ctx: &Ctx<'_>, text: &mut InfoText) {
    for (code, count) in &ctx.server.stats.errors_by_code {
        text.text(&format!("errorstat_{code}"), &format!("count={count}"));
    }
}

/// Percentiles of the commands whose time was measured.
pub(super) fn latencystats(ctx: &Ctx<'_>, text: &mut InfoText) {
    for (id, command) in ctx.server.index.iter() {
        let histogram = &ctx.server.stats.by_command[usize::from(id.0)].histogram;
        if histogram.total() == 0 {
            continue;
        }
        let mut line = String::new();
        for percentile in &ctx.server.config.latency_tracking_info_percentiles {
            let comma = if line.is_empty() { "" } else { "," };
            let name = String::from_utf8_lossy(percentile);
            let micros = histogram.percentile(parse_f64(percentile).unwrap_or(0.0));
            line.push_str(&format!("{comma}p{name}={micros}.000"));
        }
        text.text(&format!("latency_percentiles_usec_{}", command.name), &line);
    }
}

pub(super) fn keyspace(ctx: &Ctx<'_>, text: &mut InfoText) {
    for (index, database) in ctx.db.data.keyspace.iter() {
        let keys = ctx.db.data.count_keys_about(index);
        if keys == 0 {
            continue;
        }
        let line = format!("keys={keys},expires={},avg_ttl={}", database.volatile(), database.average_ttl);
        text.text(&format!("db{index}"), &line);
    }
}

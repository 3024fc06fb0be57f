//! Redis 7.0's defaults, and ours where Redis has no such directive.

use super::{
    Allowance, AppendFsync, BufferLimit, Config, LogLevel, MaxmemoryPolicy, SavePoint, StoreEngine,
    Supervised,
};
use crate::words::ordered::OrderedMap;
use crate::words::reach::SERVER;
use alloc::vec;
use alloc::vec::Vec;

const MIB: i64 = 1 << 20;

/// A text that only a server or a browser has a use for.
fn text(bytes: &[u8]) -> Vec<u8> {
    if SERVER { bytes.to_vec() } else { Vec::new() }
}

/// A list of which the same is true.
fn list<T>(items: impl FnOnce() -> Vec<T>) -> Vec<T> {
    if SERVER { items() } else { Vec::new() }
}

#[expect(clippy::too_many_lines, reason = "one line a directive")]
pub(super) fn config() -> Config {
    Config {
        bind: list(|| vec![b"127.0.0.1".to_vec(), b"-::1".to_vec()]),
        port: 6379,
        tcp_backlog: 511,
        tcp_keepalive: 300,
        timeout: 0,
        unixsocket: Vec::new(),
        unixsocketperm: 0,
        maxclients: 10_000,
        protected_mode: true,
        requirepass: Vec::new(),
        client_output_buffer_limit: [
            BufferLimit { hard: 0, soft: 0, soft_seconds: 0 },
            BufferLimit { hard: 256 * MIB, soft: 64 * MIB, soft_seconds: 60 },
            BufferLimit { hard: 32 * MIB, soft: 8 * MIB, soft_seconds: 60 },
        ],
        client_query_buffer_limit: 1024 * MIB,
        proto_max_bulk_len: 512 * MIB,
        rename_command: Vec::new(),
        daemonize: false,
        supervised: Supervised::No,
        pidfile: Vec::new(),
        loglevel: LogLevel::Notice,
        logfile: Vec::new(),
        dir: text(b"."),
        databases: 16,
        hz: 10,
        disable_thp: true,
        enable_protected_configs: Allowance::No,
        enable_debug_command: Allowance::No,
        slowlog_log_slower_than: 10_000,
        slowlog_max_len: 128,
        latency_monitor_threshold: 0,
        latency_tracking: true,
        latency_tracking_info_percentiles: list(|| vec![b"50".to_vec(), b"99".to_vec(), b"99.9".to_vec()]),
        notify_keyspace_events: 0,
        hash_max_listpack_entries: 512,
        hash_max_listpack_value: 64,
        list_max_listpack_size: -2,
        list_compress_depth: 0,
        set_max_intset_entries: 512,
        set_max_listpack_entries: 128,
        set_max_listpack_value: 64,
        zset_max_listpack_entries: 128,
        zset_max_listpack_value: 64,
        maxmemory: 0,
        maxmemory_policy: MaxmemoryPolicy::Noeviction,
        maxmemory_samples: 5,
        maxmemory_clients: 0,
        lfu_log_factor: 10,
        lfu_decay_time: 1,
        save: list(|| {
            vec![
                SavePoint { seconds: 3600, changes: 1 },
                SavePoint { seconds: 300, changes: 100 },
                SavePoint { seconds: 60, changes: 10_000 },
            ]
        }),
        dbfilename: text(b"dump.rdb"),
        rdbcompression: true,
        rdbchecksum: true,
        rdb_version: 10,
        stop_writes_on_bgsave_error: true,
        appendonly: false,
        appendfilename: text(b"appendonly.aof"),
        appenddirname: text(b"appendonlydir"),
        appendfsync: AppendFsync::EverySec,
        no_appendfsync_on_rewrite: false,
        auto_aof_rewrite_percentage: 100,
        auto_aof_rewrite_min_size: 64 * MIB,
        aof_load_truncated: true,
        aof_use_rdb_preamble: true,
        aof_timestamp_enabled: false,
        vm_enabled: false,
        vm_swap_file: text(b"nuthatch.swap"),
        vm_max_memory: 0,
        vm_page_size: 256,
        vm_pages: 104_857_600,
        vm_max_threads: 4,
        diskstore_enabled: false,
        diskstore_path: text(b"nuthatch.ds"),
        diskstore_engine: StoreEngine::Default,
        cache_max_memory: 0,
        cache_flush_delay: 0,
        cache_io_jobs: 10,
        flash_bytes_per_hour: 0,
        flash_erases_per_hour: 0,
        flash_burst: 0,
        vm_given: false,
        inert: OrderedMap::new(),
        save_given: false,
    }
}

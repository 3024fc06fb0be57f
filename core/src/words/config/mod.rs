//! The whole configuration: typed fields, a table of their names and bounds, and redis.conf's syntax.
//!
//! [`Config`] is plain data that a host fills and the engine reads. [`table::PARAMETERS`] says how each field is named,
//! parsed and printed; what links neither CONFIG nor a configuration file links no table.

mod choices;
mod kinds;
mod lines;
mod places;
mod rewrite;
mod special;
pub mod table;
#[cfg(test)]
mod tests;

use crate::words::ordered::OrderedMap;
use alloc::borrow::Cow;
use alloc::vec::Vec;

pub use choices::{Allowance, AppendFsync, LogLevel, MaxmemoryPolicy, StoreEngine, Supervised};
pub use kinds::{Kind, Parameter, parse_memory};
pub use lines::{quote, split_args};
pub use rewrite::rewrite;
pub use special::{BufferLimit, ClientClass, SavePoint, events};

/// A reason for which a value is refused, as Redis words it.
pub type Refusal = Cow<'static, str>;

/// When a directive is given: what may be said at start may be fixed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From the configuration file or the command line.
    Start,
    /// By CONFIG SET.
    Running,
}

/// Every setting. Byte counts are in bytes, periods in the unit that the directive's name has in redis.conf.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one yes/no directive of redis.conf")]
#[expect(missing_docs, reason = "each field is the redis.conf directive of the same name")]
pub struct Config {
    // Network.
    pub bind: Vec<Vec<u8>>,
    pub port: i64,
    pub tcp_backlog: i64,
    pub tcp_keepalive: i64,
    pub timeout: i64,
    pub unixsocket: Vec<u8>,
    pub unixsocketperm: i64,
    pub maxclients: i64,
    pub protected_mode: bool,
    pub requirepass: Vec<u8>,
    pub client_output_buffer_limit: [BufferLimit; 3],
    pub client_query_buffer_limit: i64,
    pub proto_max_bulk_len: i64,
    pub rename_command: Vec<(Vec<u8>, Vec<u8>)>,
    // General.
    pub daemonize: bool,
    pub supervised: Supervised,
    pub pidfile: Vec<u8>,
    pub loglevel: LogLevel,
    pub logfile: Vec<u8>,
    pub dir: Vec<u8>,
    pub databases: i64,
    pub hz: i64,
    pub disable_thp: bool,
    pub enable_protected_configs: Allowance,
    pub enable_debug_command: Allowance,
    // Observation.
    pub slowlog_log_slower_than: i64,
    pub slowlog_max_len: i64,
    pub latency_monitor_threshold: i64,
    pub latency_tracking: bool,
    pub latency_tracking_info_percentiles: Vec<Vec<u8>>,
    /// The classes of [`events`], as bits.
    pub notify_keyspace_events: u32,
    // Encodings.
    pub hash_max_listpack_entries: i64,
    pub hash_max_listpack_value: i64,
    pub list_max_listpack_size: i64,
    pub list_compress_depth: i64,
    pub set_max_intset_entries: i64,
    pub set_max_listpack_entries: i64,
    pub set_max_listpack_value: i64,
    pub zset_max_listpack_entries: i64,
    pub zset_max_listpack_value: i64,
    // Memory, expiry and eviction.
    pub maxmemory: i64,
    pub maxmemory_policy: MaxmemoryPolicy,
    pub maxmemory_samples: i64,
    /// Bytes, or a percentage of maxmemory when negative.
    pub maxmemory_clients: i64,
    pub lfu_log_factor: i64,
    pub lfu_decay_time: i64,
    // Snapshots.
    pub save: Vec<SavePoint>,
    pub dbfilename: Vec<u8>,
    pub rdbcompression: bool,
    pub rdbchecksum: bool,
    pub rdb_version: i64,
    pub stop_writes_on_bgsave_error: bool,
    // Journal.
    pub appendonly: bool,
    pub appendfilename: Vec<u8>,
    pub appenddirname: Vec<u8>,
    pub appendfsync: AppendFsync,
    pub no_appendfsync_on_rewrite: bool,
    pub auto_aof_rewrite_percentage: i64,
    pub auto_aof_rewrite_min_size: i64,
    pub aof_load_truncated: bool,
    pub aof_use_rdb_preamble: bool,
    pub aof_timestamp_enabled: bool,
    // Virtual memory.
    pub vm_enabled: bool,
    pub vm_swap_file: Vec<u8>,
    pub vm_max_memory: i64,
    pub vm_page_size: i64,
    pub vm_pages: i64,
    pub vm_max_threads: i64,
    // Diskstore.
    pub diskstore_enabled: bool,
    pub diskstore_path: Vec<u8>,
    pub diskstore_engine: StoreEngine,
    pub cache_max_memory: i64,
    pub cache_flush_delay: i64,
    pub cache_io_jobs: i64,
    // The flash under diskstore.
    pub flash_bytes_per_hour: i64,
    pub flash_erases_per_hour: i64,
    pub flash_burst: i64,
    /// Whether `vm-enabled` was given: its default gives way to diskstore, what somebody asked for does not.
    pub vm_given: bool,
    /// Directives that are accepted, shown and rewritten, and change nothing here.
    inert: OrderedMap<&'static str, Vec<u8>>,
    /// Whether a `save` line was read: the first one replaces the defaults, the next ones add.
    save_given: bool,
}

impl Default for Config {
    fn default() -> Self {
        defaults::config()
    }
}

mod defaults;

impl Config {
    /// Sets one directive from one argument, as CONFIG SET gives it.
    ///
    /// # Errors
    /// The reason in Redis's words; the configuration is then unchanged.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let parameter = table::find(name).ok_or(Cow::Borrowed("unknown option"))?;
        if parameter.multi() {
            let words: Vec<&[u8]> =
                if value.is_empty() { Vec::new() } else { value.split(|&b| b == b' ').collect() };
            self.set_words(parameter, &words, Stage::Running)
        } else {
            self.set_words(parameter, &[value], Stage::Running)
        }
    }

    /// Sets one directive from a line's words (those after the name).
    ///
    /// # Errors
    /// The reason in Redis's words; the configuration is then unchanged.
    pub fn set_words(
        &mut self,
        parameter: &'static Parameter,
        words: &[&[u8]],
        stage: Stage,
    ) -> Result<(), Refusal> {
        parameter.store(self, words, stage)?;
        self.vm_given |= parameter.name == "vm-enabled";
        self.settle();
        Ok(())
    }

    /// A directive's value as CONFIG GET prints it.
    pub fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        table::find(name).map(|parameter| self.text(parameter))
    }

    /// The value of `parameter` as CONFIG GET prints it.
    pub fn text(&self, parameter: &Parameter) -> Vec<u8> {
        parameter.load(self)
    }

    /// One line of a configuration file. Blank lines and comments do nothing; `include` is the host's to follow.
    ///
    /// # Errors
    /// The reason in Redis's words; the configuration is then unchanged.
    pub fn parse_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let line = line.trim_ascii();
        if line.is_empty() || line[0] == b'#' {
            return Ok(());
        }
        let words = split_args(line).ok_or(Cow::Borrowed("Unbalanced quotes in configuration line"))?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        match words.split_first() {
            None => Ok(()),
            Some((name, rest)) => self.directive(name, rest),
        }
    }

    /// One directive of a configuration file, already split into words.
    ///
    /// # Errors
    /// The reason in Redis's words; the configuration is then unchanged.
    pub fn directive(&mut self, name: &[u8], words: &[&[u8]]) -> Result<(), Refusal> {
        if name.eq_ignore_ascii_case(b"rename-command") && words.len() == 2 {
            self.rename_command.push((words[0].to_ascii_lowercase(), words[1].to_ascii_lowercase()));
            return Ok(());
        }
        let parameter =
            table::find(name).ok_or(Cow::Borrowed("Bad directive or wrong number of arguments"))?;
        if parameter.multi() {
            let split = match words {
                [one] if !one.is_empty() => one.split(|&b| b == b' ').collect(),
                _ => words.to_vec(),
            };
            return self.set_words(parameter, &split, Stage::Start);
        }
        if words.len() != 1 {
            return Err(Cow::Borrowed("wrong number of arguments"));
        }
        self.set_words(parameter, words, Stage::Start)
    }

    /// Every name that CONFIG GET knows with its parameter, aliases included.
    pub fn names() -> impl Iterator<Item = (&'static str, &'static Parameter)> {
        table::PARAMETERS.iter().flat_map(|parameter| {
            core::iter::once(parameter.name).chain(parameter.alias).map(move |name| (name, parameter))
        })
    }

    /// Directives whose value is another than by default, and makes no difference here.
    pub fn without_effect(&self) -> impl Iterator<Item = &'static str> {
        table::PARAMETERS
            .iter()
            .filter(|parameter| parameter.is_ignored(self))
            .map(|parameter| parameter.name)
    }

    /// Values that are hints are brought into their sensible range.
    fn settle(&mut self) {
        self.hz = self.hz.clamp(1, 500);
    }
}

//! What the engine is told of this machine and this process.

use crate::memory;
use crate::start;
use crc_fast::{CrcAlgorithm, Digest};
use nuthatch_core::HostFacts;
use std::fs;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch, now.
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// 256 bits that nobody can guess.
///
/// # Errors
/// Those of reading the system's generator.
pub fn random() -> io::Result<[u64; 4]> {
    use io::Read;
    let mut source = fs::File::open("/dev/urandom")?;
    let mut words = [0; 4];
    for word in &mut words {
        let mut bytes = [0; 8];
        source.read_exact(&mut bytes)?;
        *word = u64::from_le_bytes(bytes);
    }
    Ok(words)
}

/// All of it.
pub fn facts() -> HostFacts {
    HostFacts {
        used_memory: memory::used,
        peak_memory: memory::peak,
        resident_memory: memory::resident,
        monotonic,
        times_all: true,
        cpu_times: || memory::cpu_times("/proc/self/stat"),
        thread_cpu_times: || memory::cpu_times("/proc/thread-self/stat"),
        process_id: std::process::id(),
        os: system(),
        allocator: memory::ALLOCATOR_NAME,
        executable: executable(),
        multiplexing: "epoll",
        machine_memory: memory::machine(),
        crc64: Some(crc64),
        sleep: |micros| std::thread::sleep(Duration::from_micros(micros)),
        check: start::check,
        rewrite: start::rewrite,
        docs: nuthatch_core::COMMAND_DOCS,
    }
}

/// The program's path, kept for as long as the process runs.
fn executable() -> &'static str {
    static PATH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PATH.get_or_init(|| {
        std::env::current_exe().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
    })
}

/// The operating system's name, release and machine.
fn system() -> &'static str {
    static NAME: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    NAME.get_or_init(|| {
        let names = rustix::system::uname();
        [names.sysname(), names.release(), names.machine()].map(|name| name.to_string_lossy()).join(" ")
    })
}

/// CRC-64 by the processor's carry-less products, where it has them.
pub fn crc64(crc: u64, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc64Redis, crc);
    digest.update(bytes);
    digest.finalize()
}

/// Microseconds since the first call.
fn monotonic() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{HostFacts, crc64};

    /// The core's own tables compute the same.
    #[test]
    fn the_checksum_is_redis_own() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert!(HostFacts::UNKNOWN.crc64.is_none());
        let bytes: Vec<u8> = (0..5000_u32).map(|i| (i * 37 % 251) as u8).collect();
        for len in [0, 1, 15, 16, 127, 128, 129, 1000, 5000] {
            let slow = bytes[..len].iter().fold(7, |crc, byte| crc64(crc, &[*byte]));
            assert_eq!(crc64(7, &bytes[..len]), slow, "{len}");
            assert_eq!(crc64(crc64(7, &bytes[..len / 3]), &bytes[len / 3..len]), slow, "{len}");
        }
    }
}

//! The load of `cargo xtask bench`'s growth figure: `load PORT KEYS STRETCH` sends SETs of new keys in batches of 32 on one
//! connection and prints, as JSON, percentiles of a batch's time and the slowest one of each stretch of keys.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Instant;

use nuthatch_tests::resp::encode;

const BATCH: u64 = 32;
const REPLY: usize = "+OK\r\n".len();

/// Nanoseconds of each batch, in the order sent.
fn send(port: u16, keys: u64) -> io::Result<Vec<u64>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    let mut replies = [0; REPLY * BATCH as usize];
    let mut nanos = Vec::new();
    for first in (0..keys).step_by(BATCH as usize) {
        request.clear();
        for key in first..first + BATCH {
            request.extend(encode(&["SET".to_owned(), format!("key:{key:012}"), format!("{key:08}")]));
        }
        let begun = Instant::now();
        stream.write_all(&request)?;
        stream.read_exact(&mut replies)?;
        nanos.push(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        if !replies.chunks(REPLY).all(|reply| reply == b"+OK\r\n") {
            return Err(io::Error::other("a SET was refused"));
        }
    }
    Ok(nanos)
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

fn report(nanos: &[u64], stretch: u64) {
    let mut sorted = nanos.to_vec();
    sorted.sort_unstable();
    let at = |share: f64| micros(sorted[((sorted.len() - 1) as f64 * share) as usize]);
    let batches = usize::try_from(stretch / BATCH).unwrap_or(1).max(1);
    let most = nanos.chunks(batches).map(|part| micros(part.iter().copied().max().unwrap_or(0)).to_string());
    let most = most.collect::<Vec<_>>().join(",");
    let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
    println!("{{\"p50_us\":{p50},\"p99_us\":{p99},\"p999_us\":{p999},\"stretch_max_us\":[{most}]}}");
}

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [port, keys, stretch] = numbers[..] else {
        eprintln!("usage: load PORT KEYS STRETCH");
        return ExitCode::from(2);
    };
    match send(u16::try_from(port).unwrap_or(0), keys) {
        Ok(nanos) if !nanos.is_empty() => {
            report(&nanos, stretch);
            ExitCode::SUCCESS
        }
        Ok(_) => ExitCode::from(2),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

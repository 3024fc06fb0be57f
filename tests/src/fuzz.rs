//! What the fuzz targets do with their input. The targets themselves (tests/fuzz) only call this, so that the same checks
//! run as ordinary tests too, on random input and without a fuzzer.

use nuthatch_core::resp::parse::{ParseLimits, ParseState, Parsed, ProtocolError, Span, parse};
use nuthatch_core::{ALL_COMMANDS, Config, Engine, HostFacts, Options, SessionInfo};

/// An hour to begin with.
const NOW: i64 = 1_700_000_000_000;
/// Strings may grow to this: a fuzzer finds SETRANGE with an offset of 512 MB at once and learns nothing from it.
const MAX_BULK: i64 = 1 << 16;

/// The arguments of the commands in `data`, and how it ended, when it comes in pieces of the lengths in `cuts`.
fn parsed(data: &[u8], mut cuts: impl FnMut() -> usize) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let limits = ParseLimits { max_bulk_len: 1 << 20, authenticated: true };
    let (mut state, mut spans, mut buffer, mut out) =
        (ParseState::default(), Vec::<Span>::new(), Vec::new(), Vec::new());
    let mut rest = data;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(cuts().clamp(1, rest.len()));
        buffer.extend_from_slice(piece);
        rest = later;
        loop {
            spans.clear();
            match parse(&buffer, &mut state, &limits, &mut spans) {
                Ok(Parsed::Complete { consumed }) => {
                    out.push(spans.iter().map(|span| span.of(state.source(&buffer)).to_vec()).collect());
                    buffer.drain(..consumed);
                }
                Ok(Parsed::Incomplete) => break,
                Err(error) => return (out, Some(error)),
            }
        }
    }
    (out, None)
}

/// The parser finds the same commands whatever way the bytes were cut. The first byte decides the cut.
pub fn resp(input: &[u8]) {
    let Some((&cut, data)) = input.split_first() else { return };
    let whole = parsed(data, || data.len());
    let mut length = usize::from(cut);
    let pieces = parsed(data, || {
        length = (length * 5 + 3) % 17;
        length
    });
    assert_eq!(whole, pieces, "the cut changes what is found");
}

/// An engine takes whatever commands come, on two sessions, while time passes; what it sends is RESP.
pub fn commands(input: &[u8]) {
    let Some((&seed, data)) = input.split_first() else { return };
    if data.split(|&byte| byte == b'\n').any(is_greedy) {
        return;
    }
    let mut config = Config::default();
    config.proto_max_bulk_len = MAX_BULK;
    // It fills memory by order.
    config.rename_command.push((b"debug".to_vec(), Vec::new()));
    let seed = [u64::from(seed), 2, 3, 4];
    let mut engine = Engine::new(Options { commands: ALL_COMMANDS, config, host: facts(), seed, now: NOW });
    let mut now = NOW;
    let sessions = [0, 1].map(|_| engine.open_session(SessionInfo::default(), now));
    for (i, piece) in data.chunks(64).enumerate() {
        now += i64::try_from(i).unwrap_or(0);
        let session = sessions[usize::from(piece[0] & 1)];
        engine.handle_bytes(session, piece, now);
        if now >= engine.poll_timeout() {
            engine.handle_timeout(now);
        }
        while engine.poll_request().is_some() {}
        for id in sessions {
            let output = engine.output(id).to_vec();
            assert!(is_replies(&output), "not RESP: {}", crate::resp::quote(&output));
            engine.consume_output(id, output.len());
        }
    }
}

/// A line that may ask for so many random elements that nothing else gets done.
fn is_greedy(line: &[u8]) -> bool {
    let digits = line.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or(0);
    digits > 5 && String::from_utf8_lossy(line).to_ascii_uppercase().contains("RAND")
}

/// Whether the bytes are whole replies, one after the other.
fn is_replies(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match behind_reply(bytes, 0) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    true
}

fn behind_reply(bytes: &[u8], depth: usize) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = (&bytes[..end], &bytes[end + 2..]);
    let number = || std::str::from_utf8(&line[1..]).ok()?.parse::<i64>().ok();
    match line.first()? {
        b'+' | b'-' | b':' | b',' | b'#' | b'(' | b'_' => Some(rest),
        b'$' | b'=' => match number()? {
            -1 => Some(rest),
            length => rest.get(usize::try_from(length).ok()?..)?.strip_prefix(b"\r\n"),
        },
        marker @ (b'*' | b'~' | b'>' | b'%' | b'|') if depth < 32 => {
            let double = if matches!(marker, b'%' | b'|') { 2 } else { 1 };
            (0..number()?.max(0) * double).try_fold(rest, |rest, _| behind_reply(rest, depth + 1))
        }
        _ => None,
    }
}

fn facts() -> HostFacts {
    HostFacts { process_id: 1, os: "fuzz", ..HostFacts::UNKNOWN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Dice;

    const WORDS: [&str; 24] = [
        "*1\r\n$4\r\nPING\r\n",
        "*2\r\n",
        "$3\r\nGET\r\n",
        "$1\r\nk\r\n",
        "\r\n",
        "SET k v\r\n",
        "GET k\r\n",
        "LPUSH l a b c\n",
        "HSET h a 1 b 2\r\n",
        "ZADD z 1 a 2 b\r\n",
        "SADD s 1 2 3\r\n",
        "MULTI\r\n",
        "EXEC\r\n",
        "BLPOP l 0.01\r\n",
        "EXPIRE k 1\r\n",
        "HELLO 3\r\n",
        "ECHO \"a\\x00b\"\r\n",
        "CONFIG GET *\r\n",
        "INFO\r\n",
        "*-1\r\n",
        "$-1\r\n",
        "\"",
        "SORT l ALPHA\r\n",
        "XYZ\r\n",
    ];

    fn input(dice: &mut Dice) -> Vec<u8> {
        let mut out = vec![dice.below(256) as u8];
        for _ in 0..dice.below(30) {
            out.extend_from_slice(dice.pick(&WORDS).as_bytes());
        }
        if dice.once_in(3) {
            let at = dice.below(out.len());
            out[at] = dice.below(256) as u8;
        }
        out
    }

    #[test]
    fn random_input() {
        let mut dice = Dice::new(1);
        for _ in 0..3000 {
            let input = input(&mut dice);
            resp(&input);
            commands(&input);
        }
    }

    /// A fuzzer found it: how far a line's end had been sought in one header was taken for the next header too.
    #[test]
    fn a_search_does_not_outlive_its_line() {
        resp(b"\"*6\r\n\0\"*6\r\n");
        resp(b"\"*2\r\n$\r\n");
    }

    #[test]
    fn replies_are_told_from_rubbish() {
        assert!(is_replies(b"+OK\r\n*2\r\n$1\r\na\r\n:1\r\n%1\r\n+a\r\n_\r\n$-1\r\n"));
        assert!(!is_replies(b"*2\r\n:1\r\n") && !is_replies(b"$3\r\nab\r\n") && !is_replies(b"OK\r\n"));
    }
}

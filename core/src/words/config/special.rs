//! Directives with a small language of their own.

use super::kinds::{Special, parse_decimal, parse_memory};
use super::{Config, Refusal, Stage, quote};
use crate::words::number::{fixed, parse_f64};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A snapshot is taken when at least `changes` happened in `seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    /// The period in seconds, at least 1.
    pub seconds: i64,
    /// The number of changes.
    pub changes: i64,
}

/// How many reply bytes a client may leave unread. 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLimit {
    /// Beyond this many bytes the client is closed at once.
    pub hard: i64,
    /// Beyond this many bytes the client is closed after `soft_seconds`.
    pub soft: i64,
    /// How long the soft limit may be exceeded.
    pub soft_seconds: i64,
}

/// The index of a client's class in `client_output_buffer_limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientClass {
    /// Ordinary clients.
    Normal,
    /// Replicas.
    Replica,
    /// Clients that subscribed.
    Pubsub,
}

/// The classes of keyspace events, as bits; their letters in notify-keyspace-events.
#[expect(missing_docs, reason = "the letter says it")]
pub mod events {
    pub const KEYSPACE: u32 = 1 << 0;
    pub const KEYEVENT: u32 = 1 << 1;
    pub const GENERIC: u32 = 1 << 2;
    pub const STRING: u32 = 1 << 3;
    pub const LIST: u32 = 1 << 4;
    pub const SET: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const ZSET: u32 = 1 << 7;
    pub const EXPIRED: u32 = 1 << 8;
    pub const EVICTED: u32 = 1 << 9;
    pub const STREAM: u32 = 1 << 10;
    pub const KEY_MISS: u32 = 1 << 11;
    pub const MODULE: u32 = 1 << 13;
    pub const NEW: u32 = 1 << 14;
    /// What `A` stands for.
    pub const ALL: u32 = GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

    /// Letters in the order in which Redis prints them.
    pub(super) const LETTERS: [(u8, u32); 14] = [
        (b'g', GENERIC),
        (b'$', STRING),
        (b'l', LIST),
        (b's', SET),
        (b'h', HASH),
        (b'z', ZSET),
        (b'x', EXPIRED),
        (b'e', EVICTED),
        (b't', STREAM),
        (b'd', MODULE),
        (b'n', NEW),
        (b'K', KEYSPACE),
        (b'E', KEYEVENT),
        (b'm', KEY_MISS),
    ];
}

const CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

pub(super) const SAVE: Special =
    Special { set: set_save, get: get_save, lines: Some(save_lines), apart: false };
pub(super) const BUFFER_LIMIT: Special =
    Special { set: set_limits, get: get_limits, lines: Some(limit_lines), apart: true };
pub(super) const BIND: Special =
    Special { set: set_bind, get: |c| c.bind.join(&b' '), lines: Some(|c| one_line(&c.bind)), apart: false };
pub(super) const EVENTS: Special =
    Special { set: set_events, get: get_events, lines: Some(|c| one_quoted(&get_events(c))), apart: false };
pub(super) const PERCENTILES: Special = Special {
    set: set_percentiles,
    get: |c| c.latency_tracking_info_percentiles.join(&b' '),
    lines: Some(|c| one_line(&c.latency_tracking_info_percentiles)),
    apart: false,
};

fn one_line(words: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if words.is_empty() { one_quoted(b"") } else { Vec::from([words.join(&b' ')]) }
}

fn one_quoted(text: &[u8]) -> Vec<Vec<u8>> {
    let mut line = Vec::new();
    quote(&mut line, text);
    Vec::from([line])
}

fn set_save(config: &mut Config, words: &[&[u8]], stage: Stage) -> Result<(), Refusal> {
    let words = if words == [b""] { &[] } else { words };
    let refusal = || Cow::Borrowed("Invalid save parameters");
    let mut points = Vec::new();
    for pair in words.chunks(2) {
        let [seconds, changes] = pair else { return Err(refusal()) };
        let seconds = parse_decimal(seconds).filter(|&n| n >= 1).ok_or_else(refusal)?;
        let changes = parse_decimal(changes).filter(|&n| n >= 0).ok_or_else(refusal)?;
        points.push(SavePoint { seconds, changes });
    }
    if stage == Stage::Running || !config.save_given || words.is_empty() {
        config.save.clear();
    }
    config.save_given = true;
    config.save.extend(points);
    Ok(())
}

fn save_lines(config: &Config) -> Vec<Vec<u8>> {
    if config.save.is_empty() {
        return one_quoted(b"");
    }
    config.save.iter().map(|point| format!("{} {}", point.seconds, point.changes).into_bytes()).collect()
}

fn get_save(config: &Config) -> Vec<u8> {
    if config.save.is_empty() { Vec::new() } else { save_lines(config).join(&b' ') }
}

fn set_limits(config: &mut Config, words: &[&[u8]], _: Stage) -> Result<(), Refusal> {
    if !words.len().is_multiple_of(4) {
        return Err(Cow::Borrowed("Wrong number of arguments in buffer limit configuration."));
    }
    let mut limits = config.client_output_buffer_limit;
    for group in words.chunks_exact(4) {
        let class = client_class(group[0])
            .ok_or(Cow::Borrowed("Invalid client class specified in buffer limit configuration."))?;
        let numbers = parse_memory(group[1]).zip(parse_memory(group[2])).zip(parse_decimal(group[3]));
        let Some(((hard, soft), soft_seconds)) = numbers.filter(|(_, seconds)| *seconds >= 0) else {
            return Err(Cow::Borrowed(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            ));
        };
        limits[class as usize] = BufferLimit { hard, soft, soft_seconds };
    }
    config.client_output_buffer_limit = limits;
    Ok(())
}

fn client_class(name: &[u8]) -> Option<ClientClass> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Some(ClientClass::Normal),
        b"slave" | b"replica" => Some(ClientClass::Replica),
        b"pubsub" => Some(ClientClass::Pubsub),
        _ => None,
    }
}

fn get_limits(config: &Config) -> Vec<u8> {
    let mut text = String::new();
    for (class, limit) in CLASSES.iter().zip(config.client_output_buffer_limit) {
        let space = if text.is_empty() { "" } else { " " };
        text.push_str(&format!("{space}{class} {} {} {}", limit.hard, limit.soft, limit.soft_seconds));
    }
    text.into_bytes()
}

fn limit_lines(config: &Config) -> Vec<Vec<u8>> {
    let names = ["normal", "replica", "pubsub"];
    let line = |(class, limit): (&str, BufferLimit)| {
        let (hard, soft) = (file_memory(limit.hard), file_memory(limit.soft));
        format!("{class} {hard} {soft} {}", limit.soft_seconds).into_bytes()
    };
    names.into_iter().zip(config.client_output_buffer_limit).map(line).collect()
}

fn file_memory(bytes: i64) -> String {
    match bytes {
        1.. if bytes % (1 << 30) == 0 => format!("{}gb", bytes >> 30),
        1.. if bytes % (1 << 20) == 0 => format!("{}mb", bytes >> 20),
        1.. if bytes % (1 << 10) == 0 => format!("{}kb", bytes >> 10),
        _ => format!("{bytes}"),
    }
}

fn set_bind(config: &mut Config, words: &[&[u8]], _: Stage) -> Result<(), Refusal> {
    const MOST_ADDRESSES: usize = 16;
    if words.len() > MOST_ADDRESSES {
        return Err(Cow::Borrowed("Too many bind addresses specified."));
    }
    let words = if words == [b""] { &[] } else { words };
    config.bind = words.iter().map(|word| word.to_vec()).collect();
    Ok(())
}

fn set_events(config: &mut Config, words: &[&[u8]], _: Stage) -> Result<(), Refusal> {
    let mut bits = 0;
    for &letter in words.first().copied().unwrap_or_default() {
        bits |= match events::LETTERS.iter().find(|(known, _)| *known == letter) {
            Some((_, bit)) => *bit,
            None if letter == b'A' => events::ALL,
            None => return Err(Cow::Borrowed("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")),
        };
    }
    config.notify_keyspace_events = bits;
    Ok(())
}

fn get_events(config: &Config) -> Vec<u8> {
    let bits = config.notify_keyspace_events;
    let all = bits & events::ALL == events::ALL;
    let mut text = Vec::from(if all { &b"A"[..] } else { b"" });
    // As Redis prints it: where `A` stands, `n` is not printed.
    let covered = if all { events::ALL | events::NEW } else { 0 };
    text.extend(
        events::LETTERS.iter().filter(|(_, bit)| bits & bit & !covered != 0).map(|(letter, _)| *letter),
    );
    text
}

fn set_percentiles(config: &mut Config, words: &[&[u8]], _: Stage) -> Result<(), Refusal> {
    let words = if words == [b""] { &[] } else { words };
    config.latency_tracking_info_percentiles =
        words.iter().map(|word| percentile(word)).collect::<Result<_, _>>()?;
    Ok(())
}

/// A percentile as Redis prints it: six digits after the point at most, and no zeros that say nothing.
fn percentile(word: &[u8]) -> Result<Vec<u8>, Refusal> {
    let number =
        parse_f64(word).ok_or(Cow::Borrowed("Invalid latency-tracking-info-percentiles parameters"))?;
    if !(0.0..=100.0).contains(&number) {
        let reason = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
        return Err(Cow::Borrowed(reason));
    }
    let text = fixed(number, 6);
    Ok(text.trim_end_matches('0').trim_end_matches('.').as_bytes().to_vec())
}

//! LATENCY: events that took long, a short history of each.

use crate::words::config::Config;
use crate::words::ordered::OrderedMap;
use crate::words::time::UnixMillis;
use alloc::collections::VecDeque;

/// Samples kept of each event.
const HISTORY: usize = 160;

/// The history of one event.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Seconds since the epoch and the longest milliseconds in that second, oldest first.
    pub samples: VecDeque<(i64, u64)>,
    /// The most ever, in milliseconds.
    pub max: u64,
}

/// The events by name.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    /// The events by name.
    pub events: OrderedMap<&'static str, Series>,
}

impl LatencyMonitor {
    /// Notes an event if it took at least `latency-monitor-threshold` milliseconds.
    pub fn note(&mut self, config: &Config, event: &'static str, micros: u64, now: UnixMillis) {
        let threshold = config.latency_monitor_threshold;
        let millis = micros / 1000;
        if threshold <= 0 || (millis as i64) < threshold {
            return;
        }
        let series = self.events.entry(event).or_default();
        series.max = series.max.max(millis);
        let second = now / 1000;
        match series.samples.back_mut() {
            Some(last) if last.0 == second => last.1 = last.1.max(millis),
            _ => series.samples.push_back((second, millis)),
        }
        if series.samples.len() > HISTORY {
            series.samples.pop_front();
        }
    }
}

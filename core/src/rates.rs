//! How fast counters grow: the averages of the last samples, as INFO tells them.

/// Samples kept.
const SAMPLES: usize = 16;
/// Time between two samples, in microseconds.
const PERIOD_MICROS: u64 = 100_000;
const MICROS_A_SECOND: u64 = 1_000_000;

/// One counter's growth a second, by sample.
#[derive(Debug, Default, Clone, Copy)]
struct Meter {
    last: u64,
    rates: [u64; SAMPLES],
}

impl Meter {
    fn sample(&mut self, at: usize, value: u64, micros: u64) {
        self.rates[at] = value.saturating_sub(self.last) * MICROS_A_SECOND / micros;
        self.last = value;
    }

    fn average(&self) -> u64 {
        self.rates.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// The growth of the counters of commands, of bytes received and of bytes sent.
#[derive(Debug, Default, Clone, Copy)]
pub struct Rates {
    meters: [Meter; 3],
    at: usize,
    last_micros: u64,
}

impl Rates {
    /// Takes a sample when one is due.
    pub fn sample(&mut self, micros: u64, counters: [u64; 3]) {
        let elapsed = micros.saturating_sub(self.last_micros);
        if elapsed < PERIOD_MICROS {
            return;
        }
        self.last_micros = micros;
        for (meter, value) in self.meters.iter_mut().zip(counters) {
            meter.sample(self.at, value, elapsed);
        }
        self.at = (self.at + 1) % SAMPLES;
    }

    /// Commands a second.
    pub fn commands(&self) -> u64 {
        self.meters[0].average()
    }

    /// Bytes received a second.
    pub fn input(&self) -> u64 {
        self.meters[1].average()
    }

    /// Bytes sent a second.
    pub fn output(&self) -> u64 {
        self.meters[2].average()
    }
}

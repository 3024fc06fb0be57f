//! `name:value` lines under `# Section` headings.

use crate::words::number::fixed;
use alloc::vec::Vec;

/// A text that grows line by line.
#[derive(Debug, Default)]
pub(super) struct InfoText(Vec<u8>);

impl InfoText {
    /// Begins a section.
    pub(super) fn begin(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.extend_from_slice(b"\r\n");
        }
        self.0.extend_from_slice(b"# ");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\r\n");
    }

    /// A line with a text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b':');
        self.0.extend_from_slice(value.as_bytes());
        self.0.extend_from_slice(b"\r\n");
    }

    /// Lines as they are.
    pub(super) fn lines(&mut self, lines: &[u8]) {
        self.0.extend_from_slice(lines);
    }

    /// A line with a number.
    pub(super) fn int(&mut self, name: &str, value: i64) {
        self.text(name, itoa::Buffer::new().format(value));
    }

    /// A line with a count.
    pub(super) fn count(&mut self, name: &str, value: usize) {
        self.int(name, value as i64);
    }

    /// A line with 0 or 1.
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.int(name, i64::from(value));
    }

    /// A line with two decimals and what follows them.
    pub(super) fn ratio(&mut self, name: &str, value: f64, unit: &str) {
        self.text(name, &(fixed(value, 2) + unit));
    }

    /// A line with bytes in the largest fitting unit.
    pub(super) fn human(&mut self, name: &str, bytes: usize) {
        const UNITS: [(&str, u32); 4] = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];
        match UNITS.iter().find(|(_, shift)| bytes as u64 >= 1 << shift) {
            Some((unit, shift)) => self.ratio(name, bytes as f64 / (1u64 << shift) as f64, unit),
            None => self.text(name, &alloc::format!("{bytes}B")),
        }
    }

    /// The whole text.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

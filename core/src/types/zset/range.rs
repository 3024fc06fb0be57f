//! The intervals that range commands name: of scores, and of members under one score.

use alloc::vec::Vec;

/// An interval of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRange {
    /// The lower end.
    pub min: f64,
    /// The upper end.
    pub max: f64,
    /// Whether `min` itself lies outside.
    pub min_exclusive: bool,
    /// Whether `max` itself lies outside.
    pub max_exclusive: bool,
}

/// One end of an interval of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before every member.
    Min,
    /// `+`: after every member.
    Max,
    /// `[member`.
    Inclusive(&'a [u8]),
    /// `(member`.
    Exclusive(&'a [u8]),
}

/// An interval of members. It means something only where all scores are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lower end.
    pub min: LexBound<'a>,
    /// The upper end.
    pub max: LexBound<'a>,
}

impl ScoreRange {
    /// Every score from `min` to `max`, both inside.
    pub const fn inclusive(min: f64, max: f64) -> Self {
        Self { min, max, min_exclusive: false, max_exclusive: false }
    }

    /// Whether the lower end lets a score in.
    pub fn reaches_min(&self, score: f64) -> bool {
        score > self.min || (!self.min_exclusive && score == self.min)
    }

    /// Whether the upper end lets a score in.
    pub fn reaches_max(&self, score: f64) -> bool {
        score < self.max || (!self.max_exclusive && score == self.max)
    }
}

impl LexRange<'_> {
    /// Whether the lower end lets a member in.
    pub fn reaches_min(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Min => true,
            LexBound::Max => false,
            LexBound::Inclusive(min) => member >= min,
            LexBound::Exclusive(min) => member > min,
        }
    }

    /// Whether the upper end lets a member in.
    pub fn reaches_max(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Inclusive(max) => member <= max,
            LexBound::Exclusive(max) => member < max,
        }
    }

    /// Whether no member at all can lie inside.
    pub fn is_empty(&self) -> bool {
        use LexBound::{Exclusive, Inclusive, Max, Min};
        match (self.min, self.max) {
            (Min, Min) | (Max, Max | Min) => true,
            (Min, _) | (_, Max) => false,
            (Max, _) | (_, Min) => true,
            (Inclusive(min), Inclusive(max)) => min > max,
            (Inclusive(min) | Exclusive(min), Inclusive(max) | Exclusive(max)) => min >= max,
        }
    }
}

/// A member with its score, copied out.
pub type Pair = (Vec<u8>, f64);

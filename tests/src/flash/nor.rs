//! A NOR flash in memory: it programs ones to zeros only, counts, and loses its power in the middle of an operation.

use crate::sim::Dice;
use nuthatch_core::{FlashDevice, FlashGeometry};
use std::ops::Range;

/// The power is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault;

/// How often each operation was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads, and the bytes that they read.
    pub reads: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Programs.
    pub programs: u64,
    /// Bytes programmed.
    pub programmed: u64,
    /// Erases.
    pub erases: u64,
}

/// The flash.
#[derive(Debug, Clone)]
pub struct Nor {
    /// How it is divided.
    pub geometry: FlashGeometry,
    /// What is on it.
    pub bytes: Vec<u8>,
    /// Which bytes were programmed since they were erased, were it with ones.
    touched: Vec<bool>,
    /// Erases of each segment.
    pub wear: Vec<u64>,
    /// Counts since this was last set.
    pub counts: Counts,
    /// After so many programs and erases the power goes, in the middle of the next one.
    pub cut: Option<u64>,
    /// Bytes may be programmed again, which clears more of their bits: for stores that do so.
    pub is_lenient: bool,
    is_off: bool,
    dice: Dice,
}

impl Nor {
    /// A flash that comes from the factory: all ones.
    pub fn new(geometry: FlashGeometry, seed: u64) -> Self {
        let len = (geometry.segment * geometry.segments) as usize;
        Self {
            geometry,
            bytes: vec![0xff; len],
            touched: vec![false; len],
            wear: vec![0; geometry.segments as usize],
            counts: Counts::default(),
            cut: None,
            is_lenient: false,
            is_off: false,
            dice: Dice::new(seed),
        }
    }

    /// Switches the power on again, until the next cut.
    pub fn switch_on(&mut self, cut: Option<u64>) {
        self.is_off = false;
        self.cut = cut;
    }

    /// Forgets which bytes were programmed: what is on the flash was put there by other means.
    pub fn forget(&mut self) {
        self.touched.fill(false);
    }

    /// Whether the power went.
    pub fn is_off(&self) -> bool {
        self.is_off
    }

    /// Flips a bit, as weak cells do.
    pub fn flip(&mut self, bit: usize) {
        self.bytes[bit / 8] ^= 1 << (bit % 8);
    }

    /// Whether the power goes in this operation.
    fn goes_now(&mut self) -> Result<bool, Fault> {
        if self.is_off {
            return Err(Fault);
        }
        match &mut self.cut {
            None => Ok(false),
            Some(0) => {
                self.is_off = true;
                Ok(true)
            }
            Some(left) => {
                *left -= 1;
                Ok(false)
            }
        }
    }

    /// Changes some of the bits that `change` would: of a part all, which may be none, what lies before one byte, behind one,
    /// between two, or everything; of the rest none, or each with the same chance.
    fn tear(&mut self, range: Range<usize>, change: impl Fn(usize) -> u8) {
        let len = range.len();
        let (one, other) = (self.dice.below(len + 1), self.dice.below(len + 1));
        let whole = match self.dice.below(8) {
            0 => 0..0,
            1 => 0..len,
            2 | 3 => 0..one,
            4 | 5 => one..len,
            _ => one.min(other)..one.max(other),
        };
        let chance = match self.dice.below(3) {
            0 | 1 => 0,
            _ => 1 + self.dice.below(7),
        };
        for (i, at) in range.enumerate() {
            let target = change(at);
            let mask = if whole.contains(&i) {
                0xff
            } else {
                (0..8).fold(0, |mask, bit| mask | u8::from(self.dice.below(8) < chance) << bit)
            };
            self.bytes[at] = self.bytes[at] & !mask | target & mask;
        }
    }
}

impl FlashDevice for Nor {
    type Error = Fault;

    async fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), Fault> {
        if self.is_off {
            return Err(Fault);
        }
        self.counts.reads += 1;
        self.counts.read_bytes += into.len() as u64;
        into.copy_from_slice(&self.bytes[at as usize..at as usize + into.len()]);
        Ok(())
    }

    async fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Fault> {
        let (write, segment) = (self.geometry.write, self.geometry.segment);
        assert!(
            !bytes.is_empty() && at.is_multiple_of(write) && bytes.len().is_multiple_of(write as usize),
            "not aligned"
        );
        assert_eq!(at / segment, (at + bytes.len() as u32 - 1) / segment, "beyond its segment");
        let begin = at as usize;
        let range = begin..begin + bytes.len();
        let goes = self.goes_now()?;
        if !self.is_lenient {
            let blank = range.clone().all(|at| !self.touched[at] && self.bytes[at] == 0xff);
            assert!(blank, "programmed at {at}, where there is something");
        }
        self.touched[range.clone()].fill(true);
        if goes {
            let old = self.bytes.clone();
            self.tear(range, |at| old[at] & bytes[at - begin]);
            return Err(Fault);
        }
        self.counts.programs += 1;
        self.counts.programmed += bytes.len() as u64;
        self.bytes[range].iter_mut().zip(bytes).for_each(|(byte, new)| *byte &= new);
        Ok(())
    }

    async fn erase(&mut self, segment: u32) -> Result<(), Fault> {
        let len = self.geometry.segment as usize;
        let range = segment as usize * len..(segment as usize + 1) * len;
        let goes = self.goes_now()?;
        self.wear[segment as usize] += 1;
        if goes {
            // What was half erased is not fit to be programmed, whatever it reads.
            self.touched[range.clone()].fill(true);
            self.tear(range, |_| 0xff);
            return Err(Fault);
        }
        self.counts.erases += 1;
        self.touched[range.clone()].fill(false);
        self.bytes[range].fill(0xff);
        Ok(())
    }

    async fn barrier(&mut self) -> Result<(), Fault> {
        if self.is_off { Err(Fault) } else { Ok(()) }
    }
}

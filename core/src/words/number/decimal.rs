//! Exact decimals of any length, scaled by powers of two: the slow path where 128 bits do not suffice.

use alloc::vec::Vec;

/// The most bits one pass shifts by: nine times 2^59 and its carry still fit a `u64`.
const MAX_SHIFT: u32 = 59;

/// `0.d₀d₁d₂… × 10^point`, without leading or trailing zero digits.
pub(super) struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    /// From digit values 0 to 9 of an integer that is scaled by ten to `exponent`.
    pub(super) fn new(digits: Vec<u8>, exponent: i32) -> Self {
        let point = exponent + digits.len() as i32;
        let mut decimal = Self { digits, point };
        decimal.trim();
        decimal
    }

    /// From an integer.
    pub(super) fn from_u64(value: u64) -> Self {
        let text = itoa::Buffer::new().format(value).bytes().map(|byte| byte - b'0').collect();
        Self::new(text, 0)
    }

    fn trim(&mut self) {
        let zeros = self.digits.iter().take_while(|&&digit| digit == 0).count();
        self.digits.drain(..zeros);
        self.point -= zeros as i32;
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
    }

    /// Multiplies by two to `exponent`.
    pub(super) fn scale(&mut self, exponent: i32) {
        let mut left = exponent.unsigned_abs();
        while left > 0 {
            let step = left.min(MAX_SHIFT);
            if exponent > 0 {
                self.shift_left(step);
            } else {
                self.shift_right(step);
            }
            left -= step;
        }
    }

    fn shift_left(&mut self, bits: u32) {
        let mut carry = 0u64;
        for digit in self.digits.iter_mut().rev() {
            let value = (u64::from(*digit) << bits) + carry;
            *digit = (value % 10) as u8;
            carry = value / 10;
        }
        let mut front = Vec::new();
        while carry > 0 {
            front.push((carry % 10) as u8);
            carry /= 10;
        }
        self.point += front.len() as i32;
        self.digits.splice(..0, front.into_iter().rev());
        self.trim();
    }

    fn shift_right(&mut self, bits: u32) {
        let mask = (1u64 << bits) - 1;
        let mut rest = 0u64;
        for digit in &mut self.digits {
            let value = rest * 10 + u64::from(*digit);
            *digit = (value >> bits) as u8;
            rest = value & mask;
        }
        while rest > 0 {
            let value = rest * 10;
            self.digits.push((value >> bits) as u8);
            rest = value & mask;
        }
        self.trim();
    }

    /// The value as `mantissa · 2^exponent`, the mantissa's top bit set and its lowest bit standing for all that
    /// was cut off below it. The value must not be zero.
    pub(super) fn into_binary(mut self) -> (u128, i32) {
        let mut exponent = 0;
        loop {
            let step = match self.point {
                1.. => -((self.point - 1) * 3 + 1).min(MAX_SHIFT as i32),
                0 if self.digits.first().is_some_and(|&digit| digit >= 5) => break,
                _ => (-self.point * 3).clamp(1, MAX_SHIFT as i32),
            };
            self.scale(step);
            exponent -= step;
        }
        self.scale(128);
        let whole = self.point as usize;
        let mut mantissa = 0u128;
        for at in 0..whole {
            mantissa = mantissa * 10 + u128::from(self.digits.get(at).copied().unwrap_or(0));
        }
        (mantissa | u128::from(self.digits.len() > whole), exponent - 128)
    }

    /// The value rounded half-to-even to `count` digits, and the power of ten of the first of them.
    pub(super) fn rounded(&self, count: usize) -> (u64, i32) {
        let digit = |at: usize| u64::from(self.digits.get(at).copied().unwrap_or(0));
        let kept = (0..count).fold(0, |value, at| value * 10 + digit(at));
        let beyond = self.digits.len() > count + 1;
        let up = digit(count) > 5 || (digit(count) == 5 && (beyond || kept % 2 == 1));
        (kept + u64::from(up), self.point - 1)
    }

    /// Appends the digits of a whole number.
    pub(super) fn write_integer(&self, out: &mut Vec<u8>) {
        for at in 0..self.point.max(0) as usize {
            out.push(b'0' + self.digits.get(at).copied().unwrap_or(0));
        }
    }
}

//! A value on its pages: a checked header and the value's one encoding.
//!
//! ```text
//! | check of all that follows u64 | generation u32 | key's hash u32 | length of the body u32 | form u8 | body … |
//! ```

use crate::types::codec::{Dialect, Form};
use crate::words::check::check64;

/// Bytes before the body.
pub const HEADER: usize = 21;
const CHECK: usize = 8;

/// Why a frame was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadFrame {
    /// Fewer bytes than the frame has.
    Short,
    /// The checksum does not fit.
    Checksum,
    /// It is another value's frame, or an older one of this value.
    Stranger,
}

/// Begins a frame at the end of `out` and returns where; [`finish`] follows when the body is written.
pub fn begin(out: &mut alloc::vec::Vec<u8>) -> usize {
    let at = out.len();
    out.resize(at + HEADER, 0);
    at
}

/// Fills in the header of the frame that begins at `at` and ends with `out`; returns the frame's length.
pub fn finish(out: &mut [u8], at: usize, generation: u32, key_hash: u32, form: Form) -> usize {
    let frame = &mut out[at..];
    let body = (frame.len() - HEADER) as u32;
    frame[8..12].copy_from_slice(&generation.to_le_bytes());
    frame[12..16].copy_from_slice(&key_hash.to_le_bytes());
    frame[16..20].copy_from_slice(&body.to_le_bytes());
    frame[20] = form.byte();
    let check = check64(&frame[CHECK..]);
    frame[..CHECK].copy_from_slice(&check.to_le_bytes());
    frame.len()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// The form and body of a frame, if it is whole and the one that is expected.
pub fn open(frame: &[u8], generation: u32, key_hash: u32) -> Result<(Form, &[u8]), BadFrame> {
    let body = word(frame, 16) as usize;
    let whole =
        frame.get(..HEADER.saturating_add(body)).filter(|f| f.len() >= HEADER).ok_or(BadFrame::Short)?;
    let check = whole[..CHECK].try_into().map_or(0, u64::from_le_bytes);
    if check != check64(&whole[CHECK..]) {
        return Err(BadFrame::Checksum);
    }
    if word(whole, 8) != generation || word(whole, 12) != key_hash {
        return Err(BadFrame::Stranger);
    }
    let form = Form::from_byte(whole[20], Dialect::Redis).ok_or(BadFrame::Checksum)?;
    Ok((form, &whole[HEADER..]))
}

//! DUMP payloads: type byte, body, the RDB version (u16 LE), CRC-64 of all before it (u64 LE).

use alloc::vec::Vec;

use super::encode::Encoder;
use super::form::{Dialect, Form};
use super::wire::Reason;
use crate::types::ValueRef;
use crate::words::codec::Put;
use crate::words::crc64::crc64;

/// The version and the checksum.
const FOOTER: usize = 10;
/// The newest version whose payloads are taken.
const NEWEST_READ: u16 = 12;

impl Encoder {
    /// Appends the value's DUMP payload.
    pub fn dump(&mut self, value: ValueRef<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        out.put_u8(self.form(value).byte());
        self.body(value, out);
        out.put_u16le(self.version());
        out.put_u64le(crc64(0, &out[start..]));
    }
}

/// Appends the DUMP payload of a value that is encoded already.
pub fn dump_raw(form: Form, body: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.put_u8(form.byte());
    out.extend_from_slice(body);
    out.put_u16le(NEWEST_READ);
    out.put_u64le(crc64(0, &out[start..]));
}

/// What a DUMP payload holds: a form and its body. `None`: it is none, is of a newer version, or its checksum is wrong.
/// The inner error: there is no such form.
pub fn open_dump(payload: &[u8]) -> Option<Result<(Form, &[u8]), Reason>> {
    let (value, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER)?)?;
    let (version, crc) = footer.split_first_chunk::<2>()?;
    let summed = &payload[..payload.len() - crc.len()];
    if u16::from_le_bytes(*version) > NEWEST_READ || crc64(0, summed).to_le_bytes() != crc {
        return None;
    }
    let Some((&byte, body)) = value.split_first() else { return Some(Err(Reason::Truncated)) };
    Some(Form::from_byte(byte, Dialect::Redis).ok_or(Reason::UnknownType(byte)).map(|form| (form, body)))
}

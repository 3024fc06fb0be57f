//! Replies of RESP2, written out.

pub(super) const OK: &str = "+OK\r\n";
pub(super) const QUEUED: &str = "+QUEUED\r\n";
pub(super) const NULL: &str = "$-1\r\n";
pub(super) const NULL_ARRAY: &str = "*-1\r\n";
pub(super) const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
pub(super) const NOT_INTEGER: &str = "-ERR value is not an integer or out of range\r\n";
pub(super) const NO_SUCH_KEY: &str = "-ERR no such key\r\n";

pub(super) fn int(n: i64) -> Vec<u8> {
    format!(":{n}\r\n").into_bytes()
}

pub(super) fn count(n: usize) -> Vec<u8> {
    format!(":{n}\r\n").into_bytes()
}

pub(super) fn bulk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("${}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

pub(super) fn bulk_or_null(bytes: Option<&Vec<u8>>) -> Vec<u8> {
    bytes.map_or_else(|| NULL.into(), |bytes| bulk(bytes))
}

/// An array of replies that are written out already.
pub(super) fn array(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", elements.len()).into_bytes();
    out.extend(elements.concat());
    out
}

pub(super) fn bulks<'a>(elements: impl Iterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    array(&elements.map(|element| bulk(element)).collect::<Vec<_>>())
}

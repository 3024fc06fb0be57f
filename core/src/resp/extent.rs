//! How far a reply reaches.

use crate::words::number::parse_i64;

/// The length in bytes of the reply that `bytes` begins with, and whether it is a push; `None`: it is not whole, or none.
pub fn reply_extent(bytes: &[u8]) -> Option<(usize, bool)> {
    let mut at = 0;
    let mut left: u64 = 1;
    while left > 0 {
        left -= 1;
        let end = at + memchr::memchr(b'\n', bytes.get(at..)?)? + 1;
        let (kind, number) = bytes[at..end].split_first()?;
        let number = || parse_i64(number.trim_ascii_end());
        at = end;
        match kind {
            b'$' | b'=' | b'!' => {
                if let Ok(len) = usize::try_from(number()?) {
                    at = at.checked_add(len)?.checked_add(2)?;
                }
            }
            b'*' | b'~' | b'>' => left = left.checked_add(number()?.max(0).cast_unsigned())?,
            b'%' => left = left.checked_add(number()?.max(0).cast_unsigned().checked_mul(2)?)?,
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
            _ => return None,
        }
    }
    (at <= bytes.len()).then_some((at, bytes.first() == Some(&b'>')))
}

#[cfg(test)]
mod tests {
    use super::reply_extent;

    #[test]
    fn every_kind_has_its_end() {
        let replies: [&[u8]; 12] = [
            b"+OK\r\n",
            b"-ERR no\r\n",
            b":12\r\n",
            b"$3\r\na\nb\r\n",
            b"$-1\r\n",
            b"*-1\r\n",
            b"*2\r\n$1\r\nx\r\n*1\r\n:1\r\n",
            b"%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n",
            b"_\r\n",
            b"#t\r\n",
            b"=5\r\ntxt:a\r\n",
            b">2\r\n+message\r\n$0\r\n\r\n",
        ];
        for reply in replies {
            let followed = [reply, b"+more\r\n"].concat();
            let push = reply[0] == b'>';
            assert_eq!(reply_extent(&followed), Some((reply.len(), push)), "{}", reply.escape_ascii());
            for cut in 0..reply.len() {
                assert_eq!(reply_extent(&reply[..cut]), None, "{} cut at {cut}", reply.escape_ascii());
            }
        }
        assert_eq!(reply_extent(b"x\r\n"), None);
    }
}

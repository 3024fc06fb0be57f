//! redis.conf's words and quotes.

use alloc::vec::Vec;

/// Splits a line into words: blanks separate, `"…"` knows `\n \r \t \b \a \xHH`, `'…'` knows `\'`.
///
/// `None` when a quote does not end, or ends in the middle of a word.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(|&byte| is_blank(byte)) {
            at += 1;
        }
        if at >= line.len() || line[at] == 0 {
            return Some(words);
        }
        words.push(word(line, &mut at)?);
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn word(line: &[u8], at: &mut usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while let Some(&byte) = line.get(*at) {
        *at += 1;
        match byte {
            b'"' => {
                double_quoted(line, at, &mut out)?;
                return ends_here(line, *at).then_some(out);
            }
            b'\'' => {
                single_quoted(line, at, &mut out)?;
                return ends_here(line, *at).then_some(out);
            }
            0 => break,
            _ if is_blank(byte) => break,
            _ => out.push(byte),
        }
    }
    Some(out)
}

fn ends_here(line: &[u8], at: usize) -> bool {
    line.get(at).is_none_or(|&byte| is_blank(byte))
}

fn double_quoted(line: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Option<()> {
    loop {
        let byte = *line.get(*at)?;
        *at += 1;
        match byte {
            b'"' => return Some(()),
            b'\\' => escape(line, at, out)?,
            _ => out.push(byte),
        }
    }
}

fn escape(line: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Option<()> {
    let hex = |i: usize| line.get(i).and_then(|&byte| char::from(byte).to_digit(16));
    if line.get(*at) == Some(&b'x')
        && let (Some(high), Some(low)) = (hex(*at + 1), hex(*at + 2))
    {
        out.push((high * 16 + low) as u8);
        *at += 3;
        return Some(());
    }
    let byte = *line.get(*at)?;
    *at += 1;
    out.push(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    });
    Some(())
}

fn single_quoted(line: &[u8], at: &mut usize, out: &mut Vec<u8>) -> Option<()> {
    loop {
        let byte = *line.get(*at)?;
        *at += 1;
        match byte {
            b'\'' => return Some(()),
            b'\\' if line.get(*at) == Some(&b'\'') => {
                out.push(b'\'');
                *at += 1;
            }
            _ => out.push(byte),
        }
    }
}

/// Appends `text` in double quotes, escaped so that [`split_args`] reads it back.
pub fn quote(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            0x20..=0x7e => out.push(byte),
            _ => out.extend_from_slice(&[
                b'\\',
                b'x',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
    out.push(b'"');
}

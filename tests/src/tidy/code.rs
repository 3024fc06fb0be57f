//! Rust text with everything blanked that is not code, and the tokens of what is left. A lexer of this size is
//! enough because the compiler has already accepted the files.

/// Replaces comments and the insides of string and character literals by spaces. Lengths and line ends stay.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let Some(end) = non_code(bytes, at) else {
            out.push(bytes[at]);
            at += 1;
            continue;
        };
        let literal = bytes[at] != b'/';
        for (i, &byte) in bytes[at..end].iter().enumerate() {
            let quote = literal && (i == 0 || at + i + 1 == end);
            out.push(if byte == b'\n' || quote { byte } else { b' ' });
        }
        at = end;
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Where the comment or literal that begins at `at` ends; `None` where code begins.
fn non_code(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let after_word = at > 0 && is_word(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => Some(at + rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(at + block_comment(rest)),
        [b'"', ..] => Some(at + quoted(rest, b'"')),
        [b'r', ..] if !after_word => raw_string(&rest[1..]).map(|len| at + 1 + len),
        [b'b' | b'c', b'r', ..] if !after_word => raw_string(&rest[2..]).map(|len| at + 2 + len),
        [b'\'', ..] => char_literal(rest).map(|len| at + len),
        _ => None,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of `#"…"#` (any number of `#`) at the start of `rest`.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().take_while(|&&b| b == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut at = hashes + 1;
    while at < rest.len() {
        let closes =
            rest[at] == b'"' && rest[at + 1..].iter().take(hashes).filter(|&&b| b == b'#').count() == hashes;
        if closes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(rest.len())
}

/// The length of a character literal; a lifetime is none.
fn char_literal(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted(rest, b'\''));
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)])
        .or_else(|e| std::str::from_utf8(&rest[1..=e.valid_up_to()]));
    let len = text.ok()?.chars().next()?.len_utf8();
    (rest.get(1 + len) == Some(&b'\'')).then_some(len + 2)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Everything but the line ends blanked.
pub fn blanked_whole(code: &str) -> String {
    code.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// Blanks items under `#[cfg(test)]` and `#[test]`.
pub fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    for marker in ["#[cfg(test)]", "#[test]", "#[cfg(all(test"] {
        let mut from = 0;
        while let Some(found) = code[from..].find(marker) {
            let start = from + found;
            let end = item_end(code, start + marker.len());
            out[start..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
            from = end;
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Where the item after `at` ends: at its closing brace, or at the semicolon of one without a body.
pub fn item_end(code: &str, at: usize) -> usize {
    let mut nested = 0usize;
    for (i, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested = nested.saturating_sub(1),
            b';' if nested == 0 => return i + 1,
            b'{' if nested == 0 => return closing_brace(code, i) + 1,
            _ => {}
        }
    }
    code.len()
}

/// The offset of the brace that closes the one at `open`.
pub fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (i, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return i;
                }
            }
            _ => {}
        }
    }
    code.len().saturating_sub(1)
}

/// A word, `::`, or one other byte of blanked code, with its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Where it begins.
    pub at: usize,
    /// Its text.
    pub text: &'a str,
}

/// The tokens of blanked code.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let bytes = code.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let len = if is_word(bytes[at]) {
            bytes[at..].iter().take_while(|&&b| is_word(b)).count()
        } else if bytes[at..].starts_with(b"::") {
            2
        } else {
            1
        };
        if !bytes[at].is_ascii_whitespace() {
            out.push(Token { at, text: &code[at..at + len] });
        }
        at += len;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        assert_eq!(blank("a // b\nc"), "a     \nc");
        assert_eq!(blank("a /* b /* c */ */ d"), "a                 d");
        assert_eq!(blank(r#"f("a\"b", 'c', '\'')"#), r#"f("    ", ' ', '  ')"#);
        assert_eq!(blank("r#\"a\"b\"# x"), "r      # x");
        assert_eq!(blank("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(blank("'é' '{'"), "'  ' ' '");
    }

    #[test]
    fn test_items_are_blanked() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\nfn c() {}";
        let shipped = without_tests(code);
        assert!(shipped.contains("fn a") && shipped.contains("fn c") && !shipped.contains("fn b"));
        assert_eq!(shipped.len(), code.len());
        assert!(without_tests("#[cfg(test)]\nmod tests;\nfn c() {}").contains("fn c"));
    }
}

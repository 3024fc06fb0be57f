//! Glob patterns as Redis's `stringmatchlen` matches them, its odd corners included.

/// Whether `pattern` matches the whole of `text`. `*`, `?`, `[a-z]`, `[^…]` and `\` have their meanings; `nocase`
/// ignores ASCII case. Two oddities are Redis's own: `*` alone does not match an empty text, and a class that is
/// not closed ends with the pattern. Time is bounded by the product of the lengths.
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let mut rest = Cursor { pattern, text };
    let mut star: Option<Cursor<'_>> = None;
    loop {
        if rest.pattern.is_empty() || rest.text.is_empty() {
            if rest.pattern.is_empty() && rest.text.is_empty() {
                return true;
            }
        } else if rest.pattern[0] == b'*' {
            rest.skip_stars();
            if rest.pattern.is_empty() {
                return true;
            }
            star = Some(rest);
            continue;
        } else if rest.step(nocase) {
            if rest.text.is_empty() {
                rest.skip_stars();
            }
            continue;
        }
        // Only the last star needs to be stretched: whatever an earlier one could reach, it can reach as well.
        let Some(anchor) = &mut star else { return false };
        let Some((_, text)) = anchor.text.split_first() else { return false };
        anchor.text = text;
        rest = *anchor;
    }
}

/// What is left to match.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    pattern: &'a [u8],
    text: &'a [u8],
}

impl Cursor<'_> {
    fn skip_stars(&mut self) {
        while let [b'*', rest @ ..] = self.pattern {
            self.pattern = rest;
        }
    }

    /// Matches one byte of the text against one element of the pattern; both must be there.
    fn step(&mut self, nocase: bool) -> bool {
        let (Some((&byte, text)), [element, pattern @ ..]) = (self.text.split_first(), self.pattern) else {
            return false;
        };
        let (matched, pattern) = match (element, pattern) {
            (b'?', _) => (true, pattern),
            (b'[', _) => match_class(pattern, byte, nocase),
            (b'\\', [escaped, rest @ ..]) => (same(*escaped, byte, nocase), rest),
            (literal, _) => (same(*literal, byte, nocase), pattern),
        };
        self.pattern = pattern;
        self.text = text;
        matched
    }
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

/// Matches a class whose `[` is already taken; gives back the pattern behind its `]`.
fn match_class(pattern: &[u8], byte: u8, nocase: bool) -> (bool, &[u8]) {
    let (negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut matched = false;
    loop {
        rest = match rest {
            // An escaped byte in a class never folds case.
            [b'\\', escaped, tail @ ..] => {
                matched |= *escaped == byte;
                tail
            }
            [b']', tail @ ..] => return (matched != negated, tail),
            [] => return (matched != negated, rest),
            [low, b'-', high, tail @ ..] => {
                matched |= in_range(*low, *high, byte, nocase);
                tail
            }
            [literal, tail @ ..] => {
                matched |= same(*literal, byte, nocase);
                tail
            }
        };
    }
}

/// Redis compares the ends of a range as C's signed characters, and folds case after it has put them in order.
fn in_range(low: u8, high: u8, byte: u8, nocase: bool) -> bool {
    let (mut low, mut high, mut byte) = (low as i8, high as i8, byte as i8);
    if low > high {
        core::mem::swap(&mut low, &mut high);
    }
    if nocase {
        let fold = |c: i8| (c as u8).to_ascii_lowercase() as i8;
        (low, high, byte) = (fold(low), fold(high), fold(byte));
    }
    (low..=high).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::glob_match;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        glob_match(pattern.as_bytes(), text.as_bytes(), false)
    }

    #[test]
    fn stars_and_marks() {
        assert!(matches("*", "abc") && matches("**", "abc") && matches("a*", "a") && matches("a**", "a"));
        assert!(matches("h?llo", "hello") && !matches("h?llo", "hllo"));
        assert!(matches("*foo*bar*", "xfooybarz") && !matches("*foo*bar", "xfooybarz"));
        assert!(matches("", "") && !matches("", "a") && !matches("?", ""));
    }

    /// `HSET h '' v a 1`, `HSCAN h 0 MATCH **` on Redis 7.0.15 gives `a` alone.
    #[test]
    fn a_star_does_not_match_an_empty_text() {
        assert!(!matches("**", "") && !matches("*", ""));
    }

    #[test]
    fn classes() {
        assert!(matches("h[ae]llo", "hallo") && !matches("h[ae]llo", "hillo"));
        assert!(matches("h[^e]llo", "hallo") && !matches("h[^e]llo", "hello"));
        assert!(
            matches("h[a-b]llo", "hbllo") && matches("h[b-a]llo", "hallo") && !matches("h[a-b]llo", "hcllo")
        );
        assert!(matches("[\\]]", "]") && matches("[a", "a") && !matches("[", "a"));
        assert!(matches("[a-", "-") && matches("[^", "x") && !matches("[]", "x"));
        assert!(!glob_match(b"[\\A]", b"a", true) && glob_match(b"[A]", b"a", true));
        assert!(glob_match(b"[A-C]", b"b", true) && !glob_match(b"[A-C]", b"b", false));
        assert!(glob_match(b"[\x80-\x01]", b"\xff", false) && !glob_match(b"[\x80-\x01]", b"\x02", false));
    }

    #[test]
    fn escapes() {
        assert!(
            matches("\\*", "*") && !matches("\\*", "a") && matches("a\\", "a\\") && matches("\\\\", "\\")
        );
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(5000)));
    }

    /// Redis's own recursion, written plainly.
    fn model(pattern: &[u8], text: &[u8]) -> bool {
        let (mut p, mut t) = (pattern, text);
        while !p.is_empty() && !t.is_empty() {
            match p[0] {
                b'*' => {
                    while p.get(1) == Some(&b'*') {
                        p = &p[1..];
                    }
                    return p.len() == 1 || (0..t.len()).any(|at| model(&p[1..], &t[at..]));
                }
                b'?' => {}
                b'\\' if p.len() > 1 => {
                    p = &p[1..];
                    if p[0] != t[0] {
                        return false;
                    }
                }
                b'[' => {
                    let (matched, rest) = super::match_class(&p[1..], t[0], false);
                    if !matched {
                        return false;
                    }
                    p = &p[p.len() - rest.len() - 1..];
                }
                byte if byte != t[0] => return false,
                _ => {}
            }
            (p, t) = (&p[1..], &t[1..]);
            if t.is_empty() {
                while p.first() == Some(&b'*') {
                    p = &p[1..];
                }
                break;
            }
        }
        p.is_empty() && t.is_empty()
    }

    proptest! {
        #[test]
        fn agrees_with_the_recursion(
            pattern in proptest::collection::vec(proptest::sample::select(b"ab*?[]^-\\".to_vec()), 0..10),
            text in proptest::collection::vec(proptest::sample::select(b"ab]^-\\".to_vec()), 0..8),
        ) {
            let pattern: Vec<u8> = pattern;
            prop_assert_eq!(glob_match(&pattern, &text, false), model(&pattern, &text));
        }
    }
}

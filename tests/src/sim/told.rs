//! What a failure tells: the commands before it, and where two replies part.

use std::collections::VecDeque;

/// How many lines are remembered.
const REMEMBERED: usize = 60;
/// Letters of a line, and of a reply from shortly before the difference on.
const SHOWN: usize = 300;
const BEFORE: usize = 60;

/// The last commands and what happened between them.
#[derive(Debug, Default)]
pub(super) struct Past(VecDeque<String>);

impl Past {
    pub(super) fn remember(&mut self, line: &str) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(line.chars().take(SHOWN).collect());
    }

    /// A difference in its setting, after what came before it.
    pub(super) fn explain(&self, difference: &str, setting: &str) -> String {
        let lines: Vec<&str> = self.0.iter().map(String::as_str).collect();
        format!("{difference}\n({setting}) after\n{}", lines.join("\n"))
    }
}

/// A command as a line.
pub(super) fn show(words: &[Vec<u8>]) -> String {
    words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" ")
}

/// Where a reply begins to differ from the one that was expected.
pub(super) fn difference(got: &[u8], expected: &[u8]) -> String {
    let common = got.iter().zip(expected).take_while(|(a, b)| a == b).count().saturating_sub(BEFORE);
    let part =
        |reply: &[u8]| String::from_utf8_lossy(&reply[common..]).chars().take(SHOWN).collect::<String>();
    format!("answered …{:?}, not …{:?}", part(got), part(expected))
}

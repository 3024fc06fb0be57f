//! How a directive's text becomes a value and back.

use super::places::{Choice, Field};
use super::{Config, Refusal, Stage};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Decimal.
    Plain,
    /// Bytes, with the suffixes k, kb, m, mb, g, gb.
    Memory,
    /// Bytes, or a percentage, which is stored negative.
    MemoryOrPercent,
    /// Octal, as file permissions.
    Octal,
}

/// A number's bounds, both allowed.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub(super) unit: Unit,
    pub(super) min: i64,
    pub(super) max: i64,
}

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A file that is read and written only where it has a name.
    OptionalFile,
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// How an inert directive is checked.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// yes or no.
    Bool,
    /// A number.
    Number(Bounds),
    /// One of these words.
    Words(&'static [&'static str]),
    /// Some of these words.
    Flags(&'static [&'static str]),
    /// Anything.
    Text,
    /// So many integers.
    Integers(usize),
    /// Only the default; the text says why.
    Fixed(&'static str),
    /// no; the text says why yes is refused.
    OnlyNo(&'static str),
}

/// What a directive's value is and where it lies.
pub enum Kind {
    /// yes or no.
    Bool(Field<bool>),
    /// A number.
    Number(Field<i64>, Bounds),
    /// One of a few words.
    Choice(Choice),
    /// Any bytes.
    Text(Field<Vec<u8>>),
    /// The name of something in `dir`, not a path that leads elsewhere.
    Name(Field<Vec<u8>>, Named),
    /// A list or a small language of its own.
    Special(Special),
    /// Accepted and shown, and otherwise ignored: its shape and its default.
    Inert(Shape, &'static str),
}

type SetWords = fn(&mut Config, &[&[u8]], Stage) -> Result<(), Refusal>;
type PrintLines = fn(&Config) -> Vec<Vec<u8>>;

/// Reads and prints a directive that has a language of its own.
pub struct Special {
    pub(super) set: SetWords,
    pub(super) get: fn(&Config) -> Vec<u8>,
    /// The lines of a rewritten file, each without its name; `None`: one line with the value.
    pub(super) lines: Option<PrintLines>,
    /// Each line stands for itself: one that says the default need not be there.
    pub(super) apart: bool,
}

/// One directive.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its older name.
    pub alias: Option<&'static str>,
    /// What it holds.
    pub kind: Kind,
    pub(super) flags: u8,
}

/// Set at start only.
pub(super) const IMMUTABLE: u8 = 1;
/// Takes several arguments.
pub(super) const MULTI: u8 = 2;
/// Changed at run time only where enable-protected-configs allows.
pub(super) const PROTECTED: u8 = 4;
/// Not changed while a dataset is being loaded.
pub(super) const SETTLED: u8 = 16;
/// Never shown by a glob.
pub(super) const HIDDEN: u8 = 8;

impl Parameter {
    /// Whether only the configuration file and the command line may set it.
    pub const fn immutable(&self) -> bool {
        self.flags & IMMUTABLE != 0
    }

    /// Whether enable-protected-configs guards it.
    pub const fn protected(&self) -> bool {
        self.flags & PROTECTED != 0
    }

    /// Whether it stays as it is while a dataset is being loaded.
    pub const fn settled(&self) -> bool {
        self.flags & SETTLED != 0
    }

    /// Whether CONFIG GET shows it only when asked by its full name.
    pub const fn hidden(&self) -> bool {
        self.flags & HIDDEN != 0
    }

    pub(super) const fn multi(&self) -> bool {
        self.flags & MULTI != 0
    }

    pub(super) fn store(&self, config: &mut Config, words: &[&[u8]], stage: Stage) -> Result<(), Refusal> {
        let first = words.first().copied().unwrap_or_default();
        match &self.kind {
            Kind::Bool(field) => *(field.get_mut)(config) = parse_bool(first)?,
            Kind::Number(field, bounds) => *(field.get_mut)(config) = bounds.parse(first)?,
            Kind::Choice(choice) => {
                let index = parse_word(choice.names, first)?;
                (choice.set)(config, index);
            }
            Kind::Text(field) => *(field.get_mut)(config) = first.to_vec(),
            Kind::Name(field, named) => *(field.get_mut)(config) = named.check(self.name, first)?,
            Kind::Special(special) => (special.set)(config, words, stage)?,
            Kind::Inert(shape, default) => {
                let text = shape.check(words, default)?;
                config.inert.insert(self.name, text);
            }
        }
        Ok(())
    }

    /// Whether it has another value than by default, to no effect. What a signal does is the host's to read here.
    pub(super) fn is_ignored(&self, config: &Config) -> bool {
        let Kind::Inert(shape, default) = &self.kind else { return false };
        !matches!(shape, Shape::Flags(_))
            && config.inert.get(self.name).is_some_and(|text| text != default.as_bytes())
    }

    pub(super) fn load(&self, config: &Config) -> Vec<u8> {
        match &self.kind {
            Kind::Bool(field) => yes_no(*(field.get)(config)).to_vec(),
            Kind::Number(field, bounds) => bounds.print(*(field.get)(config)),
            Kind::Choice(choice) => choice.names[(choice.get)(config)].as_bytes().to_vec(),
            Kind::Text(field) | Kind::Name(field, _) => (field.get)(config).clone(),
            Kind::Special(special) => (special.get)(config),
            Kind::Inert(_, default) => {
                config.inert.get(self.name).map_or_else(|| default.as_bytes().to_vec(), Clone::clone)
            }
        }
    }
}

impl Named {
    /// The name to keep for this text.
    fn check(self, directive: &str, text: &[u8]) -> Result<Vec<u8>, Refusal> {
        if text.is_empty() && self != Self::OptionalFile {
            return Err(Cow::Owned([directive, " can't be empty"].concat()));
        }
        if text.iter().any(|byte| b"/\\".contains(byte)) {
            let what = if self == Self::Folder { "dirname" } else { "filename" };
            return Err(Cow::Owned([directive, " can't be a path, just a ", what].concat()));
        }
        Ok(text.to_vec())
    }
}

impl Shape {
    /// The text to keep for these words.
    fn check(&self, words: &[&[u8]], default: &str) -> Result<Vec<u8>, Refusal> {
        let first = words.first().copied().unwrap_or_default();
        match self {
            Self::Bool => parse_bool(first).map(|on| yes_no(on).to_vec()),
            Self::Number(bounds) => bounds.parse(first).map(|number| bounds.print(number)),
            Self::Words(names) => parse_word(names, first).map(|index| names[index].as_bytes().to_vec()),
            Self::Flags(names) => {
                if words.is_empty() {
                    parse_word(names, b"")?;
                }
                for word in words {
                    parse_word(names, word)?;
                }
                Ok(words.join(&b' '))
            }
            Self::Text => Ok(words.join(&b' ')),
            Self::Integers(count) if words.len() != *count => Err(Cow::Borrowed("wrong number of arguments")),
            Self::Integers(_) if words.iter().any(|word| parse_decimal(word).is_none()) => {
                Err(Cow::Borrowed("argument couldn't be parsed into an integer"))
            }
            Self::Integers(_) => Ok(words.join(&b' ')),
            Self::Fixed(reason) if words.join(&b' ') != default.as_bytes() => Err(Cow::Borrowed(*reason)),
            Self::Fixed(_) => Ok(default.as_bytes().to_vec()),
            Self::OnlyNo(reason) if parse_bool(first)? => Err(Cow::Borrowed(*reason)),
            Self::OnlyNo(_) => Ok(yes_no(false).to_vec()),
        }
    }
}

impl Bounds {
    /// The number that `text` means.
    fn parse(&self, text: &[u8]) -> Result<i64, Refusal> {
        let number = self.read(text)?;
        if self.unit == Unit::MemoryOrPercent && number < 0 {
            if number < self.min {
                return Err(Cow::Owned(format!(
                    "percentage argument must be less or equal to {}",
                    -self.min
                )));
            }
        } else if number < self.min || number > self.max {
            let (min, max) = (self.min, self.max);
            return Err(Cow::Owned(match self.unit {
                Unit::Octal => format!("argument must be between {min:o} and {max:o} inclusive"),
                _ => format!("argument must be between {min} and {max} inclusive"),
            }));
        }
        Ok(number)
    }

    fn read(&self, text: &[u8]) -> Result<i64, Refusal> {
        let (number, refusal) = match self.unit {
            Unit::Plain => (parse_decimal(text), "argument couldn't be parsed into an integer"),
            Unit::Octal => (parse_octal(text), "argument couldn't be parsed as an octal number"),
            // More than fits is out of bounds rather than unreadable, as Redis has it.
            Unit::Memory if is_huge(text) => (Some(i64::MIN), ""),
            Unit::Memory => (parse_memory(text), "argument must be a memory value"),
            Unit::MemoryOrPercent => (
                parse_memory(text).or_else(|| parse_percent(text)),
                "argument must be a memory or percent value",
            ),
        };
        number.ok_or(Cow::Borrowed(refusal))
    }

    fn print(&self, number: i64) -> Vec<u8> {
        match self.unit {
            Unit::Octal => format!("{number:o}"),
            Unit::MemoryOrPercent if number < 0 => format!("{}%", -number),
            _ => format!("{number}"),
        }
        .into_bytes()
    }

    /// As a rewritten file has it: memory in the largest unit that divides it.
    pub(super) fn print_for_file(&self, number: i64) -> Vec<u8> {
        if number <= 0 || !matches!(self.unit, Unit::Memory | Unit::MemoryOrPercent) {
            return self.print(number);
        }
        for (shift, suffix) in [(30, "gb"), (20, "mb"), (10, "kb")] {
            if number % (1 << shift) == 0 {
                return format!("{}{suffix}", number >> shift).into_bytes();
            }
        }
        self.print(number)
    }
}

fn yes_no(on: bool) -> &'static [u8] {
    if on { b"yes" } else { b"no" }
}

fn parse_bool(text: &[u8]) -> Result<bool, Refusal> {
    match text {
        _ if text.eq_ignore_ascii_case(b"yes") => Ok(true),
        _ if text.eq_ignore_ascii_case(b"no") => Ok(false),
        _ => Err(Cow::Borrowed("argument must be 'yes' or 'no'")),
    }
}

fn parse_word(names: &[&str], text: &[u8]) -> Result<usize, Refusal> {
    names.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let mut reason = String::from("argument(s) must be one of the following: ");
        reason.push_str(&names.join(", "));
        Cow::Owned(reason)
    })
}

/// A decimal number with an optional minus, nothing around it.
pub(super) fn parse_decimal(text: &[u8]) -> Option<i64> {
    let plain = text.strip_prefix(b"-").unwrap_or(text);
    let leading_zero = plain.len() > 1 && plain[0] == b'0';
    if leading_zero || text == b"-0" || plain.first().is_none_or(|byte| !byte.is_ascii_digit()) {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}

fn parse_octal(text: &[u8]) -> Option<i64> {
    i64::from_str_radix(core::str::from_utf8(text).ok()?, 8).ok()
}

fn parse_percent(text: &[u8]) -> Option<i64> {
    let number = parse_decimal(text.strip_suffix(b"%")?)?;
    (number >= 0).then_some(-number)
}

/// Whether this is a number of bytes that no integer holds.
fn is_huge(text: &[u8]) -> bool {
    const MOST_DIGITS: usize = 19;
    text.len() > MOST_DIGITS && text.iter().all(u8::is_ascii_digit)
}

/// Bytes with Redis's suffixes: `k` is 1000, `kb` is 1024. An empty number is 0, as in Redis.
pub fn parse_memory(text: &[u8]) -> Option<i64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, suffix) = text.split_at(digits);
    let unit: i64 = match suffix.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number: i64 = if digits == 0 { 0 } else { core::str::from_utf8(number).ok()?.parse().ok()? };
    number.checked_mul(unit)
}

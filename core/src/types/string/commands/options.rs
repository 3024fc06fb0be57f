//! The options that SET and GETEX share.

use crate::args::Args;
use crate::words::error::{CommandError, SYNTAX};
use crate::words::time::UnixMillis;

/// How an expiry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Seconds from now.
    Ex,
    /// Milliseconds from now.
    Px,
    /// Unix time in seconds.
    ExAt,
    /// Unix time in milliseconds.
    PxAt,
}

impl Form {
    fn of(args: Args<'_>, at: usize) -> Option<Self> {
        let names = [("EX", Self::Ex), ("PX", Self::Px), ("EXAT", Self::ExAt), ("PXAT", Self::PxAt)];
        names.into_iter().find(|(name, _)| args.is(at, name)).map(|(_, form)| form)
    }

    /// Whether the time is counted from now.
    fn is_relative(self) -> bool {
        matches!(self, Self::Ex | Self::Px)
    }

    /// The deadline that word `at` writes in this form.
    pub(super) fn deadline(
        self,
        args: Args<'_>,
        at: usize,
        now: UnixMillis,
        command: &str,
    ) -> Result<UnixMillis, CommandError> {
        let amount = args.int(at)?;
        let unit = if matches!(self, Self::Ex | Self::ExAt) { 1000 } else { 1 };
        let base = if self.is_relative() { now } else { 0 };
        let deadline = amount.checked_mul(unit).and_then(|millis| millis.checked_add(base));
        deadline.filter(|deadline| amount > 0 && *deadline > 0).ok_or_else(|| invalid_expire_time(command))
    }
}

#[cold]
fn invalid_expire_time(command: &str) -> CommandError {
    CommandError::owned(["ERR invalid expire time in '", command, "' command"].concat())
}

/// What becomes of the key's deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ttl {
    /// Nothing was said: SET drops it, GETEX keeps it.
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// A new one, from the word at this place.
    Expire(Form, usize),
}

/// Options as parsed.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) nx: bool,
    pub(super) xx: bool,
    pub(super) get: bool,
    pub(super) ttl: Ttl,
}

impl Options {
    /// SET's options, from word 3 on.
    pub(super) fn of_set(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self { nx: false, xx: false, get: false, ttl: Ttl::Unsaid };
        let mut at = 3;
        while at < args.len() {
            if args.is(at, "NX") && !options.xx {
                options.nx = true;
            } else if args.is(at, "XX") && !options.nx {
                options.xx = true;
            } else if args.is(at, "GET") {
                options.get = true;
            } else if args.is(at, "KEEPTTL") && matches!(options.ttl, Ttl::Unsaid | Ttl::Keep) {
                options.ttl = Ttl::Keep;
            } else {
                at = options.expiry(args, at)?;
            }
            at += 1;
        }
        Ok(options)
    }

    /// GETEX's options, from word 2 on.
    pub(super) fn of_getex(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self { nx: false, xx: false, get: false, ttl: Ttl::Unsaid };
        let mut at = 2;
        while at < args.len() {
            if args.is(at, "PERSIST") && matches!(options.ttl, Ttl::Unsaid | Ttl::Persist) {
                options.ttl = Ttl::Persist;
            } else {
                at = options.expiry(args, at)?;
            }
            at += 1;
        }
        Ok(options)
    }

    /// Takes an expiry at `at`, whose form may be repeated but not mixed; gives back the place of its amount.
    fn expiry(&mut self, args: Args<'_>, at: usize) -> Result<usize, CommandError> {
        let form = Form::of(args, at).filter(|_| at + 1 < args.len()).ok_or(SYNTAX)?;
        match self.ttl {
            Ttl::Unsaid => {}
            Ttl::Expire(before, _) if before == form => {}
            _ => return Err(SYNTAX),
        }
        self.ttl = Ttl::Expire(form, at + 1);
        Ok(at + 1)
    }

    /// The deadline asked for, if one was.
    pub(super) fn deadline(
        &self,
        args: Args<'_>,
        now: UnixMillis,
        command: &str,
    ) -> Result<Option<UnixMillis>, CommandError> {
        match self.ttl {
            Ttl::Expire(form, at) => form.deadline(args, at, now, command).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether a deadline was given as Unix time.
    pub(super) fn is_absolute(&self) -> bool {
        matches!(self.ttl, Ttl::Expire(form, _) if !form.is_relative())
    }

    /// Whether a deadline was given as Unix time in milliseconds, which the journal can keep as it is.
    pub(super) fn is_pxat(&self) -> bool {
        matches!(self.ttl, Ttl::Expire(Form::PxAt, _))
    }
}

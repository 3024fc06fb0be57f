//! SORT's options.

use alloc::vec::Vec;
use core::ops::Range;

use crate::args::Args;
use crate::words::error::{CommandError, SYNTAX};

/// What the options ask for.
#[derive(Debug, Default)]
pub(super) struct Options<'a> {
    pub(super) descending: bool,
    /// Compare bytes, not numbers.
    pub(super) alpha: bool,
    /// The pattern of the keys that hold the weights.
    pub(super) by: Option<&'a [u8]>,
    /// BY names one and the same key for all elements: they are not sorted.
    pub(super) keep_order: bool,
    /// Patterns of what is answered for each element.
    pub(super) get: Vec<&'a [u8]>,
    pub(super) store: Option<&'a [u8]>,
    /// How many to pass over, how many to take; negative ones are none and all.
    limit: Option<(i64, i64)>,
}

impl<'a> Options<'a> {
    pub(super) fn parse(args: Args<'a>, read_only: bool) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut at = 2;
        while at < args.len() {
            let behind = args.len() - at - 1;
            let taken = if args.is(at, "asc") {
                options.descending = false;
                0
            } else if args.is(at, "desc") {
                options.descending = true;
                0
            } else if args.is(at, "alpha") {
                options.alpha = true;
                0
            } else if behind >= 2 && args.is(at, "limit") {
                options.limit = Some((args.int(at + 1)?, args.int(at + 2)?));
                2
            } else if behind >= 1 && options.take(args, at, read_only) {
                1
            } else {
                return Err(SYNTAX);
            };
            at += taken + 1;
        }
        Ok(options)
    }

    /// Takes an option with one argument, if word `at` is one.
    fn take(&mut self, args: Args<'a>, at: usize, read_only: bool) -> bool {
        let word = args.get(at + 1);
        if !read_only && args.is(at, "store") {
            self.store = Some(word);
        } else if args.is(at, "by") {
            self.by = Some(word);
            self.keep_order |= !c_string(word).contains(&b'*');
        } else if args.is(at, "get") {
            self.get.push(word);
        } else {
            return false;
        }
        true
    }

    /// Sorts by the elements' bytes after all.
    pub(super) fn sort_by_bytes(&mut self) {
        self.keep_order = false;
        self.alpha = true;
        self.by = None;
    }

    /// The places that are asked for, of `len`.
    pub(super) fn limit(&self, len: usize) -> Range<usize> {
        let (start, count) = self.limit.unwrap_or((0, -1));
        // Where a `usize` has 32 bits it holds less than what may be asked for.
        let start = usize::try_from(start.max(0)).unwrap_or(len).min(len);
        let count = usize::try_from(count).unwrap_or(len).min(len - start);
        start..start + count
    }
}

/// What C sees of a string: the bytes before the first NUL.
pub(super) fn c_string(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

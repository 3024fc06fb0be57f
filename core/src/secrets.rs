//! Which words of a command must not be shown: passwords in MONITOR and SLOWLOG.

use crate::args::Args;

/// What stands in a secret's place.
pub const REDACTED: &[u8] = b"(redacted)";

/// Directives of CONFIG SET whose values are secret.
const DIRECTIVES: [&str; 3] = ["requirepass", "masterauth", "masteruser"];

/// Word `i` as it may be shown.
pub fn shown<'a>(args: Args<'a>, i: usize) -> &'a [u8] {
    if is_secret(args, i) { REDACTED } else { args.get(i) }
}

fn is_secret(args: Args<'_>, i: usize) -> bool {
    if args.is(0, "AUTH") {
        return i > 0;
    }
    if args.is(0, "HELLO") {
        return (2..args.len()).find(|&at| args.is(at, "AUTH")).is_some_and(|at| i == at + 1 || i == at + 2);
    }
    let sets = i > 2 && args.is(0, "CONFIG") && args.is(1, "SET");
    sets && !i.is_multiple_of(2) && DIRECTIVES.iter().any(|name| args.is(i - 1, name))
}

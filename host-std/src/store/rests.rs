//! Whether a read waited for a disk. How long it took does not tell: a quick disk is as fast as a processor is when others want it too. But a
//! thread that waits for a disk gives its processor away, and the system counts how often one did. So does one that waits for a lock, which
//! within a read is seldom.

use nix::sys::resource::{UsageWho, getrusage};
use std::cell::Cell;

thread_local! {
    static KNOWN: Cell<Option<i64>> = const { Cell::new(None) };
}

/// How often this thread has given its processor away.
fn count() -> Option<i64> {
    getrusage(UsageWho::RUSAGE_THREAD).ok().map(|usage| usage.voluntary_context_switches())
}

/// What this thread has rested until now was no disk.
pub fn forget() {
    KNOWN.set(count());
}

/// Whether this thread has rested since it was last asked, or told to forget. Where the system does not tell, it has.
pub fn has_rested() -> bool {
    let now = count();
    KNOWN.replace(now) != now || now.is_none()
}

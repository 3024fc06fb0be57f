//! fjall's errors, as those hear of them who have to do something about it.

use super::journal;
use std::io;

/// As the pool and clients hear of it.
pub fn told(error: fjall::Error) -> io::Error {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => error,
        fjall::Error::Poisoned => io::Error::other("the store stands still after an earlier failure"),
        error => io::Error::other(what_of(&error)),
    }
}

fn what_of(error: &fjall::Error) -> String {
    if is_damage(error) { "a block of it is damaged".to_owned() } else { format!("{error:?}") }
}

/// Whether a checksum or a head is wrong.
pub fn is_damage(error: &fjall::Error) -> bool {
    use fjall::LsmError::{ChecksumMismatch, InvalidHeader};
    matches!(error, fjall::Error::Storage(ChecksumMismatch { .. } | InvalidHeader(_)))
}

/// As [`told`], where the store does not open.
pub fn unopened(error: fjall::Error) -> io::Error {
    // A file that is missing, empty, or shorter than it says, is no failure of the disk.
    let of_the_disk = |error: &io::Error| {
        !matches!(
            error.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
        )
    };
    match error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) if of_the_disk(&io) => io,
        error => journal::unusable(&format!("files of it are damaged or missing ({})", what_of(&error))),
    }
}

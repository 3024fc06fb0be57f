//! Why a call gave nothing.

use std::fmt;
use std::io;

/// Why a call gave nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The command was refused; the text is Redis's, with its code (`ERR …`, `WRONGTYPE …`).
    Command(String),
    /// A [`Db`](crate::Db) does without this command or setting; the text says what to do instead. Nothing was
    /// changed.
    Unsupported(String),
    /// The operating system refused something; its own words are the [source](std::error::Error::source).
    Io(io::Error),
    /// The command waits for a key (BLPOP and its kin), and nobody else could fill it.
    WouldBlock,
    /// The reply is not of the type that the method gives.
    UnexpectedReply,
}

impl Error {
    /// The first word of the engine's refusal, by which programs tell them apart; `None` where it was not the
    /// engine that refused.
    ///
    /// ```
    /// # fn main() -> Result<(), nuthatch::Error> {
    /// let mut db = nuthatch::Db::new()?;
    /// db.set("bird", "nuthatch")?;
    /// assert_eq!(db.llen("bird").unwrap_err().code(), Some("WRONGTYPE"));
    /// assert_eq!(db.call(["BLPOP", "none", "0"]).unwrap_err().code(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Command(text) => text.split(' ').next(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command(text) | Self::Unsupported(text) => text,
            Self::Io(_) => "the operating system refused it",
            Self::WouldBlock => "the command would wait for ever",
            Self::UnexpectedReply => "the reply is of another type",
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::Error;
    use std::error::Error as _;
    use std::io;

    /// What the system said was printed but was no source, so that nobody could look at its kind.
    #[test]
    fn the_system_s_error_is_the_source() {
        let error = Error::from(io::Error::from(io::ErrorKind::NotFound));
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>()).unwrap();
        assert_eq!(source.kind(), io::ErrorKind::NotFound);
        assert!(Error::WouldBlock.source().is_none() && error.code().is_none());
        assert_eq!(Error::Command("OOM".to_owned()).code(), Some("OOM"));
    }
}

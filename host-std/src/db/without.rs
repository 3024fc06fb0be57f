//! What a `Db` does without: commands that change how replies come, and directives that nothing here follows.

use super::{Error, Result};
use crate::memory;
use nuthatch_core::Config;

const SESSION: &str = "how replies come does not change here, and SELECT changes the database";
const END: &str = "drop the Db to end it";
const MESSAGES: &str = "a Db is told of no messages: run the server for them";
const STREAM: &str = "a call gives one reply: run the server for what has no end";
const TRANSACTION: &str = "call Db::transaction with its commands";
const ONE_CLIENT: &str = "a Db has one client, its caller";

/// Commands that one reply does not answer, or after which others would not be answered as they are: the name, the
/// subcommand where it is about one, and what to do instead.
const COMMANDS: [(&str, &str, &str); 19] = [
    ("HELLO", "", SESSION),
    ("RESET", "", SESSION),
    ("QUIT", "", END),
    ("SHUTDOWN", "", END),
    ("SUBSCRIBE", "", MESSAGES),
    ("PSUBSCRIBE", "", MESSAGES),
    ("SSUBSCRIBE", "", MESSAGES),
    ("UNSUBSCRIBE", "", MESSAGES),
    ("PUNSUBSCRIBE", "", MESSAGES),
    ("SUNSUBSCRIBE", "", MESSAGES),
    ("MONITOR", "", STREAM),
    ("MULTI", "", TRANSACTION),
    ("EXEC", "", TRANSACTION),
    ("DISCARD", "", TRANSACTION),
    ("WATCH", "", TRANSACTION),
    ("UNWATCH", "", TRANSACTION),
    ("CLIENT", "REPLY", "a call gives its reply"),
    ("CLIENT", "KILL", ONE_CLIENT),
    ("CLIENT", "PAUSE", ONE_CLIENT),
];

const IN_MEMORY: &str = "a Db keeps everything in memory, and nothing in files; run the server to keep data";
const NO_PAGING: &str = "values of a Db stay in memory; run the server for values on a disk";
const NOBODY_CONNECTS: &str = "nobody connects to a Db; run the server for clients";

/// Directives that stay as they are by default, and why.
const DIRECTIVES: [(&str, &str); 23] = [
    ("appendonly", IN_MEMORY),
    ("dir", IN_MEMORY),
    ("dbfilename", IN_MEMORY),
    ("appendfilename", IN_MEMORY),
    ("appenddirname", IN_MEMORY),
    ("logfile", IN_MEMORY),
    ("pidfile", IN_MEMORY),
    ("vm-enabled", NO_PAGING),
    ("really-use-vm", NO_PAGING),
    ("vm-swap-file", NO_PAGING),
    ("vm-max-memory", NO_PAGING),
    ("diskstore-enabled", NO_PAGING),
    ("diskstore-path", NO_PAGING),
    ("cache-max-memory", NO_PAGING),
    ("bind", NOBODY_CONNECTS),
    ("port", NOBODY_CONNECTS),
    ("unixsocket", NOBODY_CONNECTS),
    ("requirepass", NOBODY_CONNECTS),
    ("daemonize", NOBODY_CONNECTS),
    // These close connections; here it would be the caller's.
    ("timeout", NOBODY_CONNECTS),
    ("client-output-buffer-limit", NOBODY_CONNECTS),
    ("client-query-buffer-limit", NOBODY_CONNECTS),
    ("maxmemory-clients", NOBODY_CONNECTS),
];

const NOT_COUNTED: &str = "nobody counts this program's memory: declare `#[global_allocator] static ALLOCATOR: \
    nuthatch::memory::Allocator = nuthatch::memory::allocator();`";

/// Refuses what [`COMMANDS`] lists.
///
/// # Errors
/// [`Error::Unsupported`].
pub(super) fn check_command<A: AsRef<[u8]>>(words: &[A]) -> Result<()> {
    let is = |at: usize, known: &str| {
        words.get(at).is_some_and(|word| word.as_ref().eq_ignore_ascii_case(known.as_bytes()))
    };
    if words.is_empty() {
        return Err(Error::Unsupported("a command has a name".to_owned()));
    }
    let found = COMMANDS.iter().find(|(name, more, _)| is(0, name) && (more.is_empty() || is(1, more)));
    found.map_or(Ok(()), |(name, more, instead)| {
        let blank = if more.is_empty() { "" } else { " " };
        Err(Error::Unsupported(format!("{name}{blank}{more} is not for a Db: {instead}")))
    })
}

/// The configuration that a `Db` runs with.
///
/// # Errors
/// [`Error::Unsupported`] where it wants what there is not.
pub(super) fn check_config(mut config: Config) -> Result<Config> {
    // The default, which nobody asked for, and which CONFIG GET would tell of.
    if config.save == Config::default().save {
        config.save.clear();
    }
    if !config.rename_command.is_empty() {
        return Err(Error::Unsupported("rename-command: a Db calls commands by their names".to_owned()));
    }
    let names = DIRECTIVES.iter().map(|(name, _)| *name).chain(["save", "maxmemory"]);
    for name in names {
        check_directive(name, &config).map_err(|reason| Error::Unsupported(format!("{name}: {reason}")))?;
    }
    Ok(config)
}

/// Whether a `Db` can do what the directive of this name now says.
///
/// # Errors
/// The reason.
pub(super) fn check_directive(name: &str, config: &Config) -> std::result::Result<(), String> {
    let refusal = match name {
        "save" => (!config.save.is_empty()).then_some(IN_MEMORY),
        "maxmemory" => (config.maxmemory > 0 && !memory::is_counted()).then_some(NOT_COUNTED),
        _ => DIRECTIVES.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason).filter(|_| {
            let name = name.as_bytes();
            config.get(name) != Config::default().get(name)
        }),
    };
    refusal.map_or(Ok(()), |reason| Err(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::{Db, Error};
    use super::{COMMANDS, DIRECTIVES};
    use nuthatch_core::command::flags::BLOCKING;
    use nuthatch_core::{ALL_COMMANDS, Config};

    /// After `HELLO 2` or RESET no typed reply was of its type any more, SUBSCRIBE's messages were taken for
    /// replies, and what came after QUIT was swallowed.
    #[test]
    fn what_changes_how_replies_come_is_refused() {
        let mut db = Db::new().unwrap();
        db.hset("nest", [("eggs", "6")]).unwrap();
        for (name, more, instead) in COMMANDS {
            let words = [name.to_lowercase(), more.to_owned(), "x".to_owned()];
            let error = db.call(&words).unwrap_err();
            assert!(matches!(error, Error::Unsupported(_)) && error.to_string().ends_with(instead), "{name}");
            let error = db.transaction([&words]).unwrap_err();
            assert!(matches!(error, Error::Unsupported(_)), "{name}");
            assert_eq!(db.hgetall("nest").unwrap(), [(b"eggs".to_vec(), b"6".to_vec())], "{name}");
        }
        assert!(matches!(db.call::<&str>([]), Err(Error::Unsupported(_))));
        assert!(db.call(["CLIENT", "ID"]).is_ok());
    }

    /// Whoever calls next gets replies of the shapes that the types want, whatever was called before them, with
    /// however many words.
    #[test]
    fn after_any_command_replies_come_as_before() {
        let mut db = Db::new().unwrap();
        let commands = ALL_COMMANDS.iter().flat_map(|list| list.iter());
        for command in commands.flat_map(|command| std::iter::once(command).chain(command.subcommands)) {
            for more in 0..6 {
                let words = command.name.split('|').chain(std::iter::repeat_n("1", more));
                let outcome = db.call(words.clone());
                let waits = command.flags & BLOCKING != 0;
                let odd = match outcome {
                    Err(Error::WouldBlock) => !waits,
                    Err(Error::UnexpectedReply) => true,
                    _ => false,
                };
                assert!(!odd, "{} {more}: {outcome:?}", command.name);
                let _ = db.transaction([words]);
                db.del(["nest"]).unwrap();
                assert_eq!(db.hset("nest", [("eggs", "6")]).unwrap(), 1, "{} {more}", command.name);
                assert_eq!(db.hgetall("nest").unwrap().len(), 1, "{} {more}", command.name);
            }
        }
        assert_eq!(db.engine.sessions(), 1);
    }

    fn refused(name: &str, value: &[u8]) -> bool {
        let mut config = Config::default();
        config.set(name.as_bytes(), value).unwrap();
        matches!(Db::with_config(config), Err(Error::Unsupported(text)) if text.starts_with(name))
    }

    /// They were taken, and nothing was journaled, saved or evicted.
    #[test]
    fn what_nothing_here_follows_is_refused() {
        let mut db = Db::new().unwrap();
        for [name, value] in
            [["appendonly", "yes"], ["save", "60 1"], ["maxmemory", "1gb"], ["requirepass", "acorn"]]
        {
            assert!(refused(name, value.as_bytes()), "{name}");
            let error = db.call(["CONFIG", "SET", name, value]).unwrap_err();
            assert!(error.to_string().contains(name) && error.code() == Some("ERR"), "{error}");
        }
        assert!(refused("vm-enabled", b"yes") && refused("dir", b"/") && refused("port", b"7000"));
        let mut config = Config::default();
        config.parse_line(b"rename-command HELLO \"\"").unwrap();
        assert!(matches!(Db::with_config(config), Err(Error::Unsupported(_))));
        assert!(DIRECTIVES.iter().all(|(name, _)| Config::default().get(name.as_bytes()).is_some()));
    }

    #[test]
    fn what_is_off_may_be_said_to_be_off() {
        let mut config = Config::default();
        for (name, value) in [("appendonly", "no"), ("save", ""), ("maxmemory", "0"), ("vm-enabled", "no")] {
            config.set(name.as_bytes(), value.as_bytes()).unwrap();
        }
        let mut db = Db::with_config(config).unwrap();
        db.call(["CONFIG", "SET", "save", "", "appendonly", "no", "maxmemory", "0"]).unwrap();
        let mut db = Db::new().unwrap();
        assert_eq!(db.call(["CONFIG", "GET", "save"]).unwrap(), {
            let bytes = |text: &str| crate::Reply::Bytes(text.as_bytes().to_vec());
            crate::Reply::Map(vec![(bytes("save"), bytes(""))])
        });
    }

    /// SAVE answered a bare `ERR`.
    #[test]
    fn what_writes_files_says_that_there_are_none() {
        let mut db = Db::new().unwrap();
        for name in ["SAVE", "BGSAVE", "BGREWRITEAOF"] {
            assert_eq!(db.call([name]).unwrap_err().to_string(), "ERR this host has no files", "{name}");
        }
    }
}

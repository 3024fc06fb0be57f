//! Who waits for diskstore's store, when jobs end in this order and no other.

use nuthatch_tests::sim::{JobKind, Scripted};

/// Delay 5, room for some hundred keys.
fn behind(clients: usize) -> Scripted {
    Scripted::new(clients, |config| (config.cache_max_memory, config.cache_flush_delay) = (100_000, 5))
}

/// Delay 0.
fn through(clients: usize) -> Scripted {
    Scripted::new(clients, |config| (config.cache_max_memory, config.cache_flush_delay) = (1_000_000, 0))
}

/// Everything is saved, and nothing is in memory.
fn forget(server: &mut Scripted) {
    assert_eq!(server.call(0, "DEBUG FLUSHCACHE"), "+OK\r\n");
}

/// An expired key that a pause keeps was neither there nor known to be absent: it was read for ever, and EXEC stood still with
/// everybody else, the end of the pause too.
#[test]
fn a_key_that_expires_in_a_pause_is_not_there() {
    let mut server = through(2);
    for away in [false, true] {
        server.call(0, "SET k v PX 500");
        if away {
            forget(&mut server);
        }
        assert_eq!(server.call(1, "CLIENT PAUSE 5000 WRITE"), "+OK\r\n");
        server.pass(1_000);
        assert_eq!(server.call(0, "GET k"), "$-1\r\n", "away: {away}");
        assert!(server.call(0, "MULTI\nGET k\nEXEC").ends_with("*1\r\n$-1\r\n"));
        server.pass(5_000);
        assert_eq!(server.call(0, "SET k v"), "+OK\r\n");
    }
}

/// All that was ever sent to a client that always has a write under way stayed in its output.
#[test]
fn what_was_sent_to_a_busy_client_is_forgotten() {
    let mut server = through(1);
    server.call(0, &format!("SET large {}", "v".repeat(10_000)));
    server.send(0, "SET k 0");
    for n in 1..1_000 {
        server.send(0, &format!("GET large\nSET k {n}"));
        server.end(JobKind::Write, true);
        let answers = server.answers(0);
        assert!(n == 1 || answers.starts_with("$10000\r\nv") && answers.ends_with("v\r\n+OK\r\n"), "{n}");
    }
    assert!(server.memory(0) < 500_000, "{}", server.memory(0));
}

/// A reply that CLIENT REPLY took back was still looked for where a batch failed, beyond the output's end.
#[test]
fn a_reply_that_was_skipped_is_not_refused() {
    let mut server = through(1);
    for lines in [
        "CLIENT REPLY SKIP\nSET a v\nEXISTS a",
        "CLIENT REPLY OFF\nSET a v\nSET b v\nCLIENT REPLY ON\nEXISTS a",
    ] {
        server.send(0, lines);
        server.end(JobKind::Write, false);
        let answers = server.answers(0);
        assert!(answers == ":1\r\n" || answers == "+OK\r\n:1\r\n", "{answers:?}");
        server.pass(2_000);
        server.work();
    }
    server.send(0, "SET a w\nEXISTS a");
    server.end(JobKind::Write, false);
    let answers = server.answers(0);
    assert!(answers.starts_with("-MISCONF") && answers.ends_with("\r\n:1\r\n"), "{answers:?}");
}

/// With the delay that was set meanwhile nobody saved what a client was waiting for.
#[test]
fn a_longer_delay_leaves_nobody_waiting() {
    let mut server = through(2);
    server.send(0, "SET first 1");
    server.send(0, "SET second 2");
    server.call(1, "CONFIG SET cache-flush-delay 3600");
    assert_eq!(server.answers(0), "+OK\r\n+OK\r\n");
}

/// What had begun to wait in an hour that was still to come was not due before it came.
#[test]
fn a_clock_that_is_set_back_keeps_nothing_from_being_saved() {
    let mut server = through(2);
    server.send(0, "SET first 1");
    server.send(1, "SET second 2");
    server.now -= 3_600_000;
    server.end(JobKind::Write, true);
    server.work();
    assert_eq!(server.answers(1), "+OK\r\n");

    let mut server = behind(1);
    server.pass(1_000);
    server.call(0, "SET k v");
    server.pass(-3_600_000);
    assert!(server.end(JobKind::Write, true), "it is saved now");
}

/// A list that lay in the store alone did not serve those whose database it came into.
#[test]
fn swapdb_brings_what_is_waited_for() {
    for transaction in [false, true] {
        let mut server = behind(2);
        server.call(0, "SELECT 1\nRPUSH q value\nSELECT 0");
        forget(&mut server);
        assert_eq!(server.call(1, "BLPOP q 0"), "");
        server.call(0, if transaction { "MULTI\nSWAPDB 0 1\nEXEC" } else { "SWAPDB 0 1" });
        assert_eq!(server.answers(1), "*2\r\n$1\r\nq\r\n$5\r\nvalue\r\n", "transaction: {transaction}");
    }
}

/// A change that went before it was saved was no event: who waited for it waited for the next one.
#[test]
fn a_change_that_goes_again_keeps_nobody_waiting() {
    let mut server = behind(2);
    server.call(0, "GET k\nSET k 1");
    server.send_too(0, "DEBUG FLUSHCACHE");
    server.send(1, "DEL k");
    server.work();
    assert_eq!(server.answers(0), "+OK\r\n");
}

/// A command that waited for its key ran in the middle of a pause.
#[test]
fn a_pause_holds_back_what_waited_for_its_key() {
    let mut server = behind(2);
    server.call(0, "SET k 1");
    forget(&mut server);
    server.send(0, "INCR k");
    assert_eq!(server.call(1, "CLIENT PAUSE 5000 WRITE\nGET k"), "+OK\r\n$1\r\n1\r\n");
    assert_eq!(server.answers(0), "");
    server.pass(6_000);
    server.work();
    assert_eq!(server.answers(0), ":2\r\n");
}

/// Writers that went on before DBSIZE made the number unknown again.
#[test]
fn dbsize_comes_to_its_turn_among_writers() {
    let mut server =
        Scripted::new(41, |config| (config.cache_max_memory, config.cache_flush_delay) = (20_000, 5));
    let fill: String = (0..200).map(|n| format!("SET key:{n} 1\n")).collect();
    server.call(0, &fill);
    forget(&mut server);
    let value = "v".repeat(1_000);
    let mut next = 0;
    for round in 0..50 {
        for client in 1..41 {
            // Each waits for its answer.
            if round == 0 || !server.answers(client).is_empty() {
                server.send(client, &format!("SET key:{} {value}", next % 200));
                next += 7;
            }
        }
        if round == 5 {
            server.send(0, "DBSIZE");
        }
        server.end(JobKind::Read, true);
        server.end(JobKind::Write, true);
        if server.answers(0) == ":200\r\n" {
            return;
        }
    }
    panic!("DBSIZE is not answered");
}

/// A client whose turn came and that had to wait for another of its keys began to wait anew, as long as at first.
#[test]
fn a_blocked_client_waits_no_longer_than_it_said() {
    let mut server = behind(2);
    // The store has something: else it would not be asked.
    server.call(0, "RPUSH other x");
    forget(&mut server);
    assert_eq!(server.call(1, "BLPOP empty q 3"), "");
    for round in 0..4 {
        // Of the absent keys only so many are remembered.
        server.call(0, &(0..200).map(|n| format!("GET {round}:{n}\n")).collect::<String>());
        // Until it is known that the first key is still not there, the second is gone again.
        server.call(0, "RPUSH q x\nLPOP q");
        server.pass(1_000);
        server.work();
    }
    assert_eq!(server.answers(1), "*-1\r\n");
}

/// What expired together became changes that wait, page after page, far beyond the limit.
#[test]
fn a_sweep_takes_no_more_of_the_cache_than_there_is() {
    let mut server = behind(1);
    for part in 0..10 {
        server
            .call(0, &(0..1_000).map(|n| format!("SET key:{part}:{n} value PX 60000\n")).collect::<String>());
    }
    forget(&mut server);
    for _ in 0..100 {
        server.pass(1_000);
        while server.end(JobKind::Other, true) {}
    }
    server.send(0, "INFO diskstore");
    let info = server.answers(0);
    let number = |name: &str| -> usize {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name} in {info}"))
    };
    let used = number("cache_used_memory");
    assert!(number("cache_dirty_keys") > 50 && used < 300_000, "{info}");
    for _ in 0..100 {
        server.pass(1_000);
        server.work();
    }
    assert_eq!(server.call(0, "DBSIZE"), ":0\r\n");
}

/// Each of many keys that one command had overwritten looked all the others through, for each of them that was still being read.
#[test]
fn a_tie_that_has_to_wait_is_looked_through_once() {
    let mut server = Scripted::new(2, |config| {
        (config.cache_max_memory, config.cache_flush_delay) = (100_000_000, 0);
    });
    let keys: Vec<String> = (0..6_000).map(|n| format!("key:{n}")).collect();
    let overwrite = format!("MSET {} new", keys.join(" old "));
    server.call(0, &overwrite);
    forget(&mut server);
    let began = std::time::Instant::now();
    server.send(0, &format!("MGET {}", keys.join(" ")));
    server.send(1, &overwrite);
    server.work();
    assert_eq!(server.answers(1), "+OK\r\n");
    assert!(began.elapsed().as_secs() < 25, "{:?}", began.elapsed());
}

/// A write that failed made the number of keys unknown in the middle of a transaction: DBSIZE in it waited for a write, and no write
/// begins before a transaction's end.
#[test]
fn dbsize_in_a_transaction_waits_for_no_write() {
    let mut server = behind(2);
    server.call(0, "RPUSH l 1 2\nMSET w_1 2 w_2 1");
    forget(&mut server);
    server.call(0, "LRANGE l 0 -1");
    for line in ["SET x 1", "SET y 1"] {
        server.send(1, line);
        server.pass(6_000);
    }
    server.answers(1);
    server.answers(0);
    server.send(0, "MULTI\nSORT l BY w_*\nDBSIZE\nEXEC");
    assert!(
        server.end(JobKind::Write, false) && server.end(JobKind::Write, true),
        "two writes were under way"
    );
    while server.end(JobKind::Read, true) {}
    let answers = server.answers(0);
    assert!(answers.contains("*2\r\n*2\r\n$1\r\n2\r\n$1\r\n1\r\n:"), "{answers:?}");
}

/// SCAN deleted what had expired and lay in the store alone, in a pause too.
#[test]
fn nothing_expires_in_a_pause() {
    let mut server = behind(2);
    server.call(0, "SET k v PX 500");
    forget(&mut server);
    server.call(1, "CLIENT PAUSE 60000 WRITE");
    server.pass(1_000);
    server.work();
    assert_eq!(server.call(0, "SCAN 0\nDBSIZE"), "*2\r\n$1\r\n0\r\n*0\r\n:1\r\n");
}

/// Where most keys had expired, each page that RANDOMKEY read was looked through with all pages before it.
#[test]
fn a_random_key_is_found_among_expired_ones() {
    let mut server = Scripted::new(1, |config| {
        (config.cache_max_memory, config.cache_flush_delay) = (1_000_000, 5);
    });
    server.call(0, "DEBUG SET-ACTIVE-EXPIRE 0");
    for part in 0..60 {
        server.call(0, &(0..1_000).map(|n| format!("SET key:{part}:{n} 1 PX 100\n")).collect::<String>());
    }
    server.call(0, "SET alive 1");
    forget(&mut server);
    server.pass(1_000);
    let began = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(server.call(0, "RANDOMKEY"), "$5\r\nalive\r\n");
        forget(&mut server);
    }
    server.call(0, "DEL alive");
    forget(&mut server);
    assert_eq!(server.call(0, "RANDOMKEY"), "$-1\r\n");
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
}

/// CLIENT UNPAUSE ended the pause in which the server saves what it has before its end.
#[test]
fn unpause_does_not_end_the_last_pause() {
    let mut server = behind(2);
    server.call(0, "SET k v");
    server.send(1, "SHUTDOWN");
    server.send(0, "CLIENT UNPAUSE\nSET k w");
    server.pass(100);
    assert_eq!(server.answers(0), "+OK\r\n", "what is written now would not be saved");
}

/// Whoever had been held back by a pause ran in the middle of a transaction that had been too, and that met a key to wait for.
#[test]
fn a_transaction_is_alone_after_a_pause_too() {
    let mut server = behind(3);
    server.call(0, "RPUSH l 1 2\nMSET w_1 2 w_2 1\nSET k before");
    forget(&mut server);
    server.call(0, "LRANGE l 0 -1\nGET k");
    server.call(2, "CLIENT PAUSE 1000 WRITE");
    server.send(0, "MULTI\nSET a 1\nSORT l BY w_*\nGET k\nEXEC");
    server.send(1, "SET k after");
    server.pass(2_000);
    server.work();
    server.pass(100);
    let answers = server.answers(0);
    assert!(answers.ends_with("$6\r\nbefore\r\n"), "{answers:?}");
    assert_eq!(server.answers(1), "+OK\r\n");
}

//! Clients that wait, without a store: who is served, and what else becomes of them.

use nuthatch_tests::sim::Scripted;

fn server(clients: usize) -> Scripted {
    Scripted::in_memory(clients, |_| {})
}

/// A worker that had waited longer than `timeout` was closed the moment it was served, and what it had taken was gone.
#[test]
fn who_was_just_served_is_not_idle() {
    let mut server = server(2);
    server.call(1, "CONFIG SET timeout 5");
    for wait in ["BLPOP q 0", "BLPOP q 10"] {
        server.call(0, wait);
        for _ in 0..11 {
            server.pass(1_000);
            server.call(1, "PING");
        }
        server.call(1, "RPUSH q x");
        server.pass(200);
        assert!(!server.is_closed(0), "{wait}");
        let answers = server.answers(0);
        assert!(answers.ends_with("x\r\n") || answers == "*-1\r\n", "{wait}: {answers:?}");
    }
    server.pass(6_000);
    assert!(server.is_closed(0), "now it is idle");
}

/// An expired key that a pause had kept stayed beside the one that was written anew before the pause's end was seen to.
#[test]
fn a_key_that_a_pause_kept_gives_way() {
    for lines in [
        "CLIENT UNPAUSE\nSET k new EX 100\nDBSIZE\nGET k\nTTL k",
        "MULTI\nCLIENT PAUSE 1000 WRITE\nSET k new EX 100\nDBSIZE\nGET k\nTTL k\nEXEC",
    ] {
        let mut server = server(2);
        server.call(0, "SET k old PX 50");
        if lines.starts_with("CLIENT") {
            server.call(0, "CLIENT PAUSE 60000 WRITE");
        }
        server.pass(60);
        let answers = server.call(0, lines);
        assert!(answers.ends_with("+OK\r\n:1\r\n$3\r\nnew\r\n:100\r\n"), "{answers:?}");
    }
    let mut server = server(2);
    server.call(0, "SET k old PX 50\nSET other 1\nCLIENT PAUSE 60000 WRITE");
    server.pass(60);
    let answers = server.call(0, "CLIENT UNPAUSE\nRENAME other k\nDBSIZE\nGET k");
    assert_eq!(answers, "+OK\r\n+OK\r\n:1\r\n$1\r\n1\r\n");
}

/// Who was killed took an element with it.
#[test]
fn who_was_killed_takes_nothing() {
    let mut server = server(2);
    let id = server.call(0, "CLIENT ID").trim_end().trim_start_matches(':').to_owned();
    server.call(0, "BLPOP q 0");
    assert_eq!(server.call(1, &format!("CLIENT KILL ID {id}\nRPUSH q x\nLLEN q")), ":1\r\n:1\r\n:1\r\n");
}

/// The reply that CLIENT REPLY had asked not to be sent was sent, and the next one was not.
#[test]
fn a_reply_that_comes_late_is_skipped_too() {
    let mut server = server(2);
    server.send(0, "CLIENT REPLY SKIP\nBLPOP q 0.1\nPING");
    server.pass(1_000);
    assert_eq!(server.answers(0), "+PONG\r\n");
    server.send(0, "CLIENT REPLY SKIP\nBLPOP q 0\nPING");
    server.call(1, "RPUSH q x");
    assert_eq!(server.answers(0), "+PONG\r\n");
    server.send(0, "CLIENT REPLY OFF\nBLPOP q 0\nPING");
    server.call(1, "RPUSH q x");
    assert_eq!(server.answers(0), "");
}

/// Who watches saw a command that waits when it was served, or never.
#[test]
fn monitor_shows_what_waits_when_it_comes() {
    let mut server = server(3);
    server.call(2, "MONITOR");
    server.call(0, "BLPOP q 1");
    let shown = server.answers(2);
    assert!(shown.contains("\"BLPOP\" \"q\" \"1\""), "{shown:?}");
    server.call(1, "RPUSH q x");
    let shown = server.answers(2);
    assert!(shown.contains("\"RPUSH\"") && !shown.contains("BLPOP"), "{shown:?}");
}

/// Of a million keys' MGET the slow log knew nothing, because GET is fast.
#[test]
fn many_words_make_a_fast_command_slow() {
    let mut server = Scripted::in_memory(1, |config| config.latency_tracking = false);
    let names: String = (0..100).map(|n| format!(" k{n}")).collect();
    server.call(0, &format!("MGET{names}"));
    server.call(0, "TTL nokey\nCLIENT TRACKING OFF");
    let info = server.call(0, "INFO stats");
    assert!(info.contains("keyspace_misses:101\r\n"), "{info}");
}

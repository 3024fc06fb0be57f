//! Snapshots both ways with the reference: ours start redis-server and pass redis-check-rdb, its own start ours, and the
//! digests are the same.
#![expect(clippy::expect_used, reason = "test code: a failure ends the test")]

use std::path::Path;
use std::process::Command;

use nuthatch_tests::resp::{Conn, words};
use nuthatch_tests::server::{Server, TempDir, ours, reference};

/// Collections below, at and far above what a compact encoding takes, of numbers, short and long texts.
const SIZES: [usize; 4] = [1, 60, 128, 3_000];

fn text(server: &Server, line: &str) -> String {
    let mut conn = server.connect().expect("a connection");
    conn.call(&words(line)).expect("a reply").render().trim_end().to_owned()
}

fn call(conn: &mut Conn, line: &str) {
    let reply = conn.call(&words(line)).expect("a reply");
    assert!(reply.error().is_none(), "{line}: {}", reply.render());
}

/// Strings in every encoding.
fn fill_strings(conn: &mut Conn) {
    for value in [0, -1, 127, 128, -32_768, 32_768, i64::from(i32::MAX), i64::MAX, i64::MIN] {
        call(conn, &format!("SET int:{value} {value}"));
    }
    for len in [1, 20, 44, 45, 200, 16_383, 16_384, 70_000, 300_000] {
        call(conn, &format!("SET same:{len} {}", "x".repeat(len)));
        let mixed: String = (0..len).map(|i| char::from(b'a' + (i * i * 7 / 3 % 26) as u8)).collect();
        call(conn, &format!("SET mixed:{len} {mixed}"));
    }
    call(conn, "SET deadline soon PX 10000000");
    call(conn, "SET other x");
    call(conn, "EXPIREAT other 4000000000");
}

/// Lists, sets, hashes and sorted sets of so many elements.
fn fill_collections(conn: &mut Conn, size: usize) {
    let long = "y".repeat(100);
    for i in 0..size {
        call(conn, &format!("RPUSH list:{size} {i} item-{i}"));
        call(conn, &format!("SADD ints:{size} {}", i * 40_000));
        call(conn, &format!("SADD set:{size} m{i}"));
        call(conn, &format!("HSET hash:{size} f{i} {i}"));
        call(conn, &format!("ZADD zset:{size} {}.25 m{i}", i as i64 - 50));
        if i % 7 == 0 {
            call(conn, &format!("HSET hashlong:{size} f{i} {long}{i}"));
            call(conn, &format!("SADD setlong:{size} {long}{i}"));
            call(conn, &format!("ZADD zsetlong:{size} {i} {long}{i}"));
            call(conn, &format!("RPUSH listlong:{size} {long}{i}"));
        }
    }
    call(conn, &format!("ZADD zset:{size} inf top -inf bottom 1e300 huge 3.0000000000000004 exact"));
    call(conn, &format!("RPUSH list:{size} {}", "z".repeat(9_000)));
}

fn fill(server: &Server) {
    let mut conn = server.connect().expect("a connection");
    for db in [0, 9] {
        call(&mut conn, &format!("SELECT {db}"));
        fill_strings(&mut conn);
        SIZES.iter().for_each(|size| fill_collections(&mut conn, *size));
    }
}

fn start(program: &Path, dir: &Path, flags: &[&str]) -> Server {
    let dir = dir.to_str().expect("a path in UTF-8");
    let flags = [&["--dir", dir], flags].concat();
    Server::start_program(program, &flags).expect("the server")
}

fn check_rdb(dir: &Path) {
    let out = Command::new("redis-check-rdb").arg(dir.join("dump.rdb")).output().expect("redis-check-rdb");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

/// Saves, ends the server, and gives the dataset's digest.
fn save(mut server: Server) -> String {
    let digest = text(&server, "DEBUG DIGEST");
    assert_eq!(text(&server, "SAVE"), "+OK");
    server.end_by("KILL").expect("the end");
    digest
}

#[test]
fn snapshots_go_both_ways() {
    for flags in [&[][..], &["--rdbcompression", "no"], &["--rdbchecksum", "no"]] {
        let place = TempDir::new().expect("a directory");
        let dir = place.path();
        let server = start(&ours(), dir, flags);
        fill(&server);
        let written = save(server);
        check_rdb(dir);
        let server = start(&reference(), dir, flags);
        assert_eq!(text(&server, "DEBUG DIGEST"), written, "{flags:?}: ours, loaded by the reference");
        text(&server, "SET from-the-reference 1");
        let theirs = save(server);
        let server = start(&ours(), dir, flags);
        assert_eq!(text(&server, "DEBUG DIGEST"), theirs, "{flags:?}: the reference's, loaded by ours");
        text(&server, "SET back 1");
        let again = save(server);
        let server = start(&reference(), dir, flags);
        assert_eq!(text(&server, "DEBUG DIGEST"), again, "{flags:?}: loaded, saved and loaded again");
    }
}

/// What was never touched since the start is copied from the old file into the new one, and read from there afterwards.
#[test]
fn later_snapshots_take_over_what_was_never_touched() {
    let place = TempDir::new().expect("a directory");
    let dir = place.path();
    let server = start(&ours(), dir, &[]);
    fill(&server);
    let mut digest = save(server);
    let mut server = start(&ours(), dir, &["--vm-enabled", "yes"]);
    for round in 0..3 {
        text(&server, &format!("APPEND same:200 {round}"));
        text(&server, &format!("RENAME mixed:{} renamed:{round}", [1, 200, 16_384][round]));
        assert_eq!(text(&server, "SAVE"), "+OK");
        text(&server, &format!("SET new:{round} {}", "n".repeat(500)));
        assert_eq!(text(&server, "SAVE"), "+OK");
        check_rdb(dir);
        digest = text(&server, "DEBUG DIGEST");
    }
    server.end_by("KILL").expect("the end");
    assert_eq!(text(&start(&reference(), dir, &[]), "DEBUG DIGEST"), digest);
    assert_eq!(text(&start(&ours(), dir, &["--vm-enabled", "no"]), "DEBUG DIGEST"), digest);
}

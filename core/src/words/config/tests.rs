use super::*;
use alloc::string::{String, ToString};
use alloc::vec;

fn text(config: &Config, name: &str) -> String {
    String::from_utf8(config.get(name.as_bytes()).unwrap()).unwrap()
}

fn refusal(name: &str, value: &str) -> String {
    Config::default().set(name.as_bytes(), value.as_bytes()).unwrap_err().to_string()
}

#[test]
fn defaults_read_as_redis_prints_them() {
    let config = Config::default();
    for (name, value) in [
        ("save", "3600 1 300 100 60 10000"),
        ("client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
        ("maxmemory", "0"),
        ("notify-keyspace-events", ""),
        ("unixsocketperm", "0"),
        ("hash-max-ziplist-entries", "512"),
        ("maxmemory-policy", "noeviction"),
        ("oom-score-adj-values", "0 200 800"),
        ("latency-tracking-info-percentiles", "50 99 99.9"),
    ] {
        assert_eq!(text(&config, name), value, "{name}");
    }
}

#[test]
fn every_default_is_accepted_by_its_own_parameter() {
    let mut config = Config::default();
    for (name, parameter) in Config::names() {
        let value = config.text(parameter);
        config.set(name.as_bytes(), &value).unwrap();
        assert_eq!(config.text(parameter), value, "{name}");
    }
}

#[test]
fn values_in_every_unit() {
    let mut config = Config::default();
    for (name, value, printed) in [
        ("maxmemory", "1gb", "1073741824"),
        ("maxmemory", "2k", "2000"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "1mb", "1048576"),
        ("appendfsync", "ALWAYS", "always"),
        ("hz", "1000", "500"),
        ("latency-tracking-info-percentiles", "50.0 99.90 0 100.0", "50 99.9 0 100"),
        ("save", "", ""),
        ("save", "10 1 20 2", "10 1 20 2"),
        (
            "client-output-buffer-limit",
            "replica 1mb 2kb 3",
            "normal 0 0 0 slave 1048576 2048 3 pubsub 33554432 8388608 60",
        ),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "Kgxn", "gxnK"),
        ("hash-max-ziplist-value", "100", "100"),
    ] {
        config.set(name.as_bytes(), value.as_bytes()).unwrap();
        assert_eq!(text(&config, name), printed, "{name} {value}");
    }
    assert_eq!(text(&config, "hash-max-listpack-value"), "100");
}

#[test]
fn refusals_in_redis_words() {
    for (name, value, reason) in [
        ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
        ("maxmemory", "1x", "argument must be a memory value"),
        ("maxmemory-clients", "x", "argument must be a memory or percent value"),
        ("maxmemory-clients", "101%", "percentage argument must be less or equal to 100"),
        ("maxmemory-samples", "0", "argument must be between 1 and 2147483647 inclusive"),
        ("timeout", "ten", "argument couldn't be parsed into an integer"),
        ("appendfsync", "x", "argument(s) must be one of the following: everysec, always, no"),
        ("save", "10", "Invalid save parameters"),
        ("dbfilename", "../x.rdb", "dbfilename can't be a path, just a filename"),
        ("appendfilename", "a\\b", "appendfilename can't be a path, just a filename"),
        ("appendfilename", "", "appendfilename can't be empty"),
        ("appenddirname", "/tmp", "appenddirname can't be a path, just a dirname"),
        ("appenddirname", "", "appenddirname can't be empty"),
        ("notify-keyspace-events", "Q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ("cluster-enabled", "yes", "cluster mode is not supported"),
    ] {
        assert_eq!(refusal(name, value), reason, "{name} {value}");
    }
}

#[test]
fn a_file_replaces_the_default_save_points_once() {
    let mut config = Config::default();
    for line in ["# comment", "", "save 900 1", "save \"300 10\"", "rename-command FLUSHALL \"\""] {
        config.parse_line(line.as_bytes()).unwrap();
    }
    assert_eq!(text(&config, "save"), "900 1 300 10");
    assert_eq!(config.rename_command, vec![(b"flushall".to_vec(), vec![])]);
    assert_eq!(config.parse_line(b"port 1 2").unwrap_err(), "wrong number of arguments");
    assert_eq!(config.parse_line(b"porto 1").unwrap_err(), "Bad directive or wrong number of arguments");
    assert_eq!(config.parse_line(b"port \"1").unwrap_err(), "Unbalanced quotes in configuration line");
}

#[test]
fn words_and_quotes() {
    let words = |line: &str| split_args(line.as_bytes());
    assert_eq!(words(r#"a "b\x41\n" 'c\'d'"#), Some(vec![b"a".to_vec(), b"bA\n".to_vec(), b"c'd".to_vec()]));
    assert_eq!(words(r#""a"b"#), None);
    assert_eq!(words("'a"), None);
    let mut line = Vec::new();
    quote(&mut line, b"\x00 \"\\\n\xff");
    assert_eq!(split_args(&line).unwrap(), [b"\x00 \"\\\n\xff".to_vec()]);
}

#[test]
fn rewriting_keeps_comments_and_order() {
    let old = b"# mine\nport 7000\n\nsave 1 1\nsave 2 2\nnonsense 1\nmaxmemory 0\n";
    let mut config = Config::default();
    for line in old.split(|&byte| byte == b'\n') {
        let _ = config.parse_line(line);
    }
    config.set(b"save", b"5 5").unwrap();
    config.set(b"maxmemory", b"104857600").unwrap();
    config.set(b"hz", b"50").unwrap();
    let new = String::from_utf8(rewrite(old, &config, &Config::default())).unwrap();
    assert_eq!(
        new,
        "# mine\nport 7000\n\nsave 5 5\n# ??? nonsense 1\nmaxmemory 100mb\n\n# Generated by CONFIG REWRITE\ndir \".\"\nhz 50\n"
    );
}

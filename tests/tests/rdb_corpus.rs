//! Real RDB files of eleven versions, loaded and compared with what a Redis that loads them holds afterwards.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nuthatch_core::rdb::{Cause, Entry, Item, Loader, RdbError};
use nuthatch_core::types::codec::{Reason, decode};
use nuthatch_core::types::listpack::Element;
use nuthatch_core::types::{Limits, Value};
use nuthatch_core::words::hash::HashKey;
use nuthatch_core::words::number::write_f64;
use serde_json::{Value as Json, json};

/// When the expectations were recorded, in milliseconds: keys whose deadline lies before are not among them.
const RECORDED: i64 = 1_795_000_000_000;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rdb-corpus")
}

fn json_of(path: &str) -> Json {
    serde_json::from_slice(&fs::read(corpus().join(path)).unwrap()).unwrap()
}

fn data(file: &str) -> Vec<u8> {
    fs::read(corpus().join("data").join(file)).unwrap()
}

fn limits() -> Limits {
    Limits::new(HashKey::new([1, 2]))
}

/// Every database, each key with its value as the expectations show it; what has no type here is its error's text.
type Dataset = BTreeMap<String, BTreeMap<String, Json>>;

/// Loads a file that arrives in portions.
fn load(file: &[u8], portion: usize, limits: &Limits) -> Result<Dataset, RdbError> {
    let mut loader = Loader::new(true);
    let mut out = Dataset::new();
    for bytes in file.chunks(portion) {
        loader.feed(bytes);
        take(&mut loader, limits, &mut out)?;
    }
    loader.finish();
    take(&mut loader, limits, &mut out)?;
    Ok(out)
}

fn take(loader: &mut Loader, limits: &Limits, out: &mut Dataset) -> Result<(), RdbError> {
    while let Some(item) = loader.poll_item()? {
        if let Item::Entry(entry) = item {
            let shown = show(&entry, limits)?;
            if entry.deadline.is_none_or(|deadline| deadline > RECORDED) {
                out.entry(entry.db.to_string()).or_default().insert(latin_1(entry.key), shown);
            }
        }
    }
    Ok(())
}

fn show(entry: &Entry<'_>, limits: &Limits) -> Result<Json, RdbError> {
    let value = match decode(entry.form, entry.body, limits) {
        Ok(value) => value,
        Err(error) if matches!(error.reason, Reason::Unsupported(_)) => {
            return Ok(json!(error.reason.to_string()));
        }
        Err(error) => return Err(entry.error(error.at, error.reason)),
    };
    let mut shown = json!({
        "type": value.kind().name(),
        "encoding": value.as_ref().encoding(),
        "value": content(&value),
    });
    if let Some(deadline) = entry.deadline {
        shown["pexpireat"] = json!(deadline);
    }
    Ok(shown)
}

fn content(value: &Value) -> Json {
    let text = |element: Element<'_>| element.with_bytes(latin_1);
    match value {
        Value::Str(value) => json!(value.as_ref().with_bytes(latin_1)),
        Value::List(list) => list.as_ref().iter().map(text).collect(),
        Value::Set(set) => {
            let mut members: Vec<_> = set.as_ref().iter().map(text).collect();
            members.sort();
            json!(members)
        }
        Value::Hash(hash) => {
            let mut pairs: Vec<_> = hash.as_ref().iter().map(|(f, v)| (text(f), text(v))).collect();
            pairs.sort();
            json!(pairs)
        }
        Value::Zset(zset) => {
            zset.as_ref().iter().map(|(m, score)| json!([text(m), score_text(score)])).collect()
        }
    }
}

fn score_text(score: f64) -> String {
    let mut text = Vec::new();
    write_f64(&mut text, score);
    latin_1(&text)
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// What stands in the file's expectations, with streams as we answer for them and encodings as 7.0 names them.
fn expected(path: &str) -> Dataset {
    let mut dbs: Dataset = serde_json::from_value(json_of(path)["dbs"].clone()).unwrap();
    for value in dbs.values_mut().flat_map(BTreeMap::values_mut) {
        if value["type"] == "stream" {
            *value = json!(Reason::Unsupported("stream").to_string());
        } else if value["encoding"] == "hashtable" && value["type"] == "set" {
            // Small sets are listpacks here, as in 7.2.
            let members = value["value"].as_array().unwrap();
            if members.len() <= 128 && members.iter().all(|m| m.as_str().unwrap().chars().count() <= 64) {
                value["encoding"] = json!("listpack");
            }
        } else if value["type"] == "zset" {
            // Later servers print the shortest digits.
            for pair in value["value"].as_array_mut().unwrap() {
                pair[1] = json!(score_text(pair[1].as_str().unwrap().parse().unwrap()));
            }
        }
    }
    dbs.retain(|_, keys| !keys.is_empty());
    dbs
}

#[test]
fn every_file_holds_what_redis_says() {
    for file in json_of("manifest.json").as_array().unwrap() {
        let Some(expectations) = file["expected"].as_str() else { continue };
        let name = file["file"].as_str().unwrap();
        let same_encodings = file["loads_in_redis"] == "7.0.15";
        let mut loaded = load(&data(name), 1 << 16, &limits()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut expected = expected(expectations);
        if !same_encodings {
            // 7.2 names small lists and sets of strings otherwise.
            for value in loaded.values_mut().chain(expected.values_mut()).flat_map(BTreeMap::values_mut) {
                value.as_object_mut().and_then(|value| value.remove("encoding"));
            }
        }
        for (db, keys) in &expected {
            for (key, value) in keys {
                assert_eq!(loaded.get(db).and_then(|keys| keys.get(key)), Some(value), "{name}: {key}");
            }
        }
        assert_eq!(loaded, expected, "{name}");
    }
}

/// What Redis 7 does not load at all.
#[test]
fn what_redis_refuses() {
    let load = |name: &str| load(&data(name), 1 << 16, &limits());
    let cause = |name: &str| load(name).unwrap_err().cause;
    assert_eq!(cause("librdb__future_v19.rdb"), Cause::Version(99));
    assert!(matches!(cause("librdb__invalid_chksum_v8.rdb"), Cause::Checksum { .. }));
    assert_eq!(cause("librdb__redis_ent_opcode_ram_lru.rdb"), Cause::Value(Reason::UnknownType(107)));
    let first = |name: &str| load(name).unwrap()["0"].values().next().unwrap().clone();
    let unsupported = |what| json!(Reason::Unsupported(what).to_string());
    for name in ["librdb__hash_lp_with_hexpire_v12.rdb", "librdb__hash_with_expire_v12.rdb"] {
        assert_eq!(first(name), unsupported("hash (fields with deadlines)"), "{name}");
    }
    assert_eq!(first("librdb__module.rdb"), unsupported("module"));
    let keys = |name: &str| load(name).unwrap().values().map(BTreeMap::len).sum::<usize>();
    assert_eq!(keys("librdb__module_aux.rdb"), 1);
    assert_eq!(keys("librdb__function2.rdb"), 10);
    assert_eq!(keys("librdb__cluster_slot_info.rdb"), 1);
}

/// 8.0 writes what 7.0 wrote, but for hashes whose fields have deadlines.
#[test]
fn version_12_but_for_field_deadlines() {
    let mut loaded = load(&data("golden__redis-v12.rdb"), 1 << 16, &limits()).unwrap();
    let mut expected = expected("expected/golden__redis-v10.json");
    let deadlines = json!(Reason::Unsupported("hash (fields with deadlines)").to_string());
    let (loaded, expected) = (loaded.get_mut("0").unwrap(), expected.get_mut("0").unwrap());
    assert_eq!(loaded.remove("hfe"), Some(deadlines.clone()));
    assert_eq!(loaded.remove("hfeb"), Some(deadlines));
    for key in ["ttl", "pttl"] {
        // Relative to when the file was made.
        assert_eq!(loaded.remove(key).unwrap()["value"], expected.remove(key).unwrap()["value"]);
    }
    assert_eq!(loaded, expected);
}

/// The corpus's files of at most so many bytes that load.
fn small_files(max: u64) -> Vec<String> {
    let manifest = json_of("manifest.json");
    let small = manifest.as_array().unwrap().iter();
    let small = small.filter(|file| file["size"].as_u64() <= Some(max) && !file["expected"].is_null());
    small.map(|file| file["file"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_prefix_is_refused() {
    let mut files = small_files(400);
    files.push("golden__redis-v6.rdb".into());
    for name in files {
        let file = data(&name);
        let step = if file.len() > 4000 { 97 } else { 1 };
        for cut in (0..file.len()).step_by(step) {
            let error = load(&file[..cut], 512, &limits()).expect_err(&name);
            assert_eq!(error.cause, Cause::Value(Reason::Truncated), "{name} cut at {cut}: {error}");
        }
    }
}

/// With a checksum every flipped bit is noticed; without, it may change what is loaded, but breaks nothing.
#[test]
fn every_flipped_bit() {
    for name in small_files(400) {
        let file = data(&name);
        let whole = load(&file, 512, &limits());
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let loaded = load(&damaged, 512, &limits());
            let summed = &file[5..9] >= b"0005".as_slice() && file[file.len() - 8..] != [0; 8];
            assert!(!summed || loaded.is_err() || loaded == whole, "{name}, bit {bit}");
            let mut loader = Loader::new(false);
            loader.feed(&damaged);
            loader.finish();
            let _ = take(&mut loader, &limits(), &mut Dataset::new());
        }
    }
}

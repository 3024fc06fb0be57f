//! A firmware's own code without RESP: readings in a list with a deadline, a counter of starts, a configuration in a hash, all
//! on the flash, shared by two tasks.
//!
//! ```sh
//! cargo run -p nuthatch-embedded --example sensor -- flash.bin    # twice: the counter goes on
//! ```
//!
//! On a chip `Chip` is any driver that implements `embedded-storage`'s `NorFlash`, as `w25q32jv` does in `host-embedded/firmware`;
//! `now` is its timer, and the tasks are interrupts or an executor's.

mod chip;

use std::error::Error;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chip::Chip;
use nuthatch_embedded::device::Blocking;
use nuthatch_embedded::{Db, DbError, FIVE_TYPES, NodeOptions, Store, flash_block_on, memory};
use spin::Mutex;

/// Bytes of memory that the engine may believe to have.
const ARENA: usize = 128 << 10;
/// The index has room for so many keys before it grows.
const KEYS: usize = 64;
/// Readings are kept for a minute after the last one.
const KEPT_MILLIS: i64 = 60_000;

type Shared = Mutex<Db<Store<Blocking<Chip>>>>;

/// The hour, in milliseconds. Deadlines on the flash count from the same zero after a restart, so it must not begin anew then.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn open(path: &str) -> Result<Shared, Box<dyn Error>> {
    let chip = Blocking(Chip::open(path)?);
    let geometry = chip.geometry().ok_or("the chip is larger than 4 GiB")?;
    let store = flash_block_on(Store::open(chip, geometry, KEYS, memory::has_room))
        .map_err(|error| format!("{path}: {error}"))?;
    // On a chip the seed comes from its random generator.
    let options = NodeOptions::new(FIVE_TYPES, ARENA, now(), [1, 2, 3, 4], memory::has_room);
    Ok(Mutex::new(Db::on_flash(store, options)))
}

/// What the first start on an empty chip writes, and every start counts.
fn start(db: &Shared) -> Result<i64, DbError> {
    let mut db = db.lock();
    if db.hget("config", "name", now())?.is_none() {
        db.hset("config", "name", "north-3", now())?;
        db.hset("config", "every_millis", "20", now())?;
    }
    db.incr_by("starts", 1, now())
}

/// One task: takes readings. The lock is held for one reading, not while it sleeps.
fn measure(db: &Shared, readings: u32) -> Result<(), DbError> {
    let every = db.lock().hget("config", "every_millis", now())?.unwrap_or_default();
    let every = String::from_utf8_lossy(&every).parse().unwrap_or(20);
    for i in 0..readings {
        let celsius = 20.0 + f64::from(i % 7) / 10.0;
        {
            let mut db = db.lock();
            db.rpush("readings", format!("{celsius:.1}"), now())?;
            db.expire("readings", KEPT_MILLIS, now())?;
        }
        thread::sleep(Duration::from_millis(every));
    }
    Ok(())
}

/// The other task: what there is by now, and whatever is due in the engine.
fn report(db: &Shared) -> Result<usize, DbError> {
    let mut db = db.lock();
    db.tick(now());
    let readings = db.lrange("readings", 0, -1, now())?;
    let last = readings.last().map(|text| String::from_utf8_lossy(text).into_owned());
    println!("{} readings, the last one {}", readings.len(), last.unwrap_or_else(|| "none".to_owned()));
    Ok(readings.len())
}

fn run(path: &str) -> Result<i64, Box<dyn Error>> {
    let db = open(path)?;
    let starts = start(&db)?;
    println!("start {starts}");
    thread::scope(|tasks| {
        let task = tasks.spawn(|| measure(&db, 5));
        while !task.is_finished() {
            report(&db)?;
            thread::sleep(Duration::from_millis(40));
        }
        task.join().map_err(|_| DbError::Reply)?
    })?;
    report(&db)?;
    Ok(starts)
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args().nth(1).unwrap_or_else(|| "flash.bin".to_owned())).map(drop)
}

/// What one run leaves the next one finds: the counter, the configuration, readings that have not expired.
#[test]
fn a_second_start_goes_on() {
    let path = std::env::temp_dir().join(format!("nuthatch-sensor-{}.bin", std::process::id()));
    let path = path.to_str().unwrap();
    assert_eq!(run(path).unwrap(), 1);
    assert_eq!(run(path).unwrap(), 2);
    assert_eq!(report(&open(path).unwrap()).unwrap(), 10);
    std::fs::remove_file(path).unwrap();
}

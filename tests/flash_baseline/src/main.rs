//! The flash log and sequential-storage under the same power cuts, on the same flash: 60 keys that are overwritten and
//! deleted, 1 to 4 cuts in a row. After each, every acknowledged write must be there, and the one under way old or new. Then
//! what a SET and a GET cost each of them in steady use.
#![expect(clippy::expect_used, reason = "a failure ends the measurement")]

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use nuthatch_core::{FlashDevice, FlashGeometry, FlashLog, StoreOp, flash_block_on as block_on};
use nuthatch_tests::flash::nor::{Counts, Fault, Nor};
use nuthatch_tests::flash::world::plain;
use nuthatch_tests::sim::Dice;
use sequential_storage::cache::Cache;
use sequential_storage::cache::key_pointers::HeapKeyPointers;
use sequential_storage::cache::page_pointers::HeapPagePointers;
use sequential_storage::cache::page_states::HeapPageStates;
use sequential_storage::map::{MapConfig, MapStorage};
use std::collections::BTreeMap;

const GEOMETRY: FlashGeometry = FlashGeometry { segment: 4096, segments: 64, write: 1 };
const KEYS: u16 = 60;

/// A store under test. An error is a cut, or a failure of its own where the power is on.
trait Store: Sized {
    const NAME: &str;
    fn mount(nor: Nor, keys: usize) -> Result<Self, (String, Nor)>;
    fn set(&mut self, key: u16, value: &[u8]) -> Result<(), String>;
    fn delete(&mut self, key: u16) -> Result<(), String>;
    fn get(&mut self, key: u16) -> Result<Option<Vec<u8>>, String>;
    fn nor(&mut self) -> &mut Nor;
}

struct Ours(FlashLog<Nor>);

impl Ours {
    fn write(&mut self, op: StoreOp) -> Result<(), String> {
        block_on(self.0.write(&[op], true)).map_err(|error| format!("{error:?}"))
    }
}

impl Store for Ours {
    const NAME: &str = "flash log";

    fn mount(nor: Nor, keys: usize) -> Result<Self, (String, Nor)> {
        let mut log = FlashLog::new(nor, GEOMETRY, keys).expect("a fit geometry");
        match block_on(log.mount()) {
            Ok(()) => Ok(Self(log)),
            Err(error) => Err((format!("{error:?}"), log.into_device())),
        }
    }

    fn set(&mut self, key: u16, value: &[u8]) -> Result<(), String> {
        let key = key.to_le_bytes();
        self.write(StoreOp::Put { db: 0, key: key.to_vec(), record: plain(&key, value, None) })
    }

    fn delete(&mut self, key: u16) -> Result<(), String> {
        self.write(StoreOp::Delete { db: 0, key: key.to_le_bytes().to_vec() })
    }

    fn get(&mut self, key: u16) -> Result<Option<Vec<u8>>, String> {
        let record = block_on(self.0.read(0, &key.to_le_bytes())).map_err(|error| format!("{error:?}"))?;
        // Behind the head and the length, which has a second byte from 64 on.
        Ok(record.map(|record| record[if record[14] < 64 { 15 } else { 16 }..].to_vec()))
    }

    fn nor(&mut self) -> &mut Nor {
        self.0.device()
    }
}

/// The mock behind the traits of embedded-storage.
struct Chip(Nor);

#[derive(Debug)]
struct Off;

impl NorFlashError for Off {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for Chip {
    type Error = Off;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), Off> {
        self.0.read(at, into).await.map_err(|Fault| Off)
    }

    fn capacity(&self) -> usize {
        self.0.bytes.len()
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 4096;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Off> {
        for segment in from / 4096..to / 4096 {
            self.0.erase(segment).await.map_err(|Fault| Off)?;
        }
        Ok(())
    }

    async fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Off> {
        self.0.program(at, bytes).await.map_err(|Fault| Off)
    }
}

type Cached = Cache<HeapPageStates, HeapPagePointers, HeapKeyPointers<u16>, u16>;

struct Sequential(MapStorage<u16, Chip, Cached>);

impl Store for Sequential {
    const NAME: &str = "sequential-storage 8.0.2";

    fn mount(mut nor: Nor, keys: usize) -> Result<Self, (String, Nor)> {
        nor.is_lenient = true;
        let pages = GEOMETRY.segments as usize;
        let cache =
            Cache::new(HeapPageStates::new(pages), HeapPagePointers::new(pages), HeapKeyPointers::new(keys));
        let end = GEOMETRY.segment * GEOMETRY.segments;
        Ok(Self(MapStorage::new(Chip(nor), MapConfig::new(0..end), cache)))
    }

    fn set(&mut self, key: u16, value: &[u8]) -> Result<(), String> {
        // A deleted key is one with an empty value: without writing over what is there, it cannot remove.
        block_on(self.0.store_item(&mut [0; 1024], &key, &value)).map_err(|error| format!("{error:?}"))
    }

    fn delete(&mut self, key: u16) -> Result<(), String> {
        self.set(key, b"")
    }

    fn get(&mut self, key: u16) -> Result<Option<Vec<u8>>, String> {
        let mut buffer = [0; 1024];
        let found =
            block_on(self.0.fetch_item::<&[u8]>(&mut buffer, &key)).map_err(|error| format!("{error:?}"))?;
        Ok(found.filter(|value| !value.is_empty()).map(<[u8]>::to_vec))
    }

    fn nor(&mut self) -> &mut Nor {
        &mut self.0.flash().0
    }
}

type Model = BTreeMap<u16, Vec<u8>>;

/// Writes until the power goes; what was under way is returned.
fn until_cut<S: Store>(store: &mut S, model: &mut Model, dice: &mut Dice) -> Option<(u16, Vec<u8>)> {
    for _ in 0..600 {
        let key = dice.below(KEYS.into()) as u16;
        let len = if dice.once_in(5) { 0 } else { 1 + dice.below(300) };
        let value: Vec<u8> = (0..len).map(|_| dice.roll() as u8).collect();
        let done = if value.is_empty() { store.delete(key) } else { store.set(key, &value) };
        if store.nor().is_off() {
            return Some((key, value));
        }
        if done.is_ok() {
            settle(model, key, value);
        }
    }
    store.nor().switch_on(None);
    None
}

fn settle(model: &mut Model, key: u16, value: Vec<u8>) {
    if value.is_empty() {
        model.remove(&key);
    } else {
        model.insert(key, value);
    }
}

/// One trial: the number of cuts, and what was wrong after one.
fn trial<S: Store>(seed: u64) -> (u64, Option<String>) {
    let mut dice = Dice::new(seed);
    let mut model = Model::new();
    let mut cuts = 0;
    let mut nor = Nor::new(GEOMETRY, seed);
    // A ring of 64 segments takes a while to fill: most cuts come later, some in the beginning.
    let mut first = Some(dice.below(3000) as u64);
    for _ in 0..=dice.below(4) {
        nor.switch_on(first.take().or(Some(dice.below(300) as u64)));
        let mut store = match S::mount(nor, KEYS.into()) {
            Ok(store) => store,
            Err((error, _)) => return (cuts, Some(format!("mount: {error}"))),
        };
        let mut flight = None;
        for _ in 0..20 {
            flight = until_cut(&mut store, &mut model, &mut dice);
            if flight.is_some() {
                break;
            }
            store.nor().switch_on(Some(dice.below(300) as u64));
        }
        cuts += u64::from(flight.is_some());
        nor = store.nor().clone();
        nor.switch_on(None);
        let mut store = match S::mount(nor, KEYS.into()) {
            Ok(store) => store,
            Err((error, _)) => return (cuts, Some(format!("mount: {error}"))),
        };
        for key in 0..KEYS {
            let found = match store.get(key) {
                Ok(found) => found,
                Err(error) => return (cuts, Some(format!("get {key}: {error}"))),
            };
            let new = flight.as_ref().filter(|(flying, _)| *flying == key).map(|(_, value)| value);
            if found.as_ref() == model.get(&key) {
                continue;
            }
            if new.is_some_and(|value| found.clone().unwrap_or_default() == *value) {
                settle(&mut model, key, new.cloned().unwrap_or_default());
                continue;
            }
            return (
                cuts,
                Some(format!(
                    "key {key}: {:?} instead of {:?}",
                    found.map(|v| v.len()),
                    model.get(&key).map(Vec::len)
                )),
            );
        }
        nor = store.nor().clone();
    }
    (cuts, None)
}

fn cuts<S: Store>(trials: u64) {
    let (mut all, mut failed) = (0, 0);
    for seed in 0..trials {
        let run = std::panic::catch_unwind(|| trial::<S>(seed));
        let (cuts, wrong) = run.unwrap_or_else(|_| (0, Some("it panicked".to_owned())));
        all += cuts;
        if let Some(wrong) = wrong {
            failed += 1;
            println!("  {} trial {seed}: {wrong}", S::NAME);
        }
    }
    println!("{}: {failed} of {trials} trials failed, {all} cuts", S::NAME);
}

/// 1,000 keys of 64 bytes, overwritten at random; all keys cached where there is a cache.
fn costs<S: Store>() {
    let mut store = S::mount(Nor::new(GEOMETRY, 1), 1000).map_err(|(error, _)| error).expect("it mounts");
    let mut dice = Dice::new(9);
    let mut writes = |store: &mut S, count: usize| {
        (0..count).for_each(|_| store.set(dice.below(1000) as u16, &[7; 64]).expect("there is room"));
    };
    writes(&mut store, 20_000);
    store.nor().counts = Counts::default();
    writes(&mut store, 20_000);
    let set = std::mem::take(&mut store.nor().counts);
    (0..1000).for_each(|key| assert_eq!(store.get(key).expect("it reads"), Some(vec![7; 64])));
    let get = store.nor().counts;
    println!(
        "{}: a SET {:.3} programs, {:.4} erases, {:.0} bytes; {:.1} reads; a GET {:.1} reads, {:.0} bytes",
        S::NAME,
        set.programs as f64 / 20_000.0,
        set.erases as f64 / 20_000.0,
        set.programmed as f64 / 20_000.0,
        set.reads as f64 / 20_000.0,
        get.reads as f64 / 1000.0,
        get.read_bytes as f64 / 1000.0,
    );
}

fn main() {
    let trials = std::env::args().nth(1).and_then(|trials| trials.parse().ok()).unwrap_or(3000);
    cuts::<Ours>(trials);
    cuts::<Sequential>(trials);
    costs::<Ours>();
    costs::<Sequential>();
}

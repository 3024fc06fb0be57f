//! Keys over the flash log, a model of plain maps beside them, and power cuts. Each seed is a world of its own: its
//! geometry, how full it is, how long values are, how often keys are deleted.

use super::nor::{Fault, Nor};
use crate::sim::Dice;
use nuthatch_core::types::codec::Form;
use nuthatch_core::{
    FlashError, FlashGeometry, FlashLog, FlashStats, StoreOp, flash_block_on as block_on, flash_place,
    store_record as record,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

type Key = (u32, Vec<u8>);
type Model = BTreeMap<Key, Vec<u8>>;

const NOW: i64 = 1_700_000_000_000;

/// What was under way when the power went.
#[derive(Debug)]
enum Flight {
    Nothing,
    Batch(Vec<StoreOp>),
    Clear(u32),
}

/// How a world is.
#[derive(Debug, Clone)]
pub struct Habits {
    /// The flash.
    pub geometry: FlashGeometry,
    /// So many keys of each database.
    pub keys: usize,
    /// Databases.
    pub databases: u32,
    /// The longest value, but for long ones.
    pub value: usize,
    /// One value in so many is longer than a segment; 0: none.
    pub long: usize,
    /// One change in so many deletes.
    pub deletes: usize,
    /// The most changes of a batch.
    pub batch: usize,
    /// One value in so many has a deadline; 0: none.
    pub deadlines: usize,
    /// One step in so many clears a database; 0: none.
    pub clears: usize,
    /// Keys come in pairs with one fingerprint.
    pub twins: bool,
    /// One step in so many writes a page of virtual memory, gives one up, or reads one; 0: none.
    pub pages: usize,
}

/// Pages of virtual memory that a world has.
const PAGES: usize = 12;

/// Keys of which each two in a row have one fingerprint.
fn twins() -> &'static [Vec<u8>] {
    static TWINS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    TWINS.get_or_init(|| {
        let mut seen = BTreeMap::new();
        let keys = (0..900_000).map(|number| format!("twin{number}").into_bytes());
        let pairs = keys.filter_map(|key| Some([seen.insert(flash_place(&key), key.clone())?, key]));
        pairs.take(30).flatten().collect()
    })
}

impl Habits {
    /// Those of a seed.
    pub fn of(dice: &mut Dice) -> Self {
        let segment = *dice.pick(&[512, 1024, 1024, 4096]);
        let segments = 9 + dice.below(if segment == 4096 { 8 } else { 24 }) as u32;
        let geometry = FlashGeometry { segment, segments, write: *dice.pick(&[1, 1, 4, 16]) };
        let keys = 1 + dice.below(60);
        // From nearly empty to more than there is room for.
        let room = (segment * (segments - 5)) as usize * (10 + dice.below(110)) / 100;
        Self {
            geometry,
            keys,
            databases: 1 + dice.below(3) as u32,
            value: (room / keys * 2).clamp(1, segment as usize / 2),
            long: *dice.pick(&[0, 0, 9, 30]),
            deletes: *dice.pick(&[2, 4, 4, 20]),
            batch: *dice.pick(&[1, 1, 3, 8]),
            deadlines: *dice.pick(&[0, 3, 10]),
            clears: *dice.pick(&[0, 0, 60]),
            twins: dice.once_in(3),
            pages: *dice.pick(&[0, 2, 6]),
        }
    }
}

/// A log over a flash, and what it must hold.
#[derive(Debug)]
pub struct World {
    /// How it is.
    pub habits: Habits,
    log: FlashLog<Nor>,
    model: Model,
    /// The pages that were written since the start and not given up.
    pages: BTreeMap<u32, Vec<u8>>,
    now: i64,
    dice: Dice,
    /// Changes that were acknowledged, and those for which there was no room.
    pub acknowledged: u64,
    /// Batches for which there was no room.
    pub refused: u64,
    /// Times the power went.
    pub cuts: u64,
}

fn log_over(nor: Nor) -> FlashLog<Nor> {
    let geometry = nor.geometry;
    #[expect(clippy::expect_used, reason = "the world's geometries are all fit")]
    FlashLog::new(nor, geometry, 16).expect("a fit geometry")
}

impl World {
    /// A world with the habits of its seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let habits = Habits::of(&mut dice);
        Self::with(habits, seed)
    }

    /// A world with these habits.
    pub fn with(habits: Habits, seed: u64) -> Self {
        Self::with_tears(habits, seed, seed)
    }

    /// A world in which the same happens as in others of the seed, but for how operations are torn.
    pub fn with_tears(habits: Habits, seed: u64, tears: u64) -> Self {
        let mut world = Self {
            log: log_over(Nor::new(habits.geometry, tears)),
            habits,
            model: Model::new(),
            pages: BTreeMap::new(),
            now: NOW,
            dice: Dice::new(seed ^ 0x5eed),
            acknowledged: 0,
            refused: 0,
            cuts: 0,
        };
        world.remount(None, &Flight::Nothing);
        world
    }

    /// The flash.
    pub fn nor(&mut self) -> &mut Nor {
        self.log.device()
    }

    /// The log's figures.
    pub fn stats(&self) -> FlashStats {
        self.log.stats()
    }

    /// Goes on until the power goes after `operations` programs and erases, or `steps` are done; then checks.
    pub fn until_cut(&mut self, operations: u64, steps: usize) {
        self.nor().switch_on(Some(operations));
        for _ in 0..steps {
            let flight = self.step();
            if self.nor().is_off() {
                self.cuts += 1;
                self.remount(None, &flight);
                return;
            }
        }
        self.nor().switch_on(None);
    }

    /// One task; what is under way if the power goes in it.
    fn step(&mut self) -> Flight {
        self.now += self.dice.below(400) as i64;
        if self.habits.deadlines > 0 {
            self.log.set_now(self.now);
        }
        if self.habits.pages > 0 && self.dice.once_in(self.habits.pages) {
            self.page();
            if self.nor().is_off() {
                // Nothing durable was under way.
                return Flight::Nothing;
            }
        }
        let db = self.dice.below(self.habits.databases as usize) as u32 * 1000;
        if self.habits.clears > 0 && self.dice.once_in(self.habits.clears) {
            match block_on(self.log.clear(db)) {
                Ok(()) => self.model.retain(|(number, _), _| *number != db),
                Err(FlashError::Device(Fault)) => return Flight::Clear(db),
                Err(error) => self.fail(&format!("CLEAR {db}: {error:?}")),
            }
        }
        let batch = self.batch(db);
        match block_on(self.log.write(&batch, true)) {
            Ok(()) => {
                self.acknowledged += 1;
                apply(&mut self.model, &batch);
                Flight::Nothing
            }
            Err(FlashError::Full) if batch.iter().any(|op| matches!(op, StoreOp::Put { .. })) => {
                self.refused += 1;
                Flight::Nothing
            }
            Err(FlashError::Device(Fault)) => Flight::Batch(batch),
            Err(error) => self.fail(&format!("{batch:?}: {error:?}")),
        }
    }

    /// Writes a page, or gives one up, and reads one.
    fn page(&mut self) {
        let page = self.dice.below(PAGES) as u32;
        if self.dice.once_in(4) {
            self.pages.remove(&page);
        } else {
            let most = self.log.max_page().min(self.habits.value * 3 + 1);
            let len = self.dice.below(most);
            let bytes: Vec<u8> = (0..len).map(|_| self.dice.roll() as u8).collect();
            // What is being written counts already: where pages are taken first and then written, that is so.
            let counts = |number: &u32| self.pages.contains_key(number) || *number == page;
            let map = (0..PAGES as u32).filter(counts).fold(0, |map, number| map | 1 << number);
            self.log.set_page_map(&[map]);
            match block_on(self.log.write_page(page, &bytes)) {
                Ok(()) => _ = self.pages.insert(page, bytes),
                Err(FlashError::Full) => self.refused += 1,
                Err(FlashError::Device(Fault)) => return,
                Err(error) => self.fail(&format!("page {page}: {error:?}")),
            }
        }
        let page = self.dice.below(PAGES) as u32;
        if self.pages.contains_key(&page) {
            let (mut bytes, found) = (Vec::new(), self.pages[&page].clone());
            let read = block_on(self.log.read_page(page, &mut bytes));
            if read != Ok(true) || bytes != found {
                self.fail(&format!("page {page} is {read:?}, {} of {} bytes", bytes.len(), found.len()));
            }
        }
    }

    /// A start has forgotten all pages.
    fn check_pages(&mut self) {
        self.pages.clear();
        for page in 0..PAGES as u32 {
            let read = block_on(self.log.read_page(page, &mut Vec::new()));
            if read != Ok(false) {
                self.fail(&format!("after a start page {page} is {read:?}"));
            }
        }
    }

    fn batch(&mut self, db: u32) -> Vec<StoreOp> {
        let mut seen = BTreeSet::new();
        let changes = 1 + self.dice.below(self.habits.batch);
        let numbers: Vec<usize> = (0..changes).map(|_| self.dice.below(self.habits.keys)).collect();
        let numbers = numbers.into_iter().filter(|number| seen.insert(*number));
        numbers.map(|number| self.change(db, self.key(number))).collect()
    }

    fn key(&self, number: usize) -> Vec<u8> {
        match twins().get(number) {
            Some(key) if self.habits.twins => key.clone(),
            _ => format!("key{number}").into_bytes(),
        }
    }

    fn change(&mut self, db: u32, key: Vec<u8>) -> StoreOp {
        if self.dice.once_in(self.habits.deletes) {
            return StoreOp::Delete { db, key };
        }
        let len = match self.habits.long {
            long if long > 0 && self.dice.once_in(long) => {
                self.dice.below(self.habits.geometry.segment as usize * 4)
            }
            _ => self.dice.below(self.habits.value + 1),
        };
        let body: Vec<u8> =
            (0..len).map(|_| if self.dice.once_in(5) { 0xff } else { self.dice.roll() as u8 }).collect();
        if self.dice.once_in(20) {
            return StoreOp::Put { db, key, record: body };
        }
        let dies = self.habits.deadlines > 0 && self.dice.once_in(self.habits.deadlines);
        let deadline = dies.then(|| self.now + self.dice.below(20_000) as i64);
        let record = plain(&key, &body, deadline);
        StoreOp::Put { db, key, record }
    }

    /// Starts anew on what is on the flash, and checks everything.
    fn remount(&mut self, cut: Option<u64>, flight: &Flight) {
        let mut nor = self.nor().clone();
        nor.switch_on(cut);
        self.log = log_over(nor);
        if let Err(error) = block_on(self.log.mount()) {
            self.fail(&format!("mount: {error:?}"));
        }
        self.check(flight);
        self.check_pages();
    }

    /// The keys that the log has: all that are known, as [`FlashLog::read`] finds them.
    fn found(&mut self) -> Model {
        let mut out = Model::new();
        for db in (0..self.habits.databases).map(|db| db * 1000) {
            for number in 0..self.habits.keys {
                let key = self.key(number);
                match block_on(self.log.read(db, &key)) {
                    Ok(Some(record)) => _ = out.insert((db, key), record),
                    Ok(None) => {}
                    Err(error) => self.fail(&format!("reading {number} of {db}: {error:?}")),
                }
            }
        }
        out
    }

    /// Checks the log against the model, in which what was under way is settled then.
    fn check(&mut self, flight: &Flight) {
        let found = self.found();
        let mut wanted = self.model.clone();
        match flight {
            Flight::Nothing => {}
            Flight::Clear(db) => wanted.retain(|key, _| key.0 != *db || found.contains_key(key)),
            Flight::Batch(batch) => {
                let mut new = self.model.clone();
                apply(&mut new, batch);
                if agrees(&found, &new, self.now) {
                    wanted = new;
                }
            }
        }
        if !agrees(&found, &wanted, self.now) {
            self.fail(&format!("{flight:?} left {}", difference(&found, &wanted, self.now)));
        }
        self.model = found;
        self.check_walk();
        self.check_books();
    }

    fn check_walk(&mut self) {
        for db in (0..self.habits.databases).map(|db| db * 1000) {
            let (mut seen, mut from, mut places) = (Model::new(), Some(0), Vec::new());
            while let Some(place) = from {
                let (limit, bytes) =
                    (1 + self.dice.below(9), *self.dice.pick(&[0, record::HEAD, usize::MAX]));
                let page = match block_on(self.log.scan(db, place, limit, bytes)) {
                    Ok(page) => page,
                    Err(error) => self.fail(&format!("walk: {error:?}")),
                };
                assert!(page.next.is_none() || page.entries.len() >= limit, "a short page in the middle");
                for (key, record) in page.entries {
                    places.push(flash_place(&key));
                    let whole = self.model.get(&(db, key.clone())).cloned().unwrap_or_default();
                    let short =
                        bytes == record::HEAD && record.get(4..) == whole.get(4..bytes.min(whole.len()));
                    assert!(
                        short || record == whole[..bytes.min(whole.len())],
                        "the walk tells another record"
                    );
                    seen.insert((db, key), whole);
                }
                from = page.next;
            }
            let wanted: Model = self
                .model
                .iter()
                .filter(|(key, _)| key.0 == db)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            assert!(
                places.is_sorted() && seen.len() == places.len(),
                "places out of order, or a key twice: {places:?} {}",
                seen.len()
            );
            assert_eq!(
                seen.keys().collect::<Vec<_>>(),
                wanted.keys().collect::<Vec<_>>(),
                "the walk of {db}"
            );
        }
    }

    fn check_books(&mut self) {
        let mut wanted: BTreeMap<u32, u64> = BTreeMap::new();
        self.model.keys().for_each(|(db, _)| *wanted.entry(*db).or_default() += 1);
        let counts: BTreeMap<u32, u64> = self.log.counts().iter().copied().collect();
        assert_eq!(counts, wanted, "counts of keys");
        let stats = self.log.stats();
        assert_eq!(stats.live, self.log.audited_live(), "live bytes");
    }

    #[expect(clippy::panic, reason = "this is what the world is for")]
    fn fail(&self, what: &str) -> ! {
        panic!("after {} cuts and {} writes, {:?}: {what}", self.cuts, self.acknowledged, self.habits)
    }
}

/// The record of a plain string.
pub fn plain(key: &[u8], value: &[u8], deadline: Option<i64>) -> Vec<u8> {
    let head = record::Head { deadline, encoding: "raw", form: Form::String };
    let mut body = Vec::with_capacity(value.len() + 2);
    match value.len() {
        short @ 0..64 => body.push(short as u8),
        long => body.extend_from_slice(&[0x40 | (long >> 8) as u8, long as u8]),
    }
    body.extend_from_slice(value);
    record::from_parts(key, &head, &body)
}

fn apply(model: &mut Model, batch: &[StoreOp]) {
    for op in batch {
        match op.clone() {
            StoreOp::Put { db, key, record } => _ = model.insert((db, key), record),
            StoreOp::Delete { db, key } => _ = model.remove(&(db, key)),
        }
    }
}

/// Whether what was found is what is wanted; keys whose time is over may be gone.
fn agrees(found: &Model, wanted: &Model, now: i64) -> bool {
    let is_over = |record: &[u8]| record::deadline(record).is_some_and(|deadline| deadline <= now);
    found.iter().all(|(key, record)| wanted.get(key) == Some(record))
        && wanted.iter().all(|(key, record)| found.contains_key(key) || is_over(record))
}

fn difference(found: &Model, wanted: &Model, now: i64) -> String {
    let keys: BTreeSet<&Key> = found.keys().chain(wanted.keys()).collect();
    let short = |record: Option<&Vec<u8>>| {
        record.map(|record| format!("{} bytes {:?}", record.len(), record::deadline(record)))
    };
    let differ = keys.into_iter().filter(|key| found.get(*key) != wanted.get(*key));
    let lines = differ.map(|key| {
        let name = String::from_utf8_lossy(&key.1);
        format!("\n  {} {name}: {:?} instead of {:?}", key.0, short(found.get(key)), short(wanted.get(key)))
    });
    format!("at {now}{}", lines.collect::<String>())
}

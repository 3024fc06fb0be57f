//! Embedded engines measured as stores of diskstore, one beside the other: `cargo run --release -- [KEYS] [FOLDER]`.
//!
//! Each is used as the store would use it: batches that outlast the end of the process, keys that begin with a hash, the
//! number of keys known exactly. Each phase is a process of its own, which is killed at its end; the next one opens what is
//! left.
#![expect(clippy::expect_used, reason = "a measurement ends at the first failure")]

mod adapters;

use adapters::{Batch, Engine, open};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const ENGINES: [&str; 3] = ["fjall", "redb", "canopydb"];
const PHASES: [&str; 2] = ["large", "small"];
const LARGE: usize = 1024;
const SMALL: usize = 16;
const BATCH: usize = 512;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["phase", engine, phase, keys, path] => run_phase(engine, phase, number(keys), Path::new(path)),
        ["after", engine, path] => look_after(engine, Path::new(path)),
        [] => compare(300_000, &env::temp_dir()),
        [keys] => compare(number(keys), &env::temp_dir()),
        [keys, folder, ..] => compare(number(keys), Path::new(folder)),
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

/// Every phase with every engine, in turn.
fn compare(keys: u64, folder: &Path) {
    for phase in PHASES {
        for engine in ENGINES {
            let path = folder.join(format!("engines-{}-{engine}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder");
            println!("{engine}, {phase}, {keys} keys");
            until_killed(&["phase", engine, phase, &keys.to_string()], &path);
            until_killed(&["after", engine], &path);
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Shows what the process says until it says that it may be killed.
fn until_killed(words: &[&str], path: &Path) {
    let mut command = Command::new(env::current_exe().expect("this program"));
    let mut child = command.args(words).arg(path).stdout(Stdio::piped()).spawn().expect("a process");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    for line in output.lines().map_while(Result::ok).take_while(|line| line != "kill") {
        println!("{line}");
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn wait_for_the_kill() {
    println!("kill");
    thread::sleep(Duration::from_secs(60));
}

fn run_phase(name: &str, phase: &str, keys: u64, path: &Path) {
    let engine = open(name, path);
    if phase == "large" {
        write(&*engine, 0..keys, LARGE, BATCH, false, "new");
        let mut dice = Dice(99);
        write(&*engine, (0..keys / 2).map(|_| dice.next() % keys), LARGE, BATCH, false, "replaced");
        write(&*engine, keys..keys + 10_000, LARGE, 100, true, "synced, batches of 100");
    } else {
        write(&*engine, 0..keys * 4, SMALL, BATCH, false, "new, 16 bytes");
    }
    for (threads, absent, what) in
        [(4, false, "read, 4 threads"), (1, false, "read, 1 thread"), (4, true, "absent, 4 threads")]
    {
        read(&engine, threads, keys, absent, what);
    }
    println!("  {} keys counted, {} MB on disk", engine.count(), disk(path) >> 20);
    wait_for_the_kill();
}

fn look_after(name: &str, path: &Path) {
    let begun = Instant::now();
    let engine = open(name, path);
    let opened = begun.elapsed();
    println!("  after kill -9: opened in {} ms, {} keys there", opened.as_millis(), engine.scan());
    wait_for_the_kill();
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A key as the store has it: a hash, so that neighbours in time are none in the tree, and a name.
fn key(number: u64) -> Vec<u8> {
    let mut key = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec();
    key.extend_from_slice(format!("key:{number:012}").as_bytes());
    key
}

/// What there was to measure of a run of work.
struct Work {
    begun: Instant,
    cpu: f64,
}

impl Work {
    fn begin() -> Self {
        Self { begun: Instant::now(), cpu: cpu() }
    }

    fn end(self, what: &str, count: u64, more: &str) {
        let (seconds, cpu) = (self.begun.elapsed().as_secs_f64(), cpu() - self.cpu);
        let (rate, each) = (count as f64 / seconds, cpu * 1e6 / count as f64);
        println!("  {what}: {rate:.0}/s, {each:.1} us of CPU each, {} MB resident{more}", resident() >> 10);
    }
}

fn write(
    engine: &dyn Engine,
    keys: impl Iterator<Item = u64>,
    size: usize,
    at_once: usize,
    synced: bool,
    what: &str,
) {
    let (work, mut dice) = (Work::begin(), Dice(88_172_645_463_325_252));
    let noise: Vec<u8> = (0..1 << 13).flat_map(|_| dice.next().to_le_bytes()).collect();
    let (mut batch, mut count, mut slowest) = (Batch::new(), 0, Duration::ZERO);
    let mut put = |batch: &mut Batch| {
        let begun = Instant::now();
        engine.put(batch, synced);
        slowest = slowest.max(begun.elapsed());
        batch.clear();
    };
    for number in keys {
        let from = dice.next() as usize % (noise.len() - size);
        batch.push((key(number), noise[from..from + size].to_vec()));
        count += 1;
        if batch.len() == at_once {
            put(&mut batch);
        }
    }
    put(&mut batch);
    work.end(what, count, &format!(", slowest batch {} ms", slowest.as_millis()));
}

fn read(engine: &Arc<dyn Engine>, threads: u64, keys: u64, absent: bool, what: &str) {
    let work = Work::begin();
    let readers = (0..threads).map(|number| {
        let engine = engine.clone();
        thread::spawn(move || {
            let (mut dice, begun, mut count) = (Dice(number * 7919 + 12_345), Instant::now(), 0);
            while begun.elapsed() < Duration::from_secs(2) {
                let mut key = key(dice.next() % keys);
                if absent {
                    key.push(b'x');
                }
                assert_eq!(engine.get(&key).is_some(), !absent);
                count += 1;
            }
            count
        })
    });
    let readers: Vec<_> = readers.collect();
    let count = readers.into_iter().map(|reader| reader.join().expect("a reader")).sum();
    work.end(what, count, "");
}

/// Seconds that this process ran.
fn cpu() -> f64 {
    let nanos = |task: PathBuf| -> Option<f64> {
        fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    let tasks = fs::read_dir("/proc/self/task").expect("its threads");
    // Threads that have ended are in the process's own figures only.
    let stat = fs::read_to_string("/proc/self/stat").expect("its figures");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = (number(fields[11]) + number(fields[12])) as f64 / 100.0;
    let alive: f64 = tasks.flatten().filter_map(|task| nanos(task.path())).sum();
    ticks.max(alive / 1e9)
}

/// Kilobytes in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("its figures");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the line");
    number(line.trim().trim_end_matches(" kB"))
}

/// Bytes on disk.
fn disk(path: &Path) -> u64 {
    let entries = fs::read_dir(path).expect("a folder").flatten();
    entries.map(|e| e.metadata().map_or(0, |m| if m.is_dir() { disk(&e.path()) } else { m.blocks() * 512 })).sum()
}

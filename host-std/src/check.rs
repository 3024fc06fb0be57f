//! `nuthatch check-aof` and `nuthatch check-rdb`: whether files can be loaded, and where they cannot.

use crate::facts;
use crate::options::reason;
use nuthatch_core::{Fault, JournalEvent, JournalReader, Manifest, RdbItem, RdbLoader};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const PORTION: usize = 1 << 20;

/// A subcommand's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// A journal: a manifest, or one file. `fix` cuts off what is behind the first fault.
    Aof {
        /// The file.
        path: PathBuf,
        /// Whether it is mended.
        fix: bool,
    },
    /// A snapshot.
    Rdb {
        /// The file.
        path: PathBuf,
    },
}

/// Carries it out, telling on standard output.
///
/// # Errors
/// One line that says what is wrong.
pub fn run(check: &Check) -> Result<(), String> {
    match check {
        Check::Rdb { path } => {
            let (_, keys) = read_snapshot(path)?;
            println!("\\o/ RDB looks OK! \\o/ {keys} keys read");
            Ok(())
        }
        Check::Aof { path, fix } if path.as_os_str().as_encoded_bytes().ends_with(b".manifest") => {
            check_all(path, *fix)
        }
        Check::Aof { path, fix } => {
            check_file(path, *fix, true)?;
            println!("AOF {} is valid", path.display());
            Ok(())
        }
    }
}

/// Every file that the manifest names; only the last can be mended, for what the others lack the later ones stand on.
fn check_all(path: &Path, fix: bool) -> Result<(), String> {
    let text = fs::read(path).map_err(|error| told(path, &error))?;
    let manifest = Manifest::read(&text)?;
    let parts: Vec<_> = manifest.base.iter().chain(&manifest.increments).collect();
    for (place, part) in parts.iter().enumerate() {
        let name = String::from_utf8_lossy(&part.name).into_owned();
        let file = path.with_file_name(&name);
        check_file(&file, fix, place + 1 == parts.len())?;
        println!("AOF {name} is valid");
    }
    println!("All AOF files and manifest are valid");
    Ok(())
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("Cannot read {}: {}", path.display(), reason(error))
}

/// Reads a snapshot; where it ends, and how many keys are in it.
fn read_snapshot(path: &Path) -> Result<(u64, u64), String> {
    let mut file = File::open(path).map_err(|error| told(path, &error))?;
    let mut loader = RdbLoader::new(true).summed_by(Some(facts::crc64));
    let mut portion = vec![0; PORTION];
    let mut keys = 0;
    while !loader.is_done() {
        let n = file.read(&mut portion).map_err(|error| told(path, &error))?;
        loader.feed(&portion[..n]);
        if n == 0 {
            loader.finish();
        }
        loop {
            match loader.poll_item() {
                Ok(Some(RdbItem::Entry(entry))) => {
                    keys += 1;
                    entry.check().map_err(|error| format!("RDB {} is not valid: {error}", path.display()))?;
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return Err(format!("RDB {} is not valid: {error}", path.display())),
            }
        }
        if n == 0 && !loader.is_done() {
            return Err(format!("RDB {} is not valid: unexpected end of file", path.display()));
        }
    }
    Ok((loader.position(), keys))
}

fn check_file(path: &Path, fix: bool, last: bool) -> Result<(), String> {
    let mut magic = [0; 5];
    let mut file = File::open(path).map_err(|error| told(path, &error))?;
    let from = match file.read(&mut magic) {
        Ok(5) if &magic == b"REDIS" => read_snapshot(path)?.0,
        Ok(_) => 0,
        Err(error) => return Err(told(path, &error)),
    };
    let size = file.metadata().map_err(|error| told(path, &error))?.len();
    file.seek(SeekFrom::Start(from)).map_err(|error| told(path, &error))?;
    let fault = read_commands(&mut file, from).map_err(|error| told(path, &error))?;
    let good = fault.map_or(size, |fault| fault.at);
    let name = path.display();
    println!("AOF analyzed: filename={name}, size={size}, ok_up_to={good}, diff={}", size - good);
    let Some(fault) = fault else { return Ok(()) };
    if !fix {
        return Err(format!("AOF {name} is not valid: {fault}. Use the --fix option to try fixing it."));
    }
    if !last {
        return Err(format!("Failed to truncate AOF {name} because it is not the last file"));
    }
    mend(path, size, fault.at)
}

/// Reads commands to the file's end, or to a fault.
fn read_commands(file: &mut File, from: u64) -> io::Result<Option<Fault>> {
    let mut reader = JournalReader::new(from);
    let mut portion = vec![0; PORTION];
    loop {
        match reader.step() {
            Ok(JournalEvent::Command) => {}
            Ok(JournalEvent::End) => return Ok(None),
            Ok(JournalEvent::Pause) => match file.read(&mut portion)? {
                0 => reader.finish(),
                n => reader.feed(&portion[..n]),
            },
            Err(fault) => return Ok(Some(fault)),
        }
    }
}

fn mend(path: &Path, size: u64, good: u64) -> Result<(), String> {
    let name = path.display();
    println!(
        "This will shrink the AOF {name} from {size} bytes, with {} bytes, to {good} bytes",
        size - good
    );
    print!("Continue? [y/N]: ");
    let mut answer = String::new();
    let asked = io::stdout().flush().and_then(|()| io::stdin().lock().read_line(&mut answer));
    if asked.is_err() || !answer.trim_start().starts_with(['y', 'Y']) {
        return Err("Aborting...".to_owned());
    }
    let cut = OpenOptions::new().write(true).open(path).and_then(|file| {
        file.set_len(good)?;
        file.sync_all()
    });
    cut.map_err(|error| format!("Failed to truncate AOF {name}: {}", reason(&error)))?;
    println!("Successfully truncated AOF {name}");
    Ok(())
}

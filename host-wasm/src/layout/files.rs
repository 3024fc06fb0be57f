//! Files as rows of chunks.

use super::{Op, Store};
use nuthatch_core::OrderedMap;

/// A chunk has at most so many bytes.
const CHUNK: usize = 64 << 10;
/// What is appended goes into the last chunk, which is written again, while that is shorter than this; then a new one
/// begins.
const SMALL: usize = 8 << 10;
/// A chunk's key is its file's number times this, and its offset.
const FILE_SPAN: u64 = 1 << 36;
/// Where the directory lies among the meta records.
const DIRECTORY: u64 = 0;

/// Keys of chunks, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Bytes before the part that is wanted.
    pub(crate) skip: usize,
}

#[derive(Debug, Clone, Default)]
struct File {
    number: u32,
    /// Where its chunks begin.
    chunks: Vec<u64>,
    size: u64,
    /// The bytes of the last chunk, where it is known and may grow.
    tail: Option<Vec<u8>>,
    /// A write has failed: it takes no more until it is created or cut.
    broken: bool,
}

/// The files by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    files: OrderedMap<Vec<u8>, File>,
    /// Files whose chunks stay until they are forgotten, whatever becomes of their names.
    kept: [Option<File>; 2],
}

/// Why a job on a file cannot be done.
pub(crate) const NO_FILE: &str = "No such file";
/// What follows a failed write.
pub(crate) const BROKEN: &str = "an earlier write to this file failed";

impl Directory {
    /// The directory as its record says, with the chunks that are there; whatever belongs to no file is to be removed.
    pub(crate) fn read(record: &[u8], keys: &[f64], ops: &mut Vec<Op>) -> Self {
        let mut directory = Self::default();
        let mut numbers = OrderedMap::new();
        let mut rest = record;
        while let Some((number, name, after)) = take_entry(rest) {
            numbers.insert(number, name.to_vec());
            directory.files.insert(name.to_vec(), File { number, ..File::default() });
            rest = after;
        }
        for key in keys.iter().map(|key| *key as u64) {
            let name = numbers.get(&((key / FILE_SPAN) as u32));
            match name.and_then(|name| directory.files.get_mut(name)) {
                Some(file) => file.chunks.push(key % FILE_SPAN),
                None => ops.push(Op::Remove { store: Store::Chunks, from: key, to: key }),
            }
        }
        directory
    }

    /// Keys of the last chunks, whose bytes [`Directory::set_tail`] wants.
    pub(crate) fn tails(&self) -> Vec<f64> {
        self.files.values().filter_map(|file| file.chunks.last().map(|at| file.key(*at) as f64)).collect()
    }

    /// The bytes of a last chunk.
    pub(crate) fn set_tail(&mut self, key: f64, bytes: &[u8]) {
        let (number, at) = ((key as u64 / FILE_SPAN) as u32, key as u64 % FILE_SPAN);
        if let Some(file) = self.files.values_mut().find(|file| file.number == number) {
            file.tail = Some(bytes.to_vec());
            file.size = at + bytes.len() as u64;
        }
    }

    /// Where a part of a file lies, and the file's size; `None`: there is no such file.
    pub(crate) fn part(&self, name: &[u8], offset: u64, len: usize) -> Option<(Option<Span>, u64)> {
        self.files.get(name).map(|file| (file.span(offset, len), file.size))
    }

    /// Where a part of a kept file lies.
    pub(crate) fn kept_part(&self, odd: bool, offset: u64, len: usize) -> Option<Span> {
        self.kept[usize::from(odd)].as_ref()?.span(offset, len)
    }

    /// Keeps a file's chunks until it is forgotten.
    pub(crate) fn keep(&mut self, name: &[u8], odd: bool) -> Result<(), &'static str> {
        self.kept[usize::from(odd)] = Some(self.files.get(name).ok_or(NO_FILE)?.clone());
        Ok(())
    }

    /// Lets a kept file go; its chunks too, if it has lost its name.
    pub(crate) fn forget(&mut self, odd: bool, ops: &mut Vec<Op>) {
        let Some(file) = self.kept[usize::from(odd)].take() else { return };
        if !self.files.values().any(|named| named.number == file.number) {
            self.remove_chunks(&file, ops);
        }
    }

    /// Makes a file, empty.
    pub(crate) fn create(&mut self, name: &[u8], ops: &mut Vec<Op>) {
        self.drop_file(name, ops);
        let number = self.free_number();
        self.files.insert(name.to_vec(), File { number, ..File::default() });
        self.write(ops);
    }

    /// Writes at a file's end.
    pub(crate) fn append(
        &mut self,
        name: &[u8],
        mut bytes: &[u8],
        ops: &mut Vec<Op>,
    ) -> Result<(), &'static str> {
        let file = self.file(name)?;
        while !bytes.is_empty() {
            let mut tail = file.tail.take().filter(|tail| tail.len() < SMALL).unwrap_or_default();
            if tail.is_empty() {
                file.chunks.push(file.size);
            }
            let part = bytes.len().min(CHUNK - tail.len());
            tail.extend_from_slice(&bytes[..part]);
            file.size += part as u64;
            bytes = &bytes[part..];
            put(ops, file.key(file.size - tail.len() as u64), &tail);
            file.tail = Some(tail);
        }
        Ok(())
    }

    /// Whether the file takes appends; else why not.
    pub(crate) fn intact(&mut self, name: &[u8]) -> Result<(), &'static str> {
        self.file(name).map(drop)
    }

    fn file(&mut self, name: &[u8]) -> Result<&mut File, &'static str> {
        let file = self.files.get_mut(name).ok_or(NO_FILE)?;
        if file.broken { Err(BROKEN) } else { Ok(file) }
    }

    /// Cuts a file off or fills it up. A cut within a chunk that is not the last would need its bytes, and is refused: the
    /// engine then writes its data anew.
    pub(crate) fn truncate(&mut self, name: &[u8], len: u64, ops: &mut Vec<Op>) -> Result<(), &'static str> {
        if !self.files.contains_key(name) {
            self.create(name, ops);
        }
        let Some(file) = self.files.get_mut(name) else { return Err(NO_FILE) };
        file.broken = false;
        if len >= file.size {
            let zeros = vec![0; (len - file.size) as usize];
            return self.append(name, &zeros, ops);
        }
        let stay = file.chunks.partition_point(|at| *at < len);
        if let Some(at) = file.chunks.get(stay) {
            if *at != len {
                return Err("a part of it that is not in memory would have to be cut");
            }
            ops.push(Op::Remove { store: Store::Chunks, from: file.key(*at), to: file.key(FILE_SPAN - 1) });
            file.chunks.truncate(stay);
            file.tail = None;
        } else if let (Some(at), Some(tail)) = (file.chunks.last(), &mut file.tail) {
            tail.truncate((len - at) as usize);
            let key = u64::from(file.number) * FILE_SPAN + at;
            put(ops, key, tail);
        }
        file.size = len;
        Ok(())
    }

    /// Gives a file another name, in place of whatever had it.
    pub(crate) fn rename(&mut self, name: &[u8], to: &[u8], ops: &mut Vec<Op>) -> Result<(), &'static str> {
        let file = self.files.remove(name).ok_or(NO_FILE)?;
        self.drop_file(to, ops);
        self.files.insert(to.to_vec(), file);
        self.write(ops);
        Ok(())
    }

    /// Whether there is such a file.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.files.contains_key(name)
    }

    /// Removes a file if it is there.
    pub(crate) fn remove(&mut self, name: &[u8], ops: &mut Vec<Op>) {
        if self.drop_file(name, ops) {
            self.write(ops);
        }
    }

    /// Marks a file into which a write has failed.
    pub(crate) fn break_file(&mut self, name: &[u8]) {
        if let Some(file) = self.files.get_mut(name) {
            file.broken = true;
        }
    }

    fn drop_file(&mut self, name: &[u8], ops: &mut Vec<Op>) -> bool {
        let Some(file) = self.files.remove(name) else { return false };
        self.remove_chunks(&file, ops);
        true
    }

    /// Removes a file's chunks, unless they are kept.
    fn remove_chunks(&self, file: &File, ops: &mut Vec<Op>) {
        let kept = self.kept.iter().flatten().any(|kept| kept.number == file.number);
        if !kept && !file.chunks.is_empty() {
            ops.push(Op::Remove { store: Store::Chunks, from: file.key(0), to: file.key(FILE_SPAN - 1) });
        }
    }

    fn free_number(&self) -> u32 {
        let taken = |number: u32| {
            self.files.values().chain(self.kept.iter().flatten()).any(|file| file.number == number)
        };
        (1..).find(|number| !taken(*number)).unwrap_or(u32::MAX)
    }

    /// Puts the directory's record, unless that is done at the end of the commit anyway.
    fn write(&self, ops: &mut Vec<Op>) {
        ops.retain(|op| !matches!(op, Op::Put { store: Store::Meta, key: DIRECTORY, .. }));
        let mut bytes = Vec::new();
        for (name, file) in &self.files {
            bytes.extend_from_slice(&file.number.to_le_bytes());
            bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
            bytes.extend_from_slice(name);
        }
        ops.push(Op::Put { store: Store::Meta, key: DIRECTORY, bytes });
    }
}

impl File {
    fn key(&self, at: u64) -> u64 {
        u64::from(self.number) * FILE_SPAN + at
    }

    /// The chunks in which a part lies; `None` where the file ends before it.
    fn span(&self, offset: u64, len: usize) -> Option<Span> {
        let end = (offset + len as u64).min(self.size);
        if offset >= end {
            return None;
        }
        let first = self.chunks.partition_point(|at| *at <= offset).checked_sub(1)?;
        let last = self.chunks.partition_point(|at| *at < end).checked_sub(1)?;
        let (start, from, to) =
            (self.chunks[first], self.key(self.chunks[first]), self.key(self.chunks[last]));
        Some(Span { from, to, skip: (offset - start) as usize })
    }
}

/// A chunk that is written twice in a commit is written once.
fn put(ops: &mut Vec<Op>, key: u64, bytes: &[u8]) {
    if let Some(Op::Put { store: Store::Chunks, key: last, bytes: old }) = ops.last_mut()
        && *last == key
    {
        bytes.clone_into(old);
        return;
    }
    ops.push(Op::Put { store: Store::Chunks, key, bytes: bytes.to_vec() });
}

fn take_entry(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    Some((u32::from_le_bytes(*number), name, rest))
}

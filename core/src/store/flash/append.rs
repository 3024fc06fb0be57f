//! The log's end: records behind one another, segments sealed and opened.

use super::device::Device;
use super::layout::{Content, Entry, Header, Kind, Slot, write_footer};
use super::{Error, Log, fingerprint};
use alloc::vec::Vec;
use nuthatch_waits::waits;

/// So many runs a segment has at most: where databases alternate, it is sealed early.
const RUNS: usize = 32;

/// The segment that is written to.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Nothing is written behind what an earlier start wrote: there is none until the first write.
    pub(super) is_open: bool,
    pub(super) sequence: u32,
    /// Where the next record begins.
    pub(super) offset: u32,
    /// The footer's entries so far, and how many.
    pub(super) entries: Vec<u8>,
    pub(super) records: u32,
    /// Of records of one database in a row: the database, and how many.
    pub(super) runs: Vec<(u32, u16)>,
}

/// Where the log's end would be if more were written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    offset: u32,
    records: u32,
    runs: u32,
    db: Option<u32>,
    /// Segments that would be opened.
    pub(super) segments: u32,
}

#[waits]
impl<D: Device> Log<D> {
    /// Makes the buffers, whose sizes never change afterwards: there is no memory to be had in the middle of a write.
    pub(super) fn make_buffers(&mut self) -> Result<(), Error<D::Error>> {
        let window = self.shape.window() as usize;
        let reserve = |buffer: &mut Vec<u8>, bytes| {
            buffer.clear();
            buffer.try_reserve_exact(bytes).map_err(|_| Error::Memory)
        };
        reserve(&mut self.window, window)?;
        reserve(&mut self.out, window)?;
        reserve(&mut self.open.entries, self.shape.entries() as usize)?;
        self.open.runs.clear();
        self.open.runs.try_reserve_exact(RUNS).map_err(|_| Error::Memory)
    }

    /// Whether a record of this length fits into the open segment, with the footer that it then has.
    fn fits(&self, at: &Ahead, db: u32, len: u32) -> bool {
        let runs = at.runs + u32::from(at.db != Some(db));
        let footer = self.shape.footer(at.records + 1, runs);
        at.offset + len + footer <= self.shape.segment
            && footer <= self.shape.window() - self.shape.header
            && runs <= RUNS as u32
    }

    /// From where [`ahead`](Self::ahead) goes on.
    pub(super) fn end(&self) -> Ahead {
        let offset = if self.open.is_open { self.open.offset } else { self.shape.segment };
        let (records, runs) = (self.open.records, self.open.runs.len() as u32);
        Ahead { offset, records, runs, db: self.open.runs.last().map(|run| run.0), segments: 0 }
    }

    /// Where the end would be with one more record.
    pub(super) fn ahead(&self, mut at: Ahead, db: u32, len: u32) -> Ahead {
        if !self.fits(&at, db, len) {
            at =
                Ahead { offset: self.shape.header, records: 0, runs: 0, db: None, segments: at.segments + 1 };
        }
        let runs = at.runs + u32::from(at.db != Some(db));
        Ahead { offset: at.offset + len, records: at.records + 1, runs, db: Some(db), ..at }
    }

    /// Writes a record, but for [`flush`](Self::flush), and returns its slot. There must be room.
    pub(super) async fn append(&mut self, content: Content<'_>) -> Result<Slot, Error<D::Error>> {
        let len = content.len(&self.shape);
        if !self.fits(&self.end(), content.db, len) {
            self.flush().await?;
            self.seal().await?;
            self.open_next()?;
        } else if self.out.len() as u32 + len > self.shape.window() {
            self.flush().await?;
        }
        let offset = self.open.offset;
        let at = self.shape.base(self.open.sequence) + offset;
        if self.out.is_empty() {
            self.out_at = at;
        }
        content.write(&self.shape, self.open.sequence, offset, &mut self.out);
        self.open.offset += len;
        let fingerprint = fingerprint(content.kind, content.db, content.key);
        let entry = Entry { fingerprint, len: len / self.shape.unit, kind: content.kind };
        self.note(entry, content.db);
        Ok(Slot { fingerprint, place: at / self.shape.unit, len: entry.len })
    }

    fn note(&mut self, entry: Entry, db: u32) {
        entry.write(&mut self.open.entries);
        self.open.records += 1;
        match self.open.runs.last_mut() {
            Some((last, records)) if *last == db => *records += 1,
            _ => self.open.runs.push((db, 1)),
        }
    }

    /// Programs what was appended.
    pub(super) async fn flush(&mut self) -> Result<(), Error<D::Error>> {
        if !self.out.is_empty() {
            self.program().await?;
        }
        Ok(())
    }

    async fn program(&mut self) -> Result<(), Error<D::Error>> {
        self.stats.programs += 1;
        self.stats.programmed += self.out.len() as u64;
        self.dev.program(self.out_at, &self.out).await.map_err(Error::Device)?;
        self.out.clear();
        Ok(())
    }

    /// Writes the open segment's footer. The log is flushed.
    async fn seal(&mut self) -> Result<(), Error<D::Error>> {
        if !self.open.is_open {
            return Ok(());
        }
        let segment = self.shape.segment_of(self.open.sequence);
        let header = Header { sequence: self.open.sequence, erases: self.wear_of(segment) };
        write_footer(&self.shape, header, &self.open.entries, &self.open.runs, &mut self.out);
        self.out_at = (segment + 1) * self.shape.segment - self.out.len() as u32;
        self.note_waste(self.shape.segment - self.open.offset);
        self.open.is_open = false;
        self.program().await
    }

    /// Goes on in the next segment, which is clean.
    fn open_next(&mut self) -> Result<(), Error<D::Error>> {
        if self.open.sequence >= self.clean_to {
            return Err(Error::Full);
        }
        self.open.sequence += 1;
        self.open.is_open = true;
        self.open.offset = self.shape.header;
        self.open.entries.clear();
        self.open.records = 0;
        self.open.runs.clear();
        Ok(())
    }

    /// Erases the segment that follows the clean ones, whatever is in it, and gives it its header.
    pub(super) async fn erase_next(&mut self) -> Result<(), Error<D::Error>> {
        let sequence = self.clean_to + 1;
        let segment = self.shape.segment_of(sequence);
        // What was copied must outlast the originals.
        self.dev.barrier().await.map_err(Error::Device)?;
        self.stats.erases += 1;
        self.dev.erase(segment).await.map_err(Error::Device)?;
        let erases = self.wear_of(segment).saturating_add(1);
        if let Some(wear) = self.wear.get_mut(segment as usize) {
            *wear = erases;
        }
        Header { sequence, erases }.write(&self.shape, &mut self.out);
        self.out_at = segment * self.shape.segment;
        self.program().await?;
        self.dev.barrier().await.map_err(Error::Device)?;
        self.clean_to = sequence;
        Ok(())
    }

    /// How often a segment was erased.
    pub(super) fn wear_of(&self, segment: u32) -> u32 {
        self.wear.get(segment as usize).copied().unwrap_or_default()
    }

    /// Keeps in mind how much of a segment its footer takes, and what stays blank before it.
    pub(super) fn note_waste(&mut self, bytes: u32) {
        self.waste = (u64::from(self.waste) * 15 / 16) as u32 + bytes;
    }

    /// Whether a kind is that of a key which clients see.
    pub(super) fn is_key(kind: Kind) -> bool {
        kind.space() == Kind::KEY.0
    }
}

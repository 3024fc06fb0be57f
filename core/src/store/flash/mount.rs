//! Mounting: the index is made from the segments' footers, and from the records of those that have none.

use super::device::Device;
use super::layout::{Entry, HEADER, Header, Kind, MAX_SEQUENCE, Slot, Trailer, entry_at, is_footer, run_at};
use super::{Error, Log};
use alloc::vec::Vec;
use nuthatch_waits::waits;

/// Bytes that are read of a segment's end before its footer's length is known.
const FIRST_TAIL: u32 = 384;

/// A mount that is under way.
#[derive(Debug, Default)]
struct Replay {
    /// The highest sequence that was seen.
    top: u32,
    /// From this one on nothing counts.
    void_from: u32,
    oldest: Option<u32>,
    last: Option<u32>,
    /// The last segment has copies only.
    only_moved: bool,
    /// Bytes that are read of a segment's end.
    tail: u32,
    /// Records of a batch whose end has not come.
    pending: Vec<(Kind, u32, Slot)>,
    /// Fingerprints of what the oldest segment, of this sequence, says is gone and no later segment says anything of.
    uncopied: Vec<u32>,
    uncopied_in: u32,
}

#[waits]
impl<D: Device> Log<D> {
    /// Reads the device's state. Of a sealed segment it reads the footer, no value; of one that was being written when the
    /// power went, all. Nothing is written. Whatever is on the device, the result is a log: what is not valid is not there.
    ///
    /// # Errors
    /// The device's, [`Error::Memory`].
    pub async fn mount(&mut self) -> Result<(), Error<D::Error>> {
        self.mounted = false;
        self.in_batch = false;
        self.make_buffers()?;
        self.wear.clear();
        self.wear.try_reserve_exact(self.shape.segments as usize).map_err(|_| Error::Memory)?;
        self.wear.resize(self.shape.segments as usize, 0);
        let mut replay =
            Replay { top: self.guess_top().await?, void_from: MAX_SEQUENCE, ..Replay::default() };
        replay.tail = FIRST_TAIL.min(self.shape.segment / 2).next_multiple_of(self.shape.unit);
        while !self.replay(&mut replay).await? {}
        if self.is_stuck(&mut replay).await? {
            replay.void_from = self.open.sequence;
            while !self.replay(&mut replay).await? {}
        }
        let worst = self.wear.iter().copied().max().unwrap_or_default();
        // What a torn header had is lost; the segment is not younger than this.
        self.wear
            .iter_mut()
            .filter(|erases| **erases == 0)
            .for_each(|erases| *erases = worst.saturating_sub(1));
        self.changed.clear();
        self.mounted = true;
        Ok(())
    }

    /// Whether a reclaim that was cut off has taken the last free segment: nothing but copies is in it, and some of the
    /// originals have none. Then their segment's erase has not begun: all are there.
    async fn is_stuck(&mut self, replay: &mut Replay) -> Result<bool, Error<D::Error>> {
        if self.oldest + self.shape.segments - 1 > self.open.sequence || !replay.only_moved {
            return Ok(false);
        }
        let segment = self.shape.segment_of(self.oldest);
        let mut slots = core::iter::successors(self.index.next(0), |(behind, _)| self.index.next(*behind));
        if slots.any(|(_, slot)| self.shape.segment_at(slot.place) == segment) {
            return Ok(true);
        }
        self.note_gone(replay).await?;
        if replay.uncopied.is_empty() {
            return Ok(false);
        }
        while !self.replay(replay).await? {}
        Ok(!core::mem::take(&mut replay.uncopied).is_empty())
    }

    /// Notes what the oldest segment says is gone, where reclaim is to copy that.
    async fn note_gone(&mut self, replay: &mut Replay) -> Result<(), Error<D::Error>> {
        let sequence = self.oldest;
        let end = self.records_end(sequence).await?;
        let mut walk = self.walk_over(sequence, end);
        while let Some((offset, head)) = self.next_record(&mut walk).await? {
            if head.kind.has(Kind::GONE) && !head.kind.has(Kind::MOVED) {
                let fingerprint = self.slot(sequence, offset, &head).fingerprint;
                replay.uncopied.try_reserve(1).map_err(|_| Error::Memory)?;
                replay.uncopied.push(fingerprint);
            }
        }
        replay.uncopied_in = self.shape.segment_of(sequence);
        Ok(())
    }

    /// The highest sequence, most likely: sequences rise with the segments' numbers but for one place, which is sought by
    /// halves. What segments cannot tell may make this too low, never too high; the replay finds out.
    async fn guess_top(&mut self) -> Result<u32, Error<D::Error>> {
        let segments = self.shape.segments;
        let mut low = 0;
        let mut top = segments - 1;
        while low < segments {
            if let Some(sequence) = self.sequence_in(low).await? {
                top = sequence;
                break;
            }
            low += 1;
        }
        let mut high = segments;
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            match self.sequence_in(middle).await? {
                Some(sequence) if sequence > top => (low, top) = (middle, sequence),
                _ => high = middle,
            }
        }
        Ok(top)
    }

    /// The sequence that a segment's header tells, if it is one that the segment can have.
    async fn sequence_in(&mut self, segment: u32) -> Result<Option<u32>, Error<D::Error>> {
        Ok(self.read_header(segment).await?.0.map(|header| header.sequence))
    }

    /// A segment's header, and whether there is anything at all where it is to be.
    async fn read_header(&mut self, segment: u32) -> Result<(Option<Header>, bool), Error<D::Error>> {
        let mut bytes = [0; HEADER as usize];
        self.dev.read(segment * self.shape.segment, &mut bytes).await.map_err(Error::Device)?;
        let own = |header: &Header| self.shape.segment_of(header.sequence) == segment;
        Ok((Header::read(&self.shape, &bytes).filter(own), bytes != [0xff; HEADER as usize]))
    }

    /// Goes through the segments in the order of their sequences. False where a higher sequence turned up than was known:
    /// then it is to begin anew.
    async fn replay(&mut self, replay: &mut Replay) -> Result<bool, Error<D::Error>> {
        self.index.clear();
        self.counts.clear();
        (self.live, self.full_at, self.waste) = (0, u32::MAX, self.shape.segment);
        replay.pending.clear();
        (replay.oldest, replay.last) = (None, None);
        let segments = self.shape.segments;
        let first = (replay.top + 1).saturating_sub(segments);
        // Where records lie is told by the end's sequence: until the end is known, by the highest.
        self.open.sequence = replay.top;
        for sequence in first..first + segments {
            let highest = self.replay_segment(replay, sequence).await?;
            if highest > replay.top {
                replay.top = highest;
                return Ok(false);
            }
        }
        self.open.sequence = replay.last.unwrap_or(replay.top.max(segments - 1));
        self.open.is_open = false;
        self.open.records = 0;
        self.open.runs.clear();
        self.open.entries.clear();
        self.clean_to = self.open.sequence;
        self.oldest = replay.oldest.unwrap_or(self.open.sequence + 1);
        self.moves = self.moves.wrapping_add(1);
        Ok(true)
    }

    /// Takes a segment's records, if it is the one of this sequence; tells the sequence that it has.
    async fn replay_segment(&mut self, replay: &mut Replay, sequence: u32) -> Result<u32, Error<D::Error>> {
        let segment = self.shape.segment_of(sequence);
        if let Some(trailer) = self.read_footer(replay, segment).await? {
            self.note_wear(segment, trailer.header);
            if trailer.header.sequence == sequence && sequence < replay.void_from {
                self.note_records(replay, sequence, false);
                self.replay_footer(replay, &trailer, sequence).await?;
            }
            return Ok(trailer.header.sequence);
        }
        let (header, any) = self.read_header(segment).await?;
        if let Some(header) = header {
            self.note_wear(segment, header);
        }
        let may_have = match header {
            Some(header) => header.sequence == sequence,
            // Records tell by themselves which segment they are of.
            None => any,
        };
        if may_have && sequence < replay.void_from {
            self.replay_records(replay, sequence).await?;
        }
        Ok(header.map_or(0, |header| header.sequence))
    }

    /// The valid footer of a segment; its entries then begin the window.
    async fn read_footer(
        &mut self,
        replay: &mut Replay,
        segment: u32,
    ) -> Result<Option<Trailer>, Error<D::Error>> {
        let end = (segment + 1) * self.shape.segment;
        loop {
            let tail = replay.tail;
            self.window.clear();
            self.window.resize(tail as usize, 0);
            self.dev.read(end - tail, &mut self.window).await.map_err(Error::Device)?;
            let trailer = Trailer::read(&self.window).filter(|trailer| {
                self.shape.segment_of(trailer.header.sequence) == segment
                    && self.shape.footer(trailer.records, trailer.runs)
                        <= self.shape.window() - self.shape.header
            });
            let Some(trailer) = trailer else { return Ok(None) };
            let len = trailer.len();
            if len > tail {
                replay.tail = len.next_multiple_of(64).min(self.shape.window() - self.shape.header);
                continue;
            }
            if !is_footer(&self.shape, &trailer, &self.window) {
                return Ok(None);
            }
            self.window.drain(..(tail - len) as usize);
            return Ok(Some(trailer));
        }
    }

    fn note_wear(&mut self, segment: u32, header: Header) {
        if let Some(wear) = self.wear.get_mut(segment as usize) {
            *wear = header.erases;
        }
    }

    fn note_records(&self, replay: &mut Replay, sequence: u32, only_moved: bool) {
        replay.oldest.get_or_insert(sequence);
        replay.last = Some(sequence);
        replay.only_moved = only_moved;
    }

    async fn replay_footer(
        &mut self,
        replay: &mut Replay,
        trailer: &Trailer,
        sequence: u32,
    ) -> Result<(), Error<D::Error>> {
        let base = self.shape.base(sequence) / self.shape.unit;
        let (mut offset, mut run, mut db, mut left) = (self.shape.header / self.shape.unit, 0, 0, 0);
        for number in 0..trailer.records {
            while left == 0 && run < trailer.runs {
                (db, left) = run_at(&self.window, trailer.records + run).unwrap_or_default();
                run += 1;
            }
            left = left.saturating_sub(1);
            let Some(Entry { fingerprint, len, kind }) = entry_at(&self.window, number) else { break };
            if (offset + len) * self.shape.unit > self.shape.segment {
                break;
            }
            let slot = Slot { fingerprint, place: base + offset, len };
            offset += len;
            self.replay_record(replay, kind, db, slot).await?;
        }
        self.note_waste(self.shape.segment.saturating_sub(offset * self.shape.unit));
        Ok(())
    }

    async fn replay_records(&mut self, replay: &mut Replay, sequence: u32) -> Result<(), Error<D::Error>> {
        let mut walk = self.walk_over(sequence, self.shape.segment);
        let mut only_moved = true;
        while let Some((offset, head)) = self.next_record(&mut walk).await? {
            only_moved &= head.kind.has(Kind::MOVED);
            self.note_records(replay, sequence, only_moved);
            let slot = self.slot(sequence, offset, &head);
            self.replay_record(replay, head.kind, head.db, slot).await?;
        }
        Ok(())
    }

    /// Takes a record, or keeps it until its batch ends.
    async fn replay_record(
        &mut self,
        replay: &mut Replay,
        kind: Kind,
        db: u32,
        slot: Slot,
    ) -> Result<(), Error<D::Error>> {
        if kind.class() == Kind::PAGE {
            return Ok(());
        }
        if kind.has(Kind::BEGIN) {
            replay.pending.clear();
        }
        replay.pending.try_reserve(1).map_err(|_| Error::Memory)?;
        replay.pending.push((kind, db, slot));
        if !kind.has(Kind::END) {
            return Ok(());
        }
        let mut pending = core::mem::take(&mut replay.pending);
        for (kind, db, slot) in pending.drain(..) {
            if self.shape.segment_at(slot.place) != replay.uncopied_in {
                replay.uncopied.retain(|fingerprint| *fingerprint != slot.fingerprint);
            }
            if let Some(old) = self.same_key(kind, db, slot).await? {
                self.settle(kind, db, slot, old)?;
            }
        }
        replay.pending = pending;
        Ok(())
    }

    /// What the index has of a record's key; `None` where the record is damaged, and only reading it would have told. A
    /// record that was not marked as sharing its fingerprint has no other key's beside it, and needs no reading.
    async fn same_key(
        &mut self,
        kind: Kind,
        db: u32,
        slot: Slot,
    ) -> Result<Option<Option<Slot>>, Error<D::Error>> {
        if !kind.has(Kind::SHARED) {
            // Had another key of this fingerprint counted when this was written, it would be marked: what there is besides
            // comes from a segment whose erase was cut off.
            while let Some(stale) = self.index.nth(slot.fingerprint, 1) {
                self.settle(kind.with(Kind::GONE), db, stale, Some(stale))?;
            }
            return Ok(Some(self.index.nth(slot.fingerprint, 0)));
        }
        let Some(head) = self.load(slot).await? else { return Ok(None) };
        let Some([key, number]) = head.key_parts(&self.scratch) else { return Ok(None) };
        let (key, number) = (key.to_vec(), number.to_vec());
        let found = self.look_up(head.kind, head.db, [&key, &number]).await?;
        Ok(Some(found.map(|found| found.slot)))
    }
}

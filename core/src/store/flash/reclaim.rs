//! Reclaim: what still counts in the oldest segment is copied to the log's end, so that it can be erased.

use super::device::Device;
use super::layout::{Content, HEAD, Head, Kind, LONG_HEAD, Slot, TRAILER, Trailer, is_footer};
use super::{Error, Log, fingerprint};
use nuthatch_waits::waits;

/// A walk over a segment's records.
#[derive(Debug)]
pub(super) struct Walk {
    sequence: u32,
    offset: u32,
    end: u32,
    /// Bytes that were summed in vain.
    effort: u32,
    /// The walk seeks the next record after damaged bytes.
    lost: bool,
    /// There were damaged bytes.
    pub(super) damaged: bool,
}

#[waits]
impl<D: Device> Log<D> {
    /// Begins a walk over a segment's records, which ends at this offset at the latest.
    pub(super) fn walk_over(&mut self, sequence: u32, end: u32) -> Walk {
        self.window.clear();
        Walk { sequence, offset: self.shape.header, end, effort: 0, lost: false, damaged: false }
    }

    /// The next record: its slot, but for the fingerprint, and its head; [`record`](Self::record) has its bytes. Damaged
    /// records are passed over with bounded effort.
    pub(super) async fn next_record(
        &mut self,
        walk: &mut Walk,
    ) -> Result<Option<(u32, Head)>, Error<D::Error>> {
        loop {
            let left = walk.end.saturating_sub(walk.offset);
            if left < HEAD as u32 || walk.effort > 8 * self.shape.segment {
                return Ok(None);
            }
            let base = self.shape.base(walk.sequence);
            self.show(base + walk.offset, left.min(LONG_HEAD as u32), base + walk.end).await?;
            let head = self.shown(base + walk.offset, left.min(LONG_HEAD as u32));
            if !walk.lost && head.iter().take(HEAD).all(|byte| *byte == 0xff) {
                return Ok(None);
            }
            let head = Head::read(head);
            let len =
                head.map(|head| head.len(&self.shape)).filter(|len| *len <= left.min(self.shape.max_record));
            if let Some(len) = len {
                self.show(base + walk.offset, len, base + walk.end).await?;
                if let Some(head) = self.valid_at(walk, walk.offset) {
                    let offset = walk.offset;
                    walk.offset += len;
                    walk.lost = false;
                    return Ok(Some((offset, head)));
                }
            }
            (walk.lost, walk.damaged) = (true, true);
            walk.effort += len.unwrap_or(self.shape.unit);
            let behind =
                len.map(|len| walk.offset + len).filter(|behind| self.valid_at(walk, *behind).is_some());
            walk.offset = behind.unwrap_or(walk.offset + self.shape.unit);
        }
    }

    /// The record at an offset, if the window has a valid one.
    fn valid_at(&self, walk: &Walk, offset: u32) -> Option<Head> {
        let at = self.shape.base(walk.sequence) + offset;
        let left = walk.end.checked_sub(offset)?;
        let rest = self.window.get(at.checked_sub(self.window_at)? as usize..)?;
        let head = Head::read(rest)?;
        let whole = head.len(&self.shape) <= left && head.is_valid(walk.sequence, offset, rest);
        whole.then_some(head)
    }

    /// Sees to it that the window has these bytes of a segment that has records up to `end`.
    async fn show(&mut self, at: u32, len: u32, end: u32) -> Result<(), Error<D::Error>> {
        let shown = self.window_at..self.window_at + self.window.len() as u32;
        if shown.contains(&at) && at + len <= shown.end {
            return Ok(());
        }
        self.window.clear();
        self.window.resize(self.shape.window().min(end - at) as usize, 0);
        self.window_at = at;
        self.dev.read(at, &mut self.window).await.map_err(Error::Device)
    }

    fn shown(&self, at: u32, len: u32) -> &[u8] {
        let begin = at.saturating_sub(self.window_at) as usize;
        self.window.get(begin..begin + len as usize).unwrap_or_default()
    }

    /// The bytes of the record that [`next_record`](Self::next_record) gave.
    pub(super) fn record(&self, sequence: u32, offset: u32, head: &Head) -> &[u8] {
        self.shown(self.shape.base(sequence) + offset, head.len(&self.shape))
    }

    /// The slot of such a record.
    pub(super) fn slot(&self, sequence: u32, offset: u32, head: &Head) -> Slot {
        let key = head.key_parts(self.record(sequence, offset, head)).unwrap_or_default();
        Slot {
            fingerprint: fingerprint(head.kind, head.db, key),
            place: (self.shape.base(sequence) + offset) / self.shape.unit,
            len: head.len(&self.shape) / self.shape.unit,
        }
    }

    /// Where a segment's records end at the latest: its footer may lie there. One that was torn says nothing, were its
    /// sequence right: believed, it would hide records that count.
    pub(super) async fn records_end(&mut self, sequence: u32) -> Result<u32, Error<D::Error>> {
        let end = self.shape.base(sequence) + self.shape.segment;
        let mut bytes = [0; TRAILER as usize];
        self.dev.read(end - TRAILER, &mut bytes).await.map_err(Error::Device)?;
        let Some(trailer) = Trailer::read(&bytes).filter(|trailer| trailer.header.sequence == sequence)
        else {
            return Ok(self.shape.segment);
        };
        let footer = self.shape.footer(trailer.records, trailer.runs);
        if footer > self.shape.window() - self.shape.header {
            return Ok(self.shape.segment);
        }
        self.window.clear();
        self.window.resize(footer as usize, 0);
        self.dev.read(end - footer, &mut self.window).await.map_err(Error::Device)?;
        let valid = is_footer(&self.shape, &trailer, &self.window);
        Ok(self.shape.segment - if valid { footer } else { 0 })
    }

    /// Copies what counts in the oldest segment, and leaves the segment to be erased.
    pub(super) async fn reclaim(&mut self) -> Result<(), Error<D::Error>> {
        let sequence = self.oldest;
        let end = self.records_end(sequence).await?;
        let mut walk = self.walk_over(sequence, end);
        while let Some((offset, head)) = self.next_record(&mut walk).await? {
            let slot = self.slot(sequence, offset, &head);
            if head.kind.has(Kind::GONE) {
                self.keep_gone(sequence, offset, &head).await?;
            } else if self.index.has(slot) && !self.drops_page(sequence, offset, &head, slot) {
                self.copy(sequence, offset, &head, slot).await?;
            }
        }
        self.flush().await?;
        if walk.damaged {
            self.give_up(sequence);
        }
        self.oldest += 1;
        self.moves = self.moves.wrapping_add(1);
        Ok(())
    }

    /// A deleted key's record outlasts the erase of its segment once: an erase that is cut off may leave the key there and
    /// take this. The copy has no older record of the key behind it when its own turn comes.
    async fn keep_gone(&mut self, sequence: u32, offset: u32, head: &Head) -> Result<(), Error<D::Error>> {
        // Where cuts in a row have left no free segment and nothing else to copy, the copy was made before the erase was cut
        // off, or there is no room to make it.
        let no_room = !self.open.is_open && self.clean_to == self.open.sequence;
        if head.kind.has(Kind::MOVED) || no_room {
            return Ok(());
        }
        let record = self.record(sequence, offset, head);
        let Some([key, number]) = head.key_parts(record) else { return Ok(()) };
        let (key, number) = (key.to_vec(), number.to_vec());
        let parts = [&key[..], &number[..]];
        if self.look_up(head.kind, head.db, parts).await?.is_none() {
            self.gone(head.kind.class().with(Kind::BEGIN | Kind::END), head.db, parts, None).await?;
        }
        Ok(())
    }

    /// Writes that a key whose time is over is gone, with the parts of its value.
    async fn expire(&mut self, db: u32, key: &[u8], slot: Slot, parts: u16) -> Result<(), Error<D::Error>> {
        self.stats.expired += 1;
        for number in 0..parts {
            let number = number.to_le_bytes();
            let old = self.look_up(Kind::CHUNK, db, [key, &number]).await?.map(|found| found.slot);
            let kind = if number == [0; 2] { Kind::CHUNK.with(Kind::BEGIN) } else { Kind::CHUNK };
            self.gone(kind, db, [key, &number], old).await?;
        }
        if parts > 0 {
            self.flush().await?;
        }
        let begin = if parts == 0 { Kind::BEGIN } else { 0 };
        self.gone(Kind::KEY.with(begin | Kind::END), db, [key, b""], Some(slot)).await
    }

    /// Writes that a key is gone, as reclaim does.
    async fn gone(
        &mut self,
        kind: Kind,
        db: u32,
        key: [&[u8]; 2],
        old: Option<Slot>,
    ) -> Result<(), Error<D::Error>> {
        let kind = kind.with(Kind::GONE | Kind::MOVED);
        let content = Content { kind, db, key, deadline: None, value: [b"", b""] };
        self.stats.copied += u64::from(content.len(&self.shape));
        self.apply(content, old).await
    }

    async fn copy(
        &mut self,
        sequence: u32,
        offset: u32,
        head: &Head,
        slot: Slot,
    ) -> Result<(), Error<D::Error>> {
        let record = self.record(sequence, offset, head);
        let deadline = head.deadline(record);
        let Some(key) = head.key_parts(record) else { return Ok(()) };
        if deadline.zip(self.now).is_some_and(|(deadline, now)| deadline <= now) {
            let long = self.long(head.db, key[0], head.value(record)).map_or(0, |(_, parts)| parts);
            let parts = if head.kind.class() == Kind::LONG { long } else { 0 };
            // Each part's end is a record; what hardly has room to copy into has none for many of them.
            if parts == 0
                || u32::from(parts) * 64 < self.shape.segment && self.clean_to > self.open.sequence + 1
            {
                let key = key[0].to_vec();
                return self.expire(head.db, &key, slot, parts).await;
            }
        }
        // The window is lent to the copy: nothing reads into it before the record is in `out`.
        let window = core::mem::take(&mut self.window);
        let begin = (self.shape.base(sequence) + offset).saturating_sub(self.window_at) as usize;
        let record = window.get(begin..begin + head.len(&self.shape) as usize).unwrap_or_default();
        let content = Content {
            kind: head.kind.class().with(Kind::BEGIN | Kind::END | Kind::MOVED),
            db: head.db,
            key: head.key_parts(record).unwrap_or_default(),
            deadline,
            value: [head.value(record), b""],
        };
        self.stats.copied += u64::from(content.len(&self.shape));
        let result = self.apply(content, Some(slot)).await;
        self.window = window;
        result
    }

    /// Forgets what the index has in a segment in which records were damaged: it is going to be erased.
    fn give_up(&mut self, sequence: u32) {
        let segment = self.shape.segment_of(sequence);
        let shape = self.shape;
        while let Some(slot) = self.index.remove_first(|slot| shape.segment_at(slot.place) == segment) {
            self.live = self.live.saturating_sub(slot.len);
            self.stats.damaged += 1;
            if let Some((db, _)) = self.counts.first().copied() {
                self.count(Kind::KEY, db, -1);
            }
        }
    }
}

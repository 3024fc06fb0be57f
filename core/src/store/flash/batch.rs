//! Changing keys: a batch wholly or not at all.

use super::device::Device;
use super::layout::{Content, Kind, Slot};
use super::read::{Found, apart};
use super::{CLEAN, Error, Log, fingerprint};
use crate::store::StoreOp;
use alloc::vec::Vec;
use nuthatch_waits::waits;

/// Bytes of the value of a key whose value lies in parts.
const LONG: usize = 5;

/// What there is of a key that is to change.
#[derive(Debug, Clone, Copy, Default)]
struct Old {
    /// It was there when the batch was planned. Reclaim may have dropped it since; the plan stands.
    exists: bool,
    slot: Option<Slot>,
    parts: u16,
}

/// A change in records: parts, then the key's own.
#[derive(Debug, Clone, Copy)]
struct Change<'a> {
    db: u32,
    key: &'a [u8],
    /// Deadline, the value's first byte and the rest; `None` deletes.
    value: Option<(Option<i64>, [u8; 1], &'a [u8])>,
    /// Into so many parts the value is cut; 0 where it is one record.
    parts: u16,
    part_len: usize,
}

impl Change<'_> {
    /// The bytes of the value from one place to another, in two pieces.
    fn piece(&self, from: usize, to: usize) -> [&[u8]; 2] {
        let Some((_, first, rest)) = &self.value else { return [b"", b""] };
        let rest = rest.get(from.saturating_sub(1)..rest.len().min(to - 1)).unwrap_or_default();
        [if from == 0 { first } else { b"" }, rest]
    }

    fn len(&self) -> usize {
        self.value.map_or(0, |(_, first, rest)| first.len() + rest.len())
    }

    /// So many records it takes, given what there is.
    fn records(&self, old: Old) -> u32 {
        match self.value {
            None if !old.exists => 0,
            _ => u32::from(self.parts.max(old.parts)) + 1,
        }
    }

    fn part<'b>(&'b self, number: &'b [u8; 2]) -> Content<'b> {
        let (kind, value) = match u16::from_le_bytes(*number) {
            part if part < self.parts => {
                let from = usize::from(part) * self.part_len;
                (Kind::CHUNK, self.piece(from, from + self.part_len))
            }
            _ => (Kind::CHUNK.with(Kind::GONE), [&b""[..]; 2]),
        };
        Content { kind, db: self.db, key: [self.key, number], deadline: None, value }
    }

    fn last<'b>(&'b self, long: &'b [u8]) -> Content<'b> {
        let (kind, deadline, value) = match self.value {
            None => (Kind::KEY.with(Kind::GONE), None, [&b""[..]; 2]),
            Some((deadline, ..)) if self.parts > 0 => (Kind::LONG, deadline, [long, b""]),
            Some((deadline, ..)) => (Kind::KEY, deadline, self.piece(0, self.len())),
        };
        Content { kind, db: self.db, key: [self.key, b""], deadline, value }
    }

    /// What a key's own record tells of a value in parts: its length and its first byte.
    fn long(&self) -> [u8; LONG] {
        let [a, b, c, d] = (self.len() as u32).to_le_bytes();
        [a, b, c, d, self.value.map_or(0, |(_, [first], _)| first)]
    }
}

#[waits]
impl<D: Device> Log<D> {
    /// Carries out changes, all of them or none, no key twice. Where `durable` is asked they outlast a power cut at the
    /// end. May reclaim segments first: as many as the changes and [`CLEAN`] clean ones need.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::TooLarge`], [`Error::Memory`]: nothing was changed.
    pub async fn write(&mut self, ops: &[StoreOp], durable: bool) -> Result<(), Error<D::Error>> {
        self.begin()?;
        let mut result = self.write_ops(ops).await;
        if result.is_ok() && durable {
            result = self.dev.barrier().await.map_err(Error::Device);
        }
        self.finish(result)
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// The device's.
    pub async fn sync(&mut self) -> Result<(), Error<D::Error>> {
        self.begin()?;
        let result = self.dev.barrier().await.map_err(Error::Device);
        self.finish(result)
    }

    /// Removes every key of a database, some at a time: cut off in the middle, it is to be asked for again.
    ///
    /// # Errors
    /// The device's, [`Error::Full`], [`Error::Memory`].
    pub async fn clear(&mut self, db: u32) -> Result<(), Error<D::Error>> {
        self.begin()?;
        let result = self.clear_all(db).await;
        self.finish(result)
    }

    async fn clear_all(&mut self, db: u32) -> Result<(), Error<D::Error>> {
        let (mut from, mut limit) = (Some(0), 16);
        while let Some(place) = from {
            let page = self.walk(db, place, limit, 0).await?;
            let gone = |(key, _)| StoreOp::Delete { db, key };
            let ops: Vec<StoreOp> = page.entries.into_iter().map(gone).collect();
            match self.write_ops(&ops).await {
                Ok(()) => from = page.next,
                Err(Error::Full) if limit > 1 => limit = 1,
                Err(error) => return Err(error),
            }
        }
        self.dev.barrier().await.map_err(Error::Device)
    }

    pub(super) async fn write_ops(&mut self, ops: &[StoreOp]) -> Result<(), Error<D::Error>> {
        let mut olds = Vec::new();
        olds.try_reserve_exact(ops.len()).map_err(|_| Error::Memory)?;
        for op in ops {
            let change = self.change(op)?;
            olds.push(self.old(&change).await?);
        }
        self.check_room(ops, &olds)?;
        let moves = self.moves;
        // Where there is no room left, deletes make some: they need not leave as much.
        let only_deletes = ops.iter().all(|op| matches!(op, StoreOp::Delete { .. }));
        let keep = if only_deletes { 1 } else { CLEAN };
        self.make_room(keep, |log| log.segments_of(ops, &olds)).await?;
        let records = self.records_of(ops, &olds);
        self.index.reserve_more(records as usize)?;
        self.in_batch = true;
        let mut left = records;
        for (op, old) in ops.iter().zip(&mut olds) {
            let change = self.change(op)?;
            if self.moves != moves {
                old.slot =
                    self.look_up(Kind::KEY, change.db, [change.key, b""]).await?.map(|found| found.slot);
            }
            self.carry_out(&change, *old, records, &mut left).await?;
        }
        self.flush().await?;
        self.in_batch = false;
        Ok(())
    }

    /// What a change is in records.
    fn change<'a>(&self, op: &'a StoreOp) -> Result<Change<'a>, Error<D::Error>> {
        let (db, key, value) = match op {
            StoreOp::Put { db, key, record } => (*db, &key[..], Some(apart(key, record))),
            StoreOp::Delete { db, key } => (*db, &key[..], None),
        };
        let part_len = self.part_len(db, key).ok_or(Error::TooLarge)? as usize;
        let mut change = Change { db, key, value, parts: 0, part_len };
        if change.last(&[]).len(&self.shape) > self.shape.max_record {
            let parts = change.len().div_ceil(part_len);
            change.parts = u16::try_from(parts).map_err(|_| Error::Full)?;
        }
        Ok(change)
    }

    async fn old(&mut self, change: &Change<'_>) -> Result<Old, Error<D::Error>> {
        let Some(Found { slot, head }) = self.look_up(Kind::KEY, change.db, [change.key, b""]).await? else {
            return Ok(Old::default());
        };
        let long = head.filter(|head| head.kind.class() == Kind::LONG);
        let long = long.and_then(|head| self.long(change.db, change.key, head.value(&self.scratch)));
        Ok(Old { exists: true, slot: Some(slot), parts: long.map_or(0, |(_, parts)| parts) })
    }

    /// The records of all changes, as database and length.
    fn lengths<'a>(
        &'a self,
        ops: &'a [StoreOp],
        olds: &'a [Old],
    ) -> impl Iterator<Item = (u32, bool, u32)> + 'a {
        ops.iter().zip(olds).filter_map(|(op, old)| Some((self.change(op).ok()?, *old))).flat_map(
            move |(change, old)| {
                let records = change.records(old);
                (0..records).map(move |number| {
                    let long = change.long();
                    let part = (number as u16).to_le_bytes();
                    let last = number + 1 == records;
                    let content = if last { change.last(&long) } else { change.part(&part) };
                    (change.db, content.kind.has(Kind::GONE), content.len(&self.shape))
                })
            },
        )
    }

    fn records_of(&self, ops: &[StoreOp], olds: &[Old]) -> u32 {
        self.lengths(ops, olds).count() as u32
    }

    /// Segments that the changes open.
    fn segments_of(&self, ops: &[StoreOp], olds: &[Old]) -> u32 {
        let add = |at, (db, _, len)| self.ahead(at, db, len);
        self.lengths(ops, olds).fold(self.end(), add).segments
    }

    /// Whether what is there will fit beside what comes, and afterwards without what it replaces.
    fn check_room(&self, ops: &[StoreOp], olds: &[Old]) -> Result<(), Error<D::Error>> {
        let puts = self.lengths(ops, olds).filter(|(_, gone, _)| !gone);
        let coming = puts.fold(0, |sum: u32, (_, _, len)| sum.saturating_add(len / self.shape.unit));
        let of_parts = |old: &Old| u32::from(old.parts) * (self.shape.max_record / self.shape.unit / 3);
        let going = |old: &Old| old.slot.map_or(0, |slot| slot.len) + of_parts(old);
        let going = olds.iter().fold(0, |sum: u32, old| sum.saturating_add(going(old)));
        let beside = self.live.saturating_add(coming);
        let fits =
            beside <= self.room() && (coming <= going || beside - going.min(beside) <= self.capacity());
        if coming == 0 || fits { Ok(()) } else { Err(Error::Full) }
    }

    /// Reclaims and erases until the segments that are needed are clean, and these that are to be kept so.
    pub(super) async fn make_room(
        &mut self,
        keep: u32,
        need: impl Fn(&Self) -> u32,
    ) -> Result<(), Error<D::Error>> {
        let mut reclaimed = 0;
        while self.clean_to - self.open.sequence < need(self) + keep {
            if self.clean_to + 1 < self.oldest + self.shape.segments {
                self.erase_next().await?;
            } else if reclaimed > self.shape.segments
                || self.oldest + u32::from(self.open.is_open) > self.open.sequence
            {
                if need(self) < CLEAN {
                    self.full_at = self.live;
                }
                return Err(Error::Full);
            } else {
                self.reclaim().await?;
                reclaimed += 1;
            }
        }
        Ok(())
    }

    /// Writes the records of a change. A batch of several records ends with a program of its own: when that is there, all
    /// others are.
    async fn carry_out(
        &mut self,
        change: &Change<'_>,
        old: Old,
        records: u32,
        left: &mut u32,
    ) -> Result<(), Error<D::Error>> {
        let long = change.long();
        let own = change.records(old);
        for number in 0..own {
            let part = (number as u16).to_le_bytes();
            let last = number + 1 == own;
            let mut content = if last { change.last(&long) } else { change.part(&part) };
            let old = match last {
                true => old.slot,
                false if number >= old.parts.into() => None,
                false => self.look_up(Kind::CHUNK, change.db, content.key).await?.map(|found| found.slot),
            };
            if *left == records {
                content.kind = content.kind.with(Kind::BEGIN);
            }
            *left -= 1;
            if *left == 0 {
                content.kind = content.kind.with(Kind::END);
                self.flush().await?;
            }
            self.stats.asked += u64::from(content.len(&self.shape));
            self.apply(content, old).await?;
        }
        Ok(())
    }

    /// Appends a record and has the index follow. `old` is what there is of its key.
    pub(super) async fn apply(
        &mut self,
        mut content: Content<'_>,
        old: Option<Slot>,
    ) -> Result<(), Error<D::Error>> {
        let fingerprint = fingerprint(content.kind, content.db, content.key);
        if self.index.count(fingerprint) > usize::from(old.is_some()) {
            content.kind = content.kind.with(Kind::SHARED);
        }
        let slot = self.append(content).await?;
        self.settle(content.kind, content.db, slot, old)
    }

    /// Has the index follow a record.
    pub(super) fn settle(
        &mut self,
        kind: Kind,
        db: u32,
        slot: Slot,
        old: Option<Slot>,
    ) -> Result<(), Error<D::Error>> {
        self.live = self.live.saturating_sub(old.map_or(0, |old| old.len));
        match old {
            Some(old) if kind.has(Kind::GONE) => {
                self.index.remove(old);
                self.count(kind, db, -1);
            }
            _ if kind.has(Kind::GONE) => {}
            old => {
                self.live += slot.len;
                if let Some(old) = old {
                    self.index.replace(old, slot);
                } else {
                    self.index.insert(slot)?;
                    self.count(kind, db, 1);
                }
            }
        }
        Ok(())
    }
}

//! After a snapshot the values that still lay in the file from which the dataset was loaded lie in the new file too. The
//! references move there, so that the old file can go.
//!
//! A walk visits every key in steps; both files are open meanwhile. A key that is renamed may escape a round, so rounds
//! follow until one finds nothing in the old file.

use super::Engine;
use super::jobs::{Done, Job, Owner};
use crate::keyspace::database::Database;
use crate::page::{Device, Place};
use crate::server::Request;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

/// A step takes so many microseconds.
const STEP_MICROS: u64 = 500;

/// References on their way from one file to another.
#[derive(Debug)]
pub(super) struct Moving {
    /// Offsets in the old file, ascending, with those in the new one.
    moves: Vec<(u64, u64)>,
    /// The old file is the odd one.
    odd: bool,
    /// The new file is open.
    open: bool,
    /// Where the round is: a database and a point of it.
    db: usize,
    point: u32,
    /// The round has found a reference.
    found: bool,
}

/// What lies in the old file.
struct Found {
    key: Box<[u8]>,
    place: Place,
}

impl Engine {
    /// A snapshot has taken over the values at `moves`' old offsets and has its name now.
    pub(super) fn begin_moving(&mut self, name: Vec<u8>, mut moves: Vec<(u64, u64)>) {
        let Some(odd) = self.data.paging.kept else { return };
        moves.sort_unstable();
        self.data.paging.moving = true;
        self.moving = Some(Moving { moves, odd, open: false, db: 0, point: 0, found: false });
        self.jobs.push(Owner::Kept, Job::Keep { file: name, odd: !odd });
    }

    /// The new file is open, or is not.
    pub(super) fn kept(&mut self, done: &Done) {
        let Some(moving) = &mut self.moving else { return };
        if let Done::Failed(error) = done {
            let line = format!("The new snapshot can't be kept open, the old one stays so: {}", error.text);
            self.server.requests.push(Request::Log(line));
            self.moving = None;
            self.data.paging.moving = false;
        } else {
            moving.open = true;
        }
    }

    fn is_moved(moving: &Moving, databases: usize) -> bool {
        moving.db == databases && !moving.found
    }

    /// Whether nobody is about to read from the old file: no snapshot, no command.
    fn old_file_may_go(&self, odd: bool) -> bool {
        self.saving.is_none() && !self.traffic.loads_from(Device::Snapshot { odd })
    }

    /// Whether there is something to do now.
    pub(super) fn moving_can_go_on(&self) -> bool {
        self.moving.as_ref().is_some_and(|moving| {
            let moved = Self::is_moved(moving, self.data.keyspace.count());
            moving.open && (!moved || self.old_file_may_go(moving.odd))
        })
    }

    /// Moves references for a bounded time.
    pub(super) fn step_moving(&mut self) {
        if !self.moving_can_go_on() {
            return;
        }
        let monotonic = self.server.host.monotonic;
        let start = monotonic();
        while let Some(moving) = &mut self.moving {
            if Self::is_moved(moving, self.data.keyspace.count()) {
                return self.end_moving();
            }
            if moving.db == self.data.keyspace.count() {
                (moving.db, moving.found) = (0, false);
            }
            self.move_range();
            if monotonic() - start >= STEP_MICROS {
                break;
            }
        }
    }

    fn end_moving(&mut self) {
        let Some(odd) = self.moving.as_ref().map(|moving| moving.odd) else { return };
        if self.old_file_may_go(odd) {
            self.moving = None;
            self.data.paging.moving = false;
            self.data.paging.kept = Some(!odd);
            self.jobs.push(Owner::Nobody, Job::Forget { odd });
        }
    }

    /// One range of a database.
    fn move_range(&mut self) {
        let Some(moving) = &mut self.moving else { return };
        let (db, old) = (moving.db, Device::Snapshot { odd: moving.odd });
        let mut records = Vec::new();
        moving.point = self.data.keyspace.db(db).range_from(moving.point, &mut records);
        let paged = records.into_iter().filter(|record| record.has_pages());
        let found: Vec<Found> = paged
            .filter_map(|record| {
                let place = Place::decode(record.place()?).filter(|place| place.device() == old)?;
                Some(Found { key: record.key().into(), place })
            })
            .collect();
        if moving.point == Database::WALK_END {
            (moving.db, moving.point) = (db + 1, 0);
        }
        moving.found |= !found.is_empty();
        for one in found {
            self.move_one(db, &one);
        }
    }

    fn move_one(&mut self, db: usize, one: &Found) {
        let Some(moving) = &mut self.moving else { return };
        let hash = self.data.keyspace.hash(&one.key);
        let database = self.data.keyspace.db_mut(db);
        let Some(slot) = database.find(hash, &one.key) else { return };
        let record = database.get_mut(slot);
        if record.is_copied() {
            // It is in memory; the new file may have it in another form.
            return record.drop_copy();
        }
        let offset = one.place.snapshot_offset().unwrap_or_default();
        let new = moving.moves.binary_search_by_key(&offset, |(old, _)| *old);
        let to = new.ok().and_then(|i| one.place.moved(moving.moves[i].1, !moving.odd));
        match to {
            Some(place) => record.set_place(&place.encode()),
            None => {
                // The snapshot had everything that lay there, so this cannot be; then both files stay.
                self.moving = None;
                self.data.paging.moving = false;
                self.data.paging.kept = None;
            }
        }
    }
}

//! What must hold after every step, for tests.

use super::super::Engine;
use crate::page::{Device, Place};
use crate::session::Blocked;
use crate::waiters::DbKey;
use crate::words::ordered::{OrderedMap, OrderedSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

impl Engine {
    /// Looks at every record, job and session, and tells what does not agree: pages used are the pages of paged values, of
    /// copies, of batches on their way and of what a snapshot still needs; no page is shared; counts are right; every
    /// mark belongs to somebody. Takes time with the number of keys: for tests.
    ///
    /// # Errors
    /// What is wrong, in a line.
    pub fn audit(&self) -> Result<(), String> {
        self.audit_pages()?;
        self.audit_storing()?;
        self.audit_waits()
    }

    fn audit_pages(&self) -> Result<(), String> {
        let paging = &self.data.paging;
        let (mut runs, mut swapped) = (Vec::new(), 0);
        for (index, database) in self.data.keyspace.iter() {
            let mut paged = 0;
            for record in database.iter() {
                paged += usize::from(record.is_paged());
                let place = record.place().and_then(Place::decode);
                if record.has_pages() != place.is_some() {
                    return Err(format!("'{}' has no place", record.key().escape_ascii()));
                }
                runs.extend(place.filter(|place| place.device() == Device::Pages));
            }
            if paged != database.paged() {
                return Err(format!(
                    "database {index} has {paged} paged values and counts {}",
                    database.paged()
                ));
            }
            swapped += paged;
        }
        if swapped != paging.swapped {
            return Err(format!("{swapped} values are paged and {} are counted", paging.swapped));
        }
        runs.extend(self.traffic.batches.values().flat_map(|batch| batch.stored.iter().map(|one| one.place)));
        runs.extend(paging.late());
        let pages: u64 = runs.iter().map(|place| paging.pages_of(place.len)).sum();
        if pages != paging.used_pages() {
            return Err(format!("{} pages are taken, {pages} are in use", paging.used_pages()));
        }
        runs.sort_unstable_by_key(|place| place.first);
        let shared = runs
            .windows(2)
            .find(|pair| u64::from(pair[0].first) + paging.pages_of(pair[0].len) > u64::from(pair[1].first));
        shared.map_or(Ok(()), |pair| Err(format!("two values share a page: {pair:?}")))
    }

    fn audit_storing(&self) -> Result<(), String> {
        let generations: OrderedSet<u32> = self
            .traffic
            .batches
            .values()
            .flat_map(|batch| batch.stored.iter().map(|one| one.place.generation))
            .collect();
        for (index, database) in self.data.keyspace.iter() {
            for record in database.iter().filter(|record| record.is_storing()) {
                let key: DbKey = (index, record.key().into());
                let hash = self.data.keyspace.hash(record.key());
                let generation = self.data.paging.storing.generation(hash, &key);
                if generation.is_none_or(|generation| !generations.contains(&generation)) {
                    return Err(format!("'{}' is on its way out in no batch", key.1.escape_ascii()));
                }
            }
        }
        let stray = self.data.paging.storing.iter().find(|(_, generation)| !generations.contains(generation));
        if let Some((key, _)) = stray {
            return Err(format!("the mark of '{}' belongs to no batch", key.1.escape_ascii()));
        }
        let freed: usize = self.traffic.batches.values().map(|batch| batch.freed).sum();
        if freed != self.traffic.in_flight {
            return Err(format!("{freed} bytes are in flight and {} are counted", self.traffic.in_flight));
        }
        Ok(())
    }

    fn audit_waits(&self) -> Result<(), String> {
        let traffic = &self.traffic;
        if traffic.loads.len() != self.data.paging.loading || traffic.loads.numbers() != traffic.loads.len() {
            return Err(format!(
                "{} loads, {} counted, {} numbers",
                traffic.loads.len(),
                self.data.paging.loading,
                traffic.loads.numbers()
            ));
        }
        if self.server.loading {
            // The journal's commands pin values too.
            return Ok(());
        }
        let mut pins: OrderedMap<&DbKey, usize> = OrderedMap::new();
        for session in self.peers.iter() {
            for key in &session.pinned {
                *pins.entry(key).or_default() += 1;
            }
            let Some(Blocked::Loading { missing, .. }) = &session.blocked else {
                if !session.pinned.is_empty() {
                    return Err(format!("client {} runs and has values pinned", session.client_id));
                }
                continue;
            };
            let waits = traffic.loads.iter().flat_map(|load| &load.waiting).filter(|who| **who == session.id);
            if waits.count() != *missing {
                return Err(format!(
                    "client {} waits for {missing} values, not as many come",
                    session.client_id
                ));
            }
            let called = self.ready_again.contains(&session.id)
                || traffic.queue.iter().any(|(who, _)| *who == session.id);
            if *missing == 0 && !called {
                return Err(format!("client {} waits for nothing", session.client_id));
            }
        }
        let counted: OrderedMap<&DbKey, usize> =
            traffic.pins.iter().map(|(key, sessions, _)| (key, sessions)).collect();
        if pins != counted {
            return Err(format!("{} keys are pinned and {} are counted", pins.len(), counted.len()));
        }
        let bytes: usize = traffic.pins.iter().map(|(.., bytes)| bytes).sum();
        if bytes == traffic.pins.bytes {
            Ok(())
        } else {
            Err(format!("{bytes} bytes are pinned, {} counted", traffic.pins.bytes))
        }
    }
}

//! Where the runs of pages lie: each write becomes a record of its own, and covers what earlier ones had there.

use super::{Op, Store};
use nuthatch_core::OrderedMap;

/// A part of the page device that is read from one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    end: u64,
    record: u64,
    /// Where on the device the record's first byte lies.
    base: u64,
}

/// The page device as records.
#[derive(Debug, Default)]
pub(crate) struct Extents {
    /// By where they begin.
    map: OrderedMap<u64, Extent>,
    /// Bytes of each record that are still read from it.
    alive: OrderedMap<u64, u64>,
    next: u64,
}

impl Extents {
    /// A write becomes a record; records of which nothing is left are removed.
    pub(crate) fn write(&mut self, offset: u64, bytes: Vec<u8>, ops: &mut Vec<Op>) {
        let end = offset + bytes.len() as u64;
        if end == offset {
            return;
        }
        self.cover(offset, end, ops);
        let record = self.next;
        self.next += 1;
        self.map.insert(offset, Extent { end, record, base: offset });
        self.alive.insert(record, end - offset);
        ops.push(Op::Put { store: Store::Pages, key: record, bytes });
    }

    /// The record that holds this part, and where in it the part begins.
    pub(crate) fn find(&self, offset: u64, len: u64) -> Option<(u64, u64)> {
        let (_, extent) = self.map.range(..=offset).next_back()?;
        (offset + len <= extent.end).then_some((extent.record, offset - extent.base))
    }

    /// Takes a part away from the extents that lie in it.
    fn cover(&mut self, from: u64, to: u64, ops: &mut Vec<Op>) {
        let first = self.map.range(..from).next_back().filter(|(_, extent)| extent.end > from);
        let mut starts: Vec<u64> = first.map(|(start, _)| *start).into_iter().collect();
        starts.extend(self.map.range(from..to).map(|(start, _)| *start));
        for start in starts {
            let Some(extent) = self.map.remove(&start) else { continue };
            if start < from {
                self.map.insert(start, Extent { end: from, ..extent });
            }
            if extent.end > to {
                self.map.insert(to, extent);
            }
            self.lose(extent.record, extent.end.min(to) - start.max(from), ops);
        }
    }

    fn lose(&mut self, record: u64, bytes: u64, ops: &mut Vec<Op>) {
        let Some(alive) = self.alive.get_mut(&record) else { return };
        *alive -= bytes;
        if *alive == 0 {
            self.alive.remove(&record);
            ops.push(Op::Remove { store: Store::Pages, from: record, to: record });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever was written in whatever order, a part that one write left whole is read from it, and the store holds
        /// no record that nothing is read from.
        #[test]
        fn the_last_write_is_read(writes in prop::collection::vec((0_u64..60, 1_usize..20), 1..60)) {
            let mut extents = Extents::default();
            let mut device = [None; 100];
            let mut store: OrderedMap<u64, Vec<u8>> = OrderedMap::new();
            for (number, (offset, len)) in writes.iter().enumerate() {
                let mut ops = Vec::new();
                extents.write(*offset, vec![number as u8; *len], &mut ops);
                for op in ops {
                    match op {
                        Op::Put { key, bytes, .. } => drop(store.insert(key, bytes)),
                        Op::Remove { from, .. } => drop(store.remove(&from)),
                    }
                }
                device[*offset as usize..][..*len].fill(Some(number as u8));
            }
            for (at, byte) in device.iter().enumerate() {
                let found = extents.find(at as u64, 1).map(|(record, from)| store[&record][from as usize]);
                prop_assert_eq!(found, *byte);
            }
            for key in store.keys() {
                prop_assert!(extents.map.values().any(|extent| extent.record == *key));
            }
        }
    }
}

//! Pages of virtual memory: records that a start forgets.
//!
//! Each page is a batch of its own, so none stands in the middle of one that is durable, and a mount passes over them all. What
//! their host no longer needs it tells by a map of those that it does; the others are dropped when reclaim comes by.

use super::device::Device;
use super::layout::{Content, Head, Kind, Slot};
use super::{CLEAN, Error, Log};
use crate::words::reach::PAGES;
use alloc::vec::Vec;
use nuthatch_waits::waits;

/// So many pages of the usual length fill a segment.
const PAGES_A_SEGMENT: u32 = 3;
/// Bytes that a page's record takes beside the page, and what of the footer is its own.
const BESIDE: u32 = 32;

#[waits]
impl<D: Device> Log<D> {
    /// Writes a page. It is there until the log is mounted again; nothing needs to be synced before it is read.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where it is longer than [`max_page`](Self::max_page), [`Error::Full`], [`Error::Memory`]:
    /// nothing was written.
    pub async fn write_page(&mut self, page: u32, bytes: &[u8]) -> Result<(), Error<D::Error>> {
        self.begin()?;
        let result = self.put_page(page, bytes).await;
        self.finish(result)
    }

    async fn put_page(&mut self, page: u32, bytes: &[u8]) -> Result<(), Error<D::Error>> {
        let page = page.to_le_bytes();
        let kind = Kind::PAGE.with(Kind::BEGIN | Kind::END);
        let content = Content { kind, db: 0, key: [&page, b""], deadline: None, value: [bytes, b""] };
        let len = content.len(&self.shape);
        if bytes.len() > self.max_page() {
            return Err(Error::TooLarge);
        }
        let old = self.look_up(Kind::PAGE, 0, content.key).await?.map(|found| found.slot);
        let units = len / self.shape.unit;
        let after = self.live + units - old.map_or(0, |old| old.len.min(units));
        if after > self.capacity() || after >= self.full_at {
            return Err(Error::Full);
        }
        let moves = self.moves;
        self.make_room(CLEAN, |log| log.ahead(log.end(), 0, len).segments).await?;
        self.index.reserve_more(1)?;
        let old = if self.moves == moves {
            old
        } else {
            self.look_up(Kind::PAGE, 0, content.key).await?.map(|found| found.slot)
        };
        self.stats.asked += u64::from(len);
        self.apply(content, old).await?;
        self.flush().await
    }

    /// Bytes that a page may have.
    pub fn max_page(&self) -> usize {
        (self.shape.max_record - self.shape.record(0, 4, false, 0)) as usize
    }

    /// Bytes of a page of which three fill a segment, so that little stays blank where the next one does not fit.
    pub fn page_len(&self) -> usize {
        (self.shape.max_record / PAGES_A_SEGMENT).saturating_sub(BESIDE).max(1) as usize
    }

    /// How many pages of that length there is room for beside what is there.
    pub fn room_for_pages(&self) -> u32 {
        let units = (self.shape.max_record / PAGES_A_SEGMENT).div_ceil(self.shape.unit);
        self.capacity().saturating_sub(self.live) / units
    }

    /// Tells which pages still count: one bit each; those behind the map's end do not. Reclaim drops the others in place of copying
    /// them. Where there is no memory for the map, all count.
    pub fn set_page_map(&mut self, map: &[u64]) {
        self.page_map.clear();
        if self.page_map.try_reserve_exact(map.len()).is_ok() {
            self.page_map.extend_from_slice(map);
        }
    }

    /// Forgets a record that reclaim has come upon, if it is a page that no longer counts.
    pub(super) fn drops_page(&mut self, sequence: u32, offset: u32, head: &Head, slot: Slot) -> bool {
        if !PAGES || self.page_map.is_empty() || head.kind.class() != Kind::PAGE {
            return false;
        }
        let key = head.key(self.record(sequence, offset, head));
        let page = key.and_then(|key| key.try_into().ok()).map_or(0, u32::from_le_bytes);
        let word = self.page_map.get(page as usize / 64).copied().unwrap_or_default();
        let counts = word >> (page % 64) & 1 == 1;
        if !counts {
            self.live = self.live.saturating_sub(slot.len);
            self.index.remove(slot);
        }
        !counts
    }

    /// Reads a page to the end of `out`; whether it was written since the last mount.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Memory`].
    pub async fn read_page(&mut self, page: u32, out: &mut Vec<u8>) -> Result<bool, Error<D::Error>> {
        self.begin()?;
        let found = self.look_up(Kind::PAGE, 0, [&page.to_le_bytes(), b""]).await;
        let value = |log: &Self| match found? {
            None => Ok(false),
            Some(found) => {
                let value = found.head.ok_or(Error::Damaged)?.value(&log.scratch);
                out.try_reserve(value.len()).map_err(|_| Error::Memory)?;
                out.extend_from_slice(value);
                Ok(true)
            }
        };
        let result = value(self);
        self.finish(result)
    }
}

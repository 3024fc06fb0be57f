//! Pages of virtual memory: records that a start forgets.

use super::device::Device;
use super::layout::{Content, Kind};
use super::{CLEAN, Error, Log};
use alloc::vec::Vec;

impl<D: Device> Log<D> {
    /// Writes a page. It is there until the log is mounted again.
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

    /// Reads a page; `None` where it was not written since the last mount.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Memory`].
    pub async fn read_page(&mut self, page: u32) -> Result<Option<Vec<u8>>, Error<D::Error>> {
        self.begin()?;
        let found = self.look_up(Kind::PAGE, 0, [&page.to_le_bytes(), b""]).await;
        let value = |log: &Self| match found? {
            None => Ok(None),
            Some(found) => {
                let value = found.head.ok_or(Error::Damaged)?.value(&log.scratch);
                let mut out = Vec::new();
                out.try_reserve_exact(value.len()).map_err(|_| Error::Memory)?;
                out.extend_from_slice(value);
                Ok(Some(out))
            }
        };
        let result = value(self);
        self.finish(result)
    }

    /// Forgets a page: reclaim drops it. Nothing is written.
    ///
    /// # Errors
    /// The device's.
    pub async fn drop_page(&mut self, page: u32) -> Result<(), Error<D::Error>> {
        self.begin()?;
        let found = self.look_up(Kind::PAGE, 0, [&page.to_le_bytes(), b""]).await;
        let result = found.map(|found| {
            if let Some(found) = found {
                self.live = self.live.saturating_sub(found.slot.len);
                self.index.remove(found.slot);
            }
        });
        self.finish(result)
    }
}

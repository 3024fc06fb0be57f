//! Where a record's value is, in memory or on a page device, and how long it was not used.

use super::{Form, PLACE_LEN, Record, head_of};
use crate::words::reach::PAGES;

/// Two tags tell where the value is, see [`Whereabouts`].
const TAG_PAGED: u8 = 1;
const TAG_COPIED: u8 = 2;
/// The value came back from a page device after a long rest, see [`Record::set_visitor`]. Any change of the value ends it.
const VISITOR: u8 = 0b1000_0000;

/// Where a value is: in memory, on a page device, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// In memory alone.
    Memory,
    /// On the device alone; its place is the payload.
    Device,
    /// In memory, and a copy is on its way to the device.
    Storing,
    /// In memory and, just the same, on the device; its place follows the payload.
    Both,
}

impl Record {
    /// Whether the value is on a page device; does not touch the block.
    #[inline]
    pub fn is_paged(&self) -> bool {
        self.whereabouts() == Whereabouts::Device
    }

    #[inline]
    pub(super) fn whereabouts(&self) -> Whereabouts {
        match (PAGES && self.0.tag(TAG_PAGED), self.0.tag(TAG_COPIED)) {
            (false, false) => Whereabouts::Memory,
            (true, false) => Whereabouts::Device,
            (false, true) => Whereabouts::Storing,
            (true, true) => Whereabouts::Both,
        }
    }

    #[inline]
    pub(super) fn set_whereabouts(&mut self, place: Whereabouts) {
        self.0.set_tag(TAG_PAGED, matches!(place, Whereabouts::Device | Whereabouts::Both));
        self.0.set_tag(TAG_COPIED, matches!(place, Whereabouts::Storing | Whereabouts::Both));
    }

    /// Whether an equal copy of the value in memory is on the device; does not touch the block.
    #[inline]
    pub fn is_copied(&self) -> bool {
        self.whereabouts() == Whereabouts::Both
    }

    /// Whether pages of the device belong to this record; does not touch the block.
    #[inline]
    pub fn has_pages(&self) -> bool {
        PAGES && self.0.tag(TAG_PAGED)
    }

    /// Notes where an equal copy of the value is on the device.
    pub fn set_copy(&mut self, place: &[u8; PLACE_LEN]) {
        self.0.append(place);
        self.set_whereabouts(Whereabouts::Both);
    }

    /// Forgets the copy on the device, which the value is about to differ from.
    pub fn drop_copy(&mut self) {
        if self.is_copied() {
            let keep = self.0.bytes().len() - PLACE_LEN;
            self.0.truncate(keep);
            self.set_whereabouts(Whereabouts::Memory);
        }
    }

    /// Leaves the value to its copy on the device.
    pub fn rely_on_copy(&mut self) {
        if let Some(place) = self.place().and_then(|place| <[u8; PLACE_LEN]>::try_from(place).ok())
            && self.is_copied()
        {
            self.page_out(&place);
        }
    }

    /// Whether a copy of the value, as it is, is on its way to a page device; does not touch the block. Any change of the
    /// value ends it.
    #[inline]
    pub fn is_storing(&self) -> bool {
        self.whereabouts() == Whereabouts::Storing
    }

    /// Notes that a copy of the value is on its way to a page device, or that it is no more.
    pub fn set_storing(&mut self, on: bool) {
        debug_assert!(!self.has_pages(), "a value that has pages needs no other copy");
        self.set_whereabouts(if on { Whereabouts::Storing } else { Whereabouts::Memory });
    }

    /// Whether the store under diskstore has the key just as it is; does not touch the block. The tag is that of a copy on
    /// its way to a page device: there is never both, and any change of the value ends either.
    #[inline]
    pub fn is_clean(&self) -> bool {
        self.is_storing()
    }

    /// Notes that the store under diskstore has the key just as it is, or no more.
    #[inline]
    pub fn set_clean(&mut self, on: bool) {
        self.set_storing(on);
    }

    /// Puts the value's place on a page device in the value's stead. `place` is opaque here.
    pub fn page_out(&mut self, place: &[u8]) {
        let kind = self.kind();
        self.set_inline(kind, Form::Paged, place);
        self.set_whereabouts(Whereabouts::Device);
    }

    /// Where the value or its copy lies on the device, as given to [`Record::page_out`] or [`Record::set_copy`].
    pub fn place(&self) -> Option<&[u8]> {
        let bytes = self.0.bytes();
        match self.whereabouts() {
            Whereabouts::Device => Some(&bytes[head_of(bytes).payload_at()..]),
            Whereabouts::Both => Some(&bytes[bytes.len() - PLACE_LEN..]),
            Whereabouts::Memory | Whereabouts::Storing => None,
        }
    }

    /// The value, or its copy, lies elsewhere now. Without effect on a record that has no place.
    pub fn set_place(&mut self, place: &[u8; PLACE_LEN]) {
        let len = self.0.bytes().len();
        if self.has_pages()
            && let Some(at) = len.checked_sub(PLACE_LEN)
        {
            self.0.bytes_mut()[at..].copy_from_slice(place);
        }
    }

    /// Sets the access clock for an access at this moment. A visitor that was used less than `stay` seconds ago is none any
    /// more.
    #[inline]
    pub fn touch(&mut self, clock: u32, stay: u32) {
        if PAGES && self.is_visitor() && (1..=stay).contains(&clock.wrapping_sub(self.clock())) {
            self.0.bytes_mut()[0] &= !VISITOR;
        }
        self.set_clock(clock);
    }

    /// Whether the value came back after a long rest and was not used much since.
    #[inline]
    pub fn is_visitor(&self) -> bool {
        self.0.bytes()[0] & VISITOR != 0
    }

    /// Notes that the value has just come back from a page device after a long rest: it is not likely to be used again soon.
    pub fn set_visitor(&mut self) {
        self.0.bytes_mut()[0] |= VISITOR;
    }

    /// Bytes that stay when the value leaves memory.
    pub fn memory_without_value(&self) -> usize {
        self.head().payload_at() + PLACE_LEN + size_of::<usize>()
    }
}

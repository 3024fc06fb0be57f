//! The listpack that is owned and edited.
//!
//! The blob may begin behind a gap of unused bytes: pushing and popping at the front then moves the header's six
//! bytes only, and edits in the middle move whichever side is shorter.

use alloc::vec;
use alloc::vec::Vec;

use super::entry::{Encoded, entry_end};
use super::{COUNT_UNKNOWN, EMPTY, END, Element, HEADER, Listpack, Pos};

/// What a blob of `len` bytes that has to grow takes beyond its need: little enough that a small list stays small,
/// enough that a push costs constant time on average.
fn slack(len: usize) -> usize {
    (len / 8).clamp(24, 1 << 16)
}

/// An owned listpack.
#[derive(Clone)]
pub struct ListpackBuf {
    /// The gap, then the blob.
    buf: Vec<u8>,
    /// Unused bytes before the blob.
    gap: u32,
    /// How many entries, known even where the header cannot tell.
    len: u32,
}

impl ListpackBuf {
    /// A listpack without entries.
    pub fn new() -> Self {
        ListpackBuf { buf: EMPTY.to_vec(), gap: 0, len: 0 }
    }

    /// A listpack without entries and with room for a blob of `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut buf = Vec::with_capacity(bytes.max(EMPTY.len()));
        buf.extend_from_slice(EMPTY);
        ListpackBuf { buf, gap: 0, len: 0 }
    }

    /// A listpack without entries in a buffer that had other contents.
    pub fn reusing(mut buf: Vec<u8>) -> Self {
        buf.clear();
        buf.extend_from_slice(EMPTY);
        ListpackBuf { buf, gap: 0, len: 0 }
    }

    /// Takes a blob that this program wrote or that passed [`Listpack::validate`].
    pub fn from_vec(blob: Vec<u8>) -> Self {
        let len = Listpack::new(&blob).len() as u32;
        ListpackBuf { buf: blob, gap: 0, len }
    }

    /// The blob.
    pub fn into_vec(mut self) -> Vec<u8> {
        self.close_gap();
        self.buf
    }

    /// The blob, for reading.
    pub fn as_ref(&self) -> Listpack<'_> {
        Listpack::new(&self.buf[self.gap as usize..])
    }

    /// How many entries, in constant time.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the blob.
    pub fn byte_len(&self) -> usize {
        self.buf.len() - self.gap as usize
    }

    /// Bytes taken from the allocator.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Gives unused memory back.
    pub fn trim(&mut self) {
        self.close_gap();
        self.buf.shrink_to_fit();
    }

    /// Makes sure that `bytes` more can be appended without moving the blob.
    pub fn reserve(&mut self, bytes: usize) {
        self.buf.reserve(bytes);
    }

    /// Appends bytes.
    pub fn push_back(&mut self, bytes: &[u8]) {
        self.append(&Encoded::bytes(bytes));
    }

    /// Appends an integer.
    pub fn push_back_int(&mut self, value: i64) {
        self.append(&Encoded::int(value));
    }

    /// Appends another listpack's element.
    pub fn push_back_element(&mut self, element: Element<'_>) {
        match element {
            Element::Int(value) => self.push_back_int(value),
            Element::Str(bytes) => self.push_back(bytes),
        }
    }

    /// Appends an element as it is: bytes stay bytes, also those that are an integer's digits.
    pub fn push_back_exact(&mut self, element: Element<'_>) {
        self.append(&Encoded::exact(element));
    }

    /// Prepends bytes.
    pub fn push_front(&mut self, bytes: &[u8]) {
        self.insert(HEADER, &Encoded::bytes(bytes));
    }

    /// Inserts before an entry; gives the new entry.
    pub fn insert_before(&mut self, pos: Pos, bytes: &[u8]) -> Pos {
        self.insert(pos.offset(), &Encoded::bytes(bytes))
    }

    /// Inserts after an entry; gives the new entry.
    pub fn insert_after(&mut self, pos: Pos, bytes: &[u8]) -> Pos {
        let offset = entry_end(self.as_ref().bytes(), pos.offset());
        self.insert(offset, &Encoded::bytes(bytes))
    }

    /// Inserts an element as it is after an entry; gives the new entry.
    pub fn insert_after_exact(&mut self, pos: Pos, element: Element<'_>) -> Pos {
        let offset = entry_end(self.as_ref().bytes(), pos.offset());
        self.insert(offset, &Encoded::exact(element))
    }

    /// Puts bytes in the place of an entry.
    pub fn replace(&mut self, pos: Pos, bytes: &[u8]) -> Pos {
        self.overwrite(pos, &Encoded::bytes(bytes))
    }

    /// Removes an entry; gives the one that followed it.
    pub fn remove(&mut self, pos: Pos) -> Option<Pos> {
        self.remove_range(pos, 1)
    }

    /// Removes up to `count` entries from one on; gives the one that followed them.
    pub fn remove_range(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let bytes = self.as_ref().bytes();
        let mut end = pos.offset();
        let mut removed = 0;
        while removed < count && bytes[end] != END {
            end = entry_end(bytes, end);
            removed += 1;
        }
        self.resize_room(pos.offset(), end - pos.offset(), 0);
        self.len -= removed as u32;
        self.write_header();
        self.as_ref().at(pos.offset())
    }

    /// Appends all entries of another listpack.
    pub fn append_all(&mut self, other: &ListpackBuf) {
        let bytes = other.as_ref().bytes();
        self.buf.pop();
        self.buf.extend_from_slice(&bytes[HEADER..]);
        self.len += other.len;
        self.write_header();
    }

    /// Cuts off the entries from `pos` on; gives them as a listpack.
    pub fn split_off(&mut self, pos: Pos) -> ListpackBuf {
        let at = self.gap as usize + pos.offset();
        let mut tail = vec![0; HEADER];
        tail.extend_from_slice(&self.buf[at..]);
        let kept = self.as_ref().index_of(pos);
        self.buf.truncate(at);
        self.buf.push(END);
        let mut tail = ListpackBuf { buf: tail, gap: 0, len: self.len - kept as u32 };
        self.len = kept as u32;
        self.write_header();
        tail.write_header();
        tail
    }

    fn append(&mut self, entry: &Encoded<'_>) {
        let size = entry.size();
        self.grow_back(size);
        let end = self.buf.len() - 1 - size;
        entry.write(&mut self.buf[end..end + size]);
        self.len += 1;
        self.write_header();
    }

    fn insert(&mut self, offset: usize, entry: &Encoded<'_>) -> Pos {
        let size = entry.size();
        self.resize_room(offset, 0, size);
        let at = self.gap as usize + offset;
        entry.write(&mut self.buf[at..at + size]);
        self.len += 1;
        self.write_header();
        Pos::new(offset)
    }

    fn overwrite(&mut self, pos: Pos, entry: &Encoded<'_>) -> Pos {
        let offset = pos.offset();
        let old = entry_end(self.as_ref().bytes(), offset) - offset;
        let size = entry.size();
        self.resize_room(offset, old, size);
        let at = self.gap as usize + offset;
        entry.write(&mut self.buf[at..at + size]);
        self.write_header();
        pos
    }

    /// Turns the room of `old` bytes at `offset` into one of `new` bytes, moving the shorter side.
    fn resize_room(&mut self, offset: usize, old: usize, new: usize) {
        let gap = self.gap as usize;
        let start = gap + offset;
        let front_is_shorter = offset < self.buf.len() - start - old;
        if new > old {
            let more = new - old;
            if front_is_shorter {
                self.open_front(more);
                let gap = self.gap as usize;
                self.buf.copy_within(gap..gap + offset, gap - more);
                self.gap -= more as u32;
            } else {
                // Growing may close the gap, which moves everything.
                self.grow_back(more);
                let start = self.gap as usize + offset;
                let end = self.buf.len() - more;
                self.buf.copy_within(start + old..end, start + new);
            }
        } else if old > new {
            let less = old - new;
            if front_is_shorter {
                self.buf.copy_within(gap..start, gap + less);
                self.gap += less as u32;
            } else {
                self.buf.copy_within(start + old.., start + new);
                self.buf.truncate(self.buf.len() - less);
            }
        }
    }

    /// Lengthens the buffer by `more` bytes of [`END`]; uses up a large gap before it asks for memory.
    fn grow_back(&mut self, more: usize) {
        if self.buf.capacity() - self.buf.len() < more {
            if self.gap as usize * 2 >= self.buf.len() {
                self.close_gap();
            }
            if self.buf.capacity() - self.buf.len() < more {
                self.buf.reserve_exact(more + slack(self.buf.len()));
            }
        }
        self.buf.resize(self.buf.len() + more, END);
    }

    /// Makes sure that the gap has at least `needed` bytes; opens it wider in proportion to the blob, so that
    /// many pushes share one move.
    fn open_front(&mut self, needed: usize) {
        let gap = self.gap as usize;
        if gap >= needed {
            return;
        }
        let len = self.byte_len();
        let wanted = needed + slack(len);
        let total = wanted + len;
        if self.buf.capacity() < total {
            self.buf.reserve_exact(total - self.buf.len());
        }
        self.buf.resize(total, END);
        self.buf.copy_within(gap..gap + len, wanted);
        self.gap = wanted as u32;
    }

    fn close_gap(&mut self) {
        if self.gap > 0 {
            let gap = self.gap as usize;
            self.buf.copy_within(gap.., 0);
            self.buf.truncate(self.buf.len() - gap);
            self.gap = 0;
        }
    }

    fn write_header(&mut self) {
        let total = self.byte_len() as u32;
        let count = u16::try_from(self.len).unwrap_or(COUNT_UNKNOWN);
        let header = &mut self.buf[self.gap as usize..][..HEADER];
        header[..4].copy_from_slice(&total.to_le_bytes());
        header[4..].copy_from_slice(&count.to_le_bytes());
    }
}

impl Default for ListpackBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for ListpackBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for ListpackBuf {}

impl core::fmt::Debug for ListpackBuf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.as_ref().iter()).finish()
    }
}

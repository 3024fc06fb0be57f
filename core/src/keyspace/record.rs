//! A record: a key, its metadata and its value, small ones together in one heap block.
//!
//! ```text
//! | shape u8 | clock u24 | klen u8 (255: u32 follows) | [deadline i64] | key … | payload … |
//! ```
//!
//! The payload is the value itself where it is compact: an integer, bytes, a listpack, an intset. Everything else
//! is a boxed [`Value`] that the block owns. Two tag bits in the pointer tell, without touching the block, whether
//! the key has a deadline and whether its value is paged out: sampling walks over table slots at memory speed.

mod whereabouts;

use crate::block::Block;
use crate::types::full::Full;
use crate::types::hash::{Hash, HashRef};
use crate::types::intset::{Intset, IntsetBuf};
use crate::types::list::{List, ListRef};
use crate::types::listpack::{Listpack, ListpackBuf};
use crate::types::segmented::Fetch;
use crate::types::set::{Set, SetRef};
use crate::types::string::StrRef;
use crate::types::zset::{Zset, ZsetRef};
use crate::types::{Kind, Value, ValueRef};
use crate::words::reach::FULL;
use crate::words::time::UnixMillis;
use alloc::boxed::Box;
use alloc::vec::Vec;
use whereabouts::Whereabouts;

const TAG_DEADLINE: u8 = 0;

const KIND_MASK: u8 = 0b0000_0111;
const FORM_SHIFT: u8 = 3;
const FORM_MASK: u8 = 0b0011_1000;
const HAS_DEADLINE: u8 = 0b0100_0000;

const CLOCK_AT: usize = 1;
const KLEN_AT: usize = 4;
const WIDE_KEY: u8 = u8::MAX;
const DEADLINE_LEN: usize = 8;
const MAX_HEAD: usize = KLEN_AT + 5 + DEADLINE_LEN;

/// Bytes of a place on a page device, which is opaque here.
pub const PLACE_LEN: usize = 21;
/// The largest payload that shares the key's block when a value is stored whole.
const INLINE_MAX: usize = 64 * 1024;
/// A compact collection that is changed again stays in the key's block up to this size; a larger one moves into a
/// box of its own, where a change does not copy it.
const INLINE_EDIT_MAX: usize = 256;

/// What a record's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    /// An integer, 8 bytes little-endian.
    Int = 0,
    /// A string's bytes, `embstr` up to 44 of them.
    Bytes = 1,
    /// A string's bytes that are `raw` whatever their length.
    Raw = 2,
    /// A listpack.
    Packed = 3,
    /// An intset.
    Ints = 4,
    /// The block owns a boxed value.
    Boxed = 5,
    /// The value is on a page device; the payload says where.
    Paged = 6,
}

const FORMS: [Form; 7] =
    [Form::Int, Form::Bytes, Form::Raw, Form::Packed, Form::Ints, Form::Boxed, Form::Paged];

/// A key with its metadata and value.
#[derive(Debug)]
pub struct Record(Block<Value>);

/// The fixed part of a record, decoded.
#[derive(Clone, Copy)]
struct Head {
    shape: u8,
    key_at: usize,
    key_len: usize,
}

impl Head {
    fn payload_at(self) -> usize {
        self.key_at + self.key_len
    }
}

fn shape_of(kind: Kind, form: Form, deadline: bool) -> u8 {
    kind as u8 | (form as u8) << FORM_SHIFT | if deadline { HAS_DEADLINE } else { 0 }
}

/// Writes the head into `buf` and returns its length.
fn write_head(
    buf: &mut [u8; MAX_HEAD],
    shape: u8,
    clock: u32,
    key: &[u8],
    deadline: Option<UnixMillis>,
) -> usize {
    buf[0] = shape;
    buf[CLOCK_AT..KLEN_AT].copy_from_slice(&clock.to_le_bytes()[..3]);
    let mut at = KLEN_AT + 1;
    if key.len() < WIDE_KEY as usize {
        buf[KLEN_AT] = key.len() as u8;
    } else {
        buf[KLEN_AT] = WIDE_KEY;
        buf[at..at + 4].copy_from_slice(&(key.len() as u32).to_le_bytes());
        at += 4;
    }
    if let Some(deadline) = deadline {
        buf[at..at + DEADLINE_LEN].copy_from_slice(&deadline.to_le_bytes());
        at += DEADLINE_LEN;
    }
    at
}

/// How a value is laid into a record.
enum Laid<'a> {
    Inline(Form, &'a [u8]),
    Boxed,
}

fn lay<'a>(value: ValueRef<'a>, int: &'a mut [u8; 8]) -> Laid<'a> {
    let (form, bytes) = match value {
        ValueRef::Str(StrRef::Int(n)) => {
            *int = n.to_le_bytes();
            (Form::Int, &int[..])
        }
        ValueRef::Str(StrRef::Embedded(b)) => (Form::Bytes, b),
        ValueRef::Str(StrRef::Raw(b)) => (Form::Raw, b),
        ValueRef::List(ListRef::Packed(lp))
        | ValueRef::Hash(HashRef::Packed(lp))
        | ValueRef::Set(SetRef::Packed(lp))
        | ValueRef::Zset(ZsetRef::Packed(lp)) => (Form::Packed, lp.bytes()),
        ValueRef::Set(SetRef::Ints(ints)) => (Form::Ints, ints.get().bytes()),
        _ => return Laid::Boxed,
    };
    if bytes.len() <= INLINE_MAX { Laid::Inline(form, bytes) } else { Laid::Boxed }
}

impl Record {
    /// A record for `key` with `value`; `clock` is the 24-bit access clock.
    pub fn new(key: &[u8], value: Value, deadline: Option<UnixMillis>, clock: u32) -> Self {
        let mut int = [0; 8];
        let kind = value.kind();
        let mut head = [0; MAX_HEAD];
        let block = match lay(value.as_ref(), &mut int) {
            Laid::Inline(form, payload) => {
                let n = write_head(&mut head, shape_of(kind, form, deadline.is_some()), clock, key, deadline);
                Block::new(&[&head[..n], key, payload])
            }
            Laid::Boxed => {
                let shape = shape_of(kind, Form::Boxed, deadline.is_some());
                let n = write_head(&mut head, shape, clock, key, deadline);
                Block::with_boxed(&[&head[..n], key], Box::new(value))
            }
        };
        Self(block).with_deadline_tag(deadline.is_some())
    }

    /// A record whose value is a string, copied straight from where it lies.
    pub fn new_string(key: &[u8], value: StrRef<'_>, deadline: Option<UnixMillis>, clock: u32) -> Self {
        let mut int = [0; 8];
        let mut head = [0; MAX_HEAD];
        match lay(ValueRef::Str(value), &mut int) {
            Laid::Inline(form, payload) => {
                let shape = shape_of(Kind::String, form, deadline.is_some());
                let n = write_head(&mut head, shape, clock, key, deadline);
                Self(Block::new(&[&head[..n], key, payload])).with_deadline_tag(deadline.is_some())
            }
            Laid::Boxed => Self::new(key, Value::Str(value.to_owned()), deadline, clock),
        }
    }

    /// A record whose value is on a page device; `place` is opaque here.
    pub fn new_paged(
        key: &[u8],
        kind: Kind,
        place: &[u8; PLACE_LEN],
        deadline: Option<UnixMillis>,
        clock: u32,
    ) -> Self {
        let mut head = [0; MAX_HEAD];
        let shape = shape_of(kind, Form::Paged, deadline.is_some());
        let n = write_head(&mut head, shape, clock, key, deadline);
        let mut record = Self(Block::new(&[&head[..n], key, place])).with_deadline_tag(deadline.is_some());
        record.set_whereabouts(Whereabouts::Device);
        record
    }

    fn with_deadline_tag(mut self, on: bool) -> Self {
        if on {
            self.0.set_tag(TAG_DEADLINE, true);
        }
        self
    }

    #[inline]
    fn head(&self) -> Head {
        head_of(self.0.bytes())
    }

    #[inline]
    fn form(&self) -> Form {
        FORMS[usize::from((self.0.bytes()[0] & FORM_MASK) >> FORM_SHIFT)]
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        let bytes = self.0.bytes();
        let head = head_of(bytes);
        &bytes[head.key_at..head.payload_at()]
    }

    /// The value's type.
    #[inline]
    pub fn kind(&self) -> Kind {
        Kind::ALL[usize::from(self.0.bytes()[0] & KIND_MASK)]
    }

    /// The 24-bit access clock.
    pub fn clock(&self) -> u32 {
        let b = self.0.bytes();
        u32::from_le_bytes([b[CLOCK_AT], b[CLOCK_AT + 1], b[CLOCK_AT + 2], 0])
    }

    /// Sets the access clock; the upper 8 bits of `clock` are ignored.
    #[inline]
    pub fn set_clock(&mut self, clock: u32) {
        self.0.bytes_mut()[CLOCK_AT..KLEN_AT].copy_from_slice(&clock.to_le_bytes()[..3]);
    }

    /// Whether the key has a deadline; does not touch the block.
    #[inline]
    pub fn is_volatile(&self) -> bool {
        self.0.tag(TAG_DEADLINE)
    }

    /// When the key expires.
    #[inline]
    pub fn deadline(&self) -> Option<UnixMillis> {
        if !self.is_volatile() {
            return None;
        }
        let bytes = self.0.bytes();
        let at = head_of(bytes).key_at - DEADLINE_LEN;
        bytes[at..at + DEADLINE_LEN].try_into().ok().map(UnixMillis::from_le_bytes)
    }

    /// Sets, changes or removes the deadline.
    pub fn set_deadline(&mut self, deadline: Option<UnixMillis>) {
        if let (Some(deadline), true) = (deadline, self.is_volatile()) {
            let at = self.head().key_at - DEADLINE_LEN;
            self.0.bytes_mut()[at..at + DEADLINE_LEN].copy_from_slice(&deadline.to_le_bytes());
            return;
        }
        if deadline.is_none() && !self.is_volatile() {
            return;
        }
        let whereabouts = self.whereabouts();
        let old = self.head();
        let shape = old.shape & !HAS_DEADLINE | if deadline.is_some() { HAS_DEADLINE } else { 0 };
        let mut head = [0; MAX_HEAD];
        let n = write_head(&mut head, shape, self.clock(), self.key(), deadline);
        let rest: &[u8] = &self.0.bytes()[old.key_at..];
        let block = if self.0.boxed().is_some() {
            let rest: Vec<u8> = rest.to_vec();
            let whole = core::mem::replace(&mut self.0, Block::new(&[]));
            match whole.into_boxed() {
                Some(value) => Block::with_boxed(&[&head[..n], &rest], value),
                None => Block::new(&[&head[..n], &rest]),
            }
        } else {
            Block::new(&[&head[..n], rest])
        };
        self.0 = block;
        self.0.set_tag(TAG_DEADLINE, deadline.is_some());
        self.set_whereabouts(whereabouts);
    }

    /// The value, or `None` where it is on a page device.
    #[inline]
    pub fn value(&self) -> Option<ValueRef<'_>> {
        let bytes = self.0.bytes();
        let end = bytes.len() - if self.is_copied() { PLACE_LEN } else { 0 };
        let payload = &bytes[head_of(bytes).payload_at()..end];
        Some(match self.form() {
            Form::Int => ValueRef::Str(StrRef::Int(int_of(payload))),
            Form::Bytes => ValueRef::Str(StrRef::Embedded(payload)),
            Form::Raw => ValueRef::Str(StrRef::Raw(payload)),
            Form::Packed => {
                let lp = Listpack::new(payload);
                match self.kind() {
                    Kind::List => ValueRef::List(ListRef::Packed(lp)),
                    Kind::Set => ValueRef::Set(SetRef::Packed(lp)),
                    Kind::Zset => ValueRef::Zset(ZsetRef::Packed(lp)),
                    Kind::Hash | Kind::String => ValueRef::Hash(HashRef::Packed(lp)),
                }
            }
            Form::Ints if !FULL => return None,
            Form::Ints => ValueRef::Set(SetRef::Ints(Full::new(Intset::new(payload)))),
            Form::Boxed => self.0.boxed()?.as_ref(),
            Form::Paged => return None,
        })
    }

    /// Replaces the value and its type; key, clock and deadline stay.
    pub fn set_value(&mut self, value: Value) {
        let mut int = [0; 8];
        let kind = value.kind();
        if let Laid::Inline(form, payload) = lay(value.as_ref(), &mut int) {
            self.set_inline(kind, form, payload);
            return;
        }
        let head = self.head();
        let volatile = self.is_volatile();
        self.drop_copy();
        self.set_whereabouts(Whereabouts::Memory);
        if let (Form::Boxed, Some(slot)) = (self.form(), self.0.boxed_mut()) {
            *slot = value;
        } else {
            let mut block = Block::with_boxed(&[&self.0.bytes()[..head.payload_at()]], Box::new(value));
            block.set_tag(TAG_DEADLINE, volatile);
            self.0 = block;
        }
        self.0.bytes_mut()[0] = shape_of(kind, Form::Boxed, volatile);
    }

    /// Replaces the value by a string, copied straight from where it lies.
    #[inline]
    pub fn set_string(&mut self, value: StrRef<'_>) {
        let mut int = [0; 8];
        match lay(ValueRef::Str(value), &mut int) {
            Laid::Inline(form, payload) => self.set_inline(Kind::String, form, payload),
            Laid::Boxed => self.set_value(Value::Str(value.to_owned())),
        }
    }

    #[inline]
    fn set_inline(&mut self, kind: Kind, form: Form, payload: &[u8]) {
        let keep = self.head().payload_at();
        let volatile = self.is_volatile();
        self.0.replace_tail(keep, payload);
        self.0.bytes_mut()[0] = shape_of(kind, form, volatile);
        self.set_whereabouts(Whereabouts::Memory);
    }

    /// Lets `f` change the value; `None` where it is on a page device.
    ///
    /// A compact value is copied out and back, up to 256 bytes of it; larger ones lie in a box and are
    /// changed in place.
    pub fn edit<R>(&mut self, f: impl FnOnce(&mut Value) -> R) -> Option<R> {
        self.drop_copy();
        self.set_whereabouts(Whereabouts::Memory);
        if let Some(value) = self.0.boxed_mut() {
            return Some(f(value));
        }
        let mut value = self.owned_value()?;
        let out = f(&mut value);
        self.put_edited(value);
        Some(out)
    }

    fn put_edited(&mut self, value: Value) {
        let mut int = [0; 8];
        match lay(value.as_ref(), &mut int) {
            Laid::Inline(form, payload) if payload.len() <= INLINE_EDIT_MAX => {
                let kind = value.kind();
                self.set_inline(kind, form, payload);
            }
            _ => {
                let keep = self.head().payload_at();
                let shape = shape_of(value.kind(), Form::Boxed, self.is_volatile());
                let mut block = Block::with_boxed(&[&self.0.bytes()[..keep]], Box::new(value));
                block.bytes_mut()[0] = shape;
                block.set_tag(TAG_DEADLINE, self.is_volatile());
                self.0 = block;
            }
        }
    }

    /// An inline value copied out of the block.
    fn owned_value(&self) -> Option<Value> {
        Some(match self.value()? {
            ValueRef::Str(v) => Value::Str(v.to_owned()),
            ValueRef::List(ListRef::Packed(lp)) => Value::List(List::Packed(owned_listpack(lp))),
            ValueRef::Hash(HashRef::Packed(lp)) => Value::Hash(Hash::Packed(owned_listpack(lp))),
            ValueRef::Set(SetRef::Packed(lp)) => Value::Set(Set::Packed(owned_listpack(lp))),
            ValueRef::Zset(ZsetRef::Packed(lp)) => Value::Zset(Zset::Packed(owned_listpack(lp))),
            ValueRef::Set(SetRef::Ints(ints)) => {
                Value::Set(Set::Ints(Full::new(IntsetBuf::from_vec(ints.bytes().to_vec()))))
            }
            _ => return None,
        })
    }

    /// The value on its own, with its record gone; `None` where it is on a page device.
    pub fn into_value(self) -> Option<Value> {
        match self.form() {
            Form::Boxed => self.0.into_boxed().map(|v| *v),
            _ => self.owned_value(),
        }
    }

    /// The same record under another key.
    pub fn with_key(self, key: &[u8]) -> Self {
        let old = self.head();
        let (volatile, whereabouts) = (self.is_volatile(), self.whereabouts());
        let mut head = [0; MAX_HEAD];
        let n = write_head(&mut head, old.shape, self.clock(), key, self.deadline());
        let payload = &self.0.bytes()[old.payload_at()..];
        let block = if self.0.boxed().is_some() {
            let payload = payload.to_vec();
            match self.0.into_boxed() {
                Some(value) => Block::with_boxed(&[&head[..n], key, &payload], value),
                None => Block::new(&[&head[..n], key, &payload]),
            }
        } else {
            Block::new(&[&head[..n], key, payload])
        };
        let mut record = Self(block).with_deadline_tag(volatile);
        // A copy that is on its way is the old key's.
        let is_storing = whereabouts == Whereabouts::Storing;
        record.set_whereabouts(if is_storing { Whereabouts::Memory } else { whereabouts });
        record
    }

    /// Whether the value lies in a box of its own, which [`Record::into_value`] then gives away without a copy.
    pub fn is_boxed(&self) -> bool {
        self.form() == Form::Boxed
    }

    /// Bytes of memory for key, metadata and value together, estimated without walking the value.
    pub fn memory(&self) -> usize {
        self.0.allocated() + self.0.boxed().map_or(0, |v| size_of::<Value>() + v.as_ref().memory())
    }
}

impl Fetch for Record {
    #[inline]
    fn fetch(&self) {
        self.0.prefetch();
    }
}

#[inline]
fn head_of(bytes: &[u8]) -> Head {
    let shape = bytes[0];
    let (mut key_at, key_len) = if bytes[KLEN_AT] == WIDE_KEY {
        let at = KLEN_AT + 1;
        let len = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        (at + 4, len as usize)
    } else {
        (KLEN_AT + 1, usize::from(bytes[KLEN_AT]))
    };
    if shape & HAS_DEADLINE != 0 {
        key_at += DEADLINE_LEN;
    }
    Head { shape, key_at, key_len }
}

fn int_of(payload: &[u8]) -> i64 {
    payload.try_into().map_or(0, i64::from_le_bytes)
}

fn owned_listpack(lp: Listpack<'_>) -> ListpackBuf {
    ListpackBuf::from_vec(lp.bytes().to_vec())
}

//! Lists.

use alloc::vec::Vec;

use super::blob::{read_listpack, read_ziplist};
use crate::types::Limits;
use crate::types::codec::form::{Form, NODE_PACKED, NODE_PLAIN};
use crate::types::codec::wire::{Reason, read_count, read_len, read_text};
use crate::types::list::{End, List, Quicklist};
use crate::types::listpack::ListpackBuf;
use crate::words::codec::Reader;
use crate::words::reach::{FULL, SERVER};

/// Reads a list in any of its forms.
pub(super) fn decode(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Reason> {
    let list = match form {
        Form::ListZiplist => {
            let elements = read_ziplist(reader)?;
            let mut list = List::new();
            for element in elements.as_ref() {
                element.with_bytes(|bytes| list.push(bytes, End::Tail, limits));
            }
            list
        }
        Form::List if SERVER => {
            let mut list = List::new();
            let mut scratch = Vec::new();
            for _ in 0..read_count(reader, 1)? {
                list.push(read_text(reader)?.bytes(&mut scratch)?, End::Tail, limits);
            }
            list
        }
        _ if !FULL => joined(form, reader, limits)?,
        _ => nodes(form, reader, limits)?,
    };
    if list.is_empty() { Err(Reason::Empty) } else { Ok(list) }
}

/// A count and that many nodes, which are kept as they are; empty ones are dropped.
fn nodes(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Reason> {
    let mut list = Quicklist::new(limits);
    for _ in 0..read_count(reader, 1)? {
        if form == Form::ListZiplists {
            list.append_packed(read_ziplist(reader)?);
            continue;
        }
        match read_len(reader)? {
            // An element this large is not empty: Redis refuses the payload as well.
            NODE_PLAIN => match read_text(reader)?.to_vec()? {
                element if element.is_empty() => return Err(Reason::Empty),
                element => list.append_plain(element),
            },
            NODE_PACKED => list.append_packed(read_listpack(reader)?),
            _ => return Err(Reason::Node),
        }
    }
    Ok(List::from_nodes(list))
}

/// The same where a list is one listpack: their elements. A single node is kept as it is.
fn joined(form: Form, reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Reason> {
    let mut list = List::new();
    for _ in 0..read_count(reader, 1)? {
        let packed = match form {
            Form::ListZiplists if SERVER => read_ziplist(reader)?,
            _ => match read_len(reader)? {
                NODE_PLAIN => {
                    let mut node = ListpackBuf::new();
                    node.push_back(&read_text(reader)?.to_vec()?);
                    node
                }
                NODE_PACKED => read_listpack(reader)?,
                _ => return Err(Reason::Node),
            },
        };
        if list.is_empty() {
            list = List::from_packed(packed);
            continue;
        }
        packed
            .as_ref()
            .iter()
            .for_each(|element| element.with_bytes(|bytes| list.push(bytes, End::Tail, limits)));
    }
    Ok(list)
}

//! Keys are in memory; values that are seldom used lie on the flash chip until the next start.

use crate::flash::Flash;
use crate::open;
use crate::uart::Uart;
use nuthatch_embedded::device::Blocking;
use nuthatch_embedded::{Node, NodeOptions, Pages};

/// The node, empty.
pub fn start(mut line: Uart, options: NodeOptions) -> Node<Uart, Pages<Blocking<Flash>>> {
    let store = open::store(&mut line, options.arena);
    Node::paged(line, Pages::new(store), options)
}

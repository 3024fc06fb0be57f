//! Keys lie on the flash chip; memory is a cache over it.

use crate::flash::Flash;
use crate::open;
use crate::uart::Uart;
use nuthatch_embedded::device::Blocking;
use nuthatch_embedded::{Node, NodeOptions, Store};

/// The node, with what is on the chip.
pub fn start(mut line: Uart, options: NodeOptions) -> Node<Uart, Store<Blocking<Flash>>> {
    let store = open::store(&mut line, options.arena);
    Node::on_flash(line, store, options)
}

//! Small builds keep what they are told in memory alone.

use crate::uart::Uart;
use nuthatch_embedded::{Node, NodeOptions};

/// The node, empty.
pub fn start(line: Uart, options: NodeOptions) -> Node<Uart> {
    Node::new(line, options)
}

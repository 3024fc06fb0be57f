//! The build without a flash chip: keys are in memory alone.

use crate::uart::Uart;
use nuthatch_embedded::{Node, NodeOptions};

/// The node, empty.
pub fn start(line: Uart, options: NodeOptions) -> Node<Uart> {
    Node::new(line, options)
}

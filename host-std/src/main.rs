//! The Nuthatch server.
fn main() {}

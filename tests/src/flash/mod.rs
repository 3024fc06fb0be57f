//! A NOR flash that loses its power, and a world of keys over the flash log that checks what is left after each cut.

pub mod nor;
pub mod world;

pub use nor::{Fault, Nor};
pub use world::World;

//! The engine: plan, execute, and the surface that hosts drive.

//! Virtual memory: cold values leave memory for a page device.

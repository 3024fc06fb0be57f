//! Who waits for which key.

//! Active expiry: the slow and the fast cycle.

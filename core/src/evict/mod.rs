//! Eviction: which key goes when memory is over its limit.

//! Thin heap blocks: the one module that may use `unsafe`.

//! Tests of the whole: the faulty world, differential and end-to-end tests.

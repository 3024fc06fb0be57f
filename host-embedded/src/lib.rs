//! Nuthatch on a microcontroller.
#![no_std]

//! The full encoding of a collection, which a small build has not.

use core::ops::{Deref, DerefMut};

/// In a build without full encodings there is none of these, and the compiler leaves out what is done with one.
#[cfg(not(feature = "full"))]
#[derive(Debug, Clone, Copy)]
enum Mark {}
#[cfg(feature = "full")]
#[derive(Debug, Clone, Copy)]
struct Mark;

/// A value in its full encoding.
#[derive(Debug, Clone, Copy)]
pub struct Full<T>(T, Mark);

impl<T> Full<T> {
    /// Only to be called where [`FULL`](crate::words::reach::FULL) holds.
    #[inline]
    pub fn new(value: T) -> Self {
        #[cfg(feature = "full")]
        return Self(value, Mark);
        #[cfg(not(feature = "full"))]
        {
            drop(value);
            unreachable!("every caller asks for `FULL` first")
        }
    }

    /// To read it.
    #[inline]
    pub fn as_ref(&self) -> Full<&T> {
        Full(&self.0, self.1)
    }
}

impl<'a, T> Full<&'a T> {
    /// The value, for as long as it is lent.
    #[inline]
    pub fn get(self) -> &'a T {
        self.0
    }
}

impl<T> Deref for Full<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Full<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

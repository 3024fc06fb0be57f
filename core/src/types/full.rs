//! The full encoding of a collection, which a small build has not.

use core::ops::{Deref, DerefMut};

/// A value in its full encoding.
#[cfg(feature = "full")]
#[derive(Debug, Clone, Copy)]
pub struct Full<T>(T);

/// In a build without full encodings there is none of these, and the compiler leaves out what is done with one.
#[cfg(not(feature = "full"))]
#[derive(Debug, Clone, Copy)]
pub struct Full<T>(Never, core::marker::PhantomData<T>);

#[cfg(not(feature = "full"))]
#[derive(Debug, Clone, Copy)]
enum Never {}

#[cfg(feature = "full")]
impl<T> Full<T> {
    /// A value that may be as large as it likes.
    #[inline]
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// To read it.
    #[inline]
    pub fn as_ref(&self) -> Full<&T> {
        Full(&self.0)
    }
}

#[cfg(feature = "full")]
impl<T: Copy> Full<T> {
    /// The value, or the reference to one for as long as it is lent.
    #[inline]
    pub fn get(self) -> T {
        self.0
    }
}

#[cfg(feature = "full")]
impl<T> Deref for Full<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(feature = "full")]
impl<T> DerefMut for Full<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(not(feature = "full"))]
impl<T> Full<T> {
    /// Only called where [`FULL`](crate::words::reach::FULL) holds.
    pub fn new(_: T) -> Self {
        unreachable!("every caller asks for `FULL` first")
    }

    /// To read it.
    pub fn as_ref(&self) -> Full<&T> {
        match self.0 {}
    }
}

#[cfg(not(feature = "full"))]
impl<T: Copy> Full<T> {
    /// The value, or the reference to one for as long as it is lent.
    pub fn get(self) -> T {
        match self.0 {}
    }
}

#[cfg(not(feature = "full"))]
impl<T> Deref for Full<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.0 {}
    }
}

#[cfg(not(feature = "full"))]
impl<T> DerefMut for Full<T> {
    fn deref_mut(&mut self) -> &mut T {
        match self.0 {}
    }
}

//! stub
#[derive(Debug)]
pub struct IntsetBuf(alloc::vec::Vec<u8>);
#[derive(Debug, Clone, Copy)]
pub struct Intset<'a>(&'a [u8]);
impl IntsetBuf {
    pub fn from_vec(v: alloc::vec::Vec<u8>) -> Self {
        Self(v)
    }
    pub fn as_ref(&self) -> Intset<'_> {
        Intset(&self.0)
    }
}
impl<'a> Intset<'a> {
    pub fn new(b: &'a [u8]) -> Self {
        Self(b)
    }
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

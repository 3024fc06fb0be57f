//! Where a directive's value lies in [`Config`].

use super::Config;

/// One field, reachable both ways.
pub struct Field<T> {
    pub(super) get: fn(&Config) -> &T,
    pub(super) get_mut: fn(&mut Config) -> &mut T,
}

/// One field whose values are words, told by their index.
pub struct Choice {
    pub(super) names: &'static [&'static str],
    pub(super) get: fn(&Config) -> usize,
    pub(super) set: fn(&mut Config, usize),
}

macro_rules! field {
    ($field:ident) => {
        $crate::words::config::places::Field { get: |c| &c.$field, get_mut: |c| &mut c.$field }
    };
}

macro_rules! choose {
    ($field:ident, $choice:ty) => {
        $crate::words::config::places::Choice {
            names: <$choice>::NAMES,
            get: |c| c.$field as usize,
            set: |c, index| c.$field = <$choice>::ALL[index],
        }
    };
}

pub(super) use {choose, field};

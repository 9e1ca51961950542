//! Processors without lanes: the types exist, their values do not.

use super::{Lanes, Words};

#[derive(Debug, Clone, Copy)]
pub(super) enum Sixteen {}

#[derive(Debug, Clone, Copy)]
pub(super) enum Two {}

impl Sixteen {
    pub(super) const fn detect() -> Option<Self> {
        None
    }
}

impl Two {
    pub(super) const fn detect() -> Option<Self> {
        None
    }
}

impl Lanes<16> for Sixteen {
    const WORTH_WHILE: usize = 1;

    fn compress(self, _: &mut Words<16>, _: [&[u8; 64]; 16]) {
        match self {}
    }

    fn sha256d_64(self, _: &[[u8; 64]; 16]) -> [[u8; 32]; 16] {
        match self {}
    }
}

impl Lanes<2> for Two {
    const WORTH_WHILE: usize = 1;

    fn compress(self, _: &mut Words<2>, _: [&[u8; 64]; 2]) {
        match self {}
    }

    fn sha256d_64(self, _: &[[u8; 64]; 2]) -> [[u8; 32]; 2] {
        match self {}
    }
}

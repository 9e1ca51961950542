//! The tree of scripts behind a taproot output: leaves, branches, control blocks.
//!
//! ```text
//!   control block  [ leaf version · parity │ internal key │ 0 to 128 nodes of 32 bytes ]
//!   leaf hash ──► branch with node ──► … ──► root ──► tweak of the internal key ──► output key?
//! ```
//!
//! **Spec:** BIP-0341, script validation rules.

use std::sync::LazyLock;

use super::{ScriptError, SignatureCheck, sighash::Writer};

/// The leaf version of tapscripts.
pub(super) const LEAF_TAPSCRIPT: u8 = 0xc0;

/// First byte of the last witness item if it is an annex.
pub(super) const ANNEX_TAG: u8 = 0x50;

#[cfg(test)]
const BASE_LEN: usize = 33;
const NODE_LEN: usize = 32;
const NODES_MAX: usize = 128;

/// A control block of a length that can be one.
#[derive(Debug, Clone, Copy)]
pub(super) struct ControlBlock<'w> {
    first: u8,
    internal_key: &'w [u8; 32],
    path: &'w [u8],
}

impl<'w> ControlBlock<'w> {
    pub(super) fn parse(bytes: &'w [u8]) -> Result<Self, ScriptError> {
        let parse = || {
            let (&first, rest) = bytes.split_first()?;
            let (internal_key, path) = rest.split_first_chunk()?;
            let fits = path.len() % NODE_LEN == 0 && path.len() <= NODES_MAX * NODE_LEN;
            fits.then_some(Self { first, internal_key, path })
        };
        parse().ok_or(ScriptError::TaprootWrongControlSize)
    }

    pub(super) const fn leaf_version(self) -> u8 {
        self.first & 0xfe
    }

    /// Returns the check that `output_key` commits to the leaf of this hash.
    pub(super) fn commitment(self, output_key: &[u8; 32], leaf: [u8; 32]) -> SignatureCheck {
        static BRANCH: LazyLock<Writer> = LazyLock::new(|| Writer::tagged("TapBranch"));
        static TWEAK: LazyLock<Writer> = LazyLock::new(|| Writer::tagged("TapTweak"));

        let root = self.path.chunks_exact(NODE_LEN).fold(leaf, |hash, node| {
            let mut writer = BRANCH.clone();
            let (low, high) =
                if hash.as_slice() < node { (&hash[..], node) } else { (node, &hash[..]) };
            writer.bytes(low);
            writer.bytes(high);
            writer.finish()
        });
        let mut writer = TWEAK.clone();
        writer.bytes(self.internal_key);
        writer.bytes(&root);
        SignatureCheck::Tweak {
            output_key: *output_key,
            parity_odd: self.first & 1 == 1,
            internal_key: *self.internal_key,
            tweak: writer.finish(),
        }
    }
}

/// Returns the hash of a leaf of the tree of scripts (BIP-0341).
#[must_use]
pub fn leaf_hash(version: u8, script: &[u8]) -> [u8; 32] {
    static LEAF: LazyLock<Writer> = LazyLock::new(|| Writer::tagged("TapLeaf"));

    let mut writer = LEAF.clone();
    writer.byte(version);
    writer.sized(script);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_block_holds_a_key_and_whole_nodes_128_at_most() {
        for nodes in [0, 1, 128] {
            assert!(ControlBlock::parse(&vec![0xc0; BASE_LEN + nodes * NODE_LEN]).is_ok());
        }
        for len in [0, 32, 34, BASE_LEN + 31, BASE_LEN + 129 * NODE_LEN] {
            let error = ControlBlock::parse(&vec![0xc0; len]).unwrap_err();
            assert_eq!(error, ScriptError::TaprootWrongControlSize);
        }
    }
}

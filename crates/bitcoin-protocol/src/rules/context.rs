//! What a block must satisfy given its ancestors' headers.
//!
//! **Spec:** Bitcoin Core, `ContextualCheckBlock`, `GetBlockScriptFlags`; BIP-0030, BIP-0034, BIP-0113, BIP-0141.

use std::fmt;

use bitcoin::BlockHash;

use super::{BLOCK_WEIGHT_MAX, BlockError, transaction::is_final, witness::check_witnesses};
use crate::{block::Block, network::Params, script::ScriptFlags};

/// From this height on a coinbase may again repeat an older one, so BIP-0030 is checked again.
///
/// BIP-0034 makes coinbases differ from its height on, but some of the older ones begin, by
/// chance, with a push that reads as a later height. The first such height that is still to come is this.
const BIP34_IMPLIES_BIP30_END: u32 = 1_983_702;

/// The two blocks of the main chain that repeat the coinbase of another, and so broke BIP-0030 before it was one:
/// 91,842 repeats that of 91,812, 91,880 that of 91,722.
const BIP30_REPEATS: [(u32, &str); 2] = [
    (91_842, "00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec"),
    (91_880, "00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721"),
];

/// The ancestors of a block, as a view of the header chain it ends.
pub trait Ancestors {
    /// Returns the hash of the ancestor at `height`; `None` above the parent.
    fn hash(&self, height: u32) -> Option<BlockHash>;

    /// Returns the median of the times of the ancestor at `height` and the ten before it, Unix seconds; zero
    /// above the parent.
    fn median_time_past(&self, height: u32) -> u32;
}

/// Where in the chain a block stands, and the rules that follow from it.
#[derive(Clone, Copy)]
pub struct BlockContext<'a> {
    /// The network's rules.
    pub params: &'a Params,
    /// The block's height.
    pub height: u32,
    /// The parent's median time past, Unix seconds; zero for genesis.
    pub median_time_past: u32,
    /// The rules its scripts are run under.
    pub flags: ScriptFlags,
    /// Whether its transactions must not repeat one with unspent outputs (BIP-0030).
    pub check_overwrites: bool,
    /// Its ancestors.
    pub ancestors: &'a (dyn Ancestors + Sync),
}

impl fmt::Debug for BlockContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockContext")
            .field("network", &self.params.name)
            .field("height", &self.height)
            .field("median_time_past", &self.median_time_past)
            .field("flags", &self.flags)
            .field("check_overwrites", &self.check_overwrites)
            .finish_non_exhaustive()
    }
}

impl<'a> BlockContext<'a> {
    /// Works out the rules for the block of this hash at `height` above `ancestors`.
    #[must_use]
    pub fn new(
        params: &'a Params,
        hash: BlockHash,
        height: u32,
        ancestors: &'a (dyn Ancestors + Sync),
    ) -> Self {
        Self {
            params,
            height,
            median_time_past: height
                .checked_sub(1)
                .map_or(0, |parent| ancestors.median_time_past(parent)),
            flags: params.script_flags(height, &hash),
            check_overwrites: checks_overwrites(params, hash, height, ancestors),
            ancestors,
        }
    }

    /// Returns whether relative locks hold (BIP-0068, BIP-0112, BIP-0113).
    #[must_use]
    pub const fn csv_active(&self) -> bool {
        self.height >= self.params.csv_height
    }

    /// Returns whether the coinbase must begin with the height (BIP-0034).
    #[must_use]
    pub const fn bip34_active(&self) -> bool {
        self.height >= self.params.bip34_height
    }

    /// Returns whether witnesses are committed to (BIP-0141).
    #[must_use]
    pub const fn segwit_active(&self) -> bool {
        self.height >= self.params.segwit_height
    }
}

/// Returns whether BIP-0030 is checked: where neither the block is an exception nor BIP-0034 makes it needless.
fn checks_overwrites(
    params: &Params,
    hash: BlockHash,
    height: u32,
    ancestors: &dyn Ancestors,
) -> bool {
    if height >= BIP34_IMPLIES_BIP30_END {
        return true;
    }
    let repeats = BIP30_REPEATS.iter().any(|&(at, id)| at == height && hash.to_string() == id);
    let heights_differ = height > params.bip34_height
        && ancestors.hash(params.bip34_height) == Some(params.bip34_hash);
    !repeats && !heights_differ
}

/// Checks what needs the ancestors but not the coins (Bitcoin Core's `ContextualCheckBlock`).
///
/// # Errors
///
/// [`BlockError`]: the first rule it breaks, in Bitcoin Core's order.
pub fn check_block_in_context(block: &Block, context: &BlockContext<'_>) -> Result<(), BlockError> {
    let height = context.height;
    // BIP-0113: miners gain nothing by lying about the time of their own block.
    let time = if context.csv_active() { context.median_time_past } else { block.header().time };
    if let Some(tx) = block.transactions().iter().find(|&tx| !is_final(tx, height, time)) {
        return Err(BlockError::NotFinal { txid: tx.txid(), height, time });
    }
    if context.bip34_active() {
        let coinbase = block.transactions().get(0).and_then(|tx| tx.input(0));
        let (push, len) = height_push(height);
        if !coinbase.is_some_and(|input| input.script_sig.starts_with(&push[..len])) {
            return Err(BlockError::CoinbaseHeight { expected: height });
        }
    }
    check_witnesses(block, context.segwit_active())?;
    // Only now: before, anybody could add to the coinbase's witness and leave the hash as it was.
    let actual = block.weight();
    if actual > BLOCK_WEIGHT_MAX {
        return Err(BlockError::Weight { actual });
    }
    Ok(())
}

/// Returns the script that pushes `height` as a number in its shortest form, and the script's length.
fn height_push(height: u32) -> ([u8; 6], usize) {
    const OP_1_LESS_ONE: u8 = 0x50;
    let mut push = [0; 6];
    let [low, ..] = height.to_le_bytes();
    match height {
        0 => (push, 1),
        1..=16 => {
            push[0] = OP_1_LESS_ONE + low;
            (push, 1)
        }
        _ => {
            push[1..5].copy_from_slice(&height.to_le_bytes());
            // The highest bit is the sign, so that a byte of zero follows where it would be set.
            let bits = u32::BITS - height.leading_zeros();
            let [bytes, ..] = (bits / 8 + 1).to_le_bytes();
            push[0] = bytes;
            (push, usize::from(bytes) + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_pushed_as_script_numbers() {
        let push = |height| {
            let (push, len) = height_push(height);
            push[..len].to_vec()
        };
        assert_eq!(push(0), [0x00]);
        assert_eq!(push(1), [0x51]);
        assert_eq!(push(16), [0x60]);
        assert_eq!(push(17), [1, 17]);
        assert_eq!(push(127), [1, 127]);
        assert_eq!(push(128), [2, 128, 0]);
        assert_eq!(push(255), [2, 255, 0]);
        assert_eq!(push(256), [2, 0, 1]);
        assert_eq!(push(0x7fff), [2, 0xff, 0x7f]);
        assert_eq!(push(0x8000), [3, 0, 0x80, 0]);
        assert_eq!(push(227_931), [3, 0x5b, 0x7a, 0x03]);
        assert_eq!(push(u32::MAX), [5, 0xff, 0xff, 0xff, 0xff, 0]);
    }
}

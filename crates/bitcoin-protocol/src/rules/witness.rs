//! The commitment to a block's witnesses.
//!
//! The header commits to ids that leave witnesses out. So the coinbase carries, in one of its outputs,
//! a hash over the tree of the ids that cover them, and, as its own witness, a reserved value:
//!
//! ```text
//!   coinbase output   OP_RETURN push36 [ aa21a9ed | sha256d( witness root ‖ reserved value ) ]
//!   coinbase witness  [ reserved value, 32 bytes ]
//! ```
//!
//! **Spec:** BIP-0141, "Commitment structure"; Bitcoin Core, `CheckWitnessMalleation`.

use bitcoin::hashes::Hash;
use quintet_crypto::{digest::sha256d, merkle};

use super::BlockError;
use crate::{
    block::Block,
    transaction::{Tx, Witness},
};

/// What an output that commits begins with: `OP_RETURN`, a push of 36 bytes, and the magic number.
pub const WITNESS_COMMITMENT_PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// Returns the commitment of a coinbase: in the last output that looks like one, if several do.
#[must_use]
pub fn witness_commitment(coinbase: Tx<'_>) -> Option<[u8; 32]> {
    let committed =
        |script: &[u8]| script.strip_prefix(&WITNESS_COMMITMENT_PREFIX)?.first_chunk().copied();
    coinbase.outputs().rev().find_map(|output| committed(output.script_pubkey))
}

/// Returns the Merkle root of the ids that cover witnesses, zero in the coinbase's place.
#[must_use]
pub fn witness_merkle_root(block: &Block) -> [u8; 32] {
    let ids = block.transactions().iter().map(|tx| tx.wtxid().to_byte_array());
    let mut ids: Vec<_> = ids.collect();
    if let Some(coinbase) = ids.first_mut() {
        *coinbase = [0; 32];
    }
    // The flag says nothing here: transactions whose ids differ have different ids with witnesses too.
    merkle::root(&ids).hash
}

/// Checks the witnesses against their commitment, or that there are none (Bitcoin Core's `CheckWitnessMalleation`).
pub(super) fn check_witnesses(block: &Block, segwit_active: bool) -> Result<(), BlockError> {
    let coinbase = block.transactions().get(0);
    if segwit_active
        && let Some(coinbase) = coinbase
        && let Some(expected) = witness_commitment(coinbase)
    {
        let witness = coinbase.input(0).map_or_else(Witness::default, |input| input.witness);
        let reserved = match witness.get(0) {
            Some(item) if witness.len() == 1 && item.len() == 32 => item,
            _ => return Err(BlockError::WitnessNonceSize { items: witness.len() }),
        };
        let actual = sha256d(&[&witness_merkle_root(block), reserved]);
        if *actual.as_bytes() != expected {
            return Err(BlockError::WitnessMerkleRoot);
        }
        return Ok(());
    }
    // Otherwise anybody could fill blocks with bytes that nobody committed to.
    match block.transactions().iter().find(|tx| tx.has_witness()) {
        Some(tx) => Err(BlockError::UnexpectedWitness { txid: tx.txid() }),
        None => Ok(()),
    }
}

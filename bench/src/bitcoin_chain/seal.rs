//! What makes transactions a block: the coinbase, the witness commitment, the Merkle root and the nonce.
//!
//! Each step is a function of its own, so that a block can be changed and made right again up to any of them.

use anyhow::Context as _;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Network, OutPoint, ScriptBuf, Sequence, Transaction,
    TxMerkleNode, TxOut, Witness, absolute,
    block::{Header, Version},
    hashes::Hash as _,
    script::Builder,
    transaction,
};

/// Time of regtest's genesis block, Unix seconds.
pub const GENESIS_TIME: u32 = 1_296_688_602;
/// Seconds between blocks.
pub const SPACING: u32 = 600;
/// Blocks until a coinbase may be spent.
pub const MATURITY: u32 = 100;
/// Blocks between halvings of the subsidy.
const HALVING: u32 = 150;
/// Regtest's target: every second hash is below it.
const BITS: u32 = 0x207f_ffff;
/// What begins the output of a witness commitment: `OP_RETURN`, a push of 36 bytes, and four that mark it (BIP-0141).
const COMMITMENT: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// Returns regtest's first block.
#[must_use]
pub fn genesis() -> Block {
    bitcoin::constants::genesis_block(Network::Regtest)
}

/// Returns what a block of this height may create.
#[must_use]
pub fn subsidy(height: u32) -> Amount {
    let halvings = height / HALVING;
    Amount::from_sat(Amount::from_int_btc(50).to_sat().checked_shr(halvings).unwrap_or(0))
}

/// Returns the header above a block, its Merkle root and nonce still to be found.
#[must_use]
pub fn next_header(height: u32, previous: BlockHash) -> Header {
    Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: previous,
        merkle_root: TxMerkleNode::all_zeros(),
        time: GENESIS_TIME + height * SPACING,
        bits: CompactTarget::from_consensus(BITS),
        nonce: 0,
    }
}

/// Returns a coinbase that pays to one script, with room for the commitment.
#[must_use]
pub fn coinbase(height: u32, value: Amount, script_pubkey: ScriptBuf) -> Transaction {
    // Heights up to 16 are one byte, and a coinbase has at least two (BIP-0034).
    let script_sig = Builder::new().push_int(height.into()).push_slice(b"quintet").into_script();
    let input = bitcoin::TxIn {
        previous_output: OutPoint::null(),
        script_sig,
        sequence: Sequence::MAX,
        witness: Witness::from_slice(&[[0; 32]]),
    };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![input],
        output: vec![
            TxOut { value, script_pubkey },
            TxOut { value: Amount::ZERO, script_pubkey: commitment_script([0; 32]) },
        ],
    }
}

fn commitment_script(hash: [u8; 32]) -> ScriptBuf {
    ScriptBuf::from_bytes([&COMMITMENT[..], &hash].concat())
}

/// Writes the witness commitment into the coinbase's last output that is one (BIP-0141); leaves a block without one as
/// it is.
///
/// # Errors
///
/// If the block has no transaction.
pub fn commit(block: &mut Block) -> anyhow::Result<()> {
    let root = block.witness_root().context("expected a block with a coinbase")?;
    let coinbase = block.txdata.first_mut().context("expected a block with a coinbase")?;
    let reserved = coinbase.input.first().and_then(|input| input.witness.nth(0));
    let reserved = reserved.unwrap_or(&[0; 32]).to_vec();
    let hash = Block::compute_witness_commitment(&root, &reserved).to_byte_array();
    let mut outputs = coinbase.output.iter_mut().rev();
    if let Some(output) =
        outputs.find(|output| output.script_pubkey.as_bytes().starts_with(&COMMITMENT))
    {
        output.script_pubkey = commitment_script(hash);
    }
    Ok(())
}

/// Writes the Merkle root, if asked to, and finds the nonce.
///
/// # Errors
///
/// If the block has no transaction, or no nonce will do, which cannot be at regtest's target.
pub fn mine(block: &mut Block, merkle_root: bool) -> anyhow::Result<()> {
    if merkle_root {
        block.header.merkle_root =
            block.compute_merkle_root().context("expected a block with a coinbase")?;
    }
    let target = block.header.target();
    for nonce in 0..=u32::MAX {
        block.header.nonce = nonce;
        if target.is_met_by(block.header.block_hash()) {
            return Ok(());
        }
    }
    anyhow::bail!("no nonce meets the target {target:x}")
}

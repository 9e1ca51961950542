//! Signed blocks: who may add one is decided by a script, and the proof of it lies in the coinbase.
//!
//! ```text
//!   coinbase ── witness commitment output ── … push(ecc7daa2 ‖ scriptSig ‖ witness) …
//!                       │ the solution cut out                     │ the solution
//!                       ▼                                          ▼
//!   to_spend: one output under the challenge  ◄──spends──  to_sign: scriptSig and witness
//!             its scriptSig commits to version, parent, modified Merkle root, time
//! ```
//!
//! The block is well signed if `to_sign` may spend the output of `to_spend` under [`SOLUTION_FLAGS`]. A block without a
//! solution has an empty one: a challenge anybody can satisfy needs none.
//!
//! The nonce is not signed, so that work can be done after signing.
//!
//! **Spec:** BIP-0325; Core's `signet.cpp`.

mod solution;

use bitcoin::hashes::Hash;
use quintet_crypto::digest::sha256d;
use thiserror::Error;

use self::solution::{Cut, cut_solution};
use crate::{
    Block, Transaction,
    encode::{DecodeError, Reader, put_size},
    network::Params,
    script::{Immediate, ScriptError, ScriptFlags, TxContext, verify_input},
    transaction::Tx,
};

/// The rules a solution is run under.
pub const SOLUTION_FLAGS: ScriptFlags = ScriptFlags::P2SH
    .union(ScriptFlags::WITNESS)
    .union(ScriptFlags::DERSIG)
    .union(ScriptFlags::NULLDUMMY);

/// What an output's script begins with that commits to the witnesses (BIP-0141): `OP_RETURN`, a push of 36 bytes, a mark.
const COMMITMENT: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// Least length of such a script: the beginning and a hash.
const COMMITMENT_MIN: usize = 38;

const OP_RETURN: u8 = 0x6a;

/// Why a block is not signed. The reject reason is `bad-signet-blksig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignetError {
    /// It has no transaction.
    #[error("expected a coinbase, got a block without transactions")]
    NoCoinbase,
    /// No output of the coinbase commits to the witnesses.
    #[error("expected a witness commitment in the coinbase, got none")]
    NoCommitment,
    /// The solution is no script and witness.
    #[error("expected a script and a witness as the solution: {0}")]
    Solution(#[from] DecodeError),
    /// The solution does not satisfy the challenge.
    #[error("expected a solution that satisfies the challenge: {0}")]
    Unsatisfied(#[from] ScriptError),
}

/// Checks that a block is signed, where blocks must be. Genesis is not, and is valid.
///
/// # Errors
///
/// [`SignetError`]: the block is invalid, `bad-signet-blksig`.
///
/// **Spec:** Core's `CheckSignetBlockSolution`.
pub fn check_solution(block: &Block, params: &Params) -> Result<(), SignetError> {
    let Some(challenge) = &params.signet_challenge else { return Ok(()) };
    if block.hash() == params.genesis_hash() {
        return Ok(());
    }
    let transactions = SignetTransactions::new(block, challenge)?;
    let spent = transactions.to_spend.view().outputs().collect();
    let context = TxContext::new(transactions.to_sign.view(), spent);
    Ok(verify_input(&context, 0, SOLUTION_FLAGS, &mut Immediate)?)
}

impl SignetError {
    /// Bitcoin Core's reject reason for all of them.
    pub const REJECT_REASON: &'static str = "bad-signet-blksig";
}

/// The two transactions of a solution.
#[derive(Debug, Clone)]
pub struct SignetTransactions {
    /// Holds the challenge in its output, and the block in its input.
    pub to_spend: Transaction,
    /// Spends it with the solution.
    pub to_sign: Transaction,
}

impl SignetTransactions {
    /// Builds the two transactions of a block. Genesis has no solution and needs none: leave it out.
    ///
    /// # Errors
    ///
    /// [`SignetError`] if the block holds no solution that could be tried.
    ///
    /// **Spec:** Core's `SignetTxs::Create`.
    pub fn new(block: &Block, challenge: &[u8]) -> Result<Self, SignetError> {
        let coinbase = block.transactions().get(0).ok_or(SignetError::NoCoinbase)?;
        let index = commitment_index(coinbase).ok_or(SignetError::NoCommitment)?;
        let script = coinbase.outputs().nth(index).map_or(&[][..], |output| output.script_pubkey);
        let Cut { script, solution } = cut_solution(script);
        let solution = solution.as_deref().map(Solution::decode).transpose()?.unwrap_or_default();
        let root = modified_merkle_root(block, coinbase, index, &script);
        let to_spend = to_spend(block, &root, challenge);
        let txid = sha256d(&[&to_spend]).into_bytes();
        let to_sign = solution.to_sign(&txid);
        Ok(Self {
            to_spend: Transaction::decode(to_spend)?,
            to_sign: Transaction::decode(to_sign)?,
        })
    }
}

/// What satisfies the challenge, as serialised.
#[derive(Debug, Clone, Copy)]
struct Solution<'a> {
    script_sig: &'a [u8],
    /// The count of items and the items, in the form a transaction holds them.
    witness: &'a [u8],
}

impl Default for Solution<'_> {
    fn default() -> Self {
        Self { script_sig: &[], witness: &[0] }
    }
}

impl<'a> Solution<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes)?;
        let script_sig = reader.sized()?;
        let start = reader.at();
        for _ in 0..reader.size()? {
            reader.sized()?;
        }
        let witness = &bytes[start..reader.at()];
        reader.finish()?;
        Ok(Self { script_sig, witness })
    }

    fn to_sign(self, spent: &[u8; 32]) -> Vec<u8> {
        let has_witness = self.witness != [0];
        let mut tx = 0u32.to_le_bytes().to_vec();
        if has_witness {
            tx.extend_from_slice(&[0, 1]);
        }
        put_size(&mut tx, 1);
        tx.extend_from_slice(spent);
        tx.extend_from_slice(&0u32.to_le_bytes());
        put_sized(&mut tx, self.script_sig);
        tx.extend_from_slice(&0u32.to_le_bytes());
        put_size(&mut tx, 1);
        tx.extend_from_slice(&0u64.to_le_bytes());
        put_sized(&mut tx, &[OP_RETURN]);
        if has_witness {
            tx.extend_from_slice(self.witness);
        }
        tx.extend_from_slice(&0u32.to_le_bytes());
        tx
    }
}

fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_size(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Returns the last output of a coinbase that commits to the witnesses.
///
/// **Spec:** Core's `GetWitnessCommitmentIndex`.
fn commitment_index(coinbase: Tx<'_>) -> Option<usize> {
    let commits = |script: &[u8]| script.len() >= COMMITMENT_MIN && script.starts_with(&COMMITMENT);
    let outputs = coinbase.outputs().enumerate();
    outputs.filter(|(_, output)| commits(output.script_pubkey)).map(|(index, _)| index).next_back()
}

fn to_spend(block: &Block, root: &[u8; 32], challenge: &[u8]) -> Vec<u8> {
    let header = block.header();
    // OP_0, then one push of 72 bytes.
    let mut script = vec![0, 72];
    script.extend_from_slice(&header.version.to_consensus().to_le_bytes());
    script.extend_from_slice(header.prev_blockhash.as_byte_array());
    script.extend_from_slice(root);
    script.extend_from_slice(&header.time.to_le_bytes());
    let mut tx = 0u32.to_le_bytes().to_vec();
    put_size(&mut tx, 1);
    tx.extend_from_slice(&[0; 32]);
    tx.extend_from_slice(&u32::MAX.to_le_bytes());
    put_sized(&mut tx, &script);
    tx.extend_from_slice(&0u32.to_le_bytes());
    put_size(&mut tx, 1);
    tx.extend_from_slice(&0u64.to_le_bytes());
    put_sized(&mut tx, challenge);
    tx.extend_from_slice(&0u32.to_le_bytes());
    tx
}

/// Returns the Merkle root the block has without its solution.
fn modified_merkle_root(block: &Block, coinbase: Tx<'_>, index: usize, script: &[u8]) -> [u8; 32] {
    let mut leaves = vec![modified_txid(coinbase, index, script)];
    leaves.extend(block.transactions().iter().skip(1).map(|tx| *tx.txid().as_byte_array()));
    while leaves.len() > 1 {
        let parents = leaves.chunks(2).map(|pair| {
            let left = &pair[0];
            sha256d(&[left, pair.get(1).unwrap_or(left)]).into_bytes()
        });
        leaves = parents.collect();
    }
    leaves[0]
}

/// Returns the coinbase's id with another script in its output at `index`.
fn modified_txid(coinbase: Tx<'_>, index: usize, script: &[u8]) -> [u8; 32] {
    let mut tx = coinbase.version().to_le_bytes().to_vec();
    put_size(&mut tx, coinbase.inputs().len() as u64);
    for input in coinbase.inputs() {
        tx.extend_from_slice(input.previous.txid.as_byte_array());
        tx.extend_from_slice(&input.previous.vout.to_le_bytes());
        put_sized(&mut tx, input.script_sig);
        tx.extend_from_slice(&input.sequence.to_le_bytes());
    }
    put_size(&mut tx, coinbase.outputs().len() as u64);
    for (at, output) in coinbase.outputs().enumerate() {
        tx.extend_from_slice(&output.value.to_le_bytes());
        put_sized(&mut tx, if at == index { script } else { output.script_pubkey });
    }
    tx.extend_from_slice(&coinbase.lock_time().to_le_bytes());
    sha256d(&[&tx]).into_bytes()
}

#[cfg(test)]
mod tests;

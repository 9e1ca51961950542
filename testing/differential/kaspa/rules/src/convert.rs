//! The reference's types as ours. Cases are made with the reference's, so that nothing of ours has a part in what a
//! case is.

use kaspa_consensus_core::{BlueWorkType, header::Header as TheirHeader, tx as theirs};
use kaspa_hashes::Hash;
use quintet_kaspa_protocol::{
    block::Block,
    header::{BlueWork, Header, LevelParents},
    tx as ours,
};
use quintet_primitives::Hash256;

/// Converts a hash.
pub fn hash(hash: &Hash) -> Hash256 {
    Hash256::new(hash.as_bytes())
}

/// Converts an outpoint.
pub fn outpoint(outpoint: &theirs::TransactionOutpoint) -> ours::Outpoint {
    ours::Outpoint::new(hash(&outpoint.transaction_id), outpoint.index)
}

/// Converts the script of an output.
pub fn script_public_key(script: &theirs::ScriptPublicKey) -> ours::ScriptPublicKey {
    ours::ScriptPublicKey::new(script.version(), script.script())
}

/// Converts an entry of the UTXO set.
pub fn entry(entry: &theirs::UtxoEntry) -> ours::UtxoEntry {
    ours::UtxoEntry {
        amount: entry.amount,
        script_public_key: script_public_key(&entry.script_public_key),
        block_daa_score: entry.block_daa_score,
        is_coinbase: entry.is_coinbase,
        covenant_id: entry.covenant_id.as_ref().map(hash),
    }
}

/// Converts a transaction.
pub fn transaction(tx: &theirs::Transaction) -> ours::Transaction {
    ours::Transaction {
        version: tx.version,
        inputs: tx.inputs.iter().map(input).collect(),
        outputs: tx.outputs.iter().map(output).collect(),
        lock_time: tx.lock_time,
        subnetwork_id: ours::SubnetworkId::new(*AsRef::<[u8; 20]>::as_ref(&tx.subnetwork_id)),
        gas: tx.gas,
        payload: tx.payload.clone(),
        storage_mass: tx.storage_mass(),
    }
}

fn input(input: &theirs::TransactionInput) -> ours::TransactionInput {
    ours::TransactionInput {
        previous_outpoint: outpoint(&input.previous_outpoint),
        signature_script: input.signature_script.clone(),
        sequence: input.sequence,
        compute_commit: match input.compute_commit {
            theirs::ComputeCommit::SigopCount(count) => {
                ours::ComputeCommit::SigOpCount(count.into())
            }
            theirs::ComputeCommit::ComputeBudget(budget) => {
                ours::ComputeCommit::ComputeBudget(budget.into())
            }
        },
    }
}

fn output(output: &theirs::TransactionOutput) -> ours::TransactionOutput {
    ours::TransactionOutput {
        value: output.value,
        script_public_key: script_public_key(&output.script_public_key),
        covenant: output.covenant.as_ref().map(|binding| ours::CovenantBinding {
            authorizing_input: binding.authorizing_input,
            covenant_id: hash(&binding.covenant_id),
        }),
    }
}

/// Converts a header.
///
/// # Errors
///
/// If its parents have a form ours cannot have.
pub fn header(header: &TheirHeader) -> anyhow::Result<Header> {
    let levels = header.parents_by_level.expanded_iter();
    Ok(Header {
        version: header.version,
        parents: LevelParents::from_levels(
            levels.map(|level| level.iter().map(hash).collect::<Vec<_>>()),
        )?,
        hash_merkle_root: hash(&header.hash_merkle_root),
        accepted_id_merkle_root: hash(&header.accepted_id_merkle_root),
        utxo_commitment: hash(&header.utxo_commitment),
        timestamp: header.timestamp,
        bits: header.bits,
        nonce: header.nonce,
        daa_score: header.daa_score,
        blue_work: blue_work(header.blue_work),
        blue_score: header.blue_score,
        pruning_point: hash(&header.pruning_point),
    })
}

/// Converts a sum of work.
pub fn blue_work(work: BlueWorkType) -> BlueWork {
    BlueWork::from_le_bytes(work.to_le_bytes())
}

/// Converts a block.
///
/// # Errors
///
/// If its header cannot be.
pub fn block(header_: &TheirHeader, transactions: &[theirs::Transaction]) -> anyhow::Result<Block> {
    let transactions = transactions.iter().map(transaction).collect();
    Ok(Block { header: header(header_)?, transactions })
}

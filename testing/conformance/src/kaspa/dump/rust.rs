//! Blocks by the Rust node's names of fields, since Crescendo.

use quintet_kaspa_protocol::{
    block::Block,
    header::{Header, LevelParents},
    tx::{
        ComputeCommit, CovenantBinding, Outpoint, ScriptPublicKey, SubnetworkId, TX_VERSION,
        Transaction, TransactionInput, TransactionOutput,
    },
};
use quintet_primitives::Hash256;
use serde::Deserialize;
use serde_json::Value;

use super::DumpedBlock;
use crate::{
    kaspa::{array, bytes, headers::blue_work},
    suite::Mismatch,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BlockJson {
    header: HeaderJson,
    transactions: Vec<TransactionJson>,
    #[serde(rename = "verboseData", default)]
    _verbose_data: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HeaderJson {
    hash: Hash256,
    version: u16,
    parents_by_level: Vec<Vec<Hash256>>,
    hash_merkle_root: Hash256,
    accepted_id_merkle_root: Hash256,
    utxo_commitment: Hash256,
    timestamp: u64,
    bits: u32,
    nonce: u64,
    daa_score: u64,
    blue_work: String,
    blue_score: u64,
    pruning_point: Hash256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TransactionJson {
    version: u16,
    inputs: Vec<InputJson>,
    outputs: Vec<OutputJson>,
    lock_time: u64,
    subnetwork_id: String,
    gas: u64,
    payload: String,
    /// The storage mass by its later name; beside it `mass` says the same.
    storage_mass: Option<u64>,
    mass: u64,
    #[serde(rename = "verboseData", default)]
    _verbose_data: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InputJson {
    previous_outpoint: OutpointJson,
    signature_script: String,
    sequence: u64,
    sig_op_count: Option<u8>,
    compute_budget: Option<u16>,
    #[serde(rename = "verboseData", default)]
    _verbose_data: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutpointJson {
    transaction_id: Hash256,
    index: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutputJson {
    value: u64,
    /// Version, two bytes from the upper to the lower, then the script.
    script_public_key: String,
    covenant: Option<CovenantJson>,
    #[serde(rename = "verboseData", default)]
    _verbose_data: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CovenantJson {
    authorizing_input: u16,
    covenant_id: Hash256,
}

/// Reads a block.
pub(super) fn read(value: Value) -> Result<DumpedBlock, Mismatch> {
    let block: BlockJson = serde_json::from_value(value)
        .map_err(|error| Mismatch::new("form of the block", "known fields", error.to_string()))?;
    let transactions = block.transactions.iter().map(TransactionJson::read);
    Ok(DumpedBlock {
        hash: block.header.hash,
        block: Block {
            header: block.header.read()?,
            transactions: transactions.collect::<Result<_, _>>()?,
        },
    })
}

impl HeaderJson {
    fn read(&self) -> Result<Header, Mismatch> {
        Ok(Header {
            version: self.version,
            parents: LevelParents::from_levels(&self.parents_by_level)
                .map_err(|error| Mismatch::new("parentsByLevel", "levels", error.to_string()))?,
            hash_merkle_root: self.hash_merkle_root,
            accepted_id_merkle_root: self.accepted_id_merkle_root,
            utxo_commitment: self.utxo_commitment,
            timestamp: self.timestamp,
            bits: self.bits,
            nonce: self.nonce,
            daa_score: self.daa_score,
            blue_work: blue_work(&self.blue_work)?,
            blue_score: self.blue_score,
            pruning_point: self.pruning_point,
        })
    }
}

impl TransactionJson {
    fn read(&self) -> Result<Transaction, Mismatch> {
        let input = |input: &InputJson| {
            let outpoint = &input.previous_outpoint;
            let compute_commit = match self.version {
                TX_VERSION => ComputeCommit::SigOpCount(input.sig_op_count.unwrap_or(0)),
                _ => ComputeCommit::ComputeBudget(input.compute_budget.unwrap_or(0)),
            };
            Ok(TransactionInput {
                previous_outpoint: Outpoint::new(outpoint.transaction_id, outpoint.index),
                signature_script: bytes("signatureScript", &input.signature_script)?,
                sequence: input.sequence,
                compute_commit,
            })
        };
        Ok(Transaction {
            version: self.version,
            inputs: self.inputs.iter().map(input).collect::<Result<_, Mismatch>>()?,
            outputs: self.outputs.iter().map(OutputJson::read).collect::<Result<_, _>>()?,
            lock_time: self.lock_time,
            subnetwork_id: SubnetworkId::new(array("subnetworkId", &self.subnetwork_id)?),
            gas: self.gas,
            payload: bytes("payload", &self.payload)?,
            storage_mass: self.storage_mass.unwrap_or(self.mass),
        })
    }
}

impl OutputJson {
    fn read(&self) -> Result<TransactionOutput, Mismatch> {
        let script = bytes("scriptPublicKey", &self.script_public_key)?;
        let (version, script) = script.split_first_chunk().ok_or_else(|| {
            Mismatch::new("scriptPublicKey", "a version", &self.script_public_key)
        })?;
        let covenant = self.covenant.as_ref().map(|covenant| CovenantBinding {
            authorizing_input: covenant.authorizing_input,
            covenant_id: covenant.covenant_id,
        });
        let script_public_key = ScriptPublicKey::new(u16::from_be_bytes(*version), script);
        Ok(TransactionOutput { value: self.value, script_public_key, covenant })
    }
}

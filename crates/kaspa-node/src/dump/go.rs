//! Blocks by the Go node's names of fields, which the Rust node used too before Crescendo.

use quintet_kaspa_protocol::{
    block::Block,
    header::{Header, LevelParents},
    tx::{
        ComputeCommit, Outpoint, ScriptPublicKey, SubnetworkId, Transaction, TransactionInput,
        TransactionOutput,
    },
};
use quintet_primitives::Hash256;
use serde::{Deserialize, de::IgnoredAny};

use super::{DumpedBlock, FieldError, array, blue_work, bytes};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct BlockJson {
    header: HeaderJson,
    transactions: Vec<TransactionJson>,
    verbose_data: VerboseJson,
}

/// What the node knew of the block; only its hash is of use.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VerboseJson {
    hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct HeaderJson {
    version: u16,
    parents: Vec<LevelJson>,
    hash_merkle_root: String,
    #[serde(rename = "AcceptedIDMerkleRoot")]
    accepted_id_merkle_root: String,
    #[serde(rename = "UTXOCommitment")]
    utxo_commitment: String,
    timestamp: u64,
    bits: u32,
    nonce: u64,
    #[serde(rename = "DAAScore")]
    daa_score: u64,
    blue_score: u64,
    blue_work: String,
    pruning_point: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct LevelJson {
    parent_hashes: Vec<Hash256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct TransactionJson {
    version: u16,
    inputs: Vec<InputJson>,
    outputs: Vec<OutputJson>,
    lock_time: u64,
    #[serde(rename = "SubnetworkID")]
    subnetwork_id: String,
    gas: u64,
    payload: String,
    /// Only the Rust node wrote it.
    #[serde(default)]
    mass: u64,
    #[serde(rename = "VerboseData", default)]
    _verbose_data: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct InputJson {
    previous_outpoint: OutpointJson,
    signature_script: String,
    sequence: u64,
    sig_op_count: u8,
    #[serde(rename = "VerboseData", default)]
    _verbose_data: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct OutpointJson {
    #[serde(rename = "TransactionID")]
    transaction_id: String,
    index: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct OutputJson {
    amount: u64,
    script_public_key: ScriptJson,
    #[serde(rename = "VerboseData", default)]
    _verbose_data: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ScriptJson {
    version: u16,
    script: String,
}

impl BlockJson {
    pub(super) fn read(self) -> Result<DumpedBlock, FieldError> {
        let transactions = self.transactions.into_iter().map(TransactionJson::read);
        Ok(DumpedBlock {
            hash: hash("Hash", &self.verbose_data.hash)?,
            block: Block {
                header: self.header.read()?,
                transactions: transactions.collect::<Result<_, _>>()?,
            },
        })
    }
}

impl HeaderJson {
    fn read(self) -> Result<Header, FieldError> {
        let levels = self.parents.iter().map(|level| &level.parent_hashes);
        Ok(Header {
            version: self.version,
            parents: LevelParents::from_levels(levels)
                .map_err(|error| FieldError::new("Parents", "levels", error))?,
            hash_merkle_root: hash("HashMerkleRoot", &self.hash_merkle_root)?,
            accepted_id_merkle_root: hash("AcceptedIDMerkleRoot", &self.accepted_id_merkle_root)?,
            utxo_commitment: hash("UTXOCommitment", &self.utxo_commitment)?,
            timestamp: self.timestamp,
            bits: self.bits,
            nonce: self.nonce,
            daa_score: self.daa_score,
            blue_work: blue_work("BlueWork", &self.blue_work)?,
            blue_score: self.blue_score,
            pruning_point: hash("PruningPoint", &self.pruning_point)?,
        })
    }
}

impl TransactionJson {
    fn read(self) -> Result<Transaction, FieldError> {
        Ok(Transaction {
            version: self.version,
            inputs: self.inputs.into_iter().map(InputJson::read).collect::<Result<_, _>>()?,
            outputs: self.outputs.into_iter().map(OutputJson::read).collect::<Result<_, _>>()?,
            lock_time: self.lock_time,
            subnetwork_id: SubnetworkId::new(array("SubnetworkID", &self.subnetwork_id)?),
            gas: self.gas,
            payload: bytes("Payload", &self.payload)?,
            storage_mass: self.mass,
        })
    }
}

impl InputJson {
    fn read(self) -> Result<TransactionInput, FieldError> {
        let outpoint = &self.previous_outpoint;
        let transaction_id = hash("TransactionID", &outpoint.transaction_id)?;
        Ok(TransactionInput {
            previous_outpoint: Outpoint::new(transaction_id, outpoint.index),
            signature_script: bytes("SignatureScript", &self.signature_script)?,
            sequence: self.sequence,
            compute_commit: ComputeCommit::SigOpCount(self.sig_op_count),
        })
    }
}

impl OutputJson {
    fn read(self) -> Result<TransactionOutput, FieldError> {
        let script = bytes("Script", &self.script_public_key.script)?;
        let script = ScriptPublicKey::new(self.script_public_key.version, &script);
        Ok(TransactionOutput::new(self.amount, script))
    }
}

fn hash(field: &'static str, text: &str) -> Result<Hash256, FieldError> {
    array(field, text).map(Hash256::new)
}

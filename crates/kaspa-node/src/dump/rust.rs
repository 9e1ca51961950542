//! Blocks by the Rust node's names of fields, since Crescendo: read as every version wrote them, written as the latest does.

use quintet_kaspa_protocol::{
    block::Block,
    header::{Header, LevelParents},
    tx::{
        ComputeCommit, CovenantBinding, Outpoint, ScriptPublicKey, SubnetworkId, TX_VERSION,
        Transaction, TransactionInput, TransactionOutput,
    },
};
use quintet_primitives::{Hash256, hex};
use serde::{Deserialize, Serialize};

use super::{DumpedBlock, FieldError, array, blue_work, bytes};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct BlockJson {
    header: HeaderJson,
    transactions: Vec<TransactionJson>,
    #[serde(default)]
    verbose_data: Verbose,
}

#[derive(Deserialize, Serialize)]
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

#[derive(Deserialize, Serialize)]
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
    #[serde(default)]
    verbose_data: Verbose,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InputJson {
    previous_outpoint: OutpointJson,
    signature_script: String,
    sequence: u64,
    sig_op_count: Option<u8>,
    #[serde(default)]
    compute_budget: Option<u16>,
    #[serde(default)]
    verbose_data: Verbose,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutpointJson {
    transaction_id: Hash256,
    index: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutputJson {
    value: u64,
    /// Version, two bytes from the upper to the lower, then the script.
    script_public_key: String,
    #[serde(default)]
    verbose_data: Verbose,
    covenant: Option<CovenantJson>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CovenantJson {
    authorizing_input: u16,
    covenant_id: Hash256,
}

/// What a node knew of a block or transaction: passed over, and written as nothing.
#[derive(Default)]
struct Verbose;

impl<'de> Deserialize<'de> for Verbose {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Serialize for Verbose {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl BlockJson {
    pub(super) fn read(self) -> Result<DumpedBlock, FieldError> {
        let transactions = self.transactions.into_iter().map(TransactionJson::read);
        Ok(DumpedBlock {
            hash: self.header.hash,
            block: Block {
                transactions: transactions.collect::<Result<_, _>>()?,
                header: self.header.read()?,
            },
        })
    }

    pub(super) fn write(block: &Block) -> Self {
        Self {
            header: HeaderJson::write(&block.header),
            transactions: block.transactions.iter().map(TransactionJson::write).collect(),
            verbose_data: Verbose,
        }
    }
}

impl HeaderJson {
    fn read(self) -> Result<Header, FieldError> {
        Ok(Header {
            version: self.version,
            parents: LevelParents::from_levels(&self.parents_by_level)
                .map_err(|error| FieldError::new("parentsByLevel", "levels", error))?,
            hash_merkle_root: self.hash_merkle_root,
            accepted_id_merkle_root: self.accepted_id_merkle_root,
            utxo_commitment: self.utxo_commitment,
            timestamp: self.timestamp,
            bits: self.bits,
            nonce: self.nonce,
            daa_score: self.daa_score,
            blue_work: blue_work("blueWork", &self.blue_work)?,
            blue_score: self.blue_score,
            pruning_point: self.pruning_point,
        })
    }

    fn write(header: &Header) -> Self {
        let levels = (0..header.parents.levels()).filter_map(|level| header.parents.level(level));
        Self {
            hash: header.hash(),
            version: header.version,
            parents_by_level: levels.map(<[Hash256]>::to_vec).collect(),
            hash_merkle_root: header.hash_merkle_root,
            accepted_id_merkle_root: header.accepted_id_merkle_root,
            utxo_commitment: header.utxo_commitment,
            timestamp: header.timestamp,
            bits: header.bits,
            nonce: header.nonce,
            daa_score: header.daa_score,
            blue_work: hex::encode(&header.blue_work.to_be_bytes::<24>()),
            blue_score: header.blue_score,
            pruning_point: header.pruning_point,
        }
    }
}

impl TransactionJson {
    fn read(self) -> Result<Transaction, FieldError> {
        let version = self.version;
        let inputs = self.inputs.into_iter().map(|input| input.read(version));
        Ok(Transaction {
            version,
            inputs: inputs.collect::<Result<_, _>>()?,
            outputs: self.outputs.into_iter().map(OutputJson::read).collect::<Result<_, _>>()?,
            lock_time: self.lock_time,
            subnetwork_id: SubnetworkId::new(array("subnetworkId", &self.subnetwork_id)?),
            gas: self.gas,
            payload: bytes("payload", &self.payload)?,
            storage_mass: self.storage_mass.unwrap_or(self.mass),
        })
    }

    fn write(transaction: &Transaction) -> Self {
        Self {
            version: transaction.version,
            inputs: transaction.inputs.iter().map(InputJson::write).collect(),
            outputs: transaction.outputs.iter().map(OutputJson::write).collect(),
            lock_time: transaction.lock_time,
            subnetwork_id: hex::encode(transaction.subnetwork_id.as_bytes()),
            gas: transaction.gas,
            payload: hex::encode(&transaction.payload),
            storage_mass: Some(transaction.storage_mass),
            mass: transaction.storage_mass,
            verbose_data: Verbose,
        }
    }
}

impl InputJson {
    fn read(self, version: u16) -> Result<TransactionInput, FieldError> {
        let outpoint = &self.previous_outpoint;
        let compute_commit = match version {
            TX_VERSION => ComputeCommit::SigOpCount(self.sig_op_count.unwrap_or(0)),
            _ => ComputeCommit::ComputeBudget(self.compute_budget.unwrap_or(0)),
        };
        Ok(TransactionInput {
            previous_outpoint: Outpoint::new(outpoint.transaction_id, outpoint.index),
            signature_script: bytes("signatureScript", &self.signature_script)?,
            sequence: self.sequence,
            compute_commit,
        })
    }

    fn write(input: &TransactionInput) -> Self {
        Self {
            previous_outpoint: OutpointJson {
                transaction_id: input.previous_outpoint.transaction_id,
                index: input.previous_outpoint.index,
            },
            signature_script: hex::encode(&input.signature_script),
            sequence: input.sequence,
            // The reference writes both, the one that does not belong to the version as zero.
            sig_op_count: Some(input.compute_commit.sig_op_count().unwrap_or(0)),
            compute_budget: Some(input.compute_commit.compute_budget().unwrap_or(0)),
            verbose_data: Verbose,
        }
    }
}

impl OutputJson {
    fn read(self) -> Result<TransactionOutput, FieldError> {
        let script = bytes("scriptPublicKey", &self.script_public_key)?;
        let (version, script) = script.split_first_chunk().ok_or_else(|| {
            FieldError::new("scriptPublicKey", "a version of two bytes", &self.script_public_key)
        })?;
        let covenant = self.covenant.map(|covenant| CovenantBinding {
            authorizing_input: covenant.authorizing_input,
            covenant_id: covenant.covenant_id,
        });
        let script_public_key = ScriptPublicKey::new(u16::from_be_bytes(*version), script);
        Ok(TransactionOutput { value: self.value, script_public_key, covenant })
    }

    fn write(output: &TransactionOutput) -> Self {
        let script = &output.script_public_key;
        let covenant = output.covenant.map(|covenant| CovenantJson {
            authorizing_input: covenant.authorizing_input,
            covenant_id: covenant.covenant_id,
        });
        Self {
            value: output.value,
            script_public_key: hex::encode(&script.version.to_be_bytes())
                + &hex::encode(&script.script),
            verbose_data: Verbose,
            covenant,
        }
    }
}

//! Ids and hashes of transactions.
//!
//! | | version 0 | version 1 |
//! |---|---|---|
//! | id | BLAKE2b of all but signature scripts, their costs and the mass | BLAKE3 of two digests: the payload's, and the rest's without signature scripts, costs and mass |
//! | hash, the Merkle leaf | all; the mass only if it is not zero | all |
//!
//! Before Crescendo there was no mass to hash. That a zero is left out keeps the hashes of those
//! blocks, and of every coinbase, what they were.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/hashing/tx.rs`.

use quintet_primitives::Hash256;

use super::{Blake2b, Blake3, Put};
use crate::tx::{TX_VERSION, Transaction, TransactionInput, TransactionOutput};

/// Which of the three encodings is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// All there is.
    Full,
    /// All but the mass and the compute budgets.
    WithoutMass,
    /// [`Self::WithoutMass`] less signature scripts and counts of signature operations.
    Id,
    /// [`Self::Id`] with an empty payload.
    IdWithoutPayload,
}

impl Form {
    const fn has_scripts(self) -> bool {
        matches!(self, Self::Full | Self::WithoutMass)
    }
}

impl Transaction {
    /// Returns the id: what outpoints name, the same before and after signing.
    #[must_use]
    pub fn id(&self) -> Hash256 {
        if self.version == TX_VERSION {
            let mut hasher = Blake2b::TRANSACTION_ID.hasher();
            self.put_into(&mut hasher, Form::Id);
            return hasher.finish();
        }
        let (payload, rest) = (payload_digest(&self.payload), rest_digest(self));
        Blake3::TRANSACTION_V1_ID.hash(&[payload.as_bytes(), rest.as_bytes()])
    }

    /// Returns the hash of the whole transaction, signatures and mass included.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        self.hash_of(Form::Full)
    }

    /// Returns the hash as it was before Crescendo, whatever the mass says.
    #[must_use]
    pub fn hash_pre_crescendo(&self) -> Hash256 {
        self.hash_of(Form::WithoutMass)
    }

    fn hash_of(&self, form: Form) -> Hash256 {
        let mut hasher = Blake2b::TRANSACTION_HASH.hasher();
        self.put_into(&mut hasher, form);
        hasher.finish()
    }

    fn put_into(&self, out: &mut impl Put, form: Form) {
        out.u16(self.version).length(self.inputs.len());
        self.inputs.iter().for_each(|input| put_input(out, input, self.version, form));
        out.length(self.outputs.len());
        self.outputs.iter().for_each(|output| put_output(out, output, self.version));
        out.u64(self.lock_time).put(self.subnetwork_id.as_bytes()).u64(self.gas);
        out.var_bytes(if form == Form::IdWithoutPayload { &[] } else { &self.payload });
        if form == Form::Full && (self.version > TX_VERSION || self.storage_mass > 0) {
            out.u64(self.storage_mass);
        }
    }
}

/// Returns the digest of a payload in the ids of version 1.
#[must_use]
pub fn payload_digest(payload: &[u8]) -> Hash256 {
    Blake3::PAYLOAD_DIGEST.hash(&[payload])
}

/// Returns the digest of all else in the ids of version 1.
#[must_use]
pub fn rest_digest(tx: &Transaction) -> Hash256 {
    let mut hasher = Blake3::TRANSACTION_REST.hasher();
    tx.put_into(&mut hasher, Form::IdWithoutPayload);
    hasher.finish()
}

/// Returns what [`rest_digest`] hashes.
#[must_use]
pub fn rest_preimage(tx: &Transaction) -> Vec<u8> {
    let mut bytes = Vec::new();
    tx.put_into(&mut bytes, Form::IdWithoutPayload);
    bytes
}

/// Returns what the id of version 0 hashes.
#[must_use]
pub fn v0_id_preimage(tx: &Transaction) -> Vec<u8> {
    let mut bytes = Vec::new();
    tx.put_into(&mut bytes, Form::Id);
    bytes
}

fn put_input(out: &mut impl Put, input: &TransactionInput, version: u16, form: Form) {
    out.hash(&input.previous_outpoint.transaction_id).u32(input.previous_outpoint.index);
    if form.has_scripts() {
        out.var_bytes(&input.signature_script);
        if version == TX_VERSION {
            out.u8(input.compute_commit.sig_op_count().unwrap_or(0));
        }
    } else {
        out.var_bytes(&[]);
    }
    out.u64(input.sequence);
    if form == Form::Full && version > TX_VERSION {
        out.u16(input.compute_commit.compute_budget().unwrap_or(0));
    }
}

/// Writes an output; signature hashes write it so too.
pub(super) fn put_output(out: &mut impl Put, output: &TransactionOutput, version: u16) {
    let script = &output.script_public_key;
    out.u64(output.value).u16(script.version).var_bytes(&script.script);
    if version > TX_VERSION {
        out.bool(output.covenant.is_some());
        if let Some(covenant) = &output.covenant {
            out.u16(covenant.authorizing_input).hash(&covenant.covenant_id);
        }
    }
}

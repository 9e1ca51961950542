//! `tx_id_hash.json`: ids and hashes of transactions; and the form in which vectors write them.

use std::path::Path;

use quintet_kaspa_protocol::tx::{
    ComputeCommit, CovenantBinding, Outpoint, ScriptPublicKey, SubnetworkId, Transaction,
    TransactionInput, TransactionOutput, UtxoEntry,
};
use serde::Deserialize;

use super::{array, bytes, hash};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Ids;

impl Suite for Ids {
    fn name(&self) -> &'static str {
        "ids"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "tx_id_hash")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    tx: Tx,
    id: String,
    hash: String,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let tx = self.tx.read()?;
        expect_eq("id", hash("id", &self.id)?, tx.id())?;
        expect_eq("hash", hash("hash", &self.hash)?, tx.hash())
    }
}

/// A transaction as the vectors write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tx {
    version: u16,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    lock_time: u64,
    subnetwork_id: String,
    gas: u64,
    payload: String,
    storage_mass: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    txid: String,
    index: u32,
    signature_script: String,
    sequence: u64,
    sig_op_count: Option<u8>,
    compute_budget: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    value: u64,
    script_version: u16,
    script: String,
    covenant: Option<Covenant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Covenant {
    authorizing_input: u16,
    covenant_id: String,
}

/// An entry as the vectors write it: what signature hashes know of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Utxo {
    amount: u64,
    script_version: u16,
    script: String,
}

impl Tx {
    pub(super) fn read(&self) -> Result<Transaction, Mismatch> {
        Ok(Transaction {
            version: self.version,
            inputs: self.inputs.iter().map(Input::read).collect::<Result<_, _>>()?,
            outputs: self.outputs.iter().map(Output::read).collect::<Result<_, _>>()?,
            lock_time: self.lock_time,
            subnetwork_id: SubnetworkId::new(array("subnetwork_id", &self.subnetwork_id)?),
            gas: self.gas,
            payload: bytes("payload", &self.payload)?,
            storage_mass: self.storage_mass,
        })
    }
}

impl Input {
    fn read(&self) -> Result<TransactionInput, Mismatch> {
        let compute_commit = match (self.sig_op_count, self.compute_budget) {
            (Some(count), None) => ComputeCommit::SigOpCount(count),
            (None, Some(budget)) => ComputeCommit::ComputeBudget(budget),
            both => return Err(Mismatch::new("input", "sig_op_count or compute_budget", both)),
        };
        Ok(TransactionInput {
            previous_outpoint: Outpoint::new(hash("txid", &self.txid)?, self.index),
            signature_script: bytes("signature_script", &self.signature_script)?,
            sequence: self.sequence,
            compute_commit,
        })
    }
}

impl Output {
    fn read(&self) -> Result<TransactionOutput, Mismatch> {
        let covenant = self.covenant.as_ref().map(|covenant| {
            let covenant_id = hash("covenant_id", &covenant.covenant_id)?;
            Ok(CovenantBinding { authorizing_input: covenant.authorizing_input, covenant_id })
        });
        Ok(TransactionOutput {
            value: self.value,
            script_public_key: script(self.script_version, &self.script)?,
            covenant: covenant.transpose()?,
        })
    }
}

impl Utxo {
    pub(super) fn read(&self) -> Result<UtxoEntry, Mismatch> {
        Ok(UtxoEntry {
            amount: self.amount,
            script_public_key: script(self.script_version, &self.script)?,
            block_daa_score: 0,
            is_coinbase: false,
            covenant_id: None,
        })
    }
}

fn script(version: u16, text: &str) -> Result<ScriptPublicKey, Mismatch> {
    Ok(ScriptPublicKey::new(version, &bytes("script", text)?))
}

//! Transactions and entries of the UTXO set.

use super::parts::{self, absent, hash, hash_to, required};
use crate::{
    tx::{
        ComputeCommit, CovenantBinding, Outpoint, Script, ScriptPublicKey, TX_VERSION, Transaction,
        TransactionInput, TransactionOutput, UtxoEntry,
    },
    wire::{WireError, proto},
};

fn outpoint(message: Option<proto::Outpoint>) -> Result<Outpoint, WireError> {
    let message = message.ok_or_else(|| absent("an outpoint"))?;
    Ok(Outpoint::new(required(message.transaction_id, "a transaction's id")?, message.index))
}

fn outpoint_to(outpoint: &Outpoint) -> proto::Outpoint {
    let transaction_id = Some(hash_to(&outpoint.transaction_id));
    proto::Outpoint { transaction_id, index: outpoint.index }
}

fn script(message: Option<proto::ScriptPublicKey>) -> Result<ScriptPublicKey, WireError> {
    let message = message.ok_or_else(|| absent("an output's script"))?;
    let version = parts::narrow("a script's version", message.version)?;
    Ok(ScriptPublicKey { version, script: Script::from_slice(&message.script) })
}

fn script_to(script: &ScriptPublicKey) -> proto::ScriptPublicKey {
    proto::ScriptPublicKey { script: script.script.to_vec(), version: script.version.into() }
}

fn input(version: u16, message: proto::Input) -> Result<TransactionInput, WireError> {
    // What the number means follows from the transaction's version, known or not.
    let compute_commit = if version == TX_VERSION {
        let count = parts::narrow("a count of signature operations", message.compute_commit)?;
        ComputeCommit::SigOpCount(count)
    } else {
        let budget = parts::narrow("a compute budget", message.compute_commit)?;
        ComputeCommit::ComputeBudget(budget)
    };
    Ok(TransactionInput {
        previous_outpoint: outpoint(message.previous_outpoint)?,
        signature_script: message.signature_script,
        sequence: message.sequence,
        compute_commit,
    })
}

fn input_to(input: &TransactionInput) -> proto::Input {
    proto::Input {
        previous_outpoint: Some(outpoint_to(&input.previous_outpoint)),
        signature_script: input.signature_script.clone(),
        sequence: input.sequence,
        compute_commit: match input.compute_commit {
            ComputeCommit::SigOpCount(count) => count.into(),
            ComputeCommit::ComputeBudget(budget) => budget.into(),
        },
    }
}

fn output(message: proto::Output) -> Result<TransactionOutput, WireError> {
    let covenant = |message: proto::CovenantBinding| {
        Ok::<_, WireError>(CovenantBinding {
            authorizing_input: parts::narrow("an authorising input", message.authorizing_input)?,
            covenant_id: required(message.covenant_id, "a covenant's id")?,
        })
    };
    Ok(TransactionOutput {
        value: message.value,
        script_public_key: script(message.script_public_key)?,
        covenant: message.covenant.map(covenant).transpose()?,
    })
}

fn output_to(output: &TransactionOutput) -> proto::Output {
    let covenant = |covenant: &CovenantBinding| proto::CovenantBinding {
        authorizing_input: covenant.authorizing_input.into(),
        covenant_id: Some(hash_to(&covenant.covenant_id)),
    };
    proto::Output {
        value: output.value,
        script_public_key: Some(script_to(&output.script_public_key)),
        covenant: output.covenant.as_ref().map(covenant),
    }
}

pub(super) fn transaction(message: proto::Transaction) -> Result<Transaction, WireError> {
    let version = parts::narrow("a transaction's version", message.version)?;
    let subnetwork = message.subnetwork_id.ok_or_else(|| absent("a subnetwork id"))?;
    let inputs = message.inputs.into_iter().map(|message| input(version, message));
    Ok(Transaction {
        version,
        inputs: inputs.collect::<Result<_, _>>()?,
        outputs: message.outputs.into_iter().map(output).collect::<Result<_, _>>()?,
        lock_time: message.lock_time,
        subnetwork_id: parts::subnetwork(subnetwork)?,
        gas: message.gas,
        payload: message.payload,
        storage_mass: message.storage_mass,
    })
}

pub(super) fn transaction_to(tx: &Transaction) -> proto::Transaction {
    proto::Transaction {
        version: tx.version.into(),
        inputs: tx.inputs.iter().map(input_to).collect(),
        outputs: tx.outputs.iter().map(output_to).collect(),
        lock_time: tx.lock_time,
        subnetwork_id: Some(parts::subnetwork_to(&tx.subnetwork_id)),
        gas: tx.gas,
        payload: tx.payload.clone(),
        storage_mass: tx.storage_mass,
    }
}

pub(super) fn transactions(
    messages: Vec<proto::Transaction>,
) -> Result<Vec<Transaction>, WireError> {
    messages.into_iter().map(transaction).collect()
}

pub(super) fn utxo(message: proto::Utxo) -> Result<(Outpoint, UtxoEntry), WireError> {
    let entry = message.entry.ok_or_else(|| absent("an entry of the UTXO set"))?;
    let entry = UtxoEntry {
        amount: entry.amount,
        script_public_key: script(entry.script_public_key)?,
        block_daa_score: entry.block_daa_score,
        is_coinbase: entry.is_coinbase,
        covenant_id: entry.covenant_id.map(hash).transpose()?,
    };
    Ok((outpoint(message.outpoint)?, entry))
}

pub(super) fn utxo_to((outpoint, entry): &(Outpoint, UtxoEntry)) -> proto::Utxo {
    let entry = proto::UtxoEntry {
        amount: entry.amount,
        script_public_key: Some(script_to(&entry.script_public_key)),
        block_daa_score: entry.block_daa_score,
        is_coinbase: entry.is_coinbase,
        covenant_id: entry.covenant_id.as_ref().map(hash_to),
    };
    proto::Utxo { outpoint: Some(outpoint_to(outpoint)), entry: Some(entry) }
}

//! The reference's script tests as cases to start from.

use std::path::Path;

use anyhow::Context as _;
use kaspa_consensus_core::{
    subnets::SubnetworkId,
    tx::{
        ComputeCommit, ScriptPublicKey, Transaction, TransactionInput, TransactionOutpoint,
        TransactionOutput, UtxoEntry,
    },
};

use super::{engines::Case, script_text::assemble};

/// Reads the script tests of the newest era in the folder of vectors; without a folder there are none.
///
/// # Errors
///
/// If the file cannot be read.
pub fn load(folder: Option<&Path>) -> anyhow::Result<Vec<Case>> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let path = folder.join("kaspa/script/script_tests-head.json");
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let rows: Vec<Vec<String>> = serde_json::from_slice(&text)?;
    Ok(rows.iter().filter_map(|row| case(row)).collect())
}

fn case(row: &[String]) -> Option<Case> {
    let [signature_script, script, ..] = row else { return None };
    let (signature_script, script) = (assemble(signature_script)?, assemble(script)?);
    let spent = ScriptPublicKey::from_vec(0, script);
    let transaction = |outpoint, signature_script, script| {
        let input = TransactionInput {
            previous_outpoint: outpoint,
            signature_script,
            sequence: u64::MAX,
            compute_commit: ComputeCommit::SigopCount(20.into()),
        };
        let outputs = vec![TransactionOutput::new(0, script)];
        Transaction::new(1, vec![input], outputs, 0, SubnetworkId::default(), 0, Vec::new())
    };
    let nowhere = TransactionOutpoint::new(kaspa_hashes::ZERO_HASH, u32::MAX);
    let funding = transaction(nowhere, vec![0, 0], spent.clone());
    let nothing = ScriptPublicKey::from_vec(0, Vec::new());
    let tx = transaction(TransactionOutpoint::new(funding.id(), 0), signature_script, nothing);
    let entries = vec![UtxoEntry::new(0, spent, 0, true, None)];
    Some(Case { tx, entries, sees_chain: true })
}

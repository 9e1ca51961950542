//! `zk/succinct.*.hex`: the parts of one RISC Zero receipt, a file each.
//!
//! The receipt is verified by a script with `OP_ZK_PRECOMPILE`. Each file is a case: the receipt holds, and
//! with one byte of this part changed, at either end or in the middle, it does not. Of the control index only the
//! first byte counts.
//!
//! The verifiers are heavy to build: without the feature `zk` the cases are skipped.

use std::path::Path;

use quintet_kaspa_protocol::{
    script::{Immediate, Rules, ScriptError, TxContext, opcode, verify_input},
    tx::{
        ComputeCommit, Outpoint, PopulatedTransaction, ScriptPublicKey, SubnetworkId, Transaction,
        TransactionInput, UtxoEntry,
    },
};
use quintet_primitives::{Hash256, hex};

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// The parts in the order they are pushed.
const PARTS: [&str; 8] =
    ["claim", CONTROL_INDEX, "control_digests", "seal", "journal", "image", "control_id", "hashfn"];

/// The part whose upper bytes say nothing.
const CONTROL_INDEX: &str = "control_index";

/// The tag of succinct receipts.
const TAG: u8 = 0x21;

pub(super) struct Succinct;

impl Suite for Succinct {
    fn name(&self) -> &'static str {
        "proofs"
    }

    fn claims(&self, name: &Path) -> bool {
        part_of(name).is_some()
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(part) = part_of(&file.name) else { return };
        if !cfg!(feature = "zk") {
            report.skip("built without the feature `zk`");
            return;
        }
        report.case(file.name.display(), || check(file, part));
    }
}

/// Returns which part a file holds.
fn part_of(name: &Path) -> Option<usize> {
    let name = name.file_name()?.to_str()?.strip_prefix("succinct.")?.strip_suffix(".hex")?;
    PARTS.iter().position(|part| *part == name)
}

fn check(file: &File, part: usize) -> Result<(), Mismatch> {
    let mut parts = Vec::new();
    for name in PARTS {
        let wanted = format!("succinct.{name}.hex");
        let found = file.other(|path| Path::new(path).ends_with(&wanted));
        let found = found.ok_or_else(|| Mismatch::new("file beside", &wanted, "none"))?;
        let text = str::from_utf8(&found.bytes).unwrap_or_default().trim();
        parts.push(hex::decode(text).map_err(|error| Mismatch::new(wanted, "hex", error))?);
    }
    expect_eq("receipt", Ok(()), verify(&parts))?;
    let len = parts[part].len();
    let places = if PARTS[part] == CONTROL_INDEX {
        // The path has eight steps, so eight bits of the index; the reference looks at no others.
        let mut higher = parts.clone();
        higher[part][1] ^= 1;
        expect_eq("receipt with an index above its path", Ok(()), verify(&higher))?;
        vec![0]
    } else {
        vec![0, len / 2, len - 1]
    };
    for at in places {
        let mut changed = parts.clone();
        changed[part][at] ^= 1;
        match verify(&changed) {
            Err(ScriptError::Proof { .. }) => {}
            result => {
                let what = format!("receipt with byte {at} changed");
                return Err(Mismatch::new(what, "a proof that does not hold", result));
            }
        }
    }
    Ok(())
}

fn verify(parts: &[Vec<u8>]) -> Result<(), ScriptError> {
    let mut signature_script = Vec::new();
    for part in parts {
        signature_script.push(opcode::OP_PUSHDATA4);
        signature_script.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        signature_script.extend(part);
    }
    let tx = Transaction {
        version: 1,
        inputs: vec![TransactionInput {
            previous_outpoint: Outpoint::new(Hash256::default(), 0),
            signature_script,
            sequence: 0,
            compute_commit: ComputeCommit::ComputeBudget(2_500),
        }],
        outputs: Vec::new(),
        lock_time: 0,
        subnetwork_id: SubnetworkId::NATIVE,
        gas: 0,
        payload: Vec::new(),
        storage_mass: 0,
    };
    let entries = [UtxoEntry {
        amount: 0,
        script_public_key: ScriptPublicKey::new(0, &[1, TAG, opcode::OP_ZK_PRECOMPILE]),
        block_daa_score: 0,
        is_coinbase: false,
        covenant_id: None,
    }];
    let Ok(populated) = PopulatedTransaction::new(&tx, &entries) else {
        return Err(ScriptError::EvalFalse);
    };
    verify_input(&TxContext::new(populated, Rules::toccata()), 0, &mut Immediate).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_known_by_its_name() {
        assert_eq!(part_of(Path::new("zk/succinct.seal.hex")), Some(3));
        assert_eq!(part_of(Path::new("zk/succinct.other.hex")), None);
        assert_eq!(part_of(Path::new("zk/seal.hex")), None);
    }
}

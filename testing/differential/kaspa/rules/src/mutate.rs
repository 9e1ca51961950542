//! Changing a case a little: scripts, what is pushed, and what is around them.

use kaspa_consensus_core::{
    subnets::SubnetworkId,
    tx::{ComputeCommit, CovenantBinding, ScriptPublicKey, TransactionId},
};
use kaspa_hashes::Hash;

use super::{
    engines::Case,
    frame,
    program::crooked,
    random::SplitMix,
    spend::{KEYS, Push, Recipe},
};

/// Bytes a script may grow to by changes.
const BYTES_MAX: usize = 30_000;

/// How many opcodes there are from `OP_RESERVED` on.
const OPCODES: u8 = 0x8c;

/// Changes bytes in one of the ways bytes go wrong.
pub fn bytes(bytes: &mut Vec<u8>, random: &mut SplitMix) {
    random.damage(bytes, OPCODES, BYTES_MAX);
}

/// Changes what an input pushes, or its script; it is signed again after.
pub fn recipe(recipe: &mut Recipe, random: &mut SplitMix) {
    let at = random.index(recipe.pushes.len());
    match random.below(10) {
        0 if !recipe.pushes.is_empty() => {
            recipe.pushes.remove(at);
        }
        1 => recipe.pushes.insert(random.index(recipe.pushes.len() + 1), Push::Bytes(vec![1])),
        2 if !recipe.pushes.is_empty() => {
            let other = random.index(recipe.pushes.len());
            recipe.pushes.swap(at, other);
        }
        3 => match recipe.pushes.get_mut(at) {
            Some(Push::Schnorr(key, _) | Push::Ecdsa(key, _)) => *key = random.index(KEYS),
            Some(Push::Bytes(data)) => bytes(data, random),
            None => {}
        },
        4 => match recipe.pushes.get_mut(at) {
            Some(Push::Schnorr(_, hash_type) | Push::Ecdsa(_, hash_type)) => {
                *hash_type = random.byte();
            }
            Some(Push::Bytes(data)) => *data = crooked(std::mem::take(data), random),
            None => {}
        },
        _ => bytes(&mut recipe.script, random),
    }
}

/// Changes a signed case, which keeps its signatures.
pub fn case(case: &mut Case, random: &mut SplitMix) {
    let at = random.index(case.tx.inputs.len());
    let output = random.index(case.tx.outputs.len());
    match random.below(16) {
        0..=4 => bytes(&mut case.tx.inputs[at].signature_script, random),
        5 | 6 => {
            let old = &case.entries[at].script_public_key;
            let (version, mut script) = (old.version(), old.script().to_vec());
            bytes(&mut script, random);
            case.entries[at].script_public_key = ScriptPublicKey::from_vec(version, script);
        }
        7 => {
            let script = case.entries[at].script_public_key.script().to_vec();
            let version = u16::from(random.byte() % 3);
            case.entries[at].script_public_key = ScriptPublicKey::from_vec(version, script);
        }
        8 => case.entries[at].amount = frame::amount(random),
        9 => case.tx.inputs[at].sequence = random.any_size(),
        10 => case.tx.lock_time = random.any_size(),
        11 => case.tx.version = u16::from(random.byte() % 3),
        12 => {
            case.tx.inputs[at].compute_commit = match case.tx.inputs[at].compute_commit {
                ComputeCommit::SigopCount(_) => ComputeCommit::SigopCount(random.byte().into()),
                ComputeCommit::ComputeBudget(_) => {
                    ComputeCommit::ComputeBudget(u16::from(random.byte()).into())
                }
            };
        }
        13 => {
            let id = Hash::from_bytes(random.array());
            let authority = u16::from(random.byte() % 5);
            if let Some(output) = case.tx.outputs.get_mut(output) {
                let known = output.covenant.map_or(id, |binding| binding.covenant_id);
                output.covenant = Some(CovenantBinding::new(authority, known));
            }
        }
        14 => {
            if let Some(output) = case.tx.outputs.get_mut(output) {
                output.value = frame::amount(random);
            }
        }
        _ => match random.below(3) {
            0 => bytes(&mut case.tx.payload, random),
            1 => case.tx.subnetwork_id = SubnetworkId::from_byte(random.byte() % 4),
            _ => {
                case.tx.inputs[at].previous_outpoint.transaction_id =
                    TransactionId::from_bytes(random.array());
            }
        },
    }
    case.tx.finalize();
}

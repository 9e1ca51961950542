//! What the signatures of a block may cost.

use crate::{
    coin::SpentCoins,
    script::ScriptFlags,
    transaction::{Tx, WITNESS_SCALE_FACTOR},
};

/// Returns the signature operations in the scripts of a transaction itself.
pub(super) fn legacy_sigops(tx: Tx<'_>) -> u64 {
    let inputs = tx.inputs().map(|input| count_sigops(input.script_sig));
    let outputs = tx.outputs().map(|output| count_sigops(output.script_pubkey));
    inputs.chain(outputs).map(u64::from).sum()
}

pub(super) fn transaction_sigop_cost(
    tx: Tx<'_>,
    _spent: &SpentCoins,
    _first: usize,
    _flags: ScriptFlags,
) -> u64 {
    legacy_sigops(tx) * WITNESS_SCALE_FACTOR as u64
}

fn count_sigops(script: &[u8]) -> u32 {
    let mut count = 0;
    let mut rest = script;
    while let Some((&opcode, after)) = rest.split_first() {
        let (len, after) = match opcode {
            0..=75 => (usize::from(opcode), after),
            76 => match after.split_first_chunk() {
                Some((len, after)) => (usize::from(u8::from_le_bytes(*len)), after),
                None => break,
            },
            77 => match after.split_first_chunk() {
                Some((len, after)) => (usize::from(u16::from_le_bytes(*len)), after),
                None => break,
            },
            78 => match after.split_first_chunk() {
                Some((len, after)) => (u32::from_le_bytes(*len) as usize, after),
                None => break,
            },
            _ => (0, after),
        };
        match opcode {
            0xac | 0xad => count += 1,
            0xae | 0xaf => count += 20,
            _ => {}
        }
        match after.get(len..) {
            Some(after) => rest = after,
            None => break,
        }
    }
    count
}

pub(super) fn is_unspendable(script: &[u8]) -> bool {
    script.first() == Some(&0x6a) || script.len() > 10_000
}

//! Counting signature operations without running a script.
//!
//! A block may hold 80,000 weighted signature operations, and every node must count the same, in scripts
//! that never run and in bytes that are no script at all. So the oddities are rules:
//!
//! - Counting ends at the first cut-off push and keeps what was counted before it.
//! - `CHECKMULTISIG` counts 20, or, in the accurate count, the small number **directly** before it. A
//!   number with anything between does not count: rust-bitcoin's counter remembered it and came out
//!   too low (its issues 2075 and 6368 tell both stories).
//!
//! **Spec:** BIP-0016 (accurate count in redeem scripts), BIP-0141 (cost).

use super::{
    ScriptFlags,
    instruction::Instructions,
    opcode::{
        OP_1, OP_16, OP_CHECKMULTISIG, OP_CHECKMULTISIGVERIFY, OP_CHECKSIG, OP_CHECKSIGVERIFY,
    },
    template::{WitnessProgram, is_p2sh, last_push},
};
use crate::transaction::{Input, Output, Tx, WITNESS_SCALE_FACTOR, Witness};

/// Keys a `CHECKMULTISIG` may have, and what one without a number counts for.
pub const MULTISIG_KEYS_MAX: u8 = 20;

/// Counts the signature operations of one script; multisignatures by their number of keys if `accurate`.
///
/// Bitcoin Core's `CScript::GetSigOpCount(bool)`.
#[must_use]
pub fn count_sigops(script: &[u8], accurate: bool) -> u64 {
    let mut count = 0;
    let mut before = None;
    for instruction in Instructions::new(script) {
        count += match instruction.opcode {
            OP_CHECKSIG | OP_CHECKSIGVERIFY => 1,
            OP_CHECKMULTISIG | OP_CHECKMULTISIGVERIFY => match before {
                Some(number @ OP_1..=OP_16) if accurate => u64::from(number - OP_1 + 1),
                _ => u64::from(MULTISIG_KEYS_MAX),
            },
            _ => 0,
        };
        before = Some(instruction.opcode);
    }
    count
}

/// Counts the signature operations of the redeem script of an input, if it spends pay to script hash.
///
/// Bitcoin Core's `CScript::GetSigOpCount(const CScript&)`, for the scripts `GetP2SHSigOpCount` gives it.
#[must_use]
pub fn p2sh_sigops(script_sig: &[u8], script_pubkey: &[u8]) -> u64 {
    if !is_p2sh(script_pubkey) {
        return 0;
    }
    last_push(script_sig).map_or(0, |redeem| count_sigops(redeem, true))
}

/// Counts the signature operations of an input's witness, native or nested in pay to script hash.
///
/// Bitcoin Core's `CountWitnessSigOps`. Taproot counts none here: its budget is in the witness.
#[must_use]
pub fn witness_sigops(
    script_sig: &[u8],
    script_pubkey: &[u8],
    witness: Witness<'_>,
    flags: ScriptFlags,
) -> u64 {
    if !flags.contains(ScriptFlags::WITNESS) {
        return 0;
    }
    let nested = || last_push(script_sig).filter(|_| is_p2sh(script_pubkey));
    let program =
        WitnessProgram::parse(script_pubkey).or_else(|| nested().and_then(WitnessProgram::parse));
    match program {
        Some(WitnessProgram { version: 0, program }) if program.len() == 20 => 1,
        Some(WitnessProgram { version: 0, program }) if program.len() == 32 => {
            let script = witness.iter().next_back();
            script.map_or(0, |script| count_sigops(script, true))
        }
        _ => 0,
    }
}

/// Counts the signature operations of a transaction's own scripts, the old way: without what they spend.
///
/// Bitcoin Core's `GetLegacySigOpCount`.
#[must_use]
pub fn legacy_sigops(tx: Tx<'_>) -> u64 {
    let inputs: u64 = tx.inputs().map(|input| count_sigops(input.script_sig, false)).sum();
    let outputs: u64 = tx.outputs().map(|output| count_sigops(output.script_pubkey, false)).sum();
    inputs + outputs
}

/// Returns the signature operation cost of a transaction that spends `spent`, in the order of its inputs.
///
/// Bitcoin Core's `GetTransactionSigOpCost`. A coinbase costs what its own scripts do; give no outputs.
#[must_use]
pub fn transaction_sigop_cost(tx: Tx<'_>, spent: &[Output<'_>], flags: ScriptFlags) -> u64 {
    let legacy = legacy_sigops(tx) * WITNESS_SCALE_FACTOR as u64;
    if tx.is_coinbase() {
        return legacy;
    }
    tx.inputs().zip(spent).fold(legacy, |cost, (input, output)| {
        cost + input_sigop_cost(input, output.script_pubkey, flags)
    })
}

/// Returns what spending `script_pubkey` adds to the cost of the input's own script.
#[must_use]
pub fn input_sigop_cost(input: Input<'_>, script_pubkey: &[u8], flags: ScriptFlags) -> u64 {
    let Input { script_sig, witness, .. } = input;
    let redeem = if flags.contains(ScriptFlags::P2SH) {
        p2sh_sigops(script_sig, script_pubkey) * WITNESS_SCALE_FACTOR as u64
    } else {
        0
    };
    redeem + witness_sigops(script_sig, script_pubkey, witness, flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_ends_at_an_unparseable_push_and_keeps_what_came_before() {
        assert_eq!(count_sigops(&[OP_CHECKSIG, 5, OP_CHECKSIG, OP_CHECKSIG], false), 1);
        assert_eq!(count_sigops(&[OP_CHECKSIG, 1, OP_CHECKSIG, OP_CHECKSIG], false), 2);
        assert_eq!(count_sigops(&[OP_CHECKSIG, 0x4d, 0xff], true), 1);
    }

    #[test]
    fn only_a_number_directly_before_a_multisignature_is_its_count_of_keys() {
        assert_eq!(count_sigops(&[OP_1 + 1, OP_CHECKMULTISIG], true), 2);
        assert_eq!(count_sigops(&[OP_1 + 1, OP_CHECKMULTISIG], false), 20);
        // A stale number: something lies between, be it a push, a no-operation or the first multisignature.
        assert_eq!(count_sigops(&[OP_1 + 1, 1, 7, OP_CHECKMULTISIG], true), 20);
        assert_eq!(count_sigops(&[OP_1 + 1, 0x61, OP_CHECKMULTISIG], true), 20);
        assert_eq!(count_sigops(&[OP_1, OP_CHECKMULTISIG, OP_CHECKMULTISIG], true), 21);
        // A number that is pushed as data is none.
        assert_eq!(count_sigops(&[1, 2, OP_CHECKMULTISIGVERIFY], true), 20);
        assert_eq!(count_sigops(&[0, OP_CHECKMULTISIG], true), 20);
    }

    fn p2sh() -> Vec<u8> {
        [&[0xa9, 20][..], &[7; 20], &[0x87]].concat()
    }

    #[test]
    fn a_redeem_script_counts_if_the_script_before_is_pushes_alone() {
        let redeem = [2, OP_1 + 2, OP_CHECKMULTISIG];
        assert_eq!(p2sh_sigops(&redeem, &p2sh()), 3);
        assert_eq!(p2sh_sigops(&[&redeem[..], &[0x61]].concat(), &p2sh()), 0);
        assert_eq!(p2sh_sigops(&[&redeem[..], &[5]].concat(), &p2sh()), 0);
        assert_eq!(p2sh_sigops(&redeem, &[OP_CHECKSIG]), 0);
        // The last push is what counts, and a small number pushes no script.
        assert_eq!(p2sh_sigops(&[&redeem[..], &[OP_1]].concat(), &p2sh()), 0);
    }

    #[test]
    fn a_witness_counts_native_and_nested_but_only_under_its_flag() {
        let key_hash = [&[0, 20][..], &[7; 20]].concat();
        let nested = [&[22][..], &key_hash].concat();
        let flags = ScriptFlags::P2SH | ScriptFlags::WITNESS;
        let witness = Witness::default();
        assert_eq!(witness_sigops(&[], &key_hash, witness, flags), 1);
        assert_eq!(witness_sigops(&nested, &p2sh(), witness, flags), 1);
        assert_eq!(witness_sigops(&[], &key_hash, witness, ScriptFlags::P2SH), 0);
        let taproot = [&[OP_1, 32][..], &[7; 32]].concat();
        assert_eq!(witness_sigops(&[], &taproot, witness, flags), 0);
    }
}

//! Counting signature operations without running a script.
//!
//! Before Crescendo an input's count has to be exactly this; since then what is executed counts
//! ([`Spent::sigops`](super::Spent::sigops)) and this is no more than a bound.
//!
//! **Spec:** rusty-kaspa's `get_sig_op_count_upper_bound` (`get_sig_op_count` before v1.0).

use super::{
    Instruction, Instructions,
    class::ScriptClass,
    opcode::{
        OP_16, OP_CHECK_MULTISIG, OP_CHECK_MULTISIG_ECDSA, OP_CHECK_MULTISIG_VERIFY, OP_CHECKSIG,
        OP_CHECKSIG_ECDSA, OP_CHECKSIGVERIFY, OP_TRUE, is_push,
    },
};

/// Most keys of a multisignature.
pub const MULTISIG_KEYS_MAX: usize = 20;

/// Returns how many signature operations an input counts as having before Crescendo.
///
/// Of a script hash, the operations of the script that is last pushed; none if the signature script does
/// anything but push. Counts up to where a script becomes unreadable.
#[must_use]
pub fn static_sigops(signature_script: &[u8], script_public_key: &[u8]) -> u64 {
    if !matches!(ScriptClass::of_known(script_public_key), ScriptClass::ScriptHash(_)) {
        return count(script_public_key);
    }
    let mut redeem: &[u8] = &[];
    for instruction in Instructions::new(signature_script) {
        match instruction {
            Ok(Instruction { opcode, data }) if is_push(opcode) => redeem = data,
            _ => return 0,
        }
    }
    count(redeem)
}

/// Counts a multisignature as the number pushed right before it, or as the most keys there can be.
fn count(script: &[u8]) -> u64 {
    let mut sigops = 0_u64;
    let mut before = None;
    for instruction in Instructions::new(script) {
        let Ok(Instruction { opcode, .. }) = instruction else { break };
        let added = match (opcode, before) {
            (OP_CHECKSIG | OP_CHECKSIGVERIFY | OP_CHECKSIG_ECDSA, _) => 1,
            (
                OP_CHECK_MULTISIG | OP_CHECK_MULTISIG_VERIFY | OP_CHECK_MULTISIG_ECDSA,
                Some(keys @ OP_TRUE..=OP_16),
            ) => u64::from(keys - OP_TRUE + 1),
            (OP_CHECK_MULTISIG | OP_CHECK_MULTISIG_VERIFY | OP_CHECK_MULTISIG_ECDSA, _) => {
                // Lossless: 20.
                MULTISIG_KEYS_MAX as u64
            }
            _ => 0,
        };
        sigops = sigops.saturating_add(added);
        before = Some(opcode);
    }
    sigops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multisignature_counts_as_the_number_before_it_or_as_twenty() {
        assert_eq!(static_sigops(&[], &[OP_CHECKSIG, OP_CHECKSIGVERIFY, OP_CHECKSIG_ECDSA]), 3);
        assert_eq!(static_sigops(&[], &[0x53, OP_CHECK_MULTISIG]), 3);
        assert_eq!(static_sigops(&[], &[OP_16, OP_CHECK_MULTISIG_VERIFY]), 16);
        assert_eq!(static_sigops(&[], &[1, 3, OP_CHECK_MULTISIG_ECDSA]), 20);
        assert_eq!(static_sigops(&[], &[OP_CHECK_MULTISIG]), 20);
    }

    #[test]
    fn of_a_script_hash_the_script_behind_it_counts() {
        let hash = ScriptClass::ScriptHash(&[0; 32]).to_script().unwrap();
        assert_eq!(static_sigops(&[0x51, 2, OP_CHECKSIG, OP_CHECKSIG], &hash), 2);
        assert_eq!(static_sigops(&[2, OP_CHECKSIG, OP_CHECKSIG, 0x61], &hash), 0);
        assert_eq!(static_sigops(&[2, OP_CHECKSIG], &hash), 0);
        assert_eq!(static_sigops(&[], &hash), 0);
    }

    #[test]
    fn counting_ends_where_a_script_becomes_unreadable() {
        assert_eq!(static_sigops(&[], &[OP_CHECKSIG, 5, OP_CHECKSIG]), 1);
    }
}

//! Multisignatures: each signature in turn takes the next key it is valid under.
//!
//! Every try counts as a signature operation. If it fails, all signatures must be empty.
//!
//! **Spec:** rusty-kaspa's `op_check_multisig_schnorr_or_ecdsa`.

use super::{Machine, ScriptError, Trace, checksig::Scheme};
use crate::{
    hashing::SighashType,
    script::{
        opcode::{OP_CHECK_MULTISIG_ECDSA, OP_CHECK_MULTISIG_VERIFY},
        sigops::MULTISIG_KEYS_MAX,
        stack::Item,
    },
};

impl<T: Trace> Machine<'_, '_, T> {
    pub(super) fn check_multisig(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let [actual] = self.pop_counts()?;
        let limit = MULTISIG_KEYS_MAX;
        let key_count = usize::try_from(actual).ok().filter(|count| *count <= limit);
        let key_count = key_count.ok_or(ScriptError::PublicKeyCount { actual, limit })?;
        self.count_ops(key_count)?;
        let keys = self.stack.pop_many(key_count)?;
        let [actual] = self.pop_counts()?;
        let count = usize::try_from(actual).ok().filter(|count| *count <= key_count);
        let count = count.ok_or(ScriptError::SignatureCount { actual, keys: key_count })?;
        let signatures = self.stack.pop_many(count)?;
        let ecdsa = opcode == OP_CHECK_MULTISIG_ECDSA;
        // With as many signatures as keys each has one key to be valid under: a yes may be a guess.
        let scheme = Scheme { ecdsa, exact: count < key_count };
        let valid = self.are_signed(scheme, &signatures, &keys)?;
        if !valid && signatures.iter().any(|signature| signature.len() > 0) {
            return Err(ScriptError::NullFail);
        }
        self.push_outcome(valid, opcode == OP_CHECK_MULTISIG_VERIFY)
    }

    fn are_signed(
        &mut self,
        scheme: Scheme,
        signatures: &[Item<'_>],
        keys: &[Item<'_>],
    ) -> Result<bool, ScriptError> {
        let mut keys = keys.iter();
        for (index, signature) in signatures.iter().enumerate() {
            let Some((hash_type, signature)) = signature.as_bytes().split_last() else {
                return Ok(false);
            };
            let hash_type = SighashType::try_from(*hash_type)
                .map_err(|_| ScriptError::SigHashType { actual: *hash_type })?;
            loop {
                if keys.len() < signatures.len() - index {
                    return Ok(false);
                }
                let Some(key) = keys.next() else { return Ok(false) };
                if self.is_signed(scheme, hash_type, signature, key.as_bytes())? {
                    break;
                }
            }
        }
        Ok(true)
    }
}

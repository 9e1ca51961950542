//! Signatures: of the input, or of a message on the stack.
//!
//! An empty signature is a no that costs nothing. Any other is a hash type behind 64 bytes, and what is
//! malformed fails the script rather than being a no.
//!
//! **Spec:** rusty-kaspa's `check_schnorr_signature` and `check_ecdsa_signature`; KIP-17 for messages.

use quintet_crypto::secp;

use super::{Machine, ScriptError, Trace};
use crate::{
    hashing::SighashType,
    script::{
        SignatureCheck, Verdict,
        opcode::{OP_CHECKSIG_ECDSA, OP_CHECKSIG_FROM_STACK_ECDSA, OP_CHECKSIGVERIFY},
    },
};

/// A signature of one of the two schemes, and how its answer is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scheme {
    pub(super) ecdsa: bool,
    /// The script goes on differently after a no.
    pub(super) exact: bool,
}

impl<T: Trace> Machine<'_, '_, T> {
    /// `OP_CHECKSIG`, its `VERIFY` form, and `OP_CHECKSIG_ECDSA`.
    pub(super) fn check_sig(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let [signature, key] = self.stack.pop_array()?;
        let scheme = Scheme { ecdsa: opcode == OP_CHECKSIG_ECDSA, exact: false };
        let valid = match signature.as_bytes().split_last() {
            None => false,
            Some((&actual, signature)) => {
                let hash_type = SighashType::try_from(actual)
                    .map_err(|_| ScriptError::SigHashType { actual })?;
                self.is_signed(scheme, hash_type, signature, key.as_bytes())?
            }
        };
        self.push_outcome(valid, opcode == OP_CHECKSIGVERIFY)
    }

    /// `OP_CHECKSIG_FROM_STACK` and its ECDSA form: signature, message hash, key.
    pub(super) fn check_sig_from_stack(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let [signature, message, key] = self.stack.pop_array()?;
        let message = message
            .as_bytes()
            .try_into()
            .map_err(|_| ScriptError::MessageSize { actual: message.len() })?;
        let scheme = Scheme { ecdsa: opcode == OP_CHECKSIG_FROM_STACK_ECDSA, exact: false };
        let valid =
            self.is_signed_message(scheme, signature.as_bytes(), key.as_bytes(), |_| message)?;
        self.push_outcome(valid, false)
    }

    /// Returns whether a signature of the input is valid.
    pub(super) fn is_signed(
        &mut self,
        scheme: Scheme,
        hash_type: SighashType,
        signature: &[u8],
        key: &[u8],
    ) -> Result<bool, ScriptError> {
        self.is_signed_message(scheme, signature, key, |machine| {
            let (sighash, input) = (machine.context.sighash(), machine.input);
            let message = if scheme.ecdsa {
                sighash.ecdsa(input, hash_type)
            } else {
                sighash.schnorr(input, hash_type)
            };
            // The input exists: its scripts are being run.
            message.unwrap_or_default().into_bytes()
        })
    }

    /// The message is hashed only once key and signature have the right lengths.
    fn is_signed_message(
        &mut self,
        Scheme { ecdsa, exact }: Scheme,
        signature: &[u8],
        key: &[u8],
        message: impl FnOnce(&Self) -> [u8; 32],
    ) -> Result<bool, ScriptError> {
        self.meter.spend_sigop()?;
        let signature_size = ScriptError::SignatureSize { actual: signature.len() };
        if self.rules.signature_first && signature.len() != 64 {
            return Err(signature_size);
        }
        let expected = if ecdsa { 33 } else { 32 };
        let key_size = ScriptError::PublicKeySize { expected, actual: key.len() };
        let Ok(signature) = signature.try_into() else {
            let is_key = match key.try_into() {
                Ok(key) if !ecdsa => secp::is_x_only_public_key(key),
                _ => ecdsa && key.len() == expected && secp::is_public_key(key),
            };
            return Err(match is_key {
                true => signature_size,
                false if key.len() == expected => ScriptError::InvalidPublicKey,
                false => key_size,
            });
        };
        let check = if ecdsa {
            let public_key = key.try_into().map_err(|_| key_size)?;
            SignatureCheck::Ecdsa { signature, public_key, message: message(self) }
        } else {
            let public_key = key.try_into().map_err(|_| key_size)?;
            SignatureCheck::Schnorr { signature, public_key, message: message(self) }
        };
        let verdict =
            if exact { self.checker.check_exact(check) } else { self.checker.check(check) };
        match verdict {
            Verdict::Valid => Ok(true),
            Verdict::Invalid => Ok(false),
            Verdict::BadKey => Err(ScriptError::InvalidPublicKey),
            Verdict::BadSignature => Err(ScriptError::InvalidSignature),
        }
    }
}

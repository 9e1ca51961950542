//! `CHECKSIG`, `CHECKSIGVERIFY` and `CHECKSIGADD`, by each version's rules.
//!
//! The order of the checks is consensus: which of them fails first decides whether a script fails or goes
//! on with a no.

use std::borrow::Cow;

use super::{Item, Leaf, Machine, Run, ScriptError, ScriptFlags, SignatureCheck, Trace, Version};
use crate::script::{
    opcode::OP_CHECKSIGVERIFY,
    sighash::{self, TapscriptLeaf},
    signature,
};

/// What a signature operation of a tapscript takes from its budget, weight units (BIP-0342).
const BUDGET_PER_SIGNATURE: usize = 50;

impl<'s, T: Trace> Machine<'s, '_, '_, T> {
    /// `CHECKSIG` and `CHECKSIGVERIFY`.
    pub(super) fn check_sig(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let (signature, key) = (self.stack.peek(1)?, self.stack.peek(0)?);
        let success = self.is_signed(signature.as_bytes(), key.as_bytes())?;
        self.stack.drop_top(2)?;
        self.conclude(success, opcode == OP_CHECKSIGVERIFY, ScriptError::Checksigverify)
    }

    /// `CHECKSIGADD`, of tapscripts alone.
    pub(super) fn check_sig_add(&mut self) -> Result<(), ScriptError> {
        if !self.is_tapscript() {
            return Err(ScriptError::BadOpcode);
        }
        self.stack.require(3)?;
        let count = self.operand(1)?;
        let (signature, key) = (self.stack.peek(2)?, self.stack.peek(0)?);
        let success = self.is_signed(signature.as_bytes(), key.as_bytes())?;
        self.stack.drop_top(3)?;
        self.stack.push(Item::number(count + i64::from(success)));
        Ok(())
    }

    fn is_signed(&mut self, signature: &[u8], key: &[u8]) -> Result<bool, ScriptError> {
        match self.version {
            Version::Base => self.is_signed_ecdsa(signature, key, false),
            Version::WitnessV0 => self.is_signed_ecdsa(signature, key, true),
            Version::Tapscript(leaf) => self.is_signed_tapscript(leaf, signature, key),
        }
    }

    /// Bitcoin Core's `EvalChecksigPreTapscript`.
    fn is_signed_ecdsa(
        &mut self,
        signature: &[u8],
        key: &[u8],
        segwit: bool,
    ) -> Result<bool, ScriptError> {
        let code = self.code_without(&[Item::Borrowed(signature)], segwit)?;
        signature::check_signature(signature, self.run.flags)?;
        signature::check_key(key, self.run.flags, segwit)?;
        let success = self.run.check_ecdsa(signature, key, &code, segwit, false);
        if !success && !signature.is_empty() && self.has(ScriptFlags::NULLFAIL) {
            return Err(ScriptError::SigNullfail);
        }
        Ok(success)
    }

    /// Returns the script code; before segwit, without these signatures.
    pub(super) fn code_without(
        &self,
        signatures: &[Item<'_>],
        segwit: bool,
    ) -> Result<Cow<'s, [u8]>, ScriptError> {
        let mut code = Cow::Borrowed(&self.script[self.code_start..]);
        if segwit {
            return Ok(code);
        }
        for signature in signatures {
            let (rest, found) = signature::find_and_delete(code, signature.as_bytes());
            if found > 0 && self.has(ScriptFlags::CONST_SCRIPTCODE) {
                return Err(ScriptError::SigFindanddelete);
            }
            code = rest;
        }
        Ok(code)
    }

    /// Bitcoin Core's `EvalChecksigTapscript`: an empty signature is a no, and any other must be valid.
    fn is_signed_tapscript(
        &mut self,
        mut leaf: Leaf,
        signature: &[u8],
        key: &[u8],
    ) -> Result<bool, ScriptError> {
        let success = !signature.is_empty();
        if success {
            // Paid for whatever the key's version.
            leaf.budget = leaf
                .budget
                .checked_sub(BUDGET_PER_SIGNATURE)
                .ok_or(ScriptError::TapscriptValidationWeight)?;
            self.version = Version::Tapscript(leaf);
        }
        if key.is_empty() {
            return Err(ScriptError::TapscriptEmptyPubkey);
        }
        let Some(key) = key.first_chunk().filter(|_| key.len() == 32) else {
            // A key of a later version: whatever it means, we take it as signed.
            return if self.has(ScriptFlags::DISCOURAGE_UPGRADABLE_PUBKEYTYPE) {
                Err(ScriptError::DiscourageUpgradablePubkeytype)
            } else {
                Ok(success)
            };
        };
        if success {
            let extension = TapscriptLeaf { leaf: leaf.hash, code_separator: self.code_separator };
            self.run.check_schnorr(signature, key, leaf.annex.as_ref(), Some(&extension))?;
        }
        Ok(success)
    }
}

impl<T> Run<'_, T> {
    /// Requires a BIP-0340 signature of the input; with `extension` as a tapscript signs.
    ///
    /// Bitcoin Core's `CheckSchnorrSignature`.
    pub(in crate::script) fn check_schnorr(
        &mut self,
        signature: &[u8],
        key: &[u8; 32],
        annex: Option<&[u8; 32]>,
        extension: Option<&TapscriptLeaf>,
    ) -> Result<(), ScriptError> {
        let (signature, hash_type) = match *signature {
            // The default is written as no byte: a written zero would be a second form of the same.
            [.., 0] if signature.len() == 65 => return Err(ScriptError::SchnorrSigHashtype),
            [ref signature @ .., hash_type] if signature.len() == 64 => (signature, hash_type),
            _ => (signature, 0),
        };
        let signature: [u8; 64] = signature.try_into().map_err(|_| ScriptError::SchnorrSigSize)?;
        let message =
            sighash::tapscript_or_key(self.context, self.input, hash_type, annex, extension)
                .ok_or(ScriptError::SchnorrSigHashtype)?;
        let check = SignatureCheck::Schnorr { signature, public_key: *key, message };
        if self.check(check) { Ok(()) } else { Err(ScriptError::SchnorrSig) }
    }
}

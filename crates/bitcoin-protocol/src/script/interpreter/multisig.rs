//! `CHECKMULTISIG` and `CHECKMULTISIGVERIFY`: m signatures, each of one of n keys, in the order of the keys.
//!
//! ```text
//!   dummy  sig … sig  m  key … key  n        top of the stack at the right
//!          └── m ──┘     └── n ──┘
//! ```
//!
//! Both lists are walked from the top. A signature that is not of the key at hand is tried with the next
//! key, and the walk ends when fewer keys than signatures are left. The dummy is taken because Satoshi's
//! loop ran one item too far, and is there to this day.

use super::{Item, Machine, ScriptError, ScriptFlags, Trace, Version};
use crate::script::{MULTISIG_KEYS_MAX, opcode::OP_CHECKMULTISIGVERIFY, signature};

impl<'s, T: Trace> Machine<'s, '_, '_, T> {
    /// `CHECKMULTISIG` and `CHECKMULTISIGVERIFY`.
    pub(super) fn check_multisig(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let segwit = match self.version {
            Version::Base => false,
            Version::WitnessV0 => true,
            Version::Tapscript(_) => return Err(ScriptError::TapscriptCheckmultisig),
        };
        let key_count = count(self.operand(0)?, usize::from(MULTISIG_KEYS_MAX))
            .ok_or(ScriptError::PubkeyCount)?;
        self.count_ops(key_count)?;
        self.stack.require(key_count + 2)?;
        let signature_count =
            count(self.operand(key_count + 1)?, key_count).ok_or(ScriptError::SigCount)?;
        let taken = key_count + signature_count + 2;
        // The dummy must be there before any signature is looked at.
        self.stack.require(taken + 1)?;
        let keys = self.items(1, key_count)?;
        let signatures = self.items(key_count + 2, signature_count)?;

        let success = self.match_signatures(&signatures, &keys, segwit)?;
        if !success && self.has(ScriptFlags::NULLFAIL) {
            let is_null = |item: &Item<'_>| item.as_bytes().is_empty();
            if !signatures.iter().all(is_null) {
                return Err(ScriptError::SigNullfail);
            }
        }
        self.stack.drop_top(taken)?;
        let dummy = self.stack.pop()?;
        if self.has(ScriptFlags::NULLDUMMY) && !dummy.as_bytes().is_empty() {
            return Err(ScriptError::SigNulldummy);
        }
        let verify = opcode == OP_CHECKMULTISIGVERIFY;
        self.conclude(success, verify, ScriptError::Checkmultisigverify)
    }

    /// Returns the `count` items from `depth` down.
    fn items(&self, depth: usize, count: usize) -> Result<Vec<Item<'s>>, ScriptError> {
        (depth..depth + count).map(|depth| self.stack.peek(depth)).collect()
    }

    fn match_signatures(
        &mut self,
        signatures: &[Item<'_>],
        keys: &[Item<'_>],
        segwit: bool,
    ) -> Result<bool, ScriptError> {
        let code = self.code_without(signatures, segwit)?;
        // With a key for each signature there is but one way to match them, and a no ends it.
        let exact = signatures.len() < keys.len();
        let mut left = signatures;
        for (index, key) in keys.iter().enumerate() {
            let [signature, rest @ ..] = left else { break };
            if left.len() > keys.len() - index {
                return Ok(false);
            }
            let (signature, key) = (signature.as_bytes(), key.as_bytes());
            signature::check_signature(signature, self.run.flags)?;
            signature::check_key(key, self.run.flags, segwit)?;
            if self.run.check_ecdsa(signature, key, &code, segwit, exact) {
                left = rest;
            }
        }
        Ok(left.is_empty())
    }
}

/// Returns the number if it is a count of at most `max`.
fn count(number: i64, max: usize) -> Option<usize> {
    usize::try_from(number).ok().filter(|count| *count <= max)
}

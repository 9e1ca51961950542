//! Why a script does not verify: Bitcoin Core's `SCRIPT_ERR_*`, one for one.
//!
//! The names and the texts are an interface: `script_tests.json` compares the names, and reject reasons
//! and RPC answers carry the texts word for word.

use thiserror::Error;

/// Makes the enum, its names and its texts from one list.
macro_rules! script_errors {
    ($($variant:ident = $name:literal: $text:literal,)*) => {
        /// Why a script does not verify.
        ///
        /// `Display` gives the text of Bitcoin Core's `ScriptErrorString`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
        pub enum ScriptError {
            $(#[doc = concat!("`", $name, "`: ", $text, ".")] #[error($text)] $variant,)*
        }

        impl ScriptError {
            /// Every error, in Bitcoin Core's order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns Bitcoin Core's name without `SCRIPT_ERR_`, as `script_tests.json` writes it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

script_errors! {
    UnknownError = "UNKNOWN_ERROR": "unknown error",
    EvalFalse = "EVAL_FALSE": "Script evaluated without error but finished with a false/empty top stack element",
    OpReturn = "OP_RETURN": "OP_RETURN was encountered",
    Scriptnum = "SCRIPTNUM": "Script number overflowed or is non-minimally encoded",
    ScriptSize = "SCRIPT_SIZE": "Script is too big",
    PushSize = "PUSH_SIZE": "Push value size limit exceeded",
    OpCount = "OP_COUNT": "Operation limit exceeded",
    StackSize = "STACK_SIZE": "Stack size limit exceeded",
    SigCount = "SIG_COUNT": "Signature count negative or greater than pubkey count",
    PubkeyCount = "PUBKEY_COUNT": "Pubkey count negative or limit exceeded",
    Verify = "VERIFY": "Script failed an OP_VERIFY operation",
    Equalverify = "EQUALVERIFY": "Script failed an OP_EQUALVERIFY operation",
    Checkmultisigverify = "CHECKMULTISIGVERIFY": "Script failed an OP_CHECKMULTISIGVERIFY operation",
    Checksigverify = "CHECKSIGVERIFY": "Script failed an OP_CHECKSIGVERIFY operation",
    Numequalverify = "NUMEQUALVERIFY": "Script failed an OP_NUMEQUALVERIFY operation",
    BadOpcode = "BAD_OPCODE": "Opcode missing or not understood",
    DisabledOpcode = "DISABLED_OPCODE": "Attempted to use a disabled opcode",
    InvalidStackOperation = "INVALID_STACK_OPERATION": "Operation not valid with the current stack size",
    InvalidAltstackOperation = "INVALID_ALTSTACK_OPERATION": "Operation not valid with the current altstack size",
    UnbalancedConditional = "UNBALANCED_CONDITIONAL": "Invalid OP_IF construction",
    NegativeLocktime = "NEGATIVE_LOCKTIME": "Negative locktime",
    UnsatisfiedLocktime = "UNSATISFIED_LOCKTIME": "Locktime requirement not satisfied",
    SigHashtype = "SIG_HASHTYPE": "Signature hash type missing or not understood",
    SigDer = "SIG_DER": "Non-canonical DER signature",
    Minimaldata = "MINIMALDATA": "Data push larger than necessary",
    SigPushonly = "SIG_PUSHONLY": "Only push operators allowed in signatures",
    SigHighS = "SIG_HIGH_S": "Non-canonical signature: S value is unnecessarily high",
    SigNulldummy = "SIG_NULLDUMMY": "Dummy CHECKMULTISIG argument must be zero",
    Pubkeytype = "PUBKEYTYPE": "Public key is neither compressed or uncompressed",
    Cleanstack = "CLEANSTACK": "Stack size must be exactly one after execution",
    Minimalif = "MINIMALIF": "OP_IF/NOTIF argument must be minimal",
    SigNullfail = "NULLFAIL": "Signature must be zero for failed CHECK(MULTI)SIG operation",
    DiscourageUpgradableNops = "DISCOURAGE_UPGRADABLE_NOPS": "NOPx reserved for soft-fork upgrades",
    DiscourageUpgradableWitnessProgram = "DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM": "Witness version reserved for soft-fork upgrades",
    DiscourageUpgradableTaprootVersion = "DISCOURAGE_UPGRADABLE_TAPROOT_VERSION": "Taproot version reserved for soft-fork upgrades",
    DiscourageOpSuccess = "DISCOURAGE_OP_SUCCESS": "OP_SUCCESSx reserved for soft-fork upgrades",
    DiscourageUpgradablePubkeytype = "DISCOURAGE_UPGRADABLE_PUBKEYTYPE": "Public key version reserved for soft-fork upgrades",
    WitnessProgramWrongLength = "WITNESS_PROGRAM_WRONG_LENGTH": "Witness program has incorrect length",
    WitnessProgramWitnessEmpty = "WITNESS_PROGRAM_WITNESS_EMPTY": "Witness program was passed an empty witness",
    WitnessProgramMismatch = "WITNESS_PROGRAM_MISMATCH": "Witness program hash mismatch",
    WitnessMalleated = "WITNESS_MALLEATED": "Witness requires empty scriptSig",
    WitnessMalleatedP2sh = "WITNESS_MALLEATED_P2SH": "Witness requires only-redeemscript scriptSig",
    WitnessUnexpected = "WITNESS_UNEXPECTED": "Witness provided for non-witness script",
    WitnessPubkeytype = "WITNESS_PUBKEYTYPE": "Using non-compressed keys in segwit",
    SchnorrSigSize = "SCHNORR_SIG_SIZE": "Invalid Schnorr signature size",
    SchnorrSigHashtype = "SCHNORR_SIG_HASHTYPE": "Invalid Schnorr signature hash type",
    SchnorrSig = "SCHNORR_SIG": "Invalid Schnorr signature",
    TaprootWrongControlSize = "TAPROOT_WRONG_CONTROL_SIZE": "Invalid Taproot control block size",
    TapscriptValidationWeight = "TAPSCRIPT_VALIDATION_WEIGHT": "Too much signature validation relative to witness weight",
    TapscriptCheckmultisig = "TAPSCRIPT_CHECKMULTISIG": "OP_CHECKMULTISIG(VERIFY) is not available in tapscript",
    TapscriptMinimalif = "TAPSCRIPT_MINIMALIF": "OP_IF/NOTIF argument must be minimal in tapscript",
    TapscriptEmptyPubkey = "TAPSCRIPT_EMPTY_PUBKEY": "Empty public key in tapscript",
    OpCodeseparator = "OP_CODESEPARATOR": "Using OP_CODESEPARATOR in non-witness script",
    SigFindanddelete = "SIG_FINDANDDELETE": "Signature is found in scriptCode",
}

impl ScriptError {
    /// Returns the error of this name, given without `SCRIPT_ERR_`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|error| error.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_found_by_its_name_and_no_two_share_a_text() {
        for (index, error) in ScriptError::ALL.iter().enumerate() {
            assert_eq!(ScriptError::from_name(error.name()), Some(*error));
            let text = error.to_string();
            assert!(ScriptError::ALL[..index].iter().all(|other| other.to_string() != text));
        }
        assert_eq!(ScriptError::from_name("OK"), None);
    }

    #[test]
    fn names_and_texts_are_those_other_programs_compare() {
        let error = ScriptError::SigNullfail;
        assert_eq!(error.name(), "NULLFAIL");
        assert_eq!(
            error.to_string(),
            "Signature must be zero for failed CHECK(MULTI)SIG operation"
        );
    }
}

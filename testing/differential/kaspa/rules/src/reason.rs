//! Why a script fails, in words both engines share: the two enums name the same reasons differently.
//!
//! A reason has a name and, where both say the same ones, numbers. What only one of them says (the opcode's text, how
//! many bytes a malformed push wanted) is left out.

use kaspa_txscript_errors::{CovenantsError, SerializationError, TxScriptError};
use quintet_kaspa_protocol::script::{CovenantError, ScriptError};

/// A name, and up to two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason(pub &'static str, pub i128, pub i128);

const fn only(name: &'static str) -> Reason {
    Reason(name, 0, 0)
}

fn sizes(name: &'static str, first: usize, second: usize) -> Reason {
    Reason(name, first as i128, second as i128)
}

impl From<&ScriptError> for Reason {
    fn from(error: &ScriptError) -> Self {
        use ScriptError as E;
        match *error {
            E::MalformedPush { .. } => only("malformed push"),
            E::InvalidInputIndex { index, inputs } => {
                Self("no input", index.into(), inputs as i128)
            }
            E::InvalidOutputIndex { index, outputs } => {
                Self("no output", index.into(), outputs as i128)
            }
            E::StackSize { actual, limit } => sizes("stack size", actual, limit),
            E::InvalidOpcode { .. } => only("invalid opcode"),
            E::ReservedOpcode { .. } => only("reserved opcode"),
            E::DisabledOpcode { .. } => only("disabled opcode"),
            E::EmptyStack => only("empty stack"),
            E::CleanStack { extra } => sizes("clean stack", extra, 0),
            E::EvalFalse => only("false"),
            E::EarlyReturn => only("early return"),
            E::Verify => only("verify"),
            E::NoCondition => only("no condition"),
            E::NotBoolean => only("not boolean"),
            E::InvalidDepth { .. } => only("invalid depth"),
            E::UnequalOperands { .. } => only("unequal operands"),
            E::Division => only("division"),
            E::MessageSize { .. } => only("message size"),
            E::PublicKeySize { expected: 33, .. } => only("ecdsa key size"),
            E::PublicKeySize { .. } | E::InvalidPublicKey => only("public key"),
            E::SignatureSize { .. } | E::InvalidSignature => only("signature"),
            E::TooManyOperations { .. } => only("operations"),
            E::ElementTooBig { actual, limit } => sizes("element size", actual, limit),
            E::NotMinimal => only("not minimal"),
            E::UnsatisfiedLockTime { .. } => only("lock time"),
            E::NumberTooBig { .. } => only("number too big"),
            E::NumberTooLong { number, limit } => {
                Self("number too long", number.into(), limit as i128)
            }
            E::NullFail => only("null fail"),
            E::SignatureCount { .. } => only("signature count"),
            E::PublicKeyCount { .. } => only("key count"),
            E::SigHashType { actual } => Self("hash type", actual.into(), 0),
            E::NotPushOnly => only("push only"),
            E::UnbalancedConditional => only("unbalanced"),
            E::InvalidStackOperation { expected, actual } => {
                sizes("stack operation", expected, actual)
            }
            E::ScriptSize { actual, limit } => sizes("script size", actual, limit),
            E::SigOpLimit { .. } => only("signature operations"),
            E::ScriptUnits { used, limit } => Self("script units", used.into(), limit.into()),
            E::OutOfBounds { start, end, .. } => sizes("out of bounds", start, end),
            E::InvalidIndex { index } => Self("invalid index", index.into(), 0),
            E::InvalidRange { start, end } => sizes("invalid range", start, end),
            E::HashSize { actual } => sizes("hash size", actual, 0),
            E::BlockNotSelected => only("block not selected"),
            E::BlockPruned => only("block pruned"),
            E::BlockTooDeep => only("block too deep"),
            E::Proof { .. } => only("proof"),
            E::ProofsUnavailable => only("proofs unavailable"),
            E::Covenant(ref error) => error.into(),
        }
    }
}

impl From<&CovenantError> for Reason {
    fn from(error: &CovenantError) -> Self {
        match *error {
            CovenantError::AuthorityMissing { output, input } => {
                sizes("covenant authority", output, input.into())
            }
            // Of several founded covenants with wrong ids, the reference's hash map decides which is named.
            CovenantError::WrongId { .. } => only("covenant id"),
            CovenantError::NoInput { index, .. } => sizes("covenant input", index, 0),
            CovenantError::NoOutput { index, .. } => sizes("covenant output", index, 0),
            CovenantError::NotAuthorised { input, index, .. } => {
                sizes("covenant authorised", input, index)
            }
        }
    }
}

impl From<&TxScriptError> for Reason {
    fn from(error: &TxScriptError) -> Self {
        use TxScriptError as E;
        match error {
            E::MalformedPushSize(_) | E::MalformedPush(..) => only("malformed push"),
            E::InvalidInputIndex(index, inputs) => {
                Self("no input", (*index).into(), *inputs as i128)
            }
            E::InvalidOutputIndex(index, outputs) => {
                Self("no output", (*index).into(), *outputs as i128)
            }
            E::StackSizeExceeded(actual, limit) => sizes("stack size", *actual, *limit),
            E::InvalidOpcode(_) => only("invalid opcode"),
            E::OpcodeReserved(_) => only("reserved opcode"),
            E::OpcodeDisabled(_) => only("disabled opcode"),
            E::EmptyStack => only("empty stack"),
            E::CleanStack(extra) => sizes("clean stack", *extra, 0),
            E::EvalFalse => only("false"),
            E::EarlyReturn => only("early return"),
            E::VerifyError => only("verify"),
            E::InvalidState(text) => state(text),
            E::PubKeyFormat => only("ecdsa key size"),
            E::InvalidPubkey(_) => only("public key"),
            E::InvalidSignature(_) => only("signature"),
            E::TooManyOperations(_) => only("operations"),
            E::ElementTooBig(actual, limit) => sizes("element size", *actual, *limit),
            E::NotMinimalData(_) => only("not minimal"),
            E::UnsatisfiedLockTime(_) => only("lock time"),
            E::NumberTooBig(_) => only("number too big"),
            E::Serialization(SerializationError::NumberTooLong(number, limit)) => {
                Self("number too long", (*number).into(), *limit as i128)
            }
            E::Serialization(SerializationError::ArkSerialization) => only("proof"),
            E::NullFail => only("null fail"),
            E::InvalidSignatureCount(_) => only("signature count"),
            E::InvalidPubKeyCount(_) => only("key count"),
            E::InvalidSigHashType(byte) => Self("hash type", (*byte).into(), 0),
            E::SignatureScriptNotPushOnly => only("push only"),
            E::ErrUnbalancedConditional => only("unbalanced"),
            E::InvalidStackOperation(expected, actual) => {
                sizes("stack operation", *expected, *actual)
            }
            E::ScriptSize(actual, limit) => sizes("script size", *actual, *limit),
            E::ExceededCommittedScriptUnits { used, limit } => {
                Self("script units", (*used).into(), (*limit).into())
            }
            E::OutOfBoundsSubstring(start, end, _) => sizes("out of bounds", *start, *end),
            E::InvalidIndex(index) => Self("invalid index", (*index).into(), 0),
            E::InvalidRange { start, end } => sizes("invalid range", *start, *end),
            E::InvalidLengthOfBlockHash(actual) => sizes("hash size", *actual, 0),
            E::BlockNotSelected(_) => only("block not selected"),
            E::BlockAlreadyPruned(_) => only("block pruned"),
            E::BlockIsTooDeep(_) => only("block too deep"),
            E::ZkIntegrity(_) => only("proof"),
            E::CovenantsError(error) => error.into(),
            // None of these comes of running a transaction's input.
            E::InvalidCovInputIndex(_)
            | E::SigcacheSignatureInvalid
            | E::NotATransactionInput
            | E::InvalidSource(_)
            | E::NoScripts => only("reference's own"),
        }
    }
}

fn state(text: &str) -> Reason {
    only(if text.starts_with("condition stack") {
        "no condition"
    } else if text.ends_with("invalid location") {
        "invalid depth"
    } else if text.ends_with("equal length") {
        "unequal operands"
    } else if text.starts_with("Quotient") || text.starts_with("Illegal modulo") {
        "division"
    } else if text.starts_with("message hash") {
        "message size"
    } else if text.contains("boolean") || text.contains("conditional") {
        "not boolean"
    } else {
        "unknown state"
    })
}

impl From<&CovenantsError> for Reason {
    fn from(error: &CovenantsError) -> Self {
        match error {
            CovenantsError::AuthInputOutOfBounds(output, input) => {
                sizes("covenant authority", *output, (*input).into())
            }
            CovenantsError::WrongGenesisCovenantId(..) => only("covenant id"),
            CovenantsError::InvalidCovInIndex(_, index) => sizes("covenant input", *index, 0),
            CovenantsError::InvalidCovOutIndex(_, index) => sizes("covenant output", *index, 0),
            CovenantsError::InvalidAuthCovOutIndex(index, input, _) => {
                sizes("covenant authorised", *input, *index)
            }
        }
    }
}

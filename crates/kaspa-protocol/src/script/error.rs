//! Why a script fails.
//!
//! One variant for each of rusty-kaspa's `TxScriptError` that can be told apart, so that of several things
//! wrong the same one is named.

use super::covenant::CovenantError;

/// Why a script fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A push, or its length, runs over the end of the script.
    #[error("push of {expected} bytes, but only {actual} are left in the script")]
    MalformedPush {
        /// Bytes wanted.
        expected: usize,
        /// Bytes there.
        actual: usize,
    },
    /// No such input.
    #[error("input {index} does not exist, the transaction has {inputs}")]
    InvalidInputIndex {
        /// The index asked for.
        index: i64,
        /// Inputs there are.
        inputs: usize,
    },
    /// No such output.
    #[error("output {index} does not exist, the transaction has {outputs}")]
    InvalidOutputIndex {
        /// The index asked for.
        index: i64,
        /// Outputs there are.
        outputs: usize,
    },
    /// Stack and alternative stack hold too many values.
    #[error("{actual} values on the stacks, at most {limit} are allowed")]
    StackSize {
        /// Values there are.
        actual: usize,
        /// Values allowed.
        limit: usize,
    },
    /// An opcode without a meaning in this era.
    #[error("opcode {opcode:#04x} has no meaning")]
    InvalidOpcode {
        /// The opcode.
        opcode: u8,
    },
    /// A reserved opcode.
    #[error("opcode {opcode:#04x} is reserved")]
    ReservedOpcode {
        /// The opcode.
        opcode: u8,
    },
    /// A disabled opcode.
    #[error("opcode {opcode:#04x} is disabled")]
    DisabledOpcode {
        /// The opcode.
        opcode: u8,
    },
    /// A value was taken from an empty stack.
    #[error("the stack is empty")]
    EmptyStack,
    /// Values are left below the result.
    #[error("{extra} values are left below the result")]
    CleanStack {
        /// How many.
        extra: usize,
    },
    /// The result is false.
    #[error("the script ended with false")]
    EvalFalse,
    /// `OP_RETURN`.
    #[error("the script returned early")]
    EarlyReturn,
    /// A `VERIFY` found false.
    #[error("a required condition is false")]
    Verify,
    /// `OP_ELSE` or `OP_ENDIF` without `OP_IF`.
    #[error("else or end without a condition")]
    NoCondition,
    /// The value of a condition is neither empty nor one.
    #[error("a condition must be empty or one")]
    NotBoolean,
    /// `OP_PICK` or `OP_ROLL` below the bottom of the stack.
    #[error("there is no value at depth {depth}, the stack has {len}")]
    InvalidDepth {
        /// The depth asked for.
        depth: i64,
        /// Values there are.
        len: usize,
    },
    /// Bitwise operands of unequal length.
    #[error("bitwise operands of {left} and {right} bytes, their lengths must be equal")]
    UnequalOperands {
        /// Length of the lower one.
        left: usize,
        /// Length of the upper one.
        right: usize,
    },
    /// Division by zero, or of the least number by minus one.
    #[error("the quotient does not exist or does not fit 64 bits")]
    Division,
    /// The message of a signature from the stack is no hash.
    #[error("message hash of {actual} bytes, must be 32")]
    MessageSize {
        /// Its length.
        actual: usize,
    },
    /// The key is of a wrong length.
    #[error("public key of {actual} bytes, must be {expected}")]
    PublicKeySize {
        /// Length of a key of this sort.
        expected: usize,
        /// Its length.
        actual: usize,
    },
    /// The key is no point of the curve.
    #[error("the public key is no point of the curve")]
    InvalidPublicKey,
    /// The signature is of a wrong length.
    #[error("signature of {actual} bytes, must be 64")]
    SignatureSize {
        /// Its length, without its hash type.
        actual: usize,
    },
    /// A number of an ECDSA signature is not below the order of the group.
    #[error("the signature's numbers are not below the group order")]
    InvalidSignature,
    /// Too many opcodes.
    #[error("more than {limit} operations")]
    TooManyOperations {
        /// Operations allowed.
        limit: usize,
    },
    /// A value is too long.
    #[error("value of {actual} bytes, at most {limit} are allowed")]
    ElementTooBig {
        /// Its length.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A push or number could be shorter.
    #[error("a push or number is not in its shortest form")]
    NotMinimal,
    /// The transaction, or what it spends, is not old enough.
    #[error("lock of {required} is not satisfied by {actual}")]
    UnsatisfiedLockTime {
        /// What the script requires.
        required: u64,
        /// What the transaction or input has.
        actual: u64,
    },
    /// A number is too long, or a result does not fit.
    #[error("number is longer than {limit} bytes or does not fit its use")]
    NumberTooBig {
        /// Bytes allowed.
        limit: usize,
    },
    /// A result cannot be written in as many bytes.
    #[error("number {number} does not fit {limit} bytes")]
    NumberTooLong {
        /// The number.
        number: i64,
        /// Bytes allowed.
        limit: usize,
    },
    /// A multisignature failed on a signature that was not empty.
    #[error("a failed multisignature must have empty signatures only")]
    NullFail,
    /// The count of signatures is negative or above that of keys.
    #[error("{actual} signatures for {keys} keys")]
    SignatureCount {
        /// The count.
        actual: i64,
        /// Keys there are.
        keys: usize,
    },
    /// The count of keys is negative or too high.
    #[error("{actual} keys, at most {limit} are allowed")]
    PublicKeyCount {
        /// The count.
        actual: i64,
        /// Keys allowed.
        limit: usize,
    },
    /// An unknown signature hash type.
    #[error("signature hash type {actual:#04x} is unknown")]
    SigHashType {
        /// The byte.
        actual: u8,
    },
    /// The signature script does more than push.
    #[error("the signature script may only push")]
    NotPushOnly,
    /// A condition is not ended.
    #[error("a condition is open at the end of the script")]
    UnbalancedConditional,
    /// Fewer values than an opcode takes.
    #[error("opcode takes {expected} values, the stack has {actual}")]
    InvalidStackOperation {
        /// Values wanted.
        expected: usize,
        /// Values there are.
        actual: usize,
    },
    /// A script is too long.
    #[error("script of {actual} bytes, at most {limit} are allowed")]
    ScriptSize {
        /// Its length.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More signature operations than the input commits to.
    #[error("more than the {limit} signature operations the input commits to")]
    SigOpLimit {
        /// The input's count.
        limit: u16,
    },
    /// More script units than the input commits to.
    #[error("{used} script units, the input commits to {limit}")]
    ScriptUnits {
        /// Units spent, the ones that were too much included.
        used: u64,
        /// Units committed to.
        limit: u64,
    },
    /// A part that does not lie within the whole.
    #[error("bytes {start} to {end} of {len} do not exist")]
    OutOfBounds {
        /// First byte.
        start: usize,
        /// Byte behind the last.
        end: usize,
        /// Bytes there are.
        len: usize,
    },
    /// A negative index.
    #[error("{index} cannot be an index")]
    InvalidIndex {
        /// The number.
        index: i64,
    },
    /// A range that ends before it begins.
    #[error("range from {start} to {end} ends before it begins")]
    InvalidRange {
        /// First byte.
        start: usize,
        /// Byte behind the last.
        end: usize,
    },
    /// A block hash or covenant id is no hash.
    #[error("hash of {actual} bytes, must be 32")]
    HashSize {
        /// Its length.
        actual: usize,
    },
    /// The block is known, but not on the selected chain.
    #[error("the block is not on the selected chain")]
    BlockNotSelected,
    /// The block is not known any more.
    #[error("the block is pruned")]
    BlockPruned,
    /// The block lies too far back.
    #[error("the block lies too deep")]
    BlockTooDeep,
    /// A proof is malformed or does not hold.
    #[error("zero-knowledge proof: {reason}")]
    Proof {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Proofs of this sort cannot be verified by this build.
    #[error("this build verifies no zero-knowledge proofs, build with the feature `zk`")]
    ProofsUnavailable,
    /// A covenant is misused.
    #[error(transparent)]
    Covenant(#[from] CovenantError),
}

//! The rules by name: what a block or a transaction can be refused for.
//!
//! The names are the reference's, so that two nodes can be compared by them. A broken disk is no rule.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/errors/{block,tx}.rs`.

use quintet_primitives::Hash256;
use thiserror::Error;

use crate::{
    coinbase::CoinbaseError,
    header::BlueWork,
    script::{CovenantError, ScriptError},
    tx::{MAX_SOMPI, Outpoint, SubnetworkId},
};

/// A rule of transactions that one breaks.
#[expect(missing_docs, reason = "each field is in its variant's message")]
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TxRuleError {
    /// Only a coinbase spends nothing.
    #[error("expected at least one input, got none")]
    NoTxInputs,
    /// One output is spent twice in one transaction.
    #[error("expected every input to spend another output, {outpoint} is spent twice")]
    TxDuplicateInputs { outpoint: Outpoint },
    /// Gas belongs to lanes of users, in version 1.
    #[error("expected no gas on subnetwork {subnetwork_id} in version {version}, got {actual}")]
    TxHasGas { subnetwork_id: SubnetworkId, version: u16, actual: u64 },
    /// The era does not know the version.
    #[error("expected version {max} or lower, got {actual}")]
    UnknownTxVersion { max: u16, actual: u16 },
    /// More inputs than masses are computed for.
    #[error("expected at most {max} inputs, got {actual}")]
    TooManyInputs { max: u64, actual: u64 },
    /// More outputs than masses are computed for.
    #[error("expected at most {max} outputs, got {actual}")]
    TooManyOutputs { max: u64, actual: u64 },
    /// A signature script is too long.
    #[error("expected a signature script of at most {max} bytes in input {input}, got {actual}")]
    TooBigSignatureScript { input: usize, max: u64, actual: u64 },
    /// An output's script is too long.
    #[error("expected a script of at most {max} bytes in output {output}, got {actual}")]
    TooBigScriptPublicKey { output: usize, max: u64, actual: u64 },
    /// The lock time has not come, and an input insists on it.
    #[error(
        "expected lock time {lock_time} to have passed at {actual}: input {input} is not final"
    )]
    NotFinalized { input: usize, lock_time: u64, actual: u64 },
    /// Payloads were the coinbase's alone before Crescendo.
    #[error("expected no payload before crescendo, got {actual} bytes")]
    NonCoinbaseTxHasPayload { actual: usize },
    /// A coinbase spends something.
    #[error("expected a coinbase without inputs, got {actual}")]
    CoinbaseHasInputs { actual: usize },
    /// More outputs than a mergeset has blues, and one for reds.
    #[error("expected a coinbase of at most {max} outputs, got {actual}")]
    CoinbaseTooManyOutputs { max: u64, actual: u64 },
    /// A script that no payload can have named.
    #[error("expected a script of at most {max} bytes in coinbase output {output}, got {actual}")]
    CoinbaseScriptPublicKeyTooLong { output: usize, max: u8, actual: usize },
    /// A coinbase commits to a mass.
    #[error("expected a coinbase without mass commitment, got {actual}")]
    CoinbaseNonZeroMassCommitment { actual: u64 },
    /// A coinbase is spent before its time.
    #[error(
        "input {input}: expected coinbase output {outpoint} of daa score {created} to be spent \
         {maturity} later or more, got {actual}"
    )]
    ImmatureCoinbaseSpend {
        input: usize,
        outpoint: Outpoint,
        created: u64,
        maturity: u64,
        actual: u64,
    },
    /// The inputs' sum leaves 64 bits.
    #[error("expected a sum of inputs below 2^64 sompi")]
    InputAmountOverflow,
    /// The inputs' sum is more than there can be.
    #[error("expected a sum of inputs of at most {MAX_SOMPI} sompi, got {actual}")]
    InputAmountTooHigh { actual: u64 },
    /// An output of nothing.
    #[error("expected output {output} to have a value, got 0")]
    TxOutZero { output: usize },
    /// An output is more than there can be.
    #[error("expected output {output} to be of at most {MAX_SOMPI} sompi, got {actual}")]
    TxOutTooHigh { output: usize, actual: u64 },
    /// The outputs' sum leaves 64 bits.
    #[error("expected a sum of outputs below 2^64 sompi")]
    OutputsValueOverflow,
    /// The outputs' sum is more than there can be.
    #[error("expected a sum of outputs of at most {MAX_SOMPI} sompi, got {actual}")]
    TotalTxOutTooHigh { actual: u64 },
    /// More is spent than came in.
    #[error("expected outputs of at most {inputs} sompi, what the inputs bring, got {outputs}")]
    SpendTooHigh { inputs: u64, outputs: u64 },
    /// A relative lock time has not passed.
    #[error("input {input}: expected daa score {locked_until} to have passed, it is {actual}")]
    SequenceLockConditionsAreNotMet { input: usize, locked_until: i128, actual: u64 },
    /// Spends what is not there.
    #[error("expected output {outpoint} to be unspent, it is unknown or spent")]
    MissingTxOutpoints { outpoint: Outpoint },
    /// A script fails.
    #[error("input {input}: expected its scripts to succeed: {source}")]
    SignatureInvalid { input: usize, source: ScriptError },
    /// A script fails, and there is no signature script at all.
    #[error("input {input}: expected a signature script, it is empty: {source}")]
    SignatureEmpty { input: usize, source: ScriptError },
    /// The count of signature operations is not that of the scripts.
    #[error("input {input}: expected {expected} signature operations, got {actual}")]
    WrongSigOpCount { input: usize, expected: u64, actual: u64 },
    /// The storage mass is more than a number holds.
    #[error("expected a storage mass below 2^64")]
    MassIncomputable,
    /// The commitment is not the storage mass.
    #[error("expected a commitment to storage mass {expected}, got {actual}")]
    WrongMass { expected: u64, actual: u64 },
    /// The subnetwork is no lane.
    #[error("expected the native subnetwork or a lane of version 1, got {subnetwork_id}")]
    SubnetworksDisabled { subnetwork_id: SubnetworkId },
    /// A replacement pays no more per gram; a rule of memory pools.
    #[error("expected a fee rate above that of the transaction replaced")]
    FeerateTooLow,
    /// Covenants came with version 1.
    #[error("expected no covenant in output {output} of version 0")]
    CovenantBindingInV0 { output: usize },
    /// Counts of signature operations ended with version 0.
    #[error(
        "expected a compute budget in input {input} of version 1, got {actual} signature operations"
    )]
    SigopCountInV1 { input: usize, actual: u8 },
    /// Compute budgets came with version 1.
    #[error(
        "expected a count of signature operations in input {input} of version 0, got budget {actual}"
    )]
    ComputeBudgetInV0 { input: usize, actual: u16 },
    /// A covenant's rule is broken.
    #[error("expected covenants to be authorised: {source}")]
    CovenantsError { source: CovenantError },
}

/// A rule of blocks that one breaks.
#[expect(missing_docs, reason = "each field is in its variant's message")]
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// Another version than the era's.
    #[error("expected block version {expected}, got {actual}")]
    WrongBlockVersion { expected: u16, actual: u16 },
    /// The time lies ahead of the clock.
    #[error("expected a time of at most {max} ms, got {actual}")]
    TimeTooFarIntoTheFuture { max: u64, actual: u64 },
    /// Only a genesis has none.
    #[error("expected parents, got none")]
    NoParents,
    /// More parents than the rate allows.
    #[error("expected at most {max} parents, got {actual}")]
    TooManyParents { max: usize, actual: usize },
    /// The origin is no block.
    #[error("expected parents that are blocks, got the origin")]
    OriginParent,
    /// A parent is in another's past.
    #[error("expected parents in each other's anticone, {ancestor} is an ancestor of {descendant}")]
    InvalidParentsRelation { ancestor: Hash256, descendant: Hash256 },
    /// A parent was refused.
    #[error("expected valid parents, {parent} is invalid")]
    InvalidParent { parent: Hash256 },
    /// Parents have not come yet.
    #[error("expected known parents, missing {missing:?}")]
    MissingParents { missing: Vec<Hash256> },
    /// The block is not in the pruning point's future.
    #[error("expected the pruning point {pruning_point} in the block's past")]
    PruningViolation { pruning_point: Hash256 },
    /// Another DAA score than the windows give.
    #[error("expected daa score {expected}, got {actual}")]
    UnexpectedHeaderDaaScore { expected: u64, actual: u64 },
    /// Another blue score than GHOSTDAG gives.
    #[error("expected blue score {expected}, got {actual}")]
    UnexpectedHeaderBlueScore { expected: u64, actual: u64 },
    /// Another blue work than GHOSTDAG gives.
    #[error("expected blue work {expected}, got {actual}")]
    UnexpectedHeaderBlueWork { expected: BlueWork, actual: BlueWork },
    /// Another target than the window gives.
    #[error("expected bits {expected:#010x}, got {actual:#010x}")]
    UnexpectedDifficulty { expected: u32, actual: u32 },
    /// The time is not after the median of the past.
    #[error("expected a time after {min} ms, got {actual}")]
    TimeTooOld { min: u64, actual: u64 },
    /// The block was refused before.
    #[error("expected a block not refused before")]
    KnownInvalid,
    /// Merges more than the rate allows.
    #[error("expected a mergeset of at most {max} blocks, got {actual}")]
    MergeSetTooBig { max: u64, actual: u64 },
    /// Merges blocks from too deep.
    #[error(
        "expected no merge from below the merge depth without a blue block that vouches for it"
    )]
    ViolatingBoundedMergeDepth,
    /// The header commits to other transactions.
    #[error("expected merkle root {expected}, got {actual}")]
    BadMerkleRoot { expected: Hash256, actual: Hash256 },
    /// No transaction at all.
    #[error("expected transactions, got none")]
    NoTransactions,
    /// The first is no coinbase.
    #[error("expected a coinbase first")]
    FirstTxNotCoinbase,
    /// Another one is.
    #[error("expected one coinbase, transaction {index} is another")]
    MultipleCoinbases { index: usize },
    /// The coinbase's payload cannot be read.
    #[error("expected a payload of a coinbase: {source}")]
    BadCoinbasePayload { source: CoinbaseError },
    /// The payload's blue score is not the header's.
    #[error("expected blue score {expected} in the coinbase, got {actual}")]
    BadCoinbasePayloadBlueScore { expected: u64, actual: u64 },
    /// A transaction is wrong in itself.
    #[error("transaction {transaction_id}: {source}")]
    TxInIsolationValidationFailed { transaction_id: Hash256, source: Box<TxRuleError> },
    /// Too much compute mass.
    #[error("expected compute mass of at most {max}, got {actual}")]
    ExceedsComputeMassLimit { max: u64, actual: u64 },
    /// Too much transient mass.
    #[error("expected transient mass of at most {max}, got {actual}")]
    ExceedsTransientMassLimit { max: u64, actual: u64 },
    /// Too much storage mass.
    #[error("expected storage mass of at most {max}, got {actual}")]
    ExceedsStorageMassLimit { max: u64, actual: u64 },
    /// Too many lanes.
    #[error("expected at most {max} lanes, got {actual}")]
    ExceedsLanesPerBlockLimit { max: u64, actual: u64 },
    /// Too much gas on a lane.
    #[error("expected gas of at most {max} on lane {lane}, got {actual}")]
    ExceedsGasPerLaneLimit { lane: SubnetworkId, max: u64, actual: u64 },
    /// Two transactions spend one output.
    #[error("expected every input to spend another output, {outpoint} is spent twice")]
    DoubleSpendInSameBlock { outpoint: Outpoint },
    /// A transaction spends what another of the block makes.
    #[error("expected no spending of what the block itself makes, as of {outpoint}")]
    ChainedTransaction { outpoint: Outpoint },
    /// A transaction is wrong where the block stands.
    #[error("transaction {transaction_id}: {source}")]
    TxInContextFailed { transaction_id: Hash256, source: Box<TxRuleError> },
    /// The payload creates another sum.
    #[error("expected a subsidy of {expected} sompi, got {actual}")]
    WrongSubsidy { expected: u64, actual: u64 },
    /// One transaction twice.
    #[error("expected every transaction once, {transaction_id} is there twice")]
    DuplicateTransactions { transaction_id: Hash256 },
    /// The proof of work misses the target.
    #[error("expected a proof of work of at most the target")]
    InvalidPoW,
    /// Another pruning point than the past gives.
    #[error("expected pruning point {expected}, got {actual}")]
    WrongHeaderPruningPoint { expected: Hash256, actual: Hash256 },
    /// Since Toccata a chain block names its selected parent first.
    #[error("expected selected parent {expected} first among the parents, got {actual}")]
    WrongSelectedParentOrder { expected: Hash256, actual: Hash256 },
    /// Other parents on a level above 0.
    #[error("expected parents {expected:?} on level {level}, got {actual:?}")]
    UnexpectedIndirectParents { level: usize, expected: Vec<Hash256>, actual: Vec<Hash256> },
    /// Another UTXO set.
    #[error("expected utxo commitment {expected}, got {actual}")]
    BadUTXOCommitment { expected: Hash256, actual: Hash256 },
    /// Other accepted transactions, or lanes.
    #[error("expected accepted id merkle root {expected}, got {actual}")]
    BadAcceptedIDMerkleRoot { expected: Hash256, actual: Hash256 },
    /// The coinbase is not the one the mergeset gives.
    #[error("expected the coinbase the mergeset gives")]
    BadCoinbaseTransaction,
    /// Transactions of the block cannot be accepted from its own view.
    #[error("expected all of {total} transactions to be valid in the utxo set, {invalid} are not")]
    InvalidTransactionsInUtxoContext { invalid: usize, total: usize },
    /// A template was built of transactions that cannot be accepted.
    #[error(
        "expected a template of valid transactions, {count} are not: {transaction_id}: {source}"
    )]
    InvalidTransactionsInNewBlock {
        count: usize,
        transaction_id: Hash256,
        source: Box<TxRuleError>,
    },
    /// The difficulty window has not been filled.
    #[error("expected a difficulty window of more entries, got {actual}")]
    InsufficientDaaWindowSize { actual: usize },
    /// The body was pruned.
    #[error("expected a block that is not pruned")]
    PrunedBlock,
}

//! Why a transaction or a block is refused: values that carry Bitcoin Core's reject reasons.
//!
//! ```text
//!   TxError ─────┐  a transaction by itself
//!   InputError ──┼──► BlockError ──► ConnectError   or the coins could not be reached, which is nobody's fault
//!   ScriptError ─┘
//! ```
//!
//! `Display` tells a person what was expected and what came; `reject_reason` is what other software compares.

use std::borrow::Cow;

use bitcoin::{OutPoint, TxMerkleNode, Txid};
use thiserror::Error;

use super::{
    BLOCK_SIGOP_COST_MAX, BLOCK_WEIGHT_MAX, COINBASE_MATURITY, MONEY_MAX,
    transaction::{COINBASE_SCRIPT_MAX, COINBASE_SCRIPT_MIN},
};
use crate::{header::signet::SignetError, script::ScriptError};

/// Why a transaction is invalid whatever the chain (Bitcoin Core's `CheckTransaction`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TxError {
    /// It spends nothing.
    #[error("expected at least one input, got none")]
    NoInputs,
    /// It pays nobody.
    #[error("expected at least one output, got none")]
    NoOutputs,
    /// Even without witnesses it fits in no block.
    #[error("expected a weight without witnesses of at most {BLOCK_WEIGHT_MAX}, got {actual}")]
    TooLarge {
        /// Bytes without witnesses, times four.
        actual: usize,
    },
    /// An output pays less than nothing.
    #[error("output {output}: expected a value of at least 0, got {actual}")]
    NegativeOutput {
        /// Which output.
        output: usize,
        /// Its value, satoshis.
        actual: i64,
    },
    /// An output pays more than will ever exist.
    #[error("output {output}: expected a value of at most {MONEY_MAX}, got {actual}")]
    OutputTooLarge {
        /// Which output.
        output: usize,
        /// Its value, satoshis.
        actual: i64,
    },
    /// The outputs together pay more than will ever exist (CVE-2010-5139).
    #[error("outputs 0 to {output}: expected a sum of at most {MONEY_MAX}, got {actual}")]
    OutputTotalTooLarge {
        /// The output with which the sum left the range.
        output: usize,
        /// The sum, satoshis.
        actual: u64,
    },
    /// Two inputs spend the same output (CVE-2018-17144).
    #[error("expected inputs that differ, got {previous} twice")]
    DuplicateInputs {
        /// What both spend.
        previous: OutPoint,
    },
    /// The script of a coinbase is too short or too long.
    #[error(
        "expected a coinbase script of {COINBASE_SCRIPT_MIN} to {COINBASE_SCRIPT_MAX} bytes, got {actual}"
    )]
    CoinbaseScriptLength {
        /// Bytes of the script.
        actual: usize,
    },
    /// An input spends no output, and the transaction is no coinbase.
    #[error("input {input}: expected an output to spend, got none")]
    NoPrevious {
        /// Which input.
        input: usize,
    },
}

impl TxError {
    /// Returns Bitcoin Core's reject reason.
    #[must_use]
    pub const fn reject_reason(&self) -> &'static str {
        match self {
            Self::NoInputs => "bad-txns-vin-empty",
            Self::NoOutputs => "bad-txns-vout-empty",
            Self::TooLarge { .. } => "bad-txns-oversize",
            Self::NegativeOutput { .. } => "bad-txns-vout-negative",
            Self::OutputTooLarge { .. } => "bad-txns-vout-toolarge",
            Self::OutputTotalTooLarge { .. } => "bad-txns-txouttotal-toolarge",
            Self::DuplicateInputs { .. } => "bad-txns-inputs-duplicate",
            Self::CoinbaseScriptLength { .. } => "bad-cb-length",
            Self::NoPrevious { .. } => "bad-txns-prevout-null",
        }
    }
}

/// Why a transaction may not spend the coins it names (Bitcoin Core's `CheckTxInputs`).
///
/// Bitcoin Core's `bad-txns-fee-outofrange` has no variant: inputs in range that cover the outputs leave a fee in range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InputError {
    /// The output was never made or is spent already.
    #[error("expected {previous} to be unspent, got no coin")]
    MissingOrSpent {
        /// The output.
        previous: OutPoint,
    },
    /// A coinbase's output is spent before it is safe from reorganisations.
    #[error("{previous}: expected a coinbase {COINBASE_MATURITY} blocks deep, got depth {actual}")]
    PrematureCoinbaseSpend {
        /// The output.
        previous: OutPoint,
        /// Blocks from the one that made it to the one that spends it.
        actual: u32,
    },
    /// The coins together are worth more than will ever exist.
    #[error("inputs 0 to {input}: expected a sum of at most {MONEY_MAX}, got {actual}")]
    ValueOutOfRange {
        /// The input with which the sum left the range.
        input: usize,
        /// The sum, satoshis.
        actual: u64,
    },
    /// The outputs pay more than the inputs bring.
    #[error("expected outputs of at most the inputs' {expected}, got {actual}")]
    InBelowOut {
        /// Sum of the inputs, satoshis.
        expected: u64,
        /// Sum of the outputs, satoshis.
        actual: u64,
    },
}

impl InputError {
    /// Returns Bitcoin Core's reject reason.
    #[must_use]
    pub const fn reject_reason(&self) -> &'static str {
        match self {
            Self::MissingOrSpent { .. } => "bad-txns-inputs-missingorspent",
            Self::PrematureCoinbaseSpend { .. } => "bad-txns-premature-spend-of-coinbase",
            Self::ValueOutOfRange { .. } => "bad-txns-inputvalues-outofrange",
            Self::InBelowOut { .. } => "bad-txns-in-belowout",
        }
    }
}

/// Why a block, or this copy of it, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlockError {
    /// Nobody who may add blocks has signed it (BIP-0325).
    #[error("block signature: {source}")]
    Signet {
        /// Why.
        source: SignetError,
    },
    /// The header commits to other transactions.
    #[error("expected transactions of Merkle root {expected}, got {actual}")]
    MerkleRoot {
        /// What the header says.
        expected: TxMerkleNode,
        /// What the transactions give.
        actual: TxMerkleNode,
    },
    /// The end of the list of transactions is repeated, which leaves the Merkle root as it was (CVE-2012-2459).
    #[error("expected transactions that differ, got a tree with two equal neighbours")]
    DuplicateTransactions,
    /// There is no transaction, or too many bytes of them even without witnesses.
    #[error(
        "expected 1 or more transactions of a weight without witnesses of at most {BLOCK_WEIGHT_MAX}, got {transactions} of {weight}"
    )]
    Length {
        /// Transactions.
        transactions: usize,
        /// Bytes without witnesses, times four.
        weight: usize,
    },
    /// The first transaction is no coinbase.
    #[error("expected a coinbase as the first transaction, got {txid}")]
    CoinbaseMissing {
        /// The first transaction.
        txid: Txid,
    },
    /// Another transaction than the first is a coinbase.
    #[error("expected one coinbase, got another at {transaction}")]
    SecondCoinbase {
        /// Where.
        transaction: usize,
    },
    /// A transaction is invalid by itself.
    #[error("transaction {txid}: {source}")]
    Transaction {
        /// Which.
        txid: Txid,
        /// Why.
        source: TxError,
    },
    /// A transaction may not be in a block of this height and time (BIP-0113 says which time).
    #[error("transaction {txid}: expected a lock time before height {height} and time {time}")]
    NotFinal {
        /// Which.
        txid: Txid,
        /// The block's height.
        height: u32,
        /// The time lock times are compared with, Unix seconds.
        time: u32,
    },
    /// The coinbase does not begin with the height (BIP-0034).
    #[error("expected a coinbase script that begins with a push of the height {expected}")]
    CoinbaseHeight {
        /// The block's height.
        expected: u32,
    },
    /// The coinbase's witness is not the one 32-byte reserved value (BIP-0141).
    #[error("expected a coinbase witness of one item of 32 bytes, got {items} items")]
    WitnessNonceSize {
        /// Items of the witness.
        items: usize,
    },
    /// The commitment is to other witnesses (BIP-0141).
    #[error("expected the coinbase to commit to the block's witnesses, got another commitment")]
    WitnessMerkleRoot,
    /// A transaction carries a witness nobody committed to.
    #[error("transaction {txid}: expected no witness in a block without a commitment to one")]
    UnexpectedWitness {
        /// Which.
        txid: Txid,
    },
    /// The block is too heavy (BIP-0141).
    #[error("expected a weight of at most {BLOCK_WEIGHT_MAX}, got {actual}")]
    Weight {
        /// Its weight, weight units.
        actual: usize,
    },
    /// A transaction would replace one of the same id that still has unspent outputs (BIP-0030).
    #[error("expected {outpoint} not to exist, got an unspent coin")]
    Overwrite {
        /// The output there already is.
        outpoint: OutPoint,
    },
    /// A transaction may not spend what it spends.
    #[error("transaction {txid}: {source}")]
    Inputs {
        /// Which.
        txid: Txid,
        /// Why.
        source: InputError,
    },
    /// The fees together are more than will ever exist.
    #[error("expected fees of at most {MONEY_MAX} together, got {actual}")]
    FeesOutOfRange {
        /// The sum, satoshis.
        actual: u64,
    },
    /// A transaction spends a coin before its relative lock is over (BIP-0068).
    #[error("transaction {txid}: expected inputs whose relative locks are over")]
    SequenceLocked {
        /// Which.
        txid: Txid,
    },
    /// Checking the signatures might take too long.
    #[error("expected a signature operation cost of at most {BLOCK_SIGOP_COST_MAX}, got {actual}")]
    Sigops {
        /// The cost up to the transaction that went over.
        actual: u64,
    },
    /// The coinbase pays more than subsidy and fees.
    #[error("expected a coinbase of at most {expected}, got {actual}")]
    CoinbaseAmount {
        /// Subsidy and fees, satoshis.
        expected: u64,
        /// What it pays, satoshis.
        actual: u64,
    },
    /// An input does not satisfy the script of what it spends.
    #[error("transaction {txid}, input {input}: {error}")]
    Script {
        /// Which transaction.
        txid: Txid,
        /// Which input.
        input: usize,
        /// Why.
        error: ScriptError,
    },
}

impl BlockError {
    /// Returns Bitcoin Core's reject reason.
    #[must_use]
    pub fn reject_reason(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Script { error, .. } => {
                return Cow::Owned(format!("block-script-verify-flag-failed ({error})"));
            }
            Self::Signet { .. } => SignetError::REJECT_REASON,
            Self::MerkleRoot { .. } => "bad-txnmrklroot",
            Self::DuplicateTransactions => "bad-txns-duplicate",
            Self::Length { .. } => "bad-blk-length",
            Self::CoinbaseMissing { .. } => "bad-cb-missing",
            Self::SecondCoinbase { .. } => "bad-cb-multiple",
            Self::Transaction { source, .. } => source.reject_reason(),
            Self::NotFinal { .. } | Self::SequenceLocked { .. } => "bad-txns-nonfinal",
            Self::CoinbaseHeight { .. } => "bad-cb-height",
            Self::WitnessNonceSize { .. } => "bad-witness-nonce-size",
            Self::WitnessMerkleRoot => "bad-witness-merkle-match",
            Self::UnexpectedWitness { .. } => "unexpected-witness",
            Self::Weight { .. } => "bad-blk-weight",
            Self::Overwrite { .. } => "bad-txns-BIP30",
            Self::Inputs { source, .. } => source.reject_reason(),
            Self::FeesOutOfRange { .. } => "bad-txns-accumulated-fee-outofrange",
            Self::Sigops { .. } => "bad-blk-sigops",
            Self::CoinbaseAmount { .. } => "bad-cb-amount",
        })
    }

    /// Returns what Bitcoin Core adds to the reject reason in its log, where tools look for it; what is wrong in our words for the rest.
    #[must_use]
    pub fn debug_message(&self) -> Cow<'static, str> {
        match self {
            Self::MerkleRoot { .. } => "hashMerkleRoot mismatch".into(),
            Self::DuplicateTransactions => "duplicate transaction".into(),
            Self::Sigops { .. } => "out-of-bounds SigOpCount".into(),
            other => other.to_string().into(),
        }
    }

    /// Returns whether only this copy is bad: what the header commits to may be another, valid body.
    ///
    /// Whoever marks the header invalid for one of these can be made to refuse the best chain by
    /// anybody who sends a spoilt copy first (CVE-2012-2459).
    #[must_use]
    pub const fn is_mutation(&self) -> bool {
        matches!(
            self,
            Self::MerkleRoot { .. }
                | Self::DuplicateTransactions
                | Self::WitnessNonceSize { .. }
                | Self::WitnessMerkleRoot
                | Self::UnexpectedWitness { .. }
        )
    }
}

/// Why a block was not connected.
#[derive(Debug, Error)]
pub enum ConnectError<E> {
    /// The block breaks a rule.
    #[error(transparent)]
    Rule(#[from] BlockError),
    /// The coins could not be read or written: nothing is known about the block.
    #[error("coins: {0}")]
    Coins(E),
}

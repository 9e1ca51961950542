//! What goes wrong with a call, in Bitcoin Core's codes.

use quintet_bitcoin_protocol::rules::{BlockError, InputError};
use quintet_rpc::lenient::Fault;

use crate::{chain::ChainError, miner::MineError};

/// Bitcoin Core's error codes.
///
/// **Spec:** `rpc/protocol.h`.
pub mod code {
    /// Something unspecified.
    pub const MISC: i32 = -1;
    /// A parameter has another type.
    pub const TYPE: i32 = -3;
    /// An address, a key or a hash of something that is not there.
    pub const ADDRESS_OR_KEY: i32 = -5;
    /// A parameter is invalid, missing or duplicate.
    pub const PARAMETER: i32 = -8;
    /// The database is at fault.
    pub const DATABASE: i32 = -20;
    /// Bytes that do not parse.
    pub const DESERIALIZATION: i32 = -22;
    /// There already.
    pub const NODE_ALREADY_ADDED: i32 = -23;
    /// Not added before.
    pub const NODE_NOT_ADDED: i32 = -24;
    /// A transaction or block is invalid.
    pub const VERIFY: i32 = -25;
    /// It was refused by the rules of the network.
    pub const REJECTED: i32 = -26;
    /// It is in the chain already.
    pub const ALREADY_IN_UTXO_SET: i32 = -27;
    /// There is nobody by that name.
    pub const NODE_NOT_CONNECTED: i32 = -29;
    /// The address is none.
    pub const INVALID_IP_OR_SUBNET: i32 = -30;
    /// Something that was thought to be right was not.
    pub const INTERNAL: i32 = -32_603;
    /// No method has this name.
    pub const METHOD_NOT_FOUND: i32 = -32_601;
    /// The parameters are no parameters.
    pub const INVALID_PARAMS: i32 = -32_602;
    /// As many connections as there may be.
    pub const NODE_CAPACITY: i32 = -34;
}

/// How a method ends that does not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The caller is told.
    Fault(Fault),
    /// The chain cannot go on.
    Chain(ChainError),
}

pub(super) type Answer = Result<serde_json::Value, Failure>;

impl Failure {
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self::Fault(Fault::new(code, message))
    }
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        match error {
            // A question about what was pruned is no fault of the chain.
            ChainError::DataAbsent { .. } => {
                Self::new(code::MISC, "Block not available (not fully downloaded)")
            }
            ChainError::Genesis => Self::new(code::MISC, error.to_string()),
            error => Self::Chain(error),
        }
    }
}

impl From<MineError> for Failure {
    fn from(error: MineError) -> Self {
        match error {
            MineError::Chain(error) => error.into(),
            MineError::Invalid { ref source } => {
                let mut message = error.to_string();
                // Bitcoin Core tells which transaction, for this one.
                if let BlockError::Inputs { txid, source: InputError::MissingOrSpent { .. } } =
                    source
                {
                    message.push_str(&format!(
                        ", CheckTxInputs: inputs missing/spent in transaction {txid}"
                    ));
                }
                Self::new(code::VERIFY, message)
            }
            MineError::NotAccepted { .. } => Self::new(code::INTERNAL, error.to_string()),
            MineError::Exhausted { .. } => Self::new(code::MISC, error.to_string()),
        }
    }
}

//! Names that the test suites give to what is wrong with a block or a transaction.
//!
//! The suites were filled by several tools over ten years, so that one fault has several names, and one name covers
//! faults that clients find in different order. Names not listed here match nothing.

use quintet_evm::{
    block::{BlockError, OmmerError},
    execute::TransactionError,
    header::HeaderError,
};

use crate::suite::Mismatch;

/// Compares a fault with the names a vector expects, which are alternatives between `|`.
pub(super) fn expect(names: &str, error: &BlockError) -> Result<(), Mismatch> {
    let known = of_block(error);
    let matches = |name: &str| {
        let name = name.trim();
        let name = name.strip_prefix("BlockException.").unwrap_or(name);
        let name = name.strip_prefix("TransactionException.").unwrap_or(name);
        known.contains(&name)
    };
    if names.split('|').any(matches) {
        return Ok(());
    }
    Err(Mismatch::new("expectException", names, error.to_string()))
}

fn of_block(error: &BlockError) -> &'static [&'static str] {
    match error {
        BlockError::Encoding { .. } => &[
            "INPUT_UNMARSHAL_ADDRESS_ERROR",
            "INPUT_UNMARSHAL_ERROR",
            "INCORRECT_BLOCK_FORMAT",
            "RLP_STRUCTURES_ENCODING",
            "RLP_INVALID_ADDRESS",
            "RLP_INVALID_FIELD_OVERFLOW_64",
            "GAS_USED_OVERFLOW",
            "TR_RLP_WRONGVALUE",
            "TR_TypeNotSupported",
            "TR_TypeNotSupportedBlob",
            "TR_BLOBCREATE",
            "TYPE_3_TX_CONTRACT_CREATION",
            "GASLIMIT_PRICE_PRODUCT_OVERFLOW",
            "TR_NoFundsX",
            "1559BlockImportImpossible_HeaderIsLegacy",
            "LegacyBlockImportImpossible2",
        ],
        BlockError::Header(error) => of_header(error),
        BlockError::UnknownParent { .. } => {
            &["UnknownParent", "UnknownParent2", "UNKNOWN_PARENT", "UNKNOWN_PARENT_ZERO"]
        }
        BlockError::Transition { expected: "work" } => &[
            "3675PoSBlockRejected",
            "IMPORT_IMPOSSIBLE_PARIS_WRONG_POS",
            "3675PreParis1559BlockRejected",
        ],
        BlockError::Transition { .. } => &[
            "3675PoWBlockRejected",
            "3675PreParis1559BlockRejected",
            "IMPORT_IMPOSSIBLE_PARIS_WRONG_POW",
            "IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS",
            "InvalidDifficulty",
            "INVALID_DIFFICULTY",
        ],
        BlockError::TransactionsRoot { .. } => {
            &["InvalidTransactionsRoot", "INVALID_TRANSACTIONS_ROOT"]
        }
        BlockError::OmmersHash { .. } => {
            &["PostParisUncleHashIsNotEmpty", "IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS"]
        }
        BlockError::Withdrawals { .. } | BlockError::WithdrawalsRoot { .. } => {
            &["INVALID_WITHDRAWALS_ROOT"]
        }
        // A header that counts no blobs where a transaction carries too many.
        BlockError::BlobGasUsed { .. } => {
            &["INCORRECT_BLOB_GAS_USED", "TR_BLOBLIST_OVERSIZE", "TYPE_3_TX_BLOB_COUNT_EXCEEDED"]
        }
        BlockError::Ommer { error, .. } => of_ommer(error),
        BlockError::TooManyOmmers { .. } => &["TooManyUncles", "TOO_MANY_UNCLES"],
        BlockError::Transaction { error, .. } => of_transaction(error),
        BlockError::GasUsed { .. } => &["InvalidGasUsed", "INVALID_GAS_USED"],
        BlockError::Bloom { .. } => &["InvalidLogBloom", "INVALID_LOG_BLOOM"],
        BlockError::ReceiptsRoot { .. } => &["InvalidReceiptsStateRoot", "INVALID_RECEIPTS_ROOT"],
        BlockError::StateRoot { .. } => &["InvalidStateRoot", "INVALID_STATE_ROOT"],
        BlockError::RequestsHash { .. } => &["INVALID_REQUESTS"],
        BlockError::TooLong { .. } => &["RLP_BLOCK_LIMIT_EXCEEDED"],
        BlockError::DepositLog => &["INVALID_DEPOSIT_EVENT_LAYOUT"],
        BlockError::NoSystemContract { .. } => &["SYSTEM_CONTRACT_EMPTY"],
        BlockError::SystemCall { .. } => &["SYSTEM_CONTRACT_CALL_FAILED"],
    }
}

fn of_header(error: &HeaderError) -> &'static [&'static str] {
    match error {
        HeaderError::Number { .. } => &["InvalidNumber", "INVALID_BLOCK_NUMBER"],
        HeaderError::Timestamp { .. } => {
            &["InvalidTimestampOlderParent", "INVALID_BLOCK_TIMESTAMP_OLDER_THAN_PARENT"]
        }
        HeaderError::Missing { field: "baseFeePerGas" } => &[
            "1559BlockImportImpossible_HeaderIsLegacy",
            "LegacyBlockImportImpossible2",
            "3675PreParis1559BlockRejected",
            "IMPORT_IMPOSSIBLE_LEGACY_WRONG_PARENT",
            "IMPORT_IMPOSSIBLE_LONDON_WRONG_PARENT",
        ],
        HeaderError::Missing { .. } => &[
            "ParisBlockImportImpossible",
            "IMPORT_IMPOSSIBLE_PARIS_OVER_SHANGHAI",
            "INCORRECT_BLOCK_FORMAT",
        ],
        HeaderError::TooEarly { field: "baseFeePerGas" } => {
            &["1559BlockImportImpossible_HeaderIsLegacy", "IMPORT_IMPOSSIBLE_LONDON_WRONG_PARENT"]
        }
        HeaderError::TooEarly { .. } => &[
            "ShanghaiBlockImportImpossible",
            "IMPORT_IMPOSSIBLE_SHANGHAI",
            "INCORRECT_BLOCK_FORMAT",
        ],
        HeaderError::ExtraData { .. } => &["ExtraDataTooBig", "EXTRA_DATA_TOO_BIG"],
        // Of OP chains alone, which have no vectors here.
        HeaderError::OpExtraData(_) => &[],
        HeaderError::DaoExtraData => &["ExtraDataIncorrectDAO", "EXTRA_DATA_INVALID_DAO"],
        HeaderError::Difficulty { .. } => &["InvalidDifficulty", "INVALID_DIFFICULTY"],
        HeaderError::StakeDifficulty { .. } | HeaderError::StakeNonce { .. } => {
            &["3675PoWBlockRejected", "3675PreParis1559BlockRejected"]
        }
        HeaderError::StakeOmmers => &[
            "PostParisUncleHashIsNotEmpty",
            "IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS",
            "3675PreParis1559BlockRejected",
        ],
        HeaderError::GasLimit { .. } => &["InvalidGasLimit2", "INVALID_GASLIMIT"],
        HeaderError::GasUsed { .. } => &["TooMuchGasUsed", "GAS_USED_OVERFLOW", "INVALID_GAS_USED"],
        HeaderError::BaseFee { .. } => {
            &["1559BlockImportImpossible_BaseFeeWrong", "INVALID_BASEFEE_PER_GAS"]
        }
        HeaderError::ExcessBlobGas { .. } => &["INCORRECT_EXCESS_BLOB_GAS"],
        HeaderError::BlobGasPart { .. } | HeaderError::BlobGasUsed { .. } => &[
            "INCORRECT_BLOB_GAS_USED",
            "BLOB_GAS_USED_ABOVE_LIMIT",
            "TR_BLOBLIST_OVERSIZE",
            "TYPE_3_TX_BLOB_COUNT_EXCEEDED",
        ],
    }
}

fn of_ommer(error: &OmmerError) -> &'static [&'static str] {
    match error {
        OmmerError::Repeated => &["UncleIsBrother", "UncleInChain", "UNCLE_IN_CHAIN"],
        OmmerError::Ancestor => &["UncleIsAncestor", "UNCLE_IS_ANCESTOR"],
        OmmerError::Parent => {
            &["UncleParentIsNotAncestor", "UNCLE_PARENT_INCORRECT", "UncleIsBrother"]
        }
        OmmerError::Header(error) => of_header(error),
    }
}

const fn of_transaction(error: &TransactionError) -> &'static [&'static str] {
    match error {
        TransactionError::TypeNotSupported { .. } => {
            &["TR_TypeNotSupported", "TR_TypeNotSupportedBlob"]
        }
        TransactionError::IntrinsicGas { .. } | TransactionError::DataGas { .. } => {
            &["TR_IntrinsicGas", "IntrinsicGas", "INTRINSIC_GAS_TOO_LOW", "TR_NoFundsOrGas"]
        }
        TransactionError::BlockGas { .. } => &["TR_GasLimitReached", "GAS_ALLOWANCE_EXCEEDED"],
        TransactionError::NonceTooLow { .. } => &["TR_NonceTooLow", "NONCE_MISMATCH_TOO_LOW"],
        TransactionError::NonceTooHigh { .. } => &["TR_NonceTooHigh", "NONCE_MISMATCH_TOO_HIGH"],
        TransactionError::NonceMax => &["TR_NonceHasMaxValue", "NONCE_IS_MAX"],
        TransactionError::Funds { .. } | TransactionError::CostOverflow => &[
            "TR_NoFunds",
            "TR_NoFundsX",
            "TR_NoFundsOrGas",
            "INSUFFICIENT_ACCOUNT_FUNDS",
            "TR_FeeCapLessThanBlocksORNoFunds",
            "SenderNotEOAorNoCASH",
            "GASLIMIT_PRICE_PRODUCT_OVERFLOW",
        ],
        TransactionError::FeeBelowBaseFee => &[
            "TR_FeeCapLessThanBlocks",
            "INSUFFICIENT_MAX_FEE_PER_GAS",
            "TR_FeeCapLessThanBlocksORNoFunds",
        ],
        TransactionError::TipAboveFee => {
            &["TR_TipGtFeeCap", "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS"]
        }
        TransactionError::SenderHasCode => {
            &["SenderNotEOA", "SENDER_NOT_EOA", "SenderNotEOAorNoCASH"]
        }
        TransactionError::InitcodeTooLong => {
            &["TR_InitCodeLimitExceeded", "INITCODE_SIZE_EXCEEDED"]
        }
        TransactionError::BlobFee { .. } => &["INSUFFICIENT_MAX_FEE_PER_BLOB_GAS"],
        TransactionError::BlobCreate => &["TR_BLOBCREATE", "TYPE_3_TX_CONTRACT_CREATION"],
        TransactionError::NoBlobs => &["TR_EMPTYBLOB", "TYPE_3_TX_ZERO_BLOBS"],
        TransactionError::TooManyBlobs { .. } => {
            &["TR_BLOBLIST_OVERSIZE", "TYPE_3_TX_BLOB_COUNT_EXCEEDED"]
        }
        TransactionError::BlobVersion => {
            &["TR_BLOBVERSION_INVALID", "TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH"]
        }
        TransactionError::NoAuthorizations => &["TYPE_4_EMPTY_AUTHORIZATION_LIST"],
        TransactionError::GasCap { .. } => &["GAS_LIMIT_EXCEEDS_MAXIMUM"],
        TransactionError::WrongChain { .. } => &["INVALID_CHAINID"],
        TransactionError::SystemDeposit | TransactionError::Other { .. } => &[],
    }
}

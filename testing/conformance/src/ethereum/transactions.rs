//! `transactions/**/*.json`: bytes, and for each fork the sender, hash and intrinsic gas, or why they are no transaction.
//!
//! All are for chain 1. The vectors' names of exceptions are matched to what our errors say; where several faults meet in one vector (a wrong
//! `v` with a wrong `r`), any of them may be the one named.

use std::{collections::BTreeMap, path::Path};

use alloy_primitives::{Address, B256, U64};
use quintet_eth::tx::{
    CheckError, FieldProblem, Limits, Parsed, SenderError, TxDecodeError, TxRules, intrinsic_gas,
};
use quintet_primitives::hex;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Transactions;

impl Suite for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn claims(&self, name: &Path) -> bool {
        let is_json = name.extension().is_some_and(|extension| extension == "json");
        is_json && name.starts_with("transactions")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(Value::Object(cases)) = report.json(file) else { return };
        for (name, value) in cases {
            let case: Case = match serde_json::from_value(value) {
                Ok(case) => case,
                Err(error) => {
                    report.case(&name, || {
                        Err(Mismatch::new("form of the case", "known fields", error.to_string()))
                    });
                    continue;
                }
            };
            for (fork, wanted) in &case.result {
                report.case(format!("{name} on {fork}"), || case.check(fork, wanted));
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "_info")]
    _info: Value,
    result: BTreeMap<String, Wanted>,
    txbytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    sender: Option<Address>,
    hash: Option<B256>,
    #[serde(rename = "intrinsicGas")]
    intrinsic_gas: Option<U64>,
    exception: Option<String>,
}

fn rules(fork: &str) -> Result<TxRules, Mismatch> {
    Ok(match fork {
        "Frontier" => TxRules::Frontier,
        "Homestead" | "EIP150" => TxRules::Homestead,
        "EIP158" | "Byzantium" | "Constantinople" | "ConstantinopleFix" => TxRules::SpuriousDragon,
        "Istanbul" => TxRules::Istanbul,
        "Berlin" => TxRules::Berlin,
        "London" | "Paris" => TxRules::London,
        "Shanghai" => TxRules::Shanghai,
        "Cancun" => TxRules::Cancun,
        "Prague" => TxRules::Prague,
        "Osaka" => TxRules::Osaka,
        other => return Err(Mismatch::new("fork", "a known one", other)),
    })
}

impl Case {
    fn check(&self, fork: &str, wanted: &Wanted) -> Result<(), Mismatch> {
        let rules = rules(fork)?;
        let digits = self.txbytes.strip_prefix("0x").unwrap_or(&self.txbytes);
        let bytes = hex::decode(digits)
            .map_err(|error| Mismatch::new("txbytes", "hexadecimal digits", error.to_string()))?;
        let parsed = Parsed::read(&bytes);
        // Zero beside an exception: whoever made the vector did not come as far as the gas.
        let said = |gas: &U64| wanted.exception.is_none() || !gas.is_zero();
        if let (Ok(parsed), Some(gas)) = (&parsed, wanted.intrinsic_gas.filter(said)) {
            let actual = intrinsic_gas(parsed, rules).initial;
            expect_eq("intrinsic gas", gas.to::<u64>(), actual)?;
        }
        let names = match parsed {
            Ok(parsed) => match parsed.check(rules, &Limits::of_chain(1)) {
                Ok(checked) => {
                    expect_eq("exception", wanted.exception.as_deref(), None)?;
                    expect_eq("hash", wanted.hash, Some(checked.hash))?;
                    return expect_eq("sender", wanted.sender, Some(checked.sender));
                }
                Err(error) => names_of_check(&error),
            },
            Err(error) => names_of_decode(&error),
        };
        let Some(exception) = &wanted.exception else {
            return Err(Mismatch::new("exception", "none", names));
        };
        let name = exception.strip_prefix("TransactionException.").unwrap_or(exception);
        // To an older fork the type is unknown, whatever stands behind it.
        let is_early = since(&bytes).is_some_and(|since| rules < since);
        let is_named = names.contains(&name) || (is_early && name == "TYPE_NOT_SUPPORTED");
        if is_named { Ok(()) } else { Err(Mismatch::new("exception", name, names)) }
    }
}

/// Returns the rules since which there are transactions of this type.
fn since(bytes: &[u8]) -> Option<TxRules> {
    match bytes.first()? {
        1 => Some(TxRules::Berlin),
        2 => Some(TxRules::London),
        3 => Some(TxRules::Cancun),
        4 => Some(TxRules::Prague),
        _ => None,
    }
}

/// What vectors may call an error of the rules.
fn names_of_check(error: &CheckError) -> &'static [&'static str] {
    match error {
        CheckError::Type { .. } => &["TYPE_NOT_SUPPORTED"],
        // Before chains were bound such a `v` was none.
        CheckError::ChainId { .. } => &["INVALID_CHAINID", "INVALID_SIGNATURE_VRS"],
        CheckError::NonceMax => &["NONCE_TOO_BIG"],
        CheckError::CostOverflow { .. } => &["GASLIMIT_PRICE_PRODUCT_OVERFLOW"],
        CheckError::PriorityFee { .. } => &["PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS"],
        CheckError::IntrinsicGas { .. } => {
            &["INTRINSIC_GAS_TOO_LOW", "INVALID_SIGNATURE_VRS", "EC_RECOVERY_FAIL"]
        }
        CheckError::GasLimit { .. } => &["GAS_LIMIT_EXCEEDS_MAXIMUM"],
        CheckError::InitcodeLength { .. } => &["INITCODE_SIZE_EXCEEDED"],
        CheckError::Blobs { .. } => &["TYPE_3_TX_ZERO_BLOBS", "TYPE_3_TX_BLOB_COUNT_EXCEEDED"],
        CheckError::BlobVersion { .. } => &["TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH"],
        CheckError::NoAuthorization => &["TYPE_4_EMPTY_AUTHORIZATION_LIST"],
        CheckError::Sender(SenderError::NoKey) => &["EC_RECOVERY_FAIL", "INVALID_SIGNATURE_VRS"],
        CheckError::Sender(SenderError::V { bound: true, .. }) => {
            &["INVALID_CHAINID", "INVALID_SIGNATURE_VRS"]
        }
        CheckError::Sender(_) => &["INVALID_SIGNATURE_VRS"],
    }
}

/// What vectors may call bytes that are no transaction.
fn names_of_decode(error: &TxDecodeError) -> &'static [&'static str] {
    use FieldProblem as Problem;
    match error {
        TxDecodeError::Empty | TxDecodeError::Trailing { .. } => {
            &["RLP_ERROR_SIZE", "RLP_ERROR_EOF"]
        }
        TxDecodeError::Type { .. } => {
            &["TYPE_NOT_SUPPORTED", "RLP_INVALID_HEADER", "RLP_ERROR_EOF"]
        }
        TxDecodeError::Outer(Problem::LengthForm) => {
            &["RLP_ERROR_SIZE_LEADING_ZEROS", "RLP_ERROR_SIZE", "RLP_ERROR_EOF"]
        }
        TxDecodeError::Outer(_) => &["RLP_ERROR_SIZE", "RLP_ERROR_EOF", "RLP_INVALID_HEADER"],
        TxDecodeError::Missing { .. } => &["RLP_TOO_FEW_ELEMENTS", "RLP_ERROR_SIZE"],
        TxDecodeError::Surplus { .. } => &["RLP_TOO_MANY_ELEMENTS", "RLP_ERROR_SIZE"],
        TxDecodeError::Field { field, problem } => names_of_field(field, problem),
    }
}

fn names_of_field(field: &str, problem: &FieldProblem) -> &'static [&'static str] {
    use FieldProblem as Problem;
    match (field, problem) {
        (_, Problem::Truncated { .. }) => &["RLP_ERROR_SIZE", "RLP_ERROR_EOF"],
        ("nonce", Problem::ByteForm) => {
            &["RLP_LEADING_ZEROS_NONCE_SIZE", "RLP_LEADING_ZEROS_NONCE"]
        }
        ("nonce", Problem::LeadingZeros) => &["RLP_LEADING_ZEROS_NONCE"],
        ("nonce", Problem::Large { .. }) => &["NONCE_OVERFLOW"],
        ("nonce", Problem::List) => &["RLP_INVALID_NONCE"],
        ("gas price" | "max fee per gas", Problem::LeadingZeros) => &["RLP_LEADING_ZEROS_GASPRICE"],
        ("gas price" | "max fee per gas", Problem::Large { .. }) => &["GASPRICE_OVERFLOW"],
        ("max priority fee per gas", Problem::LeadingZeros) => &["RLP_LEADING_ZEROS_PRIORITY_FEE"],
        ("max priority fee per gas", Problem::Large { .. }) => &["PRIORITY_OVERFLOW"],
        ("gas limit", Problem::LeadingZeros) => &["RLP_LEADING_ZEROS_GASLIMIT"],
        // A limit of more than 64 bits overflows whatever it is multiplied with.
        ("gas limit", Problem::Large { .. }) => {
            &["GASLIMIT_OVERFLOW", "GASLIMIT_PRICE_PRODUCT_OVERFLOW"]
        }
        ("to", Problem::Length { actual, .. }) if *actual < 20 => &["ADDRESS_TOO_SHORT"],
        ("to", Problem::Length { .. }) => &["ADDRESS_TOO_LONG"],
        ("value", Problem::LeadingZeros) => &["RLP_LEADING_ZEROS_VALUE"],
        ("data", Problem::LengthForm) => &["RLP_LEADING_ZEROS_DATA_SIZE"],
        ("data", Problem::List) => &["RLP_INVALID_DATA"],
        ("v", Problem::LeadingZeros) => &["RLP_LEADING_ZEROS_V"],
        ("v", Problem::Large { .. }) => &["INVALID_SIGNATURE_VRS"],
        ("r", Problem::List) => &["RLP_INVALID_SIGNATURE_R"],
        ("r", Problem::LeadingZeros) => &["RLP_LEADING_ZEROS_R"],
        ("s", Problem::LeadingZeros) => &["RLP_LEADING_ZEROS_S"],
        ("r" | "s", Problem::Large { .. }) => &["INVALID_SIGNATURE_VRS"],
        ("access list address", Problem::Length { actual, .. }) if *actual < 20 => {
            &["RLP_INVALID_ACCESS_LIST_ADDRESS_TOO_SHORT"]
        }
        ("access list address", Problem::Length { .. }) => {
            &["RLP_INVALID_ACCESS_LIST_ADDRESS_TOO_LONG"]
        }
        ("access list storage key", Problem::Length { actual, .. }) if *actual < 32 => {
            &["RLP_INVALID_ACCESS_LIST_STORAGE_TOO_SHORT"]
        }
        ("access list storage key", Problem::Length { .. }) => {
            &["RLP_INVALID_ACCESS_LIST_STORAGE_TOO_LONG"]
        }
        _ => &["RLP_ERROR_SIZE"],
    }
}

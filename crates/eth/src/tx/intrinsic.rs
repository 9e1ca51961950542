//! Gas a transaction costs before it runs.

use super::{TxRules, parse::Parsed};

/// What a transaction must bring along at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntrinsicGas {
    /// Used before the first instruction.
    pub initial: u64,
    /// Used at the end at least, whatever ran; 0 before Prague.
    pub floor: u64,
}

impl IntrinsicGas {
    /// The least gas limit.
    #[must_use]
    pub const fn required(self) -> u64 {
        if self.initial > self.floor { self.initial } else { self.floor }
    }
}

/// Any transaction.
const BASE: u64 = 21_000;
/// Making a contract, on top (EIP-2).
const CREATE: u64 = 32_000;
const ZERO_BYTE: u64 = 4;
const OTHER_BYTE_FRONTIER: u64 = 68;
/// EIP-2028.
const OTHER_BYTE: u64 = 16;
/// EIP-2930.
const ACCESS_ADDRESS: u64 = 2_400;
const ACCESS_KEY: u64 = 1_900;
/// EIP-3860, for each word of code that makes a contract.
const INITCODE_WORD: u64 = 2;
/// EIP-7702: as if each authority were empty.
const AUTHORIZATION: u64 = 25_000;
/// EIP-7623: the least for a token; a zero byte is one, any other four.
const FLOOR_TOKEN: u64 = 10;

/// Returns the gas a transaction costs before it runs, and at least.
///
/// **Spec:** Yellow Paper, section 6.2; EIP-2, 2028, 2930, 3860, 7623, 7702.
#[must_use]
pub fn intrinsic_gas(transaction: &Parsed<'_>, rules: TxRules) -> IntrinsicGas {
    let length = transaction.data.len() as u64;
    let zeros = transaction.data.iter().filter(|byte| **byte == 0).count() as u64;
    let others = length - zeros;
    let other_byte = if rules >= TxRules::Istanbul { OTHER_BYTE } else { OTHER_BYTE_FRONTIER };
    let mut initial = BASE + zeros * ZERO_BYTE + others * other_byte;
    if transaction.to.is_none() {
        if rules >= TxRules::Homestead {
            initial += CREATE;
        }
        if rules >= TxRules::Shanghai {
            initial += length.div_ceil(32) * INITCODE_WORD;
        }
    }
    let keys = |item: &alloy_eips::eip2930::AccessListItem| item.storage_keys.len() as u64;
    initial += transaction.access_list.0.len() as u64 * ACCESS_ADDRESS;
    initial += transaction.access_list.0.iter().map(keys).sum::<u64>() * ACCESS_KEY;
    initial += transaction.authorizations.len() as u64 * AUTHORIZATION;
    let floor =
        if rules >= TxRules::Prague { BASE + (zeros + others * 4) * FLOOR_TOKEN } else { 0 };
    IntrinsicGas { initial, floor }
}

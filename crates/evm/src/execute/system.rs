//! What a block does besides its transactions: calls of system contracts, and requests to the consensus layer.
//!
//! **Spec:** EIP-4788, EIP-2935, EIP-6110, EIP-7002, EIP-7251, EIP-7685.

use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_primitives::{Address, B256, Bytes, b256};

use super::Receipt;
use crate::block::BlockError;

/// First topic of a deposit's log.
const DEPOSIT_TOPIC: B256 =
    b256!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");
/// Type of a request that is a deposit.
pub(super) const DEPOSIT_REQUEST: u8 = 0;

/// A contract of the system to call at the end of a block, which answers with requests.
pub(super) struct RequestContract {
    pub(super) address: Address,
    pub(super) kind: u8,
}

/// Contracts called at the end of a block, in the order of their types.
pub(super) const REQUEST_CONTRACTS: [RequestContract; 2] = [
    RequestContract { address: WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, kind: 1 },
    RequestContract { address: CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, kind: 2 },
];

/// Contract that keeps roots of the beacon chain.
pub(super) const BEACON_ROOTS: Address = BEACON_ROOTS_ADDRESS;
/// Contract that keeps hashes of blocks.
pub(super) const BLOCK_HASHES: Address = HISTORY_STORAGE_ADDRESS;

/// The fields of a deposit's log: where the offset of each must point, where its bytes lie and how many they are.
///
/// The contract encodes five byte strings: public key, withdrawal credentials, amount, signature, index. Each has
/// its length in the 32 bytes before it.
const FIELDS: [(usize, usize, usize); 5] =
    [(160, 192, 48), (256, 288, 32), (320, 352, 8), (384, 416, 96), (512, 544, 8)];
/// Length of the whole data.
const DEPOSIT_LENGTH: usize = 576;

/// Returns the deposits that transactions logged, one after the other, or nothing.
pub(super) fn deposits(contract: Address, receipts: &[Receipt]) -> Result<Vec<u8>, BlockError> {
    let mut deposits = Vec::new();
    let logs = receipts.iter().flat_map(|receipt| &receipt.logs);
    for log in logs.filter(|log| log.address == contract) {
        if log.topics().first() == Some(&DEPOSIT_TOPIC) {
            append(&mut deposits, &log.data.data)?;
        }
    }
    Ok(deposits)
}

fn append(deposits: &mut Vec<u8>, data: &Bytes) -> Result<(), BlockError> {
    if data.len() != DEPOSIT_LENGTH {
        return Err(BlockError::DepositLog);
    }
    for (index, (offset, start, length)) in FIELDS.into_iter().enumerate() {
        let says = |at: usize, value: usize| {
            let word = data.get(at..at + 32).unwrap_or_default();
            let (high, low) = word.split_at(word.len().saturating_sub(8));
            high.iter().all(|byte| *byte == 0) && low == (value as u64).to_be_bytes()
        };
        if !says(index * 32, offset) || !says(offset, length) {
            return Err(BlockError::DepositLog);
        }
        deposits.extend_from_slice(data.get(start..start + length).unwrap_or_default());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloy_consensus::Eip658Value;
    use alloy_primitives::{Log, LogData};

    use super::*;

    fn receipt(data: Vec<u8>) -> Receipt {
        let data = LogData::new_unchecked(vec![DEPOSIT_TOPIC], data.into());
        Receipt {
            kind: 0,
            status: Eip658Value::Eip658(true),
            cumulative_gas_used: 0,
            logs: vec![Log { address: Address::repeat_byte(1), data }],
            deposit: None,
            gas_used: 0,
            created: None,
        }
    }

    fn encoded() -> Vec<u8> {
        let mut data = vec![0; DEPOSIT_LENGTH];
        for (index, (offset, start, length)) in FIELDS.into_iter().enumerate() {
            data[index * 32 + 24..index * 32 + 32].copy_from_slice(&(offset as u64).to_be_bytes());
            data[offset + 24..offset + 32].copy_from_slice(&(length as u64).to_be_bytes());
            data[start..start + length].fill(u8::try_from(index + 1).unwrap());
        }
        data
    }

    #[test]
    fn fields_of_a_deposit_are_joined() {
        let joined = deposits(Address::repeat_byte(1), &[receipt(encoded())]).unwrap();
        assert_eq!(joined.len(), 48 + 32 + 8 + 96 + 8);
        assert_eq!((joined[0], joined[47], joined[48], joined[191]), (1, 1, 2, 5));
    }

    #[test]
    fn logs_of_other_contracts_are_no_deposits() {
        assert_eq!(deposits(Address::repeat_byte(2), &[receipt(vec![1])]), Ok(vec![]));
    }

    #[test]
    fn a_deposit_with_a_field_elsewhere_makes_the_block_bad() {
        for at in [31, 191, 24, 250] {
            let mut data = encoded();
            if at != 250 {
                data[at] ^= 1;
            } else {
                data.pop();
            }
            let found = deposits(Address::repeat_byte(1), &[receipt(data)]);
            assert_eq!(found, Err(BlockError::DepositLog), "{at}");
        }
    }
}

//! What is kept of a transaction's execution, and its encoding under the receipts root.

use alloy_consensus::Eip658Value;
use alloy_eips::eip2718::{Encodable2718, Typed2718};
use alloy_primitives::{Address, Bloom, BloomInput, Log};
use alloy_rlp::{BufMut, Encodable, Header};

/// What a transaction did.
///
/// **Spec:** Yellow Paper, section 4.3.1; EIP-658, EIP-2718; OP Stack specification, "Deposit receipt".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Type of the transaction.
    pub kind: u8,
    /// Whether it succeeded; before Byzantium the state root after it.
    pub status: Eip658Value,
    /// Gas used in the block up to and including it.
    pub cumulative_gas_used: u64,
    /// What it logged.
    pub logs: Vec<Log>,
    /// What a deposit of an OP chain has beside.
    pub deposit: Option<DepositReceipt>,
    /// Gas it used itself. Not encoded.
    pub gas_used: u64,
    /// Contract it created. Not encoded.
    pub created: Option<Address>,
}

/// What the receipt of a deposit has beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositReceipt {
    /// The sender's nonce before it.
    pub nonce: u64,
    /// From Canyon on 1, which says that the nonce is under the root.
    pub version: Option<u64>,
}

impl Receipt {
    /// Returns the filter of what it logged.
    #[must_use]
    pub fn bloom(&self) -> Bloom {
        bloom_of(&self.logs)
    }

    fn fields_length(&self, bloom: &Bloom) -> usize {
        let deposit =
            self.encoded_deposit().map_or(0, |(nonce, version)| nonce.length() + version.length());
        self.status.length()
            + self.cumulative_gas_used.length()
            + bloom.length()
            + self.logs.length()
            + deposit
    }

    /// The nonce is under the root only since Canyon: before it was left out by mistake.
    fn encoded_deposit(&self) -> Option<(u64, u64)> {
        let deposit = self.deposit?;
        Some((deposit.nonce, deposit.version?))
    }
}

/// Returns the filter of logs.
#[must_use]
pub fn bloom_of<'a>(logs: impl IntoIterator<Item = &'a Log>) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in logs {
        bloom.accrue(BloomInput::Raw(log.address.as_slice()));
        for topic in log.topics() {
            bloom.accrue(BloomInput::Raw(topic.as_slice()));
        }
    }
    bloom
}

impl Typed2718 for Receipt {
    fn ty(&self) -> u8 {
        self.kind
    }
}

impl Encodable2718 for Receipt {
    fn encode_2718_len(&self) -> usize {
        let payload_length = self.fields_length(&Bloom::ZERO);
        usize::from(self.kind != 0) + Header { list: true, payload_length }.length_with_payload()
    }

    fn encode_2718(&self, out: &mut dyn BufMut) {
        let bloom = self.bloom();
        if self.kind != 0 {
            out.put_u8(self.kind);
        }
        Header { list: true, payload_length: self.fields_length(&bloom) }.encode(out);
        self.status.encode(out);
        self.cumulative_gas_used.encode(out);
        bloom.encode(out);
        self.logs.encode(out);
        if let Some((nonce, version)) = self.encoded_deposit() {
            nonce.encode(out);
            version.encode(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_consensus::{Receipt as Reference, ReceiptEnvelope, TxReceipt};
    use alloy_primitives::{B256, LogData, bytes};
    use op_alloy_consensus::{OpDepositReceipt, OpReceiptEnvelope};

    use super::*;

    fn receipt(kind: u8, status: Eip658Value) -> Receipt {
        let data = LogData::new_unchecked(vec![B256::repeat_byte(3)], bytes!("0102"));
        let log = Log { address: Address::repeat_byte(9), data };
        let logs = vec![log.clone(), log];
        Receipt {
            kind,
            status,
            cumulative_gas_used: 21_000,
            logs,
            deposit: None,
            gas_used: 21_000,
            created: None,
        }
    }

    fn reference(receipt: &Receipt) -> Reference {
        Reference {
            status: receipt.status,
            cumulative_gas_used: receipt.cumulative_gas_used,
            logs: receipt.logs.clone(),
        }
    }

    #[test]
    fn the_encoding_is_that_of_alloy() {
        let root = Eip658Value::PostState(B256::repeat_byte(7));
        for (kind, status) in [(0, root), (0, true.into()), (2, false.into()), (4, true.into())] {
            let ours = receipt(kind, status);
            let theirs = reference(&ours).into_with_bloom();
            let theirs = match kind {
                0 => ReceiptEnvelope::Legacy(theirs),
                2 => ReceiptEnvelope::Eip1559(theirs),
                _ => ReceiptEnvelope::Eip7702(theirs),
            };
            assert_eq!(ours.encoded_2718(), theirs.encoded_2718());
            assert_eq!(ours.encode_2718_len(), theirs.encode_2718_len());
        }
    }

    #[test]
    fn the_nonce_of_a_deposit_is_encoded_with_its_version() {
        for version in [None, Some(1)] {
            let mut ours = receipt(super::super::DEPOSIT_TYPE, true.into());
            ours.deposit = Some(DepositReceipt { nonce: 5, version });
            let theirs = OpDepositReceipt {
                inner: reference(&ours),
                deposit_nonce: version.map(|_| 5),
                deposit_receipt_version: version,
            };
            let theirs = OpReceiptEnvelope::Deposit(theirs.into_with_bloom());
            assert_eq!(ours.encoded_2718(), theirs.encoded_2718());
        }
    }
}

//! Deposits: transactions that come from L1, and the names they get.
//!
//! ```text
//!   TransactionDeposited log ──► Deposit ──► 0x7e · rlp [source_hash, from, to, mint, value, gas, is_system, data]
//! ```
//!
//! Values and mints have 256 bits here, as in the log: a chain whose gas token is minted at will can exceed 128.
//!
//! **Spec:** `protocol/deposits.md`; op-node's `UnmarshalDepositLogEvent`.

use alloy_primitives::{Address, B256, Bytes, Log, U256, b256, keccak256};
use alloy_rlp::Encodable;
use thiserror::Error;

use crate::rlp::{list_header_len, write_list_header};

/// First byte of a deposit's encoding.
pub const DEPOSIT_TX_TYPE: u8 = 0x7e;

/// keccak256 of `TransactionDeposited(address,address,uint256,bytes)`.
pub const DEPOSIT_TOPIC: B256 =
    b256!("b3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32");

/// Bytes of a log's opaque data before the calldata: mint, value, gas, whether it creates.
const OPAQUE_HEAD: usize = 32 + 32 + 8 + 1;

/// Where a deposit comes from: what its source hash is made of.
///
/// **Spec:** `protocol/deposits.md`, "Source hash computation".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepositSource<'a> {
    /// Domain 0: a user, by L1 block and index of the log in the block.
    User {
        /// Hash of the L1 block.
        l1_block: B256,
        /// Index over all receipts of the block.
        log_index: u64,
    },
    /// Domain 1: L1 information.
    L1Info {
        /// Hash of the L1 block.
        l1_block: B256,
        /// Place in the epoch.
        sequence_number: u64,
    },
    /// Domain 2: an upgrade, by what it is for.
    Upgrade {
        /// Text of the specification.
        intent: &'a str,
    },
}

impl DepositSource<'_> {
    /// Returns the source hash: that of the domain and of the identifier's hash.
    #[must_use]
    pub fn hash(self) -> B256 {
        let pair = |hash: B256, number: u64| {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(hash.as_slice());
            bytes[56..].copy_from_slice(&number.to_be_bytes());
            keccak256(bytes)
        };
        let (domain, identifier) = match self {
            Self::User { l1_block, log_index } => (0, pair(l1_block, log_index)),
            Self::L1Info { l1_block, sequence_number } => (1, pair(l1_block, sequence_number)),
            Self::Upgrade { intent } => (2, keccak256(intent)),
        };
        let mut bytes = [0; 64];
        bytes[31] = domain;
        bytes[32..].copy_from_slice(identifier.as_slice());
        keccak256(bytes)
    }
}

/// A transaction that comes from L1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// What makes it unique.
    pub source_hash: B256,
    /// Sender, aliased if a contract.
    pub from: Address,
    /// Destination; `None` creates a contract.
    pub to: Option<Address>,
    /// Wei created for the sender.
    pub mint: U256,
    /// Wei sent.
    pub value: U256,
    /// Gas, bought on L1.
    pub gas: u64,
    /// Whether its gas counts for nothing (before Regolith).
    pub is_system: bool,
    /// Calldata.
    pub data: Bytes,
}

/// Why a log of the portal is no deposit. Deposits may never be passed over, so derivation stops.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DepositError {
    /// Not four topics.
    #[error("deposit log: expected 4 topics, got {actual}")]
    Topics {
        /// How many it has.
        actual: usize,
    },
    /// A version this program does not know: the portal is newer.
    #[error("deposit log: expected version 0, got {actual}; update")]
    Version {
        /// The version.
        actual: B256,
    },
    /// The data is not the ABI encoding of one byte string.
    #[error(
        "deposit log: expected one ABI-encoded byte string, got {actual} bytes of another form"
    )]
    Abi {
        /// Bytes of data.
        actual: usize,
    },
    /// The byte string is too short.
    #[error("deposit log: expected at least {OPAQUE_HEAD} bytes of opaque data, got {actual}")]
    Opaque {
        /// How long it is.
        actual: usize,
    },
}

impl Deposit {
    /// Reads a log of the portal whose first topic is [`DEPOSIT_TOPIC`].
    ///
    /// # Errors
    ///
    /// [`DepositError`] if it is not of the specified form.
    pub fn read(log: &Log, l1_block: B256, log_index: u64) -> Result<Self, DepositError> {
        let &[_, from, to, version] = log.topics() else {
            return Err(DepositError::Topics { actual: log.topics().len() });
        };
        if version != B256::ZERO {
            return Err(DepositError::Version { actual: version });
        }
        let opaque = opaque(&log.data.data)?;
        if opaque.len() < OPAQUE_HEAD {
            return Err(DepositError::Opaque { actual: opaque.len() });
        }
        let word = |at: usize| U256::try_from_be_slice(&opaque[at..at + 32]).unwrap_or_default();
        let gas = opaque[64..72].iter().fold(0, |gas, byte| gas << 8 | u64::from(*byte));
        let creates = opaque[72] != 0;
        Ok(Self {
            source_hash: DepositSource::User { l1_block, log_index }.hash(),
            from: Address::from_word(from),
            to: (!creates).then(|| Address::from_word(to)),
            mint: word(0),
            value: word(32),
            gas,
            is_system: false,
            data: opaque.slice(OPAQUE_HEAD..),
        })
    }

    /// Returns the EIP-2718 encoding.
    #[must_use]
    pub fn encoded(&self) -> Bytes {
        let to: &[u8] = self.to.as_ref().map_or(&[], |to| to.as_slice());
        let payload = self.source_hash.length()
            + self.from.length()
            + to.length()
            + self.mint.length()
            + self.value.length()
            + self.gas.length()
            + self.is_system.length()
            + self.data.as_ref().length();
        let mut out = Vec::with_capacity(1 + list_header_len(payload) + payload);
        out.push(DEPOSIT_TX_TYPE);
        write_list_header(payload, &mut out);
        self.source_hash.encode(&mut out);
        self.from.encode(&mut out);
        to.encode(&mut out);
        self.mint.encode(&mut out);
        self.value.encode(&mut out);
        self.gas.encode(&mut out);
        self.is_system.encode(&mut out);
        self.data.as_ref().encode(&mut out);
        out.into()
    }
}

/// Returns the byte string of a log's data: offset 32, length, content padded to words and no further.
fn opaque(data: &Bytes) -> Result<Bytes, DepositError> {
    let bad = DepositError::Abi { actual: data.len() };
    if data.len() < 64 || !data.len().is_multiple_of(32) {
        return Err(bad);
    }
    let word = |at: usize| {
        let number = U256::try_from_be_slice(&data[at..at + 32])?;
        usize::try_from(number).ok()
    };
    let there = data.len() - 64;
    match (word(0), word(32)) {
        (Some(32), Some(length)) if length <= there && length + 32 > there => {
            Ok(data.slice(64..64 + length))
        }
        _ => Err(bad),
    }
}

/// Returns the deposits among an L1 block's logs, encoded, in their order.
///
/// # Errors
///
/// [`DepositError`] for a log of the portal that is not of the specified form.
pub fn derive_deposits<'a>(
    logs: impl IntoIterator<Item = &'a Log>,
    portal: Address,
    l1_block: B256,
) -> Result<Vec<Bytes>, DepositError> {
    (0..)
        .zip(logs)
        .filter(|(_, log)| log.address == portal && log.topics().first() == Some(&DEPOSIT_TOPIC))
        .map(|(index, log)| Deposit::read(log, l1_block, index).map(|deposit| deposit.encoded()))
        .collect()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::LogData;

    use super::*;

    const PORTAL: Address = Address::repeat_byte(9);

    fn log(opaque: &[u8]) -> Log {
        let mut data = U256::from(32).to_be_bytes::<32>().to_vec();
        data.extend(U256::from(opaque.len()).to_be_bytes::<32>());
        data.extend_from_slice(opaque);
        data.resize(data.len().next_multiple_of(32), 0);
        let topics = vec![
            DEPOSIT_TOPIC,
            Address::repeat_byte(1).into_word(),
            Address::repeat_byte(2).into_word(),
            B256::ZERO,
        ];
        Log { address: PORTAL, data: LogData::new_unchecked(topics, data.into()) }
    }

    fn opaque(creates: u8) -> Vec<u8> {
        let mut bytes = U256::from(5).to_be_bytes::<32>().to_vec();
        bytes.extend(U256::from(7).to_be_bytes::<32>());
        bytes.extend(100_000_u64.to_be_bytes());
        bytes.push(creates);
        bytes.extend(b"data");
        bytes
    }

    #[test]
    fn the_topic_is_the_hash_of_the_signature() {
        let signature = "TransactionDeposited(address,address,uint256,bytes)";
        assert_eq!(DEPOSIT_TOPIC, keccak256(signature));
    }

    #[test]
    fn a_log_is_read_as_alloy_encodes_the_deposit() {
        for creates in [0, 1, 2] {
            let deposit = Deposit::read(&log(&opaque(creates)), B256::repeat_byte(3), 4).unwrap();
            assert_eq!(deposit.to.is_none(), creates != 0);
            let same = op_alloy_consensus::TxDeposit {
                source_hash: deposit.source_hash,
                from: Address::repeat_byte(1),
                to: deposit.to.into(),
                mint: 5,
                value: U256::from(7),
                gas_limit: 100_000,
                is_system_transaction: false,
                input: b"data".into(),
            };
            let mut expected = Vec::new();
            alloy_eips::eip2718::Encodable2718::encode_2718(&same, &mut expected);
            assert_eq!(deposit.encoded(), expected);
        }
    }

    #[test]
    fn logs_are_counted_over_the_whole_block() {
        let other = Log { address: Address::ZERO, ..log(&opaque(0)) };
        let logs = [other, log(&opaque(0))];
        let block = B256::repeat_byte(3);
        let found = derive_deposits(&logs, PORTAL, block).unwrap();
        assert_eq!(found, [Deposit::read(&logs[1], block, 1).unwrap().encoded()]);
    }

    #[test]
    fn refuses_what_is_not_of_the_specified_form() {
        let read = |log: &Log| Deposit::read(log, B256::ZERO, 0).unwrap_err();
        assert_eq!(read(&log(&[0; 72])), DepositError::Opaque { actual: 72 });
        let mut version = log(&opaque(0));
        version.data.topics_mut()[3] = B256::with_last_byte(1);
        assert!(matches!(read(&version), DepositError::Version { .. }));
        let good = log(&opaque(0));
        for cut in [32, 64] {
            let mut short = good.clone();
            short.data.data = good.data.data.slice(..good.data.data.len() - cut);
            assert!(matches!(read(&short), DepositError::Abi { .. }), "{cut}");
        }
        let mut long = good.clone();
        long.data.data = [&good.data.data[..], &[0; 32]].concat().into();
        assert!(matches!(read(&long), DepositError::Abi { .. }));
    }
}

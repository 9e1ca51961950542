//! L1 information: the first transaction of every L2 block, which tells L2 of its L1 origin.
//!
//! ```text
//!   Bedrock   setL1BlockValues(…)          8 words
//!   Ecotone   440a5e20 · base scalar (4) · blob scalar (4) · sequence (8) · time (8) · number (8)
//!                      · base fee (32) · blob base fee (32) · hash (32) · batcher (32)                   164 bytes
//!   Isthmus   098999be · as Ecotone · operator fee scalar (4) · constant (8)                             176
//!   Jovian    3db6be2b · as Isthmus · footprint scalar (2)                                               178
//! ```
//!
//! The first block of a fork still has the layout of the one before: the contract that understands the new one is deployed behind it.
//!
//! **Spec:** `protocol/deposits.md`, "L1 attributes deposited transaction"; each fork's `l1-attributes.md`.

use alloy_eips::BlockNumHash;
use alloy_primitives::{Address, B256, Bytes, U256, address};
use thiserror::Error;

use crate::{
    config::{Fork, RollupConfig},
    deposit::{Deposit, DepositSource},
    refs::L2Ref,
    rlp::{Items, RlpError},
    system::{DA_FOOTPRINT_GAS_SCALAR_DEFAULT, SystemConfig},
    view::L1Header,
};

/// Who sends it.
pub const L1_INFO_DEPOSITOR: Address = address!("deaddeaddeaddeaddeaddeaddeaddeaddead0001");
/// The contract that stores it.
pub const L1_BLOCK: Address = address!("4200000000000000000000000000000000000015");

const SELECTOR_BEDROCK: [u8; 4] = [0x01, 0x5d, 0x8e, 0xb9];
const SELECTOR_ECOTONE: [u8; 4] = [0x44, 0x0a, 0x5e, 0x20];
const SELECTOR_ISTHMUS: [u8; 4] = [0x09, 0x89, 0x99, 0xbe];
const SELECTOR_JOVIAN: [u8; 4] = [0x3d, 0xb6, 0xbe, 0x2b];

/// Gas before Regolith, where it counts for nothing.
const GAS_BEDROCK: u64 = 150_000_000;
/// Gas from Regolith.
const GAS_REGOLITH: u64 = 1_000_000;

/// A layout of L1 information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// Eight words.
    Bedrock,
    /// Packed, with two scalars.
    Ecotone,
    /// With the operator fee.
    Isthmus,
    /// With the footprint scalar.
    Jovian,
}

impl Layout {
    const fn selector(self) -> [u8; 4] {
        match self {
            Self::Bedrock => SELECTOR_BEDROCK,
            Self::Ecotone => SELECTOR_ECOTONE,
            Self::Isthmus => SELECTOR_ISTHMUS,
            Self::Jovian => SELECTOR_JOVIAN,
        }
    }

    /// Returns how many bytes calldata of this layout has.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Bedrock => 4 + 8 * 32,
            Self::Ecotone => 164,
            Self::Isthmus => 176,
            Self::Jovian => 178,
        }
    }

    /// Returns the layout of an L2 block of `time`.
    #[must_use]
    pub fn of_block(config: &RollupConfig, time: u64) -> Self {
        [
            (Fork::Jovian, Self::Jovian),
            (Fork::Isthmus, Self::Isthmus),
            (Fork::Ecotone, Self::Ecotone),
        ]
        .into_iter()
        .find(|(fork, _)| config.is_past_activation(*fork, time))
        .map_or(Self::Bedrock, |(_, layout)| layout)
    }
}

/// What a block tells of its L1 origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Info {
    /// How it is laid out.
    pub layout: Layout,
    /// Number and hash of the origin.
    pub origin: BlockNumHash,
    /// Time of the origin.
    pub time: u64,
    /// Base fee of the origin.
    pub base_fee: U256,
    /// Blob base fee of the origin; not in Bedrock's layout.
    pub blob_base_fee: u128,
    /// Place of the L2 block in its epoch.
    pub sequence_number: u64,
    /// Batcher, scalars and what else of the system configuration the layout holds.
    pub system: SystemConfig,
}

/// Why a transaction is no L1 information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum L1InfoError {
    /// The transaction is no deposit.
    #[error("L1 information: expected a deposit, got a transaction of another type")]
    NotADeposit,
    /// The transaction is malformed.
    #[error("L1 information: {0}")]
    Rlp(#[from] RlpError),
    /// A function nobody specified.
    #[error("L1 information: expected the selector of a known layout, got {actual:02x?}")]
    Selector {
        /// The selector.
        actual: [u8; 4],
    },
    /// Not as long as its layout.
    #[error("L1 information: expected {expected} bytes, got {actual}")]
    Len {
        /// Bytes of the layout.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// A number that does not fit its field.
    #[error("L1 information: expected a number of {expected} bytes at byte {at}")]
    Number {
        /// Where.
        at: usize,
        /// Bytes of the field.
        expected: usize,
    },
}

impl L1Info {
    /// Makes the information for an L2 block of `time`.
    #[must_use]
    pub fn new(
        config: &RollupConfig,
        system: &SystemConfig,
        header: &L1Header,
        sequence_number: u64,
        time: u64,
    ) -> Self {
        // Before L1 has blobs, their fee is the least there is.
        let blob_base_fee = header.excess_blob_gas.map_or(1, |excess| {
            let late = config.pectra_blob_schedule_time;
            config.blob_schedule.blob_base_fee(header.block.timestamp, excess, late)
        });
        Self {
            layout: Layout::of_block(config, time),
            origin: header.block.id(),
            time: header.block.timestamp,
            base_fee: U256::from(header.base_fee),
            blob_base_fee,
            sequence_number,
            system: *system,
        }
    }

    /// Returns the calldata.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.layout.size());
        out.extend(self.layout.selector());
        let (number, hash, system) = (self.origin.number, self.origin.hash, &self.system);
        if self.layout == Layout::Bedrock {
            let word = |number: u64| U256::from(number).to_be_bytes::<32>();
            for field in [
                word(number),
                word(self.time),
                self.base_fee.to_be_bytes(),
                hash.0,
                word(self.sequence_number),
                system.batcher.into_word().0,
                system.overhead.to_be_bytes(),
                system.scalar.to_be_bytes(),
            ] {
                out.extend(field);
            }
            return out;
        }
        let (base_scalar, blob_scalar) = system.ecotone_scalars();
        out.extend(base_scalar.to_be_bytes());
        out.extend(blob_scalar.to_be_bytes());
        out.extend(self.sequence_number.to_be_bytes());
        out.extend(self.time.to_be_bytes());
        out.extend(number.to_be_bytes());
        out.extend(self.base_fee.to_be_bytes::<32>());
        out.extend(U256::from(self.blob_base_fee).to_be_bytes::<32>());
        out.extend(hash);
        out.extend(system.batcher.into_word());
        if self.layout >= Layout::Isthmus {
            out.extend(system.operator_fee_scalar.to_be_bytes());
            out.extend(system.operator_fee_constant.to_be_bytes());
        }
        if self.layout >= Layout::Jovian {
            let scalar = match system.da_footprint_gas_scalar {
                0 => DA_FOOTPRINT_GAS_SCALAR_DEFAULT,
                scalar => scalar,
            };
            out.extend(scalar.to_be_bytes());
        }
        out
    }

    /// Returns the deposit that carries it in an L2 block of `time`.
    #[must_use]
    pub fn deposit(&self, config: &RollupConfig, time: u64) -> Deposit {
        let regolith = config.is_active(Fork::Regolith, time);
        let source = DepositSource::L1Info {
            l1_block: self.origin.hash,
            sequence_number: self.sequence_number,
        };
        Deposit {
            source_hash: source.hash(),
            from: L1_INFO_DEPOSITOR,
            to: Some(L1_BLOCK),
            mint: U256::ZERO,
            value: U256::ZERO,
            gas: if regolith { GAS_REGOLITH } else { GAS_BEDROCK },
            is_system: !regolith,
            data: self.encode().into(),
        }
    }

    /// Reads calldata of any layout.
    ///
    /// # Errors
    ///
    /// [`L1InfoError`] if it is of none.
    pub fn decode(data: &[u8]) -> Result<Self, L1InfoError> {
        let selector =
            *data.first_chunk::<4>().ok_or(L1InfoError::Len { expected: 4, actual: data.len() })?;
        let layout = [Layout::Bedrock, Layout::Ecotone, Layout::Isthmus, Layout::Jovian]
            .into_iter()
            .find(|layout| layout.selector() == selector)
            .ok_or(L1InfoError::Selector { actual: selector })?;
        if data.len() != layout.size() {
            return Err(L1InfoError::Len { expected: layout.size(), actual: data.len() });
        }
        let fields = Fields(data);
        if layout == Layout::Bedrock { fields.bedrock() } else { fields.packed(layout) }
    }

    /// Reads the first transaction of an L2 block.
    ///
    /// # Errors
    ///
    /// [`L1InfoError`] if it is no L1 information.
    pub fn of_tx(raw: &[u8]) -> Result<Self, L1InfoError> {
        let Some((&crate::deposit::DEPOSIT_TX_TYPE, list)) = raw.split_first() else {
            return Err(L1InfoError::NotADeposit);
        };
        let mut fields = Items::of_list(list)?;
        for _ in 0..7 {
            fields.raw()?;
        }
        Self::decode(fields.string()?)
    }
}

/// Fields by their place; the length was checked.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// Reads a number of `len` bytes, at most eight.
    fn number(&self, at: usize, len: usize) -> u64 {
        self.0[at..at + len].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn small<T: TryFrom<u64> + Default>(&self, at: usize) -> T {
        T::try_from(self.number(at, size_of::<T>())).unwrap_or_default()
    }

    fn word(&self, at: usize) -> U256 {
        U256::try_from_be_slice(&self.0[at..at + 32]).unwrap_or_default()
    }

    fn uint64(&self, at: usize) -> Result<u64, L1InfoError> {
        u64::try_from(self.word(at)).map_err(|_| L1InfoError::Number { at, expected: 8 })
    }

    fn hash(&self, at: usize) -> B256 {
        B256::from_slice(&self.0[at..at + 32])
    }

    fn address(&self, at: usize) -> Address {
        Address::from_slice(&self.0[at + 12..at + 32])
    }

    fn bedrock(&self) -> Result<L1Info, L1InfoError> {
        Ok(L1Info {
            layout: Layout::Bedrock,
            origin: BlockNumHash { number: self.uint64(4)?, hash: self.hash(100) },
            time: self.uint64(36)?,
            base_fee: self.word(68),
            blob_base_fee: 1,
            sequence_number: self.uint64(132)?,
            system: SystemConfig {
                batcher: self.address(164),
                overhead: self.word(196),
                scalar: self.word(228),
                ..SystemConfig::default()
            },
        })
    }

    fn packed(&self, layout: Layout) -> Result<L1Info, L1InfoError> {
        let scalars = U256::from(self.number(8, 4)) << 32 | U256::from(self.number(4, 4));
        let mut system = SystemConfig {
            batcher: self.address(132),
            // The translation every reader of a block agrees on: version 1, whatever it was on L1.
            scalar: U256::from(1) << 248 | scalars,
            ..SystemConfig::default()
        };
        if layout >= Layout::Isthmus {
            system.operator_fee_scalar = self.small(164);
            system.operator_fee_constant = self.number(168, 8);
        }
        if layout >= Layout::Jovian {
            system.da_footprint_gas_scalar = self.small(176);
        }
        Ok(L1Info {
            layout,
            origin: BlockNumHash { number: self.number(28, 8), hash: self.hash(100) },
            time: self.number(20, 8),
            base_fee: self.word(36),
            blob_base_fee: u128::try_from(self.word(68))
                .map_err(|_| L1InfoError::Number { at: 68, expected: 16 })?,
            sequence_number: self.number(12, 8),
            system,
        })
    }
}

/// An L2 block as its header says it, for whoever reads a chain that exists.
#[derive(Debug, Clone, Copy)]
pub struct L2Header<'a> {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Time.
    pub timestamp: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Extra data.
    pub extra_data: &'a Bytes,
}

/// Returns what derivation has to know of an L2 block, from its header and first transaction: the block's place in both chains, and the
/// configuration that holds for the block after it.
///
/// # Errors
///
/// [`L1InfoError`] if the transaction is no L1 information. Genesis has none; its reference and configuration are in
/// [`ChainGenesis`](crate::config::ChainGenesis).
pub fn read_block(
    header: &L2Header<'_>,
    first_tx: &[u8],
) -> Result<(L2Ref, SystemConfig), L1InfoError> {
    let info = L1Info::of_tx(first_tx)?;
    let block = L2Ref {
        number: header.number,
        hash: header.hash,
        parent_hash: header.parent_hash,
        timestamp: header.timestamp,
        l1_origin: info.origin,
        sequence_number: info.sequence_number,
    };
    Ok((block, info.system.with_header(header.gas_limit, header.extra_data)))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;
    use crate::{refs::L1Ref, testing::config_at};

    fn header() -> L1Header {
        L1Header {
            block: L1Ref {
                number: 7,
                hash: B256::repeat_byte(7),
                timestamp: 90,
                ..L1Ref::default()
            },
            base_fee: 1_000,
            excess_blob_gas: Some(0),
            ..L1Header::default()
        }
    }

    fn system() -> SystemConfig {
        SystemConfig {
            batcher: Address::repeat_byte(5),
            scalar: U256::from(1) << 248 | U256::from(9) << 32 | U256::from(8),
            operator_fee_scalar: 3,
            operator_fee_constant: 4,
            da_footprint_gas_scalar: 500,
            ..SystemConfig::default()
        }
    }

    #[test]
    fn selectors_are_those_of_their_functions() {
        for (signature, layout) in [
            (
                "setL1BlockValues(uint64,uint64,uint256,bytes32,uint64,bytes32,uint256,uint256)",
                Layout::Bedrock,
            ),
            ("setL1BlockValuesEcotone()", Layout::Ecotone),
            ("setL1BlockValuesIsthmus()", Layout::Isthmus),
            ("setL1BlockValuesJovian()", Layout::Jovian),
        ] {
            assert_eq!(keccak256(signature)[..4], layout.selector(), "{signature}");
        }
    }

    #[test]
    fn every_layout_comes_back() {
        for (fork, layout) in [
            (Fork::Canyon, Layout::Bedrock),
            (Fork::Granite, Layout::Ecotone),
            (Fork::Isthmus, Layout::Isthmus),
            (Fork::Jovian, Layout::Jovian),
        ] {
            let config = config_at(fork);
            let info = L1Info::new(&config, &system(), &header(), 2, 102);
            let raw = info.deposit(&config, 102).encoded();
            let read = L1Info::of_tx(&raw).unwrap();
            assert_eq!((read.layout, info.encode().len()), (layout, layout.size()));
            assert_eq!((read.origin, read.sequence_number), (info.origin, 2));
            assert_eq!(
                read.system,
                system().settle(&config, 102).with_header(0, &Bytes::new()).clear_params()
            );
            for end in 0..raw.len() {
                assert!(L1Info::of_tx(&raw[..end]).is_err(), "{end}");
            }
        }
    }

    impl SystemConfig {
        /// What no L1 information holds.
        fn clear_params(self) -> Self {
            Self { eip1559_denominator: 0, eip1559_elasticity: 0, ..self }
        }
    }

    #[test]
    fn the_first_block_of_a_fork_has_the_layout_before_it() {
        let mut config = config_at(Fork::Granite);
        config.forks.set(Fork::Isthmus, Some(1_000));
        assert_eq!(Layout::of_block(&config, 1_000), Layout::Ecotone);
        assert_eq!(Layout::of_block(&config, 1_002), Layout::Isthmus);
    }

    #[test]
    fn before_regolith_it_is_a_system_transaction() {
        let info = L1Info::new(&config_at(Fork::Bedrock), &system(), &header(), 0, 102);
        let bedrock = info.deposit(&config_at(Fork::Bedrock), 102);
        let regolith = info.deposit(&config_at(Fork::Regolith), 102);
        assert_eq!((bedrock.gas, bedrock.is_system), (150_000_000, true));
        assert_eq!((regolith.gas, regolith.is_system), (1_000_000, false));
    }
}

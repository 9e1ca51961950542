//! `ConfigUpdate`: the log by which the system configuration's contract tells L2 of a change.
//!
//! ```text
//!   topics  signature · version (0) · type
//!   data    offset (32) · length · payload, one word or two
//! ```
//!
//! **Spec:** `protocol/system-config.md`, "Interface"; op-node's `ProcessSystemConfigUpdateLogEvent`.

use alloy_primitives::{Address, B256, Log, U256, b256};
use thiserror::Error;

/// keccak256 of `ConfigUpdate(uint256,uint8,bytes)`.
pub const CONFIG_UPDATE_TOPIC: B256 =
    b256!("1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be");

/// A change of the system configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigUpdate {
    /// Type 0: who may submit batches.
    Batcher(Address),
    /// Type 1: overhead and scalar of the L1 fee.
    FeeScalars {
        /// Ignored from Ecotone.
        overhead: U256,
        /// See [`SystemConfig::scalar`](super::SystemConfig::scalar).
        scalar: U256,
    },
    /// Type 2: gas limit of blocks.
    GasLimit(u64),
    /// Type 3: who signs blocks on gossip.
    UnsafeBlockSigner(Address),
    /// Type 4: base fee parameters.
    Eip1559 {
        /// Denominator.
        denominator: u32,
        /// Elasticity multiplier.
        elasticity: u32,
    },
    /// Type 5: operator fee.
    OperatorFee {
        /// Scalar.
        scalar: u32,
        /// Constant.
        constant: u64,
    },
    /// Type 6: least base fee.
    MinBaseFee(u64),
    /// Type 7: gas a byte of data availability weighs.
    DaFootprintGasScalar(u16),
}

/// Why a log of the contract is no update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConfigUpdateError {
    /// The log has not three topics.
    #[error("ConfigUpdate log: expected 3 topics, got {actual}")]
    Topics {
        /// How many it has.
        actual: usize,
    },
    /// A version nobody specified.
    #[error("ConfigUpdate log: expected version 0, got {actual}")]
    Version {
        /// The version.
        actual: B256,
    },
    /// A type this version does not know: the contract is newer than this program.
    #[error("ConfigUpdate log: expected a type from 0 to 7, got {actual}; update")]
    Kind {
        /// The type.
        actual: B256,
    },
    /// The data has not the length its type asks for.
    #[error("ConfigUpdate log of type {kind}: expected {expected} bytes of data, got {actual}")]
    Length {
        /// The type.
        kind: u8,
        /// Bytes of data a log of this type has.
        expected: usize,
        /// Bytes it has.
        actual: usize,
    },
    /// A word holds more than its field can.
    #[error("ConfigUpdate log of type {kind}: expected {expected} in {field}, got {actual}")]
    Word {
        /// The type.
        kind: u8,
        /// Which word.
        field: &'static str,
        /// What it may hold.
        expected: &'static str,
        /// What it holds.
        actual: U256,
    },
}

impl ConfigUpdate {
    /// Reads a log whose first topic is [`CONFIG_UPDATE_TOPIC`].
    ///
    /// # Errors
    ///
    /// [`ConfigUpdateError`] if version, type or data are not as specified.
    pub fn read(log: &Log) -> Result<Self, ConfigUpdateError> {
        let &[_, version, kind] = log.topics() else {
            return Err(ConfigUpdateError::Topics { actual: log.topics().len() });
        };
        if version != B256::ZERO {
            return Err(ConfigUpdateError::Version { actual: version });
        }
        let kind_number = match kind.0 {
            [padding @ .., number @ 0..=7] if padding == [0; 31] => number,
            _ => return Err(ConfigUpdateError::Kind { actual: kind }),
        };
        // The signer's log is not looked into: it never concerned derivation.
        let words = Words::read(&log.data.data, kind_number)?;
        Ok(match kind_number {
            0 => Self::Batcher(words.address("batcher")?),
            1 => Self::FeeScalars { overhead: words.first, scalar: words.second },
            2 => Self::GasLimit(words.uint64("gas limit")?),
            3 => Self::UnsafeBlockSigner(Address::from_word(words.first.into())),
            4 => {
                let params = words.first.as_limbs()[0];
                Self::Eip1559 { denominator: high(params), elasticity: low(params) }
            }
            5 => {
                let limbs = words.first.as_limbs();
                Self::OperatorFee { scalar: low(limbs[1]), constant: limbs[0] }
            }
            6 => Self::MinBaseFee(words.uint64("least base fee")?),
            _ => Self::DaFootprintGasScalar(words.small("footprint scalar", "two bytes")?),
        })
    }
}

const fn high(word: u64) -> u32 {
    low(word >> 32)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
const fn low(word: u64) -> u32 {
    word as u32
}

/// The words of a log's payload.
struct Words {
    kind: u8,
    first: U256,
    second: U256,
}

impl Words {
    fn read(data: &[u8], kind: u8) -> Result<Self, ConfigUpdateError> {
        let payload = if kind == 1 { 64 } else { 32 };
        if data.len() != 64 + payload {
            // Never looked into by the reference, so never a reason to stop.
            if kind == 3 {
                return Ok(Self { kind, first: U256::ZERO, second: U256::ZERO });
            }
            return Err(ConfigUpdateError::Length {
                kind,
                expected: 64 + payload,
                actual: data.len(),
            });
        }
        let word = |at: usize| U256::try_from_be_slice(&data[at..at + 32]).unwrap_or_default();
        let expect = |field, at, expected: usize, words: &'static str| {
            let actual = word(at);
            if actual == U256::from(expected) || kind == 3 {
                Ok(())
            } else {
                Err(ConfigUpdateError::Word { kind, field, expected: words, actual })
            }
        };
        expect("the offset", 0, 32, "32")?;
        expect("the length", 32, payload, if payload == 32 { "32" } else { "64" })?;
        let second = if payload == 64 { word(96) } else { U256::ZERO };
        Ok(Self { kind, first: word(64), second })
    }

    const fn bad(&self, field: &'static str, expected: &'static str) -> ConfigUpdateError {
        ConfigUpdateError::Word { kind: self.kind, field, expected, actual: self.first }
    }

    fn uint64(&self, field: &'static str) -> Result<u64, ConfigUpdateError> {
        self.small(field, "eight bytes")
    }

    fn small<T: TryFrom<U256>>(
        &self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<T, ConfigUpdateError> {
        T::try_from(self.first).map_err(|_| self.bad(field, expected))
    }

    fn address(&self, field: &'static str) -> Result<Address, ConfigUpdateError> {
        if self.first >> 160 == U256::ZERO {
            Ok(Address::from_word(self.first.into()))
        } else {
            Err(self.bad(field, "an address of 20 bytes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, LogData, keccak256};

    use super::*;

    fn log(kind: u8, words: &[U256]) -> Log {
        let topics = vec![CONFIG_UPDATE_TOPIC, B256::ZERO, B256::with_last_byte(kind)];
        let len = U256::from(32 * words.len());
        let data: Vec<u8> = [U256::from(32), len]
            .iter()
            .chain(words)
            .flat_map(|word| word.to_be_bytes::<32>())
            .collect();
        Log { address: Address::ZERO, data: LogData::new_unchecked(topics, Bytes::from(data)) }
    }

    #[test]
    fn the_topic_is_the_hash_of_the_signature() {
        assert_eq!(CONFIG_UPDATE_TOPIC, keccak256("ConfigUpdate(uint256,uint8,bytes)"));
    }

    #[test]
    fn every_type_is_read() {
        let read = |kind, words: &[U256]| ConfigUpdate::read(&log(kind, words)).unwrap();
        let batcher = Address::repeat_byte(7);
        assert_eq!(
            read(0, &[U256::from_be_bytes(batcher.into_word().0)]),
            ConfigUpdate::Batcher(batcher)
        );
        let (overhead, scalar) = (U256::from(188), U256::from(684_000));
        assert_eq!(read(1, &[overhead, scalar]), ConfigUpdate::FeeScalars { overhead, scalar });
        assert_eq!(read(2, &[U256::from(30)]), ConfigUpdate::GasLimit(30));
        let params = U256::from(250_u64 << 32 | 6);
        assert_eq!(read(4, &[params]), ConfigUpdate::Eip1559 { denominator: 250, elasticity: 6 });
        let fee = U256::from(3) << 64 | U256::from(9);
        assert_eq!(read(5, &[fee]), ConfigUpdate::OperatorFee { scalar: 3, constant: 9 });
        assert_eq!(read(6, &[U256::from(5)]), ConfigUpdate::MinBaseFee(5));
        assert_eq!(read(7, &[U256::from(400)]), ConfigUpdate::DaFootprintGasScalar(400));
    }

    #[test]
    fn refuses_what_is_not_of_the_specified_form() {
        let error = |log: &Log| ConfigUpdate::read(log).unwrap_err();
        let word = U256::from(1);
        assert_eq!(
            error(&log(2, &[word, word])),
            ConfigUpdateError::Length { kind: 2, expected: 96, actual: 128 }
        );
        assert!(matches!(error(&log(8, &[word])), ConfigUpdateError::Kind { .. }));
        assert!(matches!(
            error(&log(2, &[U256::MAX])),
            ConfigUpdateError::Word { field: "gas limit", .. }
        ));
        assert!(matches!(error(&log(7, &[U256::from(65_536)])), ConfigUpdateError::Word { .. }));
        assert!(matches!(error(&log(0, &[U256::MAX])), ConfigUpdateError::Word { .. }));
        let mut version = log(2, &[word]);
        version.data.topics_mut()[1] = B256::with_last_byte(1);
        assert!(matches!(error(&version), ConfigUpdateError::Version { .. }));
    }

    #[test]
    fn a_signers_log_never_stops_derivation() {
        assert!(ConfigUpdate::read(&log(3, &[])).is_ok());
    }
}

//! The schedule in a genesis file: geth's `config`, with the fields that OP chains add.

use alloy_eips::eip7840::BlobParams;
use alloy_genesis::ChainConfig;
use alloy_primitives::U256;
use thiserror::Error;

use super::{Activation, Fork, MAINNET_DEPOSIT_CONTRACT, OpSchedule, Schedule};
use crate::header::EXTRA_DATA_MAX;

/// Why a genesis file's configuration makes no schedule.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum GenesisError {
    /// A field that OP chains add holds something else.
    #[error("{field}: expected a number of seconds or null, got {actual}")]
    NotSeconds {
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        actual: String,
    },
    /// A number cannot divide.
    #[error("{field}: expected a number from 1 on, got {actual}")]
    NotPositive {
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        actual: String,
    },
}

impl Schedule {
    /// Reads the `config` of a genesis file.
    ///
    /// # Errors
    ///
    /// [`GenesisError`] if a field of an OP chain does not hold what it should.
    pub fn from_genesis(config: &ChainConfig) -> Result<Self, GenesisError> {
        let blocks = [
            (Fork::Frontier, Some(0)),
            (Fork::Homestead, config.homestead_block),
            (Fork::Tangerine, config.eip150_block),
            (Fork::SpuriousDragon, config.eip158_block.or(config.eip155_block)),
            (Fork::Byzantium, config.byzantium_block),
            (Fork::Constantinople, config.constantinople_block),
            (Fork::Petersburg, config.petersburg_block.or(config.istanbul_block)),
            (Fork::Istanbul, config.istanbul_block),
            (Fork::MuirGlacier, config.muir_glacier_block),
            (Fork::Berlin, config.berlin_block),
            (Fork::London, config.london_block),
            (Fork::ArrowGlacier, config.arrow_glacier_block),
            (Fork::GrayGlacier, config.gray_glacier_block),
        ];
        let times = [
            (Fork::Shanghai, config.shanghai_time),
            (Fork::Cancun, config.cancun_time),
            (Fork::Prague, config.prague_time),
            (Fork::Osaka, config.osaka_time),
        ];
        let blocks =
            blocks.iter().filter_map(|(fork, at)| Some((*fork, Activation::Block((*at)?))));
        let times = times.iter().filter_map(|(fork, at)| Some((*fork, Activation::Time((*at)?))));
        let passed = config.terminal_total_difficulty_passed.then_some(U256::ZERO);
        Ok(Self {
            chain_id: config.chain_id,
            forks: blocks.chain(times).collect(),
            dao: config.dao_fork_block.filter(|_| config.dao_fork_support),
            terminal_total_difficulty: config.terminal_total_difficulty.or(passed),
            blobs: blobs(config),
            deposit_contract: config.deposit_contract_address.unwrap_or(MAINNET_DEPOSIT_CONTRACT),
            extra_data_max: EXTRA_DATA_MAX,
            equal_timestamps: false,
            op: OpSchedule::from_genesis(config)?,
        })
    }
}

/// Returns how many blobs from when on: the `blobSchedule` where it speaks, the forks' own numbers elsewhere.
fn blobs(config: &ChainConfig) -> Vec<(u64, BlobParams)> {
    let steps = [
        (config.cancun_time, "cancun", BlobParams::cancun()),
        (config.prague_time, "prague", BlobParams::prague()),
        (config.osaka_time, "osaka", BlobParams::osaka()),
        (config.bpo1_time, "bpo1", BlobParams::bpo1()),
        (config.bpo2_time, "bpo2", BlobParams::bpo2()),
        (config.bpo3_time, "bpo3", BlobParams::bpo2()),
        (config.bpo4_time, "bpo4", BlobParams::bpo2()),
        (config.bpo5_time, "bpo5", BlobParams::bpo2()),
    ];
    let known = steps.into_iter().filter_map(|(from, name, default)| {
        let named = config.blob_schedule.get(name);
        // A genesis file says targets and fractions; what a transaction may hold comes with the fork.
        let blobs = named.map_or(default, |named| BlobParams {
            target_blob_count: named.target_blob_count,
            max_blob_count: named.max_blob_count,
            update_fraction: named.update_fraction,
            max_blobs_per_tx: default.max_blobs_per_tx.min(named.max_blob_count),
            ..default
        });
        Some((from?, blobs))
    });
    let mut known: Vec<_> = known.collect();
    known.sort_by_key(|(from, _)| *from);
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_and_blobs_of_a_genesis_file_are_read() {
        let config: ChainConfig = serde_json::from_str(
            r#"{"chainId": 7, "homesteadBlock": 0, "londonBlock": 27, "terminalTotalDifficulty": 100,
                "shanghaiTime": 390, "cancunTime": 420, "osakaTime": 480, "bpo1Time": 510,
                "depositContractAddress": "0x0000000000000000000000000000000000000000",
                "blobSchedule": {"bpo1": {"target": 10, "max": 15, "baseFeeUpdateFraction": 8346193}}}"#,
        )
        .unwrap();
        let schedule = Schedule::from_genesis(&config).unwrap();
        assert_eq!(schedule.chain_id, 7);
        assert_eq!(schedule.rules(26, 0, false).fork, Fork::Homestead);
        assert_eq!(schedule.rules(27, 0, false).fork, Fork::London);
        assert_eq!(schedule.rules(60, 500, true).fork, Fork::Osaka);
        assert_eq!(schedule.blobs_at(509).unwrap().max_blob_count, 9);
        let bpo1 = schedule.blobs_at(510).unwrap();
        assert_eq!(
            (bpo1.max_blob_count, bpo1.target_blob_count, bpo1.max_blobs_per_tx),
            (15, 10, 6)
        );
        assert_eq!(schedule.op, None);
    }
}

//! Facts of the chains that somebody looked up: snapshots that may be loaded, and how many transactions there are.
//!
//! **Spec:** `m_assumeutxo_data` and `chainTxData` in Core's `kernel/chainparams.cpp`.

use bitcoin::{BlockHash, hashes::Hash};
use ruint::{aliases::U256, uint};

/// A snapshot of the set of coins that is known to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssumeUtxo {
    /// Height of the block it was taken after.
    pub height: u32,
    /// That block.
    pub block: BlockHash,
    /// Core's `hash_serialized` of the coins, in the order of its bytes (displayed reversed).
    pub hash_serialized: [u8; 32],
    /// Transactions from genesis to that block.
    pub chain_tx_count: u64,
}

/// What is known of the number of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TxStatistics {
    /// When they were counted, Unix seconds.
    pub time: u32,
    /// How many there were.
    pub count: u64,
    /// How many came in a second since.
    pub per_second: f64,
}

/// Returns the hash whose display form, read as a number, is `displayed`.
pub(super) fn displayed(displayed: U256) -> BlockHash {
    BlockHash::from_byte_array(displayed.to_le_bytes())
}

fn snapshot(height: u32, block: U256, hash_serialized: U256, chain_tx_count: u64) -> AssumeUtxo {
    let hash_serialized = hash_serialized.to_le_bytes();
    AssumeUtxo { height, block: displayed(block), hash_serialized, chain_tx_count }
}

pub(super) fn main() -> Vec<AssumeUtxo> {
    vec![
        snapshot(
            840_000,
            uint!(0x0000000000000000000320283a032748cef8227873ff4872689bf23f1cda83a5_U256),
            uint!(0xa2a5521b1b5ab65f67818e5e8eccabb7171a517f9e2382208f77687310768f96_U256),
            991_032_194,
        ),
        snapshot(
            880_000,
            uint!(0x000000000000000000010b17283c3c400507969a9c2afd1dcf2082ec5cca2880_U256),
            uint!(0xdbd190983eaf433ef7c15f78a278ae42c00ef52e0fd2a54953782175fbadcea9_U256),
            1_145_604_538,
        ),
        snapshot(
            910_000,
            uint!(0x0000000000000000000108970acb9522ffd516eae17acddcb1bd16469194a821_U256),
            uint!(0x4daf8a17b4902498c5787966a2b51c613acdab5df5db73f196fa59a4da2f1568_U256),
            1_226_586_151,
        ),
        snapshot(
            935_000,
            uint!(0x0000000000000000000147034958af1652b2b91bba607beacc5e72a56f0fb5ee_U256),
            uint!(0xe4b90ef9eae834f56c4b64d2d50143cee10ad87994c614d7d04125e2a6025050_U256),
            1_305_397_408,
        ),
    ]
}

pub(super) fn testnet3() -> Vec<AssumeUtxo> {
    vec![
        snapshot(
            2_500_000,
            uint!(0x0000000000000093bcb68c03a9a168ae252572d348a2eaeba2cdf9231d73206f_U256),
            uint!(0xf841584909f68e47897952345234e37fcd9128cd818f41ee6c3ca68db8071be7_U256),
            66_484_552,
        ),
        snapshot(
            4_840_000,
            uint!(0x00000000000000f4971a7fb37fbdff89315b69a2e1920c467654a382f0d64786_U256),
            uint!(0xce6bb677bb2ee9789c4a1c9d73e6683c53fc20e8fdbedbdaaf468982a0c8db2a_U256),
            536_078_574,
        ),
    ]
}

pub(super) fn testnet4() -> Vec<AssumeUtxo> {
    vec![
        snapshot(
            90_000,
            uint!(0x0000000002ebe8bcda020e0dd6ccfbdfac531d2f6a81457191b99fc2df2dbe3b_U256),
            uint!(0x784fb5e98241de66fdd429f4392155c9e7db5c017148e66e8fdbc95746f8b9b5_U256),
            11_347_043,
        ),
        snapshot(
            120_000,
            uint!(0x000000000bd2317e51b3c5794981c35ba894ce27d3e772d5c39ecd9cbce01dc8_U256),
            uint!(0x10b05d05ad468d0971162e1b222a4aa66caca89da2bb2a93f8f37fb29c4794b0_U256),
            14_141_057,
        ),
    ]
}

pub(super) fn signet() -> Vec<AssumeUtxo> {
    vec![
        snapshot(
            160_000,
            uint!(0x0000003ca3c99aff040f2563c2ad8f8ec88bd0fd6b8f0895cfaf1ef90353a62c_U256),
            uint!(0xfe0a44309b74d6b5883d246cb419c6221bcccf0b308c9b59b7d70783dbdf928a_U256),
            2_289_496,
        ),
        snapshot(
            290_000,
            uint!(0x0000000577f2741bb30cd9d39d6d71b023afbeb9764f6260786a97969d5c9ac0_U256),
            uint!(0x97267e000b4b876800167e71b9123f1529d13b14308abec2888bbd2160d14545_U256),
            28_547_497,
        ),
    ]
}

pub(super) fn regtest() -> Vec<AssumeUtxo> {
    vec![
        snapshot(
            110,
            uint!(0x135eec25a6fb277884e5824e7aa7d052c4868161c99a5122170b5266f86c273d_U256),
            uint!(0x86e9a1205b418b16dde3a18a78c730e30137e28466bda5dbf6b33ab8fc05447c_U256),
            111,
        ),
        snapshot(
            200,
            uint!(0x385901ccbd69dff6bbd00065d01fb8a9e464dede7cfe0372443884f9b1dcf6b9_U256),
            uint!(0x17dcc016d188d16068907cdeb38b75691a118d43053b8cd6a25969419381d13a_U256),
            201,
        ),
        snapshot(
            299,
            uint!(0x0c552ced4721c249a389eb9b08cb8da261cd46f0e7b5f9d064d48f3113406853_U256),
            uint!(0x106b2c56233e378a824cf0d5ff2be42ed32c72f1605c9be288d00942908a40ac_U256),
            334,
        ),
    ]
}
